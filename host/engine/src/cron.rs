//! Cron steps: each tick is taken in the store, once, and becomes a delivery of the step.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use motia_manifest::{Catchup, CronConfig, Overlap, StepKind};
use motia_store::{EventKind, Millis, NewEvent, StoreResult, Tick};

use crate::{
    deployment::{DeployedStep, Deployment, StepIndex},
    engine::{Engine, now_millis},
    policy::Wishes,
    trace_id,
};

/// The longest sleep: a clock that was set is noticed within it.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// A tick that is later than this is one that was missed, and `catchup` says what becomes of it.
const TOO_LATE: Duration = Duration::from_secs(60);

/// More ticks than this are not made up for: the schedule is too dense for it.
const MAX_CATCHUP: usize = 1000;

/// How long to wait when the store takes no tick.
const PAUSE: Duration = Duration::from_secs(1);

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
    catch_up(engine, deployment, *from).await;
    loop {
        let now = SystemTime::now();
        if now.duration_since(*from).is_ok_and(|late| late > TOO_LATE) {
            // The machine was asleep.
            catch_up(engine, deployment, now).await;
            *from = now - TOO_LATE;
        }
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
                    start(engine, deployment, step, due).await;
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

/// Takes the ticks that were missed since the last one that was taken, where the step wants them.
async fn catch_up(engine: &Engine, deployment: &Arc<Deployment>, until: SystemTime) {
    for (i, step) in deployment.steps().iter().enumerate() {
        let (Some(config), Some(schedule)) = (cron_config(step), &step.schedule) else { continue };
        if config.catchup == Catchup::None {
            continue;
        }
        let tenant = engine.tenant().clone();
        let last = match engine.store().last_tick(tenant, step.name.clone()).await {
            // A step without ticks is new: it has missed none.
            Ok(last) => last.map(time_of),
            Err(error) => return tracing::error!("missed ticks cannot be found: {error}"),
        };
        let Some(last) = last else { continue };
        let window = Duration::from_secs_f64(config.catchup_window_seconds);
        let after = last.max(until.checked_sub(window).unwrap_or(UNIX_EPOCH));
        let missed = match config.catchup {
            Catchup::Last => schedule.last_tick(after, until).into_iter().collect(),
            _ => schedule.ticks(after, until, MAX_CATCHUP),
        };
        for tick in missed {
            start(engine, deployment, StepIndex(i), tick).await;
        }
    }
}

pub fn cron_config(step: &DeployedStep) -> Option<&CronConfig> {
    match &step.step.config.kind {
        StepKind::Cron(cron) => Some(cron),
        _ => None,
    }
}

/// Takes a tick; waits while the store cannot.
async fn start(
    engine: &Engine,
    deployment: &Arc<Deployment>,
    index: StepIndex,
    scheduled_at: SystemTime,
) {
    let step = deployment.step(index);
    while let Err(error) = take(engine, step, scheduled_at).await {
        tracing::error!(step = %step.name, "a tick waits: {error}");
        tokio::time::sleep(PAUSE).await;
    }
}

async fn take(engine: &Engine, step: &DeployedStep, scheduled_at: SystemTime) -> StoreResult<()> {
    let Some(config) = cron_config(step) else { return Ok(()) };
    engine.store().check_room()?;
    let overlap = match config.overlap {
        Overlap::Allow | Overlap::Queue => motia_store::Overlap::Allow,
        Overlap::Skip => motia_store::Overlap::Skip,
        Overlap::Cancel => motia_store::Overlap::Cancel,
    };
    let millis = millis_of(scheduled_at);
    let due_at = now_millis() + jitter(step, config, millis);
    let Some(event) = tick(engine, step, millis, due_at) else { return Ok(()) };
    match engine.store().take_tick(event, millis, overlap, now_millis()).await? {
        Tick::Known => {}
        Tick::Skipped => {
            tracing::info!(step = %step.name, "a tick is skipped: the one before still runs");
        }
        Tick::Taken { cancelled } => {
            engine.inner().running.cancel_deliveries(&cancelled);
            engine.announce(&step.name, due_at);
        }
    }
    Ok(())
}

/// Runs a cron step now, beside its schedule. Returns the event's id.
pub async fn run_now(engine: &Engine, step: &DeployedStep) -> StoreResult<i64> {
    let now = now_millis();
    let Some(event) = tick(engine, step, now, now) else {
        return Err(motia_store::StoreError::NotFound(format!("cron step `{}`", step.name)));
    };
    let id = engine.store_event(event, now).await?;
    engine.store().barrier(engine.store().epoch()).await?;
    Ok(id)
}

/// The event of a tick.
fn tick(
    engine: &Engine,
    step: &DeployedStep,
    scheduled_at: Millis,
    due_at: Millis,
) -> Option<NewEvent> {
    let policy = engine.policy(&step.name)?;
    let wishes = Wishes { at: Some(due_at), ..Wishes::default() };
    let none = || serde_json::Value::Null;
    Some(NewEvent {
        id: engine.store().event_ids().next(),
        tenant: engine.tenant().clone(),
        kind: EventKind::Cron,
        topic: step.name.to_string(),
        data: scheduled_at.to_string(),
        headers: None,
        trace_id: trace_id::new(),
        message_group_id: None,
        depth: 0,
        cause: None,
        unique: None,
        deliveries: vec![policy.delivery(step.name.clone(), &wishes, &none, now_millis())],
    })
}

/// How long a tick waits so that not all steps of all hosts run at the full minute: always the same for one tick.
fn jitter(step: &DeployedStep, config: &CronConfig, scheduled_at: Millis) -> Millis {
    let most = (config.jitter_seconds * 1000.0) as u64;
    let mut hasher = DefaultHasher::new();
    (step.name.as_str(), scheduled_at).hash(&mut hasher);
    Millis::try_from(hasher.finish() % (most + 1)).unwrap_or(0)
}

pub fn millis_of(time: SystemTime) -> Millis {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as Millis)
}

fn time_of(millis: Millis) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis.unsigned_abs())
}
