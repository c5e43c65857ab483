//! The engine: what serves now, and what runs beside requests.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use motia_manifest::{StepName, TenantId, TraceId};
use motia_sandbox::{Invocation, Request, Response, ResponseBody, Sandbox, Trigger};
use motia_store::{
    Commit, EventKind, Json, LogEntry, Millis, NewEvent, QueryCommand, Reaction, Run, Store,
    StoreEpoch, StoreError, StoreResult, Telemetry, Unique, Write,
};
use serde_json::Value;
use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch};

use crate::{
    access::Leaves,
    cron,
    deliveries::{self, CONFLICTS},
    deployment::{DeployedStep, Deployment, StepIndex},
    figures::Figures,
    idempotency::{self, IdempotencyKey, KeysInUse, Known},
    invoke::{CANCELLED, Call, Failed, Outcome, invoke},
    live::Live,
    policy::{QueueOverrides, QueuePolicy, Wishes},
    running::Running,
    scheduler::{QueueState, Scheduler},
    schema, trace_id,
    traceparent::TraceParent,
    upkeep,
};

/// For how long an emitter's own name of an event is remembered: 24 hours.
const UNIQUE_MS: Millis = 24 * 60 * 60 * 1000;

/// So many deployments are kept for replays, the serving one included.
const VERSIONS: usize = 8;

/// How an engine is set up.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The tenant that is served.
    pub tenant: TenantId,
    /// Api invocations at the same time, 64.
    pub api_concurrency: usize,
    /// Api invocations that may wait for their turn, 10,000; more are refused.
    pub api_queue: usize,
    /// Event and cron invocations at the same time, 32: their own, so that they never take the
    /// place of a request.
    pub background_concurrency: usize,
    /// How long dead letters are kept, 30 days.
    pub keep_dead_letters: Duration,
    /// The command whose process runs SQL that people write; none, so they cannot.
    pub query_command: QueryCommand,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            tenant: TenantId::default(),
            api_concurrency: 64,
            api_queue: 10_000,
            background_concurrency: 32,
            keep_dead_letters: Duration::from_secs(30 * 24 * 60 * 60),
            query_command: QueryCommand::default(),
        }
    }
}

/// Why a call has no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct CallError {
    /// A stable code such as `handler_failed`.
    pub code: &'static str,
    /// The HTTP status that fits.
    pub status: u16,
    /// What went wrong, for a person.
    pub message: String,
    /// The guest's stack trace, in the user's own files and lines.
    pub stack: Option<String>,
    /// When to try again.
    pub retry_after: Option<Duration>,
}

impl CallError {
    /// An error that is not a step's.
    pub(crate) fn new(code: &'static str, status: u16, message: impl Into<String>) -> Self {
        Self { code, status, message: message.into(), stack: None, retry_after: None }
    }

    /// Too much waits already.
    pub(crate) fn overloaded(message: String) -> Self {
        let retry_after = Some(Duration::from_secs(1));
        Self { retry_after, ..Self::new("overloaded", 503, message) }
    }
}

impl From<Failed> for CallError {
    fn from(failed: Failed) -> Self {
        let status = match failed.code {
            "handler_timeout" | "handler_stalled" | "cpu_limit" => 504,
            "overloaded" | CANCELLED => 503,
            _ => 500,
        };
        let Failed { code, message, stack, .. } = failed;
        Self { stack, ..Self::new(code, status, message) }
    }
}

impl From<StoreError> for CallError {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Full(_) => Self {
                retry_after: Some(Duration::from_secs(5)),
                ..Self::new("disk_full", 503, message)
            },
            StoreError::NotFound(_) => Self::new("not_found", 404, message),
            _ => Self {
                retry_after: Some(Duration::from_secs(1)),
                ..Self::new("store_failed", 503, message)
            },
        }
    }
}

/// The answer to a request.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The step's response.
    pub response: Response,
    /// Whether it was given before, to a request with the same idempotency key.
    pub replayed: bool,
}

/// An event that is emitted from outside a step.
#[derive(Debug, Clone, Default)]
pub struct EmitRequest {
    /// The topic.
    pub topic: String,
    /// The data, one JSON text.
    pub data: Json,
    /// The key within which events are in order.
    pub message_group_id: Option<String>,
    /// The emitter's own name for the event.
    pub id: Option<String>,
    /// When to deliver it.
    pub at: Option<Millis>,
    /// The higher ones go first; from -100 to 100.
    pub priority: Option<i32>,
    /// What the emitter says about the event.
    pub headers: Vec<(String, String)>,
}

