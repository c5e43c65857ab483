//! Makes the calls.

use std::fmt::Debug;

use motia_store::{
    ClaimRequest, Claimed, Commit, DeadLetterFilter, Delivery, DeliveryFilter, Emitted, End,
    GroupKey, ItemChange, Lease, Millis, NewEvent, PageFilter, Reaction, Read, Store, StoreError,
    StoreResult, Tick, Write,
};

use crate::action::{Action, Pick, STEPS, TENANTS};

/// Ids of events count from here; those of one call are apart from those of the next.
const IDS_PER_CALL: i64 = 1000;

/// A call that changes many values takes so many ids at most.
const IDS_PER_EVENT: i64 = 10;

/// Where a sequence is.
#[derive(Debug)]
pub struct Scene {
    pub now: Millis,
    /// Of the call.
    pub number: i64,
    /// The leases of claims that were not ended yet.
    pub open: Vec<Vec<Lease>>,
    /// The leases of claims that were.
    pub over: Vec<Vec<Lease>>,
    /// The events that were emitted.
    pub events: Vec<i64>,
}

impl Default for Scene {
    fn default() -> Self {
        Self { now: 1_000_000, number: 0, open: Vec::new(), over: Vec::new(), events: Vec::new() }
    }
}

impl Scene {
    /// The id of the first event that the call stores.
    pub fn first_event(&self) -> i64 {
        (self.number + 1) * IDS_PER_CALL
    }

    /// The leases that end with the call; one that nobody gave if there is none to pick.
    pub fn leases(&self, action: &Action) -> Vec<Lease> {
        let Action::Commit { claim, .. } = action else { return Vec::new() };
        let (claims, number) = match claim {
            Pick::Nobody => return Vec::new(),
            Pick::Open(number) => (&self.open, number),
            Pick::Over(number) => (&self.over, number),
        };
        let picked = claims.iter().rev().nth(*number).or(claims.last());
        picked.cloned().unwrap_or_else(|| vec![Lease { delivery: 1, epoch: 1 }])
    }

    fn event(&self, number: Option<usize>) -> Option<i64> {
        Some(self.events.iter().rev().nth(number?).copied().unwrap_or_default())
    }

    /// What the rest of the sequence must know of an answer.
    pub fn note(&mut self, action: &Action, answer: &Answer) {
        match (action, answer) {
            (_, Answer::Claimed(claimed)) => {
                for claim in &claimed.claims {
                    self.open.push(claim.iter().map(Delivery::lease).collect());
                }
            }
            (Action::Commit { .. }, Answer::Done | Answer::Refused(Refusal::StaleLease)) => {
                let ended = self.leases(action);
                self.open.retain(|claim| *claim != ended);
                self.over.push(ended);
            }
            (Action::Emit(_) | Action::TakeTick { .. } | Action::Write(_), _) => {
                self.events.push(self.first_event());
            }
            _ => {}
        }
    }
}

/// What a store answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Done,
    Refused(Refusal),
    Emitted(Emitted),
    Claimed(Claimed),
    /// Of deliveries.
    Ids(Vec<i64>),
    Count(u64),
    Tick(Tick),
    Changed(ItemChange),
    /// What there is.
    Seen(String),
}

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    StaleLease,
    Conflict,
    Other(String),
}

impl From<StoreError> for Answer {
    fn from(error: StoreError) -> Self {
        Self::Refused(match error {
            StoreError::StaleLease => Refusal::StaleLease,
            StoreError::Conflict(_) => Refusal::Conflict,
            other => Refusal::Other(other.to_string()),
        })
    }
}

fn seen(value: impl Debug) -> Answer {
    Answer::Seen(format!("{value:?}"))
}

/// Makes a call.
pub async fn answer(store: &dyn Store, action: &Action, scene: &Scene) -> Answer {
    perform(store, action, scene).await.unwrap_or_else(Answer::from)
}

