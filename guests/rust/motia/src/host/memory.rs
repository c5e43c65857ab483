//! A host in memory, one for each thread, so that handlers run in `cargo test`.

use std::{cell::RefCell, collections::BTreeMap};

use serde_json::{Map, Value};

use super::{Answer, HostError, Level, UpdateOp};
use crate::testing::{Emitted, LogRecord, Sent};

#[derive(Default)]
pub(crate) struct Memory {
    pub emitted: Vec<Emitted>,
    pub sent: Vec<Sent>,
    pub logs: Vec<LogRecord>,
    state: BTreeMap<[String; 2], Value>,
    streams: BTreeMap<[String; 3], Value>,
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

pub(crate) fn with<T>(use_it: impl FnOnce(&mut Memory) -> T) -> T {
    MEMORY.with_borrow_mut(use_it)
}

fn json(text: &str) -> Answer<Value> {
    serde_json::from_str(text).map_err(|error| HostError::Invalid(error.to_string()))
}

fn text(value: Option<Value>) -> Option<String> {
    value.map(|value| value.to_string())
}

fn key<const N: usize>(parts: [&str; N]) -> [String; N] {
    parts.map(str::to_owned)
}

pub fn emit(topic: &str, data: &str, group: Option<&str>) -> Answer<()> {
    let emitted = Emitted {
        topic: topic.to_owned(),
        data: json(data)?,
        message_group_id: group.map(str::to_owned),
    };
    with(|memory| memory.emitted.push(emitted));
    Ok(())
}

pub fn state_get(group: &str, id: &str) -> Answer<Option<String>> {
    Ok(with(|memory| text(memory.state.get(&key([group, id])).cloned())))
}

pub fn state_set(group: &str, id: &str, value: &str) -> Answer<Option<String>> {
    let value = json(value)?;
    Ok(with(|memory| text(memory.state.insert(key([group, id]), value))))
}

pub fn state_delete(group: &str, id: &str) -> Answer<Option<String>> {
    Ok(with(|memory| text(memory.state.remove(&key([group, id])))))
}

pub fn state_get_group(group: &str) -> Answer<Vec<(String, String)>> {
    let entries = |memory: &mut Memory| {
        let own = memory.state.iter().filter(|([of, _], _)| of == group);
        own.map(|([_, id], value)| (id.clone(), value.to_string())).collect()
    };
    Ok(with(entries))
}

pub fn state_clear(group: &str) -> Answer<()> {
    with(|memory| memory.state.retain(|[of, _], _| of != group));
    Ok(())
}

pub fn state_update(group: &str, id: &str, ops: Vec<UpdateOp>) -> Answer<String> {
    with(|memory| {
        let mut value = memory.state.get(&key([group, id])).cloned().unwrap_or_default();
        for op in ops {
            apply(&mut value, op)?;
        }
        memory.state.insert(key([group, id]), value.clone());
        Ok(value.to_string())
    })
}

fn apply(value: &mut Value, op: UpdateOp) -> Answer<()> {
    match op {
        UpdateOp::Set(path, new) => *at(value, &path)? = new,
        UpdateOp::Merge(path, Value::Object(fields)) => object(at(value, &path)?)?.extend(fields),
        UpdateOp::Merge(_, other) => {
            return Err(HostError::Invalid(format!("{other} is not an object")));
        }
        UpdateOp::Increment(path, by) => add(at(value, &path)?, by)?,
        UpdateOp::Decrement(path, by) => add(at(value, &path)?, -by)?,
        UpdateOp::Remove(path) => match path.rsplit_once('.') {
            Some((parent, name)) => drop(object(at(value, parent)?)?.remove(name)),
            None if path.is_empty() => *value = Value::Null,
            None => drop(object(value)?.remove(&path)),
        },
    }
    Ok(())
}

fn object(value: &mut Value) -> Answer<&mut Map<String, Value>> {
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    let found = value.to_string();
    value.as_object_mut().ok_or_else(|| HostError::Invalid(format!("{found} is not an object")))
}

fn at<'a>(value: &'a mut Value, path: &str) -> Answer<&'a mut Value> {
    let names = path.split('.').filter(|_| !path.is_empty());
    names
        .into_iter()
        .try_fold(value, |value, name| Ok(object(value)?.entry(name).or_insert(Value::Null)))
}

fn add(value: &mut Value, by: f64) -> Answer<()> {
    let before = match &*value {
        Value::Null => Some(0.0),
        value => value.as_f64(),
    };
    let before = before.ok_or_else(|| HostError::Invalid(format!("{value} is not a number")))?;
    *value = Value::from(before + by);
    Ok(())
}

pub fn stream_get(stream: &str, group: &str, id: &str) -> Answer<Option<String>> {
    Ok(with(|memory| text(memory.streams.get(&key([stream, group, id])).cloned())))
}

pub fn stream_set(stream: &str, group: &str, id: &str, data: &str) -> Answer<String> {
    let mut item = json(data)?;
    if let Value::Object(fields) = &mut item {
        fields.insert("id".to_owned(), id.into());
    }
    with(|memory| memory.streams.insert(key([stream, group, id]), item.clone()));
    Ok(item.to_string())
}

pub fn stream_delete(stream: &str, group: &str, id: &str) -> Answer<Option<String>> {
    Ok(with(|memory| text(memory.streams.remove(&key([stream, group, id])))))
}

pub fn stream_get_group(stream: &str, group: &str) -> Answer<Vec<(String, String)>> {
    let items = |memory: &mut Memory| {
        let own = memory.streams.iter().filter(|([of, part, _], _)| of == stream && part == group);
        own.map(|([_, _, id], item)| (id.clone(), item.to_string())).collect()
    };
    Ok(with(items))
}

pub fn stream_send(
    stream: &str,
    group: &str,
    id: Option<&str>,
    kind: &str,
    data: &str,
) -> Answer<()> {
    let sent = Sent {
        stream: stream.to_owned(),
        group_id: group.to_owned(),
        id: id.map(str::to_owned),
        kind: kind.to_owned(),
        data: json(data)?,
    };
    with(|memory| memory.sent.push(sent));
    Ok(())
}

pub fn log(level: Level, message: &str, fields: Option<&str>) {
    let fields = fields.and_then(|fields| json(fields).ok()).unwrap_or_default();
    with(|memory| memory.logs.push(LogRecord { level, message: message.to_owned(), fields }));
}
