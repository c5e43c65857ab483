//! Whether a directory has all that the store has acknowledged, and nothing that is half done.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt::Display,
    path::Path,
};

use motia_manifest::{StepName, TenantId};
use motia_store::{
    Commit, DeadLetterFilter, Delivery, DeliveryFilter, DeliveryInfo, Entry, Millis, SqliteStore,
    Store, StoredItem,
};
use rusqlite::Connection;
use tokio::runtime::Runtime;

use crate::{
    ALL, WORK, claim,
    images::Image,
    options, state, stream,
    workload::{ANSWERED, ASK, AUDIT, COUNTERS, DONE, EFFECTS, FEED, Fact, SESSIONS, request},
};

/// A time at which everything is due.
const LATER: Millis = 1 << 40;

/// A loss, in words.
type Checked<T = ()> = Result<T, String>;

/// Checks an image against the facts that were acknowledged before it. `dir` must be empty.
pub fn check(image: &Image, facts: &[&Fact], dir: &Path, runtime: &Runtime) -> Checked {
    // By SQLite alone first: the store ends the process when the file is damaged.
    let copy = dir.join("copy");
    image.write(&copy);
    is_intact(&copy)?;

    let data = dir.join("data");
    image.write(&data);
    let store = SqliteStore::open_with(&data, &options(None)).map_err(text)?;
    runtime.block_on(async {
        let found = Found::in_store(&store).await?;
        found.fits_together()?;
        answers_fit(&store, &found).await?;
        for fact in facts {
            found.has(fact)?;
        }
        goes_on(&store, &found).await
    })?;
    drop(store);
    is_intact(&data)
}

fn is_intact(dir: &Path) -> Checked {
    let connection = Connection::open(dir.join("core.db")).map_err(text)?;
    let answer: String =
        connection.query_row("PRAGMA integrity_check", (), |row| row.get(0)).map_err(text)?;
    ensure(answer == "ok", || format!("the database is damaged: {answer}"))?;
    let mut dangling = connection.prepare("PRAGMA foreign_key_check").map_err(text)?;
    let dangles = dangling.exists(()).map_err(text)?;
    ensure(!dangles, || "a row refers to one that is not there".to_owned())
}

/// What a store has.
struct Found {
    /// The deliveries that are to be worked on, by event.
    queue: HashMap<i64, DeliveryInfo>,
    /// The events of dead letters.
    dead: HashSet<i64>,
    /// How often each event is in the queue, a dead letter or done.
    places: HashMap<i64, u32>,
    /// How many events each completed delivery has emitted.
    audits: BTreeMap<String, u32>,
    effects: BTreeMap<String, String>,
    counters: BTreeMap<String, String>,
    answered: BTreeMap<String, String>,
    done: Vec<StoredItem>,
    feed: Vec<StoredItem>,
}

impl Found {
    async fn in_store(store: &SqliteStore) -> Checked<Self> {
        let filter = DeliveryFilter { limit: ALL, ..DeliveryFilter::default() };
        let deliveries = store.deliveries(TenantId::default(), filter, 0).await.map_err(text)?;
        let letters = store
            .dead_letters(TenantId::default(), DeadLetterFilter::default(), None, ALL)
            .await
            .map_err(text)?;
        let mut found = Self {
            queue: HashMap::new(),
            dead: letters.iter().map(|letter| letter.event_id).collect(),
            places: HashMap::new(),
            audits: BTreeMap::new(),
            effects: values(store, EFFECTS).await?,
            counters: values(store, COUNTERS).await?,
            answered: values(store, ANSWERED).await?,
            done: store.item_group(stream(DONE), ALL).await.map_err(text)?,
            feed: store.item_group(stream(FEED), ALL).await.map_err(text)?,
        };
        for letter in &letters {
            found.place(letter.event_id);
        }
        for cause in found.effects.clone().into_values() {
            found.place(number(&cause)?);
        }
        for delivery in deliveries {
            match delivery.step.as_str() {
                AUDIT => *found.audits.entry(delivery.data).or_default() += 1,
                _ => {
                    found.place(delivery.event_id);
                    found.queue.insert(delivery.event_id, delivery);
                }
            }
        }
        Ok(found)
    }

    fn place(&mut self, event: i64) {
        *self.places.entry(event).or_default() += 1;
    }

