//! How operations show things.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::error::HttpError;

/// A thing as clients read it: ids are strings, because JavaScript loses digits of large numbers, and what is kept
/// as JSON text is JSON.
pub fn shown<T: Serialize>(thing: &T) -> Result<Value, HttpError> {
    let shown = serde_json::to_value(thing);
    let mut shown = shown.map_err(|error| HttpError::internal("internal_error", error))?;
    if let Value::Object(fields) = &mut shown {
        show(fields);
    }
    Ok(shown)
}

/// Several of them.
pub fn all_shown<T: Serialize>(things: &[T]) -> Result<Vec<Value>, HttpError> {
    things.iter().map(shown).collect()
}

fn show(fields: &mut Map<String, Value>) {
    for (name, value) in fields.iter_mut() {
        match (name.as_str(), &mut *value) {
            ("id" | "eventId" | "behind" | "delivery", value) => *value = as_text(value),
            ("ids" | "deliveries", Value::Array(ids)) => {
                *value = ids.iter().map(as_text).collect();
            }
            ("data" | "headers", Value::String(text)) => *value = parsed(text),
            ("filter", Value::Object(filter)) => show(filter),
            _ => {}
        }
    }
}

fn as_text(id: &Value) -> Value {
    match id {
        Value::Number(number) => Value::String(number.to_string()),
        other => other.clone(),
    }
}

/// What a JSON text stands for.
pub fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

/// A list of everything.
pub fn list(items: Vec<Value>) -> Value {
    json!({ "items": items, "next": null })
}

/// A list of at most `limit` items, made of up to one more, which says that it goes on behind the last one's id.
pub fn page(items: Vec<Value>, limit: usize) -> Value {
    page_by(items, limit, "id")
}

/// The same for a list that is in the order of another field.
pub fn page_by(mut items: Vec<Value>, limit: usize, field: &str) -> Value {
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| more);
    let next = last.map(|last| last[field].clone());
    json!({ "items": items, "next": next })
}

#[cfg(test)]
mod tests {
    use motia_manifest::TenantId;
    use motia_store::{DeadLetterFilter, Redrive};

    use super::*;

    #[test]
    fn ids_are_strings_and_texts_of_json_are_json() {
        let mut fields = json!({
            "id": 7, "eventId": i64::MAX, "behind": null, "deliveries": [1], "attempt": 2,
            "data": "{\"a\":[1]}", "headers": null,
        });
        show(fields.as_object_mut().unwrap());
        assert_eq!(
            fields,
            json!({
                "id": "7", "eventId": "9223372036854775807", "behind": null, "deliveries": ["1"], "attempt": 2,
                "data": {"a": [1]}, "headers": null,
            })
        );
        let redrive = Redrive {
            id: 3,
            tenant: TenantId::default(),
            filter: DeadLetterFilter { ids: vec![4], ..DeadLetterFilter::default() },
            per_second: 10,
            moved: 0,
            created_at: 5,
        };
        let redrive = shown(&redrive).unwrap();
        assert_eq!((&redrive["id"], &redrive["filter"]["ids"]), (&json!("3"), &json!(["4"])));
    }

    #[test]
    fn a_page_says_where_the_next_one_begins() {
        let items: Vec<Value> = (1..=3).map(|id| json!({ "id": id.to_string() })).collect();
        assert_eq!(page(items.clone(), 2)["next"], "2");
        assert_eq!(page(items.clone(), 2)["items"].as_array().unwrap().len(), 2);
        assert_eq!(page(items, 3)["next"], Value::Null);
        assert_eq!(page(Vec::new(), 3), json!({ "items": [], "next": null }));
    }
}
