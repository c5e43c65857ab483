//! The interface `state`.

use super::{Answer, HostError, UpdateOp, check_json, check_name};
use crate::{bindings::motia::step::state, host::Host};

const VALUE: (&str, &str) = ("the state value", "state_bytes");

impl Host {
    async fn state_set(
        &mut self,
        group: String,
        key: String,
        value: String,
    ) -> Result<Option<String>, HostError> {
        check_key(&group, &key)?;
        check_json(&value, self.limits.state_bytes, VALUE)?;
        self.usage.count_state_write(&self.limits)?;
        self.capabilities.state_set(group, key, value).await
    }

    async fn state_delete(
        &mut self,
        group: String,
        key: String,
    ) -> Result<Option<String>, HostError> {
        check_key(&group, &key)?;
        self.usage.count_state_write(&self.limits)?;
        self.capabilities.state_delete(group, key).await
    }

    async fn state_clear(&mut self, group: String) -> Result<(), HostError> {
        check_name(&group, "the group id")?;
        self.usage.count_state_write(&self.limits)?;
        self.capabilities.state_clear(group).await
    }

    async fn state_update(
        &mut self,
        group: String,
        key: String,
        ops: Vec<state::UpdateOp>,
    ) -> Result<String, HostError> {
        check_key(&group, &key)?;
        self.usage.count_state_write(&self.limits)?;
        let mut checked = Vec::with_capacity(ops.len());
        for op in ops {
            checked.push(match op {
                state::UpdateOp::Set((path, value)) => {
                    check_json(&value, self.limits.state_bytes, VALUE)?;
                    UpdateOp::Set(path, value)
                }
                state::UpdateOp::Merge((path, value)) => {
                    check_json(&value, self.limits.state_bytes, VALUE)?;
                    UpdateOp::Merge(path, value)
                }
                state::UpdateOp::Increment((path, by)) => UpdateOp::Increment(path, by),
                state::UpdateOp::Decrement((path, by)) => UpdateOp::Decrement(path, by),
                state::UpdateOp::Remove(path) => UpdateOp::Remove(path),
            });
        }
        self.capabilities.state_update(group, key, checked).await
    }
}

fn check_key(group: &str, key: &str) -> Result<(), HostError> {
    check_name(group, "the group id")?;
    check_name(key, "the key")
}

impl state::Host for Host {
    async fn get(&mut self, group: String, key: String) -> Answer<Option<String>> {
        if let Err(error) = check_key(&group, &key) {
            return Ok(Err(error.into()));
        }
        Ok(self.capabilities.state_get(group, key).await.map_err(Into::into))
    }

    async fn set(&mut self, group: String, key: String, value: String) -> Answer<Option<String>> {
        Ok(self.state_set(group, key, value).await.map_err(Into::into))
    }

    async fn delete(&mut self, group: String, key: String) -> Answer<Option<String>> {
        Ok(self.state_delete(group, key).await.map_err(Into::into))
    }

    async fn get_group(&mut self, group: String) -> Answer<Vec<state::Entry>> {
        let entries = self.capabilities.state_group(group).await;
        Ok(entries.map_err(Into::into).map(|entries| {
            let entry = |entry: super::Entry| state::Entry { key: entry.key, value: entry.value };
            entries.into_iter().map(entry).collect()
        }))
    }

    async fn clear(&mut self, group: String) -> Answer<()> {
        Ok(self.state_clear(group).await.map_err(Into::into))
    }

    async fn update(
        &mut self,
        group: String,
        key: String,
        ops: Vec<state::UpdateOp>,
    ) -> Answer<String> {
        Ok(self.state_update(group, key, ops).await.map_err(Into::into))
    }
}
