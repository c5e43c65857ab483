//! What must hold whatever the sequence: the model is checked against it after every call.

use std::collections::{BTreeMap, BTreeSet};

use motia_manifest::TenantId;
use motia_store::{
    Claimed, DeadLetter, DeadLetterFilter, DeliveryFilter, DeliveryInfo, DeliveryState, Emitted,
    End, GroupKey, ItemChange, Lease, Millis, NewEvent, Store, StoreResult, Tick, Write,
};

use crate::{
    action::{Action, STEPS, TENANTS, is_fifo},
    answer::{Answer, Refusal},
};

/// More than a sequence makes.
const ALL: usize = 1000;

/// All that a store shows.
#[derive(Debug, PartialEq)]
pub struct Picture {
    pub queue: BTreeMap<i64, (TenantId, DeliveryInfo)>,
    pub dead: BTreeMap<i64, DeadLetter>,
    /// Everything else, by tenant.
    pub rest: Vec<String>,
}

impl Picture {
    pub async fn of(store: &dyn Store, now: Millis) -> StoreResult<Self> {
        let mut picture = Self { queue: BTreeMap::new(), dead: BTreeMap::new(), rest: Vec::new() };
        for tenant in TENANTS.map(TenantId::from) {
            let filter = DeliveryFilter { limit: ALL, ..DeliveryFilter::default() };
            for info in store.deliveries(tenant.clone(), filter, now).await? {
                picture.queue.insert(info.id, (tenant.clone(), info));
            }
            let filter = DeadLetterFilter::default();
            for letter in store.dead_letters(tenant.clone(), filter, None, ALL).await? {
                picture.dead.insert(letter.id, letter);
            }
            picture.rest.push(format!(
                "{:?} {:?} {:?}",
                store.queues(tenant.clone(), now).await?,
                store.redrives(tenant.clone()).await?,
                store.queue_settings(tenant.clone()).await?,
            ));
            for step in STEPS {
                let last = store.last_tick(tenant.clone(), step.into()).await?;
                picture.rest.push(format!("{last:?}"));
            }
            for (stream, group) in GROUPS {
                let stream = stream.map(str::to_owned);
                let group = GroupKey { tenant: tenant.clone(), stream, group: group.to_owned() };
                picture.rest.push(if group.stream.is_none() {
                    format!("{:?}", store.state_group(group, usize::MAX).await?)
                } else {
                    format!("{:?}", store.item_group(group, usize::MAX).await?)
                });
            }
        }
        Ok(picture)
    }

    /// The ids of deliveries that have not ended, and of dead letters.
    fn alive(&self) -> BTreeSet<i64> {
        self.queue.keys().chain(self.dead.keys()).copied().collect()
    }

    /// The deliveries in the lane of one of them.
    fn lane_of(&self, id: i64) -> Option<(&str, Vec<&DeliveryInfo>)> {
        let (tenant, info) = self.queue.get(&id)?;
        let lane = info.lane.as_deref()?;
        let in_lane = self.queue.values().filter(|(owner, other)| {
            owner == tenant && other.step == info.step && other.lane.as_deref() == Some(lane)
        });
        Some((lane, in_lane.map(|(_, other)| other).collect()))
    }

    /// Whether a delivery is in a lane that a dead letter blocks.
    fn is_blocked(&self, id: i64) -> bool {
        self.queue.get(&id).is_some_and(|(tenant, info)| {
            let of_step =
                |letter: &&DeadLetter| letter.tenant == *tenant && letter.step == info.step;
            let mut letters = self.dead.values().filter(of_step);
            info.lane.is_some() && letters.any(|letter| letter.blocks == info.lane)
        })
    }
}

/// The streams, none for state, and their groups.
const GROUPS: [(Option<&str>, &str); 6] = [
    (None, "g"),
    (None, "g2"),
    (Some("chat"), "g"),
    (Some("chat"), "g2"),
    (Some("board"), "g"),
    (Some("board"), "g2"),
];

