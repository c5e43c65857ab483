//! What requests for operations say: parameters of queries, fields of bodies, ids.

use http::StatusCode;
use motia_store::Millis;
use serde_json::{Map, Value};

use crate::{error::HttpError, query, time};

/// How many items a page has unless the client says so, and at most.
const LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;

/// An id in a path.
pub fn id(text: &str, what: &str) -> Result<i64, HttpError> {
    text.parse().map_err(|_| {
        HttpError::bad_request("invalid_id", format!("`{text}` is not the id of {what}: a number"))
    })
}

/// There is nothing with this name.
pub fn missing(what: impl Into<String>) -> HttpError {
    HttpError::new(StatusCode::NOT_FOUND, "not_found", format!("there is no {}", what.into()))
}

fn known_names(names: &[&str]) -> String {
    match names {
        [] => "there are none".to_owned(),
        names => format!("known are {}", names.join(", ")),
    }
}

/// The parameters of a query.
#[derive(Debug)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a query of which only these parameters are known.
    pub fn of(query: &str, known: &[&str]) -> Result<Self, HttpError> {
        let parameters: Vec<(String, String)> = query::pairs(query).collect();
        for (i, (name, _)) in parameters.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let known = known_names(known);
                return Err(invalid(format!("unknown parameter `{name}`; {known}")));
            }
            if parameters[..i].iter().any(|(before, _)| before == name) {
                return Err(invalid(format!("the parameter `{name}` is there twice")));
            }
        }
        Ok(Self(parameters))
    }

    /// A parameter that is there and not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(given, value)| given == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    /// A text of another type.
    pub fn typed<T: for<'a> From<&'a str>>(&self, name: &str) -> Option<T> {
        self.text(name).map(T::from)
    }

    /// An id.
    pub fn id(&self, name: &str) -> Result<Option<i64>, HttpError> {
        self.read(name, "a number", |text| text.parse().ok())
    }

    /// The id of a run or a log record, which begins the page behind it.
    pub fn cursor<T: for<'a> From<&'a str>>(&self, name: &str) -> Result<Option<T>, HttpError> {
        self.read(name, "a page's `next`: 16 hexadecimal digits", |text| {
            let is_id = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_id.then(|| T::from(text))
        })
    }

    /// A time.
    pub fn time(&self, name: &str) -> Result<Option<Millis>, HttpError> {
        self.read(name, time::EXPECTED, time::of_text)
    }

    /// How many items are asked for.
    pub fn limit(&self) -> Result<usize, HttpError> {
        let limit = self.read("limit", "a number from 1 to 1000", |text| {
            text.parse::<usize>().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit))
        })?;
        Ok(limit.unwrap_or(LIMIT))
    }

    /// A parameter, read by a function that knows what it may be.
    pub fn read<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, HttpError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match read(text) {
            Some(value) => Ok(Some(value)),
            None => Err(invalid(format!("`{name}={text}`: expected {expected}"))),
        }
    }
}

fn invalid(message: String) -> HttpError {
    HttpError::bad_request("invalid_query", message)
}

/// The fields of a body.
#[derive(Debug)]
pub struct Fields(Map<String, Value>);

impl Fields {
    /// Fields of which only these are known.
    pub fn of(fields: &Map<String, Value>, known: &[&str]) -> Result<Self, HttpError> {
        match fields.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(Self(fields.clone())),
            Some(name) => {
                let known = known_names(known);
                Err(wrong(format!("unknown field `{name}`; {known}")))
            }
        }
    }

    /// A field that is there and not null.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text.
    pub fn text(&self, name: &str) -> Result<Option<&str>, HttpError> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(format!("`{name}` is not a string"))),
        }
    }

    /// A text of another type.
    pub fn typed<T: for<'a> From<&'a str>>(&self, name: &str) -> Result<Option<T>, HttpError> {
        Ok(self.text(name)?.map(T::from))
    }

    /// A time.
    pub fn time(&self, name: &str) -> Result<Option<Millis>, HttpError> {
        self.read(name, time::EXPECTED, time::of_json)
    }

    /// Ids as numbers or, because JavaScript loses digits of large ones, as strings.
    pub fn ids(&self, name: &str) -> Result<Vec<i64>, HttpError> {
        let id = |value: &Value| match value {
            Value::String(text) => text.parse().ok(),
            value => value.as_i64(),
        };
        let ids = self.read(name, "a list of ids", |value| {
            value.as_array()?.iter().map(id).collect::<Option<Vec<i64>>>()
        })?;
        Ok(ids.unwrap_or_default())
    }

    /// A field, read by a function that knows what it may be.
    pub fn read<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, HttpError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        match read(value) {
            Some(value) => Ok(Some(value)),
            None => Err(wrong(format!("`{name}` is not {expected}"))),
        }
    }
}

/// The body is not what was expected.
pub fn wrong(message: impl Into<String>) -> HttpError {
    HttpError::bad_request("invalid_request", message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Value, known: &[&str]) -> Result<Fields, HttpError> {
        Fields::of(value.as_object().unwrap(), known)
    }

    #[test]
    fn an_unknown_parameter_is_told_the_known_ones() {
        let error = Parameters::of("step=A&stpe=B", &["step", "limit"]).unwrap_err();
        assert_eq!((error.status.as_u16(), error.code), (400, "invalid_query"));
        assert!(error.message.contains("`stpe`; known are step, limit"), "{}", error.message);
        assert!(Parameters::of("step=A&step=B", &["step"]).is_err());
        assert!(fields(json!({"a": 1}), &[]).unwrap_err().message.contains("`a`"));
    }

    #[test]
    fn parameters_have_types() {
        let known = ["step", "after", "since", "limit"];
        let good = Parameters::of("step=A%20b&after=7&since=1970-01-02&limit=", &known).unwrap();
        assert_eq!((good.text("step"), good.text("none")), (Some("A b"), None));
        assert_eq!((good.id("after").unwrap(), good.limit().unwrap()), (Some(7), LIMIT));
        assert_eq!(good.time("since").unwrap(), Some(86_400_000));
        let bad = Parameters::of("after=x&since=soon&limit=1001", &known).unwrap();
        assert!(bad.id("after").is_err() && bad.time("since").is_err());
        assert!(bad.limit().unwrap_err().message.contains("1 to 1000"));
    }

    #[test]
    fn ids_are_strings_or_numbers() {
        let read = |ids: Value| fields(json!({ "ids": ids }), &["ids"]).unwrap().ids("ids");
        assert_eq!(read(json!(["1870000000000000001", 2])), Ok(vec![1_870_000_000_000_000_001, 2]));
        assert_eq!(read(json!(null)), Ok(Vec::new()));
        for wrong in [json!("1"), json!([1.5]), json!(["x"])] {
            assert_eq!(read(wrong).unwrap_err().code, "invalid_request");
        }
    }
}
