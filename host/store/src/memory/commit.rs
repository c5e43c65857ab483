//! The end of an invocation.

use super::{Expiring, Model, dead::Buried};
use crate::{
    AttemptError, Commit, End, GroupKey, Lease, Millis, NewAnswer, Read, StoreError, StoreResult,
    Write,
};

impl Model {
    pub(super) fn commit(&mut self, commit: Commit, now: Millis) -> StoreResult<()> {
        if !commit.leases.iter().all(|lease| self.holds(*lease)) {
            return Err(StoreError::StaleLease);
        }
        for read in &commit.reads {
            self.check_read(read)?;
        }
        for write in commit.writes {
            self.write(write, now);
        }
        if let Some(NewAnswer { tenant, step, key, answer, expires_at }) = commit.answer {
            let stored = Expiring { value: answer, expires_at };
            self.answers.insert((tenant, step, key), stored);
        }
        for lease in &commit.leases {
            self.end(lease.delivery, &commit.end);
        }
        Ok(())
    }

    /// A lease that has run out is good as long as nobody else has claimed the delivery.
    fn holds(&self, lease: Lease) -> bool {
        self.queue
            .get(&lease.delivery)
            .is_some_and(|queued| queued.leased && queued.delivery.lease_epoch == lease.epoch)
    }

    fn check_read(&self, read: &Read) -> StoreResult<()> {
        let (is_same, what) = match read {
            Read::State { group, key, value } => {
                (self.value(group, key) == *value, named("state", group, key))
            }
            Read::StateGroup { group, entries } => {
                (self.entries(group) == *entries, named("state", group, "*"))
            }
            Read::Item { group, id, offset } => {
                let found = self.item(group, id).map(|item| item.offset);
                (found == *offset, named("item", group, id))
            }
            Read::ItemGroup { group, items } => {
                (self.items(group) == *items, named("item", group, "*"))
            }
        };
        if is_same { Ok(()) } else { Err(StoreError::Conflict(what)) }
    }

    fn write(&mut self, write: Write, now: Millis) {
        match write {
            Write::SetState { group, key, value, reaction } => {
                self.set_value(&group, &key, value, reaction.as_ref(), now);
            }
            Write::DeleteState { group, key, reaction } => {
                self.delete_value(&group, &key, reaction.as_ref(), now);
            }
            Write::ClearState { group, reaction } => {
                self.clear_values(&group, reaction.as_ref(), now);
            }
            Write::SetItem { group, id, data, reaction } => {
                self.set_item(&group, &id, data, reaction.as_ref(), now);
            }
            Write::DeleteItem { group, id, reaction } => {
                self.delete_item(&group, &id, reaction.as_ref(), now);
            }
            Write::Emit(event) => {
                self.emit(&event, now);
            }
            Write::Send(event) => self.news.sent(event),
        }
    }

    fn end(&mut self, id: i64, end: &End) {
        match end {
            End::Complete => {
                self.remove(id);
            }
            End::Retry { error, at } => {
                self.fail(id, error);
                self.unclaim(id, *at);
            }
            End::Bury { error, block } => {
                self.fail(id, error);
                self.bury(id, *block, error.failed_at);
            }
            End::Release { at } => {
                if let Some(queued) = self.queue.get_mut(&id) {
                    queued.delivery.attempt -= 1;
                }
                self.unclaim(id, *at);
            }
        }
    }

    fn fail(&mut self, id: i64, error: &AttemptError) {
        if let Some(queued) = self.queue.get_mut(&id) {
            let attempt = queued.delivery.attempt;
            queued.errors.push(AttemptError { attempt, ..error.clone() });
        }
    }

    /// Makes a claimed delivery wait, which is room for another one unless its lane is a fifo lane.
    fn unclaim(&mut self, id: i64, due_at: Millis) {
        let Some(queued) = self.queue.get_mut(&id) else { return };
        queued.leased = false;
        queued.due_at = due_at;
        if let Some(lane) = queued.step_lane()
            && !lane.is_fifo()
        {
            self.unpark_next(&lane);
        }
    }

    fn bury(&mut self, id: i64, block: bool, died_at: Millis) {
        let Some(queued) = self.queue.remove(&id) else { return };
        let lane = queued.step_lane();
        let blocks = block && lane.as_ref().is_some_and(|lane| lane.is_fifo());
        self.dead.insert(id, Buried { queued, blocks, died_at });
        if let Some(lane) = lane {
            self.unpark_next(&lane);
        }
    }
}

fn named(kind: &str, group: &GroupKey, key: &str) -> String {
    format!("{kind} `{key}` of `{}`", group.group)
}
