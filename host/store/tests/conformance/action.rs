//! The calls of a sequence, and how they are chosen: of few steps, keys and moments, so that they meet.
//!
//! Times in an action are relative to when it happens, and ids of events are given then.

use motia_manifest::{StepName, TenantId, TraceId};
use motia_store::{
    Answer, AttemptError, AuditEntry, Batch, BatchClaim, ClaimRequest, Commit, DeadLetterFilter,
    Debounce, DeliveryFilter, DeliveryState, End, Entry, EventKind, GroupKey, KeyPattern, Lane,
    LaneOrder, Millis, NewAnswer, NewDelivery, NewEvent, Overlap, PageFilter, Rate, RateLimit,
    Reaction, Read, StoredItem, Unique, UpdateOp, Write,
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};

pub const TENANTS: [&str; 2] = ["one", "two"];
pub const STEPS: [&str; 2] = ["charge", "notify"];

/// Deliveries of a batch wait for company for so long.
const BATCH_TIMEOUT_MS: i64 = 15;

/// A call, or what happens between calls.
#[derive(Debug, Clone)]
pub enum Action {
    Pass(Millis),
    Reopen,
    /// Long after everything else, all that can be claimed is claimed and completed.
    Drain,
    Barrier,
    CheckRoom,
    Emit(NewEvent),
    Claim(ClaimRequest),
    ReleaseAll,
    Unpark {
        tenant: TenantId,
        step: StepName,
        limit: usize,
    },
    Unthrottle {
        tenant: TenantId,
        step: StepName,
        limit: usize,
    },
    Commit {
        claim: Pick,
        /// Without its leases.
        commit: Commit,
        /// What it reads right before, in addition to what it takes for what it has read.
        fresh_reads: Vec<Read>,
    },
    Cancel {
        tenant: TenantId,
        deliveries: Vec<i64>,
    },
    CancelEvent {
        tenant: TenantId,
        /// 0 is the newest one.
        event: usize,
    },
    Deliveries {
        tenant: TenantId,
        filter: DeliveryFilter,
        event: Option<usize>,
    },
    Queues(TenantId),
    DeadLetters {
        tenant: TenantId,
        filter: DeadLetterFilter,
        before: Option<i64>,
        limit: usize,
    },
    Discard {
        tenant: TenantId,
        filter: DeadLetterFilter,
        limit: usize,
    },
    StartRedrive {
        tenant: TenantId,
        filter: DeadLetterFilter,
        per_second: u32,
    },
    Redrives(TenantId),
    RedriveSome {
        id: i64,
        limit: usize,
    },
    StopRedrive {
        tenant: TenantId,
        id: i64,
    },
    QueueSettings(TenantId),
    SetQueueSettings {
        tenant: TenantId,
        step: StepName,
        settings: Option<&'static str>,
    },
    TakeTick {
        event: NewEvent,
        /// Not relative.
        scheduled_at: Millis,
        overlap: Overlap,
    },
    LastTick {
        tenant: TenantId,
        step: StepName,
    },
    Answer {
        tenant: TenantId,
        step: StepName,
        key: &'static str,
    },
    Sweep {
        dead_before: Millis,
        limit: usize,
    },
    StateGet {
        group: GroupKey,
        key: String,
    },
    StateGroup {
        group: GroupKey,
        max_bytes: usize,
    },
    StateUpdate {
        group: GroupKey,
        key: String,
        ops: Vec<UpdateOp>,
        max_bytes: usize,
        reaction: Option<Reaction>,
    },
    ItemGet {
        group: GroupKey,
        id: String,
    },
    ItemGroup {
        group: GroupKey,
        max_bytes: usize,
    },
    ItemSnapshot {
        group: GroupKey,
        id: Option<String>,
        max_bytes: usize,
    },
    ItemsSince {
        group: GroupKey,
        since: i64,
        max_bytes: usize,
    },
    /// Looks through all groups, and through one.
    Browse {
        group: GroupKey,
        page: PageFilter,
    },
    BrowseOne {
        group: GroupKey,
        key: String,
    },
    Audit(AuditEntry),
    Audits {
        tenant: TenantId,
        before: Option<i64>,
        limit: usize,
    },
    /// A write of state or of an item that takes effect at once.
    Write(Write),
}

