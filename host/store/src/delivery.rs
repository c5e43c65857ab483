//! Events and their deliveries: what is stored, what is claimed, and what holds a delivery back.

use motia_manifest::{StepName, TenantId, TraceId};
use serde::{Deserialize, Serialize};

use crate::{Json, Millis};

/// What a delivery is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// Somebody emitted it.
    Event,
    /// A tick of a cron step's schedule.
    Cron,
    /// A change of state; the store writes [`NewEvent::data`].
    State,
    /// A change of a stream item; the store writes [`NewEvent::data`].
    Stream,
}

impl EventKind {
    /// The word in the database and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Cron => "cron",
            Self::State => "state",
            Self::Stream => "stream",
        }
    }
}

/// An event to be stored, with one delivery for every subscriber.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Unique for ever; from [`crate::EventIds`].
    pub id: i64,
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is about.
    pub kind: EventKind,
    /// The topic; of a tick the step's name, of a change the group or the stream.
    pub topic: String,
    /// What was emitted; of a tick the time at which it was due.
    pub data: Json,
    /// What the emitter says about the event: a JSON object of texts.
    pub headers: Option<Json>,
    /// What it belongs to.
    pub trace_id: TraceId,
    /// The key within which deliveries to `fifo` queues are in order.
    pub message_group_id: Option<String>,
    /// How many changes of state and streams in a row have caused it.
    pub depth: u32,
    /// The run that has caused it; none if none of this host's has.
    pub cause: Option<String>,
    /// The emitter's own name for the event; a second one with the same name and topic is not stored.
    pub unique: Option<Unique>,
    /// Who gets it.
    pub deliveries: Vec<NewDelivery>,
}

/// A name under which an event is stored once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unique {
    /// The name.
    pub id: String,
    /// When it may be used again.
    pub expires_at: Millis,
}

/// One subscriber of a new event.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDelivery {
    /// The step.
    pub step: StepName,
    /// When the first attempt may start.
    pub due_at: Millis,
    /// When it is too late for the first attempt.
    pub expires_at: Option<Millis>,
    /// The higher ones go first.
    pub priority: i32,
    /// The lane that it takes.
    pub lane: Option<Lane>,
    /// What is counted against the step's throttle; none if it has no throttle.
    pub throttle_key: Option<String>,
    /// Dropped when there were too many.
    pub rate_limit: Option<RateLimit>,
    /// Replaces one that waits.
    pub debounce: Option<Debounce>,
    /// Gathered with others.
    pub batch: Option<Batch>,
}

impl NewDelivery {
    /// A delivery that nothing holds back but its time.
    pub fn new(step: StepName, due_at: Millis) -> Self {
        Self {
            step,
            due_at,
            expires_at: None,
            priority: 0,
            lane: None,
            throttle_key: None,
            rate_limit: None,
            debounce: None,
            batch: None,
        }
    }
}

/// Deliveries of one step that hold each other back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// Equal for deliveries of one lane.
    pub key: String,
    /// How they do it.
    pub order: LaneOrder,
}

/// How the deliveries of a lane hold each other back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneOrder {
    /// Strictly one after the other in the order of their emission, retries included.
    Fifo,
    /// In any order, as many at a time as [`ClaimRequest::lane_width`] says.
    Any,
}

/// So many in so much time, evenly after a first burst (the generic cell rate algorithm).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rate {
    /// How many.
    pub limit: u32,
    /// In how many milliseconds.
    pub period_ms: i64,
    /// How many may come at once; at least 1.
    pub burst: u32,
}

/// Drops a delivery when there were too many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// What is counted.
    pub key: String,
    /// How many are too many.
    pub rate: Rate,
}

/// Lets the last of a burst of deliveries through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debounce {
    /// Equal for deliveries that replace each other.
    pub key: String,
    /// How long it must be quiet.
    pub period_ms: i64,
    /// The longest that the first of a burst waits.
    pub max_wait_ms: Option<i64>,
}

/// Gathers deliveries into one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Equal for deliveries that go together.
    pub key: String,
    /// So many are enough.
    pub size: u32,
    /// How long the first one waits for others.
    pub timeout_ms: i64,
}

/// What became of an emit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Emitted {
    /// The event with this unique name that was stored before; this one was not stored.
    pub duplicate_of: Option<i64>,
    /// How many deliveries the rate limits dropped.
    pub dropped: u32,
}

/// What to claim.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimRequest {
    /// Whose.
    pub tenant: TenantId,
    /// Of which step.
    pub step: StepName,
    /// So many claims at most.
    pub limit: usize,
    /// What time it is.
    pub now: Millis,
    /// When the leases end.
    pub lease_until: Millis,
    /// How many deliveries of a lane of order [`LaneOrder::Any`] may be leased at a time.
    pub lane_width: u32,
    /// The pace of first attempts, by [`NewDelivery::throttle_key`].
    pub throttle: Option<Rate>,
    /// The most deliveries of one claim, for steps that take batches.
    pub batch: Option<BatchClaim>,
}

