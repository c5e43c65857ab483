//! Deliveries: claims what is due, attempts it, and decides what follows a failure.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError},
    time::Duration,
};

use motia_manifest::{EventConfig, StepKind, StepName};
use motia_sandbox::{Invocation, Trigger};
use motia_store::{AttemptError, Delivery, Lease, Millis, StoreError};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    backoff,
    deployment::{DeployedStep, Deployment, StepIndex},
    engine::{Engine, now_millis},
    invoke::{Failed, invoke},
    schema,
};

/// How long a lease lasts beyond the time that a call may take.
const LEASE_MARGIN: Duration = Duration::from_secs(30);
/// How often all queues are looked at even when nothing announced work.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// The steps whose queues may have work.
pub struct Pending {
    all: bool,
    steps: HashSet<StepName>,
}

impl Pending {
    pub fn all() -> Self {
        Self { all: true, steps: HashSet::new() }
    }

    fn none() -> Self {
        Self { all: false, steps: HashSet::new() }
    }

    pub fn add(&mut self, step: StepName) {
        if !self.all {
            self.steps.insert(step);
        }
    }

    fn contains(&self, step: &StepName) -> bool {
        self.all || self.steps.contains(step)
    }
}

/// Milliseconds between an emit and the first attempt.
pub fn delay(step: &DeployedStep) -> Millis {
    let seconds = event_config(step).and_then(|event| event.infrastructure.queue.delay_seconds);
    Millis::from(seconds.unwrap_or(0)) * 1000
}

fn event_config(step: &DeployedStep) -> Option<&EventConfig> {
    match &step.step.config.kind {
        StepKind::Event(event) => Some(event),
        _ => None,
    }
}

/// Attempts deliveries until the engine stops.
pub async fn run(engine: Engine) {
    let mut changes = engine.inner().changes.subscribe();
    let in_flight = Arc::new(InFlight::default());
    while !changes.borrow_and_update().stopping {
        let work = {
            let mut pending = engine.inner().pending.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *pending, Pending::none())
        };
        let sleep = match claim_and_start(&engine, &in_flight, &work).await {
            Ok(sleep) => sleep,
            Err(error) => {
                tracing::error!("deliveries cannot be claimed: {error}");
                Duration::from_secs(1)
            }
        };
        tokio::select! {
            () = engine.inner().wake_deliveries.notified() => {}
            () = tokio::time::sleep(sleep) => engine.wake_all_deliveries(),
            _ = changes.changed() => {}
        }
    }
}

/// Deliveries that are being attempted, by step.
#[derive(Default)]
struct InFlight(std::sync::Mutex<HashMap<StepName, usize>>);

impl InFlight {
    fn count(&self, step: &StepName) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(step).copied().unwrap_or(0)
    }

    fn enter(&self, step: &StepName) {
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *steps.entry(step.clone()).or_default() += 1;
    }

    fn leave(&self, step: &StepName) {
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = steps.get_mut(step) {
            *count -= 1;
            if *count == 0 {
                steps.remove(step);
            }
        }
    }
}

/// Starts what is due, as far as there is room, and says how long to sleep.
async fn claim_and_start(
    engine: &Engine,
    in_flight: &Arc<InFlight>,
    work: &Pending,
) -> Result<Duration, StoreError> {
    let deployment = engine.deployment();
    let options = &engine.inner().options;
    for (i, step) in deployment.steps().iter().enumerate() {
        let Some(event) = event_config(step) else { continue };
        if !work.contains(&step.name) {
            continue;
        }
        let concurrency = match event.infrastructure.queue.concurrency {
            Some(own) => own as usize,
            None => options.step_concurrency,
        };
        let free = engine.inner().background_permits.available_permits();
        let room = concurrency.saturating_sub(in_flight.count(&step.name)).min(free);
        if room == 0 {
            // Whoever ends makes room and announces this step again.
            continue;
        }
        let now = now_millis();
        let visibility = event.infrastructure.queue.visibility_timeout;
        let lease = visibility
            .map_or(step.grants.limits.wall_clock, |seconds| Duration::from_secs(seconds.into()))
            .max(step.grants.limits.wall_clock)
            + LEASE_MARGIN;
        let until = now + lease.as_millis() as Millis;
        let tenant = engine.tenant().clone();
        let claimed =
            engine.store().claim(tenant, vec![step.name.clone()], room, now, until).await?;
        for delivery in claimed {
            let permits = Arc::clone(&engine.inner().background_permits);
            let Ok(permit) = permits.acquire_owned().await else { continue };
            in_flight.enter(&step.name);
            tokio::spawn(attempt(
                engine.clone(),
                Arc::clone(&deployment),
                StepIndex(i),
                delivery,
                Arc::clone(in_flight),
                permit,
            ));
        }
    }
    let due = engine.store().next_due(engine.tenant().clone()).await?;
    let now = now_millis();
    // What is due already waits for room, which is announced; the margin keeps this from spinning.
    let sleep = due
        .filter(|&due| due > now)
        .map_or(LONGEST_SLEEP, |due| Duration::from_millis((due - now) as u64));
    Ok(sleep.min(LONGEST_SLEEP))
}

