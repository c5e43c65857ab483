//! What an atomic step has read and written so far. Nothing of it is visible to others until it commits.

use std::collections::{BTreeMap, HashMap, HashSet};

use motia_sandbox::HostError;
use motia_store::{
    Entry, GroupKey, Json, NewEvent, Reaction, Read, SentEvent, Store, StoreResult, StoredItem,
    UpdateOp, Write, apply_update,
};

/// Reads go to the store unless this step has written there. What was read there must still be so
/// when it commits.
#[derive(Debug, Default)]
pub struct Transaction {
    reads: Vec<Read>,
    writes: Vec<Write>,
    /// What was read or written, by group and key or id; none means that there is no value.
    state: HashMap<GroupKey, BTreeMap<String, Option<Json>>>,
    items: HashMap<GroupKey, BTreeMap<String, Option<Json>>>,
    cleared: HashSet<GroupKey>,
}

impl Transaction {
    /// What the commit relies on, and what it writes.
    pub fn into_parts(self) -> (Vec<Read>, Vec<Write>) {
        (self.reads, self.writes)
    }

    pub async fn state_get(
        &mut self,
        store: &dyn Store,
        group: &GroupKey,
        key: &str,
    ) -> StoreResult<Option<Json>> {
        if let Some(known) = self.state.get(group).and_then(|values| values.get(key)) {
            return Ok(known.clone());
        }
        if self.cleared.contains(group) {
            return Ok(None);
        }
        let value = store.state_get(group.clone(), key.to_owned()).await?;
        self.reads.push(Read::State {
            group: group.clone(),
            key: key.to_owned(),
            value: value.clone(),
        });
        self.know_state(group, key, value.clone());
        Ok(value)
    }

    pub async fn state_set(
        &mut self,
        store: &dyn Store,
        group: GroupKey,
        key: String,
        value: Json,
        reaction: Option<Reaction>,
    ) -> StoreResult<Option<Json>> {
        let old = self.state_get(store, &group, &key).await?;
        self.know_state(&group, &key, Some(value.clone()));
        self.writes.push(Write::SetState { group, key, value, reaction });
        Ok(old)
    }

    pub async fn state_delete(
        &mut self,
        store: &dyn Store,
        group: GroupKey,
        key: String,
        reaction: Option<Reaction>,
    ) -> StoreResult<Option<Json>> {
        let old = self.state_get(store, &group, &key).await?;
        self.know_state(&group, &key, None);
        self.writes.push(Write::DeleteState { group, key, reaction });
        Ok(old)
    }

    pub async fn state_update(
        &mut self,
        store: &dyn Store,
        group: GroupKey,
        key: String,
        ops: &[UpdateOp],
        reaction: Option<Reaction>,
    ) -> StoreResult<Json> {
        let old = self.state_get(store, &group, &key).await?;
        let new = apply_update(old.as_deref(), ops)?;
        self.know_state(&group, &key, Some(new.clone()));
        self.writes.push(Write::SetState { group, key, value: new.clone(), reaction });
        Ok(new)
    }

    pub async fn state_group(
        &mut self,
        store: &dyn Store,
        group: GroupKey,
        max_bytes: usize,
    ) -> StoreResult<Vec<Entry>> {
        let mut values = BTreeMap::new();
        if !self.cleared.contains(&group) {
            let entries = store.state_group(group.clone(), max_bytes).await?;
            values.extend(entries.iter().map(|entry| (entry.key.clone(), entry.value.clone())));
            self.reads.push(Read::StateGroup { group: group.clone(), entries });
        }
        overlay(&mut values, self.state.get(&group));
        Ok(values.into_iter().map(|(key, value)| Entry { key, value }).collect())
    }

    pub fn state_clear(&mut self, group: GroupKey, reaction: Option<Reaction>) {
        self.state.remove(&group);
        self.cleared.insert(group.clone());
        self.writes.push(Write::ClearState { group, reaction });
    }

    pub async fn item_get(
        &mut self,
        store: &dyn Store,
        group: &GroupKey,
        id: &str,
    ) -> StoreResult<Option<Json>> {
        if let Some(known) = self.items.get(group).and_then(|items| items.get(id)) {
            return Ok(known.clone());
        }
        let item = store.item_get(group.clone(), id.to_owned()).await?;
        let offset = item.as_ref().map(|item| item.offset);
        self.reads.push(Read::Item { group: group.clone(), id: id.to_owned(), offset });
        let data = item.map(|item| item.data);
        self.know_item(group, id, data.clone());
        Ok(data)
    }

    /// Does not look at the item before, so that writers of one item do not disturb each other.
    pub fn item_set(
        &mut self,
        group: GroupKey,
        id: String,
        data: Json,
        reaction: Option<Reaction>,
    ) {
        self.know_item(&group, &id, Some(data.clone()));
        self.writes.push(Write::SetItem { group, id, data, reaction });
    }

