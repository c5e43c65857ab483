//! Which queue is claimed from next, and how much.
//!
//! The core of the deliveries, without clock, store or threads: it is told what happened and says what to do, so
//! that a simulation can run it through crashes in which time is a number. It knows of a queue only when
//! something may be claimed from it; whatever makes that so announces it.

use std::collections::BTreeMap;

use motia_manifest::StepName;
use motia_store::Millis;

/// What may be claimed from one queue at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueState {
    /// Claims at the same time.
    pub concurrency: usize,
    /// Whether nothing may be claimed.
    pub paused: bool,
}

/// What is to be claimed next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The queue's step.
    pub step: StepName,
    /// So many claims at most; there is a place for each.
    pub limit: usize,
}

/// What a claim brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// How many claims there were.
    pub claims: usize,
    /// There may be more that could have been claimed.
    pub more: bool,
    /// When the next delivery becomes due.
    pub next_due: Option<Millis>,
}

/// Gives places to queues in turn.
#[derive(Debug)]
pub struct Scheduler {
    queues: BTreeMap<StepName, Queue>,
    /// Places that no claim has.
    free: usize,
    /// The queue that was served last.
    last: Option<StepName>,
}

#[derive(Debug)]
struct Queue {
    state: QueueState,
    /// Places that are taken: by attempts, and by a claim until it has answered.
    taken: usize,
    /// Attempts that run.
    in_flight: usize,
    /// When something may be claimed; none if nothing is known of.
    wake_at: Option<Millis>,
}

impl Queue {
    fn room(&self) -> usize {
        match self.state.paused {
            true => 0,
            false => self.state.concurrency.saturating_sub(self.taken),
        }
    }
}

impl Scheduler {
    /// A scheduler of so many places.
    pub fn new(places: usize) -> Self {
        Self { queues: BTreeMap::new(), free: places, last: None }
    }

    /// Sets the queues that there are. Each is looked into once; what is in flight stays counted.
    pub fn set_queues(&mut self, queues: impl IntoIterator<Item = (StepName, QueueState)>) {
        let mut before = std::mem::take(&mut self.queues);
        for (step, state) in queues {
            let (taken, in_flight) =
                before.remove(&step).map_or((0, 0), |queue| (queue.taken, queue.in_flight));
            self.queues.insert(step, Queue { state, taken, in_flight, wake_at: Some(0) });
        }
        for (step, queue) in before {
            // A step that is gone claims nothing, but its last attempts still give their places back.
            if queue.taken > 0 {
                let state = QueueState { concurrency: 0, paused: true };
                self.queues.insert(step, Queue { state, wake_at: None, ..queue });
            }
        }
    }

    /// Something may be claimed from a queue from this time on.
    pub fn announce(&mut self, step: &StepName, at: Millis) {
        if let Some(queue) = self.queues.get_mut(step) {
            queue.wake_at = Some(queue.wake_at.map_or(at, |known| known.min(at)));
        }
    }

    /// Something may be claimed from every queue.
    pub fn announce_all(&mut self) {
        for queue in self.queues.values_mut() {
            queue.wake_at = Some(0);
        }
    }

    /// The next queue to claim from. Its places are taken until [`Scheduler::claimed`] says how many were used.
    pub fn next(&mut self, now: Millis) -> Option<Plan> {
        if self.free == 0 {
            return None;
        }
        let ready = |(step, queue): (&StepName, &Queue)| {
            let due = queue.wake_at.is_some_and(|at| at <= now);
            (due && queue.room() > 0).then(|| step.clone())
        };
        let step = match &self.last {
            Some(last) => {
                let after = (std::ops::Bound::Excluded(last), std::ops::Bound::Unbounded);
                let later = self.queues.range::<StepName, _>(after).find_map(ready);
                later.or_else(|| self.queues.range::<StepName, _>(..=last).find_map(ready))?
            }
            None => self.queues.iter().find_map(ready)?,
        };
        let queue = self.queues.get_mut(&step)?;
        let limit = queue.room().min(self.free);
        queue.taken += limit;
        queue.wake_at = None;
        self.free -= limit;
        self.last = Some(step.clone());
        Some(Plan { step, limit })
    }

