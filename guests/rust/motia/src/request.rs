//! HTTP requests.

use std::{any::type_name, fmt::Display, str::FromStr};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Error, Result};

/// A request to an api step, its body deserialised to `T`.
///
/// JSON and form bodies become any type that serde can read, text becomes a `String`, and a
/// `Request` without a type takes any body. A body that does not fit is answered with 400.
///
/// ```
/// use motia::prelude::*;
///
/// #[motia::api(name = "List", method = "GET", path = "/users/:user/messages")]
/// fn handler(req: Request<()>) -> Result<Response> {
///     let user: u64 = req.param("user")?;
///     let limit = req.query::<usize>("limit")?.unwrap_or(20);
///     let agent = req.header("user-agent");
///     Ok(Response::ok(json!({ "user": user, "limit": limit, "agent": agent })))
/// }
///
/// let request = Request::get("/users/7/messages").with_param("user", "7").with_query(json!({ "limit": "5" }));
/// let response = motia::testing::request::<handler>(request).unwrap();
/// assert_eq!(response.body.json().unwrap()["limit"], 5);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Request<T = ()> {
    /// The method, in upper case.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The parameters of the path, percent-decoded.
    pub path_params: Vec<(String, String)>,
    /// The query: repeated keys are arrays, bracketed keys are nested.
    pub query_params: Map<String, Value>,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: T,
    /// The body as it came, after content encodings were undone.
    pub raw_body: Vec<u8>,
    /// The files and fields of a `multipart/form-data` body.
    pub parts: Vec<Part>,
}

/// A file or field of a `multipart/form-data` body.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Part {
    /// The name of the form's field.
    pub name: String,
    /// The file name that the client gave; none for a plain field.
    pub file_name: Option<String>,
    /// The media type that the client gave.
    pub content_type: Option<String>,
    /// The content.
    pub data: Vec<u8>,
}

impl<T> Request<T> {
    /// A parameter of the path.
    pub fn param<P: FromStr<Err: Display>>(&self, name: &str) -> Result<P> {
        let value = self.path_params.iter().find(|(key, _)| key == name);
        match value {
            Some((_, value)) => parse("path parameter", name, value),
            None => Err(Error::new(format!("the path has no parameter `{name}`"))),
        }
    }

    /// A parameter of the query, the last one if the key is repeated.
    pub fn query<P: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<P>> {
        let value = match self.query_params.get(name) {
            Some(Value::Array(values)) => values.last(),
            value => value,
        };
        match value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(value)) => parse("query parameter", name, value).map(Some),
            Some(other) => parse("query parameter", name, &other.to_string()).map(Some),
        }
    }

    /// A header; the case of the name does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    fn with_body<U>(self, body: U) -> Request<U> {
        Request {
            method: self.method,
            path: self.path,
            path_params: self.path_params,
            query_params: self.query_params,
            headers: self.headers,
            body,
            raw_body: self.raw_body,
            parts: self.parts,
        }
    }
}

/// Requests for tests.
impl Request<Value> {
    /// A request without a body.
    pub fn get(path: &str) -> Self {
        Self { method: "GET".to_owned(), path: path.to_owned(), ..Self::default() }
    }

    /// A request with a JSON body.
    pub fn post(path: &str, body: Value) -> Self {
        let raw_body = body.to_string().into_bytes();
        Self { method: "POST".to_owned(), path: path.to_owned(), body, raw_body, ..Self::default() }
    }

    /// The same request with a parameter of the path.
    pub fn with_param(mut self, name: &str, value: &str) -> Self {
        self.path_params.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same request with a query; anything but an object is none.
    pub fn with_query(mut self, query: Value) -> Self {
        self.query_params = query.as_object().cloned().unwrap_or_default();
        self
    }

    /// The same request with a header.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// Deserialises the body.
    pub(crate) fn typed<T: DeserializeOwned>(mut self) -> Result<Request<T>> {
        let body = match T::deserialize(&self.body) {
            Ok(body) => body,
            // Types without data, like `()`, take any body.
            Err(error) if size_of::<T>() == 0 => {
                serde_json::from_value(Value::Null).map_err(|_| unfit(error))?
            }
            Err(error) => return Err(unfit(error)),
        };
        self.body = Value::Null;
        Ok(self.with_body(body))
    }
}

fn unfit(error: serde_json::Error) -> Error {
    Error::new(format!("the body does not fit: {error}")).status(400)
}

fn parse<P: FromStr<Err: Display>>(what: &str, name: &str, value: &str) -> Result<P> {
    value.parse().map_err(|error| {
        let wanted = type_name::<P>().rsplit("::").next().unwrap_or_default();
        Error::new(format!("the {what} `{name}` is not a valid {wanted}: {error}")).status(400)
    })
}
