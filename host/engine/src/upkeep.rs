//! What goes on in the background: bringing dead letters back, and forgetting what has expired.

use std::time::Duration;

use motia_store::{Millis, Redrive};

use crate::engine::{Engine, now_millis};

/// How often a redrive goes on.
const REDRIVE_EVERY: Duration = Duration::from_millis(100);

/// How often expired things are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// So many rows are removed in one go; others write in between.
const SWEEP_ROWS: usize = 500;

/// So many deliveries are changed in one go after a queue's limits were edited.
pub const EDIT_ROWS: usize = 1000;

/// Brings back dead letters, at each redrive's own rate, until the engine stops.
pub async fn redrive(engine: Engine) {
    let mut changes = engine.inner().changes.subscribe();
    while !changes.borrow_and_update().stopping {
        let redrives = match engine.store().check_room() {
            Ok(()) => engine.store().redrives(engine.tenant().clone()).await.unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        for redrive in &redrives {
            go_on(&engine, redrive).await;
        }
        let idle = redrives.is_empty();
        tokio::select! {
            () = tokio::time::sleep(REDRIVE_EVERY), if !idle => {}
            () = tokio::time::sleep(SWEEP_EVERY), if idle => {}
            () = engine.inner().wake_redrives.notified() => {}
            _ = changes.changed() => {}
        }
    }
}

async fn go_on(engine: &Engine, redrive: &Redrive) {
    let share = f64::from(redrive.per_second) * REDRIVE_EVERY.as_secs_f64();
    // A slow one moves one letter in some of the rounds.
    let whole = share.floor() + f64::from(u8::from(rand::random::<f64>() < share.fract()));
    if whole < 1.0 {
        return;
    }
    match engine.store().redrive_some(redrive.id, whole as usize, now_millis()).await {
        Ok(mut steps) => {
            steps.sort();
            steps.dedup();
            for step in steps {
                engine.announce(&step, 0);
            }
        }
        Err(error) => tracing::error!("a redrive does not go on: {error}"),
    }
}

/// Forgets what has expired until the engine stops.
pub async fn sweep(engine: Engine) {
    let mut changes = engine.inner().changes.subscribe();
    while !changes.borrow_and_update().stopping {
        let now = now_millis();
        let kept = engine.inner().options.keep_dead_letters.as_millis() as Millis;
        loop {
            match engine.store().sweep(now, now.saturating_sub(kept), SWEEP_ROWS).await {
                Ok(rows) if rows >= SWEEP_ROWS as u64 => tokio::task::yield_now().await,
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!("expired rows are kept: {error}");
                    break;
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP_EVERY) => {}
            _ = changes.changed() => {}
        }
    }
}
