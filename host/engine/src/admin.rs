//! What people ask of an engine: how its queues are, and to change that.

use std::{
    sync::{Arc, PoisonError},
    time::SystemTime,
};

use motia_manifest::{Digest, StepName, TraceId};
use motia_sandbox::{Invocation, ResponseBody, Trigger};
use motia_store::{
    DeadLetter, DeadLetterFilter, DeliveryFilter, DeliveryInfo, DeliveryState, Millis, QueueInfo,
    Redrive, StoreError, StoreFigures, StoreResult,
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    cron,
    deployment::{DeployedStep, Deployment, StepIndex},
    engine::{CallError, Engine, now_millis},
    input,
    invoke::{Call, Failed, invoke},
    policy::{Pause, QueueOverrides},
    running::RunningInfo,
    trace_id, upkeep,
};

/// How many dead letters are brought back in a second unless somebody says otherwise.
pub const REDRIVES_PER_SECOND: u32 = 100;

/// How many dead letters are discarded in one go; others write in between.
const DISCARDED_AT_ONCE: usize = 500;

/// A step's queue.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueStatus {
    /// How many deliveries it has.
    #[serde(flatten)]
    pub info: QueueInfo,
    /// Attempts that run in this process.
    pub in_flight: usize,
    /// Attempts at the same time; none if no step of the deployment has the queue.
    pub concurrency: Option<usize>,
    /// Whether and why nothing is attempted.
    pub paused: Option<Pause>,
    /// What was changed at run time.
    pub settings: QueueOverrides,
}

/// A delivery, and why it is not running.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryStatus {
    /// The delivery.
    #[serde(flatten)]
    pub info: DeliveryInfo,
    /// Why it is not running, as a stable word.
    pub reason: &'static str,
    /// Why it is not running, as a sentence.
    pub why: String,
}

/// A cron step.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CronStatus {
    /// The step.
    pub step: StepName,
    /// Its schedule.
    pub cron: String,
    /// The schedule's time zone; the host's own if none.
    pub timezone: Option<String>,
    /// The newest tick that was taken or skipped.
    pub last_tick: Option<Millis>,
    /// The next ones.
    pub next_ticks: Vec<Millis>,
}

/// What came of running something again.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replayed {
    /// The new run.
    pub run: String,
    /// What it belongs to.
    pub trace_id: TraceId,
    /// The version that it ran on.
    pub deployment: String,
    /// The response of an api step.
    pub status: Option<u16>,
    /// Its body, as text.
    pub body: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

impl Engine {
    /// What the store has done since it was opened.
    pub fn store_figures(&self) -> StoreFigures {
        self.store().figures()
    }

