//! The real store and the model give the same answers to the same calls, also when the real one is
//! closed and opened between them, and the model's answers are what they must be.
//!
//! `MOTIA_SEQUENCES` says how many random sequences are tried; `MOTIA_SEED` tries those of an earlier run again.

mod action;
mod answer;
mod ledger;

use std::{
    collections::hash_map::RandomState,
    env,
    fmt::Debug,
    hash::{BuildHasher, Hasher},
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use motia_manifest::{StepName, TenantId, TraceId};
use motia_store::{
    ClaimRequest, EventKind, GroupKey, Lane, LaneOrder, MemoryStore, Millis, NewDelivery, NewEvent,
    PageFilter, SqliteOptions, SqliteStore, Store, Write,
};
use proptest::{
    collection::vec,
    strategy::Strategy,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use self::{
    action::{Action, STEPS, TENANTS, action},
    answer::{Answer, Scene, answer},
    ledger::{Call, Ledger, Picture},
};

/// How many sequences are tried if nobody says.
const SEQUENCES: u64 = 10_000;

/// A sequence has fewer calls than this.
const CALLS: usize = 41;

/// After so long everything is due, and no lease holds.
const LONG_AFTER: Millis = 100_000;

/// The store often waits for its disk and not for the processor.
const THREADS_PER_CORE: usize = 2;

#[test]
fn the_store_answers_like_the_model() {
    let seed = number("MOTIA_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish());
    let sequences = number("MOTIA_SEQUENCES").unwrap_or(SEQUENCES);
    println!("MOTIA_SEED={seed} MOTIA_SEQUENCES={sequences}");
    let next = AtomicU64::new(0);
    let failure: Mutex<Option<String>> = Mutex::new(None);
    let work = || {
        let runtime = runtime();
        let strategy = vec(action(), 1..CALLS);
        while failure.lock().expect("no thread panics").is_none() {
            let sequence = next.fetch_add(1, Ordering::Relaxed);
            if sequence >= sequences {
                break;
            }
            if let Err(report) = try_sequence(&runtime, &strategy, seed, sequence) {
                *failure.lock().expect("no thread panics") = Some(report);
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores * THREADS_PER_CORE {
            scope.spawn(work);
        }
    });
    if let Some(report) = failure.into_inner().expect("no thread panics") {
        panic!("{report}\nMOTIA_SEED={seed} tries this again");
    }
}

/// Parks more deliveries than one claim may look at.
#[test]
fn a_claim_looks_at_a_limited_number_of_deliveries() {
    let lane = Lane { key: "w1".to_owned(), order: LaneOrder::Any };
    let delivery = NewDelivery { lane: Some(lane), ..NewDelivery::new(STEPS[0].into(), 0) };
    let event = NewEvent {
        id: 0,
        tenant: TENANTS[0].into(),
        kind: EventKind::Event,
        topic: "order.created".to_owned(),
        data: "0".to_owned(),
        headers: None,
        trace_id: TraceId::from("trace"),
        message_group_id: None,
        depth: 0,
        cause: None,
        unique: None,
        deliveries: vec![delivery; 300],
    };
    let request = ClaimRequest {
        tenant: TenantId::from(TENANTS[0]),
        step: StepName::from(STEPS[0]),
        limit: 2,
        now: 0,
        lease_until: 1000,
        lane_width: 1,
        throttle: None,
        batch: None,
    };
    let claim = Action::Claim(request);
    let calls = [Action::Emit(event), claim.clone(), claim];
    let answers = runtime().block_on(compare(&calls)).expect("the stores agree");
    let [_, Answer::Claimed(first), Answer::Claimed(second)] = answers.as_slice() else {
        panic!("two claims were answered: {answers:?}");
    };
    assert!(first.claims.len() == 1 && first.more);
    assert!(second.claims.is_empty() && !second.more);
}

/// A value and an item of more bytes than a list shows.
#[test]
fn a_list_does_not_show_what_is_long() {
    let long = format!("\"{}\"", "x".repeat(70_000));
    let group = |stream: Option<&str>| GroupKey {
        tenant: TENANTS[0].into(),
        stream: stream.map(str::to_owned),
        group: "g".to_owned(),
    };
    let key = "a".to_owned();
    let value = Write::SetState {
        group: group(None),
        key: key.clone(),
        value: long.clone(),
        reaction: None,
    };
    let item =
        Write::SetItem { group: group(Some("chat")), id: key.clone(), data: long, reaction: None };
    let look = |stream, search: Option<&str>| {
        let search = search.map(str::to_owned);
        let page = PageFilter { search, after: None, limit: 10 };
        Action::Browse { group: group(stream), page }
    };
    let calls = [
        Action::Write(value),
        Action::Write(item),
        look(None, None),
        look(Some("chat"), None),
        look(None, Some("xxx")),
        look(Some("chat"), Some("xxx")),
        Action::BrowseOne { group: group(Some("chat")), key },
    ];
    let answers = runtime().block_on(compare(&calls)).expect("the stores agree");
    let shown: Vec<String> = answers[2..].iter().map(|answer| format!("{answer:?}")).collect();
    assert!(shown[0].contains("value: None, bytes: 70002"), "{}", shown[0]);
    assert!(shown[1].contains("data: None, bytes: 70002"), "{}", shown[1]);
    assert!(!shown[2].contains("bytes: 70002") && !shown[3].contains("bytes: 70002"));
    assert!(shown[4].contains("data: Some(") && shown[4].len() > 70_000);
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a whole number, not `{text}`")))
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime")
}

/// Fails with the shortest sequence that was found.
fn try_sequence(
    runtime: &Runtime,
    strategy: &impl Strategy<Value = Vec<Action>>,
    seed: u64,
    sequence: u64,
) -> Result<(), String> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&sequence.to_le_bytes());
    let config =
        Config { cases: 1, max_shrink_iters: 4096, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let test = |actions: Vec<Action>| match runtime.block_on(compare(&actions)) {
        Ok(_) => Ok(()),
        Err(difference) => Err(TestCaseError::fail(difference)),
    };
    match TestRunner::new_with_rng(config, rng).run(strategy, test) {
        Ok(()) => Ok(()),
        Err(TestError::Abort(reason)) => Err(reason.to_string()),
        Err(TestError::Fail(reason, actions)) => {
            let lines: Vec<String> = actions.iter().map(|action| format!("{action:?}")).collect();
            Err(format!("sequence {sequence}: {reason}\nthe calls:\n{}", lines.join("\n")))
        }
    }
}

/// Makes the calls of a sequence to both stores; fails with the first difference.
async fn compare(actions: &[Action]) -> Result<Vec<Answer>, String> {
    let directory = directory();
    let mut store = open(&directory);
    let model = MemoryStore::default();
    let mut judge = Judge::new(&model).await?;
    let mut answers = Vec::new();
    for (number, action) in (0_i64..).zip(actions) {
        let at = format!("call {number}, {action:?}");
        judge.scene.number = number;
        match action {
            Action::Pass(time) => judge.scene.now += *time,
            Action::Drain => judge.scene.now += LONG_AFTER,
            Action::Reopen => {
                drop(store);
                store = open(&directory);
            }
            _ => {}
        }
        let found = answer(&store, action, &judge.scene).await;
        let expected = judge.answer(action).await.map_err(|broken| format!("{at}: {broken}"))?;
        same(&at, &found, &expected)?;
        answers.push(expected);
    }
    let found = Picture::of(&store, judge.scene.now).await.map_err(|error| error.to_string())?;
    same("the queue at the end", &found.queue, &judge.picture.queue)?;
    same("the dead letters at the end", &found.dead, &judge.picture.dead)?;
    same("the rest at the end", &found.rest, &judge.picture.rest)?;
    judge.scene.number += 1;
    judge.scene.now += LONG_AFTER;
    judge.answer(&Action::Drain).await.map_err(|broken| format!("after the end: {broken}"))?;
    Ok(answers)
}

fn same<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}:\n   store: {found:?}\n   model: {expected:?}"))
}

/// The model and what it has answered.
struct Judge<'a> {
    model: &'a MemoryStore,
    scene: Scene,
    ledger: Ledger,
    /// What it shows now.
    picture: Picture,
}