/// How a step takes batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchClaim {
    /// So many at most.
    pub size: u32,
    /// What [`Batch::timeout_ms`] was when they were emitted: those that wait only for company are taken along.
    pub timeout_ms: i64,
}

/// What was claimed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Claimed {
    /// The claims; each has one delivery, or those of one batch.
    pub claims: Vec<Vec<Delivery>>,
    /// Only so many deliveries were looked at; there may be more that can be claimed.
    pub more: bool,
    /// When the next delivery of the step that is not parked becomes due, or the lease of a claimed one
    /// runs out. It is in the past if more could be claimed than was asked for.
    pub next_due: Option<Millis>,
}

/// A delivery that was claimed: the right to attempt it until the lease ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Unique in the store.
    pub id: i64,
    /// Its event.
    pub event_id: i64,
    /// Counts claims; a commit with an older one is refused.
    pub lease_epoch: i64,
    /// Whose it is.
    pub tenant: TenantId,
    /// Who gets it.
    pub step: StepName,
    /// What it is about.
    pub kind: EventKind,
    /// The event's topic.
    pub topic: String,
    /// The event's data.
    pub data: Json,
    /// What the emitter says about the event.
    pub headers: Option<Json>,
    /// What the event belongs to.
    pub trace_id: TraceId,
    /// The event's message group.
    pub message_group_id: Option<String>,
    /// How many changes of state and streams in a row have caused it.
    pub depth: u32,
    /// The run that has caused it; none if none of this host's has.
    pub cause: Option<String>,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// When it is too late for the first attempt.
    pub expires_at: Option<Millis>,
    /// When the first attempt was claimed; now, for the first.
    pub first_claimed_at: Millis,
    /// When the event was emitted.
    pub emitted_at: Millis,
}

impl Delivery {
    /// The lease that the claim gave.
    pub fn lease(&self) -> Lease {
        Lease { delivery: self.id, epoch: self.lease_epoch }
    }
}

/// The name of a claimed delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The delivery.
    pub delivery: i64,
    /// The claim.
    pub epoch: i64,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptError {
    /// 1 for the first attempt.
    pub attempt: u32,
    /// A stable code such as `handler_failed`.
    pub code: String,
    /// What went wrong, for a person.
    pub message: String,
    /// The guest's stack trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// When the attempt ended.
    pub failed_at: Millis,
}

/// What a delivery waits for, as the store knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeliveryState {
    /// Nothing that the store knows of.
    Ready,
    /// Its time: the first attempt is not due yet.
    Scheduled,
    /// Its time after a failed attempt.
    Retrying,
    /// Its turn in the step's throttle.
    Throttled,
    /// Others of its lane.
    Parked,
    /// Nothing: it is being attempted.
    Leased,
}

/// A delivery as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryInfo {
    /// Unique in the store.
    pub id: i64,
    /// Its event.
    pub event_id: i64,
    /// Who gets it.
    pub step: StepName,
    /// What it is about.
    pub kind: EventKind,
    /// The event's topic.
    pub topic: String,
    /// The event's data.
    pub data: Json,
    /// What the event belongs to.
    pub trace_id: TraceId,
    /// What it waits for.
    pub state: DeliveryState,
    /// When that is over by itself; of a leased one, when its lease ends.
    pub due_at: Millis,
    /// Attempts so far.
    pub attempt: u32,
    /// The higher ones go first.
    pub priority: i32,
    /// Its lane.
    pub lane: Option<String>,
    /// The delivery or dead letter of its lane that is before it.
    pub behind: Option<i64>,
    /// The error of the last attempt.
    pub last_error: Option<AttemptError>,
    /// When the event was emitted.
    pub emitted_at: Millis,
}

/// Which deliveries to show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeliveryFilter {
    /// Of one step only.
    pub step: Option<StepName>,
    /// Of one state only.
    pub state: Option<DeliveryState>,
    /// Of one event only.
    pub event_id: Option<i64>,
    /// Of one trace only; looked for among the newest 100,000.
    pub trace_id: Option<TraceId>,
    /// Those with a larger id only: the last one of the page before.
    pub after: Option<i64>,
    /// So many at most.
    pub limit: usize,
}

/// How many deliveries of a step there are, by what they wait for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueInfo {
    /// The step.
    pub step: StepName,
    /// Could be claimed now.
    pub ready: u64,
    /// Wait for their time: scheduled, throttled or after a failed attempt.
    pub delayed: u64,
    /// Wait for others of their lane.
    pub parked: u64,
    /// Are being attempted.
    pub leased: u64,
    /// Are dead letters.
    pub dead: u64,
    /// When the oldest delivery that could be claimed became due.
    pub oldest_due_at: Option<Millis>,
}
