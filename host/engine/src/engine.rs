//! The engine: what serves now, and what runs beside requests.

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use motia_manifest::{StepName, TenantId, TraceId};
use motia_sandbox::{Invocation, Request, Response, ResponseBody, Sandbox, Trigger};
use motia_store::{NewDelivery, NewEvent, Store, StoreError, StoreResult};
use tokio::sync::{Notify, Semaphore, watch};

use crate::{
    cron,
    deliveries::{self, Pending},
    deployment::{Deployment, StepIndex},
    invoke::invoke,
    schema, trace_id,
};

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
    /// Deliveries of one event step at the same time, where its config does not say. 10.
    pub step_concurrency: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            tenant: TenantId::default(),
            api_concurrency: 64,
            api_queue: 10_000,
            background_concurrency: 32,
            step_concurrency: 10,
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

/// Serves a tenant's deployment. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

pub(crate) struct Inner {
    pub options: EngineOptions,
    pub sandbox: Arc<Sandbox>,
    store: Arc<dyn Store>,
    deployment: RwLock<Arc<Deployment>>,
    /// Tells the cron loop that the deployment changed, and everything to stop.
    pub changes: watch::Sender<Change>,
    pub pending: Mutex<Pending>,
    pub wake_deliveries: Notify,
    api_permits: Semaphore,
    api_waiting: Semaphore,
    pub background_permits: Arc<Semaphore>,
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
        deployment: Arc<Deployment>,
        options: EngineOptions,
    ) -> StoreResult<Self> {
        let released = store.release_all().await?;
        if released > 0 {
            tracing::info!("{released} deliveries were interrupted and are tried again");
        }
        let guests = tokio::runtime::Builder::new_multi_thread()
            .thread_name("motia-guest")
            .enable_all()
            .build()
            .map_err(|error| StoreError::Failed(format!("no threads for guests: {error}")))?;
        let engine = Self(Arc::new(Inner {
            api_permits: Semaphore::new(options.api_concurrency),
            api_waiting: Semaphore::new(options.api_concurrency + options.api_queue),
            background_permits: Arc::new(Semaphore::new(options.background_concurrency)),
            sandbox,
            store,
            deployment: RwLock::new(deployment),
            changes: watch::Sender::new(Change::default()),
            pending: Mutex::new(Pending::all()),
            wake_deliveries: Notify::new(),
            guests: GuestRuntime(Some(guests)),
            options,
        }));
        tokio::spawn(deliveries::run(engine.clone()));
        tokio::spawn(cron::run(engine.clone()));
        Ok(engine)
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.0.store.as_ref()
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
        *self.0.deployment.write().unwrap_or_else(PoisonError::into_inner) = deployment;
        self.0.changes.send_modify(|change| change.deployments += 1);
        self.wake_all_deliveries();
    }

    /// A new trace id.
    pub fn new_trace_id(&self) -> TraceId {
        trace_id::new()
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
    ) -> Result<Response, CallError> {
        let Ok(_place) = self.0.api_waiting.try_acquire() else {
            return Err(CallError {
                code: "overloaded",
                status: 503,
                message: format!("{} requests are waiting already", self.0.options.api_queue),
                stack: None,
                retry_after: Some(Duration::from_secs(1)),
            });
        };
        let permit = self.0.api_permits.acquire().await;
        let invocation = Invocation {
            id: trace_id.to_string(),
            trace_id,
            attempt: 1,
            trigger: Trigger::Api(request),
        };
        let outcome = invoke(self, deployment, step, invocation).await;
        drop(permit);
        if outcome.wrote {
            self.store().barrier().await.map_err(|error| CallError {
                code: "store_failed",
                status: 503,
                message: error.to_string(),
                stack: None,
                retry_after: None,
            })?;
        }
        match outcome.result {
            Ok(Some(response)) => match response_faults(deployment, step, &response) {
                None => Ok(response),
                Some(message) => Err(CallError {
                    code: "invalid_response",
                    status: 500,
                    message,
                    stack: None,
                    retry_after: None,
                }),
            },
            Ok(None) => unreachable!("the sandbox refuses an api step without a response"),
            Err(failed) => Err(CallError {
                code: failed.code,
                status: match failed.code {
                    "handler_timeout" | "handler_stalled" | "cpu_limit" => 504,
                    _ => 500,
                },
                message: failed.message,
                stack: failed.stack,
                retry_after: None,
            }),
        }
    }

    /// Emits an event from outside a step; returns how many steps subscribe. On disk when it returns.
    ///
    /// # Errors
    /// When the data is not JSON or too large, or the store fails.
    pub async fn emit(
        &self,
        topic: &str,
        data: String,
        trace_id: TraceId,
        message_group_id: Option<String>,
    ) -> Result<usize, CallError> {
        let refused = |code, status, message| CallError {
            code,
            status,
            message,
            stack: None,
            retry_after: None,
        };
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&data) {
            return Err(refused("invalid_json", 400, format!("the data is not JSON: {error}")));
        }
        let limit = motia_sandbox::Limits::default().event_bytes;
        if data.len() > limit {
            let message = format!("the data has {} bytes; at most {limit} are allowed", data.len());
            return Err(refused("body_too_large", 413, message));
        }
        let deployment = self.deployment();
        let emitted = async {
            let subscribers =
                self.emit_event(&deployment, topic, data, trace_id, message_group_id).await?;
            self.store().barrier().await?;
            Ok(subscribers)
        };
        emitted.await.map_err(|error: StoreError| refused("store_failed", 503, error.to_string()))
    }

    /// Stores an event for all subscribers of its topic. Visible at once, on disk later.
    pub(crate) async fn emit_event(
        &self,
        deployment: &Deployment,
        topic: &str,
        data: String,
        trace_id: TraceId,
        message_group_id: Option<String>,
    ) -> StoreResult<usize> {
        let subscribers = deployment.subscribers(topic);
        if subscribers.is_empty() {
            tracing::warn!(%trace_id, "no step subscribes to `{topic}`: the event is dropped");
            return Ok(0);
        }
        let now = now_millis();
        let event = NewEvent {
            tenant: self.tenant().clone(),
            topic: topic.to_owned(),
            data,
            trace_id,
            message_group_id,
            deliveries: subscribers
                .iter()
                .map(|&index| {
                    let step = deployment.step(index);
                    NewDelivery { step: step.name.clone(), due_at: now + deliveries::delay(step) }
                })
                .collect(),
        };
        self.store().emit(event, now).await?;
        self.wake_deliveries_of(
            subscribers.iter().map(|&index| deployment.step(index).name.clone()),
        );
        Ok(subscribers.len())
    }

    pub(crate) fn wake_deliveries_of(&self, steps: impl IntoIterator<Item = StepName>) {
        let mut pending = self.0.pending.lock().unwrap_or_else(PoisonError::into_inner);
        steps.into_iter().for_each(|step| pending.add(step));
        drop(pending);
        self.0.wake_deliveries.notify_one();
    }

    pub(crate) fn wake_all_deliveries(&self) {
        *self.0.pending.lock().unwrap_or_else(PoisonError::into_inner) = Pending::all();
        self.0.wake_deliveries.notify_one();
    }

    /// Runs a guest's work on the threads for guests.
    pub(crate) async fn on_guest_threads<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let runtime = self.0.guests.0.as_ref()?;
        match runtime.spawn(work).await {
            Ok(output) => Some(output),
            Err(error) => {
                tracing::error!("an invocation ended without a result: {error}");
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
        let ended = self.0.background_permits.acquire_many(all);
        if tokio::time::timeout(patience, ended).await.is_err() {
            tracing::warn!(
                "some invocations did not end in time; they are tried again at the next start"
            );
        }
        if let Err(error) = self.store().barrier().await {
            tracing::error!("{error}");
        }
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
