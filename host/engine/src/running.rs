//! What is being run at the moment, so that it can be seen and cancelled.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use motia_manifest::{StepName, TraceId};
use motia_store::Millis;
use serde::Serialize;
use tokio::task::AbortHandle;

/// An invocation that has not ended.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunningInfo {
    /// The run's id.
    pub id: String,
    /// The step.
    pub step: StepName,
    /// What it belongs to.
    pub trace_id: TraceId,
    /// Why it is run, in the words of [`motia_store::Run::kind`].
    pub kind: &'static str,
    /// The run that has caused it.
    pub parent: Option<String>,
    /// The deliveries that are attempted; none for a request.
    pub deliveries: Vec<i64>,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// When it began.
    pub started_at: Millis,
}

/// All invocations that have not ended, by run id.
#[derive(Debug, Default)]
pub(crate) struct Running(Mutex<BTreeMap<String, Run>>);

#[derive(Debug)]
struct Run {
    info: RunningInfo,
    handle: Option<AbortHandle>,
    cancelled: bool,
}

impl Running {
    fn runs(&self) -> MutexGuard<'_, BTreeMap<String, Run>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn begin(&self, info: RunningInfo) {
        self.runs().insert(info.id.clone(), Run { info, handle: None, cancelled: false });
    }

    /// The task that runs the guest; a run that was cancelled before it had one ends at once.
    pub fn set_handle(&self, id: &str, handle: AbortHandle) {
        if let Some(run) = self.runs().get_mut(id) {
            if run.cancelled {
                handle.abort();
            }
            run.handle = Some(handle);
        }
    }

    /// Forgets a run that has ended; whether somebody cancelled it.
    pub fn end(&self, id: &str) -> bool {
        self.runs().remove(id).is_some_and(|run| run.cancelled)
    }

    pub fn list(&self) -> Vec<RunningInfo> {
        self.runs().values().map(|run| run.info.clone()).collect()
    }

    /// Ends a run; its deliveries, if there is such a run.
    pub fn cancel(&self, id: &str) -> Option<Vec<i64>> {
        let mut runs = self.runs();
        let run = runs.get_mut(id)?;
        run.cancel();
        Some(run.info.deliveries.clone())
    }

    /// Ends the runs of deliveries.
    pub fn cancel_deliveries(&self, ids: &[i64]) {
        let mut runs = self.runs();
        let concerned = runs
            .values_mut()
            .filter(|run| run.info.deliveries.iter().any(|delivery| ids.contains(delivery)));
        concerned.for_each(Run::cancel);
    }
}

impl Run {
    fn cancel(&mut self) {
        self.cancelled = true;
        if let Some(handle) = &self.handle {
            handle.abort();
        }
    }
}
