//! The one path of every invocation: an instance, its effects, and what is said when it failed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use motia_sandbox::{CallError, Capabilities, Invocation, Response, ResponseBody, Trigger};
use motia_store::{
    AttemptError, Json, Millis, Run, RunStatus, StoreEpoch, StoreError, StoreResult, Telemetry,
};
use tokio::sync::Mutex;

use crate::{
    capabilities::StepCapabilities,
    deployment::{DeployedStep, Deployment, StepIndex},
    engine::{Engine, now_millis},
    input,
    running::RunningInfo,
    spans::{Spans, Timed},
    traceparent::TraceParent,
    transaction::Transaction,
};

/// A call of a step, and what the host knows of it beside what the step is told.
#[derive(Debug, Clone)]
pub struct Call {
    pub invocation: Invocation,
    /// How many changes of state and streams in a row have caused it.
    pub depth: u32,
    /// The run that has caused it.
    pub parent: Option<String>,
    /// The event that is delivered, of a batch the first.
    pub event_id: Option<i64>,
    /// The deliveries that are attempted.
    pub deliveries: Vec<i64>,
    /// When it could have begun.
    pub queued_at: Millis,
    /// The run that is repeated.
    pub replay_of: Option<String>,
}

impl Call {
    /// A call that nothing but a request or a person has caused.
    pub fn new(invocation: Invocation) -> Self {
        Self {
            parent: caller(&invocation.trigger),
            invocation,
            depth: 0,
            event_id: None,
            deliveries: Vec::new(),
            queued_at: now_millis(),
            replay_of: None,
        }
    }
}

/// The span of another program that has caused a request.
fn caller(trigger: &Trigger) -> Option<String> {
    let Trigger::Api(request) = trigger else { return None };
    let header = request.headers.iter().find(|(name, _)| name == "traceparent");
    header.and_then(|(_, value)| TraceParent::parse(value)).map(|parent| parent.span_id)
}

/// The record of a run, made when it is dropped: once it is known what became of what the run wrote.
pub struct RunRecord {
    engine: Engine,
    run: Option<Run>,
    spans: Option<Arc<Spans>>,
    began: Instant,
}

impl RunRecord {
    /// The run's id.
    pub fn id(&self) -> &str {
        self.run.as_ref().map_or("", |run| &run.id)
    }

    /// Waits until what the run wrote is on disk.
    pub async fn commit<T>(
        &mut self,
        commit: impl Future<Output = StoreResult<T>>,
    ) -> StoreResult<T> {
        let began = Instant::now();
        let committed = commit.await;
        let error = committed.as_ref().err();
        if let Some(spans) = &self.spans {
            spans.add("commit", began, error.map(ToString::to_string), None);
        }
        if let (Some(error), Some(run)) = (error, &mut self.run) {
            run.status = RunStatus::Failed;
            let code = match error {
                StoreError::Conflict(_) => "conflict",
                StoreError::StaleLease => "stale_lease",
                StoreError::Full(_) => "disk_full",
                _ => "store_failed",
            };
            run.error.get_or_insert(AttemptError {
                attempt: run.attempt,
                code: code.to_owned(),
                message: error.to_string(),
                stack: None,
                failed_at: now_millis(),
            });
        }
        committed
    }
}

impl Drop for RunRecord {
    fn drop(&mut self) {
        let Some(mut run) = self.run.take() else { return };
        run.ended_at = now_millis();
        if let Some(spans) = &self.spans {
            run.cpu_us = Some(spans.cpu_us());
            run.spans = spans.take();
        }
        self.engine.figures().ended(&run.step, run.status, self.began.elapsed());
        self.engine.record(run);
    }
}

/// What became of an invocation.
pub struct Outcome {
    /// Is dropped when the invocation is over, its commit included.
    pub record: RunRecord,
    /// The response of an api step, or why there is none.
    pub result: Result<Option<Response>, Failed>,
    /// Whether it wrote anything that must be on disk before it is acknowledged.
    pub wrote: bool,
    /// What an atomic step has held back.
    pub transaction: Option<Transaction>,
    /// The store's epoch when it began.
    pub since: StoreEpoch,
}

