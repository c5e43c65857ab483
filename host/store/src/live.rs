//! Changes of stream items for those who follow them.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::{GroupKey, Json, StoredItem};

/// What happened to a stream item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemAction {
    /// There was none.
    Create,
    /// There was one.
    Update,
    /// There is none any more.
    Delete,
}

/// A change of a stream item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemEvent {
    /// Its group.
    pub group: GroupKey,
    /// Its id.
    pub id: String,
    /// What happened.
    pub action: ItemAction,
    /// The item after the change, or the deleted item.
    pub data: Json,
    /// The number of the change in its group.
    pub offset: i64,
}

/// Something that is told to those who follow a group or an item, and not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentEvent {
    /// The group.
    pub group: GroupKey,
    /// The item; none for all who follow the group.
    pub id: Option<String>,
    /// What kind of event it is, in the sender's own words.
    pub event_type: String,
    /// Its data.
    pub data: Json,
}

/// What followers of streams are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamNews {
    /// An item has changed.
    Changed(ItemEvent),
    /// Somebody has sent an event.
    Sent(SentEvent),
}

/// Items, and the number of the last change of their group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ItemSnapshot {
    /// The items, by id.
    pub items: Vec<StoredItem>,
    /// The last change that they know of; 0 if there was none.
    pub offset: i64,
}

/// Is told of every change of stream items once it is on disk, those of one group in the order of their offsets, and of
/// every event that is sent, behind the changes that were made before it. It must not wait: the store does.
pub trait StreamFollower: Send + Sync + 'static {
    /// What has become durable together.
    fn told(&self, news: Vec<StreamNews>);
}

/// What is not on disk yet, and who is told when it is.
#[derive(Default)]
pub(crate) struct News {
    follower: OnceLock<Arc<dyn StreamFollower>>,
    pending: Mutex<Vec<StreamNews>>,
}

impl News {
    fn pending(&self) -> MutexGuard<'_, Vec<StreamNews>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names who is told; only the first call counts.
    pub fn follow(&self, follower: Arc<dyn StreamFollower>) {
        // A second follower would be a mistake of the caller, and the first one is told already.
        let _ = self.follower.set(follower);
    }

    /// Notes a change. `event` is made only if somebody is told of it.
    pub fn changed(&self, event: impl FnOnce() -> ItemEvent) {
        if self.follower.get().is_some() {
            self.pending().push(StreamNews::Changed(event()));
        }
    }

    /// Notes that somebody has sent something.
    pub fn sent(&self, event: SentEvent) {
        if self.follower.get().is_some() {
            self.pending().push(StreamNews::Sent(event));
        }
    }

    /// How much waits.
    pub fn len(&self) -> usize {
        self.pending().len()
    }

    /// Forgets those behind the first `len`: they were undone.
    pub fn undo_to(&self, len: usize) {
        self.pending().truncate(len);
    }

    /// What waits is on disk.
    pub fn publish(&self) {
        let Some(follower) = self.follower.get() else { return };
        let news = std::mem::take(&mut *self.pending());
        if !news.is_empty() {
            follower.told(news);
        }
    }
}

impl std::fmt::Debug for News {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("News")
    }
}
