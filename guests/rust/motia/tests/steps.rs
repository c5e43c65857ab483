//! What the attributes make of a function: its config, and what happens when it is called.

use std::time::{Duration, SystemTime};

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

#[motia::event(
    name = "Gather",
    subscribes = ["sent"],
    infrastructure = { queue = {
        type = "standard",
        batch = { size = 10, timeout_seconds = 0.5 },
        priority = { key = "text" },
    } },
)]
fn gather(events: Vec<Event<Message>>, ctx: Context) {
    let texts: Vec<&str> = events.iter().map(|event| event.data.text.as_str()).collect();
    ctx.logger().info("gathered", json!({ "texts": texts }));
}

/// Its queue gives it no batches.
#[motia::event(name = "Alone", subscribes = ["sent"])]
fn alone(_events: Vec<Event>) {}

fn has_grown(change: &StateChange<Plain>, _ctx: &Context) -> Result<bool> {
    let old = change.old_value.as_ref().map_or(0, |old| old.n);
    Ok(change.new_value.as_ref().is_some_and(|new| new.n > old))
}

#[motia::state_change(name = "Grown", group_id = "plain*", condition = has_grown, atomic = true)]
fn grown(change: StateChange<Plain>, ctx: Context) -> Result<()> {
    ctx.state().set("grown", &change.key, &true)?;
    let id = ctx.emit("grown", &change.key)?;
    if change.key == "bad" {
        ctx.logger().warn("too late", json!({ "event": id }));
        return Err(Error::new("bad").non_retryable());
    }
    Ok(())
}

#[motia::stream_change(
    name = "Posted",
    stream_name = "posts",
    item_id = "a*",
    condition = |change, _| change.id != "ax",
)]
fn posted(ctx: &Context, change: StreamChange<Message>) {
    ctx.logger().info(&change.data.text, ());
}

#[motia::cron(
    name = "Tick",
    cron = "*/5 * * * *",
    timezone = "Europe/Berlin",
    overlap = "skip",
    catchup_window_seconds = 60
)]
fn tick(tick: CronTick, ctx: Context) {
    ctx.logger().info("tick", json!({ "at": tick.scheduled_at }));
}

#[motia::api(name = "Plain", method = "GET", path = "/plain", response_schema = { 200: Accepted, 404: Message })]
fn plain(_req: Request<Plain>) -> Response<Plain> {
    Response::ok(Plain { n: 1 })
}

#[motia::step(config = r#"{ "type": "state", "name": "Watch" }"#)]
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

mod rooms {
    use super::*;

    motia::stream! {
        name = "rooms",
        roles = { read = ["member"] },
        can_access = own_group,
        on_leave = left,
    }

    fn own_group(subscription: Subscription, _ctx: &Context) -> bool {
        subscription.context.is_some_and(|context| context["user"] == subscription.group_id)
    }

    fn left(subscription: Subscription, ctx: &Context) -> Result<()> {
        ctx.state().set("left", &subscription.group_id, &true)
    }

    pub type Rooms = stream;
}

#[test]
fn a_stream_has_functions_for_its_clients() {
    let config = testing::config::<rooms::Rooms>();
    let expected = json!({
        "name": "rooms", "roles": { "read": ["member"] }, "canAccess": true, "onLeave": true,
    });
    assert_eq!(config, expected);

    let subscription = |user: &str| Subscription {
        stream_name: "rooms".to_owned(),
        group_id: "ann".to_owned(),
        id: None,
        context: Some(json!({ "user": user })),
    };
    for (user, status) in [("ann", 200), ("ben", 403)] {
        let asked = testing::call::<rooms::Rooms>(Trigger::CanAccess(subscription(user)));
        assert_eq!(asked.unwrap().unwrap().status, status);
    }
    assert_eq!(testing::call::<rooms::Rooms>(Trigger::Leave(subscription("ann"))).unwrap(), None);
    assert_eq!(testing::context().state().get("left", "ann").unwrap(), Some(true));
    let error = testing::call::<rooms::Rooms>(Trigger::Join(subscription("ann"))).unwrap_err();
    assert!(error.message().contains("a stream does not run"), "{}", error.message());
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
    let config = testing::config::<tick>();
    assert_eq!(config["timezone"], "Europe/Berlin");
    assert_eq!((&config["overlap"], &config["catchupWindowSeconds"]), (&json!("skip"), &json!(60)));
}