    /// What belongs together is there together.
    fn fits_together(&self) -> Checked {
        for (event, places) in &self.places {
            ensure(*places == 1, || format!("the event {event} is in {places} places"))?;
        }
        are_dense(DONE, &self.done)?;
        are_dense(FEED, &self.feed)?;
        let done = self.done.iter().map(|item| (item.id.clone(), item.data.clone()));
        let done: BTreeMap<_, _> = done.collect();
        ensure(done == self.effects, || {
            format!("a commit is half done: {done:?} is in the stream, {:?} in state", self.effects)
        })?;
        let once: BTreeMap<_, _> = self.effects.keys().map(|id| (id.clone(), 1)).collect();
        ensure(once == self.audits, || {
            format!("a commit is half done: it has emitted {:?} instead of {once:?}", self.audits)
        })
    }

    fn has(&self, fact: &Fact) -> Checked {
        let kept = match fact {
            Fact::Emitted { event } => self.places.contains_key(event),
            Fact::Completed { event, delivery } => {
                self.effects.get(&delivery.to_string()) == Some(&event.to_string())
            }
            Fact::Retried { event, attempt } => match self.queue.get(event) {
                Some(delivery) => delivery.attempt >= *attempt && delivery.last_error.is_some(),
                None => self.places.contains_key(event),
            },
            Fact::Buried { event } => self.dead.contains(event),
            Fact::Counted { counter, to } => match self.counters.get(counter) {
                Some(value) => number(value)? >= *to,
                None => false,
            },
            Fact::Streamed { id, offset } => {
                self.feed.iter().any(|item| item.id == *id && item.offset == *offset)
            }
            Fact::Answered { request } => self.answered.contains_key(request),
        };
        ensure(kept, || format!("acknowledged and lost: {fact:?}"))
    }
}

async fn values(store: &SqliteStore, group: &str) -> Checked<BTreeMap<String, String>> {
    let entries = store.state_group(state(group), ALL).await.map_err(text)?;
    Ok(entries.into_iter().map(|Entry { key, value }| (key, value)).collect())
}

/// Items that were stored once each have all offsets from 1 on.
fn are_dense(stream: &str, items: &[StoredItem]) -> Checked {
    let mut offsets: Vec<i64> = items.iter().map(|item| item.offset).collect();
    offsets.sort_unstable();
    ensure(offsets.iter().copied().eq((1..).take(items.len())), || {
        format!("the offsets of {stream} have holes: {offsets:?}")
    })
}

/// A request's answer, state and event are all there or all missing.
async fn answers_fit(store: &SqliteStore, found: &Found) -> Checked {
    for session in 1..=SESSIONS {
        // They came one after the other: behind the first that is missing there is none.
        for key in (1..).map(|number| request(session, number)) {
            let answer = store
                .answer(TenantId::default(), StepName::from(ASK), key.clone(), 0)
                .await
                .map_err(text)?;
            let value = found.answered.get(&key);
            ensure(answer.is_some() == value.is_some(), || {
                format!("the request {key} is half done: {answer:?}, {value:?}")
            })?;
            let Some(event) = value else { break };
            ensure(found.places.contains_key(&number(event)?), || {
                format!("the request {key} is half done: its event is not there")
            })?;
        }
    }
    Ok(())
}

/// All work that is there can be done, and the store takes new work.
async fn goes_on(store: &SqliteStore, found: &Found) -> Checked {
    store.release_all().await.map_err(text)?;
    store.discard(TenantId::default(), DeadLetterFilter::default(), ALL).await.map_err(text)?;
    loop {
        let claimed = store.claim(claim(100, LATER)).await.map_err(text)?;
        if claimed.claims.is_empty() && !claimed.more {
            break;
        }
        let leases = claimed.claims.iter().flatten().map(Delivery::lease).collect();
        let completed = Commit { leases, ..Commit::default() };
        store.commit(completed, LATER, store.epoch()).await.map_err(text)?;
    }
    let filter = DeliveryFilter {
        step: Some(StepName::from(WORK)),
        limit: ALL,
        ..DeliveryFilter::default()
    };
    let stuck = store.deliveries(TenantId::default(), filter, LATER).await.map_err(text)?;
    ensure(stuck.is_empty(), || format!("nothing can claim {stuck:?}"))?;

    let stored = store.item_set(stream(FEED), "next".to_owned(), "1".to_owned(), None, LATER);
    let (offset, next) = (stored.await.map_err(text)?.offset, found.feed.len() as i64 + 1);
    ensure(offset == next, || format!("the next offset of {FEED} is {offset}, not {next}"))?;
    store.barrier(store.epoch()).await.map_err(text)
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn number(value: &str) -> Checked<i64> {
    value.parse().map_err(|_| format!("`{value}` was never stored"))
}

fn text(error: impl Display) -> String {
    error.to_string()
}
