//! The scheduler, the queues' policies and the store's model, run through months of emits, failures, crashes and
//! attempts that outlive their lease. The clock is a number and every choice comes from a seed, so the same
//! seed gives the same run: `MOTIA_SEED=7 cargo test --workspace simulation` repeats one.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use motia_manifest::{StepConfig, StepName, TenantId, TraceId};
use motia_sandbox::Limits;
use motia_store::{
    Commit, DeadLetterFilter, Delivery, End, EventKind, GroupKey, MemoryStore, Millis, NewEvent,
    Store, StoreError, Write,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::{
    invoke::Failed,
    policy::{AfterFailure, QueuePolicy, Wishes},
    scheduler::{Outcome, QueueState, Scheduler},
};

const PLACES: usize = 6;
const EVENTS: usize = 120;
const SEEDS: u64 = 300;

/// The queues: one of each kind.
fn queues() -> Vec<(&'static str, Value)> {
    vec![
        ("plain", json!({ "concurrency": 3, "maxRetries": 2 })),
        ("skip", json!({ "type": "fifo", "maxRetries": 1, "concurrency": 4 })),
        ("block", json!({ "type": "fifo", "onFailure": "block", "maxRetries": 1 })),
        ("keyed", json!({ "keyConcurrency": { "key": "key", "limit": 2 }, "maxRetries": 3 })),
        ("slow", json!({ "throttle": { "limit": 2, "periodSeconds": 5, "key": "key" } })),
        ("urgent", json!({ "priority": { "key": "urgency" }, "concurrency": 1 })),
        ("batch", json!({ "batch": { "size": 3, "timeoutSeconds": 4, "key": "key" } })),
        ("late", json!({ "delaySeconds": 7, "finishTimeout": 20, "maxRetries": 50 })),
    ]
}

/// An attempt that has not ended.
struct Flight {
    step: StepName,
    deliveries: Vec<Delivery>,
    ends_at: Millis,
    lease_until: Millis,
    succeeds: bool,
    /// Its host crashed, but it goes on: it must change nothing.
    zombie: bool,
}

struct World {
    store: MemoryStore,
    scheduler: Scheduler,
    policies: BTreeMap<StepName, QueuePolicy>,
    random: StdRng,
    now: Millis,
    flights: Vec<Flight>,
    emitted: usize,
    trace: Vec<String>,
    /// How often each delivery succeeded, and in which order within its step and group.
    succeeded: HashMap<i64, u32>,
    order: BTreeMap<(StepName, String), Vec<i64>>,
}

impl World {
    fn new(seed: u64) -> Self {
        let limits = Limits { wall_clock: Duration::from_secs(10), ..Limits::background() };
        let policies: BTreeMap<StepName, QueuePolicy> = queues()
            .into_iter()
            .map(|(name, queue)| {
                let config = StepConfig::from_json(&json!({
                    "name": name, "type": "event", "subscribes": ["all"],
                    "infrastructure": { "queue": queue },
                }));
                let config = config.expect("a config");
                let policy = QueuePolicy::of(&config, &limits, 5).expect("a policy");
                (StepName::from(name), policy.expect("a queue"))
            })
            .collect();
        let mut world = Self {
            store: MemoryStore::default(),
            scheduler: Scheduler::new(PLACES),
            policies,
            random: StdRng::seed_from_u64(seed),
            now: 1_000_000,
            flights: Vec::new(),
            emitted: 0,
            trace: Vec::new(),
            succeeded: HashMap::new(),
            order: BTreeMap::new(),
        };
        world.start();
        world
    }

    fn start(&mut self) {
        self.scheduler = Scheduler::new(PLACES);
        let state =
            |policy: &QueuePolicy| QueueState { concurrency: policy.concurrency, paused: false };
        self.scheduler
            .set_queues(self.policies.iter().map(|(step, policy)| (step.clone(), state(policy))));
    }

    fn note(&mut self, what: String) {
        self.trace.push(format!("{} {what}", self.now));
    }

    async fn emit(&mut self) {
        self.emitted += 1;
        let key = self.random.random_range(0..3);
        let data = json!({ "key": key, "urgency": self.random.random_range(-3..4) });
        let wishes = Wishes {
            at: self.random.random_bool(0.1).then_some(self.now + 15_000),
            priority: None,
            message_group_id: Some(format!("group {key}")),
        };
        let value = || data.clone();
        let deliveries: Vec<_> = self
            .policies
            .iter()
            .map(|(step, policy)| policy.delivery(step.clone(), &wishes, &value, self.now))
            .collect();
        let event = NewEvent {
            id: i64::try_from(self.emitted).expect("a number"),
            tenant: TenantId::default(),
            kind: EventKind::Event,
            topic: "all".to_owned(),
            data: data.to_string(),
            headers: None,
            trace_id: TraceId::from("trace"),
            message_group_id: wishes.message_group_id.clone(),
            depth: 0,
            cause: None,
            unique: None,
            deliveries: deliveries.clone(),
        };
        self.store.emit(event, self.now).await.expect("an emit");
        for delivery in deliveries {
            self.scheduler.announce(&delivery.step, delivery.due_at);
        }
        self.note(format!("emitted {}", self.emitted));
    }

    async fn claim(&mut self) {
        while let Some(plan) = self.scheduler.next(self.now) {
            let policy = &self.policies[&plan.step];
            let tenant = TenantId::default();
            let request = policy.claim(tenant, plan.step.clone(), plan.limit, self.now);
            let lease_until = request.lease_until;
            let claimed = self.store.claim(request).await.expect("a claim");
            let outcome = Outcome {
                claims: claimed.claims.len(),
                more: claimed.more,
                next_due: claimed.next_due,
            };
            self.scheduler.claimed(&plan, outcome);
            for deliveries in claimed.claims {
                // Some outlive their lease of 40 s.
                let long = self.random.random_bool(0.03);
                let ms = if long { 60_000 } else { self.random.random_range(10..4_000) };
                let succeeds = self.random.random_bool(0.7);
                let ids: Vec<i64> = deliveries.iter().map(|delivery| delivery.id).collect();
                self.note(format!("{} claimed {ids:?}", plan.step));
                self.flights.push(Flight {
                    step: plan.step.clone(),
                    deliveries,
                    ends_at: self.now + ms,
                    lease_until,
                    succeeds,
                    zombie: false,
                });
            }
            self.check_limits();
        }
    }

    /// Nothing runs beyond its limit, and nothing overtakes in its group.
    fn check_limits(&self) {
        let now = self.now;
        let valid = |flight: &&Flight| !flight.zombie && flight.lease_until > now;
        for (step, policy) in &self.policies {
            let of_step =
                || self.flights.iter().filter(valid).filter(|flight| flight.step == *step);
            assert!(of_step().count() <= policy.concurrency, "{step} runs more than it may");
            let mut groups: BTreeMap<&str, usize> = BTreeMap::new();
            for delivery in of_step().flat_map(|flight| &flight.deliveries) {
                *groups.entry(delivery.message_group_id.as_deref().unwrap_or("")).or_default() += 1;
            }
            let most = match step.as_str() {
                "skip" | "block" => 1,
                "keyed" => 2,
                _ => usize::MAX,
            };
            assert!(groups.values().all(|&count| count <= most), "{step}: {groups:?}");
        }
    }

    async fn end(&mut self, flight: Flight) {
        let leading =
            flight.deliveries.iter().max_by_key(|delivery| (delivery.attempt, delivery.id));
        let leading = leading.expect("a delivery").clone();
        let leases: Vec<_> = flight.deliveries.iter().map(Delivery::lease).collect();
        let policy = &self.policies[&flight.step];
        let mut writes = Vec::new();
        let end = if flight.succeeds {
            // The effect: its own key for each attempt, so that a second one would be seen.
            writes.extend(flight.deliveries.iter().map(|delivery| Write::SetState {
                group: effects(),
                key: format!("{} {}", delivery.id, delivery.lease_epoch),
                value: "1".to_owned(),
                reaction: None,
            }));
            End::Complete
        } else {
            let failed = Failed {
                code: "handler_failed",
                message: "failed".to_owned(),
                stack: None,
                retryable: self.random.random_bool(0.95),
                retry_after: None,
            };
            let random = self.random.random::<f64>();
            match policy.after_failure(&failed, &leading, self.now, random) {
                AfterFailure::Retry(wait) => End::Retry {
                    error: failed.error(leading.attempt),
                    at: self.now + wait.as_millis() as Millis,
                },
                AfterFailure::Bury(_) => {
                    let error = failed.error(leading.attempt);
                    policy.bury(motia_store::AttemptError { failed_at: self.now, ..error })
                }
                AfterFailure::Forget => unreachable!("only cron forgets"),
            }
        };
        let complete = matches!(end, End::Complete);
        let commit = Commit { leases, end, writes, ..Commit::default() };
        let ended = self.store.commit(commit, self.now, self.store.epoch()).await;
        let stale = matches!(ended, Err(StoreError::StaleLease));
        assert!(ended.is_ok() || stale, "{ended:?}");
        assert!(!flight.zombie || stale, "an attempt of a crashed host changed something");
        if complete && !stale {
            for delivery in &flight.deliveries {
                *self.succeeded.entry(delivery.id).or_default() += 1;
                let group = delivery.message_group_id.clone().unwrap_or_default();
                self.order.entry((flight.step.clone(), group)).or_default().push(delivery.id);
            }
        }
        self.note(format!("{} ended {} stale {stale}", flight.step, leading.id));
        if !flight.zombie {
            self.scheduler.ended(&flight.step);
        }
    }

    async fn crash(&mut self) {
        self.note("crashed".to_owned());
        for flight in &mut self.flights {
            flight.zombie = true;
        }
        self.start();
        self.store.release_all().await.expect("a release");
    }

    /// Brings back what is dead, so that blocked groups go on.
    async fn redrive(&mut self) {
        let tenant = TenantId::default();
        let filter = DeadLetterFilter { step: Some(StepName::from("block")), ..Default::default() };
        let id = self.store.start_redrive(tenant, filter, 10, self.now).await.expect("an id");
        let moved = self.store.redrive_some(id, 1000, self.now).await.expect("a redrive");
        self.note(format!("redrove {}", moved.len()));
        self.scheduler.announce_all();
    }

    /// Lets time pass to the next thing that happens.
    async fn pass(&mut self) -> bool {
        let end = self.flights.iter().map(|flight| flight.ends_at).min();
        let due = self.scheduler.sleep_until();
        let Some(next) = end.into_iter().chain(due).min() else { return false };
        self.now = self.now.max(next);
        while let Some(at) = self.flights.iter().position(|flight| flight.ends_at <= self.now) {
            let flight = self.flights.remove(at);
            self.end(flight).await;
        }
        true
    }

    async fn run(&mut self) {
        while self.emitted < EVENTS {
            match self.random.random_range(0..100) {
                0..40 => self.emit().await,
                40..42 => self.crash().await,
                42..44 => self.redrive().await,
                44..50 => self.now += self.random.random_range(0..2_000),
                _ => {
                    self.pass().await;
                }
            }
            self.claim().await;
        }
        // Then everything ends; blocked groups need a hand.
        for _ in 0..100_000 {
            if !self.pass().await {
                let letters = self.letters("block").await;
                if letters == 0 {
                    return;
                }
                self.redrive().await;
            }
            self.claim().await;
        }
        panic!("the queues do not become empty");
    }

    async fn letters(&self, step: &str) -> usize {
        let filter = DeadLetterFilter { step: Some(StepName::from(step)), ..Default::default() };
        let letters = self.store.dead_letters(TenantId::default(), filter, None, usize::MAX).await;
        letters.expect("letters").len()
    }

    /// Every delivery of every event has ended exactly once.
    async fn check(&self) {
        let queues = self.store.queues(TenantId::default(), self.now).await.expect("queues");
        let waiting: u64 = queues
            .iter()
            .map(|queue| queue.ready + queue.delayed + queue.parked + queue.leased)
            .sum();
        let dead: u64 = queues.iter().map(|queue| queue.dead).sum();
        assert_eq!(waiting, 0, "{queues:?}");
        let deliveries = EVENTS * self.policies.len();
        assert_eq!(self.succeeded.len() + dead as usize, deliveries, "something was lost");
        assert!(self.succeeded.values().all(|&times| times == 1), "something succeeded twice");
        let effects = self.store.state_group(effects(), usize::MAX).await.expect("effects");
        assert_eq!(effects.len(), self.succeeded.len(), "an effect without its success, or twice");
        for ((step, group), ids) in &self.order {
            let strict = step.as_str() == "block" || step.as_str() == "skip";
            assert!(!strict || ids.is_sorted(), "{step} {group} is out of order: {ids:?}");
        }
    }
}

fn effects() -> GroupKey {
    GroupKey { tenant: TenantId::default(), stream: None, group: "effects".to_owned() }
}

async fn simulate(seed: u64) -> Vec<String> {
    let mut world = World::new(seed);
    world.run().await;
    world.check().await;
    world.trace
}

#[tokio::test]
async fn every_event_of_a_simulation_ends_once_and_within_its_limits() {
    let first = std::env::var("MOTIA_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = match first {
        Some(seed) => seed..seed + 1,
        None => 0..SEEDS,
    };
    for seed in seeds {
        eprintln!("seed {seed}");
        simulate(seed).await;
    }
}

#[tokio::test]
async fn the_same_seed_gives_the_same_trace() {
    let trace = simulate(11).await;
    assert!(trace.len() > EVENTS);
    assert_eq!(trace, simulate(11).await);
    assert_ne!(trace, simulate(12).await);
}
