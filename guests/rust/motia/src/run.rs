//! One call of a step, from trigger to response.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    Answer, Context, Error, Event, Response, Result, StateChange, StreamChange, Trigger,
    answer::{Finish, Verdict},
    input::{FromApi, FromCron, FromEvent, unexpected},
    middleware::{Middleware, Next},
};

/// A step: what the attributes of this crate make of a function, on a type of the function's name.
pub trait Step {
    /// The step's config, or what is wrong with it.
    fn config() -> Result<Value>;

    /// Runs the handler once; an api step answers with a response.
    fn handle(trigger: Trigger, ctx: Context) -> Result<Option<Response>>;
}

/// Runs an api handler within its middleware.
pub fn api<I: FromApi, A: Answer>(
    trigger: Trigger,
    ctx: &Context,
    middleware: &[Middleware<'_>],
    handler: impl FnOnce(I, &Context) -> A,
) -> Result<Option<Response>> {
    let Trigger::Api(request) = trigger else {
        return Err(unexpected("api", &trigger));
    };
    let innermost =
        |request| answered(I::from_api(request).and_then(|input| handler(input, ctx).answer()));
    answered(Next::new(ctx, middleware, Box::new(innermost)).run(request)).map(Some)
}

/// Errors with a status are answers. Middleware is given the answer, so each level does this.
fn answered(result: Result<Response>) -> Result<Response> {
    result.or_else(|error| match error.http_status() {
        Some(status) => Ok(Response::json(status, json!({ "error": error.message() }))),
        None => Err(error),
    })
}

/// Runs an event handler.
pub fn event<I: FromEvent, F: Finish>(
    trigger: Trigger,
    ctx: &Context,
    handler: impl FnOnce(I, &Context) -> F,
) -> Result<Option<Response>> {
    let Trigger::Event(event) = trigger else {
        return Err(unexpected("event", &trigger));
    };
    handler(I::from_event(event)?, ctx).finish().map(|()| None)
}

/// Runs an event handler that takes a batch.
pub fn batch<T: DeserializeOwned, F: Finish>(
    trigger: Trigger,
    ctx: &Context,
    handler: impl FnOnce(Vec<Event<T>>, &Context) -> F,
) -> Result<Option<Response>> {
    let Trigger::Batch(events) = trigger else {
        return Err(unexpected("batch", &trigger));
    };
    let events = events.into_iter().map(|event| event.typed::<T>()).collect::<Result<Vec<_>>>()?;
    handler(events, ctx).finish().map(|()| None)
}

/// Runs a handler of changes of state where the condition allows it.
pub fn state_change<T: DeserializeOwned, V: Verdict, F: Finish>(
    trigger: Trigger,
    ctx: &Context,
    condition: impl FnOnce(&StateChange<T>, &Context) -> V,
    handler: impl FnOnce(StateChange<T>, &Context) -> F,
) -> Result<Option<Response>> {
    let Trigger::State(change) = trigger else {
        return Err(unexpected("state", &trigger));
    };
    let change = change.typed::<T>()?;
    if condition(&change, ctx).verdict()? {
        handler(change, ctx).finish()?;
    }
    Ok(None)
}

/// Runs a handler of changes of stream items where the condition allows it.
pub fn stream_change<T: DeserializeOwned, V: Verdict, F: Finish>(
    trigger: Trigger,
    ctx: &Context,
    condition: impl FnOnce(&StreamChange<T>, &Context) -> V,
    handler: impl FnOnce(StreamChange<T>, &Context) -> F,
) -> Result<Option<Response>> {
    let Trigger::Stream(change) = trigger else {
        return Err(unexpected("stream", &trigger));
    };
    let change = change.typed::<T>()?;
    if condition(&change, ctx).verdict()? {
        handler(change, ctx).finish()?;
    }
    Ok(None)
}

/// Runs a cron handler.
pub fn cron<I: FromCron, F: Finish>(
    trigger: Trigger,
    ctx: &Context,
    handler: impl FnOnce(I, &Context) -> F,
) -> Result<Option<Response>> {
    let Trigger::Cron(tick) = trigger else {
        return Err(unexpected("cron", &trigger));
    };
    handler(I::from_cron(tick), ctx).finish().map(|()| None)
}

/// Runs a handler of any kind of trigger.
pub fn step(
    trigger: Trigger,
    ctx: &Context,
    handler: impl FnOnce(Trigger, &Context) -> Result<Option<Response>>,
) -> Result<Option<Response>> {
    handler(trigger, ctx)
}

/// The answer of a function that says whether a client may follow a stream.
pub fn verdict<V: Verdict>(verdict: V) -> Result<Option<Response>> {
    let status = if verdict.verdict()? { 200 } else { 403 };
    Ok(Some(Response::empty(status)))
}

/// The end of a function without an answer.
pub fn finished<F: Finish>(finish: F) -> Result<Option<Response>> {
    finish.finish().map(|()| None)
}

/// What noop steps do when they are called, and streams for what they have no function for.
pub fn not_called(trigger: Trigger, _ctx: Context, what: &str) -> Result<Option<Response>> {
    let message = format!(
        "{what} does not run, but was called for a trigger of the kind `{}`",
        trigger.word()
    );
    Err(Error::new(message).non_retryable())
}