    /// What a plan brought. What was announced meanwhile stays.
    pub fn claimed(&mut self, plan: &Plan, outcome: Outcome) {
        let unused = plan.limit - outcome.claims.min(plan.limit);
        self.free += unused;
        let Some(queue) = self.queues.get_mut(&plan.step) else { return };
        queue.taken = queue.taken.saturating_sub(unused);
        queue.in_flight += plan.limit - unused;
        let full = outcome.claims >= plan.limit;
        let next = if outcome.more || full { Some(0) } else { outcome.next_due };
        queue.wake_at = queue.wake_at.into_iter().chain(next).min();
    }

    /// A plan could not be carried out: it is tried again at this time.
    pub fn failed(&mut self, plan: &Plan, again_at: Millis) {
        self.claimed(plan, Outcome { claims: 0, more: false, next_due: Some(again_at) });
    }

    /// An attempt has ended and gives its place back. Its end may let others of the queue go on.
    pub fn ended(&mut self, step: &StepName) {
        self.free += 1;
        let Some(queue) = self.queues.get_mut(step) else { return };
        queue.taken = queue.taken.saturating_sub(1);
        queue.in_flight = queue.in_flight.saturating_sub(1);
        queue.wake_at = Some(0);
        if queue.taken == 0 && queue.state.paused && queue.state.concurrency == 0 {
            self.queues.remove(step);
        }
    }

    /// Until when there is nothing to do unless something happens; none if nothing is known of.
    pub fn sleep_until(&self) -> Option<Millis> {
        if self.free == 0 {
            return None;
        }
        let waiting = self.queues.values().filter(|queue| queue.room() > 0);
        waiting.filter_map(|queue| queue.wake_at).min()
    }

    /// How many attempts of a queue are in flight.
    pub fn in_flight(&self, step: &StepName) -> usize {
        self.queues.get(step).map_or(0, |queue| queue.in_flight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheduler(places: usize, queues: &[(&str, usize)]) -> Scheduler {
        let mut scheduler = Scheduler::new(places);
        scheduler.set_queues(queues.iter().map(|&(step, concurrency)| {
            (StepName::from(step), QueueState { concurrency, paused: false })
        }));
        scheduler
    }

    fn claim(scheduler: &mut Scheduler, claims: usize) -> (String, usize) {
        let plan = scheduler.next(0).unwrap();
        scheduler.claimed(&plan, Outcome { claims, more: false, next_due: None });
        (plan.step.to_string(), plan.limit)
    }

    #[test]
    fn queues_take_turns_and_no_limit_is_passed() {
        let mut scheduler = scheduler(5, &[("a", 3), ("b", 3)]);
        assert_eq!(claim(&mut scheduler, 3), ("a".to_owned(), 3));
        assert_eq!(claim(&mut scheduler, 2), ("b".to_owned(), 2));
        assert_eq!((scheduler.next(0), scheduler.sleep_until()), (None, None));
        scheduler.ended(&StepName::from("a"));
        // b was served last, so a is next although b may take more.
        assert_eq!(claim(&mut scheduler, 1), ("a".to_owned(), 1));
        scheduler.ended(&StepName::from("a"));
        assert_eq!(claim(&mut scheduler, 1), ("b".to_owned(), 1));
    }

    #[test]
    fn an_empty_queue_sleeps_until_something_is_due() {
        let mut scheduler = scheduler(5, &[("a", 3)]);
        let plan = scheduler.next(0).unwrap();
        scheduler.claimed(&plan, Outcome { claims: 0, more: false, next_due: Some(70) });
        assert_eq!((scheduler.next(69), scheduler.sleep_until()), (None, Some(70)));
        scheduler.announce(&StepName::from("a"), 50);
        assert_eq!(scheduler.sleep_until(), Some(50));
        assert!(scheduler.next(50).is_some());
    }

    #[test]
    fn what_is_announced_during_a_claim_is_not_forgotten() {
        let mut scheduler = scheduler(5, &[("a", 3)]);
        let plan = scheduler.next(0).unwrap();
        scheduler.announce(&plan.step, 10);
        scheduler.claimed(&plan, Outcome { claims: 0, more: false, next_due: None });
        assert_eq!(scheduler.sleep_until(), Some(10));
    }
}
