//! What the attributes make of a function: its config, and what happens when it is called.

use std::time::Duration;

use motia::{prelude::*, testing};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
struct Message {
    text: String,
}

#[derive(Serialize, JsonSchema)]
struct Accepted {
    ok: bool,
}

/// A type without a schema.
#[derive(Serialize, Deserialize)]
struct Plain {
    n: u32,
}

mod send {
    use super::*;

    fn outer(req: Request<Value>, ctx: &Context, next: Next) -> Result<Response> {
        ctx.logger().info("outer", ());
        Ok(next.run(req)?.with_header("x-order", "outer"))
    }

    fn inner(req: Request<Value>, ctx: &Context, next: Next) -> Result<Response> {
        ctx.logger().info("inner", json!({ "path": req.path }));
        Ok(next.run(req)?.with_header("x-order", "inner"))
    }

    #[motia::api(
        name = "Send",
        description = "Takes a message",
        method = "POST",
        path = "/messages",
        emits = ["sent", { "topic": "refused", "conditional": true }],
        flows = ["messages"],
        query_params = [{ "name": "dry", "description": "changes nothing" }],
        include_files = ["*.html"],
        middleware = [outer, inner],
        config = { "custom": true },
    )]
    pub fn handler(ctx: &Context, req: Request<Message>) -> Result<Response<Accepted>> {
        if req.body.text.is_empty() {
            return Err(Error::new("there is no text").status(422));
        }
        ctx.emit_in_group("sent", "g", &json!({ "text": req.body.text }))?;
        Ok(Response::created(Accepted { ok: true }))
    }
}

#[motia::event(name = "Process", subscribes = ["sent"], infrastructure = { "queue": { "type": "fifo" } })]
fn process(event: Event<Message>, ctx: Context) -> Result<(), std::num::ParseIntError> {
    ctx.logger().debug(&event.topic, 7);
    event.data.text.parse::<u32>().map(drop)
}

#[motia::event(name = "Slow", subscribes = ["slow"])]
fn slow(_input: Plain) -> Result<()> {
    Err(Error::new("later").retry_after(Duration::from_secs(5)))
}

#[motia::cron(name = "Tick", cron = "*/5 * * * *", timezone = "Europe/Berlin")]
fn tick(tick: CronTick, ctx: Context) {
    ctx.logger().info("tick", json!({ "at": tick.scheduled_at }));
}

#[motia::api(name = "Plain", method = "GET", path = "/plain", response_schema = { 200: Accepted, 404: Message })]
fn plain(_req: Request<Plain>) -> Response<Plain> {
    Response::ok(Plain { n: 1 })
}

#[motia::step(config = r#"{ "name": "Watch", "triggers": [{ "type": "state" }] }"#)]
fn watch(trigger: Trigger, _ctx: Context) -> Result<Option<Response>> {
    match trigger {
        Trigger::State(change) => Err(Error::new(change.key).non_retryable()),
        _ => Ok(None),
    }
}

mod drawn {
    motia::noop! { name = "Human", virtual_emits = ["approved"], virtual_subscribes = ["sent"], flows = ["messages"] }
    motia::stream! { name = "messages", schema = super::Message }

    pub type Noop = noop;
    pub type Stream = stream;
}

#[test]
fn a_config_has_the_names_that_the_host_reads_and_the_schemas_of_the_types() {
    let config = testing::config::<send::handler>();

    assert_eq!(config["type"], "api");
    assert_eq!(config["emits"], json!(["sent", { "topic": "refused", "conditional": true }]));
    assert_eq!(config["queryParams"][0]["name"], "dry");
    assert_eq!(config["includeFiles"], json!(["*.html"]));
    assert_eq!(config["custom"], true);
    assert_eq!(config["bodySchema"]["properties"]["text"]["type"], "string");
    assert_eq!(config["responseSchema"]["200"]["required"], json!(["ok"]));
    assert!(config.get("middleware").is_none());
}

#[test]
fn types_without_a_schema_leave_it_out() {
    let config = testing::config::<plain>();
    assert!(config.get("bodySchema").is_none());
    assert_eq!(config["responseSchema"]["404"]["title"], "Message");

    assert!(testing::config::<slow>().get("input").is_none());
    assert_eq!(testing::config::<process>()["input"]["title"], "Message");
    assert_eq!(testing::config::<process>()["infrastructure"]["queue"]["type"], "fifo");
}

