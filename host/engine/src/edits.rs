//! Changes of state and streams that people make: like those of a step, they trigger the steps that watch, and are on
//! disk when the call returns.

use motia_store::{GroupKey, Json, Reaction, SentEvent};
use serde::de::IgnoredAny;

use crate::{
    capabilities::with_id,
    engine::{CallError, Engine, now_millis},
    live,
    reactions::{self, Origin},
    trace_id,
};

impl Engine {
    /// Stores a state value.
    ///
    /// # Errors
    /// When the value is too large, or the store fails.
    pub async fn set_state(
        &self,
        group: String,
        key: String,
        value: Json,
    ) -> Result<(), CallError> {
        check(&value, motia_sandbox::Limits::default().state_bytes)?;
        let group = self.state_key(group);
        let reaction = self.reaction(&group, &key)?;
        let since = self.store().epoch();
        self.store().state_set(group, key, value, reaction, now_millis()).await?;
        self.store().barrier(since).await?;
        self.announce_all();
        Ok(())
    }

    /// Deletes a state value; whether there was one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_state(&self, group: String, key: String) -> Result<bool, CallError> {
        let group = self.state_key(group);
        let reaction = self.reaction(&group, &key)?;
        let since = self.store().epoch();
        let old = self.store().state_delete(group, key, reaction, now_millis()).await?;
        self.store().barrier(since).await?;
        self.announce_all();
        Ok(old.is_some())
    }

    /// Stores a stream item and tells those who follow it.
    ///
    /// # Errors
    /// When there is no such stream, the item is too large, or the store fails.
    pub async fn set_item(
        &self,
        stream: &str,
        group: &str,
        id: String,
        data: Json,
    ) -> Result<(), CallError> {
        check(&data, motia_sandbox::Limits::default().item_bytes)?;
        let group = self.item_key(stream, group)?;
        let data = with_id(data, &id)
            .map_err(|error| CallError::new("invalid_json", 400, error.to_string()))?;
        let reaction = self.reaction(&group, &id)?;
        let since = self.store().epoch();
        self.store().item_set(group, id, data, reaction, now_millis()).await?;
        self.store().barrier(since).await?;
        self.announce_all();
        Ok(())
    }

    /// Deletes a stream item; whether there was one.
    ///
    /// # Errors
    /// When there is no such stream, or the store fails.
    pub async fn delete_item(
        &self,
        stream: &str,
        group: &str,
        id: String,
    ) -> Result<bool, CallError> {
        let group = self.item_key(stream, group)?;
        let reaction = self.reaction(&group, &id)?;
        let since = self.store().epoch();
        let change = self.store().item_delete(group, id, reaction, now_millis()).await?;
        self.store().barrier(since).await?;
        self.announce_all();
        Ok(change.old.is_some())
    }

    /// Tells those who follow a group, or an item of it, something that is not stored.
    ///
    /// # Errors
    /// When there is no such stream, the data is too large, or the store fails.
    pub async fn send_item(
        &self,
        stream: &str,
        group: &str,
        id: Option<String>,
        event_type: String,
        data: Json,
    ) -> Result<(), CallError> {
        check(&data, motia_sandbox::Limits::default().item_bytes)?;
        let group = self.item_key(stream, group)?;
        self.store().item_send(SentEvent { group, id, event_type, data }).await?;
        Ok(())
    }

    fn state_key(&self, group: String) -> GroupKey {
        GroupKey { tenant: self.tenant().clone(), stream: None, group }
    }

    fn item_key(&self, stream: &str, group: &str) -> Result<GroupKey, CallError> {
        live::group_key(self, &self.deployment(), stream, group)
            .map_err(|message| CallError::new("unknown_stream", 404, message))
    }

    fn reaction(&self, group: &GroupKey, key: &str) -> Result<Option<Reaction>, CallError> {
        self.store().check_room()?;
        let trace_id = trace_id::new();
        let origin = Origin { trace_id: &trace_id, depth: 0, cause: None };
        reactions::reaction(self, &self.deployment(), group, Some(key), origin)
            .map_err(|error| CallError::new("internal_error", 500, error.to_string()))
    }
}

fn check(json: &str, limit: usize) -> Result<(), CallError> {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(json) {
        return Err(CallError::new("invalid_json", 400, format!("the value is not JSON: {error}")));
    }
    if json.len() > limit {
        let bytes = json.len();
        let message = format!("the value has {bytes} bytes; at most {limit} are allowed");
        return Err(CallError::new("body_too_large", 413, message));
    }
    Ok(())
}
