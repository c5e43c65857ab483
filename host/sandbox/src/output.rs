//! What a guest prints: every line becomes a log record, up to a limit.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

use crate::{Capabilities, LogLevel, LogRecord};

/// A guest's standard output or standard error.
#[derive(Clone)]
pub struct GuestOutput(Arc<Mutex<Lines>>);

struct Lines {
    level: LogLevel,
    partial: Vec<u8>,
    left: usize,
    truncated: bool,
    stalled: bool,
    sink: Arc<dyn Capabilities>,
}

/// A line longer than this is split, so that a guest that never ends its line is still heard.
const LINE_BYTES: usize = 16 * 1024;

/// What the JavaScript engine prints when its event loop has nothing left to wait for.
const STALLED: &str = "event loop error";

impl GuestOutput {
    /// Sends lines to `sink` at `level`, at most `limit` bytes in all.
    pub fn new(level: LogLevel, limit: usize, sink: Arc<dyn Capabilities>) -> Self {
        Self(Arc::new(Mutex::new(Lines {
            level,
            partial: Vec::new(),
            left: limit,
            truncated: false,
            stalled: false,
            sink,
        })))
    }

    /// Sends what the guest printed after its last line break.
    pub fn finish(&self) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !lines.partial.is_empty() {
            let rest = std::mem::take(&mut lines.partial);
            lines.send(&rest);
        }
    }

    /// Whether the JavaScript engine said that it gives up: a promise is awaited, and nothing that
    /// could settle it is left. It traps without another word then.
    pub fn stalled(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).stalled
    }

    fn push(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
    }
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) {
        let kept = &bytes[..bytes.len().min(self.left)];
        self.left -= kept.len();
        self.partial.extend_from_slice(kept);
        while let Some(end) = self.partial.iter().position(|&byte| byte == b'\n').or((self
            .partial
            .len()
            > LINE_BYTES)
            .then_some(LINE_BYTES))
        {
            let rest = self.partial.split_off(end + 1);
            let line = std::mem::replace(&mut self.partial, rest);
            self.send(&line);
        }
        if kept.len() < bytes.len() && !self.truncated {
            self.truncated = true;
            let message = "the rest of the output is dropped (limit `output_bytes`)".to_owned();
            self.sink.log(LogRecord { level: LogLevel::Warn, message, args: None });
        }
    }

    fn send(&mut self, line: &[u8]) {
        let message = String::from_utf8_lossy(line).trim_end().to_owned();
        self.stalled |= message.contains(STALLED);
        if !message.is_empty() {
            self.sink.log(LogRecord { level: self.level, message, args: None });
        }
    }
}

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestOutput {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for GuestOutput {
    async fn ready(&mut self) {}
}

impl OutputStream for GuestOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 * 1024)
    }
}

impl AsyncWrite for GuestOutput {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
