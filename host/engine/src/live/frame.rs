//! The frames of the stream protocol, as the published clients read them.

use bytes::Bytes;
use motia_store::{GroupKey, ItemAction, ItemEvent, ItemSnapshot, SentEvent};
use serde_json::Value;

/// One frame: a JSON text such as
/// `{"timestamp":1,"streamName":"todos","groupId":"g","id":"1","offset":4,"event":{"type":"update","data":{}}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveFrame {
    /// The text.
    pub json: Bytes,
    /// The change that the client knows of when it has read the frame; none if it is no change.
    pub offset: Option<i64>,
}

/// A change of an item.
pub fn changed(event: &ItemEvent, timestamp: i64) -> LiveFrame {
    let kind = match event.action {
        ItemAction::Create => "create",
        ItemAction::Update => "update",
        ItemAction::Delete => "delete",
    };
    let body = format!(r#"{{"type":"{kind}","data":{}}}"#, event.data);
    frame(&event.group, Some(&event.id), Some(event.offset), timestamp, &body)
}

/// What was sent.
pub fn sent(event: &SentEvent, timestamp: i64) -> LiveFrame {
    let kind = Value::from(event.event_type.as_str());
    let body = format!(r#"{{"type":"event","event":{{"type":{kind},"data":{}}}}}"#, event.data);
    frame(&event.group, event.id.as_deref(), None, timestamp, &body)
}

/// What is there when a client joins. Of an item that there is not: `null` if the client `had` it, nothing otherwise.
pub fn sync(
    group: &GroupKey,
    id: Option<&str>,
    snapshot: &ItemSnapshot,
    timestamp: i64,
    had: bool,
) -> Option<LiveFrame> {
    let items: Vec<&str> = snapshot.items.iter().map(|item| item.data.as_str()).collect();
    let data = match id {
        Some(_) => (*items.first().or(had.then_some(&"null"))?).to_owned(),
        None => format!("[{}]", items.join(",")),
    };
    let body = format!(r#"{{"type":"sync","data":{data}}}"#);
    Some(frame(group, id, Some(snapshot.offset), timestamp, &body))
}

fn frame(
    group: &GroupKey,
    id: Option<&str>,
    offset: Option<i64>,
    timestamp: i64,
    event: &str,
) -> LiveFrame {
    let quoted = |text: &str| Value::from(text).to_string();
    let stream = quoted(group.stream.as_deref().unwrap_or_default());
    let id = id.map(|id| format!(r#","id":{}"#, quoted(id))).unwrap_or_default();
    let at = offset.map(|offset| format!(r#","offset":{offset}"#)).unwrap_or_default();
    let group = quoted(&group.group);
    let json = format!(
        r#"{{"timestamp":{timestamp},"streamName":{stream},"groupId":{group}{id}{at},"event":{event}}}"#
    );
    LiveFrame { json: Bytes::from(json), offset }
}

#[cfg(test)]
mod tests {
    use motia_manifest::TenantId;
    use motia_store::StoredItem;
    use serde_json::json;

    use super::*;

    fn group() -> GroupKey {
        let (stream, group) = (Some("todos".to_owned()), "a \"b\"".to_owned());
        GroupKey { tenant: TenantId::default(), stream, group }
    }

    fn read(frame: &LiveFrame) -> Value {
        serde_json::from_slice(&frame.json).unwrap()
    }

    #[test]
    fn a_change_has_its_offset() {
        let event = ItemEvent {
            group: group(),
            id: "1".to_owned(),
            action: ItemAction::Create,
            data: r#"{"id":"1"}"#.to_owned(),
            offset: 4,
        };
        assert_eq!(
            read(&changed(&event, 7)),
            json!({
                "timestamp": 7, "streamName": "todos", "groupId": "a \"b\"", "id": "1", "offset": 4,
                "event": { "type": "create", "data": { "id": "1" } },
            })
        );
    }

    #[test]
    fn what_is_sent_has_none() {
        let event = SentEvent {
            group: group(),
            id: None,
            event_type: "typing".to_owned(),
            data: "1".to_owned(),
        };
        let frame = sent(&event, 7);
        let event = json!({ "type": "event", "event": { "type": "typing", "data": 1 } });
        assert_eq!((frame.offset, &read(&frame)["event"]), (None, &event));
        assert_eq!(read(&frame).get("id"), None);
    }

    #[test]
    fn a_snapshot_is_of_a_group_or_of_an_item_that_is_there() {
        let item = StoredItem { id: "1".to_owned(), data: "{}".to_owned(), offset: 2 };
        let full = ItemSnapshot { items: vec![item], offset: 9 };
        let none = ItemSnapshot { items: Vec::new(), offset: 9 };
        let data = |frame: LiveFrame| read(&frame)["event"]["data"].clone();
        let sync = |id, snapshot, had| sync(&group(), id, snapshot, 1, had);
        assert_eq!(data(sync(None, &full, false).unwrap()), json!([{}]));
        assert_eq!(data(sync(None, &none, false).unwrap()), json!([]));
        assert_eq!(data(sync(Some("1"), &full, false).unwrap()), json!({}));
        assert_eq!(sync(Some("1"), &none, false), None);
        assert_eq!(data(sync(Some("1"), &none, true).unwrap()), Value::Null);
    }
}
