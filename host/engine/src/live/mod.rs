//! Who follows which stream, and the frames that they get.
//!
//! The store says what happened once it is on disk, in the order of commits; a thread of its own makes one frame
//! of each change and gives it to everybody who follows the group or the item, so that neither commits nor HTTP wait for
//! a crowd. Whoever joins is entered first and reads the snapshot then: a change in between is in the snapshot or
//! waits behind it, and offsets tell which, so nothing is missed and nothing comes twice.
//!
//! A frame is made once and shared. A client that does not read gets no more than its outbox holds; then it is cut
//! off, and asks for the rest with `since` when it is back.

mod frame;
mod outbox;
mod room;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use motia_manifest::TenantId;
use motia_store::{GroupKey, Store, StreamFollower, StreamNews};
use serde::Serialize;

pub use frame::LiveFrame;
pub use outbox::{LiveEnd, LiveFrames};

use crate::{deployment::Deployment, engine::CallError, engine::Engine};
use outbox::Outbox;
use room::{Room, Seat};

/// News that waits for the thread, in bytes of data: behind more, followers are cut off instead.
const WAITING_BYTES: usize = 64 << 20;
/// How often rooms that nobody follows any more are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(30);
/// The largest group that a client can join.
const SNAPSHOT_BYTES: usize = 16 << 20;

/// What a client follows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Join {
    /// The stream.
    pub stream: String,
    /// The group.
    pub group: String,
    /// One item; none for all of the group.
    pub id: Option<String>,
    /// The client's own name for it: the same thing can be joined under several.
    pub subscription: String,
    /// The offset of the last change that the client has, if it comes back.
    pub since: Option<i64>,
}

/// How much is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveFigures {
    /// Clients.
    pub connections: usize,
    /// What they follow, each group or item of each client once.
    pub subscriptions: usize,
}

/// All who follow streams.
pub(crate) struct Live {
    rooms: Mutex<HashMap<GroupKey, Arc<Mutex<Room>>>>,
    connections: AtomicUsize,
    subscriptions: AtomicUsize,
    last_client: AtomicU64,
    news: Sender<Vec<StreamNews>>,
    waiting: AtomicUsize,
}

