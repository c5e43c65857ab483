//! Deliveries: claims what is due, attempts it, and decides what follows.

use std::{sync::Arc, time::Duration};

use motia_sandbox::Invocation;
use motia_store::{AttemptError, Commit, Delivery, End, Millis, StoreEpoch, StoreError};

use crate::{
    deployment::{DeployedStep, Deployment, StepIndex},
    engine::{Engine, now_millis},
    input,
    invoke::{CANCELLED, Call, Failed, Outcome, invoke},
    policy::{AfterFailure, QueuePolicy},
    scheduler, schema,
};

/// How often all queues are looked at even when nothing announced work.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// How long to wait after the store has failed, and how often a full disk is looked at.
const PAUSE: Duration = Duration::from_millis(500);
/// An atomic step is run so many times in a row when others change what it has read; then it has failed.
pub const CONFLICTS: u32 = 10;
/// How long a delivery waits for a free instance.
const NO_INSTANCE_MS: Millis = 50;

/// Attempts deliveries until the engine stops.
pub async fn run(engine: Engine) {
    let mut changes = engine.inner().changes.subscribe();
    while !changes.borrow_and_update().stopping {
        let sleep = match engine.store().check_room() {
            Ok(()) => claim_all(&engine).await,
            // What is attempted writes, so nothing new is.
            Err(_) => PAUSE,
        };
        tokio::select! {
            () = engine.inner().wake_deliveries.notified() => {}
            () = tokio::time::sleep(sleep) => {
                if sleep == LONGEST_SLEEP {
                    engine.scheduler().announce_all();
                }
            }
            _ = changes.changed() => {}
        }
    }
}

/// Starts what is due, as far as there is room, and says how long to sleep.
async fn claim_all(engine: &Engine) -> Duration {
    loop {
        let plan = engine.scheduler().next(now_millis());
        let Some(plan) = plan else { break };
        let claimed = claim(engine, &plan).await;
        match claimed {
            Ok(outcome) => engine.scheduler().claimed(&plan, outcome),
            Err(error) => {
                tracing::error!(step = %plan.step, "deliveries cannot be claimed: {error}");
                engine.scheduler().failed(&plan, now_millis() + PAUSE.as_millis() as Millis);
            }
        }
    }
    let until = engine.scheduler().sleep_until();
    let sleep = until.map_or(LONGEST_SLEEP, |until| {
        Duration::from_millis(until.saturating_sub(now_millis()).max(0).unsigned_abs())
    });
    sleep.min(LONGEST_SLEEP)
}

async fn claim(engine: &Engine, plan: &scheduler::Plan) -> Result<scheduler::Outcome, StoreError> {
    let deployment = engine.deployment();
    let nothing = scheduler::Outcome { claims: 0, more: false, next_due: None };
    let (Some(index), Some(policy)) = (deployment.index(&plan.step), engine.policy(&plan.step))
    else {
        return Ok(nothing);
    };
    let tenant = engine.tenant().clone();
    let request = policy.claim(tenant, plan.step.clone(), plan.limit, now_millis());
    let since = engine.store().epoch();
    let claimed = engine.store().claim(request).await?;
    let outcome = scheduler::Outcome {
        claims: claimed.claims.len(),
        more: claimed.more,
        next_due: claimed.next_due,
    };
    for deliveries in claimed.claims {
        let attempt = Attempt {
            engine: engine.clone(),
            deployment: Arc::clone(&deployment),
            index,
            policy: Arc::clone(&policy),
            deliveries,
        };
        engine.background(attempt.run(since));
    }
    Ok(outcome)
}

/// One attempt of a delivery, or of the deliveries of a batch.
struct Attempt {
    engine: Engine,
    deployment: Arc<Deployment>,
    index: StepIndex,
    policy: Arc<QueuePolicy>,
    deliveries: Vec<Delivery>,
}

