//! The interface `streams`.

use super::{Answer, HostError, check_json, check_name};
use crate::{bindings::motia::step::streams, host::Host};

const ITEM: (&str, &str) = ("the stream item", "item_bytes");

impl Host {
    async fn stream_set(
        &mut self,
        stream: String,
        group: String,
        id: String,
        data: String,
    ) -> Result<String, HostError> {
        check_item(&group, &id)?;
        check_json(&data, self.limits.item_bytes, ITEM)?;
        self.usage.count_stream_write(&self.limits)?;
        self.capabilities.stream_set(stream, group, id, data).await
    }

    async fn stream_delete(
        &mut self,
        stream: String,
        group: String,
        id: String,
    ) -> Result<Option<String>, HostError> {
        check_item(&group, &id)?;
        self.usage.count_stream_write(&self.limits)?;
        self.capabilities.stream_delete(stream, group, id).await
    }

    async fn stream_send(
        &mut self,
        stream: String,
        group: String,
        id: Option<String>,
        event_type: String,
        data: String,
    ) -> Result<(), HostError> {
        check_name(&group, "the group id")?;
        check_json(&data, self.limits.item_bytes, ITEM)?;
        self.usage.count_stream_write(&self.limits)?;
        self.capabilities.stream_send(stream, group, id, event_type, data).await
    }
}

fn check_item(group: &str, id: &str) -> Result<(), HostError> {
    check_name(group, "the group id")?;
    check_name(id, "the item id")
}

impl streams::Host for Host {
    async fn get(&mut self, stream: String, group: String, id: String) -> Answer<Option<String>> {
        Ok(self.capabilities.stream_get(stream, group, id).await.map_err(Into::into))
    }

    async fn set(
        &mut self,
        stream: String,
        group: String,
        id: String,
        data: String,
    ) -> Answer<String> {
        Ok(self.stream_set(stream, group, id, data).await.map_err(Into::into))
    }

    async fn delete(
        &mut self,
        stream: String,
        group: String,
        id: String,
    ) -> Answer<Option<String>> {
        Ok(self.stream_delete(stream, group, id).await.map_err(Into::into))
    }

    async fn get_group(&mut self, stream: String, group: String) -> Answer<Vec<streams::Item>> {
        let items = self.capabilities.stream_group(stream, group).await;
        Ok(items.map_err(Into::into).map(|items| {
            let item = |item: super::Item| streams::Item { id: item.id, data: item.data };
            items.into_iter().map(item).collect()
        }))
    }

    async fn send(
        &mut self,
        stream: String,
        group: String,
        id: Option<String>,
        event_type: String,
        data: String,
    ) -> Answer<()> {
        let sent = self.stream_send(stream, group, id, event_type, data).await;
        Ok(sent.map_err(Into::into))
    }
}
