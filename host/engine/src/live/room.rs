//! One group of a stream: who follows it, and its last changes for those who come back.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use motia_store::{ItemEvent, StreamNews};

use super::{
    frame::{self, LiveFrame},
    lock,
    outbox::{LiveEnd, Outbox},
};
use crate::engine::now_millis;

/// So many changes are kept for those who come back.
const KEPT: usize = 1024;
/// And so many bytes.
const KEPT_BYTES: usize = 1 << 20;
/// So much may come while it is read what there was: half of what may wait for a client.
const CAME: usize = 2048;
const CAME_BYTES: usize = 2 << 20;
/// For so long after the last one has left.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// Everybody who follows one group, or items of it.
#[derive(Default)]
pub struct Room {
    /// Those who follow all of it, by client.
    whole: HashMap<u64, Arc<Seat>>,
    /// Those who follow an item.
    items: HashMap<String, HashMap<u64, Arc<Seat>>>,
    /// The last changes, without a gap.
    kept: VecDeque<(String, LiveFrame)>,
    kept_bytes: usize,
    /// Of the newest frame.
    timestamp: i64,
    empty_since: Option<Instant>,
}

/// What one client follows in a room.
pub struct Seat {
    outbox: Arc<Outbox>,
    state: Mutex<State>,
}

enum State {
    /// The client gets frames of changes behind this one; the others it knows.
    Follows { behind: i64 },
    /// It is still told what there was when it entered; this has come since, and whether the client follows the item
    /// that it is about as well.
    Waits { came: Vec<(LiveFrame, bool)>, bytes: usize, behind: i64 },
}

impl Seat {
    /// Holds frames back until it is known what there was.
    pub fn wait(&self) {
        let mut state = lock(&self.state);
        if let State::Follows { behind } = *state {
            *state = State::Waits { came: Vec::new(), bytes: 0, behind };
        }
    }

    /// Sends `first`, which tells everything up to the change `until`, and then what has come behind that. What
    /// concerns an item that the client follows by itself comes in any case: the state of the group is not told to those
    /// who follow the item.
    pub fn go_on(&self, first: Vec<LiveFrame>, until: i64) {
        let mut state = lock(&self.state);
        let (came, behind) = match &mut *state {
            State::Waits { came, behind, .. } => (std::mem::take(came), until.max(*behind)),
            State::Follows { behind } => (Vec::new(), until.max(*behind)),
        };
        let is_news = |frame: &LiveFrame| frame.offset.is_none_or(|at| at > until);
        let came = came.into_iter().filter(|(frame, of_item)| *of_item || is_news(frame));
        self.outbox.push_asked(first);
        for (frame, _) in came {
            self.outbox.push(frame);
        }
        *state = State::Follows { behind };
    }

    fn push(&self, frame: &LiveFrame, of_item: bool) {
        let mut state = lock(&self.state);
        match &mut *state {
            State::Follows { behind } => {
                if frame.offset.is_none_or(|offset| offset > *behind) {
                    self.outbox.push(frame.clone());
                }
            }
            State::Waits { came, bytes, .. } if came.len() < CAME && *bytes < CAME_BYTES => {
                *bytes += frame.json.len();
                came.push((frame.clone(), of_item));
            }
            State::Waits { .. } => self.outbox.end(LiveEnd::TooSlow),
        }
    }
}

impl Room {
    /// A client's seat, and whether it is new.
    pub fn enter(
        &mut self,
        client: u64,
        id: Option<&str>,
        outbox: &Arc<Outbox>,
    ) -> (Arc<Seat>, bool) {
        self.empty_since = None;
        let seats = match id {
            None => &mut self.whole,
            Some(id) => self.items.entry(id.to_owned()).or_default(),
        };
        let mut is_new = false;
        let seat = seats.entry(client).or_insert_with(|| {
            is_new = true;
            let state = Mutex::new(State::Follows { behind: 0 });
            Arc::new(Seat { outbox: Arc::clone(outbox), state })
        });
        (Arc::clone(seat), is_new)
    }

    /// Gives a seat up; whether there was one.
    pub fn exit(&mut self, client: u64, id: Option<&str>) -> bool {
        let was = match id {
            None => self.whole.remove(&client).is_some(),
            Some(id) => {
                let Some(seats) = self.items.get_mut(id) else { return false };
                let was = seats.remove(&client).is_some();
                if seats.is_empty() {
                    self.items.remove(id);
                }
                was
            }
        };
        if self.whole.is_empty() && self.items.is_empty() {
            self.empty_since = Some(Instant::now());
        }
        was
    }