/// Whose invocation it is that ends.
#[derive(Debug, Clone, Copy)]
pub enum Pick {
    /// A request's.
    Nobody,
    /// That of a claim that was not ended yet; 0 is the newest one.
    Open(usize),
    /// That of a claim that is over.
    Over(usize),
}

pub fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (0..20_i64).prop_map(Action::Pass),
        1 => Just(Action::Reopen),
        1 => Just(Action::Drain),
        28 => queue_action(),
        4 => upkeep_action(),
        9 => dead_letter_action(),
        4 => admin_action(),
        9 => value_action(),
        3 => browse_action(),
    ]
}

fn queue_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        8 => event().prop_map(Action::Emit),
        9 => claim().prop_map(Action::Claim),
        9 => commit(),
        1 => (tenant(), vec(1..9_i64, 1..4))
            .prop_map(|(tenant, deliveries)| Action::Cancel { tenant, deliveries }),
        1 => (tenant(), 0..4_usize)
            .prop_map(|(tenant, event)| Action::CancelEvent { tenant, event }),
        2 => (cron_event(), scheduled_at(), select(vec![Overlap::Allow, Overlap::Skip, Overlap::Cancel]))
            .prop_map(|(event, scheduled_at, overlap)| {
                Action::TakeTick { event, scheduled_at, overlap }
            }),
    ]
}

fn upkeep_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        Just(Action::ReleaseAll),
        Just(Action::Barrier),
        (tenant(), step(), 0..4_usize).prop_map(|(tenant, step, limit)| Action::Unpark {
            tenant,
            step,
            limit
        }),
        (tenant(), step(), 0..4_usize).prop_map(|(tenant, step, limit)| Action::Unthrottle {
            tenant,
            step,
            limit
        }),
        (-20..2_i64, 0..4_usize)
            .prop_map(|(dead_before, limit)| Action::Sweep { dead_before, limit }),
    ]
}

fn dead_letter_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        1 => (tenant(), dead_letter_filter(), option::weighted(0.3, 1..9_i64), 0..4_usize).prop_map(
            |(tenant, filter, before, limit)| Action::DeadLetters { tenant, filter, before, limit }
        ),
        1 => (tenant(), dead_letter_filter(), 0..3_usize)
            .prop_map(|(tenant, filter, limit)| Action::Discard { tenant, filter, limit }),
        3 => (tenant(), dead_letter_filter(), 1..10_u32).prop_map(|(tenant, filter, per_second)| {
            Action::StartRedrive { tenant, filter, per_second }
        }),
        1 => tenant().prop_map(Action::Redrives),
        4 => (1..4_i64, 0..4_usize).prop_map(|(id, limit)| Action::RedriveSome { id, limit }),
        1 => (tenant(), 1..4_i64).prop_map(|(tenant, id)| Action::StopRedrive { tenant, id }),
    ]
}

