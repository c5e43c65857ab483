//! Between the component's exports and [`Step`].

use std::{panic, sync::Once};

use serde_json::{Map, Value};

use self::bindings::{
    Guest,
    motia::step::types::{self, Failure, Invocation},
};
use crate::{
    AuthRequest, Body, Context, CronTick, Error, Event, Part, Request, Response, Result,
    StateChange, Step, StreamAction, StreamChange, Subscription, Trigger, context::Call,
};

#[rustfmt::skip]
#[allow(missing_docs, clippy::all)]
#[path = "bindings.rs"]
pub mod bindings;

impl<S: Step> Guest for S {
    fn config() -> Result<String, Failure> {
        report_panics();
        Ok(S::config()?.to_string())
    }

    fn handle(invocation: Invocation) -> Result<Option<types::Response>, Failure> {
        report_panics();
        let call = Call {
            id: invocation.id,
            trace_id: invocation.trace_id,
            flows: invocation.flows,
            attempt: invocation.attempt,
            deadline: invocation.deadline,
        };
        trigger(invocation.trigger)
            .and_then(|trigger| S::handle(trigger, Context::new(call)))
            .map(|response| response.map(Into::into))
            .map_err(Into::into)
    }
}

/// A panic ends the instance with a trap that says nothing; what it was goes to the log first.
fn report_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|info| {
            let message = info.payload_as_str().unwrap_or("a panic without a message");
            match info.location() {
                Some(location) => eprintln!("panicked at {location}: {message}"),
                None => eprintln!("panicked: {message}"),
            }
        }));
    });
}

fn trigger(trigger: types::Trigger) -> Result<Trigger> {
    Ok(match trigger {
        types::Trigger::Api(request) => Trigger::Api(self::request(request)?),
        types::Trigger::Event(event) => Trigger::Event(self::event(event)?),
        types::Trigger::Batch(events) => {
            Trigger::Batch(events.into_iter().map(event).collect::<Result<_>>()?)
        }
        types::Trigger::Cron(tick) => Trigger::Cron(CronTick { scheduled_at: tick.scheduled_at }),
        types::Trigger::State(change) => Trigger::State(StateChange {
            group_id: change.group_id,
            key: change.key,
            old_value: change.old_value.map(|text| serde_json::from_str(&text)).transpose()?,
            new_value: change.new_value.map(|text| serde_json::from_str(&text)).transpose()?,
        }),
        types::Trigger::Stream(change) => Trigger::Stream(StreamChange {
            stream_name: change.stream_name,
            group_id: change.group_id,
            id: change.id,
            action: match change.action {
                types::StreamAction::Create => StreamAction::Create,
                types::StreamAction::Update => StreamAction::Update,
                types::StreamAction::Delete => StreamAction::Delete,
            },
            data: serde_json::from_str(&change.data)?,
        }),
        types::Trigger::Authenticate(types::AuthRequest { headers, url }) => {
            Trigger::Authenticate(AuthRequest { headers, url })
        }
        types::Trigger::CanAccess(request) => Trigger::CanAccess(subscription(request)?),
        types::Trigger::Join(request) => Trigger::Join(subscription(request)?),
        types::Trigger::Leave(request) => Trigger::Leave(subscription(request)?),
    })
}

fn subscription(request: types::SubscriptionRequest) -> Result<Subscription> {
    Ok(Subscription {
        stream_name: request.stream_name,
        group_id: request.group_id,
        id: request.id,
        context: request.context.map(|text| serde_json::from_str(&text)).transpose()?,
    })
}

fn event(event: types::Event) -> Result<Event> {
    Ok(Event {
        id: event.id,
        topic: event.topic,
        data: serde_json::from_str(&event.data)?,
        message_group_id: event.message_group_id,
        headers: event.headers,
    })
}

fn request(request: types::Request) -> Result<Request<Value>> {
    let mut parts = Vec::new();
    let body = match request.body {
        types::Body::Empty | types::Body::Bytes => Value::Null,
        types::Body::Json => serde_json::from_slice(&request.raw_body)?,
        types::Body::Text => Value::String(String::from_utf8_lossy(&request.raw_body).into_owned()),
        types::Body::Form(fields) => serde_json::from_str(&fields)?,
        types::Body::Multipart(all) => {
            parts.extend(all.into_iter().map(|part| Part {
                name: part.name,
                file_name: part.file_name,
                content_type: part.content_type,
                data: part.data,
            }));
            Value::Object(plain_fields(&parts))
        }
    };
    Ok(Request {
        method: request.method,
        path: request.path,
        path_params: request.path_params,
        query_params: serde_json::from_str(&request.query_params)?,
        headers: request.headers,
        body,
        raw_body: request.raw_body,
        parts,
    })
}

fn plain_fields(parts: &[Part]) -> Map<String, Value> {
    let plain = parts.iter().filter(|part| part.file_name.is_none());
    plain.map(|part| (part.name.clone(), String::from_utf8_lossy(&part.data).into())).collect()
}

impl From<Response> for types::Response {
    fn from(response: Response) -> Self {
        Self {
            status: response.status,
            headers: response.headers,
            body: match response.body {
                Body::Empty => types::ResponseBody::Empty,
                Body::Json(value) => types::ResponseBody::Json(value.to_string()),
                Body::Text(text) => types::ResponseBody::Text(text),
                Body::Bytes(bytes) => types::ResponseBody::Bytes(bytes),
            },
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            name: error.name().to_owned(),
            message: error.message().to_owned(),
            stack: Some(format!("at {}", error.location())),
            retryable: error.is_retryable(),
            retry_after: error
                .delay()
                .map(|delay| delay.as_millis().try_into().unwrap_or(u64::MAX)),
        }
    }
}