    /// Whether nobody has followed it for a while.
    pub fn is_over(&self) -> bool {
        self.whole.is_empty()
            && self.items.is_empty()
            && self.empty_since.is_none_or(|since| since.elapsed() > KEPT_FOR)
    }

    pub fn followers(&self) -> usize {
        self.whole.len() + self.items.values().map(HashMap::len).sum::<usize>()
    }

    /// The time of the next frame: clients drop a frame that is not later than the one before.
    pub fn next_timestamp(&mut self) -> i64 {
        self.timestamp = now_millis().max(self.timestamp + 1);
        self.timestamp
    }

    /// Sends what a client has missed since a change, if all of that is kept.
    pub fn replay(&mut self, seat: &Seat, id: Option<&str>, since: i64) -> bool {
        let offset = |kept: Option<&(String, LiveFrame)>| kept.and_then(|(_, frame)| frame.offset);
        let (Some(first), Some(last)) = (offset(self.kept.front()), offset(self.kept.back()))
        else {
            return false;
        };
        if since < first - 1 || since > last {
            return false;
        }
        let missed = self
            .kept
            .iter()
            .filter(|(item, frame)| frame.offset > Some(since) && id.is_none_or(|id| id == item));
        seat.go_on(missed.map(|(_, frame)| frame.clone()).collect(), last);
        true
    }

    /// Tells everybody whom it concerns, each client once.
    pub fn tell(&mut self, news: &StreamNews) {
        let timestamp = self.next_timestamp();
        match news {
            StreamNews::Changed(event) => {
                let frame = frame::changed(event, timestamp);
                self.push(Some(&event.id), &frame);
                self.keep(event, frame);
            }
            StreamNews::Sent(event) => {
                self.push(event.id.as_deref(), &frame::sent(event, timestamp));
            }
        }
    }

    fn push(&self, id: Option<&str>, frame: &LiveFrame) {
        let followers = id.and_then(|id| self.items.get(id));
        for (client, seat) in &self.whole {
            seat.push(frame, followers.is_some_and(|seats| seats.contains_key(client)));
        }
        for (client, seat) in followers.into_iter().flatten() {
            if !self.whole.contains_key(client) {
                seat.push(frame, true);
            }
        }
    }

    fn keep(&mut self, event: &ItemEvent, frame: LiveFrame) {
        // What came in between was too much, and is only in the store.
        if self.kept.back().is_some_and(|(_, last)| last.offset != Some(event.offset - 1)) {
            self.forget();
        }
        self.kept_bytes += frame.json.len();
        self.kept.push_back((event.id.clone(), frame));
        while self.kept.len() > KEPT || self.kept_bytes > KEPT_BYTES {
            let Some((_, oldest)) = self.kept.pop_front() else { break };
            self.kept_bytes -= oldest.json.len();
        }
    }

    fn forget(&mut self) {
        self.kept.clear();
        self.kept_bytes = 0;
    }

    /// Everybody has missed something.
    pub fn cut_off(&mut self) {
        self.forget();
        for seat in self.whole.values().chain(self.items.values().flat_map(HashMap::values)) {
            seat.outbox.end(LiveEnd::TooSlow);
        }
    }
}

#[cfg(test)]
mod tests {
    use motia_manifest::TenantId;
    use motia_store::{GroupKey, ItemAction, SentEvent};

    use super::*;
    use crate::live::outbox::LiveFrames;

    fn group() -> GroupKey {
        let (stream, group) = (Some("s".to_owned()), "g".to_owned());
        GroupKey { tenant: TenantId::default(), stream, group }
    }

    fn change(offset: i64, id: &str) -> StreamNews {
        StreamNews::Changed(ItemEvent {
            group: group(),
            id: id.to_owned(),
            action: ItemAction::Update,
            data: "{}".to_owned(),
            offset,
        })
    }

    /// A client and what it gets.
    struct Client {
        id: u64,
        outbox: Arc<Outbox>,
        frames: LiveFrames,
    }

    impl Client {
        fn new(id: u64) -> Self {
            let outbox = Arc::new(Outbox::default());
            Self { id, frames: LiveFrames::new(Arc::clone(&outbox)), outbox }
        }

        fn enter(&self, room: &mut Room, id: Option<&str>) -> Arc<Seat> {
            room.enter(self.id, id, &self.outbox).0
        }

