//! Reading the body of a request: its limits, its encoding and its kind.

use std::{convert::Infallible, fmt::Display, io::Read, time::Duration};

use bytes::{Bytes, BytesMut};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE, EXPECT},
};
use http_body_util::BodyExt;
use hyper::body::Body;
use motia_sandbox::{Part, RequestBody};
use serde_json::{Map, Value, json};

use crate::{
    error::HttpError,
    media_type::{Kind, MediaType},
    query,
};

/// How many parts a multipart body may have.
const MAX_PARTS: usize = 1_000;

/// How much of a body that is too large is still read and dropped. A client that is cut off while
/// it sends may see a broken connection instead of the answer.
const DISCARD_BYTES: usize = 16 * 1024 * 1024;

/// How long that may take.
const DISCARD_TIME: Duration = Duration::from_secs(1);

/// What a body may take.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Bytes, as sent and also after its encoding is undone.
    pub bytes: usize,
    /// Time from the head of the request to the end of its body.
    pub time: Duration,
}

/// A body and how to read it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadBody {
    /// The bytes, after encodings were undone.
    pub raw: Bytes,
    /// How to read them.
    pub body: RequestBody,
    /// What a schema is checked against: the JSON value, the form as an object, a text as a
    /// string, `null` for no body. Bytes have no such value.
    pub value: Option<Value>,
}

/// Reads a body within its limits.
///
/// # Errors
/// 408, 413 and 415 for what is not read, 400 for what is malformed.
pub async fn read_body<B>(
    headers: &HeaderMap,
    body: B,
    limits: BodyLimits,
) -> Result<ReadBody, HttpError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    let sent = collect(headers, body, limits).await?;
    let plain = undo_encoding(headers, sent, limits.bytes)?;
    interpret(headers, plain).await
}

async fn collect<B>(
    headers: &HeaderMap,
    mut body: B,
    limits: BodyLimits,
) -> Result<Bytes, HttpError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    let outcome = if body.size_hint().lower() > limits.bytes as u64 {
        Err(HttpError::body_too_large(limits.bytes))
    } else {
        let reading = collect_up_to(&mut body, limits.bytes);
        tokio::time::timeout(limits.time, reading).await.unwrap_or_else(|_| {
            Err(HttpError::new(
                StatusCode::REQUEST_TIMEOUT,
                "body_timeout",
                format!("the body did not arrive within {} s", limits.time.as_secs_f32()),
            ))
        })
    };
    // A client that asked first (`Expect: 100-continue`) sends nothing more.
    if let Err(error) = &outcome
        && error.status == StatusCode::PAYLOAD_TOO_LARGE
        && !headers.contains_key(EXPECT)
    {
        discard(&mut body).await;
    }
    outcome
}

async fn collect_up_to<B>(body: &mut B, limit: usize) -> Result<Bytes, HttpError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    let mut collected = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            HttpError::bad_request("incomplete_body", format!("the body ended early: {error}"))
        })?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > limit - collected.len() {
            return Err(HttpError::body_too_large(limit));
        }
        collected.extend_from_slice(&data);
    }
    Ok(collected.freeze())
}

async fn discard<B>(body: &mut B)
where
    B: Body<Data = Bytes> + Unpin,
{
    let dropping = async {
        let mut dropped = 0;
        while let Some(Ok(frame)) = body.frame().await {
            dropped += frame.data_ref().map_or(0, Bytes::len);
            if dropped > DISCARD_BYTES {
                break;
            }
        }
    };
    // Whether it ended in time makes no difference to the answer.
    let _ = tokio::time::timeout(DISCARD_TIME, dropping).await;
}

fn undo_encoding(headers: &HeaderMap, sent: Bytes, limit: usize) -> Result<Bytes, HttpError> {
    let Some(header) = headers.get(CONTENT_ENCODING) else { return Ok(sent) };
    let encoding = String::from_utf8_lossy(header.as_bytes()).trim().to_ascii_lowercase();
    match encoding.as_str() {
        "" | "identity" => Ok(sent),
        _ if sent.is_empty() => Ok(sent),
        "gzip" | "x-gzip" => inflate(MultiGzDecoder::new(&sent[..]), limit),
        "deflate" if has_zlib_header(&sent) => inflate(ZlibDecoder::new(&sent[..]), limit),
        "deflate" => inflate(DeflateDecoder::new(&sent[..]), limit),
        _ => Err(HttpError::unsupported(
            "unsupported_encoding",
            format!("Content-Encoding `{encoding}` is not gzip, deflate or identity"),
        )),
    }
}

/// Some clients send `deflate` without the zlib header that it should have.
fn has_zlib_header(bytes: &[u8]) -> bool {
    match bytes {
        [first, second, ..] => {
            first & 0x0f == 8 && u16::from_be_bytes([*first, *second]).is_multiple_of(31)
        }
        _ => false,
    }
}

