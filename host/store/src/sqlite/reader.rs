//! The thread that answers people's questions, on a connection of its own.

use std::{
    io,
    sync::mpsc::{self, Sender},
    thread::{self, JoinHandle},
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::{StoreError, StoreFuture, StoreResult};

type Question = Box<dyn FnOnce(&Connection) + Send>;

/// The thread's owner. Dropping it waits for the question that is being answered.
pub(super) struct Reader {
    sender: Option<Sender<Question>>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    pub fn start(connection: Connection) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel::<Question>();
        let thread =
            thread::Builder::new().name("motia-store-read".to_owned()).spawn(move || {
                while let Ok(question) = receiver.recv() {
                    question(&connection);
                }
            })?;
        Ok(Self { sender: Some(sender), thread: Some(thread) })
    }

    /// Runs a query over what is on disk by then.
    pub fn ask<T, F>(&self, query: F) -> StoreFuture<'static, T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let question: Question = Box::new(move |connection| {
            // Whoever asked may be gone, before or after.
            if !answer.is_closed() {
                let _ = answer.send(query(connection));
            }
        });
        let sent = self.sender.as_ref().is_some_and(|sender| sender.send(question).is_ok());
        Box::pin(async move {
            let gone = || StoreError::Failed("the store's reading thread is gone".to_owned());
            if !sent {
                return Err(gone());
            }
            answered.await.unwrap_or_else(|_| Err(gone()))
        })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's reading thread panicked");
        }
    }
}