        /// The offsets of the frames that wait.
        fn offsets(&mut self) -> Vec<i64> {
            std::iter::from_fn(|| self.frames.take()).filter_map(|frame| frame.offset).collect()
        }
    }

    #[test]
    fn everybody_gets_a_change_once() {
        let mut room = Room::default();
        let (mut both, mut item, mut other) = (Client::new(1), Client::new(2), Client::new(3));
        both.enter(&mut room, None);
        both.enter(&mut room, Some("a"));
        item.enter(&mut room, Some("a"));
        other.enter(&mut room, Some("b"));
        room.tell(&change(1, "a"));
        assert_eq!((both.offsets(), item.offsets(), other.offsets()), (vec![1], vec![1], vec![]));
    }

    #[test]
    fn what_comes_while_the_snapshot_is_read_comes_behind_it() {
        let mut room = Room::default();
        let mut client = Client::new(1);
        let seat = client.enter(&mut room, None);
        seat.wait();
        (1..=4).for_each(|offset| room.tell(&change(offset, "a")));
        assert!(client.offsets().is_empty());
        let snapshot = LiveFrame { json: "sync".into(), offset: Some(2) };
        seat.go_on(vec![snapshot], 2);
        room.tell(&change(5, "a"));
        assert_eq!(client.offsets(), [2, 3, 4, 5]);
    }

    #[test]
    fn an_item_that_is_followed_misses_nothing_while_the_group_is_read() {
        let mut room = Room::default();
        let mut client = Client::new(1);
        client.enter(&mut room, Some("a"));
        let seat = client.enter(&mut room, None);
        seat.wait();
        room.tell(&change(1, "b"));
        room.tell(&change(2, "a"));
        let snapshot = LiveFrame { json: "sync".into(), offset: Some(3) };
        seat.go_on(vec![snapshot], 3);
        assert_eq!(client.offsets(), [3, 2]);
    }

    #[test]
    fn who_comes_back_gets_what_was_missed() {
        let mut room = Room::default();
        (1..=9)
            .for_each(|offset| room.tell(&change(offset, if offset % 2 == 0 { "a" } else { "b" })));
        let mut client = Client::new(1);
        let seat = client.enter(&mut room, Some("a"));
        assert!(room.replay(&seat, Some("a"), 3));
        room.tell(&change(10, "a"));
        assert_eq!(client.offsets(), [4, 6, 8, 10]);
        let mut whole = Client::new(2);
        let seat = whole.enter(&mut room, None);
        assert!(room.replay(&seat, None, 10) && !room.replay(&seat, None, 11));
        assert!(whole.offsets().is_empty());
    }

    #[test]
    fn what_is_not_kept_any_more_is_not_replayed() {
        let mut room = Room::default();
        let last = KEPT as i64 + 10;
        (1..=last).for_each(|offset| room.tell(&change(offset, "a")));
        let client = Client::new(1);
        let seat = client.enter(&mut room, None);
        assert!(room.replay(&seat, None, 10) && !room.replay(&seat, None, 9));
        room.tell(&change(last + 2, "a"));
        assert!(room.replay(&seat, None, last + 1) && !room.replay(&seat, None, last));
        room.cut_off();
        assert!(!room.replay(&seat, None, last + 1));
        assert_eq!(client.frames.ended(), Some(LiveEnd::TooSlow));
    }

    #[test]
    fn times_only_grow() {
        let mut room = Room::default();
        let mut client = Client::new(1);
        client.enter(&mut room, None);
        let sent = SentEvent { group: group(), id: None, event_type: "t".into(), data: "1".into() };
        (0..100).for_each(|_| room.tell(&StreamNews::Sent(sent.clone())));
        let time = |frame: LiveFrame| {
            let frame: serde_json::Value = serde_json::from_slice(&frame.json).unwrap();
            frame["timestamp"].as_i64().unwrap()
        };
        let times: Vec<i64> = std::iter::from_fn(|| client.frames.take()).map(time).collect();
        assert_eq!(times.len(), 100);
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
    }

    #[test]
    fn a_room_is_over_some_time_after_the_last_one_has_left() {
        let mut room = Room::default();
        let client = Client::new(1);
        client.enter(&mut room, Some("a"));
        assert!(!room.is_over() && room.followers() == 1);
        assert!(room.exit(1, Some("a")) && !room.exit(1, Some("a")));
        assert!(!room.is_over() && room.followers() == 0);
        room.empty_since = Instant::now().checked_sub(KEPT_FOR * 2);
        assert!(room.is_over());
    }
}