#[test]
fn declarations_have_only_a_config() {
    assert_eq!(testing::config::<drawn::Noop>()["type"], "noop");
    assert_eq!(testing::config::<drawn::Noop>()["virtualEmits"], json!(["approved"]));
    assert_eq!(testing::config::<drawn::Stream>()["schema"]["required"], json!(["text"]));
    assert_eq!(testing::config::<watch>()["name"], "Watch");
    assert!(testing::tick::<drawn::Noop>().is_err());
}

#[test]
fn the_first_middleware_is_the_outermost() {
    let response =
        testing::request::<send::handler>(Request::post("/messages", json!({ "text": "hi" })))
            .unwrap();

    assert_eq!(response.status, 201);
    let order: Vec<_> = response.headers.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(order, ["inner", "outer"]);
    assert_eq!(testing::logs()[0].message, "outer");
    assert_eq!(testing::emitted()[0].message_group_id.as_deref(), Some("g"));
}

#[test]
fn what_the_client_did_wrong_is_answered() {
    let unfit =
        testing::request::<send::handler>(Request::post("/messages", json!({ "txt": 1 }))).unwrap();
    assert_eq!(unfit.status, 400);
    assert_eq!(unfit.body.json().unwrap()["error"], "the body does not fit: missing field `text`");

    let empty =
        testing::request::<send::handler>(Request::post("/messages", json!({ "text": "" })))
            .unwrap();
    assert_eq!(empty.status, 422);
    assert_eq!(empty.headers.len(), 2, "middleware sees the answer");
}

#[test]
fn an_error_says_what_where_and_whether_to_try_again() {
    let error = testing::event::<process>("sent", json!({ "text": "x" })).unwrap_err();
    assert_eq!((error.name(), error.is_retryable()), ("ParseIntError", true));

    let error = testing::event::<process>("sent", json!({ "text": 1 })).unwrap_err();
    assert!(
        error.message().starts_with("the data of `sent` does not fit: invalid type"),
        "{error}"
    );
    assert!(!error.is_retryable());

    let error = testing::event::<slow>("slow", json!({ "n": 1 })).unwrap_err();
    assert_eq!(error.delay(), Some(Duration::from_secs(5)));
    assert!(error.location().contains("tests/steps.rs:"), "{}", error.location());

    let host = motia::HostError::Denied("emit to `x`".to_owned());
    assert!(!Error::from(host).is_retryable());
}

#[test]
fn state_and_streams_hold_what_was_put_into_them() {
    let ctx = testing::context();
    ctx.state().set("g", "a", &json!({ "n": 1 })).unwrap();
    ctx.state().set("g2", "a", &2).unwrap();
    let all: Vec<(String, Value)> = ctx.state().get_group("g").unwrap();
    assert_eq!(all, [("a".to_owned(), json!({ "n": 1 }))]);

    let update = Update::new()
        .increment("n", 2.0)
        .set("to.name", "Ada")
        .merge("to", json!({ "age": 36 }))
        .remove("x");
    let updated: Value = ctx.state().update("g", "a", update).unwrap();
    assert_eq!(updated, json!({ "n": 3.0, "to": { "name": "Ada", "age": 36 } }));
    assert!(ctx.state().update::<Value>("g", "a", Update::new().increment("to", 1.0)).is_err());

    ctx.state().clear("g").unwrap();
    assert_eq!(ctx.state().get::<Value>("g", "a").unwrap(), None);
    assert_eq!(ctx.state().get::<u8>("g2", "a").unwrap(), Some(2));

    let posts = ctx.streams("posts");
    posts.set("all", "1", &json!({ "text": "hi" })).unwrap();
    posts.send_to("all", "1", "read", &true).unwrap();
    assert_eq!(posts.get::<Value>("all", "1").unwrap().unwrap()["id"], "1");
    assert_eq!(posts.delete::<Value>("all", "1").unwrap().unwrap()["text"], "hi");
    assert_eq!(testing::sent()[0].id.as_deref(), Some("1"));
}

#[test]
fn a_cron_step_is_given_its_tick() {
    testing::tick::<tick>().unwrap();
    assert_eq!(testing::logs()[0].fields, json!({ "at": 0 }));
    assert_eq!(testing::config::<tick>()["timezone"], "Europe/Berlin");
}
