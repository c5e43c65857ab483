//! Streams: their groups, the items, and how to change them.

use motia_store::StreamEntry;
use serde_json::{Value, json};

use super::{
    Request,
    input::{missing, wrong},
    output::{list, page_by, parsed, shown},
};
use crate::error::HttpError;

pub async fn answer(request: &Request, path: &[&str]) -> Result<Value, HttpError> {
    match (request.method(), path) {
        ("GET", []) => streams(request).await,
        ("GET", [stream]) => groups(request, stream).await,
        ("GET", [stream, group]) => items(request, stream, group).await,
        ("POST", [stream, group, "send"]) => send(request, stream, group).await,
        ("GET", [stream, group, id]) => show(request, stream, group, id).await,
        ("PUT", [stream, group, id]) => set(request, stream, group, id).await,
        ("DELETE", [stream, group, id]) => delete(request, stream, group, id).await,
        (_, [] | [_] | [_, _]) => Err(request.only(&["GET", "HEAD"])),
        (_, [_, _, "send"]) => Err(request.only(&["GET", "HEAD", "PUT", "DELETE", "POST"])),
        (_, [_, _, _]) => Err(request.only(&["GET", "HEAD", "PUT", "DELETE"])),
        _ => Err(request.unknown()),
    }
}

async fn streams(request: &Request) -> Result<Value, HttpError> {
    request.parameters(&[])?;
    let counts = request.engine.stream_group_counts().await?;
    let deployment = request.engine.deployment();
    let streams = deployment.manifest().streams.iter().map(|stream| {
        let name = &stream.config.name;
        let groups = counts.iter().find(|(counted, _)| counted == name);
        json!({
            "name": name,
            "file": stream.file,
            "schema": stream.config.schema,
            "hooks": stream.config.hooks,
            "groups": groups.map_or(0, |(_, count)| *count),
            "subscribers": request.engine.live_subscribers(name, None),
        })
    });
    Ok(list(streams.collect()))
}

async fn groups(request: &Request, stream: &str) -> Result<Value, HttpError> {
    let (filter, limit) = request.page_filter()?;
    let mut groups = Vec::new();
    for group in request.engine.stream_groups(stream, filter).await? {
        let mut json = shown(&group)?;
        let subscribers = request.engine.live_subscribers(stream, Some(&group.group_id));
        json["subscribers"] = Value::from(subscribers);
        groups.push(json);
    }
    Ok(page_by(groups, limit, "groupId"))
}

async fn items(request: &Request, stream: &str, group: &str) -> Result<Value, HttpError> {
    let (filter, limit) = request.page_filter()?;
    let items = request.engine.stream_items(stream, group, filter).await?;
    let shown: Result<Vec<Value>, HttpError> = items.iter().map(item_of).collect();
    Ok(page_by(shown?, limit, "id"))
}

async fn show(request: &Request, stream: &str, group: &str, id: &str) -> Result<Value, HttpError> {
    request.parameters(&[])?;
    let item = request.engine.stream_item(stream, group, id).await?;
    item_of(&item.ok_or_else(|| missing_item(stream, group, id))?)
}

/// An item that is not shown is too long for a list.
fn item_of(item: &StreamEntry) -> Result<Value, HttpError> {
    let mut json = shown(item)?;
    json["data"] = item.data.as_deref().map_or(Value::Null, parsed);
    json["truncated"] = Value::from(item.data.is_none());
    Ok(json)
}

async fn set(request: &Request, stream: &str, group: &str, id: &str) -> Result<Value, HttpError> {
    request.fields(&["data"])?;
    let data = request.body.get("data");
    let data = data.ok_or_else(|| wrong("`data` is missing; expected {\"data\": ...}"))?;
    request.engine.set_item(stream, group, id.to_owned(), data.to_string()).await?;
    show(request, stream, group, id).await
}

async fn delete(
    request: &Request,
    stream: &str,
    group: &str,
    id: &str,
) -> Result<Value, HttpError> {
    match request.engine.delete_item(stream, group, id.to_owned()).await? {
        true => Ok(json!({ "deleted": true })),
        false => Err(missing_item(stream, group, id)),
    }
}

fn missing_item(stream: &str, group: &str, id: &str) -> HttpError {
    missing(format!("item `{id}` in the group `{group}` of the stream `{stream}`"))
}

/// Tells those who follow the group, or one item of it, something that is not stored.
async fn send(request: &Request, stream: &str, group: &str) -> Result<Value, HttpError> {
    let fields = request.fields(&["type", "data", "id"])?;
    let kind = fields.text("type")?;
    let kind = kind.ok_or_else(|| wrong("`type` is missing; expected what kind of event it is"))?;
    let data = fields.value("data").map_or_else(|| "null".to_owned(), Value::to_string);
    let id = fields.text("id")?.map(str::to_owned);
    request.engine.send_item(stream, group, id, kind.to_owned(), data).await?;
    Ok(json!({ "sent": true }))
}
