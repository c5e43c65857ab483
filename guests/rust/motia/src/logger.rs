//! Log records.

use serde::Serialize;
use serde_json::{Value, json};

use crate::host::{self, Level};

/// Writes log records of this step and trace.
#[derive(Debug, Clone, Copy)]
pub struct Logger(pub(crate) ());

impl Logger {
    /// For the developer; `fields` is an object, or `()` for none.
    pub fn debug(&self, message: impl AsRef<str>, fields: impl Serialize) {
        write(Level::Debug, message.as_ref(), &fields);
    }

    /// For the record.
    pub fn info(&self, message: impl AsRef<str>, fields: impl Serialize) {
        write(Level::Info, message.as_ref(), &fields);
    }

    /// Something that should not be, but was dealt with.
    pub fn warn(&self, message: impl AsRef<str>, fields: impl Serialize) {
        write(Level::Warn, message.as_ref(), &fields);
    }

    /// Something that failed.
    pub fn error(&self, message: impl AsRef<str>, fields: impl Serialize) {
        write(Level::Error, message.as_ref(), &fields);
    }
}

/// Logging never fails a handler: fields that are not JSON are told as text.
fn write(level: Level, message: &str, fields: &impl Serialize) {
    let fields = match serde_json::to_value(fields) {
        Ok(Value::Null) => None,
        Ok(fields @ Value::Object(_)) => Some(fields),
        Ok(other) => Some(json!({ "data": other })),
        Err(error) => Some(json!({ "data": format!("not JSON: {error}") })),
    };
    host::log(level, message, fields.map(|fields| fields.to_string()).as_deref());
}
