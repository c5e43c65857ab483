//! HTTP responses.

use serde::Serialize;
use serde_json::Value;

use crate::{Error, Result};

/// What an api step answers.
///
/// ```
/// use motia::prelude::*;
///
/// let page: Response = Response::text("<h1>Hello</h1>");
/// let file: Response = Response::bytes(vec![1, 2, 3]).with_header("content-type", "image/png");
/// let made = Response::ok(json!({ "id": 7 })).with_status(201);
/// let gone: Response = Response::empty(204);
/// # assert_eq!((page.status, file.headers.len(), made.status, gone.status), (200, 1, 201, 204));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Response<T = Value> {
    /// The status code, 200 to 599.
    pub status: u16,
    /// The headers; a name may occur more than once.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body<T>,
}

/// The body of a response. Without a `content-type` header the kind decides it.
#[derive(Debug, Clone, PartialEq)]
pub enum Body<T = Value> {
    /// No body.
    Empty,
    /// `application/json`.
    Json(T),
    /// `text/html; charset=utf-8`.
    Text(String),
    /// `application/octet-stream`.
    Bytes(Vec<u8>),
}

impl<T> Body<T> {
    /// The value, where it is JSON.
    pub fn json(&self) -> Option<&T> {
        match self {
            Self::Json(value) => Some(value),
            _ => None,
        }
    }
}

impl<T> Response<T> {
    fn new(status: u16, body: Body<T>) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    /// 200 with a JSON body.
    pub fn ok(body: T) -> Self {
        Self::json(200, body)
    }

    /// 201 with a JSON body.
    pub fn created(body: T) -> Self {
        Self::json(201, body)
    }

    /// A JSON body.
    pub fn json(status: u16, body: T) -> Self {
        Self::new(status, Body::Json(body))
    }

    /// 200 with text; HTML unless a `content-type` header says otherwise.
    pub fn text(body: impl Into<String>) -> Self {
        Self::new(200, Body::Text(body.into()))
    }

    /// 200 with bytes.
    pub fn bytes(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, Body::Bytes(body.into()))
    }

    /// No body.
    pub fn empty(status: u16) -> Self {
        Self::new(status, Body::Empty)
    }

    /// 302 to another address.
    pub fn redirect(location: impl Into<String>) -> Self {
        Self::empty(302).with_header("location", location)
    }

    /// The same response with another status.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same response with one more header.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl<T: Serialize> Response<T> {
    /// The same response with the body as a JSON value.
    pub fn into_value(self) -> Result<Response> {
        let body = match self.body {
            Body::Empty => Body::Empty,
            Body::Text(text) => Body::Text(text),
            Body::Bytes(bytes) => Body::Bytes(bytes),
            Body::Json(value) => Body::Json(
                serde_json::to_value(value)
                    .map_err(|error| Error::from(error).while_doing("serialising the response"))?,
            ),
        };
        Ok(Response { status: self.status, headers: self.headers, body })
    }
}
