//! State: its groups, their values, and how to change them.

use motia_store::StateEntry;
use serde_json::{Value, json};

use super::{
    Request,
    input::{missing, wrong},
    output::{all_shown, page_by, parsed, shown},
};
use crate::error::HttpError;

/// So many values are deleted at a time.
const MOST_KEYS: usize = 1000;

pub async fn answer(request: &Request, path: &[&str]) -> Result<Value, HttpError> {
    match (request.method(), path) {
        ("GET", []) => groups(request).await,
        ("POST", ["delete"]) => delete_all(request).await,
        ("GET", [group]) => entries(request, group).await,
        ("GET", [group, key]) => show(request, group, key).await,
        ("PUT", [group, key]) => set(request, group, key).await,
        ("DELETE", [group, key]) => delete(request, group, key).await,
        (_, ["delete"]) => Err(request.only(&["GET", "HEAD", "POST"])),
        (_, [] | [_]) => Err(request.only(&["GET", "HEAD"])),
        (_, [_, _]) => Err(request.only(&["GET", "HEAD", "PUT", "DELETE"])),
        _ => Err(request.unknown()),
    }
}

async fn groups(request: &Request) -> Result<Value, HttpError> {
    let (filter, limit) = request.page_filter()?;
    let groups = request.engine.state_groups(filter).await?;
    Ok(page_by(all_shown(&groups)?, limit, "groupId"))
}

async fn entries(request: &Request, group: &str) -> Result<Value, HttpError> {
    let (filter, limit) = request.page_filter()?;
    let entries = request.engine.state_entries(group, filter).await?;
    let shown: Result<Vec<Value>, HttpError> =
        entries.iter().map(|entry| entry_of(group, entry)).collect();
    Ok(page_by(shown?, limit, "key"))
}

async fn show(request: &Request, group: &str, key: &str) -> Result<Value, HttpError> {
    request.parameters(&[])?;
    let entry = request.engine.state_entry(group, key).await?;
    entry_of(group, &entry.ok_or_else(|| missing_value(group, key))?)
}

/// A value that is not shown is too long for a list.
fn entry_of(group: &str, entry: &StateEntry) -> Result<Value, HttpError> {
    let mut json = shown(entry)?;
    json["groupId"] = Value::from(group);
    json["value"] = entry.value.as_deref().map_or(Value::Null, parsed);
    json["truncated"] = Value::from(entry.value.is_none());
    Ok(json)
}

async fn set(request: &Request, group: &str, key: &str) -> Result<Value, HttpError> {
    request.fields(&["value"])?;
    let value = request.body.get("value");
    let value = value.ok_or_else(|| wrong("`value` is missing; expected {\"value\": ...}"))?;
    request.engine.set_state(group.to_owned(), key.to_owned(), value.to_string()).await?;
    show(request, group, key).await
}

async fn delete(request: &Request, group: &str, key: &str) -> Result<Value, HttpError> {
    match request.engine.delete_state(group.to_owned(), key.to_owned()).await? {
        true => Ok(json!({ "deleted": true })),
        false => Err(missing_value(group, key)),
    }
}

fn missing_value(group: &str, key: &str) -> HttpError {
    missing(format!("value `{key}` in the state group `{group}`"))
}

async fn delete_all(request: &Request) -> Result<Value, HttpError> {
    let fields = request.fields(&["keys"])?;
    let expected = format!("a list of up to {MOST_KEYS} {{\"groupId\", \"key\"}}");
    let keys = fields.read("keys", &expected, keys_of)?;
    let keys = keys.ok_or_else(|| wrong(format!("`keys` is missing; expected {expected}")))?;
    let mut deleted = 0;
    for (group, key) in keys {
        deleted += u32::from(request.engine.delete_state(group, key).await?);
    }
    Ok(json!({ "deleted": deleted }))
}

fn keys_of(value: &Value) -> Option<Vec<(String, String)>> {
    let text = |key: &Value, name: &str| Some(key.get(name)?.as_str()?.to_owned());
    let keys = value.as_array().filter(|keys| keys.len() <= MOST_KEYS)?;
    keys.iter().map(|key| Some((text(key, "groupId")?, text(key, "key")?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_with_their_groups() {
        let key = ("orders".to_owned(), "7".to_owned());
        assert_eq!(keys_of(&json!([{ "groupId": "orders", "key": "7" }])), Some(vec![key]));
        assert_eq!(keys_of(&json!([])), Some(Vec::new()));
        for wrong in [json!("7"), json!([{ "key": "7" }]), json!(vec![json!({}); MOST_KEYS + 1])] {
            assert_eq!(keys_of(&wrong), None);
        }
    }

    #[test]
    fn a_value_that_is_too_long_is_no_null() {
        let entry = |value: Option<&str>| StateEntry {
            key: "7".to_owned(),
            value: value.map(str::to_owned),
            bytes: 4,
            updated_at: 5,
        };
        let expected = json!({
            "groupId": "orders", "key": "7", "value": [1], "bytes": 4, "updatedAt": 5, "truncated": false,
        });
        assert_eq!(entry_of("orders", &entry(Some("[1]"))).unwrap(), expected);
        let long = entry_of("orders", &entry(None)).unwrap();
        assert_eq!((&long["value"], &long["truncated"]), (&Value::Null, &json!(true)));
    }
}
