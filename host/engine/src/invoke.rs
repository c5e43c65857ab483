//! The one path of every invocation: an instance, its effects, and what is said when it failed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use motia_sandbox::{CallError, Capabilities, Invocation, Response};
use motia_store::{AttemptError, Millis, Run, RunLog, RunStatus, StoreEpoch};
use tokio::sync::Mutex;

use crate::{
    capabilities::StepCapabilities,
    deployment::{DeployedStep, Deployment, StepIndex},
    engine::{Engine, now_millis},
    input,
    running::RunningInfo,
    transaction::Transaction,
};

/// A call of a step, and what the host knows of it beside what the step is told.
#[derive(Debug, Clone)]
pub struct Call {
    pub invocation: Invocation,
    /// How many changes of state and streams in a row have caused it.
    pub depth: u32,
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
            invocation,
            depth: 0,
            deliveries: Vec::new(),
            queued_at: now_millis(),
            replay_of: None,
        }
    }
}

/// What became of an invocation.
pub struct Outcome {
    /// The run's id.
    pub run: String,
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
    let capabilities = Arc::new(StepCapabilities {
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
        deliveries: call.deliveries,
        attempt: call.invocation.attempt,
        started_at,
    });
    let called = engine.on_guest_threads(&run.id, {
        let capabilities = Arc::clone(&capabilities);
        let engine = engine.clone();
        async move { call_guest(&engine, &capabilities, call.invocation).await }
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
    run.ended_at = now_millis();
    match &result {
        Ok(response) => run.response_status = response.as_ref().map(|response| response.status),
        Err(failed) => {
            let cancelled = failed.code == CANCELLED;
            run.status = if cancelled { RunStatus::Cancelled } else { RunStatus::Failed };
            run.error = Some(failed.error(run.attempt));
        }
    }
    let id = run.id.clone();
    engine.record(run);
    let wrote = capabilities.wrote.load(Ordering::Relaxed);
    // Nothing of the guest is left that could hold it.
    let transaction = Arc::into_inner(capabilities)
        .and_then(|capabilities| capabilities.transaction)
        .map(Mutex::into_inner);
    Outcome { run: id, result, wrote, transaction, since }
}

async fn call_guest(
    engine: &Engine,
    capabilities: &Arc<StepCapabilities>,
    invocation: Invocation,
) -> Result<Option<Response>, CallError> {
    let step = capabilities.deployment.step(capabilities.step);
    let Some(component) = &step.component else {
        return Err(CallError::Instantiate("the step has no component".to_owned()));
    };
    let flows = step.step.config.flows.clone();
    let granted: Arc<dyn Capabilities> = Arc::clone(capabilities) as _;
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
        id: RunLog::new_id(started_at),
        tenant: engine.tenant().clone(),
        step: step.name.clone(),
        kind: input::kind(&invocation.trigger).to_owned(),
        invocation_id: invocation.id.clone(),
        trace_id: invocation.trace_id.clone(),
        delivery: call.deliveries.first().copied(),
        attempt: invocation.attempt,
        status: RunStatus::Succeeded,
        error: None,
        deployment: deployment.digest().to_string(),
        input: engine.records_runs().then(|| input::of(&invocation.trigger)),
        response_status: None,
        queued_at: call.queued_at,
        started_at,
        ended_at: started_at,
        replay_of: call.replay_of.clone(),
    }
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