impl Attempt {
    async fn run(mut self, since: StoreEpoch) {
        let step = self.step().name.clone();
        if let Err(error) = self.deliver(since).await {
            match error {
                StoreError::Full(_) => self.release_later(),
                StoreError::StaleLease => {
                    tracing::warn!(step = %step, "the attempt was ended by others; it changes nothing");
                }
                error => {
                    tracing::error!(step = %step, "a delivery's end cannot be recorded: {error}")
                }
            }
        }
        self.engine.scheduler().ended(&step);
        self.engine.inner().wake_deliveries.notify_one();
    }

    fn step(&self) -> &DeployedStep {
        self.deployment.step(self.index)
    }

    /// The delivery that decides for its batch: the one with the most attempts.
    fn leading(&self) -> Option<&Delivery> {
        self.deliveries.iter().max_by_key(|delivery| (delivery.attempt, delivery.id))
    }

    async fn deliver(&mut self, since: StoreEpoch) -> Result<(), StoreError> {
        let now = now_millis();
        if !self.bury_unfit(since).await? {
            return Ok(());
        }
        let Some(leading) = self.leading() else { return Ok(()) };
        if let Some(error) = self.policy.too_late(leading, now) {
            tracing::error!(step = %self.step().name, "the event {}: dead letter", error.message);
            return self.end(self.policy.bury(error), since).await;
        }
        let mut runs = 0;
        // Another run may take the whole time of a call, and must end within the lease.
        let until = self.policy.last_start(now);
        while runs == 0 || (runs < CONFLICTS && now_millis() <= until) {
            runs += 1;
            let outcome = self.invoke(leading).await;
            match self.settle(leading, outcome).await {
                Err(StoreError::Conflict(what)) => {
                    tracing::debug!(step = %self.step().name, "{what}: run again");
                }
                settled => return settled,
            }
        }
        let failed = Failed {
            code: "conflict",
            message: format!("others changed what the step had read, {runs} times in a row"),
            stack: None,
            retryable: true,
            retry_after: None,
        };
        self.fail(leading, &failed, self.engine.store().epoch()).await
    }

    /// Makes dead letters of the events that the step does not take. Whether any is left to attempt.
    async fn bury_unfit(&mut self, since: StoreEpoch) -> Result<bool, StoreError> {
        let step = &self.deployment.step(self.index);
        let Some(schema) = step.input_schema() else { return Ok(true) };
        let mut fit = Vec::with_capacity(self.deliveries.len());
        for delivery in std::mem::take(&mut self.deliveries) {
            let Some(faults) = input_faults(schema, &delivery.data) else {
                fit.push(delivery);
                continue;
            };
            let trace_id = &delivery.trace_id;
            tracing::error!(step = %step.name, %trace_id, "the event breaks `input`: {faults}");
            let error = AttemptError {
                attempt: delivery.attempt,
                code: "invalid_input".to_owned(),
                message: format!("the event does not fit the step's `input`: {faults}"),
                stack: None,
                failed_at: now_millis(),
            };
            let end = self.policy.bury(error);
            let commit = Commit { leases: vec![delivery.lease()], end, ..Commit::default() };
            self.engine.commit(commit, since).await?;
        }
        self.deliveries = fit;
        Ok(!self.deliveries.is_empty())
    }

    async fn invoke(&self, leading: &Delivery) -> Outcome {
        let first = self.deliveries.first().unwrap_or(leading);
        let Some(trigger) = input::trigger(&self.deliveries, self.policy.takes_batches()) else {
            unreachable!("the store writes the data of changes, and a claim has a delivery")
        };
        let call = Call {
            invocation: Invocation {
                id: format!("delivery-{}", first.id),
                trace_id: first.trace_id.clone(),
                attempt: leading.attempt,
                trigger,
            },
            depth: self.deliveries.iter().map(|delivery| delivery.depth).max().unwrap_or(0),
            parent: first.cause.clone(),
            event_id: Some(first.event_id),
            deliveries: self.deliveries.iter().map(|delivery| delivery.id).collect(),
            queued_at: first.emitted_at,
            replay_of: None,
        };
        invoke(&self.engine, &self.deployment, self.index, call).await
    }