/// A call and what came of it.
pub struct Call<'a> {
    pub action: &'a Action,
    /// Those that end with it.
    pub leases: &'a [Lease],
    /// The id of the event that it emits.
    pub event: i64,
    pub answer: &'a Answer,
    pub before: &'a Picture,
    pub after: &'a Picture,
}

/// What the calls so far amount to.
#[derive(Debug, Default)]
pub struct Ledger {
    last_delivery: i64,
    /// The newest lease of each delivery.
    epochs: BTreeMap<i64, i64>,
    /// The leases that are not over.
    held: BTreeMap<i64, i64>,
    offsets: BTreeMap<GroupKey, i64>,
    items: BTreeSet<(GroupKey, String)>,
}

type Verdict = Result<(), String>;

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(what()) }
}

impl Ledger {
    pub fn check(&mut self, call: &Call<'_>) -> Verdict {
        if let Answer::Refused(_) = call.answer {
            ensure(call.before == call.after, || "a refused call changed something".to_owned())?;
        }
        match (call.action, call.answer) {
            (Action::Emit(event), Answer::Emitted(emitted)) => check_emit(call, event, emitted)?,
            (Action::Claim(request), Answer::Claimed(claimed)) => {
                self.check_claim(call, claimed, request.lane_width as usize)?;
            }
            (Action::Commit { .. }, answer) => self.check_commit(call, answer)?,
            (Action::Write(write), Answer::Changed(change)) => {
                let expected = self.next_offset(write);
                check_offset(change, expected)?;
            }
            (Action::ReleaseAll, _) => self.held.clear(),
            (Action::Drain, _) => check_drained(call.after)?,
            _ => {}
        }
        self.check_nothing_lost(call)
    }

    /// The leases are new, and lanes are respected.
    fn check_claim(&mut self, call: &Call<'_>, claimed: &Claimed, width: usize) -> Verdict {
        for delivery in claimed.claims.iter().flatten() {
            let id = delivery.id;
            let last = self.epochs.insert(id, delivery.lease_epoch);
            ensure(last.is_none_or(|last| last < delivery.lease_epoch), || {
                format!("delivery {id} was given a lease that it had before")
            })?;
            self.held.insert(id, delivery.lease_epoch);
            let Some((lane, in_lane)) = call.after.lane_of(id) else { continue };
            if is_fifo(lane) {
                ensure(in_lane.iter().all(|other| other.id >= id), || {
                    format!("delivery {id} was claimed before others of its lane")
                })?;
            } else {
                let leased = in_lane.iter().filter(|other| other.state == DeliveryState::Leased);
                ensure(leased.count() <= width, || {
                    format!("too many of lane `{lane}` are leased")
                })?;
            }
        }
        Ok(())
    }

    /// Exactly those leases are over that are.
    fn check_commit(&mut self, call: &Call<'_>, answer: &Answer) -> Verdict {
        let is_held = |lease: &Lease| self.held.get(&lease.delivery) == Some(&lease.epoch);
        let is_stale = !call.leases.iter().all(is_held);
        ensure(is_stale == (*answer == Answer::Refused(Refusal::StaleLease)), || {
            "a lease that is over was good, or the other way round".to_owned()
        })?;
        if let (Action::Commit { commit, .. }, Answer::Done) = (call.action, answer) {
            for lease in call.leases {
                self.held.remove(&lease.delivery);
            }
            for write in &commit.writes {
                self.next_offset(write);
            }
        }
        Ok(())
    }

    /// The offset that a write gives to its item; none if it changes no item.
    fn next_offset(&mut self, write: &Write) -> Option<i64> {
        let (group, is_change) = match write {
            Write::SetItem { group, id, .. } => {
                self.items.insert((group.clone(), id.clone()));
                (group, true)
            }
            Write::DeleteItem { group, id, .. } => {
                (group, self.items.remove(&(group.clone(), id.clone())))
            }
            _ => return None,
        };
        let offset = self.offsets.entry(group.clone()).or_default();
        *offset += i64::from(is_change);
        is_change.then_some(*offset)
    }

