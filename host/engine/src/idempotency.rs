//! Requests with an `Idempotency-Key`: the same key gets the same answer.
//!
//! Follows draft-ietf-httpapi-idempotency-key-header. The answer is kept in the commit that has the writes of an
//! atomic step; for others it is on disk together with them, or neither is acknowledged. A request that failed
//! has no answer to keep and may be tried again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use motia_manifest::StepName;
use motia_sandbox::{Response, ResponseBody};
use motia_store::{Answer, NewAnswer, StoreResult};
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedMutexGuard;

use crate::engine::{Engine, now_millis};

/// How long an answer is kept: 24 hours.
const KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// A key of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// What the client sent.
    pub key: String,
    /// A digest of the request's method, path, query and body.
    pub fingerprint: String,
}

/// What is known of a key.
pub enum Known {
    /// Nothing: this request is the first.
    Nothing,
    /// It was answered.
    Answered(Response),
    /// It was used for another request.
    OtherRequest,
}

/// One lock for each key in use, so that a second request waits for the answer to the first.
#[derive(Debug, Default)]
pub(crate) struct KeysInUse(Mutex<HashMap<(StepName, String), KeyLock>>);

type KeyLock = Arc<tokio::sync::Mutex<()>>;

impl KeysInUse {
    /// Waits until no other request with the key is answered.
    pub async fn lock(&self, step: &StepName, key: &str) -> KeyInUse<'_> {
        let name = (step.clone(), key.to_owned());
        let lock = {
            let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(keys.entry(name.clone()).or_default())
        };
        KeyInUse { keys: self, name, _guard: lock.lock_owned().await }
    }
}

/// The right to answer requests with a key.
pub(crate) struct KeyInUse<'a> {
    keys: &'a KeysInUse,
    name: (StepName, String),
    _guard: OwnedMutexGuard<()>,
}

impl Drop for KeyInUse<'_> {
    fn drop(&mut self) {
        let mut keys = self.keys.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's and this guard's own; whoever waits holds another.
        if keys.get(&self.name).is_some_and(|lock| Arc::strong_count(lock) <= 2) {
            keys.remove(&self.name);
        }
    }
}

/// What the store knows of a key.
pub(crate) async fn look(
    engine: &Engine,
    step: &StepName,
    key: &IdempotencyKey,
) -> StoreResult<Known> {
    let tenant = engine.tenant().clone();
    let known = engine.store().answer(tenant, step.clone(), key.key.clone(), now_millis()).await?;
    Ok(match known {
        None => Known::Nothing,
        Some(answer) if answer.fingerprint != key.fingerprint => Known::OtherRequest,
        Some(answer) => match serde_json::from_slice::<Kept>(&answer.response) {
            Ok(kept) => Known::Answered(kept.into()),
            Err(_) => Known::Nothing,
        },
    })
}

/// The answer to keep.
pub(crate) fn answer(
    engine: &Engine,
    step: &StepName,
    key: &IdempotencyKey,
    response: &Response,
) -> Option<NewAnswer> {
    let response = serde_json::to_vec(&Kept::from(response)).ok()?;
    Some(NewAnswer {
        tenant: engine.tenant().clone(),
        step: step.clone(),
        key: key.key.clone(),
        answer: Answer { fingerprint: key.fingerprint.clone(), response },
        expires_at: now_millis() + KEPT_MS,
    })
}

/// A response as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    headers: Vec<(String, String)>,
    body: KeptBody,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KeptBody {
    Empty,
    Json(String),
    Text(String),
    Bytes(Vec<u8>),
}

impl From<&Response> for Kept {
    fn from(response: &Response) -> Self {
        Self {
            status: response.status,
            headers: response.headers.clone(),
            body: match response.body.clone() {
                ResponseBody::Empty => KeptBody::Empty,
                ResponseBody::Json(json) => KeptBody::Json(json),
                ResponseBody::Text(text) => KeptBody::Text(text),
                ResponseBody::Bytes(bytes) => KeptBody::Bytes(bytes),
            },
        }
    }
}

impl From<Kept> for Response {
    fn from(kept: Kept) -> Self {
        Self {
            status: kept.status,
            headers: kept.headers,
            body: match kept.body {
                KeptBody::Empty => ResponseBody::Empty,
                KeptBody::Json(json) => ResponseBody::Json(json),
                KeptBody::Text(text) => ResponseBody::Text(text),
                KeptBody::Bytes(bytes) => ResponseBody::Bytes(bytes),
            },
        }
    }
}
