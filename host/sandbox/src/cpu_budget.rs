//! A budget for the time that a guest's own code runs.
//!
//! An epoch makes a running guest yield at every tick, so a call is a future that is polled often.
//! Only the CPU time inside `poll` counts: a guest that waits for the host, or for a busy machine,
//! costs nothing. A timeout around the same future ends guests that wait for too long.

use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll},
    time::Duration,
};

/// The budget is used up.
pub struct Exhausted;

/// How long a guest's own code has run, in nanoseconds.
#[derive(Debug, Default)]
pub struct CpuTime(AtomicU64);

impl CpuTime {
    /// As a duration.
    pub fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    fn add(&self, time: Duration) -> Duration {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.0.fetch_add(time, Ordering::Relaxed).saturating_add(time))
    }
}

/// Runs a future until it ends or has been polled for longer than its budget.
pub struct CpuBudget<'a, F> {
    call: Pin<Box<F>>,
    budget: Duration,
    used: &'a CpuTime,
}

/// The CPU time of this thread.
#[cfg(unix)]
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// The time, where there is no clock for threads.
#[cfg(not(unix))]
fn thread_time() -> Duration {
    std::time::UNIX_EPOCH.elapsed().unwrap_or_default()
}

impl<'a, F: Future> CpuBudget<'a, F> {
    /// Gives `call` a budget; what it uses is counted in `used`.
    pub fn new(call: F, budget: Duration, used: &'a CpuTime) -> Self {
        Self { call: Box::pin(call), budget, used }
    }
}

impl<F: Future> Future for CpuBudget<'_, F> {
    type Output = Result<F::Output, Exhausted>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let start = thread_time();
        let polled = self.call.as_mut().poll(context);
        let used = self.used.add(thread_time().saturating_sub(start));
        match polled {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending if used >= self.budget => Poll::Ready(Err(Exhausted)),
            Poll::Pending => Poll::Pending,
        }
    }
}
