//! The real store and the model give the same answers to the same calls, also when the real one is
//! closed and opened between them.

use std::path::Path;

use motia_manifest::{StepName, TenantId, TraceId};
use motia_store::{
    AttemptError, GroupKey, Lease, MemoryStore, Millis, NewDelivery, NewEvent, SqliteStore, Store,
    StoreResult, UpdateOp,
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A call, or what happens between calls.
#[derive(Debug, Clone)]
enum Action {
    Pass {
        time: Millis,
    },
    Reopen,
    Barrier,
    Emit {
        tenant: &'static str,
        deliveries: Vec<(&'static str, Millis)>,
        message_group_id: Option<String>,
    },
    Claim {
        tenant: &'static str,
        steps: Vec<&'static str>,
        limit: usize,
        time: Millis,
    },
    NextDue {
        tenant: &'static str,
    },
    ReleaseAll,
    Release {
        lease: usize,
        delay: Millis,
    },
    Complete {
        lease: usize,
    },
    Retry {
        lease: usize,
        delay: Millis,
    },
    Bury {
        lease: usize,
    },
    DeadLetters {
        tenant: &'static str,
        limit: usize,
    },
    QueueDepth {
        tenant: &'static str,
    },
    TakeTick {
        tenant: &'static str,
        step: &'static str,
        at: Millis,
    },
    StateGet {
        group: GroupKey,
        key: &'static str,
    },
    StateSet {
        group: GroupKey,
        key: &'static str,
        value: &'static str,
    },
    StateDelete {
        group: GroupKey,
        key: &'static str,
    },
    StateGroup {
        group: GroupKey,
        max_bytes: usize,
    },
    StateClear {
        group: GroupKey,
    },
    StateUpdate {
        group: GroupKey,
        key: &'static str,
        ops: Vec<UpdateOp>,
        max_bytes: usize,
    },
    ItemGet {
        group: GroupKey,
        id: &'static str,
    },
    ItemSet {
        group: GroupKey,
        id: &'static str,
        data: &'static str,
    },
    ItemDelete {
        group: GroupKey,
        id: &'static str,
    },
    ItemGroup {
        group: GroupKey,
        max_bytes: usize,
    },
}

fn tenant() -> impl Strategy<Value = &'static str> {
    select(vec!["one", "two"])
}

fn step() -> impl Strategy<Value = &'static str> {
    select(vec!["charge", "notify", "archive"])
}

fn key() -> impl Strategy<Value = &'static str> {
    select(vec!["a", "b", "é", ""])
}

fn text() -> impl Strategy<Value = &'static str> {
    select(vec!["null", "5", r#""text""#, r#"{"n":1}"#, r#"{"a":{"b":2.5},"n":"x"}"#, "[1,2]"])
}

fn group(stream: Option<&'static str>) -> impl Strategy<Value = GroupKey> {
    (tenant(), select(vec!["g", "g2"])).prop_map(move |(tenant, group)| GroupKey {
        tenant: TenantId::from(tenant),
        stream: stream.map(str::to_owned),
        group: group.to_owned(),
    })
}

fn stream_group() -> impl Strategy<Value = GroupKey> {
    prop_oneof![group(Some("chat")), group(Some("board"))]
}

fn max_bytes() -> impl Strategy<Value = usize> {
    select(vec![12, 10_000])
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

fn queue_action() -> impl Strategy<Value = Action> {
    let deliveries = vec((step(), 0..3000_i64), 0..4);
    let message_group_id = option::of(Just("customer 1".to_owned()));
    prop_oneof![
        3 => (tenant(), deliveries, message_group_id).prop_map(|(tenant, deliveries, message_group_id)| {
            Action::Emit { tenant, deliveries, message_group_id }
        }),
        4 => (tenant(), vec(step(), 0..4), 0..4_usize, 0..4000_i64)
            .prop_map(|(tenant, steps, limit, time)| Action::Claim { tenant, steps, limit, time }),
        1 => (0..6_usize, 0..2000_i64).prop_map(|(lease, delay)| Action::Release { lease, delay }),
        2 => (0..6_usize).prop_map(|lease| Action::Complete { lease }),
        2 => (0..6_usize, 0..2000_i64).prop_map(|(lease, delay)| Action::Retry { lease, delay }),
        2 => (0..6_usize).prop_map(|lease| Action::Bury { lease }),
        1 => tenant().prop_map(|tenant| Action::NextDue { tenant }),
        1 => (tenant(), 0..3_usize).prop_map(|(tenant, limit)| Action::DeadLetters { tenant, limit }),
        1 => tenant().prop_map(|tenant| Action::QueueDepth { tenant }),
        1 => Just(Action::ReleaseAll),
    ]
}

fn value_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        (group(None), key()).prop_map(|(group, key)| Action::StateGet { group, key }),
        (group(None), key(), text()).prop_map(|(group, key, value)| Action::StateSet {
            group,
            key,
            value
        }),
        (group(None), key()).prop_map(|(group, key)| Action::StateDelete { group, key }),
        (group(None), max_bytes())
            .prop_map(|(group, max_bytes)| Action::StateGroup { group, max_bytes }),
        group(None).prop_map(|group| Action::StateClear { group }),
        (group(None), key(), vec(update(), 0..4), max_bytes()).prop_map(
            |(group, key, ops, max_bytes)| { Action::StateUpdate { group, key, ops, max_bytes } }
        ),
    ]
}