async fn perform(store: &dyn Store, action: &Action, scene: &Scene) -> StoreResult<Answer> {
    let mut place = Place { now: scene.now, next_event: scene.first_event() };
    let now = scene.now;
    Ok(match action.clone() {
        Action::Pass(_) | Action::Reopen => Answer::Done,
        Action::Drain => Answer::Ids(drain(store, now).await?),
        Action::Barrier => {
            store.barrier(store.epoch()).await?;
            Answer::Done
        }
        Action::CheckRoom => {
            store.check_room()?;
            Answer::Done
        }
        Action::Emit(mut event) => {
            place.event(&mut event);
            Answer::Emitted(store.emit(event, now).await?)
        }
        Action::Claim(mut request) => {
            request.now = now;
            request.lease_until += now;
            Answer::Claimed(store.claim(request).await?)
        }
        Action::ReleaseAll => Answer::Count(store.release_all().await?),
        Action::Unpark { tenant, step, limit } => {
            Answer::Count(store.unpark(tenant, step, limit).await?)
        }
        Action::Unthrottle { tenant, step, limit } => {
            Answer::Count(store.unthrottle(tenant, step, limit).await?)
        }
        Action::Commit { mut commit, fresh_reads, .. } => {
            commit.leases = scene.leases(action);
            place.commit(&mut commit);
            for read in fresh_reads {
                commit.reads.push(refresh(store, read).await?);
            }
            store.commit(commit, now, store.epoch()).await?;
            Answer::Done
        }
        Action::Cancel { tenant, deliveries } => {
            Answer::Ids(store.cancel(tenant, deliveries).await?)
        }
        Action::CancelEvent { tenant, event } => {
            let event = scene.event(Some(event)).unwrap_or_default();
            Answer::Ids(store.cancel_event(tenant, event).await?)
        }
        Action::Deliveries { tenant, filter, event } => {
            let filter = DeliveryFilter { event_id: scene.event(event), ..filter };
            seen(store.deliveries(tenant, filter, now).await?)
        }
        Action::Queues(tenant) => seen(store.queues(tenant, now).await?),
        Action::DeadLetters { tenant, filter, before, limit } => {
            seen(store.dead_letters(tenant, place.filter(filter), before, limit).await?)
        }
        Action::Discard { tenant, filter, limit } => {
            Answer::Ids(store.discard(tenant, place.filter(filter), limit).await?)
        }
        Action::StartRedrive { tenant, filter, per_second } => {
            seen(store.start_redrive(tenant, place.filter(filter), per_second, now).await?)
        }
        Action::Redrives(tenant) => seen(store.redrives(tenant).await?),
        Action::RedriveSome { id, limit } => seen(store.redrive_some(id, limit, now).await?),
        Action::StopRedrive { tenant, id } => seen(store.stop_redrive(tenant, id).await?),
        Action::QueueSettings(tenant) => seen(store.queue_settings(tenant).await?),
        Action::SetQueueSettings { tenant, step, settings } => {
            store.set_queue_settings(tenant, step, settings.map(str::to_owned)).await?;
            Answer::Done
        }
        Action::TakeTick { mut event, scheduled_at, overlap } => {
            place.event(&mut event);
            Answer::Tick(store.take_tick(event, scheduled_at, overlap, now).await?)
        }
        Action::LastTick { tenant, step } => seen(store.last_tick(tenant, step).await?),
        Action::Answer { tenant, step, key } => {
            seen(store.answer(tenant, step, key.to_owned(), now).await?)
        }
        Action::Sweep { dead_before, limit } => {
            Answer::Count(store.sweep(now, now + dead_before, limit).await?)
        }
        Action::StateGet { group, key } => seen(store.state_get(group, key).await?),
        Action::StateGroup { group, max_bytes } => seen(store.state_group(group, max_bytes).await?),
        Action::StateUpdate { group, key, ops, max_bytes, mut reaction } => {
            place.reaction(&group, &mut reaction);
            seen(store.state_update(group, key, ops, max_bytes, reaction, now).await?)
        }
        Action::ItemGet { group, id } => seen(store.item_get(group, id).await?),
        Action::ItemGroup { group, max_bytes } => seen(store.item_group(group, max_bytes).await?),
        Action::ItemSnapshot { group, id, max_bytes } => {
            seen(store.item_snapshot(group, id, max_bytes).await?)
        }
        Action::ItemsSince { group, since, max_bytes } => {
            seen(store.items_since(group, since, max_bytes).await?)
        }
        Action::Browse { group, page } => browse(store, group, page).await?,
        Action::BrowseOne { group, key } if group.stream.is_some() => {
            seen(store.stream_item(group, key).await?)
        }
        Action::BrowseOne { group, key } => seen(store.state_entry(group, key).await?),
        Action::Audit(entry) => {
            store.audit(entry).await?;
            Answer::Done
        }
        Action::Audits { tenant, before, limit } => {
            seen(store.audits(tenant, before, limit).await?)
        }
        Action::Write(mut write) => {
            place.write(&mut write);
            self::write(store, write, now).await?
        }
    })
}

async fn browse(store: &dyn Store, group: GroupKey, page: PageFilter) -> StoreResult<Answer> {
    let tenant = group.tenant.clone();
    Ok(match group.stream.clone() {
        None => seen((
            store.state_groups(tenant, page.clone()).await?,
            store.state_entries(group, page).await?,
        )),
        Some(stream) => seen((
            store.stream_group_counts(tenant.clone()).await?,
            store.stream_groups(tenant, stream, page.clone()).await?,
            store.stream_items(group, page).await?,
        )),
    })
}

