//! How much runs, ends and waits, by step: what people and collectors look at all the time, so it is counted on the
//! way and costs no query.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use motia_manifest::StepName;
use motia_store::{Millis, QueueInfo, RunStatus, StoreFigures, StoreResult};
use serde::Serialize;

use crate::engine::{Engine, now_millis};

/// Percentiles are of so many runs.
const DURATIONS: usize = 256;

/// Queues are counted again after this many times as long as counting them took, so that a long queue is not counted all the
/// time.
const COUNT_SHARE: u32 = 100;
/// And not more often than this.
const COUNT_EVERY: Duration = Duration::from_millis(500);

/// All figures of a host.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HostFigures {
    /// When they were so.
    pub at: Millis,
    /// Those of each step that is deployed or has run.
    pub steps: BTreeMap<StepName, StepFigures>,
    /// Those of the process.
    pub process: ProcessFigures,
    /// Those of the store.
    pub store: StoreFigures,
}

/// The figures of a step since the start.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepFigures {
    /// Runs that have not ended.
    pub running: u64,
    /// Runs that succeeded.
    pub succeeded: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Runs that somebody ended.
    pub cancelled: u64,
    /// When the last one began.
    pub last_run_at: Option<Millis>,
    /// How long half of the last 256 runs took at most, in milliseconds.
    pub p50_ms: Option<f64>,
    /// And 99 % of them.
    pub p99_ms: Option<f64>,
    /// Its queue; none if it has no queue.
    pub queue: Option<QueueInfo>,
    /// Whether its queue is paused.
    pub paused: bool,
}

/// The figures of the process.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessFigures {
    /// Resident memory; 0 where the system does not say.
    pub rss_bytes: u64,
    /// CPU time; 0 where the system does not say.
    pub cpu_seconds: f64,
    /// Since the start.
    pub uptime_ms: u64,
    /// Clients that follow streams.
    pub live_connections: usize,
    /// Groups and items that they follow.
    pub live_subscriptions: usize,
}

/// Counts runs.
pub(crate) struct Figures {
    steps: Mutex<HashMap<StepName, Counter>>,
    started: Instant,
    started_at: Millis,
    counted: tokio::sync::Mutex<Option<Counted>>,
}

/// The queues as they were counted last.
struct Counted {
    queues: Arc<BTreeMap<StepName, (QueueInfo, bool)>>,
    at: Instant,
    took: Duration,
}

#[derive(Default)]
struct Counter {
    running: u64,
    succeeded: u64,
    failed: u64,
    cancelled: u64,
    last_run_at: Option<Millis>,
    durations_us: VecDeque<u64>,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            steps: Mutex::default(),
            started: Instant::now(),
            started_at: now_millis(),
            counted: tokio::sync::Mutex::default(),
        }
    }
}

impl Figures {
    fn steps(&self) -> MutexGuard<'_, HashMap<StepName, Counter>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run begins.
    pub fn began(&self, step: &StepName) {
        let now = now_millis();
        let mut steps = self.steps();
        let counter = match steps.get_mut(step) {
            Some(counter) => counter,
            None => steps.entry(step.clone()).or_default(),
        };
        counter.running += 1;
        counter.last_run_at = Some(now);
    }

    /// A run has ended.
    pub fn ended(&self, step: &StepName, status: RunStatus, took: Duration) {
        let mut steps = self.steps();
        let Some(counter) = steps.get_mut(step) else { return };
        counter.running = counter.running.saturating_sub(1);
        match status {
            RunStatus::Succeeded => counter.succeeded += 1,
            RunStatus::Failed => counter.failed += 1,
            RunStatus::Cancelled => counter.cancelled += 1,
        }
        if counter.durations_us.len() == DURATIONS {
            counter.durations_us.pop_front();
        }
        counter.durations_us.push_back(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }
}

impl Counter {
    fn figures(&self) -> StepFigures {
        let mut sorted: Vec<u64> = self.durations_us.iter().copied().collect();
        sorted.sort_unstable();
        let at = |share: f64| {
            let last = sorted.len().checked_sub(1)?;
            Some(sorted[(last as f64 * share).round() as usize] as f64 / 1_000.0)
        };
        StepFigures {
            running: self.running,
            succeeded: self.succeeded,
            failed: self.failed,
            cancelled: self.cancelled,
            last_run_at: self.last_run_at,
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            queue: None,
            paused: false,
        }
    }
}

impl Engine {
    /// When the engine was started.
    pub fn started_at(&self) -> Millis {
        self.figures().started_at
    }

