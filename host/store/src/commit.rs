//! What an invocation leaves behind, as one commit.

use motia_manifest::{StepName, TenantId};

use crate::{AttemptError, Entry, GroupKey, Json, Lease, Millis, NewEvent, SentEvent, StoredItem};

/// The end of an invocation: all of it takes effect, or nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Commit {
    /// The claimed deliveries that end; none if a request was the trigger.
    pub leases: Vec<Lease>,
    /// What becomes of them.
    pub end: End,
    /// What the invocation relied on; something else there refuses the commit.
    pub reads: Vec<Read>,
    /// What it wrote and was held back, in its order.
    pub writes: Vec<Write>,
    /// The answer to a request with an idempotency key.
    pub answer: Option<NewAnswer>,
}

/// What becomes of claimed deliveries.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum End {
    /// They succeeded and are gone.
    #[default]
    Complete,
    /// They failed and are due again.
    Retry {
        /// Why; the attempt is each delivery's own.
        error: AttemptError,
        /// When.
        at: Millis,
    },
    /// They failed and become dead letters.
    Bury {
        /// Why; the attempt is each delivery's own.
        error: AttemptError,
        /// Whether those behind them in a lane of order [`crate::LaneOrder::Fifo`] wait until the
        /// letters are redriven or discarded.
        block: bool,
    },
    /// They were not attempted: due again at this time, and the attempt does not count.
    Release {
        /// When.
        at: Millis,
    },
}

/// What an invocation has read and relies on.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    /// A state value.
    State {
        /// Its group.
        group: GroupKey,
        /// Its key.
        key: String,
        /// What it was.
        value: Option<Json>,
    },
    /// All values of a group.
    StateGroup {
        /// The group.
        group: GroupKey,
        /// What they were, by key.
        entries: Vec<Entry>,
    },
    /// A stream item.
    Item {
        /// Its group.
        group: GroupKey,
        /// Its id.
        id: String,
        /// The number of the change that made it so; none if there was no item.
        offset: Option<i64>,
    },
    /// All items of a group.
    ItemGroup {
        /// The group.
        group: GroupKey,
        /// What they were, by id.
        items: Vec<StoredItem>,
    },
}

/// One write of an invocation.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Stores a state value.
    SetState {
        /// Its group.
        group: GroupKey,
        /// Its key.
        key: String,
        /// The value.
        value: Json,
        /// Who wants to know.
        reaction: Option<Reaction>,
    },
    /// Deletes a state value.
    DeleteState {
        /// Its group.
        group: GroupKey,
        /// Its key.
        key: String,
        /// Who wants to know.
        reaction: Option<Reaction>,
    },
    /// Deletes all values of a group.
    ClearState {
        /// The group.
        group: GroupKey,
        /// Who wants to know.
        reaction: Option<Reaction>,
    },
    /// Stores a stream item.
    SetItem {
        /// Its group.
        group: GroupKey,
        /// Its id.
        id: String,
        /// The item.
        data: Json,
        /// Who wants to know.
        reaction: Option<Reaction>,
    },
    /// Deletes a stream item.
    DeleteItem {
        /// Its group.
        group: GroupKey,
        /// Its id.
        id: String,
        /// Who wants to know.
        reaction: Option<Reaction>,
    },
    /// Stores an event.
    Emit(NewEvent),
    /// Tells those who follow a stream something.
    Send(SentEvent),
}

/// The steps that a change of state or of a stream item triggers, stored together with the change.
///
/// Each change that is one (a deleted value that was not there is none) makes one event of kind
/// [`crate::EventKind::State`] or [`crate::EventKind::Stream`]. Its data is the JSON object
/// `{"groupId", "key", "oldValue", "newValue"}` or `{"streamName", "groupId", "id", "action", "data"}`, where
/// a value that there is not is `null`. All its deliveries are in the fifo lane of the changed key.
#[derive(Debug, Clone, PartialEq)]
pub struct Reaction {
    /// Everything but `data`, the keys of lanes, and the id of changes after the first: those count on
    /// from it.
    pub event: NewEvent,
    /// The steps to trigger by key, where they differ: a delivery is stored if the key passes its pattern.
    pub patterns: Vec<Option<KeyPattern>>,
}

/// Which keys or ids a step watches: text in which `*` stands for any run of characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPattern(pub String);

impl KeyPattern {
    /// Whether a key is watched.
    pub fn matches(&self, key: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = key.strip_prefix(first) else { return false };
        let mut last = None;
        for part in parts {
            if let Some(middle) = last.replace(part) {
                match rest.find(middle) {
                    Some(at) => rest = &rest[at + str::len(middle)..],
                    None => return false,
                }
            }
        }
        match last {
            Some(end) => rest.ends_with(end),
            None => rest.is_empty(),
        }
    }
}

/// The answer to a request with an idempotency key, to be given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAnswer {
    /// Whose request it was.
    pub tenant: TenantId,
    /// The step that answered.
    pub step: StepName,
    /// The key.
    pub key: String,
    /// The answer.
    pub answer: Answer,
    /// When it is forgotten.
    pub expires_at: Millis,
}

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// A digest of the request.
    pub fingerprint: String,
    /// The response, in the caller's own encoding.
    pub response: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        let matches = |pattern: &str, key: &str| KeyPattern(pattern.to_owned()).matches(key);
        assert!(matches("*", "") && matches("*", "anything"));
        assert!(matches("order:*", "order:1") && !matches("order:*", "orders"));
        assert!(matches("a*b*c", "a1b2c") && matches("a*b*c", "abbc") && !matches("a*b*c", "acb"));
        assert!(matches("exact", "exact") && !matches("exact", "exactly"));
        assert!(matches("a*a", "aa") && !matches("a*a", "a"));
    }
}
