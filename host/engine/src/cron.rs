//! Cron steps: each tick is taken in the store, so that it runs once, and becomes an invocation.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use motia_sandbox::{Invocation, Trigger};
use motia_store::Millis;

use crate::{
    deployment::{Deployment, StepIndex},
    engine::Engine,
    invoke::invoke,
    trace_id,
};

/// The longest sleep: a clock that was set is noticed within it.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// A tick that is later than this is not run any more: the machine was asleep.
const TOO_LATE: Duration = Duration::from_secs(60);

/// Runs cron steps until the engine stops.
pub async fn run(engine: Engine) {
    let mut changes = engine.inner().changes.subscribe();
    // Kept over deployments: a tick that falls into a swap is not lost, and the store lets none run twice.
    let mut from = SystemTime::now();
    while !changes.borrow_and_update().stopping {
        let deployment = engine.deployment();
        tokio::select! {
            () = run_deployment(&engine, &deployment, &mut from) => {}
            _ = changes.changed() => {}
        }
    }
}

/// Runs one deployment's cron steps; is dropped when the deployment changes.
async fn run_deployment(engine: &Engine, deployment: &Arc<Deployment>, from: &mut SystemTime) {
    loop {
        let now = SystemTime::now();
        *from = (*from).max(now - TOO_LATE);
        let next = next_ticks(deployment, *from);
        let Some(due) = next.first().map(|&(due, _)| due) else {
            return std::future::pending().await;
        };
        match due.duration_since(now) {
            Ok(wait) if !wait.is_zero() => {
                tokio::time::sleep(wait.min(LONGEST_SLEEP)).await;
                // A clock that was set back must not silence the schedule until it has caught up.
                *from = (*from).min(SystemTime::now());
            }
            _ => {
                for (_, step) in next.into_iter().take_while(|&(time, _)| time == due) {
                    start(engine, deployment, step, due);
                }
                *from = due;
            }
        }
    }
}

/// Every cron step's next tick, soonest first.
fn next_ticks(deployment: &Deployment, from: SystemTime) -> Vec<(SystemTime, StepIndex)> {
    let mut ticks: Vec<_> = deployment
        .steps()
        .iter()
        .enumerate()
        .filter_map(|(i, step)| Some((step.schedule.as_ref()?.next_after(from)?, StepIndex(i))))
        .collect();
    ticks.sort();
    ticks
}

fn start(
    engine: &Engine,
    deployment: &Arc<Deployment>,
    index: StepIndex,
    scheduled_at: SystemTime,
) {
    let (engine, deployment) = (engine.clone(), Arc::clone(deployment));
    tokio::spawn(async move {
        let name = deployment.step(index).name.clone();
        let millis = scheduled_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let tenant = engine.tenant().clone();
        match engine.store().take_tick(tenant, name.clone(), millis as Millis).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return tracing::error!(step = %name, "a tick is lost: {error}"),
        }
        let Ok(_permit) = engine.inner().background_permits.acquire().await else { return };
        let trace_id = trace_id::new();
        let invocation = Invocation {
            id: format!("cron-{name}-{millis}"),
            trace_id,
            attempt: 1,
            trigger: Trigger::Cron { scheduled_at },
        };
        let outcome = invoke(&engine, &deployment, index, invocation).await;
        if outcome.wrote
            && let Err(error) = engine.store().barrier().await
        {
            tracing::error!(step = %name, "{error}");
        }
    });
}