#[test]
fn keys_in_braces_have_the_names_that_the_host_reads() {
    let queue = &testing::config::<gather>()["infrastructure"]["queue"];
    let batch = json!({ "size": 10, "timeoutSeconds": 0.5 });
    assert_eq!(
        *queue,
        json!({ "type": "standard", "batch": batch, "priority": { "key": "text" } })
    );
}

#[test]
fn a_batch_goes_to_a_handler_that_takes_a_list() {
    assert_eq!(testing::config::<gather>()["input"]["title"], "Message");
    testing::batch::<gather>("sent", [json!({ "text": "a" }), json!({ "text": "b" })]).unwrap();
    assert_eq!(testing::logs()[0].fields, json!({ "texts": ["a", "b"] }));

    let error = testing::batch::<gather>("sent", [json!({})]).unwrap_err();
    assert_eq!(error.message(), "the data of `sent` does not fit: missing field `text`");
    let error = <alone as motia::Step>::config().unwrap_err();
    assert!(error.message().contains("queue = { batch = { size"), "{error}");
}

#[test]
fn a_condition_decides_whether_the_handler_is_called() {
    let config = testing::config::<grown>();
    assert_eq!((&config["type"], &config["groupId"]), (&json!("state"), &json!("plain*")));
    assert!(config.get("condition").is_none());

    let change = |old: Option<u32>, new: Option<u32>| StateChange {
        group_id: "plain".to_owned(),
        key: "k".to_owned(),
        old_value: old.map(|n| json!({ "n": n })),
        new_value: new.map(|n| json!({ "n": n })),
    };
    testing::state_change::<grown>(change(Some(2), Some(1))).unwrap();
    testing::state_change::<grown>(change(Some(2), None)).unwrap();
    assert!(testing::emitted().is_empty());
    testing::state_change::<grown>(change(None, Some(1))).unwrap();
    assert_eq!(testing::emitted()[0].data, "k");

    assert_eq!(testing::config::<posted>()["streamName"], "posts");
    for id in ["ax", "a1"] {
        let data = json!({ "id": id, "text": format!("post {id}") });
        let (stream_name, group_id) = ("posts".to_owned(), "all".to_owned());
        let action = StreamAction::Create;
        let change = StreamChange { stream_name, group_id, id: id.to_owned(), action, data };
        testing::stream_change::<posted>(change).unwrap();
    }
    let logs = testing::logs();
    assert_eq!((logs.len(), logs[0].message.as_str()), (1, "post a1"));
}

#[test]
fn an_atomic_step_that_fails_leaves_nothing_but_its_log() {
    let (group_id, key) = ("plain".to_owned(), "bad".to_owned());
    let change = StateChange { group_id, key, old_value: None, new_value: Some(json!({ "n": 1 })) };
    testing::state_change::<grown>(change).unwrap_err();
    assert!(testing::emitted().is_empty());
    assert_eq!(testing::context().state().get::<bool>("grown", "bad").unwrap(), None);
    assert_eq!(testing::logs().len(), 1);
}

#[test]
fn an_event_has_options_and_can_be_taken_back_while_it_waits() {
    let ctx = testing::context();
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    let emit = || ctx.event("due", &1).id("once").at(at).priority(-5).header("a", "b").emit();
    let id = emit().unwrap();
    assert_eq!(emit().unwrap(), id, "the name is taken");
    let emitted = testing::emitted();
    assert_eq!((emitted.len(), emitted[0].priority, emitted[0].at), (1, -5, Some(at)));
    assert_eq!(emitted[0].headers, [("a".to_owned(), "b".to_owned())]);

    assert!(ctx.cancel(&id).unwrap());
    assert!(!ctx.cancel(&id).unwrap());
    assert!(testing::emitted().is_empty());
    let both = ctx.event("due", &1).at(at).delay(Duration::from_secs(1)).emit().unwrap_err();
    assert_eq!(both.message(), "invalid: an event has either `at` or `delay`, not both");
    assert!(ctx.event("due", &1).priority(101).emit().is_err());
}
