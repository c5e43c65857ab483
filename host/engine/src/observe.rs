//! What has happened: runs, their spans, and what steps log.

use motia_manifest::TraceId;
use motia_store::{
    LogEntry, LogFilter, Recorded, Run, RunFilter, Span, StoreFuture, StoreResult, Telemetry,
};
use tokio::sync::broadcast;

use crate::engine::Engine;

impl Engine {
    /// Asks the telemetry; the default if nothing is recorded.
    async fn observe<'a, T: Default>(
        &'a self,
        ask: impl FnOnce(&'a Telemetry) -> StoreFuture<'a, T>,
    ) -> StoreResult<T> {
        match &self.inner().telemetry {
            Some(telemetry) => ask(telemetry).await,
            None => Ok(T::default()),
        }
    }

    /// Runs that have ended, as in lists, newest first.
    ///
    /// # Errors
    /// When telemetry cannot be read.
    pub async fn runs(&self, filter: RunFilter) -> StoreResult<Vec<Run>> {
        let filter = RunFilter { tenant: self.tenant().clone(), ..filter };
        self.observe(|telemetry| telemetry.list(filter)).await
    }

    /// A run that has ended, with its input and output.
    ///
    /// # Errors
    /// When telemetry cannot be read.
    pub async fn run(&self, id: &str) -> StoreResult<Option<Run>> {
        self.observe(|telemetry| telemetry.get(self.tenant().clone(), id.to_owned())).await
    }

    /// The spans of a run behind the one with a number, in order.
    ///
    /// # Errors
    /// When telemetry cannot be read.
    pub async fn spans(
        &self,
        run: &str,
        after: Option<usize>,
        limit: usize,
    ) -> StoreResult<Vec<Span>> {
        let (tenant, run) = (self.tenant().clone(), run.to_owned());
        self.observe(|telemetry| telemetry.spans(tenant, run, after, limit)).await
    }

    /// The runs of a trace that have ended, oldest first.
    ///
    /// # Errors
    /// When telemetry cannot be read.
    pub async fn trace(&self, trace_id: TraceId, limit: usize) -> StoreResult<Vec<Run>> {
        self.observe(|telemetry| telemetry.trace(self.tenant().clone(), trace_id, limit)).await
    }

    /// The spans of all runs of a trace by the run's id and the span's number, behind one of them.
    ///
    /// # Errors
    /// When telemetry cannot be read.
    pub async fn trace_spans(
        &self,
        trace_id: TraceId,
        after: Option<(String, usize)>,
        limit: usize,
    ) -> StoreResult<Vec<(String, usize, Span)>> {
        let tenant = self.tenant().clone();
        self.observe(|telemetry| telemetry.trace_spans(tenant, trace_id, after, limit)).await
    }

    /// Log entries, newest first.
    ///
    /// # Errors
    /// When telemetry cannot be read.
    pub async fn logs(&self, filter: LogFilter) -> StoreResult<Vec<LogEntry>> {
        let filter = LogFilter { tenant: self.tenant().clone(), ..filter };
        self.observe(|telemetry| telemetry.logs(filter)).await
    }

    /// Returns once what was recorded before can be read.
    pub async fn flush_telemetry(&self) {
        if let Some(telemetry) = &self.inner().telemetry {
            telemetry.flush().await;
        }
    }

    /// What is recorded from now on; none if nothing is.
    pub fn watch_telemetry(&self) -> Option<broadcast::Receiver<Recorded>> {
        self.inner().telemetry.as_ref().map(Telemetry::watch)
    }
}
