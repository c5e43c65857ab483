//! What a client is told when a request fails.

use std::{fmt, time::Duration};

use http::StatusCode;
use motia_engine::CallError;
use motia_store::StoreError;
use serde_json::{Map, Value, json};

/// A failure and the status, code and text that stand for it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{status}, {code}: {message}")]
pub struct HttpError {
    /// The status of the answer.
    pub status: StatusCode,
    /// What programs tell failures apart by; it never changes.
    pub code: &'static str,
    /// What went wrong, for the client's developer.
    pub message: String,
    /// Where it went wrong: a list of objects.
    pub details: Option<Box<Value>>,
    /// The methods that the path does answer.
    pub allow: Option<String>,
    /// When another attempt may succeed.
    pub retry_after: Option<Duration>,
    /// What only the project's own developer may read.
    pub cause: Option<Box<Cause>>,
}

/// What failed inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// What went wrong.
    pub message: String,
    /// The stack trace of the step's handler.
    pub stack: Option<String>,
}

impl HttpError {
    /// A failure with only a text.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            details: None,
            allow: None,
            retry_after: None,
            cause: None,
        }
    }

    /// The request is wrong.
    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// The host or the step is wrong, and the client learns nothing more.
    pub fn internal(code: &'static str, cause: impl fmt::Display) -> Self {
        let error = Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, "Internal server error");
        let cause = Cause { message: cause.to_string(), stack: None };
        Self { cause: Some(Box::new(cause)), ..error }
    }

    /// No step has this path.
    pub fn not_found(method: &str, path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("no step answers {method} {path}"))
    }

    /// Steps have this path, but with other methods.
    pub fn method_not_allowed(method: &str, path: &str, allow: &[&str]) -> Self {
        let allow = allow.join(", ");
        let error = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            format!("{path} does not answer {method}, only {allow}"),
        );
        Self { allow: Some(allow), ..error }
    }

    /// The body breaks the step's schema.
    pub fn validation_failed(details: Value) -> Self {
        Self::bad_request("validation_failed", "the body does not match the step's bodySchema")
            .with_details(details)
    }

    /// The body has more bytes than the server reads.
    pub fn body_too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            format!("the body is larger than the limit of {limit} bytes"),
        )
    }

    /// The server does not read bodies of this kind.
    pub fn unsupported(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, message)
    }

    /// Adds where it went wrong.
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// The body of the answer. `cause` is written only where `exposure` says so.
    pub fn to_json(&self, trace_id: &str, exposure: Exposure) -> Value {
        let mut fields = Map::new();
        fields.insert("error".to_owned(), json!(self.message));
        fields.insert("code".to_owned(), json!(self.code));
        fields.insert("traceId".to_owned(), json!(trace_id));
        if let Some(details) = &self.details {
            fields.insert("details".to_owned(), Value::clone(details));
        }
        if let (Exposure::Developer, Some(cause)) = (exposure, &self.cause) {
            if cause.message != self.message {
                fields.insert("message".to_owned(), json!(cause.message));
            }
            if let Some(stack) = &cause.stack {
                fields.insert("stack".to_owned(), json!(stack));
            }
        }
        Value::Object(fields)
    }
}

/// Who reads the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// Anyone: what failed inside stays in the log.
    Public,
    /// The project's developer, who is shown why.
    Developer,
}

impl From<CallError> for HttpError {
    fn from(error: CallError) -> Self {
        let status =
            StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let message = match status {
            StatusCode::SERVICE_UNAVAILABLE => "Service unavailable".to_owned(),
            StatusCode::GATEWAY_TIMEOUT => "The step did not answer in time".to_owned(),
            status if status.is_server_error() => "Internal server error".to_owned(),
            _ => error.message.clone(),
        };
        Self {
            retry_after: error.retry_after,
            cause: Some(Box::new(Cause { message: error.message, stack: error.stack })),
            ..Self::new(status, error.code, message)
        }
    }
}

impl From<StoreError> for HttpError {
    fn from(error: StoreError) -> Self {
        CallError::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_shown_only_to_the_developer() {
        let error = HttpError::from(CallError {
            code: "handler_failed",
            status: 500,
            message: "Error: boom".to_owned(),
            stack: Some("    at x.step.ts:3".to_owned()),
            retry_after: None,
        });
        assert_eq!(
            error.to_json("T-1", Exposure::Public),
            json!({"error": "Internal server error", "code": "handler_failed", "traceId": "T-1"})
        );
        let shown = error.to_json("T-1", Exposure::Developer);
        assert_eq!(
            (&shown["message"], &shown["stack"]),
            (&json!("Error: boom"), &json!("    at x.step.ts:3"))
        );
    }

    #[test]
    fn an_overloaded_engine_is_a_503() {
        let error = HttpError::from(CallError {
            code: "overloaded",
            status: 503,
            message: "10000 calls wait".to_owned(),
            stack: None,
            retry_after: Some(Duration::from_secs(1)),
        });
        assert_eq!(error.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(error.retry_after, Some(Duration::from_secs(1)));
        assert_eq!(error.to_json("T-1", Exposure::Public)["error"], "Service unavailable");
    }
}
