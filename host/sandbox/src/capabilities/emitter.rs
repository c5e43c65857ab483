//! The interface `emitter`.

use super::{Answer, EmitOptions, HostError, check_json, check_name};
use crate::{bindings::motia::step::emitter, host::Host};

impl Host {
    async fn emit(
        &mut self,
        topic: String,
        data: String,
        options: emitter::EmitOptions,
    ) -> Result<(), HostError> {
        check_name(&topic, "the topic")?;
        check_json(&data, self.limits.event_bytes, ("the event", "event_bytes"))?;
        self.usage.count_emit(&self.limits)?;
        let options = EmitOptions { message_group_id: options.message_group_id };
        self.capabilities.emit(topic, data, options).await
    }
}

impl emitter::Host for Host {
    async fn emit(
        &mut self,
        topic: String,
        data: String,
        options: emitter::EmitOptions,
    ) -> Answer<()> {
        Ok(Host::emit(self, topic, data, options).await.map_err(Into::into))
    }
}