    pub async fn item_delete(
        &mut self,
        store: &dyn Store,
        group: GroupKey,
        id: String,
        reaction: Option<Reaction>,
    ) -> StoreResult<Option<Json>> {
        let old = self.item_get(store, &group, &id).await?;
        self.know_item(&group, &id, None);
        self.writes.push(Write::DeleteItem { group, id, reaction });
        Ok(old)
    }

    pub async fn item_group(
        &mut self,
        store: &dyn Store,
        group: GroupKey,
        max_bytes: usize,
    ) -> StoreResult<Vec<(String, Json)>> {
        let items = store.item_group(group.clone(), max_bytes).await?;
        let pair = |item: &StoredItem| (item.id.clone(), item.data.clone());
        let mut values: BTreeMap<String, Json> = items.iter().map(pair).collect();
        overlay(&mut values, self.items.get(&group));
        self.reads.push(Read::ItemGroup { group, items });
        Ok(values.into_iter().collect())
    }

    pub fn emit(&mut self, event: NewEvent) {
        self.writes.push(Write::Emit(event));
    }

    pub fn item_send(&mut self, event: SentEvent) {
        self.writes.push(Write::Send(event));
    }

    /// Takes back an event of this transaction; whether there was one.
    pub fn cancel(&mut self, event_id: i64) -> bool {
        let before = self.writes.len();
        self.writes.retain(|write| !matches!(write, Write::Emit(event) if event.id == event_id));
        self.writes.len() < before
    }

    fn know_state(&mut self, group: &GroupKey, key: &str, value: Option<Json>) {
        self.state.entry(group.clone()).or_default().insert(key.to_owned(), value);
    }

    fn know_item(&mut self, group: &GroupKey, id: &str, data: Option<Json>) {
        self.items.entry(group.clone()).or_default().insert(id.to_owned(), data);
    }
}

/// Puts what is known of a group over what the store has of it.
fn overlay(values: &mut BTreeMap<String, Json>, known: Option<&BTreeMap<String, Option<Json>>>) {
    for (key, value) in known.into_iter().flatten() {
        match value {
            Some(value) => values.insert(key.clone(), value.clone()),
            None => values.remove(key),
        };
    }
}

/// An id that `emit` returned.
pub fn event_id(text: &str) -> Result<i64, HostError> {
    text.parse().map_err(|_| HostError::Invalid(format!("`{text}` is not the id of an event")))
}

#[cfg(test)]
mod tests {
    use motia_manifest::TenantId;
    use motia_store::{Commit, MemoryStore, StoreError};

    use super::*;

    fn group() -> GroupKey {
        GroupKey { tenant: TenantId::default(), stream: None, group: "g".to_owned() }
    }

    async fn commit(store: &MemoryStore, transaction: Transaction) -> StoreResult<()> {
        let (reads, writes) = transaction.into_parts();
        store.commit(Commit { reads, writes, ..Commit::default() }, 0, store.epoch()).await
    }

    async fn set(store: &MemoryStore, key: &str, value: &str) {
        store.state_set(group(), key.to_owned(), value.to_owned(), None, 0).await.unwrap();
    }

    #[tokio::test]
    async fn its_own_writes_are_visible_to_it_alone() {
        let store = MemoryStore::default();
        set(&store, "a", "1").await;
        let mut step = Transaction::default();
        step.state_set(&store, group(), "b".to_owned(), "2".to_owned(), None).await.unwrap();
        step.state_delete(&store, group(), "a".to_owned(), None).await.unwrap();
        let seen = step.state_group(&store, group(), 1000).await.unwrap();
        assert_eq!(seen, [Entry { key: "b".to_owned(), value: "2".to_owned() }]);
        assert_eq!(store.state_get(group(), "b".to_owned()).await.unwrap(), None);
        commit(&store, step).await.unwrap();
        assert_eq!(store.state_get(group(), "b".to_owned()).await.unwrap().as_deref(), Some("2"));
    }

    #[tokio::test]
    async fn a_cleared_group_is_empty_but_for_what_follows() {
        let store = MemoryStore::default();
        set(&store, "a", "1").await;
        let mut step = Transaction::default();
        step.state_clear(group(), None);
        assert_eq!(step.state_get(&store, &group(), "a").await.unwrap(), None);
        step.state_set(&store, group(), "c".to_owned(), "3".to_owned(), None).await.unwrap();
        commit(&store, step).await.unwrap();
        let left = store.state_group(group(), 1000).await.unwrap();
        assert_eq!(left, [Entry { key: "c".to_owned(), value: "3".to_owned() }]);
    }

    #[tokio::test]
    async fn what_was_read_must_still_be_so() {
        let store = MemoryStore::default();
        let mut step = Transaction::default();
        step.state_update(
            &store,
            group(),
            "n".to_owned(),
            &[UpdateOp::Increment { path: String::new(), by: 1.0 }],
            None,
        )
        .await
        .unwrap();
        set(&store, "n", "5").await;
        assert!(matches!(commit(&store, step).await, Err(StoreError::Conflict(_))));
        assert_eq!(store.state_get(group(), "n".to_owned()).await.unwrap().as_deref(), Some("5"));
    }
}
