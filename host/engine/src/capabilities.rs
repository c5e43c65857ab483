//! What one invocation may ask of the host, answered from the deployment and the store.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use motia_manifest::TraceId;
use motia_sandbox::{
    Capabilities, EmitOptions, Entry, HostError, HostFuture, Item, LogLevel, LogRecord, UpdateOp,
};
use motia_store::{GroupKey, StoreError};
use serde_json::Value;

use crate::{
    deployment::{Deployment, StepIndex},
    engine::Engine,
};

/// The capabilities of one invocation.
pub struct StepCapabilities {
    pub engine: Engine,
    pub deployment: Arc<Deployment>,
    pub step: StepIndex,
    pub trace_id: TraceId,
    /// Whether anything was written that must be on disk before the answer.
    pub wrote: AtomicBool,
}

impl StepCapabilities {
    fn state_group_key(&self, group: String) -> GroupKey {
        GroupKey { tenant: self.engine.tenant().clone(), stream: None, group }
    }

    fn item_group_key(&self, stream: String, group: String) -> Result<GroupKey, HostError> {
        if !self.deployment.has_stream(&stream) {
            let streams = &self.deployment.manifest().streams;
            let declared: Vec<&str> = streams.iter().map(|s| s.config.name.as_str()).collect();
            return Err(HostError::Invalid(match declared.as_slice() {
                [] => format!("there is no stream `{stream}`: the project declares none"),
                declared => {
                    format!("there is no stream `{stream}`; declared are {}", declared.join(", "))
                }
            }));
        }
        Ok(GroupKey { tenant: self.engine.tenant().clone(), stream: Some(stream), group })
    }

    fn writes(&self) {
        self.wrote.store(true, Ordering::Relaxed);
    }

    fn max_bytes(&self) -> usize {
        self.deployment.step(self.step).grants.limits.state_bytes
    }
}

fn host_error(error: StoreError) -> HostError {
    match error {
        StoreError::Update(message) => HostError::Invalid(message),
        other => HostError::Unavailable(other.to_string()),
    }
}

impl Capabilities for StepCapabilities {
    fn emit(&self, topic: String, data: String, options: EmitOptions) -> HostFuture<'_, ()> {
        Box::pin(async move {
            let step = self.deployment.step(self.step);
            if !step.may_emit(&topic) {
                let declared: Vec<&str> =
                    step.step.config.emits.iter().map(|emit| emit.topic.as_str()).collect();
                let message = format!(
                    "`{}` may not emit to `{topic}`: its `emits` has only {}",
                    step.name,
                    declared.join(", ")
                );
                tracing::warn!(step = %step.name, trace_id = %self.trace_id, "{message}");
                return Err(HostError::Denied(message));
            }
            self.writes();
            self.engine
                .emit_event(
                    &self.deployment,
                    &topic,
                    data,
                    self.trace_id.clone(),
                    options.message_group_id,
                )
                .await
                .map(drop)
                .map_err(host_error)
        })
    }

    fn state_get(&self, group: String, key: String) -> HostFuture<'_, Option<String>> {
        let group = self.state_group_key(group);
        Box::pin(async move { self.engine.store().state_get(group, key).await.map_err(host_error) })
    }

    fn state_set(
        &self,
        group: String,
        key: String,
        value: String,
    ) -> HostFuture<'_, Option<String>> {
        self.writes();
        let group = self.state_group_key(group);
        Box::pin(async move {
            self.engine.store().state_set(group, key, value).await.map_err(host_error)
        })
    }

    fn state_delete(&self, group: String, key: String) -> HostFuture<'_, Option<String>> {
        self.writes();
        let group = self.state_group_key(group);
        Box::pin(
            async move { self.engine.store().state_delete(group, key).await.map_err(host_error) },
        )
    }

    fn state_group(&self, group: String) -> HostFuture<'_, Vec<Entry>> {
        let group = self.state_group_key(group);
        Box::pin(async move {
            let entries = self
                .engine
                .store()
                .state_group(group, self.max_bytes())
                .await
                .map_err(host_error)?;
            let entry = |entry: motia_store::Entry| Entry { key: entry.key, value: entry.value };
            Ok(entries.into_iter().map(entry).collect())
        })
    }

    fn state_clear(&self, group: String) -> HostFuture<'_, ()> {
        self.writes();
        let group = self.state_group_key(group);
        Box::pin(async move {
            self.engine.store().state_clear(group).await.map(drop).map_err(host_error)
        })
    }

    fn state_update(
        &self,
        group: String,
        key: String,
        ops: Vec<UpdateOp>,
    ) -> HostFuture<'_, String> {
        self.writes();
        let group = self.state_group_key(group);
        Box::pin(async move {
            let ops = ops.into_iter().map(store_op).collect::<Result<_, _>>()?;
            let store = self.engine.store();
            store.state_update(group, key, ops, self.max_bytes()).await.map_err(host_error)
        })
    }

    fn stream_get(
        &self,
        stream: String,
        group: String,
        id: String,
    ) -> HostFuture<'_, Option<String>> {
        Box::pin(async move {
            let group = self.item_group_key(stream, group)?;
            let item = self.engine.store().item_get(group, id).await.map_err(host_error)?;
            Ok(item.map(|item| item.data))
        })
    }

    fn stream_set(
        &self,
        stream: String,
        group: String,
        id: String,
        data: String,
    ) -> HostFuture<'_, String> {
        self.writes();
        Box::pin(async move {
            let group = self.item_group_key(stream, group)?;
            let data = with_id(data, &id)?;
            self.engine.store().item_set(group, id, data.clone()).await.map_err(host_error)?;
            Ok(data)
        })
    }

    fn stream_delete(
        &self,
        stream: String,
        group: String,
        id: String,
    ) -> HostFuture<'_, Option<String>> {
        self.writes();
        Box::pin(async move {
            let group = self.item_group_key(stream, group)?;
            let change = self.engine.store().item_delete(group, id).await.map_err(host_error)?;
            Ok(change.old)
        })
    }

    fn stream_group(&self, stream: String, group: String) -> HostFuture<'_, Vec<Item>> {
        Box::pin(async move {
            let group = self.item_group_key(stream, group)?;
            let items = self
                .engine
                .store()
                .item_group(group, self.max_bytes())
                .await
                .map_err(host_error)?;
            Ok(items.into_iter().map(|item| Item { id: item.id, data: item.data }).collect())
        })
    }

    fn stream_send(
        &self,
        stream: String,
        group: String,
        _: Option<String>,
        event_type: String,
        _: String,
    ) -> HostFuture<'_, ()> {
        Box::pin(async move {
            let group = self.item_group_key(stream, group)?;
            tracing::debug!(group = %group.group, "nobody follows the stream event `{event_type}`");
            Ok(())
        })
    }

    fn log(&self, record: LogRecord) {
        log_record(self.deployment.step(self.step).name.as_str(), &self.trace_id, &record);
    }
}