    /// Each delivery is in the queue, a dead letter, or has ended in a way that the call explains.
    fn check_nothing_lost(&mut self, call: &Call<'_>) -> Verdict {
        let (before, after) = (call.before.alive(), call.after.alive());
        ensure(after.len() == call.after.queue.len() + call.after.dead.len(), || {
            "a delivery is in the queue and a dead letter".to_owned()
        })?;
        let lost: Vec<i64> = before.difference(&after).copied().collect();
        let ended = ended(call, &lost);
        ensure(lost == ended, || {
            format!("deliveries {lost:?} are gone, those that ended are {ended:?}")
        })?;
        for id in &lost {
            self.held.remove(id);
        }
        let new: Vec<i64> = after.difference(&before).copied().collect();
        let first = self.last_delivery + 1;
        self.last_delivery += new.len() as i64;
        let expected: Vec<i64> = (first..=self.last_delivery).collect();
        ensure(new == expected, || format!("new deliveries are {new:?} and not {expected:?}"))?;
        check_moves(call)
    }
}

/// The deliveries and dead letters that a call says it has ended, by id; where it only says how many, `lost`.
fn ended(call: &Call<'_>, lost: &[i64]) -> Vec<i64> {
    let was_dead = lost.iter().all(|id| call.before.dead.contains_key(id));
    let mut ended = match (call.action, call.answer) {
        (_, Answer::Ids(ids)) => ids.clone(),
        (_, Answer::Tick(Tick::Taken { cancelled })) => cancelled.clone(),
        (Action::Commit { commit, .. }, Answer::Done) if commit.end == End::Complete => {
            call.leases.iter().map(|lease| lease.delivery).collect()
        }
        (Action::Sweep { .. }, Answer::Count(count)) if was_dead && lost.len() as u64 <= *count => {
            lost.to_vec()
        }
        _ => Vec::new(),
    };
    ended.sort_unstable();
    ended
}

/// Only burying makes dead letters, and only redriving makes them deliveries again.
fn check_moves(call: &Call<'_>) -> Verdict {
    let buries = match call.action {
        Action::Commit { commit, .. } => matches!(commit.end, End::Bury { .. }),
        _ => false,
    };
    let redrives = matches!(call.action, Action::RedriveSome { .. });
    let (before, after) = (call.before, call.after);
    let mut died = after.dead.keys().filter(|id| before.queue.contains_key(*id));
    let mut revived = after.queue.keys().filter(|id| before.dead.contains_key(*id));
    ensure(died.all(|id| buries && call.leases.iter().any(|lease| lease.delivery == *id)), || {
        "a delivery was buried by nobody".to_owned()
    })?;
    ensure(revived.all(|_| redrives), || "a dead letter was redriven by nobody".to_owned())
}

/// An event has all its deliveries, or none if its name is taken.
fn check_emit(call: &Call<'_>, event: &NewEvent, emitted: &Emitted) -> Verdict {
    let stored = call.after.queue.values().filter(|(_, info)| info.event_id == call.event).count();
    let expected = match emitted.duplicate_of {
        Some(_) => 0,
        None => event.deliveries.len() - emitted.dropped as usize,
    };
    let debounced = event.deliveries.iter().filter(|delivery| delivery.debounce.is_some()).count();
    let replaced = debounced.saturating_sub(1);
    ensure((expected.saturating_sub(replaced)..=expected).contains(&stored), || {
        format!("of {expected} deliveries {stored} were stored")
    })
}

fn check_offset(change: &ItemChange, expected: Option<i64>) -> Verdict {
    ensure(change.offset == expected.unwrap_or_default(), || {
        format!("the offset is {} and not {expected:?}", change.offset)
    })
}

/// What is left waits for a dead letter: nothing is forgotten in a lane.
fn check_drained(after: &Picture) -> Verdict {
    let stuck: Vec<&i64> = after.queue.keys().filter(|id| !after.is_blocked(**id)).collect();
    ensure(stuck.is_empty(), || format!("deliveries {stuck:?} wait for nothing"))
}
