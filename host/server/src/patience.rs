//! A connection that is given up when its client reads nothing.
//!
//! An answer waits in the server until its client takes it. Without an end to that, whoever asks and never reads would
//! hold the answer and a place among the connections for ever.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// How long a client may take nothing of what waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A stream whose writes fail when the other side takes nothing for a while.
#[derive(Debug)]
pub struct Patient<S> {
    stream: S,
    patience: Duration,
    /// Set while a write waits.
    gives_up: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    /// Watches over a stream's writes.
    pub fn new(stream: S) -> Self {
        Self { stream, patience: PATIENCE, gives_up: None }
    }

    /// The stream itself.
    pub fn into_inner(self) -> S {
        self.stream
    }

    fn watch<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.gives_up = None;
            return written;
        }
        let patience = self.patience;
        let gives_up = self.gives_up.get_or_insert_with(|| Box::pin(sleep(patience)));
        gives_up.as_mut().poll(context).map(|()| {
            let reason = format!("the client has read nothing for {} s", patience.as_secs());
            Err(io::Error::new(io::ErrorKind::TimedOut, reason))
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.watch(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn a_write_waits_only_as_long_as_something_is_read() {
        let patience = Duration::from_millis(600);
        let (near, mut far) = duplex(4);
        let mut near = Patient { patience, ..Patient::new(near) };
        near.write_all(b"1234").await.unwrap();
        let reading = async {
            let mut byte = [0];
            for _ in 0..3 {
                sleep(patience / 2).await;
                far.read_exact(&mut byte).await.unwrap();
            }
            far
        };
        let (written, _far) = tokio::join!(near.write_all(b"567"), reading);
        written.unwrap();
        let error = near.write_all(b"8").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