fn item_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        (stream_group(), key()).prop_map(|(group, id)| Action::ItemGet { group, id }),
        (stream_group(), key(), text()).prop_map(|(group, id, data)| Action::ItemSet {
            group,
            id,
            data
        }),
        (stream_group(), key()).prop_map(|(group, id)| Action::ItemDelete { group, id }),
        (stream_group(), max_bytes())
            .prop_map(|(group, max_bytes)| Action::ItemGroup { group, max_bytes }),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let month = 31 * 24 * 60 * 60 * 1000_i64;
    let at = select(vec![0, 60_000, 120_000, month, month + 60_000]);
    prop_oneof![
        4 => (0..2500_i64).prop_map(|time| Action::Pass { time }),
        1 => Just(Action::Reopen),
        1 => Just(Action::Barrier),
        1 => (tenant(), step(), at).prop_map(|(tenant, step, at)| Action::TakeTick { tenant, step, at }),
        14 => queue_action(),
        6 => value_action(),
        4 => item_action(),
    ]
}

/// What a store answered, in a form that can be compared.
#[derive(Debug, PartialEq)]
struct Answer {
    text: String,
    leases: Vec<Lease>,
}

impl Answer {
    fn of<T: std::fmt::Debug>(result: StoreResult<T>) -> Self {
        Self {
            text: format!("{:?}", result.map_err(|error| error.to_string())),
            leases: Vec::new(),
        }
    }
}

/// The newest lease is number 0; without one, a lease that nobody gave.
fn pick(leases: &[Lease], number: usize) -> Lease {
    leases.iter().rev().nth(number).copied().unwrap_or(Lease { delivery: 1, epoch: 1 })
}

fn error(lease: Lease, now: Millis) -> AttemptError {
    AttemptError {
        attempt: u32::try_from(lease.epoch).unwrap_or_default(),
        code: "handler_failed".to_owned(),
        message: format!("failed at {now}"),
        stack: (now % 2 == 0).then(|| "at handler (charge.step.ts:1)".to_owned()),
        failed_at: now,
    }
}