async fn write(store: &dyn Store, write: Write, now: Millis) -> StoreResult<Answer> {
    Ok(match write {
        Write::SetState { group, key, value, reaction } => {
            seen(store.state_set(group, key, value, reaction, now).await?)
        }
        Write::DeleteState { group, key, reaction } => {
            seen(store.state_delete(group, key, reaction, now).await?)
        }
        Write::ClearState { group, reaction } => {
            Answer::Count(store.state_clear(group, reaction, now).await?)
        }
        Write::SetItem { group, id, data, reaction } => {
            Answer::Changed(store.item_set(group, id, data, reaction, now).await?)
        }
        Write::DeleteItem { group, id, reaction } => {
            Answer::Changed(store.item_delete(group, id, reaction, now).await?)
        }
        Write::Emit(event) => Answer::Emitted(store.emit(event, now).await?),
        Write::Send(event) => {
            store.item_send(event).await?;
            Answer::Done
        }
    })
}

/// The same read with what is there now.
async fn refresh(store: &dyn Store, read: Read) -> StoreResult<Read> {
    Ok(match read {
        Read::State { group, key, .. } => {
            let value = store.state_get(group.clone(), key.clone()).await?;
            Read::State { group, key, value }
        }
        Read::StateGroup { group, .. } => {
            let entries = store.state_group(group.clone(), usize::MAX).await?;
            Read::StateGroup { group, entries }
        }
        Read::Item { group, id, .. } => {
            let item = store.item_get(group.clone(), id.clone()).await?;
            Read::Item { group, id, offset: item.map(|item| item.offset) }
        }
        Read::ItemGroup { group, .. } => {
            let items = store.item_group(group.clone(), usize::MAX).await?;
            Read::ItemGroup { group, items }
        }
    })
}

/// Claims and completes until nothing is left to claim; returns what was completed.
async fn drain(store: &dyn Store, now: Millis) -> StoreResult<Vec<i64>> {
    let mut completed = Vec::new();
    loop {
        let before = completed.len();
        for (tenant, step) in TENANTS.iter().flat_map(|tenant| STEPS.map(|step| (*tenant, step))) {
            let request = ClaimRequest {
                tenant: tenant.into(),
                step: step.into(),
                limit: 10,
                now,
                lease_until: now + 1,
                lane_width: 1,
                throttle: None,
                batch: None,
            };
            let claims = store.claim(request).await?.claims;
            let leases: Vec<Lease> = claims.iter().flatten().map(Delivery::lease).collect();
            if !leases.is_empty() {
                completed.extend(leases.iter().map(|lease| lease.delivery));
                let commit = Commit { leases, ..Commit::default() };
                store.commit(commit, now, store.epoch()).await?;
            }
        }
        if completed.len() == before {
            return Ok(completed);
        }
    }
}

/// Turns what is relative into what a store is given.
struct Place {
    now: Millis,
    next_event: i64,
}

impl Place {
    fn event(&mut self, event: &mut NewEvent) {
        event.id = self.next_event;
        self.next_event += IDS_PER_EVENT;
        if let Some(unique) = &mut event.unique {
            unique.expires_at += self.now;
        }
        for delivery in &mut event.deliveries {
            delivery.due_at += self.now;
            delivery.expires_at = delivery.expires_at.map(|expires_at| expires_at + self.now);
        }
    }

    fn reaction(&mut self, group: &GroupKey, reaction: &mut Option<Reaction>) {
        if let Some(reaction) = reaction {
            self.event(&mut reaction.event);
            reaction.event.tenant = group.tenant.clone();
        }
    }

    fn write(&mut self, write: &mut Write) {
        match write {
            Write::SetState { group, reaction, .. }
            | Write::DeleteState { group, reaction, .. }
            | Write::ClearState { group, reaction }
            | Write::SetItem { group, reaction, .. }
            | Write::DeleteItem { group, reaction, .. } => self.reaction(group, reaction),
            Write::Emit(event) => self.event(event),
            Write::Send(_) => {}
        }
    }

    fn commit(&mut self, commit: &mut Commit) {
        for write in &mut commit.writes {
            self.write(write);
        }
        if let Some(answer) = &mut commit.answer {
            answer.expires_at += self.now;
        }
        match &mut commit.end {
            End::Complete => {}
            End::Retry { error, at } => {
                error.failed_at += self.now;
                *at += self.now;
            }
            End::Bury { error, .. } => error.failed_at += self.now,
            End::Release { at } => *at += self.now,
        }
    }

    fn filter(&self, filter: DeadLetterFilter) -> DeadLetterFilter {
        DeadLetterFilter {
            since: filter.since.map(|since| since + self.now),
            until: filter.until.map(|until| until + self.now),
            ..filter
        }
    }
}
