//! Values of state and streams, and where they live.

use motia_manifest::TenantId;

use crate::Json;

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key in its group.
    pub key: String,
    /// The value.
    pub value: Json,
}

/// A stream item as it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredItem {
    /// The item's id in its group.
    pub id: String,
    /// The item.
    pub data: Json,
    /// The number of the change that made it so; grows by 1 with every change in its group.
    pub offset: i64,
}

/// A change of a stream item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemChange {
    /// The item before; none if there was none.
    pub old: Option<Json>,
    /// The number of the change in its group, from 1. 0 if nothing changed.
    pub offset: i64,
}

/// Where one tenant's value or item lives: its group, and for a stream the stream's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupKey {
    /// Whose it is.
    pub tenant: TenantId,
    /// The stream's name; none for state.
    pub stream: Option<String>,
    /// The group.
    pub group: String,
}
