//! What one invocation may ask of the host, answered from the deployment and the store.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use motia_manifest::TraceId;
use motia_sandbox::{
    Capabilities, EmitOptions, Entry, HostError, HostFuture, Item, LogLevel, LogRecord, UpdateOp,
};
use motia_store::{
    GroupKey, LogEntry, LogSeverity, Millis, Reaction, SentEvent, StoreError, Telemetry,
};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{
    deployment::{Deployment, StepIndex},
    engine::{Emission, Engine, now_millis},
    live,
    policy::Wishes,
    reactions::{self, Origin},
    traceparent,
    transaction::{Transaction, event_id},
};

/// The capabilities of one invocation.
pub struct StepCapabilities {
    pub engine: Engine,
    pub deployment: Arc<Deployment>,
    pub step: StepIndex,
    /// The run's id.
    pub run: String,
    pub trace_id: TraceId,
    /// How many changes of state and streams in a row have caused the invocation.
    pub depth: u32,
    /// What an atomic step holds back; none for others.
    pub transaction: Option<Mutex<Transaction>>,
    /// Whether anything was written that must be on disk before the answer.
    pub wrote: AtomicBool,
}

impl StepCapabilities {
    fn state_group_key(&self, group: String) -> GroupKey {
        GroupKey { tenant: self.engine.tenant().clone(), stream: None, group }
    }

    fn item_group_key(&self, stream: String, group: String) -> Result<GroupKey, HostError> {
        live::group_key(&self.engine, &self.deployment, &stream, &group).map_err(HostError::Invalid)
    }

    fn writes(&self) {
        self.wrote.store(true, Ordering::Relaxed);
    }

    fn max_bytes(&self) -> usize {
        self.deployment.step(self.step).grants.limits.state_bytes
    }

    fn reaction(&self, group: &GroupKey, key: Option<&str>) -> Result<Option<Reaction>, HostError> {
        let origin = Origin { trace_id: &self.trace_id, depth: self.depth, cause: Some(&self.run) };
        reactions::reaction(&self.engine, &self.deployment, group, key, origin)
    }

    /// Wakes the steps that a change has triggered.
    fn announce(&self, triggered: &[(motia_manifest::StepName, Millis)]) {
        for (step, at) in triggered {
            self.engine.announce(step, *at);
        }
    }
}

fn triggered(reaction: Option<&Reaction>) -> Vec<(motia_manifest::StepName, Millis)> {
    let deliveries = reaction.into_iter().flat_map(|reaction| &reaction.event.deliveries);
    deliveries.map(|delivery| (delivery.step.clone(), delivery.due_at)).collect()
}

fn host_error(error: StoreError) -> HostError {
    match error {
        StoreError::Update(message) => HostError::Invalid(message),
        other => HostError::Unavailable(other.to_string()),
    }
}

