//! From a trigger to what a handler takes.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{CronTick, Error, Event, Request, Result, Trigger};

/// What an api handler may take.
pub trait FromApi: Sized {
    /// The type of the body.
    type Body;

    /// Takes it out of the request.
    fn from_api(request: Request<Value>) -> Result<Self>;
}

impl<T: DeserializeOwned> FromApi for Request<T> {
    type Body = T;

    fn from_api(request: Request<Value>) -> Result<Self> {
        request.typed()
    }
}

/// What an event handler may take: an `Event`, or what serde makes of its data.
pub trait FromEvent: Sized {
    /// The type of the data.
    type Data;

    /// Takes it out of the event.
    fn from_event(event: Event<Value>) -> Result<Self>;
}

impl<T: DeserializeOwned> FromEvent for T {
    type Data = T;

    fn from_event(event: Event<Value>) -> Result<Self> {
        event.typed().map(|event| event.data)
    }
}

impl<T: DeserializeOwned> FromEvent for Event<T> {
    type Data = T;

    fn from_event(event: Event<Value>) -> Result<Self> {
        event.typed()
    }
}

/// What a cron handler may take.
pub trait FromCron: Sized {
    /// Takes it out of the tick.
    fn from_cron(tick: CronTick) -> Self;
}

impl FromCron for CronTick {
    fn from_cron(tick: CronTick) -> Self {
        tick
    }
}

/// The error for a trigger of a kind that the step does not take.
pub fn unexpected(wanted: &str, trigger: &Trigger) -> Error {
    let message =
        format!("this {wanted} step was called for a trigger of the kind `{}`", trigger.word());
    Error::new(message).non_retryable()
}