fn admin_action() -> impl Strategy<Value = Action> {
    let settings = select(vec![Some(r#"{"paused":true}"#), Some("{}"), None]);
    prop_oneof![
        2 => (tenant(), delivery_filter(), option::weighted(0.2, 0..4_usize)).prop_map(
            |(tenant, filter, event)| Action::Deliveries { tenant, filter, event }
        ),
        1 => tenant().prop_map(Action::Queues),
        1 => Just(Action::CheckRoom),
        1 => tenant().prop_map(Action::QueueSettings),
        1 => (tenant(), step(), settings).prop_map(|(tenant, step, settings)| {
            Action::SetQueueSettings { tenant, step, settings }
        }),
        1 => (tenant(), step()).prop_map(|(tenant, step)| Action::LastTick { tenant, step }),
        1 => (tenant(), step(), request_key())
            .prop_map(|(tenant, step, key)| Action::Answer { tenant, step, key }),
    ]
}

fn value_action() -> impl Strategy<Value = Action> {
    let max_bytes = || select(vec![12_usize, 10_000]);
    prop_oneof![
        1 => (group(), key()).prop_map(|(group, key)| Action::StateGet { group, key }),
        1 => (group(), max_bytes())
            .prop_map(|(group, max_bytes)| Action::StateGroup { group, max_bytes }),
        2 => (group(), key(), vec(update(), 0..4), max_bytes(), state_reaction()).prop_map(
            |(group, key, ops, max_bytes, reaction)| {
                Action::StateUpdate { group, key, ops, max_bytes, reaction }
            }
        ),
        1 => (stream(), key()).prop_map(|(group, id)| Action::ItemGet { group, id }),
        1 => (stream(), max_bytes())
            .prop_map(|(group, max_bytes)| Action::ItemGroup { group, max_bytes }),
        1 => (stream(), option::of(key()), max_bytes())
            .prop_map(|(group, id, max_bytes)| Action::ItemSnapshot { group, id, max_bytes }),
        1 => (stream(), 0..6_i64, max_bytes())
            .prop_map(|(group, since, max_bytes)| Action::ItemsSince { group, since, max_bytes }),
        6 => value_write().prop_map(Action::Write),
    ]
}

fn browse_action() -> impl Strategy<Value = Action> {
    let group = || prop_oneof![group(), stream()];
    let search = select(vec!["", "2", "A", "Text", "é\""]).prop_map(str::to_owned);
    let after = select(vec!["", "a", "g", "g2"]).prop_map(str::to_owned);
    let page = (option::of(search), option::of(after), 0..4_usize)
        .prop_map(|(search, after, limit)| PageFilter { search, after, limit });
    prop_oneof![
        4 => (group(), page).prop_map(|(group, page)| Action::Browse { group, page }),
        1 => (group(), key()).prop_map(|(group, key)| Action::BrowseOne { group, key }),
        1 => audit_entry().prop_map(Action::Audit),
        1 => (tenant(), option::of(0..4_i64), 0..3_usize)
            .prop_map(|(tenant, before, limit)| Action::Audits { tenant, before, limit }),
    ]
}

fn audit_entry() -> impl Strategy<Value = AuditEntry> {
    (tenant(), key(), option::of(text())).prop_map(|(tenant, subject, detail)| AuditEntry {
        tenant,
        at: 5,
        actor: "admin".to_owned(),
        action: "state.set".to_owned(),
        subject,
        detail,
    })
}

fn tenant() -> impl Strategy<Value = TenantId> {
    prop_oneof![9 => Just(TENANTS[0]), 1 => Just(TENANTS[1])].prop_map(TenantId::from)
}

fn step() -> impl Strategy<Value = StepName> {
    prop_oneof![3 => Just(STEPS[0]), 1 => Just(STEPS[1])].prop_map(StepName::from)
}

fn topic() -> impl Strategy<Value = String> {
    select(vec!["order.created", "order.paid"]).prop_map(str::to_owned)
}

fn trace() -> impl Strategy<Value = TraceId> {
    select(vec!["trace 1", "trace 2"]).prop_map(TraceId::from)
}

fn event() -> impl Strategy<Value = NewEvent> {
    let headers = option::weighted(0.2, Just(r#"{"from":"test"}"#.to_owned()));
    let unique = (select(vec!["u1", "u2"]), 1..30_i64)
        .prop_map(|(id, expires_at)| Unique { id: id.to_owned(), expires_at });
    let group = option::weighted(0.2, Just("customer 1".to_owned()));
    let about = (tenant(), topic(), trace(), 0..3_u32);
    (about, headers, group, option::weighted(0.3, unique), vec(delivery(), 0..3)).prop_map(
        |((tenant, topic, trace_id, depth), headers, message_group_id, unique, deliveries)| {
            NewEvent {
                id: 0,
                tenant,
                kind: EventKind::Event,
                topic,
                data: r#"{"order":1}"#.to_owned(),
                headers,
                trace_id,
                message_group_id,
                depth,
                cause: (depth > 0).then(|| "0123456789abcdef".to_owned()),
                unique,
                deliveries,
            }
        },
    )
}

fn delivery() -> impl Strategy<Value = NewDelivery> {
    let due_at = prop_oneof![3 => Just(0_i64), 1 => 0..20_i64];
    let expires_at = option::weighted(0.2, 5..30_i64);
    let rate_limit = (select(vec!["r1", "r2"]), rate())
        .prop_map(|(key, rate)| RateLimit { key: key.to_owned(), rate });
    (held_back(), step(), due_at, expires_at, priority(), option::weighted(0.2, rate_limit))
        .prop_map(|(delivery, step, due_at, expires_at, priority, rate_limit)| NewDelivery {
            step,
            due_at,
            expires_at,
            priority,
            rate_limit,
            ..delivery
        })
}

/// A delivery with what may hold it back, in the combinations that a step's config allows.
fn held_back() -> impl Strategy<Value = NewDelivery> {
    let free = || NewDelivery::new(StepName::from(STEPS[0]), 0);
    let lane = move |lane: Lane| NewDelivery { lane: Some(lane), ..free() };
    prop_oneof![
        2 => Just(free()),
        5 => fifo_lane().prop_map(lane),
        3 => wide_lane().prop_map(lane),
        3 => (throttle_key(), option::of(wide_lane())).prop_map(move |(key, lane)| NewDelivery {
            throttle_key: Some(key),
            lane,
            ..free()
        }),
        4 => (debounce(), option::of(throttle_key()), option::of(wide_lane())).prop_map(
            move |(debounce, throttle_key, lane)| NewDelivery {
                debounce: Some(debounce),
                throttle_key,
                lane,
                ..free()
            }
        ),
        5 => batch().prop_map(move |batch| NewDelivery { batch: Some(batch), ..free() }),
    ]
}

fn fifo_lane() -> impl Strategy<Value = Lane> {
    select(vec!["f1", "f2"]).prop_map(|key| Lane { key: key.to_owned(), order: LaneOrder::Fifo })
}

fn wide_lane() -> impl Strategy<Value = Lane> {
    select(vec!["w1", "w2"]).prop_map(|key| Lane { key: key.to_owned(), order: LaneOrder::Any })
}

/// Whether it is one of the lanes that are made here, or by a change, and in strict order.
pub fn is_fifo(lane: &str) -> bool {
    lane.starts_with('f') || lane.contains('\0')
}

fn throttle_key() -> impl Strategy<Value = String> {
    select(vec!["t1", "t2"]).prop_map(str::to_owned)
}

fn debounce() -> impl Strategy<Value = Debounce> {
    let max_wait_ms = option::of(Just(12_i64));
    (select(vec!["d1", "d2"]), select(vec![5_i64, 10]), max_wait_ms).prop_map(
        |(key, period_ms, max_wait_ms)| Debounce { key: key.to_owned(), period_ms, max_wait_ms },
    )
}

fn batch() -> impl Strategy<Value = Batch> {
    (select(vec!["b1", "b2"]), 2..4_u32).prop_map(|(key, size)| Batch {
        key: key.to_owned(),
        size,
        timeout_ms: BATCH_TIMEOUT_MS,
    })
}

fn rate() -> impl Strategy<Value = Rate> {
    select(vec![
        Rate { limit: 1, period_ms: 10, burst: 1 },
        Rate { limit: 2, period_ms: 10, burst: 2 },
    ])
}

fn priority() -> impl Strategy<Value = i32> {
    prop_oneof![3 => Just(0_i32), 1 => -1..2_i32]
}

fn claim() -> impl Strategy<Value = ClaimRequest> {
    let batch = (2..4_u32).prop_map(|size| BatchClaim { size, timeout_ms: BATCH_TIMEOUT_MS });
    let limit = prop_oneof![1 => Just(0_usize), 9 => 1..5_usize];
    let throttle = option::weighted(0.6, rate());
    (tenant(), step(), limit, 1..40_i64, 1..4_u32, throttle, option::weighted(0.6, batch)).prop_map(
        |(tenant, step, limit, lease_until, lane_width, throttle, batch)| ClaimRequest {
            tenant,
            step,
            limit,
            now: 0,
            lease_until,
            lane_width,
            throttle,
            batch,
        },
    )
}

fn commit() -> impl Strategy<Value = Action> {
    let claim = prop_oneof![
        1 => Just(Pick::Nobody),
        9 => (0..3_usize).prop_map(Pick::Open),
        1 => (0..3_usize).prop_map(Pick::Over),
    ];
    let reads = prop_oneof![9 => Just(Vec::<Read>::new()), 1 => vec(read(), 1..3)];
    let fresh_reads = prop_oneof![2 => Just(Vec::<Read>::new()), 1 => vec(read(), 1..3)];
    let write = prop_oneof![value_write(), event().prop_map(Write::Emit)];
    let writes = prop_oneof![2 => Just(Vec::<Write>::new()), 1 => vec(write, 1..4)];
    (claim, end(), reads, fresh_reads, writes, option::weighted(0.2, answer())).prop_map(
        |(claim, end, reads, fresh_reads, writes, answer)| {
            let commit = Commit { leases: Vec::new(), end, reads, writes, answer };
            Action::Commit { claim, commit, fresh_reads }
        },
    )
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        4 => Just(End::Complete),
        3 => (error(), 0..15_i64).prop_map(|(error, at)| End::Retry { error, at }),
        5 => (error(), any::<bool>()).prop_map(|(error, block)| End::Bury { error, block }),
        2 => (0..15_i64).prop_map(|at| End::Release { at }),
    ]
}

/// Its attempt is wrong on purpose: each delivery has its own.
fn error() -> impl Strategy<Value = AttemptError> {
    let stack = option::of(Just("at handler (charge.step.ts:1)".to_owned()));
    (code(), stack, -2..1_i64).prop_map(|(code, stack, failed_at)| AttemptError {
        attempt: 99,
        code,
        message: "the card was declined".to_owned(),
        stack,
        failed_at,
    })
}

fn code() -> impl Strategy<Value = String> {
    select(vec!["handler_failed", "timeout"]).prop_map(str::to_owned)
}

fn read() -> impl Strategy<Value = Read> {
    let entry = (key(), text()).prop_map(|(key, value)| Entry { key, value });
    let item =
        (key(), text(), 1..4_i64).prop_map(|(id, data, offset)| StoredItem { id, data, offset });
    prop_oneof![
        (group(), key(), option::of(text())).prop_map(|(group, key, value)| Read::State {
            group,
            key,
            value
        }),
        (group(), vec(entry, 0..2))
            .prop_map(|(group, entries)| Read::StateGroup { group, entries }),
        (stream(), key(), option::of(1..4_i64)).prop_map(|(group, id, offset)| Read::Item {
            group,
            id,
            offset
        }),
        (stream(), vec(item, 0..2)).prop_map(|(group, items)| Read::ItemGroup { group, items }),
    ]
}

fn value_write() -> impl Strategy<Value = Write> {
    prop_oneof![
        4 => (group(), key(), text(), state_reaction()).prop_map(|(group, key, value, reaction)| {
            Write::SetState { group, key, value, reaction }
        }),
        2 => (group(), key(), state_reaction())
            .prop_map(|(group, key, reaction)| Write::DeleteState { group, key, reaction }),
        1 => (group(), state_reaction())
            .prop_map(|(group, reaction)| Write::ClearState { group, reaction }),
        4 => (stream(), key(), text(), stream_reaction()).prop_map(|(group, id, data, reaction)| {
            Write::SetItem { group, id, data, reaction }
        }),
        2 => (stream(), key(), stream_reaction())
            .prop_map(|(group, id, reaction)| Write::DeleteItem { group, id, reaction }),
    ]
}

fn answer() -> impl Strategy<Value = NewAnswer> {
    let given = select(vec!["1", "2"]).prop_map(|text| Answer {
        fingerprint: text.to_owned(),
        response: text.as_bytes().to_vec(),
    });
    (tenant(), step(), request_key(), given, 1..30_i64).prop_map(
        |(tenant, step, key, answer, expires_at)| NewAnswer {
            tenant,
            step,
            key: key.to_owned(),
            answer,
            expires_at,
        },
    )
}

fn request_key() -> impl Strategy<Value = &'static str> {
    select(vec!["k1", "k2"])
}

fn state_reaction() -> impl Strategy<Value = Option<Reaction>> {
    option::of(reaction(EventKind::State, "g"))
}

fn stream_reaction() -> impl Strategy<Value = Option<Reaction>> {
    option::of(reaction(EventKind::Stream, "chat"))
}

/// Whose it is, is known only with the value.
fn reaction(kind: EventKind, topic: &'static str) -> impl Strategy<Value = Reaction> {
    let pattern = select(vec!["*", "a*", "b"]).prop_map(|text| KeyPattern(text.to_owned()));
    let watching = vec((plain_delivery(), option::of(pattern)), 1..3);
    (watching, trace()).prop_map(move |(watching, trace_id)| {
        let (deliveries, patterns): (Vec<_>, Vec<_>) = watching.into_iter().unzip();
        Reaction { event: bare_event(kind, topic, trace_id, deliveries), patterns }
    })
}

fn cron_event() -> impl Strategy<Value = NewEvent> {
    (tenant(), plain_delivery(), trace()).prop_map(|(tenant, delivery, trace_id)| NewEvent {
        tenant,
        ..bare_event(EventKind::Cron, "nightly", trace_id, vec![delivery])
    })
}

fn plain_delivery() -> impl Strategy<Value = NewDelivery> {
    (step(), 0..5_i64, priority()).prop_map(|(step, due_at, priority)| NewDelivery {
        priority,
        ..NewDelivery::new(step, due_at)
    })
}

/// An event that nobody emitted.
fn bare_event(
    kind: EventKind,
    topic: &str,
    trace_id: TraceId,
    deliveries: Vec<NewDelivery>,
) -> NewEvent {
    NewEvent {
        id: 0,
        tenant: TenantId::from(TENANTS[0]),
        kind,
        topic: topic.to_owned(),
        data: "0".to_owned(),
        headers: None,
        trace_id,
        message_group_id: None,
        depth: 1,
        cause: None,
        unique: None,
        deliveries,
    }
}

fn scheduled_at() -> impl Strategy<Value = Millis> {
    let month: Millis = 31 * 24 * 60 * 60 * 1000;
    select(vec![0, 60_000, 120_000, month, month + 60_000])
}

fn delivery_filter() -> impl Strategy<Value = DeliveryFilter> {
    let state = select(vec![
        DeliveryState::Ready,
        DeliveryState::Scheduled,
        DeliveryState::Retrying,
        DeliveryState::Throttled,
        DeliveryState::Parked,
        DeliveryState::Leased,
    ]);
    let after = option::weighted(0.2, 0..6_i64);
    (option::weighted(0.3, step()), option::of(state), after, 0..20_usize).prop_map(
        |(step, state, after, limit)| DeliveryFilter {
            step,
            state,
            after,
            limit,
            ..DeliveryFilter::default()
        },
    )
}

fn dead_letter_filter() -> impl Strategy<Value = DeadLetterFilter> {
    let ids = prop_oneof![4 => Just(Vec::<i64>::new()), 1 => vec(1..9_i64, 1..4)];
    let ids = (ids, option::weighted(0.1, 0..6_i64));
    let time = || option::weighted(0.1, -20..5_i64);
    let texts = (option::weighted(0.1, topic()), option::weighted(0.1, code()));
    (ids, option::weighted(0.2, step()), texts, option::weighted(0.1, trace()), time(), time())
        .prop_map(|((ids, after), step, (topic, code), trace_id, since, until)| DeadLetterFilter {
            ids,
            after,
            step,
            topic,
            code,
            trace_id,
            since,
            until,
        })
}

fn group() -> impl Strategy<Value = GroupKey> {
    (tenant(), select(vec!["g", "g2"])).prop_map(|(tenant, group)| GroupKey {
        tenant,
        stream: None,
        group: group.to_owned(),
    })
}

fn stream() -> impl Strategy<Value = GroupKey> {
    (tenant(), select(vec!["chat", "board"]), select(vec!["g", "g2"])).prop_map(
        |(tenant, stream, group)| GroupKey {
            tenant,
            stream: Some(stream.to_owned()),
            group: group.to_owned(),
        },
    )
}

fn key() -> impl Strategy<Value = String> {
    select(vec!["a", "b", "é\"", ""]).prop_map(str::to_owned)
}

fn text() -> impl Strategy<Value = String> {
    let values =
        vec!["null", "5", r#""text""#, r#"{"n":1}"#, r#"{"a":{"b":2.5},"n":"x"}"#, "[1,2]"];
    select(values).prop_map(str::to_owned)
}

fn update() -> impl Strategy<Value = UpdateOp> {
    let path = || select(vec!["", "n", "a", "a.b"]).prop_map(str::to_owned);
    let value = || select(vec![json!(7), json!(null), json!("text"), json!({ "b": 1, "c": [] })]);
    let by = || select(vec![1.0, 0.25, -3.0, 1e308]);
    prop_oneof![
        (path(), value()).prop_map(|(path, value): (String, Value)| UpdateOp::Set { path, value }),
        (path(), value())
            .prop_map(|(path, value): (String, Value)| UpdateOp::Merge { path, value }),
        (path(), by()).prop_map(|(path, by): (String, f64)| UpdateOp::Increment { path, by }),
        (path(), by()).prop_map(|(path, by): (String, f64)| UpdateOp::Decrement { path, by }),
        path().prop_map(|path: String| UpdateOp::Remove { path }),
    ]
}
