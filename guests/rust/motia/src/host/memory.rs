//! A host in memory, one for each thread, so that handlers run in `cargo test`.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    mem,
    time::{Duration, UNIX_EPOCH},
};

use serde_json::{Map, Value};

use super::{Answer, EmitOptions, HostError, Level, UpdateOp};
use crate::testing::{Emitted, LogRecord, Sent};

#[derive(Clone, Default)]
pub(crate) struct Memory {
    pub emitted: Vec<Emitted>,
    pub sent: Vec<Sent>,
    pub logs: Vec<LogRecord>,
    last_event: u64,
    state: BTreeMap<[String; 2], Value>,
    streams: BTreeMap<[String; 3], Value>,
}

impl Memory {
    /// Forgets what was stored and emitted since then; what was logged and sent is out already.
    pub fn take_back_to(&mut self, before: Self) {
        let (logs, sent) = (mem::take(&mut self.logs), mem::take(&mut self.sent));
        *self = Self { logs, sent, ..before };
    }
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

pub fn emit(topic: &str, data: &str, options: EmitOptions) -> Answer<String> {
    let data = json(data)?;
    check(&options)?;
    with(|memory| {
        let has_the_name =
            |earlier: &&Emitted| earlier.topic == topic && earlier.name == options.id;
        if options.id.is_some()
            && let Some(first) = memory.emitted.iter().find(has_the_name)
        {
            return Ok(first.id.clone());
        }
        memory.last_event += 1;
        let id = memory.last_event.to_string();
        memory.emitted.push(Emitted {
            id: id.clone(),
            topic: topic.to_owned(),
            data,
            message_group_id: options.message_group_id,
            name: options.id,
            at: options.at.map(|at| UNIX_EPOCH + Duration::from_millis(at)),
            delay: options.delay.map(Duration::from_millis),
            priority: options.priority.unwrap_or_default(),
            headers: options.headers,
        });
        Ok(id)
    })
}

/// Refuses what every host refuses.
fn check(options: &EmitOptions) -> Answer<()> {
    if options.at.is_some() && options.delay.is_some() {
        let message = "an event has either `at` or `delay`, not both";
        return Err(HostError::Invalid(message.to_owned()));
    }
    match options.priority {
        Some(priority) if !(-100..=100).contains(&priority) => {
            Err(HostError::Invalid(format!("the priority {priority} is not from -100 to 100")))
        }
        _ => Ok(()),
    }
}

/// Nothing is delivered here: every event that has a time waits for it.
pub fn cancel(id: &str) -> Answer<bool> {
    with(|memory| {
        let before = memory.emitted.len();
        let waits = |event: &Emitted| event.at.is_some() || event.delay.is_some();
        memory.emitted.retain(|event| event.id != id || !waits(event));
        Ok(memory.emitted.len() < before)
    })
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