    /// All figures as they are now; those of queues may be a moment old.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn all_figures(&self) -> StoreResult<HostFigures> {
        let queues = self.counted_queues().await?;
        let mut steps: BTreeMap<StepName, StepFigures> = self
            .figures()
            .steps()
            .iter()
            .map(|(step, counter)| (step.clone(), counter.figures()))
            .collect();
        for step in self.deployment().steps() {
            steps.entry(step.name.clone()).or_default();
        }
        for (step, (info, paused)) in queues.iter() {
            let figures = steps.entry(step.clone()).or_default();
            figures.queue = Some(info.clone());
            figures.paused = *paused;
        }
        Ok(HostFigures {
            at: now_millis(),
            steps,
            process: self.process_figures(),
            store: self.store_figures(),
        })
    }

    async fn counted_queues(&self) -> StoreResult<Arc<BTreeMap<StepName, (QueueInfo, bool)>>> {
        let mut counted = self.figures().counted.lock().await;
        let fresh = counted
            .as_ref()
            .filter(|counted| counted.at.elapsed() < (counted.took * COUNT_SHARE).max(COUNT_EVERY));
        if let Some(counted) = fresh {
            return Ok(Arc::clone(&counted.queues));
        }
        let began = Instant::now();
        let queues = self.queues().await?.into_iter();
        let queues =
            queues.map(|queue| (queue.info.step.clone(), (queue.info, queue.paused.is_some())));
        let queues = Arc::new(queues.collect());
        let (at, took) = (Instant::now(), began.elapsed());
        *counted = Some(Counted { queues: Arc::clone(&queues), at, took });
        Ok(queues)
    }

    fn process_figures(&self) -> ProcessFigures {
        let live = self.live_figures();
        let uptime = self.figures().started.elapsed();
        ProcessFigures {
            rss_bytes: rss_bytes().unwrap_or(0),
            cpu_seconds: cpu_seconds().unwrap_or(0.0),
            uptime_ms: u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX),
            live_connections: live.connections,
            live_subscriptions: live.subscriptions,
        }
    }
}

/// `VmRSS` of `/proc/self/status`, which is in kB.
fn rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The time on a CPU in `/proc/self/schedstat` is of one thread; `utime` and `stime` of `/proc/self/stat` are of all,
/// in hundredths of a second.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // Behind the name, which may hold anything; `utime` is the 14th field, and the name the second.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_counted_by_how_they_end() {
        let figures = Figures::default();
        let step = StepName::from("A");
        for (status, ms) in
            [(RunStatus::Succeeded, 1), (RunStatus::Succeeded, 3), (RunStatus::Failed, 2)]
        {
            figures.began(&step);
            figures.ended(&step, status, Duration::from_millis(ms));
        }
        figures.began(&step);
        let counted = figures.steps()[&step].figures();
        assert_eq!((counted.running, counted.succeeded, counted.failed), (1, 2, 1));
        assert_eq!((counted.p50_ms, counted.p99_ms), (Some(2.0), Some(3.0)));
        assert!(counted.last_run_at.is_some());
    }

    #[test]
    fn percentiles_are_of_the_last_runs() {
        let figures = Figures::default();
        let step = StepName::from("A");
        for ms in 0..DURATIONS as u64 * 2 {
            figures.began(&step);
            figures.ended(&step, RunStatus::Succeeded, Duration::from_millis(ms));
        }
        let counted = figures.steps()[&step].figures();
        assert!(counted.p50_ms.unwrap() > DURATIONS as f64);
        assert_eq!(counted.succeeded, DURATIONS as u64 * 2);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_process_has_memory_and_has_used_time() {
        assert!(rss_bytes().unwrap() > 1 << 20);
        assert!(cpu_seconds().unwrap() >= 0.0);
    }
}