impl Capabilities for StepCapabilities {
    fn emit(&self, topic: String, data: String, options: EmitOptions) -> HostFuture<'_, String> {
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
            let now = now_millis();
            let time = |millis: u64| Millis::try_from(millis).unwrap_or(Millis::MAX / 2);
            let delayed = options.delay.map(|delay| now.saturating_add(time(delay)));
            let emission = Emission {
                topic,
                data,
                trace_id: self.trace_id.clone(),
                depth: self.depth,
                cause: Some(self.run.clone()),
                unique: options.id,
                headers: options.headers,
                wishes: Wishes {
                    at: options.at.map(time).or(delayed),
                    priority: options.priority,
                    message_group_id: options.message_group_id,
                },
            };
            let event = self.engine.new_event(&self.deployment, emission, now);
            if let Some(transaction) = &self.transaction {
                let id = event.id;
                transaction.lock().await.emit(event);
                return Ok(id.to_string());
            }
            self.writes();
            let id = self.engine.store_event(event, now).await.map_err(host_error)?;
            Ok(id.to_string())
        })
    }

    fn cancel(&self, id: String) -> HostFuture<'_, bool> {
        Box::pin(async move {
            let id = event_id(&id)?;
            if let Some(transaction) = &self.transaction
                && transaction.lock().await.cancel(id)
            {
                return Ok(true);
            }
            self.engine.cancel_event(id).await.map(|ids| !ids.is_empty()).map_err(host_error)
        })
    }

    fn state_get(&self, group: String, key: String) -> HostFuture<'_, Option<String>> {
        let group = self.state_group_key(group);
        Box::pin(async move {
            let store = self.engine.store();
            let read = match &self.transaction {
                Some(held) => held.lock().await.state_get(store, &group, &key).await,
                None => store.state_get(group, key).await,
            };
            read.map_err(host_error)
        })
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
            let reaction = self.reaction(&group, Some(&key))?;
            let store = self.engine.store();
            if let Some(held) = &self.transaction {
                let mut held = held.lock().await;
                let set = held.state_set(store, group, key, value, reaction);
                return set.await.map_err(host_error);
            }
            let wake = triggered(reaction.as_ref());
            let old = store.state_set(group, key, value, reaction, now_millis()).await;
            self.announce(&wake);
            old.map_err(host_error)
        })
    }

    fn state_delete(&self, group: String, key: String) -> HostFuture<'_, Option<String>> {
        self.writes();
        let group = self.state_group_key(group);
        Box::pin(async move {
            let reaction = self.reaction(&group, Some(&key))?;
            let store = self.engine.store();
            if let Some(held) = &self.transaction {
                let mut held = held.lock().await;
                return held.state_delete(store, group, key, reaction).await.map_err(host_error);
            }
            let wake = triggered(reaction.as_ref());
            let old = store.state_delete(group, key, reaction, now_millis()).await;
            self.announce(&wake);
            old.map_err(host_error)
        })
    }

    fn state_group(&self, group: String) -> HostFuture<'_, Vec<Entry>> {
        let group = self.state_group_key(group);
        Box::pin(async move {
            let (store, max) = (self.engine.store(), self.max_bytes());
            let entries = match &self.transaction {
                Some(held) => held.lock().await.state_group(store, group, max).await,
                None => store.state_group(group, max).await,
            };
            let entry = |entry: motia_store::Entry| Entry { key: entry.key, value: entry.value };
            Ok(entries.map_err(host_error)?.into_iter().map(entry).collect())
        })
    }

    fn state_clear(&self, group: String) -> HostFuture<'_, ()> {
        self.writes();
        let group = self.state_group_key(group);
        Box::pin(async move {
            let reaction = self.reaction(&group, None)?;
            if let Some(held) = &self.transaction {
                held.lock().await.state_clear(group, reaction);
                return Ok(());
            }
            let wake = triggered(reaction.as_ref());
            let cleared = self.engine.store().state_clear(group, reaction, now_millis()).await;
            self.announce(&wake);
            cleared.map(drop).map_err(host_error)
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
            let ops: Vec<_> = ops.into_iter().map(store_op).collect::<Result<_, _>>()?;
            let reaction = self.reaction(&group, Some(&key))?;
            let (store, max) = (self.engine.store(), self.max_bytes());
            if let Some(held) = &self.transaction {
                let mut held = held.lock().await;
                let updated = held.state_update(store, group, key, &ops, reaction).await;
                return updated.map_err(host_error).and_then(|value| within(value, max));
            }
            let wake = triggered(reaction.as_ref());
            let new = store.state_update(group, key, ops, max, reaction, now_millis()).await;
            self.announce(&wake);
            new.map_err(host_error)
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
            let store = self.engine.store();
            if let Some(held) = &self.transaction {
                return held.lock().await.item_get(store, &group, &id).await.map_err(host_error);
            }
            let item = store.item_get(group, id).await.map_err(host_error)?;
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
            let reaction = self.reaction(&group, Some(&id))?;
            if let Some(held) = &self.transaction {
                held.lock().await.item_set(group, id, data.clone(), reaction);
                return Ok(data);
            }
            let wake = triggered(reaction.as_ref());
            let store = self.engine.store();
            let set = store.item_set(group, id, data.clone(), reaction, now_millis()).await;
            self.announce(&wake);
            set.map_err(host_error)?;
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
            let reaction = self.reaction(&group, Some(&id))?;
            let store = self.engine.store();
            if let Some(held) = &self.transaction {
                let mut held = held.lock().await;
                return held.item_delete(store, group, id, reaction).await.map_err(host_error);
            }
            let wake = triggered(reaction.as_ref());
            let change = store.item_delete(group, id, reaction, now_millis()).await;
            self.announce(&wake);
            Ok(change.map_err(host_error)?.old)
        })
    }

    fn stream_group(&self, stream: String, group: String) -> HostFuture<'_, Vec<Item>> {
        Box::pin(async move {
            let group = self.item_group_key(stream, group)?;
            let (store, max) = (self.engine.store(), self.max_bytes());
            if let Some(held) = &self.transaction {
                let items = held.lock().await.item_group(store, group, max).await;
                let item = |(id, data)| Item { id, data };
                return Ok(items.map_err(host_error)?.into_iter().map(item).collect());
            }
            let items = store.item_group(group, max).await.map_err(host_error)?;
            Ok(items.into_iter().map(|item| Item { id: item.id, data: item.data }).collect())
        })
    }

    fn stream_send(
        &self,
        stream: String,
        group: String,
        id: Option<String>,
        event_type: String,
        data: String,
    ) -> HostFuture<'_, ()> {
        Box::pin(async move {
            let group = self.item_group_key(stream, group)?;
            let event = SentEvent { group, id, event_type, data };
            if let Some(held) = &self.transaction {
                held.lock().await.item_send(event);
                return Ok(());
            }
            self.engine.store().item_send(event).await.map_err(host_error)
        })
    }

    fn log(&self, record: LogRecord) {
        let step = &self.deployment.step(self.step).name;
        log_record(step.as_str(), &self.trace_id, &record);
        if self.engine.records_runs() {
            let at = now_millis();
            self.engine.record_log(LogEntry {
                id: Telemetry::new_id(at),
                tenant: self.engine.tenant().clone(),
                at,
                level: match record.level {
                    LogLevel::Debug => LogSeverity::Debug,
                    LogLevel::Info => LogSeverity::Info,
                    LogLevel::Warn => LogSeverity::Warn,
                    LogLevel::Error => LogSeverity::Error,
                },
                step: step.clone(),
                run: self.run.clone(),
                trace_id: self.trace_id.clone(),
                message: record.message,
                args: record.args,
            });
        }
    }

    fn traceparent(&self) -> Option<String> {
        Some(traceparent::header(&self.trace_id, &self.run))
    }
}

fn within(value: String, max: usize) -> Result<String, HostError> {
    if value.len() <= max {
        return Ok(value);
    }
    let bytes = value.len();
    Err(HostError::Invalid(format!("the new value has {bytes} bytes; at most {max} are allowed")))
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
pub(crate) fn with_id(data: String, id: &str) -> Result<String, HostError> {
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
