//! Events about changes, stored together with the change.

use rusqlite::Connection;

use super::queue;
use crate::{
    GroupKey, Lane, LaneOrder, Millis, NewDelivery, NewEvent, Reaction, StoreError, StoreResult,
};

/// A change of a state value or stream item.
pub(super) struct Change<'a> {
    pub group: &'a GroupKey,
    pub key: &'a str,
    /// The value or item before.
    pub old: Option<&'a str>,
    /// The value or item after.
    pub new: Option<&'a str>,
}

/// Stores the event about a change, the `index`-th of its call.
pub(super) fn react(
    connection: &Connection,
    reaction: &Reaction,
    change: &Change<'_>,
    index: i64,
    now: Millis,
) -> StoreResult<()> {
    let Some(event) = event(reaction, change, index)? else { return Ok(()) };
    queue::emit(connection, &event, now)?;
    Ok(())
}

/// The event that a change makes; none if nobody watches the key.
pub(crate) fn event(
    reaction: &Reaction,
    change: &Change<'_>,
    index: i64,
) -> StoreResult<Option<NewEvent>> {
    let GroupKey { group, stream, .. } = change.group;
    let lane = Lane { key: format!("{group}\0{}", change.key), order: LaneOrder::Fifo };
    let watching = reaction.event.deliveries.iter().zip(&reaction.patterns);
    let deliveries: Vec<NewDelivery> = watching
        .filter(|(_, pattern)| pattern.as_ref().is_none_or(|pattern| pattern.matches(change.key)))
        .map(|(delivery, _)| NewDelivery { lane: Some(lane.clone()), ..delivery.clone() })
        .collect();
    if deliveries.is_empty() {
        return Ok(None);
    }
    let (group, key) = (text(group)?, text(change.key)?);
    let value = |json: Option<&str>| json.unwrap_or("null").to_owned();
    let data = match stream {
        None => format!(
            r#"{{"groupId":{group},"key":{key},"oldValue":{},"newValue":{}}}"#,
            value(change.old),
            value(change.new)
        ),
        Some(stream) => {
            let action = match (change.old, change.new) {
                (None, _) => "create",
                (_, Some(_)) => "update",
                (_, None) => "delete",
            };
            format!(
                r#"{{"streamName":{},"groupId":{group},"id":{key},"action":"{action}","data":{}}}"#,
                text(stream)?,
                value(change.new.or(change.old))
            )
        }
    };
    Ok(Some(NewEvent { id: reaction.event.id + index, data, deliveries, ..reaction.event.clone() }))
}

fn text(text: &str) -> StoreResult<String> {
    serde_json::to_string(text)
        .map_err(|error| StoreError::Failed(format!("a name cannot be written as JSON: {error}")))
}