/// Why an invocation failed.
#[derive(Debug, Clone)]
pub struct Failed {
    pub code: &'static str,
    pub message: String,
    /// In the user's own files and lines.
    pub stack: Option<String>,
    pub retryable: bool,
    pub retry_after: Option<Duration>,
}

impl Failed {
    pub fn error(&self, attempt: u32) -> AttemptError {
        AttemptError {
            attempt,
            code: self.code.to_owned(),
            message: self.message.clone(),
            stack: self.stack.clone(),
            failed_at: now_millis(),
        }
    }
}

/// The code of an invocation that somebody cancelled.
pub const CANCELLED: &str = "cancelled";

/// Runs a step in a fresh instance, logs its end and records the run.
pub async fn invoke(
    engine: &Engine,
    deployment: &Arc<Deployment>,
    index: StepIndex,
    call: Call,
) -> Outcome {
    let step = deployment.step(index);
    let since = engine.store().epoch();
    let started_at = now_millis();
    let mut run = run_of(engine, deployment, step, &call, started_at);
    let trace_id = call.invocation.trace_id.clone();
    let records = engine.records_runs();
    let spans = records.then(|| Arc::new(Spans::new((started_at - call.queued_at) * 1000)));
    engine.figures().began(&step.name);
    let capabilities = Arc::new(StepCapabilities {
        run: run.id.clone(),
        engine: engine.clone(),
        deployment: Arc::clone(deployment),
        step: index,
        trace_id: trace_id.clone(),
        depth: call.depth,
        transaction: step.step.config.atomic.then(Mutex::default),
        wrote: AtomicBool::new(false),
    });
    let started = Instant::now();
    engine.inner().running.begin(RunningInfo {
        id: run.id.clone(),
        step: step.name.clone(),
        trace_id: trace_id.clone(),
        kind: input::kind(&call.invocation.trigger),
        parent: call.parent,
        deliveries: call.deliveries,
        attempt: call.invocation.attempt,
        started_at,
    });
    let called = engine.on_guest_threads(&run.id, {
        let capabilities = Arc::clone(&capabilities);
        let (engine, spans) = (engine.clone(), spans.clone());
        async move { call_guest(&engine, &capabilities, spans, call.invocation).await }
    });
    let called = called.await;
    let cancelled = engine.inner().running.end(&run.id);
    let result = match called {
        Some(result) => result.map_err(|error| failed(step, error)),
        None => Err(interrupted(cancelled)),
    };
    let ms = started.elapsed().as_millis();
    match &result {
        Ok(_) => tracing::debug!(step = %step.name, %trace_id, "ended in {ms} ms"),
        Err(failed) => tracing::error!(
            step = %step.name,
            %trace_id,
            attempt = run.attempt,
            code = failed.code,
            "{}{}",
            failed.message,
            failed.stack.as_deref().map(|stack| format!("\n{stack}")).unwrap_or_default(),
        ),
    }
    if let Some(spans) = &spans {
        spans.guest_ended(result.as_ref().err().map(|failed| failed.message.clone()));
    }
    match &result {
        Ok(response) => {
            run.response_status = response.as_ref().map(|response| response.status);
            run.output = response.as_ref().filter(|_| records).and_then(output);
        }
        Err(failed) => {
            let cancelled = failed.code == CANCELLED;
            run.status = if cancelled { RunStatus::Cancelled } else { RunStatus::Failed };
            run.error = Some(failed.error(run.attempt));
        }
    }
    let record = RunRecord { engine: engine.clone(), run: Some(run), spans, began: started };
    let wrote = capabilities.wrote.load(Ordering::Relaxed);
    // Nothing of the guest is left that could hold it.
    let transaction = Arc::into_inner(capabilities)
        .and_then(|capabilities| capabilities.transaction)
        .map(Mutex::into_inner);
    Outcome { record, result, wrote, transaction, since }
}

