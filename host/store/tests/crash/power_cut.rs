//! Power cuts at random moments of a workload.

use std::{
    env,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::runtime::Runtime;

use crate::{
    check::check,
    images::{Image, Syncs},
    runtime, scratch,
    vfs::{Change, Event},
    workload::{self, History},
};

const WORKLOADS: u64 = 10;

/// A moment of a workload, and what is on the disk if the power is cut then.
struct PowerCut {
    position: usize,
    image: Image,
}

impl PowerCut {
    fn at_random(history: &History, syncs: Syncs, random: &mut StdRng) -> Self {
        let position = random.random_range(0..=history.log.len());
        let image = Image::after_power_cut(&history.log[..position], syncs, random);
        Self { position, image }
    }

    fn check(&self, history: &History, runtime: &Runtime) -> Result<(), String> {
        check(&self.image, &history.facts(self.position), scratch().path(), runtime)
    }
}

#[test]
fn no_acknowledged_commit_is_lost_in_500_crash_images() {
    let images = number("MOTIA_CRASH_IMAGES").unwrap_or(500).div_ceil(WORKLOADS);
    let seed = seed();
    let next = AtomicU64::new(0);
    let some_workloads = || {
        let runtime = runtime();
        loop {
            let workload = next.fetch_add(1, Ordering::Relaxed);
            if workload >= WORKLOADS {
                break;
            }
            survives_power_cuts(workload, seed.wrapping_add(workload), images, &runtime);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from).min(4) {
            scope.spawn(some_workloads);
        }
    });
}

fn survives_power_cuts(workload: u64, seed: u64, images: u64, runtime: &Runtime) {
    let dir = scratch();
    let history = workload::run(&format!("power-cut-{workload}"), seed, dir.path(), runtime);
    let is_end_of_checkpoint = |event: &&Event| {
        event.inode.name == "core.db" && matches!(event.change, Change::Sync { .. })
    };
    let checkpoints = history.log.iter().filter(is_end_of_checkpoint).count();
    assert!(checkpoints > 2 * workload::SESSIONS, "only {checkpoints} checkpoints");
    assert!(history.facts(history.log.len()).len() > 100, "too little was acknowledged");

    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..images {
        let cut = PowerCut::at_random(&history, Syncs::Honest, &mut random);
        if let Err(loss) = cut.check(&history, runtime) {
            let kept = scratch().keep();
            cut.image.write(&kept);
            panic!(
                "workload {workload}, power cut after {} of {} events: {loss}\nthe image is in {}",
                cut.position,
                history.log.len(),
                kept.display()
            );
        }
    }
}

#[test]
fn what_a_disk_loses_that_lies_about_a_sync_is_found() {
    let (seed, dir, runtime) = (seed(), scratch(), runtime());
    let history = workload::run("lying-disk", seed, dir.path(), &runtime);
    let mut random = StdRng::seed_from_u64(seed);
    let losses = (0..30)
        .filter(|_| {
            let cut = PowerCut::at_random(&history, Syncs::LastIsALie, &mut random);
            cut.check(&history, &runtime).is_err()
        })
        .count();
    assert!(losses > 0, "30 disks have lost a commit, and no check has seen it");
}

fn seed() -> u64 {
    let seed = number("MOTIA_SEED").unwrap_or_else(rand::random);
    println!("MOTIA_SEED={seed}");
    seed
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is `{text}`, not a number")))
}
