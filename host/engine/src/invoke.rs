//! The one path of every invocation: an instance, its effects, and what is said when it failed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use motia_sandbox::{CallError, Capabilities, Invocation, Response};

use crate::{
    capabilities::StepCapabilities,
    deployment::{DeployedStep, Deployment, StepIndex},
    engine::Engine,
};

/// What became of an invocation.
pub struct Outcome {
    /// The response of an api step, or why there is none.
    pub result: Result<Option<Response>, Failed>,
    /// Whether it wrote anything that must be on disk before it is acknowledged.
    pub wrote: bool,
}

/// Why an invocation failed.
pub struct Failed {
    pub code: &'static str,
    pub message: String,
    /// In the user's own files and lines.
    pub stack: Option<String>,
    pub retryable: bool,
    pub retry_after: Option<Duration>,
}

/// Runs a step in a fresh instance and logs its end.
pub async fn invoke(
    engine: &Engine,
    deployment: &Arc<Deployment>,
    index: StepIndex,
    invocation: Invocation,
) -> Outcome {
    let trace_id = invocation.trace_id.clone();
    let attempt = invocation.attempt;
    let capabilities = Arc::new(StepCapabilities {
        engine: engine.clone(),
        deployment: Arc::clone(deployment),
        step: index,
        trace_id: trace_id.clone(),
        wrote: AtomicBool::new(false),
    });
    let started = Instant::now();
    let called = engine.on_guest_threads({
        let capabilities = Arc::clone(&capabilities);
        let engine = engine.clone();
        async move { call(&engine, &capabilities, invocation).await }
    });
    let result = called.await.unwrap_or_else(|| {
        Err(CallError::Instantiate("the invocation was interrupted".to_owned()))
    });
    let step = deployment.step(index);
    let result = result.map_err(|error| failed(step, error));
    let ms = started.elapsed().as_millis();
    match &result {
        Ok(_) => tracing::debug!(step = %step.name, %trace_id, "ended in {ms} ms"),
        Err(failed) => tracing::error!(
            step = %step.name,
            %trace_id,
            attempt,
            code = failed.code,
            "{}{}",
            failed.message,
            failed.stack.as_deref().map(|stack| format!("\n{stack}")).unwrap_or_default(),
        ),
    }
    Outcome { result, wrote: capabilities.wrote.load(Ordering::Relaxed) }
}

async fn call(
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