async fn call_guest(
    engine: &Engine,
    capabilities: &Arc<StepCapabilities>,
    spans: Option<Arc<Spans>>,
    invocation: Invocation,
) -> Result<Option<Response>, CallError> {
    let step = capabilities.deployment.step(capabilities.step);
    let Some(component) = &step.component else {
        return Err(CallError::Instantiate("the step has no component".to_owned()));
    };
    let flows = step.step.config.flows.clone();
    let capabilities = Arc::clone(capabilities);
    let granted: Arc<dyn Capabilities> = match spans {
        Some(spans) => Arc::new(Timed { capabilities, spans }),
        None => capabilities,
    };
    engine.inner().sandbox.invoke(component, invocation, flows, &step.grants, granted).await
}

/// The record of a run that succeeds, unless it does not.
fn run_of(
    engine: &Engine,
    deployment: &Deployment,
    step: &DeployedStep,
    call: &Call,
    started_at: Millis,
) -> Run {
    let invocation = &call.invocation;
    Run {
        id: Telemetry::new_id(started_at),
        tenant: engine.tenant().clone(),
        step: step.name.clone(),
        kind: input::kind(&invocation.trigger).to_owned(),
        invocation_id: invocation.id.clone(),
        trace_id: invocation.trace_id.clone(),
        parent: call.parent.clone(),
        delivery: call.deliveries.first().copied(),
        event_id: call.event_id,
        attempt: invocation.attempt,
        status: RunStatus::Succeeded,
        error: None,
        deployment: deployment.digest().to_string(),
        input: engine.records_runs().then(|| input::of(&invocation.trigger)),
        output: None,
        response_status: None,
        cpu_us: None,
        spans: Vec::new(),
        span_count: 0,
        queued_at: call.queued_at,
        started_at,
        ended_at: started_at,
        replay_of: call.replay_of.clone(),
    }
}

/// A response as it is shown.
fn output(response: &Response) -> Option<Json> {
    const SHOWN_BYTES: usize = 64 << 10;
    let body = match &response.body {
        ResponseBody::Json(json) if json.len() <= SHOWN_BYTES => json.clone(),
        ResponseBody::Text(text) if text.len() <= SHOWN_BYTES => {
            serde_json::Value::from(text.as_str()).to_string()
        }
        ResponseBody::Empty => "null".to_owned(),
        ResponseBody::Json(text) | ResponseBody::Text(text) => {
            format!("\"{} bytes\"", text.len())
        }
        ResponseBody::Bytes(bytes) => format!("\"{} bytes\"", bytes.len()),
    };
    let headers: serde_json::Map<String, serde_json::Value> = response
        .headers
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("set-cookie"))
        .map(|(name, value)| (name.clone(), serde_json::Value::from(value.as_str())))
        .collect();
    let headers = serde_json::Value::Object(headers);
    Some(format!(r#"{{"status":{},"headers":{headers},"body":{body}}}"#, response.status))
}

fn interrupted(cancelled: bool) -> Failed {
    let (code, message) = match cancelled {
        true => (CANCELLED, "the run was cancelled"),
        false => ("interrupted", "the invocation was interrupted"),
    };
    Failed {
        code,
        message: message.to_owned(),
        stack: None,
        retryable: !cancelled,
        retry_after: None,
    }
}

fn failed(step: &DeployedStep, error: CallError) -> Failed {
    let retryable = error.retryable();
    let code = error.code();
    let message = error.to_string();
    let (stack, retry_after) = match error {
        CallError::Guest(failure) => (failure.stack, failure.retry_after),
        _ => (None, None),
    };
    let stack = stack.map(|stack| match &step.stack_mapper {
        Some(mapper) => mapper.apply(stack),
        None => stack,
    });
    Failed { code, message, stack, retryable, retry_after }
}
