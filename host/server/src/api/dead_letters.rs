//! Dead letters, and how they are brought back or discarded.

use motia_engine::REDRIVES_PER_SECOND;
use motia_store::DeadLetterFilter;
use serde_json::{Value, json};

use super::{
    Request,
    input::{Fields, id, missing, wrong},
    output::{self, all_shown, page, shown},
};
use crate::error::HttpError;

const PARAMETERS: [&str; 8] =
    ["step", "topic", "code", "traceId", "since", "until", "before", "limit"];

/// The most letters that a redrive brings back in a second.
const MOST_PER_SECOND: u32 = 100_000;

pub async fn answer(request: &Request, path: &[&str]) -> Result<Value, HttpError> {
    match (request.method(), path) {
        ("GET", []) => list(request).await,
        ("POST", ["redrive"]) => redrive(request).await,
        ("POST", ["discard"]) => discard(request).await,
        (_, ["redrive" | "discard"]) => Err(request.only(&["POST"])),
        ("GET", [letter]) => show(request, id(letter, "a dead letter")?).await,
        (_, [] | [_]) => Err(request.only(&["GET", "HEAD"])),
        _ => Err(request.unknown()),
    }
}

pub async fn answer_redrives(request: &Request, path: &[&str]) -> Result<Value, HttpError> {
    match (request.method(), path) {
        ("GET", []) => {
            request.parameters(&[])?;
            Ok(output::list(all_shown(&request.engine.redrives().await?)?))
        }
        ("DELETE", [redrive]) => stop(request, id(redrive, "a redrive")?).await,
        (_, []) => Err(request.only(&["GET", "HEAD"])),
        (_, [_]) => Err(request.only(&["DELETE"])),
        _ => Err(request.unknown()),
    }
}

async fn list(request: &Request) -> Result<Value, HttpError> {
    let parameters = request.parameters(&PARAMETERS)?;
    let (before, limit) = (parameters.id("before")?, parameters.limit()?);
    let filter = DeadLetterFilter {
        ids: Vec::new(),
        after: None,
        step: parameters.typed("step"),
        topic: parameters.typed("topic"),
        code: parameters.typed("code"),
        trace_id: parameters.typed("traceId"),
        since: parameters.time("since")?,
        until: parameters.time("until")?,
    };
    let letters = request.engine.dead_letters(filter, before, limit + 1).await?;
    Ok(page(all_shown(&letters)?, limit))
}

async fn show(request: &Request, id: i64) -> Result<Value, HttpError> {
    request.parameters(&[])?;
    let filter = DeadLetterFilter { ids: vec![id], ..DeadLetterFilter::default() };
    let letters = request.engine.dead_letters(filter, None, 1).await?;
    shown(letters.first().ok_or_else(|| missing(format!("dead letter {id}")))?)
}

async fn redrive(request: &Request) -> Result<Value, HttpError> {
    let known = [&FILTER_FIELDS[..], &["perSecond"]].concat();
    let fields = request.fields(&known)?;
    let expected = format!("a number from 1 to {MOST_PER_SECOND}");
    let per_second = fields.read("perSecond", &expected, |value| {
        let number = u32::try_from(value.as_u64()?).ok()?;
        (1..=MOST_PER_SECOND).contains(&number).then_some(number)
    })?;
    let per_second = per_second.unwrap_or(REDRIVES_PER_SECOND);
    let id = request.engine.redrive(filter_of(&fields)?, per_second).await?;
    Ok(json!({ "id": id.to_string() }))
}

async fn discard(request: &Request) -> Result<Value, HttpError> {
    let fields = request.fields(&FILTER_FIELDS)?;
    let discarded = request.engine.discard(filter_of(&fields)?).await?;
    Ok(json!({ "discarded": discarded }))
}

async fn stop(request: &Request, id: i64) -> Result<Value, HttpError> {
    match request.engine.stop_redrive(id).await? {
        true => Ok(json!({ "stopped": true })),
        false => Err(missing(format!("redrive {id} that goes on"))),
    }
}

const FILTER_FIELDS: [&str; 8] =
    ["ids", "step", "topic", "code", "traceId", "since", "until", "all"];

/// The letters that a body means. All of them only if it says so.
fn filter_of(fields: &Fields) -> Result<DeadLetterFilter, HttpError> {
    let filter = DeadLetterFilter {
        ids: fields.ids("ids")?,
        after: None,
        step: fields.typed("step")?,
        topic: fields.typed("topic")?,
        code: fields.typed("code")?,
        trace_id: fields.typed("traceId")?,
        since: fields.time("since")?,
        until: fields.time("until")?,
    };
    let all = fields.read("all", "true or false", Value::as_bool)?.unwrap_or(false);
    if fields.value("ids").is_some() && filter.ids.is_empty() {
        return Err(wrong("`ids` is empty; leave it out, or name dead letters"));
    }
    match (all, filter == DeadLetterFilter::default()) {
        (true, true) | (false, false) => Ok(filter),
        (true, false) => Err(wrong("`all` goes with no other field of the filter")),
        (false, true) => Err(wrong(
            "no dead letters are named; send ids, step, topic, code, traceId, since or until, or {\"all\": true}",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(body: Value) -> Result<DeadLetterFilter, String> {
        let fields = Fields::of(body.as_object().unwrap(), &FILTER_FIELDS).unwrap();
        filter_of(&fields).map_err(|error| error.message)
    }

    #[test]
    fn all_dead_letters_are_meant_only_if_that_is_said() {
        assert!(filter(json!({})).unwrap_err().contains("\"all\": true"));
        assert!(filter(json!({ "step": null, "all": false })).is_err());
        assert!(filter(json!({ "ids": [] })).unwrap_err().contains("`ids`"));
        assert!(filter(json!({ "ids": [], "all": true })).is_err());
        assert!(filter(json!({ "step": "A", "all": true })).is_err());
        assert_eq!(filter(json!({ "all": true })), Ok(DeadLetterFilter::default()));
        let by_id = filter(json!({ "ids": ["7"], "since": "1970-01-02" })).unwrap();
        assert_eq!((by_id.ids, by_id.since), (vec![7], Some(86_400_000)));
    }
}
