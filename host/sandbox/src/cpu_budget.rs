//! A budget for the time that a guest's own code runs.
//!
//! An epoch makes a running guest yield at every tick, so a call is a future that is polled often.
//! Only the CPU time inside `poll` counts: a guest that waits for the host, or for a busy machine,
//! costs nothing. A timeout around the same future ends guests that wait for too long.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// The budget is used up.
pub struct Exhausted;

/// Runs a future until it ends or has been polled for longer than its budget.
pub struct CpuBudget<F> {
    call: Pin<Box<F>>,
    left: Duration,
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

impl<F: Future> CpuBudget<F> {
    /// Gives `call` a budget.
    pub fn new(call: F, budget: Duration) -> Self {
        Self { call: Box::pin(call), left: budget }
    }
}

impl<F: Future> Future for CpuBudget<F> {
    type Output = Result<F::Output, Exhausted>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let start = thread_time();
        let polled = self.call.as_mut().poll(context);
        self.left = self.left.saturating_sub(thread_time().saturating_sub(start));
        match polled {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending if self.left.is_zero() => Poll::Ready(Err(Exhausted)),
            Poll::Pending => Poll::Pending,
        }
    }
}
