//! What an invocation spends its time on: a span for each call of the host, for people to look at.

use std::{
    borrow::Cow,
    fmt::Write,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use motia_sandbox::{
    Capabilities, EmitOptions, Entry, HostFuture, Item, LogRecord, OutgoingRequest, UpdateOp,
};
use motia_store::Span;
use serde_json::Value;

use crate::capabilities::StepCapabilities;

/// More spans than this of one invocation are not kept.
const SPANS: usize = 100_000;
/// Details are kept up to so many bytes of one invocation.
const DETAIL_BYTES: usize = 8 << 20;
/// The longest value of a detail.
const VALUE_BYTES: usize = 2048;

/// The spans of one invocation so far.
pub(crate) struct Spans {
    began: Instant,
    kept: Mutex<Kept>,
    instantiated: OnceLock<Instant>,
    cpu_us: AtomicU64,
}

#[derive(Default)]
struct Kept {
    spans: Vec<Span>,
    detail_bytes: usize,
}

impl Spans {
    /// Of an invocation that begins now, and has waited for `queued_us` microseconds.
    pub fn new(queued_us: i64) -> Self {
        let mut kept = Kept::default();
        if queued_us > 0 {
            kept.spans.push(Span {
                name: Cow::Borrowed("queue"),
                start_us: -queued_us,
                duration_us: queued_us.unsigned_abs(),
                error: None,
                detail: None,
            });
        }
        let (instantiated, cpu_us) = (OnceLock::new(), AtomicU64::new(0));
        Self { began: Instant::now(), kept: Mutex::new(kept), instantiated, cpu_us }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a span that ends now.
    pub fn add(
        &self,
        name: &'static str,
        began: Instant,
        error: Option<String>,
        detail: Option<String>,
    ) {
        let duration = began.elapsed();
        let mut kept = self.kept();
        if kept.spans.len() >= SPANS {
            return;
        }
        kept.detail_bytes += detail.as_ref().map_or(0, String::len);
        let detail = detail.filter(|_| kept.detail_bytes <= DETAIL_BYTES);
        kept.spans.push(Span {
            name: Cow::Borrowed(name),
            start_us: micros(began.saturating_duration_since(self.began)),
            duration_us: micros(duration).unsigned_abs(),
            error,
            detail,
        });
    }

    /// The guest has ended: adds what it was made and called in.
    pub fn guest_ended(&self, error: Option<String>) {
        let Some(&instantiated) = self.instantiated.get() else {
            return self.add("instantiate", self.began, error, None);
        };
        self.add("guest", instantiated, error, Some(format!(r#"{{"cpuUs":{}}}"#, self.cpu_us())));
        let duration = instantiated.saturating_duration_since(self.began);
        self.kept().spans.push(Span {
            name: Cow::Borrowed("instantiate"),
            start_us: 0,
            duration_us: micros(duration).unsigned_abs(),
            error: None,
            detail: None,
        });
    }

    /// For how long the guest's own code has run, in microseconds.
    pub fn cpu_us(&self) -> u64 {
        self.cpu_us.load(Ordering::Relaxed)
    }

    /// The spans by their start, those that hold others first.
    pub fn take(&self) -> Vec<Span> {
        let mut spans = std::mem::take(&mut self.kept().spans);
        spans.sort_by_key(|span| (span.start_us, std::cmp::Reverse(span.duration_us)));
        spans
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// A JSON object, field by field.
struct Detail(String);

impl Detail {
    fn new() -> Self {
        Self("{".to_owned())
    }

    fn text(self, name: &str, text: &str) -> Self {
        self.json(name, &Value::from(text).to_string())
    }

    /// A field with a JSON text, cut if it is long.
    fn json(mut self, name: &str, json: &str) -> Self {
        let comma = if self.0.len() > 1 { "," } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{comma}\"{name}\":{}", cut(json));
        self
    }

    fn optional(self, name: &str, json: Option<&str>) -> Self {
        self.json(name, json.unwrap_or("null"))
    }

    fn done(mut self) -> Option<String> {
        self.0.push('}');
        Some(self.0)
    }
}

/// A JSON text as it is if it is short, and its beginning as a string otherwise.
fn cut(json: &str) -> Cow<'_, str> {
    if json.len() <= VALUE_BYTES {
        return Cow::Borrowed(json);
    }
    let end = (0..=VALUE_BYTES).rev().find(|&at| json.is_char_boundary(at)).unwrap_or(0);
    Cow::Owned(Value::from(format!("{}…", &json[..end])).to_string())
}

fn entry(group: &str, key: &str) -> Detail {
    Detail::new().text("groupId", group).text("key", key)
}

fn item(stream: &str, group: &str, id: &str) -> Detail {
    Detail::new().text("streamName", stream).text("groupId", group).text("id", id)
}

/// The capabilities of an invocation whose calls are timed.
pub(crate) struct Timed {
    pub capabilities: Arc<StepCapabilities>,
    pub spans: Arc<Spans>,
}

impl Timed {
    /// Times a call; the detail is made when its answer is known.
    fn span<'a, T: Send + 'a>(
        &'a self,
        name: &'static str,
        call: HostFuture<'a, T>,
        detail: impl FnOnce(Option<&T>) -> Option<String> + Send + 'a,
    ) -> HostFuture<'a, T> {
        Box::pin(async move {
            let began = Instant::now();
            let answer = call.await;
            let error = answer.as_ref().err().map(ToString::to_string);
            self.spans.add(name, began, error, detail(answer.as_ref().ok()));
            answer
        })
    }
}

impl Capabilities for Timed {
    fn emit(&self, topic: String, data: String, options: EmitOptions) -> HostFuture<'_, String> {
        let detail = Detail::new().text("topic", &topic).json("data", &data);
        let call = self.capabilities.emit(topic, data, options);
        self.span("emit", call, |id| match id {
            Some(id) => detail.text("eventId", id).done(),
            None => detail.done(),
        })
    }

    fn cancel(&self, id: String) -> HostFuture<'_, bool> {
        let detail = Detail::new().text("eventId", &id);
        let call = self.capabilities.cancel(id);
        self.span("cancel", call, |cancelled| {
            let cancelled = if cancelled == Some(&true) { "true" } else { "false" };
            detail.json("cancelled", cancelled).done()
        })
    }

    fn state_get(&self, group: String, key: String) -> HostFuture<'_, Option<String>> {
        let detail = entry(&group, &key);
        let call = self.capabilities.state_get(group, key);
        self.span("state.get", call, |value| {
            detail.optional("value", value.and_then(|value| value.as_deref())).done()
        })
    }

    fn state_set(
        &self,
        group: String,
        key: String,
        value: String,
    ) -> HostFuture<'_, Option<String>> {
        let detail = entry(&group, &key).json("value", &value);
        let call = self.capabilities.state_set(group, key, value);
        self.span("state.set", call, |old| {
            detail.optional("oldValue", old.and_then(|old| old.as_deref())).done()
        })
    }

    fn state_delete(&self, group: String, key: String) -> HostFuture<'_, Option<String>> {
        let detail = entry(&group, &key);
        let call = self.capabilities.state_delete(group, key);
        self.span("state.delete", call, |old| {
            detail.optional("oldValue", old.and_then(|old| old.as_deref())).done()
        })
    }

    fn state_group(&self, group: String) -> HostFuture<'_, Vec<Entry>> {
        let detail = Detail::new().text("groupId", &group);
        let call = self.capabilities.state_group(group);
        self.span("state.group", call, |entries| {
            detail.json("count", &entries.map_or(0, Vec::len).to_string()).done()
        })
    }

    fn state_clear(&self, group: String) -> HostFuture<'_, ()> {
        let detail = Detail::new().text("groupId", &group);
        let call = self.capabilities.state_clear(group);
        self.span("state.clear", call, |_| detail.done())
    }

    fn state_update(
        &self,
        group: String,
        key: String,
        ops: Vec<UpdateOp>,
    ) -> HostFuture<'_, String> {
        let detail = entry(&group, &key);
        let call = self.capabilities.state_update(group, key, ops);
        self.span("state.update", call, |new| {
            detail.optional("value", new.map(String::as_str)).done()
        })
    }

    fn stream_get(
        &self,
        stream: String,
        group: String,
        id: String,
    ) -> HostFuture<'_, Option<String>> {
        let detail = item(&stream, &group, &id);
        let call = self.capabilities.stream_get(stream, group, id);
        self.span("stream.get", call, |data| {
            detail.optional("data", data.and_then(|data| data.as_deref())).done()
        })
    }

    fn stream_set(
        &self,
        stream: String,
        group: String,
        id: String,
        data: String,
    ) -> HostFuture<'_, String> {
        let detail = item(&stream, &group, &id).json("data", &data);
        let call = self.capabilities.stream_set(stream, group, id, data);
        self.span("stream.set", call, |_| detail.done())
    }

    fn stream_delete(
        &self,
        stream: String,
        group: String,
        id: String,
    ) -> HostFuture<'_, Option<String>> {
        let detail = item(&stream, &group, &id);
        let call = self.capabilities.stream_delete(stream, group, id);
        self.span("stream.delete", call, |old| {
            detail.optional("data", old.and_then(|old| old.as_deref())).done()
        })
    }

    fn stream_group(&self, stream: String, group: String) -> HostFuture<'_, Vec<Item>> {
        let detail = Detail::new().text("streamName", &stream).text("groupId", &group);
        let call = self.capabilities.stream_group(stream, group);
        self.span("stream.group", call, |items| {
            detail.json("count", &items.map_or(0, Vec::len).to_string()).done()
        })
    }

    fn stream_send(
        &self,
        stream: String,
        group: String,
        id: Option<String>,
        event_type: String,
        data: String,
    ) -> HostFuture<'_, ()> {
        let detail = Detail::new().text("streamName", &stream).text("groupId", &group);
        let detail = detail.text("eventType", &event_type).json("data", &data);
        let call = self.capabilities.stream_send(stream, group, id, event_type, data);
        self.span("stream.send", call, |_| detail.done())
    }

    fn log(&self, record: LogRecord) {
        self.capabilities.log(record);
    }

    fn instantiated(&self) {
        // Told once; a second time would be the sandbox's mistake.
        let _ = self.spans.instantiated.set(Instant::now());
    }

    fn used_cpu(&self, time: Duration) {
        self.spans.cpu_us.store(micros(time).unsigned_abs(), Ordering::Relaxed);
    }

    fn traceparent(&self) -> Option<String> {
        self.capabilities.traceparent()
    }

    fn requested(&self, request: OutgoingRequest) {
        let OutgoingRequest { method, url, began, answer } = request;
        let detail = Detail::new().text("method", &method).text("url", &url);
        let (error, detail) = match answer {
            Ok(status) => (None, detail.json("status", &status.to_string())),
            Err(error) => (Some(error), detail),
        };
        self.spans.add("http", began, error, detail.done());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let long = Value::from("é".repeat(VALUE_BYTES)).to_string();
        let cut: String = serde_json::from_str(&cut(&long)).unwrap();
        assert!(cut.ends_with("é…") && cut.len() < VALUE_BYTES + 10);
        assert_eq!(super::cut("[1]"), "[1]");
    }

    #[test]
    fn a_detail_is_an_object() {
        let detail = entry("a \"b\"", "k").optional("value", None).done().unwrap();
        let detail: Value = serde_json::from_str(&detail).unwrap();
        assert_eq!(detail, serde_json::json!({"groupId": "a \"b\"", "key": "k", "value": null}));
        assert_eq!(Detail::new().done().as_deref(), Some("{}"));
    }

    #[test]
    fn spans_are_in_order_and_bounded() {
        let spans = Spans::new(5);
        for _ in 0..SPANS + 10 {
            spans.add("emit", Instant::now(), None, Some("x".repeat(100)));
        }
        let taken = spans.take();
        assert_eq!((taken.len(), taken[0].name.as_ref(), taken[0].start_us), (SPANS, "queue", -5));
        let details = taken.iter().filter(|span| span.detail.is_some()).count();
        assert_eq!(details, DETAIL_BYTES / 100);
    }
}
