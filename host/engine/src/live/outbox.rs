//! What a client has not read yet, as far as it may wait.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::frame::LiveFrame;

/// So many frames wait for a client that does not read.
const FRAMES: usize = 4096;
/// And so many bytes; a larger frame waits alone.
const BYTES: usize = 4 << 20;

/// Why a client gets no more frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveEnd {
    /// It does not read what it gets.
    TooSlow,
    /// It has left, or the host stops.
    Stopping,
}

#[derive(Debug, Default)]
pub struct Outbox {
    queue: Mutex<Queue>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<LiveFrame>,
    /// So many of the frames in front, and their bytes, are what a client has asked for: they may be more than a client
    /// that reads falls behind.
    asked: usize,
    asked_bytes: usize,
    bytes: usize,
    end: Option<LiveEnd>,
}

impl Outbox {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn push(&self, frame: LiveFrame) {
        let mut queue = self.queue();
        if queue.end.is_some() {
            return;
        }
        let (frames, bytes) = (queue.frames.len() - queue.asked, queue.bytes - queue.asked_bytes);
        let fits = frames < FRAMES && bytes + frame.json.len() <= BYTES;
        if !fits && !queue.frames.is_empty() {
            drop(queue);
            return self.end(LiveEnd::TooSlow);
        }
        queue.bytes += frame.json.len();
        queue.frames.push_back(frame);
        drop(queue);
        self.arrived.notify_one();
    }

    /// Adds what the client has just asked for, however much it is; the caller bounds it.
    pub fn push_asked(&self, frames: impl IntoIterator<Item = LiveFrame>) {
        let mut queue = self.queue();
        if queue.end.is_some() {
            return;
        }
        for frame in frames {
            queue.bytes += frame.json.len();
            queue.frames.push_back(frame);
        }
        // What waited before is read first, so it counts no more than that.
        queue.asked = queue.frames.len();
        queue.asked_bytes = queue.bytes;
        drop(queue);
        self.arrived.notify_one();
    }

    /// Nothing comes any more, and what waits is dropped.
    pub fn end(&self, end: LiveEnd) {
        let mut queue = self.queue();
        if queue.end.is_none() {
            *queue = Queue { end: Some(end), ..Queue::default() };
        }
        drop(queue);
        self.arrived.notify_one();
    }
}

/// The frames of one client.
#[derive(Debug)]
pub struct LiveFrames(Arc<Outbox>);

impl LiveFrames {
    pub(super) fn new(outbox: Arc<Outbox>) -> Self {
        Self(outbox)
    }

    /// The next frame; none when no more come.
    pub async fn next(&mut self) -> Option<LiveFrame> {
        loop {
            if let Some(frame) = self.take() {
                return Some(frame);
            }
            if self.0.queue().end.is_some() {
                return None;
            }
            // One that comes before this is remembered.
            self.0.arrived.notified().await;
        }
    }

    /// The next frame, if it waits already.
    pub fn take(&mut self) -> Option<LiveFrame> {
        let mut queue = self.0.queue();
        let frame = queue.frames.pop_front()?;
        queue.bytes -= frame.json.len();
        if queue.asked > 0 {
            queue.asked -= 1;
            queue.asked_bytes -= frame.json.len();
        }
        if queue.frames.is_empty() {
            // An idle client holds no memory for a burst that is over.
            queue.frames.shrink_to(16);
        }
        Some(frame)
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.0.queue().frames.len()
    }

    /// Why no more come.
    pub fn ended(&self) -> Option<LiveEnd> {
        self.0.queue().end
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn frame(bytes: usize) -> LiveFrame {
        LiveFrame { json: Bytes::from(vec![b'1'; bytes]), offset: None }
    }

    #[tokio::test]
    async fn who_reads_gets_everything_in_order() {
        let outbox = Arc::new(Outbox::default());
        let mut frames = LiveFrames::new(Arc::clone(&outbox));
        for bytes in 1..=3 * FRAMES {
            outbox.push(frame(bytes % 7 + 1));
            assert_eq!(frames.next().await.unwrap().json.len(), bytes % 7 + 1);
        }
        assert_eq!(frames.ended(), None);
    }

    #[tokio::test]
    async fn who_does_not_read_is_cut_off() {
        let outbox = Arc::new(Outbox::default());
        let mut frames = LiveFrames::new(Arc::clone(&outbox));
        for _ in 0..=FRAMES {
            outbox.push(frame(1));
        }
        assert_eq!(frames.next().await, None);
        assert_eq!(frames.ended(), Some(LiveEnd::TooSlow));
    }

    #[tokio::test]
    async fn what_was_asked_for_may_be_more() {
        let outbox = Arc::new(Outbox::default());
        let mut frames = LiveFrames::new(Arc::clone(&outbox));
        outbox.push(frame(1));
        outbox.push_asked((0..2 * FRAMES).map(|_| frame(BYTES / FRAMES)));
        for _ in 0..FRAMES {
            outbox.push(frame(1));
        }
        assert_eq!((frames.waiting(), frames.ended()), (1 + 3 * FRAMES, None));
        for _ in 0..1 + 3 * FRAMES {
            assert!(frames.next().await.is_some());
        }
        let queue = outbox.queue();
        assert_eq!((queue.asked, queue.asked_bytes, queue.bytes), (0, 0, 0));
    }

    #[tokio::test]
    async fn one_large_frame_may_wait() {
        let outbox = Arc::new(Outbox::default());
        let mut frames = LiveFrames::new(Arc::clone(&outbox));
        outbox.push(frame(BYTES + 1));
        assert!(frames.next().await.is_some());
        outbox.push(frame(1));
        outbox.push(frame(BYTES));
        assert_eq!(frames.next().await, None);
    }
}
