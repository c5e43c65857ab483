//! Takes fields from a config one by one, and gathers everything that is wrong with them.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::{ConfigError, DataPath};

/// An object of a config that is being read; what was not asked for at the end is unknown.
pub(crate) struct Reader {
    /// Where the object is, with a dot behind it; empty for the whole config.
    path: String,
    fields: Map<String, Value>,
    asked: Vec<&'static str>,
    errors: Vec<ConfigError>,
}

impl Reader {
    pub(crate) fn new(json: &Value) -> Result<Self, Vec<ConfigError>> {
        match json {
            Value::Object(fields) => Ok(Self::at(String::new(), fields.clone())),
            other => Err(vec![ConfigError {
                field: String::new(),
                message: format!("expected an object, found {}", found(other)),
            }]),
        }
    }

    fn at(path: String, fields: Map<String, Value>) -> Self {
        Self { path, fields, asked: Vec::new(), errors: Vec::new() }
    }

    /// Everything that was wrong; the fields that are left are unknown, which `unknown` says of one.
    pub(crate) fn finish(
        mut self,
        unknown: impl Fn(&str) -> String,
    ) -> Result<(), Vec<ConfigError>> {
        let left: Vec<String> = self.fields.keys().cloned().collect();
        for field in left {
            self.error(&field, unknown(&field));
        }
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors) }
    }

    /// What was wrong so far.
    pub(crate) fn into_errors(self) -> Vec<ConfigError> {
        self.errors
    }

    pub(crate) fn error(&mut self, field: &str, message: impl Into<String>) {
        let field = format!("{}{field}", self.path);
        self.errors.push(ConfigError { field, message: message.into() });
    }

    pub(crate) fn wrong(&mut self, field: &str, expected: &str, value: &Value) {
        self.error(field, format!("expected {expected}, found {}", found(value)));
    }

    /// A field that stays; `null` counts as absent, as it does in the files people write.
    pub(crate) fn get(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    /// A field, no more unknown.
    pub(crate) fn take(&mut self, field: &'static str) -> Option<Value> {
        self.asked.push(field);
        self.fields.remove(field).filter(|value| !value.is_null())
    }

    /// Says that a field is missing, if it is.
    pub(crate) fn require(&mut self, field: &str, expected: &str) {
        if self.get(field).is_none() {
            self.error(field, format!("is missing; expected {expected}"));
        }
    }

    pub(crate) fn string(&mut self, field: &'static str) -> Option<String> {
        match self.take(field)? {
            Value::String(text) => Some(text),
            other => {
                self.wrong(field, "a string", &other);
                None
            }
        }
    }

    pub(crate) fn required_string(&mut self, field: &'static str, expected: &str) -> String {
        self.require(field, expected);
        let text = self.string(field);
        if text.as_deref() == Some("") {
            self.error(field, format!("is empty; expected {expected}"));
        }
        text.unwrap_or_default()
    }

    pub(crate) fn bool(&mut self, field: &'static str, default: bool) -> bool {
        match self.take(field) {
            None => default,
            Some(Value::Bool(value)) => value,
            Some(other) => {
                self.wrong(field, "true or false", &other);
                default
            }
        }
    }

    /// One of some words, each with what it means.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        field: &'static str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let value = self.take(field)?;
        let chosen = choices.iter().find(|(word, _)| value.as_str() == Some(*word));
        if chosen.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.wrong(field, &format!("one of {}", words.join(", ")), &value);
        }
        chosen.map(|&(_, meaning)| meaning)
    }

    /// A whole number that is not negative.
    pub(crate) fn count(&mut self, field: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let value = self.take(field)?;
        let count = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let count = count.filter(|count| range.contains(count));
        if count.is_none() {
            self.wrong(field, &expected_count(&range), &value);
        }
        count
    }

    pub(crate) fn required_count(
        &mut self,
        field: &'static str,
        range: RangeInclusive<u32>,
    ) -> u32 {
        self.require(field, &expected_count(&range));
        let least = *range.start();
        self.count(field, range).unwrap_or(least)
    }

    pub(crate) fn number(
        &mut self,
        field: &'static str,
        range: RangeInclusive<f64>,
    ) -> Option<f64> {
        let value = self.take(field)?;
        let number = value.as_f64().filter(|number| range.contains(number));
        if number.is_none() {
            self.wrong(field, &expected_number(&range), &value);
        }
        number
    }

    pub(crate) fn required_number(
        &mut self,
        field: &'static str,
        range: RangeInclusive<f64>,
    ) -> f64 {
        self.require(field, &expected_number(&range));
        let least = *range.start();
        self.number(field, range).unwrap_or(least)
    }

    /// The text of a [`DataPath`].
    pub(crate) fn data_path(&mut self, field: &'static str) -> Option<String> {
        let text = self.string(field)?;
        if let Err(message) = DataPath::parse(&text) {
            self.error(field, message);
        }
        Some(text)
    }

    pub(crate) fn required_data_path(&mut self, field: &'static str) -> String {
        self.require(field, "a path into the event's data, such as `customer.id`");
        self.data_path(field).unwrap_or_default()
    }

    pub(crate) fn list(&mut self, field: &'static str) -> Vec<Value> {
        match self.take(field) {
            None => Vec::new(),
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.wrong(field, "a list", &other);
                Vec::new()
            }
        }
    }

    pub(crate) fn strings(&mut self, field: &'static str) -> Vec<String> {
        let mut strings = Vec::new();
        for (i, item) in self.list(field).into_iter().enumerate() {
            match item {
                Value::String(text) => strings.push(text),
                other => self.wrong(&format!("{field}[{i}]"), "a string", &other),
            }
        }
        strings
    }

    /// A JSON Schema: an object, `true` or `false`.
    pub(crate) fn schema(&mut self, field: &'static str) -> Option<Value> {
        let schema = self.take(field)?;
        if !is_schema(&schema) {
            self.wrong(field, "a JSON Schema or a schema object such as one of Zod", &schema);
            return None;
        }
        Some(schema)
    }

    /// An object in a field.
    pub(crate) fn object<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self) -> T,
    ) -> Option<T> {
        match self.take(field)? {
            Value::Object(fields) => Some(self.within(field, fields, read)),
            other => {
                self.wrong(field, "an object", &other);
                None
            }
        }
    }

    /// An object that was taken from somewhere in this one.
    pub(crate) fn within<T>(
        &mut self,
        at: &str,
        fields: Map<String, Value>,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let mut inner = Self::at(format!("{}{at}.", self.path), fields);
        let value = read(&mut inner);
        let expected = inner.asked.join(", ");
        if let Err(errors) = inner.finish(|_| format!("is not known here; expected {expected}")) {
            self.errors.extend(errors);
        }
        value
    }
}

/// Whether a value can be a JSON Schema.
pub(crate) fn is_schema(value: &Value) -> bool {
    value.is_object() || value.is_boolean()
}

fn expected_count(range: &RangeInclusive<u32>) -> String {
    format!("a whole number from {} to {}", range.start(), range.end())
}

fn expected_number(range: &RangeInclusive<f64>) -> String {
    format!("a number from {} to {}", range.start(), range.end())
}

/// What a value is, for a person.
fn found(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.len() <= 40 => format!("`{text}`"),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