/// Writes a step's record to the host's log.
fn log_record(step: &str, trace_id: &TraceId, record: &LogRecord) {
    let LogRecord { level, message, args } = record;
    macro_rules! record {
        ($level:ident) => {
            match args {
                Some(args) => tracing::$level!(target: "motia::step", step, %trace_id, %args, "{message}"),
                None => tracing::$level!(target: "motia::step", step, %trace_id, "{message}"),
            }
        };
    }
    match level {
        LogLevel::Debug => record!(debug),
        LogLevel::Info => record!(info),
        LogLevel::Warn => record!(warn),
        LogLevel::Error => record!(error),
    }
}

fn store_op(op: UpdateOp) -> Result<motia_store::UpdateOp, HostError> {
    let json = |text: String| {
        serde_json::from_str::<Value>(&text).map_err(|error| HostError::Invalid(error.to_string()))
    };
    Ok(match op {
        UpdateOp::Set(path, value) => motia_store::UpdateOp::Set { path, value: json(value)? },
        UpdateOp::Merge(path, value) => motia_store::UpdateOp::Merge { path, value: json(value)? },
        UpdateOp::Increment(path, by) => motia_store::UpdateOp::Increment { path, by },
        UpdateOp::Decrement(path, by) => motia_store::UpdateOp::Decrement { path, by },
        UpdateOp::Remove(path) => motia_store::UpdateOp::Remove { path },
    })
}

/// An item that is an object always has its id: clients are keyed on it.
fn with_id(data: String, id: &str) -> Result<String, HostError> {
    if !data.trim_start().starts_with('{') {
        return Ok(data);
    }
    let mut item: serde_json::Map<String, Value> =
        serde_json::from_str(&data).map_err(|error| HostError::Invalid(error.to_string()))?;
    if item.get("id").and_then(Value::as_str) == Some(id) {
        return Ok(data);
    }
    item.insert("id".to_owned(), Value::from(id));
    Ok(Value::Object(item).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_always_has_its_id() {
        let stored = |data: &str| with_id(data.to_owned(), "7").unwrap();
        assert_eq!(stored(r#"{"a":1}"#), r#"{"a":1,"id":"7"}"#);
        assert_eq!(stored(r#"{"id":"7"}"#), r#"{"id":"7"}"#);
        assert_eq!(stored("[1]"), "[1]");
    }
}
