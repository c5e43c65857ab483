//! The imports of the component.

use super::{Answer, EmitOptions, HostError, Level, UpdateOp};
use crate::glue::bindings::motia::step::{emitter, logger, state, streams, types};

impl From<types::Error> for HostError {
    fn from(error: types::Error) -> Self {
        match error {
            types::Error::Denied(text) => Self::Denied(text),
            types::Error::Invalid(text) => Self::Invalid(text),
            types::Error::Limit(text) => Self::Limit(text),
            types::Error::Unavailable(text) => Self::Unavailable(text),
        }
    }
}

pub fn emit(topic: &str, data: &str, options: EmitOptions) -> Answer<String> {
    let options = emitter::EmitOptions {
        message_group_id: options.message_group_id,
        id: options.id,
        at: options.at,
        delay: options.delay,
        priority: options.priority,
        headers: options.headers,
    };
    Ok(emitter::emit(topic, data, &options)?)
}

pub fn cancel(id: &str) -> Answer<bool> {
    Ok(emitter::cancel(id)?)
}

pub fn state_get(group: &str, key: &str) -> Answer<Option<String>> {
    Ok(state::get(group, key)?)
}

pub fn state_set(group: &str, key: &str, value: &str) -> Answer<Option<String>> {
    Ok(state::set(group, key, value)?)
}

pub fn state_delete(group: &str, key: &str) -> Answer<Option<String>> {
    Ok(state::delete(group, key)?)
}

pub fn state_get_group(group: &str) -> Answer<Vec<(String, String)>> {
    let entries = state::get_group(group)?;
    Ok(entries.into_iter().map(|entry| (entry.key, entry.value)).collect())
}

pub fn state_clear(group: &str) -> Answer<()> {
    Ok(state::clear(group)?)
}

pub fn state_update(group: &str, key: &str, ops: Vec<UpdateOp>) -> Answer<String> {
    let ops: Vec<_> = ops
        .into_iter()
        .map(|op| match op {
            UpdateOp::Set(path, value) => state::UpdateOp::Set((path, value.to_string())),
            UpdateOp::Merge(path, fields) => state::UpdateOp::Merge((path, fields.to_string())),
            UpdateOp::Increment(path, by) => state::UpdateOp::Increment((path, by)),
            UpdateOp::Decrement(path, by) => state::UpdateOp::Decrement((path, by)),
            UpdateOp::Remove(path) => state::UpdateOp::Remove(path),
        })
        .collect();
    Ok(state::update(group, key, &ops)?)
}

pub fn stream_get(stream: &str, group: &str, id: &str) -> Answer<Option<String>> {
    Ok(streams::get(stream, group, id)?)
}

pub fn stream_set(stream: &str, group: &str, id: &str, data: &str) -> Answer<String> {
    Ok(streams::set(stream, group, id, data)?)
}

pub fn stream_delete(stream: &str, group: &str, id: &str) -> Answer<Option<String>> {
    Ok(streams::delete(stream, group, id)?)
}

pub fn stream_get_group(stream: &str, group: &str) -> Answer<Vec<(String, String)>> {
    let items = streams::get_group(stream, group)?;
    Ok(items.into_iter().map(|item| (item.id, item.data)).collect())
}

pub fn stream_send(
    stream: &str,
    group: &str,
    id: Option<&str>,
    kind: &str,
    data: &str,
) -> Answer<()> {
    Ok(streams::send(stream, group, id, kind, data)?)
}

pub fn log(level: Level, message: &str, fields: Option<&str>) {
    let level = match level {
        Level::Debug => logger::Level::Debug,
        Level::Info => logger::Level::Info,
        Level::Warn => logger::Level::Warn,
        Level::Error => logger::Level::Error,
    };
    logger::log(level, message, fields);
}