/// What became of an event that was emitted from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmitAnswer {
    /// The event's id; that of the first one with the same name.
    pub id: i64,
    /// How many steps subscribe.
    pub subscribers: usize,
}

/// What an event is made of.
pub(crate) struct Emission {
    pub topic: String,
    pub data: Json,
    pub trace_id: TraceId,
    pub depth: u32,
    /// The run that emits it.
    pub cause: Option<String>,
    pub unique: Option<String>,
    pub headers: Vec<(String, String)>,
    pub wishes: Wishes,
}

/// Serves a tenant's deployment. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

pub(crate) struct Inner {
    pub options: EngineOptions,
    pub sandbox: Arc<Sandbox>,
    store: Arc<dyn Store>,
    pub telemetry: Option<Telemetry>,
    figures: Figures,
    live: Arc<Live>,
    pub running: Running,
    deployment: RwLock<Arc<Deployment>>,
    /// The deployments that served before, newest last, with the one that serves now.
    pub versions: Mutex<VecDeque<Arc<Deployment>>>,
    policies: RwLock<HashMap<StepName, Arc<QueuePolicy>>>,
    pub overrides: Mutex<HashMap<StepName, QueueOverrides>>,
    /// Held while somebody reads and changes them.
    pub queue_edits: tokio::sync::Mutex<()>,
    scheduler: Mutex<Scheduler>,
    /// Tells the background that the deployment changed, and everything to stop.
    pub changes: watch::Sender<Change>,
    pub wake_deliveries: Notify,
    pub wake_redrives: Notify,
    keys_in_use: KeysInUse,
    api_permits: Semaphore,
    api_waiting: Semaphore,
    background_permits: Arc<Semaphore>,
    pub leaves: Leaves,
    guests: GuestRuntime,
}

/// What background work must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Change {
    /// Counts deployments.
    pub deployments: u64,
    /// Nothing new may start.
    pub stopping: bool,
}

/// The threads on which guests run: not those of HTTP and timers, which a busy guest would delay.
struct GuestRuntime(Option<tokio::runtime::Runtime>);