    /// All queues: those of the deployment, and those that hold something for steps that are gone.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn queues(&self) -> StoreResult<Vec<QueueStatus>> {
        let mut infos = self.store().queues(self.tenant().clone(), now_millis()).await?;
        for step in self.deployment().steps().iter().filter(|step| step.policy.is_some()) {
            if !infos.iter().any(|info| info.step == step.name) {
                infos.push(QueueInfo {
                    step: step.name.clone(),
                    ready: 0,
                    delayed: 0,
                    parked: 0,
                    leased: 0,
                    dead: 0,
                    oldest_due_at: None,
                });
            }
        }
        infos.sort_by(|one, other| one.step.cmp(&other.step));
        Ok(infos.into_iter().map(|info| self.queue_status(info)).collect())
    }

    fn queue_status(&self, info: QueueInfo) -> QueueStatus {
        let policy = self.policy(&info.step);
        QueueStatus {
            in_flight: self.scheduler().in_flight(&info.step),
            concurrency: policy.as_ref().map(|policy| policy.concurrency),
            paused: policy.and_then(|policy| policy.paused.clone()),
            settings: self.queue_settings(&info.step),
            info,
        }
    }

    /// What was changed of a queue at run time.
    pub fn queue_settings(&self, step: &StepName) -> QueueOverrides {
        let overrides = self.inner().overrides.lock();
        overrides.map(|overrides| overrides.get(step).cloned()).ok().flatten().unwrap_or_default()
    }

    /// Changes the settings of a queue, of which `change` gets those that were changed before. On disk when it returns, and
    /// in force for what is claimed from then on.
    ///
    /// # Errors
    /// When `change` refuses, a value makes no sense, the step has no queue, or the store fails.
    pub async fn edit_queue<E: From<CallError>>(
        &self,
        step: &StepName,
        change: impl FnOnce(QueueOverrides) -> Result<QueueOverrides, E>,
    ) -> Result<(), E> {
        let _edits = self.inner().queue_edits.lock().await;
        let settings = change(self.queue_settings(step))?;
        Ok(self.set_queue_settings(step, settings).await?)
    }

    async fn set_queue_settings(
        &self,
        step: &StepName,
        settings: QueueOverrides,
    ) -> Result<(), CallError> {
        settings.check().map_err(|message| CallError::new("invalid_settings", 400, message))?;
        let Some(policy) = self.policy(step) else {
            let message = format!("no step `{step}` with a queue is deployed");
            return Err(CallError::new("not_found", 404, message));
        };
        if let Some(name) = policy.refuses(&settings) {
            let message = format!(
                "`{name}` changes what the config of `{step}` says, and it says nothing of the kind; add it to `infrastructure.queue`"
            );
            return Err(CallError::new("invalid_settings", 400, message));
        }
        let before = self.queue_settings(step);
        self.store_settings(step, settings.clone()).await?;
        let tenant = || self.tenant().clone();
        if settings.key_concurrency != before.key_concurrency {
            let rows = upkeep::EDIT_ROWS;
            while self.store().unpark(tenant(), step.clone(), rows).await? >= rows as u64 {}
        }
        if settings.throttle != before.throttle {
            let rows = upkeep::EDIT_ROWS;
            while self.store().unthrottle(tenant(), step.clone(), rows).await? >= rows as u64 {}
        }
        self.refresh_queues();
        Ok(())
    }

    async fn store_settings(&self, step: &StepName, settings: QueueOverrides) -> StoreResult<()> {
        let none = settings == QueueOverrides::default();
        let text = serde_json::to_string(&settings)
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        let tenant = self.tenant().clone();
        self.store().set_queue_settings(tenant, step.clone(), (!none).then_some(text)).await?;
        if let Ok(mut overrides) = self.inner().overrides.lock() {
            overrides.insert(step.clone(), settings);
        }
        self.refresh_queues();
        Ok(())
    }

    /// Pauses the queue of a step whose component cannot be instantiated: every attempt would fail, and none
    /// of its deliveries is to blame.
    pub(crate) async fn pause_poisoned(
        &self,
        deployment: &Deployment,
        index: StepIndex,
        failed: &Failed,
    ) -> StoreResult<()> {
        let step = deployment.step(index);
        let _edits = self.inner().queue_edits.lock().await;
        let mut settings = self.queue_settings(&step.name);
        if settings.paused.is_some() {
            return Ok(());
        }
        tracing::error!(step = %step.name, "the queue is paused: {}", failed.message);
        settings.paused = Some(Pause {
            reason: format!("the step cannot be instantiated: {}", failed.message),
            since: now_millis(),
            poison: Some(artifact(step).map_or_else(String::new, Digest::to_string)),
        });
        self.store_settings(&step.name, settings).await
    }

    /// Lets queues go on whose step could not be instantiated, where the step is another one now.
    pub(crate) async fn resume_mended(&self) {
        let _edits = self.inner().queue_edits.lock().await;
        for step in self.deployment().steps() {
            let mut settings = self.queue_settings(&step.name);
            let Some(poison) = settings.paused.as_ref().and_then(|pause| pause.poison.clone())
            else {
                continue;
            };
            if artifact(step).is_some_and(|digest| digest.as_str() == poison) {
                continue;
            }
            settings.paused = None;
            match self.store_settings(&step.name, settings).await {
                Ok(()) => tracing::info!(step = %step.name, "another version: the queue goes on"),
                Err(error) => tracing::error!(step = %step.name, "the queue stays paused: {error}"),
            }
        }
    }

    /// Deliveries, by id, each with the reason why it is not running.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deliveries(&self, filter: DeliveryFilter) -> StoreResult<Vec<DeliveryStatus>> {
        let infos = self.store().deliveries(self.tenant().clone(), filter, now_millis()).await?;
        Ok(infos.into_iter().map(|info| self.delivery_status(info)).collect())
    }

    fn delivery_status(&self, info: DeliveryInfo) -> DeliveryStatus {
        let (reason, why) = self.why(&info);
        DeliveryStatus { reason, why, info }
    }

    fn why(&self, info: &DeliveryInfo) -> (&'static str, String) {
        let seconds = (info.due_at - now_millis()).max(0) as f64 / 1000.0;
        let lane = info.lane.as_deref().map(|lane| lane.replace('\0', "/")).unwrap_or_default();
        match info.state {
            DeliveryState::Leased => return ("running", "it is running".to_owned()),
            DeliveryState::Scheduled => {
                return ("scheduled", format!("its time comes in {seconds:.1} s"));
            }
            DeliveryState::Retrying => {
                let text = match &info.last_error {
                    Some(error) => format!(
                        "attempt {} failed ({}); the next one is in {seconds:.1} s",
                        info.attempt, error.code
                    ),
                    None => format!("the next attempt is in {seconds:.1} s"),
                };
                return ("retrying", text);
            }
            DeliveryState::Throttled => {
                return ("throttled", format!("the throttle lets it through in {seconds:.1} s"));
            }
            DeliveryState::Parked => {
                let text = match info.behind {
                    Some(behind) => format!("it is behind {behind} of the group `{lane}`"),
                    None => format!("as many as `keyConcurrency` allows run for the key `{lane}`"),
                };
                return ("behind", text);
            }
            DeliveryState::Ready => {}
        }
        let Some(policy) = self.policy(&info.step) else {
            let text = format!("no step `{}` is deployed", info.step);
            return ("no_subscriber", text);
        };
        if let Some(pause) = &policy.paused {
            return ("paused", format!("the queue is paused: {}", pause.reason));
        }
        if let Err(error) = self.store().check_room() {
            return ("disk_full", error.to_string());
        }
        let in_flight = self.scheduler().in_flight(&info.step);
        if in_flight >= policy.concurrency {
            let limit = policy.concurrency;
            return ("concurrency", format!("{in_flight} of {limit} attempts of the step run"));
        }
        ("ready", "it is about to run".to_owned())
    }

    /// Ends a delivery, running or not. Returns whether there was one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn cancel_delivery(&self, id: i64) -> StoreResult<bool> {
        let cancelled = self.store().cancel(self.tenant().clone(), vec![id]).await?;
        self.inner().running.cancel_deliveries(&cancelled);
        self.announce_all();
        Ok(!cancelled.is_empty())
    }

    /// Takes back the deliveries of an event that were never attempted. Returns how many there were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn cancel_scheduled(&self, event_id: i64) -> StoreResult<usize> {
        Ok(self.cancel_event(event_id).await?.len())
    }

    /// Dead letters, the highest id first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn dead_letters(
        &self,
        filter: DeadLetterFilter,
        before: Option<i64>,
        limit: usize,
    ) -> StoreResult<Vec<DeadLetter>> {
        self.store().dead_letters(self.tenant().clone(), filter, before, limit).await
    }

    /// Begins to bring dead letters back, so many a second. Returns the redrive's id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn redrive(&self, filter: DeadLetterFilter, per_second: u32) -> StoreResult<i64> {
        let tenant = self.tenant().clone();
        let id =
            self.store().start_redrive(tenant, filter, per_second.max(1), now_millis()).await?;
        self.inner().wake_redrives.notify_one();
        Ok(id)
    }

    /// The redrives that are not done.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn redrives(&self) -> StoreResult<Vec<Redrive>> {
        self.store().redrives(self.tenant().clone()).await
    }

    /// Ends a redrive before its time. Returns whether there was one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn stop_redrive(&self, id: i64) -> StoreResult<bool> {
        self.store().stop_redrive(self.tenant().clone(), id).await
    }

    /// Removes dead letters. Returns how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn discard(&self, mut filter: DeadLetterFilter) -> StoreResult<u64> {
        let mut discarded = 0;
        loop {
            let tenant = self.tenant().clone();
            let some = self.store().discard(tenant, filter.clone(), DISCARDED_AT_ONCE).await?;
            discarded += some.len() as u64;
            if some.len() < DISCARDED_AT_ONCE {
                self.announce_all();
                return Ok(discarded);
            }
            filter.after = some.last().copied();
        }
    }

    /// The cron steps, each with its next ticks.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn crons(&self, next: usize) -> StoreResult<Vec<CronStatus>> {
        let mut crons = Vec::new();
        let deployment = self.deployment();
        for step in deployment.steps() {
            let (Some(config), Some(schedule)) = (cron::cron_config(step), &step.schedule) else {
                continue;
            };
            let ticks = std::iter::successors(schedule.next_after(SystemTime::now()), |&tick| {
                schedule.next_after(tick)
            });
            crons.push(CronStatus {
                step: step.name.clone(),
                cron: config.cron.clone(),
                timezone: config.timezone.clone(),
                last_tick: self.store().last_tick(self.tenant().clone(), step.name.clone()).await?,
                next_ticks: ticks.take(next).map(cron::millis_of).collect(),
            });
        }
        Ok(crons)
    }

    /// Runs a cron step now. Returns the id of its event.
    ///
    /// # Errors
    /// When there is no such cron step, or the store fails.
    pub async fn run_cron(&self, step: &StepName) -> Result<i64, CallError> {
        let deployment = self.deployment();
        let found = deployment.index(step).map(|index| deployment.step(index));
        let found = found.filter(|step| cron::cron_config(step).is_some());
        let Some(found) = found else {
            return Err(CallError::new(
                "not_found",
                404,
                format!("there is no cron step `{step}`"),
            ));
        };
        Ok(cron::run_now(self, found).await?)
    }

    /// What is being run at the moment.
    pub fn running(&self) -> Vec<RunningInfo> {
        self.inner().running.list()
    }

    /// Ends a run and, if it attempts deliveries, ends those. Returns whether it was running.
    pub fn cancel_run(&self, id: &str) -> bool {
        self.inner().running.cancel(id).is_some()
    }

    /// Runs a past run again: with its input or another one, on the version that serves or, by the beginning of its
    /// digest, on one that served before. It is not a delivery: it is run once and not tried again.
    ///
    /// # Errors
    /// When the run, its input, the version or the step is not there, or the store fails.
    pub async fn replay(
        &self,
        id: &str,
        version: Option<&str>,
        other_input: Option<Value>,
    ) -> Result<Replayed, CallError> {
        let missing = |what: String| CallError::new("not_found", 404, what);
        let past = self.run(id).await?.ok_or_else(|| missing(format!("there is no run `{id}`")))?;
        let kept = other_input.map(|input| input.to_string()).or(past.input);
        let kept = kept.ok_or_else(|| {
            CallError::new("input_not_kept", 409, "the input of this run was too large to keep")
        })?;
        let invalid = |why: String| CallError::new("invalid_input", 400, why);
        let trigger = input::read(&past.kind, &kept)
            .map_err(|why| invalid(format!("not an input of kind `{}`: {why}", past.kind)))?;
        let deployment = self.version(version)?;
        let index = deployment
            .index(&past.step)
            .ok_or_else(|| missing(format!("there is no step `{}` in that version", past.step)))?;
        let step = deployment.step(index);
        let takes_batches = self.policy_of(step).is_some_and(|policy| policy.takes_batches());
        let is = if takes_batches { "batch" } else { step.step.config.kind.name() };
        if past.kind != is {
            let name = &past.step;
            let was = &past.kind;
            let why = format!("the run is of kind `{was}`, `{name}` in that version of `{is}`");
            return Err(invalid(why));
        }
        if let Some(faults) = input::faults(step, &trigger) {
            return Err(invalid(format!("the input breaks the step's schema: {faults}")));
        }
        self.store().check_room()?;
        self.replay_on(&deployment, index, trigger, past.id).await
    }

    async fn replay_on(
        &self,
        deployment: &Arc<Deployment>,
        index: StepIndex,
        trigger: Trigger,
        replay_of: String,
    ) -> Result<Replayed, CallError> {
        let trace_id = trace_id::new();
        let invocation = Invocation {
            id: format!("replay-{trace_id}"),
            trace_id: trace_id.clone(),
            attempt: 1,
            trigger,
        };
        let call = Call { replay_of: Some(replay_of), ..Call::new(invocation) };
        let mut outcome = invoke(self, deployment, index, call).await;
        let mut replayed = Replayed {
            run: outcome.record.id().to_owned(),
            trace_id,
            deployment: deployment.digest().to_string(),
            status: None,
            body: None,
            error: None,
        };
        match &outcome.result {
            Ok(Some(response)) => {
                replayed.status = Some(response.status);
                replayed.body = match &response.body {
                    ResponseBody::Json(text) | ResponseBody::Text(text) => Some(text.clone()),
                    ResponseBody::Empty | ResponseBody::Bytes(_) => None,
                };
            }
            Ok(None) => {}
            Err(failed) => {
                replayed.error = Some(failed.message.clone());
                // A failed attempt leaves nothing of an atomic step.
                outcome.transaction = None;
            }
        }
        self.acknowledge(outcome, None).await?;
        Ok(replayed)
    }

    /// The digests of the deployments that a replay can choose, the one that serves last.
    pub fn versions(&self) -> Vec<Digest> {
        let versions = self.inner().versions.lock().unwrap_or_else(PoisonError::into_inner);
        versions.iter().map(|known| known.digest().clone()).collect()
    }

    /// The deployment that serves, or the one whose digest begins so.
    fn version(&self, version: Option<&str>) -> Result<Arc<Deployment>, CallError> {
        let Some(version) = version else { return Ok(self.deployment()) };
        let versions = match self.inner().versions.lock() {
            Ok(versions) => versions.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        };
        let known = |found: &&Arc<Deployment>| found.digest().as_str().starts_with(version);
        versions.iter().rev().find(known).cloned().ok_or_else(|| {
            let known: Vec<&str> = versions.iter().map(|known| known.digest().short()).collect();
            let known = known.join(", ");
            let message = format!("there is no version `{version}`; this host has {known}");
            CallError::new("unknown_version", 404, message)
        })
    }
}

/// The digest of a step's code.
fn artifact(step: &DeployedStep) -> Option<&Digest> {
    step.step.code.as_ref().map(|code| &code.artifact().sha256)
}
