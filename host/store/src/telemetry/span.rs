//! What an invocation has spent its time on, in chunks: a run may have very many.

use std::borrow::Cow;

use motia_manifest::TenantId;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use zstd::bulk::Compressor;

use super::{Run, schema::FileError};
use crate::{Json, StoreError, StoreResult};

/// A chunk has so many spans at most, and all but a run's last one have as many.
pub(super) const CHUNK: usize = 1000;
/// The fastest; keys and names repeat so much that higher levels gain little.
const LEVEL: i32 = 1;

/// A part of the time of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// What was done, such as `state.set`.
    pub name: Cow<'static, str>,
    /// When it began, in microseconds from the start of the run; before it if negative.
    pub start_us: i64,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// Why it failed.
    pub error: Option<String>,
    /// More about it.
    #[serde(with = "json_text")]
    pub detail: Option<Json>,
}

impl Span {
    /// The bytes that it takes, nearly.
    pub(super) fn weight(&self) -> usize {
        let texts = [&self.error, &self.detail];
        size_of::<Self>() + texts.into_iter().flatten().map(String::len).sum::<usize>()
    }
}

/// JSON text is JSON in JSON.
pub(super) mod json_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::value::RawValue;

    use crate::Json;

    pub fn serialize<S: Serializer>(text: &Option<Json>, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(text) = text else { return serializer.serialize_none() };
        match serde_json::from_str::<&RawValue>(text) {
            Ok(raw) => raw.serialize(serializer),
            Err(_) => serializer.serialize_str(text),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Json>, D::Error> {
        let raw = Option::<Box<RawValue>>::deserialize(deserializer)?;
        Ok(raw.map(|raw| raw.get().to_owned()))
    }
}

/// Makes chunks.
pub(super) struct Packer(Compressor<'static>);

impl Packer {
    pub fn new() -> std::io::Result<Self> {
        Ok(Self(Compressor::new(LEVEL)?))
    }

    /// Stores the spans of a run.
    pub fn insert(&mut self, connection: &Connection, run: &Run) -> Result<(), FileError> {
        let mut insert = connection.prepare_cached(
            "INSERT OR REPLACE INTO span_chunk (tenant, run, first, count, spans)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for (number, spans) in run.spans.chunks(CHUNK).enumerate() {
            let packed = self.pack(spans)?;
            let (first, count) = ((number * CHUNK) as i64, spans.len() as i64);
            insert.execute((run.tenant.as_str(), &run.id, first, count, packed))?;
        }
        Ok(())
    }

    fn pack(&mut self, spans: &[Span]) -> StoreResult<Vec<u8>> {
        let json = serde_json::to_vec(spans).map_err(failed)?;
        self.0.compress(&json).map_err(failed)
    }
}

/// The JSON array of spans in a chunk.
pub(crate) fn unpack(chunk: &[u8]) -> StoreResult<Vec<u8>> {
    zstd::decode_all(chunk).map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("spans cannot be packed or unpacked: {error}"))
}

/// At most `limit` spans of a run from one on, with their numbers.
pub(super) fn select(
    connection: &Connection,
    tenant: &TenantId,
    run: &str,
    from: usize,
    limit: usize,
) -> StoreResult<Vec<(usize, Span)>> {
    let mut select = connection.prepare_cached(
        "SELECT first, spans FROM span_chunk WHERE tenant = ?1 AND run = ?2 AND first > ?3
         ORDER BY first",
    )?;
    // The chunk that has `from` begins behind this.
    let behind = i64::try_from(from).unwrap_or(i64::MAX) - CHUNK as i64;
    let mut rows = select.query((tenant.as_str(), run, behind))?;
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        let first = usize::try_from(row.get::<_, i64>(0)?).unwrap_or_default();
        let json = unpack(&row.get::<_, Vec<u8>>(1)?)?;
        let spans: Vec<Span> = serde_json::from_slice(&json).map_err(failed)?;
        found.extend((first..).zip(spans).filter(|(index, _)| *index >= from));
    }
    found.truncate(limit);
    Ok(found)
}