impl<'a> Judge<'a> {
    async fn new(model: &'a MemoryStore) -> Result<Self, String> {
        let scene = Scene::default();
        let picture = look(model, scene.now).await?;
        Ok(Self { model, scene, ledger: Ledger::default(), picture })
    }

    /// The model's answer; fails if it breaks what must hold.
    async fn answer(&mut self, action: &Action) -> Result<Answer, String> {
        let answer = answer(self.model, action, &self.scene).await;
        let after = look(self.model, self.scene.now).await?;
        let leases = self.scene.leases(action);
        let call = Call {
            action,
            leases: &leases,
            event: self.scene.first_event(),
            answer: &answer,
            before: &self.picture,
            after: &after,
        };
        self.ledger.check(&call)?;
        self.scene.note(action, &answer);
        self.picture = after;
        Ok(answer)
    }
}

async fn look(store: &dyn Store, now: Millis) -> Result<Picture, String> {
    Picture::of(store, now).await.map_err(|error| error.to_string())
}

fn open(directory: &TempDir) -> SqliteStore {
    let options =
        SqliteOptions { checkpoint_bytes: 64 << 10, min_free_bytes: 0, ..SqliteOptions::default() };
    SqliteStore::open_with(directory.path(), &options).expect("the store opens")
}

/// In memory where there is such a place: this test asks for answers, not for the disk.
fn directory() -> TempDir {
    let memory = Path::new("/dev/shm");
    let directory =
        if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    directory.expect("a temporary directory")
}
