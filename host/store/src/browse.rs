//! What people look through: the groups of state and streams, and what is in them, a page at a time.

use serde::Serialize;

use crate::{Json, Millis};

/// The largest value that a list shows.
pub(crate) const SHOWN_BYTES: usize = 64 << 10;
/// The values of one list have so many bytes in all.
const LIST_BYTES: usize = 8 << 20;

/// Which page of a list is meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageFilter {
    /// Only what has this in its name or in the value that the list shows; the case of ASCII letters does not matter.
    pub search: Option<String>,
    /// Only what comes behind this name.
    pub after: Option<String>,
    /// So many at most.
    pub limit: usize,
}

impl PageFilter {
    /// What is looked for, in lower case.
    pub(crate) fn needle(&self) -> Option<String> {
        let search = self.search.as_ref().filter(|search| !search.is_empty())?;
        Some(search.to_ascii_lowercase())
    }
}

/// A group of state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StateGroup {
    /// The group.
    pub group_id: String,
    /// How many keys it has.
    pub keys: u64,
    /// The bytes of its keys and values.
    pub bytes: u64,
    /// When the newest of its values was stored.
    pub updated_at: Millis,
}

/// A state value with what is known about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StateEntry {
    /// The key in its group.
    pub key: String,
    /// The value; none if it is too long for a list.
    #[serde(skip)]
    pub value: Option<Json>,
    /// The bytes of the value.
    pub bytes: u64,
    /// When it was stored.
    pub updated_at: Millis,
}

/// A group of a stream that has items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamGroup {
    /// The group.
    pub group_id: String,
    /// How many items it has.
    pub items: u64,
    /// The number of its last change.
    pub offset: i64,
    /// When the newest of its items was stored.
    pub updated_at: Millis,
}

/// A stream item with what is known about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamEntry {
    /// The item's id in its group.
    pub id: String,
    /// The item; none if it is too long for a list.
    #[serde(skip)]
    pub data: Option<Json>,
    /// The bytes of the item.
    pub bytes: u64,
    /// The number of the change that made it so.
    pub offset: i64,
    /// When it was stored.
    pub updated_at: Millis,
}

/// How much of its values a list can still show.
pub(crate) struct Room(usize);

impl Room {
    pub fn of_a_list() -> Self {
        Self(LIST_BYTES)
    }

    /// The value, if there is room for it.
    pub fn show(&mut self, value: Option<Json>) -> Option<Json> {
        let value = value?;
        self.0 = self.0.checked_sub(value.len())?;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_shows_values_as_long_as_there_is_room() {
        let mut room = Room(5);
        assert_eq!(room.show(Some("123".to_owned())).as_deref(), Some("123"));
        assert_eq!(room.show(Some("456".to_owned())), None);
        assert_eq!(room.show(None), None);
        assert_eq!(room.show(Some("45".to_owned())).as_deref(), Some("45"));
    }
}