async fn answer(store: &dyn Store, action: &Action, leases: &[Lease], now: Millis) -> Answer {
    match action.clone() {
        Action::Pass { .. } | Action::Reopen => Answer::of(Ok(())),
        Action::Barrier => Answer::of(store.barrier().await),
        Action::Emit { tenant, deliveries, message_group_id } => {
            let deliver = |(step, delay): (&'static str, Millis)| NewDelivery {
                step: StepName::from(step),
                due_at: now + delay,
            };
            let event = NewEvent {
                tenant: TenantId::from(tenant),
                topic: "order.created".to_owned(),
                data: format!(r#"{{"at":{now}}}"#),
                trace_id: TraceId::from("trace"),
                message_group_id,
                deliveries: deliveries.into_iter().map(deliver).collect(),
            };
            Answer::of(store.emit(event, now).await)
        }
        Action::Claim { tenant, steps, limit, time } => {
            let steps = steps.into_iter().map(StepName::from).collect();
            let claimed = store.claim(TenantId::from(tenant), steps, limit, now, now + time).await;
            let leases = claimed.iter().flatten();
            let leases = leases
                .map(|delivery| Lease { delivery: delivery.id, epoch: delivery.lease_epoch })
                .collect();
            Answer { leases, ..Answer::of(claimed) }
        }
        Action::NextDue { tenant } => Answer::of(store.next_due(TenantId::from(tenant)).await),
        Action::ReleaseAll => Answer::of(store.release_all().await),
        Action::Release { lease, delay } => {
            Answer::of(store.release(pick(leases, lease), now + delay).await)
        }
        Action::Complete { lease } => Answer::of(store.complete(pick(leases, lease)).await),
        Action::Retry { lease, delay } => {
            let lease = pick(leases, lease);
            Answer::of(store.retry(lease, error(lease, now), now + delay).await)
        }
        Action::Bury { lease } => {
            let lease = pick(leases, lease);
            Answer::of(store.bury(lease, error(lease, now)).await)
        }
        Action::DeadLetters { tenant, limit } => {
            Answer::of(store.dead_letters(TenantId::from(tenant), limit).await)
        }
        Action::QueueDepth { tenant } => {
            Answer::of(store.queue_depth(TenantId::from(tenant), now).await)
        }
        Action::TakeTick { tenant, step, at } => {
            Answer::of(store.take_tick(TenantId::from(tenant), StepName::from(step), at).await)
        }
        Action::StateGet { group, key } => Answer::of(store.state_get(group, key.to_owned()).await),
        Action::StateSet { group, key, value } => {
            Answer::of(store.state_set(group, key.to_owned(), value.to_owned()).await)
        }
        Action::StateDelete { group, key } => {
            Answer::of(store.state_delete(group, key.to_owned()).await)
        }
        Action::StateGroup { group, max_bytes } => {
            Answer::of(store.state_group(group, max_bytes).await)
        }
        Action::StateClear { group } => Answer::of(store.state_clear(group).await),
        Action::StateUpdate { group, key, ops, max_bytes } => {
            Answer::of(store.state_update(group, key.to_owned(), ops, max_bytes).await)
        }
        Action::ItemGet { group, id } => Answer::of(store.item_get(group, id.to_owned()).await),
        Action::ItemSet { group, id, data } => {
            Answer::of(store.item_set(group, id.to_owned(), data.to_owned()).await)
        }
        Action::ItemDelete { group, id } => {
            Answer::of(store.item_delete(group, id.to_owned()).await)
        }
        Action::ItemGroup { group, max_bytes } => {
            Answer::of(store.item_group(group, max_bytes).await)
        }
    }
}

/// In memory where there is such a place: this test asks for answers, not for the disk.
fn directory() -> TempDir {
    let memory = Path::new("/dev/shm");
    let directory =
        if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    directory.expect("a temporary directory")
}

async fn compare(actions: Vec<Action>) -> Result<(), TestCaseError> {
    let directory = directory();
    let open = || SqliteStore::open(directory.path()).expect("the store opens");
    let mut store = open();
    let model = MemoryStore::default();
    let mut leases: Vec<Lease> = Vec::new();
    let mut now: Millis = 1_000_000;
    for (number, action) in actions.iter().enumerate() {
        match action {
            Action::Pass { time } => now += *time,
            Action::Reopen => {
                drop(store);
                store = open();
            }
            _ => {}
        }
        let expected = answer(&model, action, &leases, now).await;
        let found = answer(&store, action, &leases, now).await;
        prop_assert_eq!(&found, &expected, "call {}: {:?} at {}", number, action, now);
        leases.extend(expected.leases);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_answers_like_the_model(actions in vec(action(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(compare(actions))?;
    }
}