fn inflate(decoder: impl Read, limit: usize) -> Result<Bytes, HttpError> {
    let mut plain = Vec::new();
    decoder.take(limit as u64 + 1).read_to_end(&mut plain).map_err(|error| {
        HttpError::bad_request(
            "invalid_encoding",
            format!("the body is not what its Content-Encoding says: {error}"),
        )
    })?;
    if plain.len() > limit {
        return Err(HttpError::body_too_large(limit));
    }
    Ok(Bytes::from(plain))
}

async fn interpret(headers: &HeaderMap, raw: Bytes) -> Result<ReadBody, HttpError> {
    if raw.is_empty() {
        return Ok(empty());
    }
    let header = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let header = header.unwrap_or_default();
    let media_type = MediaType::parse(header);
    let utf8 = || {
        media_type.to_utf8(&raw).ok_or_else(|| {
            let charset = media_type.charset.as_deref().unwrap_or_default();
            HttpError::unsupported(
                "unsupported_charset",
                format!("the character set `{charset}` is not utf-8 or iso-8859-1"),
            )
        })
    };
    match media_type.kind {
        Kind::Json => json_body(utf8()?),
        Kind::Form => form_body(utf8()?),
        Kind::Multipart => multipart_body(header, raw).await,
        Kind::Text => {
            let text = media_type.to_utf8(&raw);
            Ok(text.map_or_else(|| bytes_body(raw.clone()), text_body))
        }
        Kind::Unsaid => Ok(text_body(raw)),
        Kind::Other => Ok(bytes_body(raw)),
    }
}

fn empty() -> ReadBody {
    ReadBody { raw: Bytes::new(), body: RequestBody::Empty, value: Some(Value::Null) }
}

fn bytes_body(raw: Bytes) -> ReadBody {
    ReadBody { raw, body: RequestBody::Bytes, value: None }
}

/// Text, or bytes if it is not UTF-8 after all.
fn text_body(raw: Bytes) -> ReadBody {
    let text = std::str::from_utf8(&raw).ok().map(str::to_owned);
    match text {
        Some(text) => ReadBody { raw, body: RequestBody::Text, value: Some(Value::String(text)) },
        None => bytes_body(raw),
    }
}

fn json_body(raw: Bytes) -> Result<ReadBody, HttpError> {
    if raw.is_empty() {
        return Ok(empty());
    }
    let value = serde_json::from_slice::<Value>(&raw).map_err(|error| {
        let detail = json!({"line": error.line(), "column": error.column()});
        HttpError::bad_request("invalid_json", format!("the body is not valid JSON: {error}"))
            .with_details(Value::Array(vec![detail]))
    })?;
    Ok(ReadBody { raw, body: RequestBody::Json, value: Some(value) })
}

fn form_body(raw: Bytes) -> Result<ReadBody, HttpError> {
    let separators = raw.iter().filter(|&&byte| byte == b'&').count();
    if separators >= query::PARAMETER_LIMIT {
        let limit = query::PARAMETER_LIMIT;
        let message = format!("the form has more than {limit} fields");
        return Err(HttpError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many_fields", message));
    }
    let value = query::parse(&String::from_utf8_lossy(&raw));
    Ok(ReadBody { raw, body: RequestBody::Form(value.to_string()), value: Some(value) })
}

async fn multipart_body(content_type: &str, raw: Bytes) -> Result<ReadBody, HttpError> {
    let boundary = multer::parse_boundary(content_type).map_err(invalid_multipart)?;
    let whole = std::future::ready(Ok::<Bytes, Infallible>(raw.clone()));
    let mut multipart = multer::Multipart::new(futures_util::stream::once(whole), boundary);
    let mut parts = Vec::new();
    while let Some(field) = multipart.next_field().await.map_err(invalid_multipart)? {
        if parts.len() == MAX_PARTS {
            let message = format!("the body has more than {MAX_PARTS} parts");
            return Err(HttpError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many_parts", message));
        }
        let name = field.name().unwrap_or_default().to_owned();
        let file_name = field.file_name().map(str::to_owned);
        let content_type = field.content_type().map(ToString::to_string);
        let data = field.bytes().await.map_err(invalid_multipart)?;
        parts.push(Part { name, file_name, content_type, data });
    }
    let value = Value::Object(fields_of(&parts));
    Ok(ReadBody { raw, body: RequestBody::Multipart(parts), value: Some(value) })
}

fn invalid_multipart(error: multer::Error) -> HttpError {
    HttpError::bad_request(
        "invalid_multipart",
        format!("the body is not valid multipart/form-data: {error}"),
    )
}

/// The parts as a schema sees them: fields are strings, files are objects, and what occurs more
/// than once is an array.
fn fields_of(parts: &[Part]) -> Map<String, Value> {
    let mut fields = Map::new();
    for part in parts {
        let value = match &part.file_name {
            None => Value::String(String::from_utf8_lossy(&part.data).into_owned()),
            Some(file_name) => json!({
                "filename": file_name,
                "contentType": part.content_type,
                "size": part.data.len(),
            }),
        };
        match fields.get_mut(&part.name) {
            Some(Value::Array(values)) => values.push(value),
            Some(before) => {
                let first = before.take();
                *before = Value::Array(vec![first, value]);
            }
            None => {
                fields.insert(part.name.clone(), value);
            }
        }
    }
    fields
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