/// Attempts one delivery and makes room.
async fn attempt(
    engine: Engine,
    deployment: Arc<Deployment>,
    index: StepIndex,
    delivery: Delivery,
    in_flight: Arc<InFlight>,
    permit: OwnedSemaphorePermit,
) {
    let step = deployment.step(index);
    if let Err(error) = deliver(&engine, &deployment, index, delivery).await {
        tracing::error!(step = %step.name, "a delivery's end cannot be recorded: {error}");
    }
    let full = engine.inner().background_permits.available_permits() == 0;
    drop(permit);
    in_flight.leave(&step.name);
    // There is room for this step, and for every other one if there was no place at all.
    match full {
        true => engine.wake_all_deliveries(),
        false => engine.wake_deliveries_of([step.name.clone()]),
    }
}

async fn deliver(
    engine: &Engine,
    deployment: &Arc<Deployment>,
    index: StepIndex,
    delivery: Delivery,
) -> Result<(), StoreError> {
    let lease = Lease { delivery: delivery.id, epoch: delivery.lease_epoch };
    let attempt = delivery.attempt;
    let step = deployment.step(index);
    if let Some(faults) = input_faults(step, &delivery.data) {
        let trace_id = &delivery.trace_id;
        tracing::error!(step = %step.name, %trace_id, "the event breaks `input`: {faults}");
        let message = format!("the event does not fit the step's `input`: {faults}");
        return engine.store().bury(lease, attempt_error(attempt, "invalid_input", message)).await;
    }
    let invocation = Invocation {
        id: format!("delivery-{}", delivery.id),
        trace_id: delivery.trace_id,
        attempt,
        trigger: Trigger::Event {
            topic: delivery.topic,
            data: delivery.data,
            message_group_id: delivery.message_group_id,
        },
    };
    match invoke(engine, deployment, index, invocation).await.result {
        Ok(_) => engine.store().complete(lease).await,
        Err(failed) => fail(engine, step, lease, attempt, failed).await,
    }
}

fn input_faults(step: &DeployedStep, data: &str) -> Option<String> {
    let schema = step.input_schema()?;
    let data = match serde_json::from_str(data) {
        Ok(data) => data,
        Err(error) => return Some(error.to_string()),
    };
    let faults = schema.check(&data);
    (!faults.is_empty()).then(|| schema::sentence(&faults))
}

fn attempt_error(attempt: u32, code: &str, message: String) -> AttemptError {
    AttemptError { attempt, code: code.to_owned(), message, stack: None, failed_at: now_millis() }
}

async fn fail(
    engine: &Engine,
    step: &DeployedStep,
    lease: Lease,
    attempt: u32,
    failed: Failed,
) -> Result<(), StoreError> {
    let queue = event_config(step).map(|event| event.infrastructure.queue.clone());
    let last = backoff::max_attempts(&queue.unwrap_or_default());
    let error =
        AttemptError { stack: failed.stack, ..attempt_error(attempt, failed.code, failed.message) };
    if !failed.retryable || attempt >= last {
        tracing::error!(step = %step.name, "attempt {attempt} of {last} failed: dead letter");
        return engine.store().bury(lease, error).await;
    }
    let wait =
        failed.retry_after.unwrap_or_else(|| backoff::wait_after(attempt, rand::random::<f64>()));
    tracing::info!(
        step = %step.name,
        "attempt {attempt} of {last} failed: the next one is in {:.1} s",
        wait.as_secs_f64()
    );
    let retry_at = now_millis() + wait.as_millis() as Millis;
    engine.store().retry(lease, error, retry_at).await
}