impl Live {
    /// Follows the streams of a store. The thread ends with the last owner.
    ///
    /// # Errors
    /// When there is no thread.
    pub fn start(store: &dyn Store) -> std::io::Result<Arc<Self>> {
        let (news, told) = mpsc::channel();
        let live = Arc::new(Self {
            rooms: Mutex::default(),
            connections: AtomicUsize::new(0),
            subscriptions: AtomicUsize::new(0),
            last_client: AtomicU64::new(0),
            news,
            waiting: AtomicUsize::new(0),
        });
        let weak = Arc::downgrade(&live);
        thread::Builder::new()
            .name("motia-live".to_owned())
            .spawn(move || tell_all(&weak, &told))?;
        store.follow_streams(Arc::new(Follower(Arc::downgrade(&live))));
        Ok(live)
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<GroupKey, Arc<Mutex<Room>>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn room(&self, group: &GroupKey) -> Option<Arc<Mutex<Room>>> {
        self.rooms().get(group).cloned()
    }

    /// Runs something on the room of a group, which is made if there is none.
    fn with_room<T>(&self, group: &GroupKey, work: impl FnOnce(&mut Room) -> T) -> T {
        // Both locks, so that the room cannot be tidied away in between.
        let mut rooms = self.rooms();
        let room = Arc::clone(rooms.entry(group.clone()).or_default());
        let mut room = lock(&room);
        drop(rooms);
        work(&mut room)
    }

    fn tell(&self, news: &[StreamNews]) {
        for news in news {
            let group = match news {
                StreamNews::Changed(event) => &event.group,
                StreamNews::Sent(event) => &event.group,
            };
            if let Some(room) = self.room(group) {
                lock(&room).tell(news);
            }
        }
    }

    /// Everybody who follows one of the groups has missed something.
    fn cut_off(&self, news: &[StreamNews]) {
        for news in news {
            let (StreamNews::Changed(motia_store::ItemEvent { group, .. })
            | StreamNews::Sent(motia_store::SentEvent { group, .. })) = news;
            if let Some(room) = self.room(group) {
                lock(&room).cut_off();
            }
        }
    }

    fn tidy(&self) {
        self.rooms().retain(|_, room| Arc::strong_count(room) > 1 || !lock(room).is_over());
    }

    /// How many follow a stream.
    pub fn subscribers(&self, tenant: &TenantId, stream: &str) -> usize {
        let matches =
            |key: &GroupKey| key.tenant == *tenant && key.stream.as_deref() == Some(stream);
        let rooms: Vec<_> = self
            .rooms()
            .iter()
            .filter(|(key, _)| matches(key))
            .map(|(_, room)| Arc::clone(room))
            .collect();
        rooms.iter().map(|room| lock(room).followers()).sum()
    }

    pub fn figures(&self) -> LiveFigures {
        LiveFigures {
            connections: self.connections.load(Ordering::Relaxed),
            subscriptions: self.subscriptions.load(Ordering::Relaxed),
        }
    }
}

/// Takes the store's news without making it wait.
struct Follower(Weak<Live>);

impl StreamFollower for Follower {
    fn told(&self, news: Vec<StreamNews>) {
        let Some(live) = self.0.upgrade() else { return };
        let bytes = bytes_of(&news);
        if live.waiting.fetch_add(bytes, Ordering::Relaxed) > WAITING_BYTES {
            live.waiting.fetch_sub(bytes, Ordering::Relaxed);
            return live.cut_off(&news);
        }
        // An error says that the thread has ended, with all who followed.
        let _ = live.news.send(news);
    }
}

fn bytes_of(news: &[StreamNews]) -> usize {
    let bytes = |news: &StreamNews| match news {
        StreamNews::Changed(event) => event.data.len(),
        StreamNews::Sent(event) => event.data.len(),
    };
    news.iter().map(|news| 256 + bytes(news)).sum()
}

fn tell_all(live: &Weak<Live>, told: &Receiver<Vec<StreamNews>>) {
    let mut tidied = Instant::now();
    loop {
        let news = told.recv_timeout(TIDY_EVERY);
        let Some(live) = live.upgrade() else { return };
        match news {
            Ok(news) => {
                live.tell(&news);
                live.waiting.fetch_sub(bytes_of(&news), Ordering::Relaxed);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if tidied.elapsed() >= TIDY_EVERY {
            live.tidy();
            tidied = Instant::now();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What can be followed: a group, or one item of it.
type Followed = (GroupKey, Option<String>);

/// One client's place among those who follow streams. Dropping it leaves everything.
pub struct LiveClient {
    engine: Engine,
    id: u64,
    outbox: Arc<Outbox>,
    /// The subscriptions to each.
    joined: Mutex<HashMap<Followed, HashSet<String>>>,
}

impl Engine {
    /// A new client, which follows nothing yet, and the frames that it will get.
    pub fn connect_live(&self) -> (LiveClient, LiveFrames) {
        let live = self.live();
        live.connections.fetch_add(1, Ordering::Relaxed);
        let id = live.last_client.fetch_add(1, Ordering::Relaxed);
        let outbox = Arc::new(Outbox::default());
        let frames = LiveFrames::new(Arc::clone(&outbox));
        (LiveClient { engine: self.clone(), id, outbox, joined: Mutex::default() }, frames)
    }

    /// How much is followed.
    pub fn live_figures(&self) -> LiveFigures {
        self.live().figures()
    }

    /// How many follow a stream, or one of its groups.
    pub fn live_subscribers(&self, stream: &str, group: Option<&str>) -> usize {
        let Some(group) = group else { return self.live().subscribers(self.tenant(), stream) };
        let (stream, group) = (Some(stream.to_owned()), group.to_owned());
        let room = self.live().room(&GroupKey { tenant: self.tenant().clone(), stream, group });
        room.map_or(0, |room| lock(&room).followers())
    }
}

/// The key of a stream's group.
///
/// # Errors
/// When the project has no such stream.
pub(crate) fn group_key(
    engine: &Engine,
    deployment: &Deployment,
    stream: &str,
    group: &str,
) -> Result<GroupKey, String> {
    if deployment.has_stream(stream) {
        let (stream, group) = (Some(stream.to_owned()), group.to_owned());
        return Ok(GroupKey { tenant: engine.tenant().clone(), stream, group });
    }
    let streams = &deployment.manifest().streams;
    let declared: Vec<&str> = streams.iter().map(|s| s.config.name.as_str()).collect();
    Err(match declared.as_slice() {
        [] => format!("there is no stream `{stream}`: the project declares none"),
        declared => format!("there is no stream `{stream}`; declared are {}", declared.join(", ")),
    })
}

impl LiveClient {
    /// Follows a group or an item. The client gets what is there, or what it has missed since `since`, and then every
    /// change, each once.
    ///
    /// # Errors
    /// `unknown_stream`, or the store's.
    pub async fn join(&self, join: Join) -> Result<(), CallError> {
        let group = group_key(&self.engine, &self.engine.deployment(), &join.stream, &join.group)
            .map_err(|message| CallError::new("unknown_stream", 404, message))?;
        let live = self.engine.live();
        let is_new = lock(&self.joined)
            .entry((group.clone(), join.id.clone()))
            .or_default()
            .insert(join.subscription.clone());
        let (seat, entered) = live.with_room(&group, |room| {
            let (seat, is_first) = room.enter(self.id, join.id.as_deref(), &self.outbox);
            if is_first {
                live.subscriptions.fetch_add(1, Ordering::Relaxed);
            }
            let entered = match join.since {
                Some(since) if room.replay(&seat, join.id.as_deref(), since) => Entered::Whole,
                _ => {
                    seat.wait();
                    Entered::Waiting(room.next_timestamp())
                }
            };
            (seat, entered)
        });
        match entered {
            Entered::Whole => Ok(()),
            Entered::Waiting(timestamp) => {
                let (id, since) = (join.id.clone(), join.since);
                let told = self.catch_up(&seat, group, id, since, timestamp).await;
                if told.is_err() {
                    seat.go_on(Vec::new(), 0);
                    // One that was there before goes on.
                    if is_new {
                        self.leave(&join);
                    }
                }
                told
            }
        }
    }

    /// Sends what was there when the client entered, then what came in the meantime.
    async fn catch_up(
        &self,
        seat: &Seat,
        group: GroupKey,
        id: Option<String>,
        since: Option<i64>,
        timestamp: i64,
    ) -> Result<(), CallError> {
        let store = self.engine.store();
        if let Some(since) = since
            && let Some(missed) = store.items_since(group.clone(), since, SNAPSHOT_BYTES).await?
        {
            let until = missed.last().map_or(since, |event| event.offset);
            let mine = missed.iter().filter(|event| id.as_ref().is_none_or(|id| event.id == *id));
            seat.go_on(mine.map(|event| frame::changed(event, timestamp)).collect(), until);
            return Ok(());
        }
        let snapshot = store.item_snapshot(group.clone(), id.clone(), SNAPSHOT_BYTES).await?;
        // Who comes back may have an item that there is not any more.
        let had = since.is_some();
        let frames = frame::sync(&group, id.as_deref(), &snapshot, timestamp, had);
        seat.go_on(frames.into_iter().collect(), snapshot.offset);
        Ok(())
    }

    /// Ends one subscription; whether there was one.
    pub fn leave(&self, join: &Join) -> bool {
        let group = GroupKey {
            tenant: self.engine.tenant().clone(),
            stream: Some(join.stream.clone()),
            group: join.group.clone(),
        };
        let key = (group, join.id.clone());
        let mut joined = lock(&self.joined);
        let Some(subscriptions) = joined.get_mut(&key) else { return false };
        let was = subscriptions.remove(&join.subscription);
        if subscriptions.is_empty() {
            joined.remove(&key);
            self.exit(&key);
        }
        was
    }

    fn exit(&self, (group, id): &(GroupKey, Option<String>)) {
        let live = self.engine.live();
        if let Some(room) = live.room(group)
            && lock(&room).exit(self.id, id.as_deref())
        {
            live.subscriptions.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

enum Entered {
    /// Nothing is missing.
    Whole,
    /// The state is still to be read, as of this time.
    Waiting(i64),
}

impl Drop for LiveClient {
    fn drop(&mut self) {
        let joined = std::mem::take(&mut *lock(&self.joined));
        for key in joined.keys() {
            self.exit(key);
        }
        self.outbox.end(LiveEnd::Stopping);
        self.engine.live().connections.fetch_sub(1, Ordering::Relaxed);
    }
}