    /// Records what became of an invocation.
    async fn settle(&self, leading: &Delivery, outcome: Outcome) -> Result<(), StoreError> {
        let Outcome { mut record, result, transaction, since, .. } = outcome;
        match result {
            Ok(_) => {
                let (reads, writes) = transaction.map(|held| held.into_parts()).unwrap_or_default();
                let commit = Commit {
                    leases: self.leases(),
                    end: End::Complete,
                    reads,
                    writes,
                    answer: None,
                };
                record.commit(self.engine.commit(commit, since)).await
            }
            Err(failed) => record.commit(self.fail(leading, &failed, since)).await,
        }
    }

    async fn fail(
        &self,
        leading: &Delivery,
        failed: &Failed,
        since: StoreEpoch,
    ) -> Result<(), StoreError> {
        let (step, attempt, now) = (&self.step().name, leading.attempt, now_millis());
        match failed.code {
            // Whoever cancelled has removed the deliveries, or means this run only.
            CANCELLED => {
                let ids = self.deliveries.iter().map(|delivery| delivery.id).collect();
                return self
                    .engine
                    .store()
                    .cancel(self.engine.tenant().clone(), ids)
                    .await
                    .map(drop);
            }
            "overloaded" => {
                return self.end(End::Release { at: now + NO_INSTANCE_MS }, since).await;
            }
            // It would fail at every attempt of every delivery, without having run any.
            "instantiation_failed" => {
                self.end(End::Release { at: now }, since).await?;
                return self.engine.pause_poisoned(&self.deployment, self.index, failed).await;
            }
            _ => {}
        }
        let last = self.policy.max_attempts;
        let error = failed.error(attempt);
        let after = self.policy.after_failure(failed, leading, now, rand::random::<f64>());
        let end = match after {
            AfterFailure::Retry(wait) => {
                tracing::info!(
                    %step,
                    "attempt {attempt} of {last} failed: the next one is in {:.1} s",
                    wait.as_secs_f64()
                );
                let wait = Millis::try_from(wait.as_millis()).unwrap_or(Millis::MAX);
                End::Retry { error, at: now.saturating_add(wait) }
            }
            AfterFailure::Bury(code) => {
                tracing::error!(%step, "attempt {attempt} of {last} failed: dead letter");
                let code = code.map_or(error.code.clone(), str::to_owned);
                self.policy.bury(AttemptError { code, ..error })
            }
            AfterFailure::Forget => End::Complete,
        };
        self.end(end, since).await
    }

    fn leases(&self) -> Vec<motia_store::Lease> {
        self.deliveries.iter().map(Delivery::lease).collect()
    }

    async fn end(&self, end: End, since: StoreEpoch) -> Result<(), StoreError> {
        let commit = Commit { leases: self.leases(), end, ..Commit::default() };
        self.engine.commit(commit, since).await
    }

    /// The disk was full and the attempt counts for nothing: its deliveries are due again once there is room. If the claim
    /// itself was lost, they are due already.
    fn release_later(&self) {
        let (engine, leases) = (self.engine.clone(), self.leases());
        tokio::spawn(async move {
            while engine.store().check_room().is_err() {
                tokio::time::sleep(PAUSE).await;
            }
            let now = now_millis();
            let commit = Commit { leases, end: End::Release { at: now }, ..Commit::default() };
            match engine.commit(commit, engine.store().epoch()).await {
                Ok(()) | Err(StoreError::StaleLease) => {}
                Err(error) => tracing::error!("a delivery waits for the end of its lease: {error}"),
            }
            engine.scheduler().announce_all();
            engine.inner().wake_deliveries.notify_one();
        });
    }
}

fn input_faults(schema: &schema::Schema, data: &str) -> Option<String> {
    match serde_json::from_str(data) {
        Ok(data) => {
            let faults = schema.check(&data);
            (!faults.is_empty()).then(|| schema::sentence(&faults))
        }
        Err(error) => Some(error.to_string()),
    }
}
