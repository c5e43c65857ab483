//! The interface `emitter`.

use super::{Answer, EmitOptions, HostError, check_json, check_name};
use crate::{bindings::motia::step::emitter, host::Host};

/// From the lowest to the highest priority of an event.
const PRIORITIES: std::ops::RangeInclusive<i32> = -100..=100;

/// More headers than this say something that belongs into the data.
const MAX_HEADERS: usize = 100;

impl Host {
    async fn emit(
        &mut self,
        topic: String,
        data: String,
        options: emitter::EmitOptions,
    ) -> Result<String, HostError> {
        check_name(&topic, "the topic")?;
        check_json(&data, self.limits.event_bytes, ("the event", "event_bytes"))?;
        let options = checked(options)?;
        self.usage.count_emit(&self.limits)?;
        self.capabilities.emit(topic, data, options).await
    }

    async fn cancel(&mut self, id: String) -> Result<bool, HostError> {
        check_name(&id, "the event's id")?;
        self.usage.count_emit(&self.limits)?;
        self.capabilities.cancel(id).await
    }
}

fn checked(options: emitter::EmitOptions) -> Result<EmitOptions, HostError> {
    let invalid = |message: String| Err(HostError::Invalid(message));
    if let Some(group) = &options.message_group_id {
        check_name(group, "the message group id")?;
    }
    if let Some(id) = &options.id {
        check_name(id, "the event's id")?;
    }
    if options.at.is_some() && options.delay.is_some() {
        return invalid("an event has either `at` or `delay`, not both".to_owned());
    }
    if let Some(priority) = options.priority.filter(|priority| !PRIORITIES.contains(priority)) {
        return invalid(format!("the priority {priority} is not from -100 to 100"));
    }
    if options.headers.len() > MAX_HEADERS {
        return invalid(format!("an event has at most {MAX_HEADERS} headers"));
    }
    for (name, value) in &options.headers {
        check_name(name, "the name of a header")?;
        if !value.is_empty() {
            check_name(value, "the value of a header")?;
        }
    }
    Ok(EmitOptions {
        message_group_id: options.message_group_id,
        id: options.id,
        at: options.at,
        delay: options.delay,
        priority: options.priority,
        headers: options.headers,
    })
}

impl emitter::Host for Host {
    async fn emit(
        &mut self,
        topic: String,
        data: String,
        options: emitter::EmitOptions,
    ) -> Answer<String> {
        Ok(Host::emit(self, topic, data, options).await.map_err(Into::into))
    }

    async fn cancel(&mut self, id: String) -> Answer<bool> {
        Ok(Host::cancel(self, id).await.map_err(Into::into))
    }
}
