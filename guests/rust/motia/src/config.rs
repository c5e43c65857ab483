//! Building a config's JSON.

use std::marker::PhantomData;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{Error, Result};

/// A config under construction.
#[derive(Default)]
pub struct Config(Map<String, Value>);

impl Config {
    /// A config without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key.
    pub fn set(mut self, key: &str, value: Value) -> Self {
        self.0.insert(key.to_owned(), value);
        self
    }

    /// Sets a key where there is a value for it.
    pub fn set_some(self, key: &str, value: Option<Value>) -> Self {
        match value {
            Some(value) => self.set(key, value),
            None => self,
        }
    }

    /// Adds or replaces the keys of an object, or of the JSON text of one.
    pub fn merge(mut self, keys: Value) -> Result<Self> {
        let keys: Value = match keys {
            Value::String(text) => serde_json::from_str(&text)
                .map_err(|error| Error::new(format!("`config` is not JSON: {error}")))?,
            keys => keys,
        };
        let Value::Object(keys) = keys else {
            return Err(Error::new(format!("`config` is a JSON object, not {keys}")));
        };
        self.0.extend(keys);
        Ok(self)
    }

    /// The config of a handler that takes one event at a time.
    pub fn of_single_events(self) -> Result<Self> {
        match self.has_batch() {
            false => Ok(self),
            true => Err(Error::new(
                "`infrastructure.queue.batch` gathers events, so the handler takes a `Vec<Event<T>>`",
            )),
        }
    }

    /// The config of a handler that takes a batch of events.
    pub fn of_batches(self) -> Result<Self> {
        match self.has_batch() {
            true => Ok(self),
            false => Err(Error::new(
                "the handler takes a `Vec<Event<T>>`, so the queue needs a batch: \
                 `infrastructure = { queue = { batch = { size = 100 } } }`",
            )),
        }
    }

    fn has_batch(&self) -> bool {
        let queue = self.0.get("infrastructure").and_then(|all| all.get("queue"));
        queue.and_then(|queue| queue.get("batch")).is_some_and(|batch| !batch.is_null())
    }

    /// The config.
    pub fn finish(self) -> Value {
        Value::Object(self.0)
    }
}

/// The JSON of a key's value.
pub fn value(value: &(impl Serialize + ?Sized)) -> Value {
    serde_json::to_value(value).expect("a config's value is JSON")
}

/// The schema of a type, as the JSON Schema draft that TypeScript steps write too.
pub fn schema_of<T: JsonSchema>() -> Value {
    SchemaSettings::draft07().into_generator().into_root_schema_for::<T>().to_value()
}

/// Response schemas by status.
pub fn by_status<const N: usize>(schemas: [(&str, Value); N]) -> Value {
    Value::Object(schemas.map(|(status, schema)| (status.to_owned(), schema)).into_iter().collect())
}

/// A response's schema where the attribute names no status.
pub fn of_success(schema: Option<Value>) -> Option<Value> {
    schema.map(|schema| json!({ "200": schema }))
}

/// Finds out whether `T` has a schema, which no bound can ask: the method of `WithSchema` is
/// reached with one reference less, so it wins where it applies.
pub struct Probe<T>(PhantomData<T>);

impl<T> Probe<T> {
    /// A probe; it holds nothing.
    #[expect(clippy::new_without_default, reason = "only the macros make one")]
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

/// Probes of types that have a schema.
pub trait WithSchema {
    /// The schema.
    fn schema(&self) -> Option<Value>;
}

impl<T: JsonSchema> WithSchema for Probe<T> {
    /// None for types that take anything or nothing, as `Value` and `()` do.
    fn schema(&self) -> Option<Value> {
        let schema = schema_of::<T>();
        let says_something = schema.get("type").is_some_and(|kind| kind != "null")
            || ["properties", "anyOf", "oneOf", "allOf", "enum", "const", "$ref"]
                .iter()
                .any(|key| schema.get(key).is_some());
        says_something.then_some(schema)
    }
}

/// Probes of all types.
pub trait WithoutSchema {
    /// None.
    fn schema(&self) -> Option<Value>;
}

impl<T> WithoutSchema for &Probe<T> {
    fn schema(&self) -> Option<Value> {
        None
    }
}