impl Drop for GuestRuntime {
    fn drop(&mut self) {
        // A runtime must not be waited for on an asynchronous thread.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Engine {
    /// Starts an engine, with deliveries and cron in the background. Call it on a tokio runtime.
    ///
    /// # Errors
    /// When the store fails, or no threads can be started.
    pub async fn start(
        sandbox: Arc<Sandbox>,
        store: Arc<dyn Store>,
        telemetry: Option<Telemetry>,
        deployment: Arc<Deployment>,
        options: EngineOptions,
    ) -> StoreResult<Self> {
        let released = store.release_all().await?;
        if released > 0 {
            tracing::info!("{released} deliveries were interrupted and are tried again");
        }
        let overrides = overrides(store.as_ref(), &options.tenant).await?;
        let guests = tokio::runtime::Builder::new_multi_thread()
            .thread_name("motia-guest")
            .enable_all()
            .build()
            .map_err(|error| StoreError::Failed(format!("no threads for guests: {error}")))?;
        let live = Live::start(store.as_ref())
            .map_err(|error| StoreError::Failed(format!("no thread for streams: {error}")))?;
        let engine = Self(Arc::new(Inner {
            api_permits: Semaphore::new(options.api_concurrency),
            api_waiting: Semaphore::new(options.api_concurrency + options.api_queue),
            background_permits: Arc::new(Semaphore::new(options.background_concurrency)),
            leaves: Leaves::default(),
            sandbox,
            store,
            telemetry,
            figures: Figures::default(),
            live,
            running: Running::default(),
            versions: Mutex::new([Arc::clone(&deployment)].into()),
            deployment: RwLock::new(deployment),
            policies: RwLock::default(),
            overrides: Mutex::new(overrides),
            queue_edits: tokio::sync::Mutex::default(),
            scheduler: Mutex::new(Scheduler::new(options.background_concurrency)),
            changes: watch::Sender::new(Change::default()),
            wake_deliveries: Notify::new(),
            wake_redrives: Notify::new(),
            keys_in_use: KeysInUse::default(),
            guests: GuestRuntime(Some(guests)),
            options,
        }));
        engine.refresh_queues();
        engine.resume_mended().await;
        tokio::spawn(deliveries::run(engine.clone()));
        tokio::spawn(cron::run(engine.clone()));
        tokio::spawn(upkeep::redrive(engine.clone()));
        tokio::spawn(upkeep::sweep(engine.clone()));
        Ok(engine)
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.0.store.as_ref()
    }

    pub(crate) fn scheduler(&self) -> MutexGuard<'_, Scheduler> {
        self.0.scheduler.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tenant that is served.
    pub fn tenant(&self) -> &TenantId {
        &self.0.options.tenant
    }

    /// The deployment that serves now.
    pub fn deployment(&self) -> Arc<Deployment> {
        Arc::clone(&self.0.deployment.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the deployment. What runs ends on the one that it started with.
    pub fn deploy(&self, deployment: Arc<Deployment>) {
        {
            let mut versions = self.0.versions.lock().unwrap_or_else(PoisonError::into_inner);
            versions.retain(|known| known.digest() != deployment.digest());
            versions.push_back(Arc::clone(&deployment));
            while versions.len() > VERSIONS {
                versions.pop_front();
            }
        }
        *self.0.deployment.write().unwrap_or_else(PoisonError::into_inner) = deployment;
        self.refresh_queues();
        let engine = self.clone();
        tokio::spawn(async move { engine.resume_mended().await });
        self.0.changes.send_modify(|change| change.deployments += 1);
        self.0.wake_deliveries.notify_one();
    }

    /// How a step's queue works; none if the step has no queue.
    pub(crate) fn policy(&self, step: &StepName) -> Option<Arc<QueuePolicy>> {
        self.0.policies.read().unwrap_or_else(PoisonError::into_inner).get(step).cloned()
    }

    /// How the queue of a step works, also of one whose deployment does not serve any more.
    pub(crate) fn policy_of(&self, step: &DeployedStep) -> Option<Arc<QueuePolicy>> {
        self.policy(&step.name).or_else(|| step.policy.clone().map(Arc::new))
    }

    /// Works out every queue's policy anew: the deployment or an operator's settings have changed.
    pub(crate) fn refresh_queues(&self) {
        let deployment = self.deployment();
        let overrides = self.0.overrides.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let policies: HashMap<StepName, Arc<QueuePolicy>> = deployment
            .steps()
            .iter()
            .filter_map(|step| {
                let policy = step.policy.clone()?;
                let policy = match overrides.get(&step.name) {
                    Some(overrides) => policy.with(overrides),
                    None => policy,
                };
                Some((step.name.clone(), Arc::new(policy)))
            })
            .collect();
        let states = policies.iter().map(|(step, policy)| {
            let state =
                QueueState { concurrency: policy.concurrency, paused: policy.paused.is_some() };
            (step.clone(), state)
        });
        self.scheduler().set_queues(states);
        *self.0.policies.write().unwrap_or_else(PoisonError::into_inner) = policies;
        self.0.wake_deliveries.notify_one();
    }

    /// The trace of a request: that of its header `traceparent`, or a new one.
    pub fn trace_id(&self, traceparent: Option<&str>) -> TraceId {
        let parent = traceparent.and_then(TraceParent::parse);
        parent.map_or_else(trace_id::new, |parent| parent.trace_id)
    }

    /// Whether what is called is recorded.
    pub(crate) fn records_runs(&self) -> bool {
        self.0.telemetry.is_some()
    }

    pub(crate) fn record(&self, run: Run) {
        if let Some(telemetry) = &self.0.telemetry {
            telemetry.record(run);
        }
    }

    pub(crate) fn record_log(&self, entry: LogEntry) {
        if let Some(telemetry) = &self.0.telemetry {
            telemetry.log(entry);
        }
    }

    pub(crate) fn figures(&self) -> &Figures {
        &self.0.figures
    }

    pub(crate) fn live(&self) -> &Live {
        &self.0.live
    }

    /// A place among the requests that wait or run.
    ///
    /// # Errors
    /// When too many wait already.
    pub(crate) fn request_place(&self) -> Result<SemaphorePermit<'_>, CallError> {
        let waiting = self.0.options.api_queue;
        let full = |_| CallError::overloaded(format!("{waiting} requests are waiting already"));
        self.0.api_waiting.try_acquire().map_err(full)
    }

    /// Waits until one more request may run. None is never given: the semaphore is not closed.
    pub(crate) async fn request_turn(&self) -> Option<SemaphorePermit<'_>> {
        self.0.api_permits.acquire().await.ok()
    }

    /// Runs an api step. The answer comes once everything that the invocation wrote is on disk.
    ///
    /// # Errors
    /// With the code and the status for the client.
    pub async fn call_api(
        &self,
        deployment: &Arc<Deployment>,
        step: StepIndex,
        trace_id: TraceId,
        request: Request,
        key: Option<IdempotencyKey>,
    ) -> Result<Answered, CallError> {
        self.store().check_room()?;
        let _place = self.request_place()?;
        let name = &deployment.step(step).name;
        let Some(key) = key else {
            let response = self.call_once(deployment, step, trace_id, request, None).await?;
            return Ok(Answered { response, replayed: false });
        };
        let _in_use = self.0.keys_in_use.lock(name, &key.key).await;
        match idempotency::look(self, name, &key).await? {
            Known::Answered(response) => Ok(Answered { response, replayed: true }),
            Known::OtherRequest => Err(CallError::new(
                "idempotency_conflict",
                409,
                "this Idempotency-Key was used for a request with another method, path, query or body; use a new key",
            )),
            Known::Nothing => {
                let response =
                    self.call_once(deployment, step, trace_id, request, Some(&key)).await?;
                Ok(Answered { response, replayed: false })
            }
        }
    }

    /// Runs an api step, again if others change what an atomic one has read.
    async fn call_once(
        &self,
        deployment: &Arc<Deployment>,
        step: StepIndex,
        trace_id: TraceId,
        request: Request,
        key: Option<&IdempotencyKey>,
    ) -> Result<Response, CallError> {
        let name = &deployment.step(step).name;
        // The same for every request with the key, so that the step's own calls can carry it on.
        let id = match key {
            Some(key) => format!("request-{name}-{}", key.key),
            None => trace_id.to_string(),
        };
        let atomic = deployment.step(step).step.config.atomic;
        let mut invocation =
            Some(Invocation { id, trace_id, attempt: 1, trigger: Trigger::Api(request) });
        for attempt in 1..=CONFLICTS {
            // Only an atomic step can be run again, so only its request is kept.
            let last = !atomic || attempt == CONFLICTS;
            let call = if last { invocation.take() } else { invocation.clone() };
            let Some(call) = call else { break };
            let call = Call::new(call);
            let permit = self.request_turn().await;
            let mut outcome = invoke(self, deployment, step, call).await;
            drop(permit);
            let result = std::mem::replace(&mut outcome.result, Ok(None));
            let response = match checked(deployment, step, result) {
                Ok(response) => response,
                Err(error) if atomic || !outcome.wrote => return Err(error),
                Err(error) => {
                    self.store().barrier(outcome.since).await?;
                    return Err(error);
                }
            };
            let answer = key.and_then(|key| idempotency::answer(self, name, key, &response));
            match self.acknowledge(outcome, answer).await {
                Ok(()) => return Ok(response),
                Err(StoreError::Conflict(what)) => {
                    tracing::debug!(step = %name, "{what}: run again");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(CallError {
            retry_after: Some(Duration::from_secs(1)),
            ..CallError::new(
                "conflict",
                503,
                format!("others changed what the step had read, {CONFLICTS} times in a row"),
            )
        })
    }

    /// Brings what an invocation without deliveries has written to disk.
    pub(crate) async fn acknowledge(
        &self,
        outcome: Outcome,
        answer: Option<motia_store::NewAnswer>,
    ) -> StoreResult<()> {
        let Outcome { mut record, transaction, wrote, since, .. } = outcome;
        let (reads, writes) = transaction.map(|held| held.into_parts()).unwrap_or_default();
        if writes.is_empty() && answer.is_none() {
            return match wrote {
                true => record.commit(self.store().barrier(since)).await,
                false => Ok(()),
            };
        }
        let commit = Commit { reads, writes, answer, ..Commit::default() };
        record.commit(self.commit(commit, since)).await
    }

    /// Commits the end of an invocation and wakes the steps that it concerns.
    pub(crate) async fn commit(&self, commit: Commit, since: StoreEpoch) -> StoreResult<()> {
        let mut wake = Vec::new();
        for write in &commit.writes {
            let event = match write {
                Write::Send(_) => None,
                Write::Emit(event) => Some(event),
                Write::SetState { reaction, .. }
                | Write::DeleteState { reaction, .. }
                | Write::ClearState { reaction, .. }
                | Write::SetItem { reaction, .. }
                | Write::DeleteItem { reaction, .. } => {
                    reaction.as_ref().map(|Reaction { event, .. }| event)
                }
            };
            let deliveries = event.into_iter().flat_map(|event| &event.deliveries);
            wake.extend(deliveries.map(|delivery| (delivery.step.clone(), delivery.due_at)));
        }
        self.store().commit(commit, now_millis(), since).await?;
        for (step, at) in wake {
            self.announce(&step, at);
        }
        Ok(())
    }

    /// Emits an event from outside a step. On disk when it returns.
    ///
    /// # Errors
    /// When the data is not JSON or too large, or the store fails.
    pub async fn emit(
        &self,
        request: EmitRequest,
        trace_id: TraceId,
    ) -> Result<EmitAnswer, CallError> {
        self.store().check_room()?;
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&request.data) {
            return Err(CallError::new(
                "invalid_json",
                400,
                format!("the data is not JSON: {error}"),
            ));
        }
        let limit = motia_sandbox::Limits::default().event_bytes;
        if request.data.len() > limit {
            let bytes = request.data.len();
            let message = format!("the data has {bytes} bytes; at most {limit} are allowed");
            return Err(CallError::new("body_too_large", 413, message));
        }
        let now = now_millis();
        let since = self.store().epoch();
        let emission = Emission {
            topic: request.topic,
            data: request.data,
            trace_id,
            depth: 0,
            cause: None,
            unique: request.id,
            headers: request.headers,
            wishes: Wishes {
                at: request.at,
                priority: request.priority,
                message_group_id: request.message_group_id,
            },
        };
        let event = self.new_event(&self.deployment(), emission, now);
        let subscribers = event.deliveries.len();
        let id = self.store_event(event, now).await?;
        self.store().barrier(since).await?;
        Ok(EmitAnswer { id, subscribers })
    }

    /// An event for all subscribers of its topic.
    pub(crate) fn new_event(
        &self,
        deployment: &Deployment,
        emission: Emission,
        now: Millis,
    ) -> NewEvent {
        let Emission { topic, data, trace_id, depth, cause, unique, headers, wishes } = emission;
        let subscribers = deployment.subscribers(&topic);
        if subscribers.is_empty() {
            tracing::warn!(%trace_id, "no step subscribes to `{topic}`: the event is dropped");
        }
        let parsed = std::cell::OnceCell::<Value>::new();
        let value = || -> Value {
            parsed.get_or_init(|| serde_json::from_str(&data).unwrap_or_default()).clone()
        };
        let deliveries = subscribers
            .iter()
            .filter_map(|&index| {
                let step = deployment.step(index);
                let policy = self.policy_of(step)?;
                Some(policy.delivery(step.name.clone(), &wishes, &value, now))
            })
            .collect();
        let headers: serde_json::Map<String, Value> =
            headers.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
        NewEvent {
            id: self.store().event_ids().next(),
            tenant: self.tenant().clone(),
            kind: EventKind::Event,
            topic,
            trace_id,
            message_group_id: wishes.message_group_id,
            headers: (!headers.is_empty()).then(|| Value::Object(headers).to_string()),
            depth,
            cause,
            unique: unique.map(|id| Unique { id, expires_at: now + UNIQUE_MS }),
            deliveries,
            data,
        }
    }

    /// Stores an event; returns its id, or that of the first one with the same name. Visible at once, on disk later.
    pub(crate) async fn store_event(&self, event: NewEvent, now: Millis) -> StoreResult<i64> {
        if event.deliveries.is_empty() && event.unique.is_none() {
            return Ok(event.id);
        }
        let id = event.id;
        let wake: Vec<(StepName, Millis)> = event
            .deliveries
            .iter()
            .map(|delivery| {
                // A batch may be complete at once, and a debounced one is due when the store says so.
                let known = delivery.batch.is_none() && delivery.debounce.is_none();
                (delivery.step.clone(), if known { delivery.due_at } else { 0 })
            })
            .collect();
        let (topic, trace_id) = (event.topic.clone(), event.trace_id.clone());
        let emitted = self.store().emit(event, now).await?;
        if let Some(first) = emitted.duplicate_of {
            tracing::info!(%trace_id, "an event with this id was emitted to `{topic}` before: not stored again");
            return Ok(first);
        }
        if emitted.dropped > 0 {
            tracing::warn!(%trace_id, "`{topic}`: {} deliveries are dropped by rate limits", emitted.dropped);
        }
        for (step, at) in wake {
            self.announce(&step, at);
        }
        Ok(id)
    }

    /// Takes back an event that waits for its time.
    pub(crate) async fn cancel_event(&self, id: i64) -> StoreResult<Vec<i64>> {
        let cancelled = self.store().cancel_event(self.tenant().clone(), id).await?;
        if !cancelled.is_empty() {
            self.announce_all();
        }
        Ok(cancelled)
    }

    /// Something may be claimed from a step's queue from this time on.
    pub(crate) fn announce(&self, step: &StepName, at: Millis) {
        self.scheduler().announce(step, at);
        self.0.wake_deliveries.notify_one();
    }

    pub(crate) fn announce_all(&self) {
        self.scheduler().announce_all();
        self.0.wake_deliveries.notify_one();
    }

    /// Runs background work that is waited for when the engine stops.
    pub(crate) fn background(&self, work: impl Future<Output = ()> + Send + 'static) {
        let permits = Arc::clone(&self.0.background_permits);
        tokio::spawn(async move {
            let _permit = permits.acquire_owned().await;
            work.await;
        });
    }

    /// Runs a guest's work on the threads for guests; none if it was cancelled.
    pub(crate) async fn on_guest_threads<T: Send + 'static>(
        &self,
        run: &str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let runtime = self.0.guests.0.as_ref()?;
        let task = runtime.spawn(work);
        self.0.running.set_handle(run, task.abort_handle());
        match task.await {
            Ok(output) => Some(output),
            Err(error) => {
                if !error.is_cancelled() {
                    tracing::error!("an invocation ended without a result: {error}");
                }
                None
            }
        }
    }

    /// Stops starting background work and waits until what runs has ended, at most `patience`.
    /// What does not end in time is tried again after the next start.
    pub async fn stop(&self, patience: Duration) {
        self.0.changes.send_modify(|change| change.stopping = true);
        self.0.wake_deliveries.notify_one();
        let all = u32::try_from(self.0.options.background_concurrency).unwrap_or(u32::MAX);
        let ended = async {
            self.0.leaves.ended().await;
            self.0.background_permits.acquire_many(all).await.is_ok()
        };
        if tokio::time::timeout(patience, ended).await.is_err() {
            tracing::warn!(
                "some invocations did not end in time; they are tried again at the next start"
            );
        }
        if let Err(error) = self.store().barrier(self.store().epoch()).await {
            tracing::error!("{error}");
        }
        if let Some(telemetry) = &self.0.telemetry {
            telemetry.flush().await;
        }
    }
}

/// The settings that operators have changed. One that this version cannot read is as if it were not there.
async fn overrides(
    store: &dyn Store,
    tenant: &TenantId,
) -> StoreResult<HashMap<StepName, QueueOverrides>> {
    let mut overrides = HashMap::new();
    for settings in store.queue_settings(tenant.clone()).await? {
        match serde_json::from_str(&settings.settings) {
            Ok(own) => {
                overrides.insert(settings.step, own);
            }
            Err(error) => tracing::warn!(
                step = %settings.step,
                "the stored settings of the queue are not used: {error}"
            ),
        }
    }
    Ok(overrides)
}

/// The response to send, or what the client is told instead.
fn checked(
    deployment: &Deployment,
    step: StepIndex,
    result: Result<Option<Response>, Failed>,
) -> Result<Response, CallError> {
    match result {
        Ok(Some(response)) => match response_faults(deployment, step, &response) {
            None => Ok(response),
            Some(message) => Err(CallError::new("invalid_response", 500, message)),
        },
        Ok(None) => unreachable!("the sandbox refuses an api step without a response"),
        Err(failed) => Err(failed.into()),
    }
}

/// Why a response breaks the step's `responseSchema`, where that is an error; a warning otherwise.
fn response_faults(
    deployment: &Deployment,
    index: StepIndex,
    response: &Response,
) -> Option<String> {
    let step = deployment.step(index);
    let schema = step.response_schema(response.status)?;
    let ResponseBody::Json(body) = &response.body else { return None };
    let faults = schema.check(&serde_json::from_str(body).ok()?);
    if faults.is_empty() {
        return None;
    }
    let faults = schema::sentence(&faults);
    let message = format!("the response breaks `responseSchema.{}`: {faults}", response.status);
    tracing::warn!(step = %step.name, "{message}");
    deployment.strict_responses.then_some(message)
}

/// The time, as the store counts it.
pub(crate) fn now_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
