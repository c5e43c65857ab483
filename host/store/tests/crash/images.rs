//! What may be on a disk after a power cut.
//!
//! What was synced is there. Of the rest, any part may be: each change has happened or not, whatever came after
//! it, and of a write each sector for itself.

use std::{
    collections::{BTreeMap, HashMap},
    fs, iter,
    path::Path,
};

use rand::{Rng, rngs::StdRng};

use crate::vfs::{Change, Event, Inode};

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// Whether the disk has done what it was told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syncs {
    Honest,
    /// The last sync of the write-ahead log did nothing, and nothing that was not synced is there.
    LastIsALie,
}

/// The files of a directory.
pub struct Image(BTreeMap<&'static str, Vec<u8>>);

impl Image {
    /// What may be there when the power is cut after the last event of the log.
    pub fn after_power_cut(log: &[Event], syncs: Syncs, random: &mut StdRng) -> Self {
        let luck = Luck::of(syncs, random);
        let mut names: BTreeMap<&'static str, Inode> = BTreeMap::new();
        let mut contents: HashMap<Inode, Vec<u8>> = HashMap::new();
        for (event, synced) in log.iter().zip(synced(log, syncs)) {
            if !synced && !random.random_bool(luck.kept) {
                continue;
            }
            match &event.change {
                Change::Link(inode) => {
                    names.insert(inode.name, *inode);
                }
                Change::Unlink(inode) if names.get(inode.name) == Some(inode) => {
                    names.remove(inode.name);
                }
                Change::Write { offset, bytes } => {
                    let content = contents.entry(event.inode).or_default();
                    if synced || !random.random_bool(luck.torn) {
                        put(content, *offset, bytes);
                        continue;
                    }
                    for (offset, sector) in sectors(*offset, bytes) {
                        if random.random_bool(0.5) {
                            put(content, offset, sector);
                        }
                    }
                }
                Change::Truncate { length } => {
                    contents.entry(event.inode).or_default().resize(*length, 0);
                }
                Change::Unlink(_) | Change::Sync { .. } => {}
            }
        }
        let file = |(name, inode): (_, Inode)| (name, contents.remove(&inode).unwrap_or_default());
        Self(names.into_iter().map(file).collect())
    }

    pub fn write(&self, dir: &Path) {
        fs::create_dir_all(dir).expect("a directory");
        for (name, content) in &self.0 {
            fs::write(dir.join(name), content).expect("a file");
        }
    }
}

/// How likely it is that what was not synced is there all the same.
struct Luck {
    kept: f64,
    /// That only some sectors of a write are.
    torn: f64,
}

impl Luck {
    fn of(syncs: Syncs, random: &mut StdRng) -> Self {
        match (syncs, random.random_range(0..4)) {
            (Syncs::LastIsALie, _) | (_, 0) => Self { kept: 0.0, torn: 0.0 },
            (_, 1) => Self { kept: 1.0, torn: 0.0 },
            _ => Self { kept: random.random(), torn: random.random() },
        }
    }
}

/// Which events of the log are on disk for certain.
fn synced(log: &[Event], syncs: Syncs) -> Vec<bool> {
    let is_of_the_log = |event: &Event| {
        event.inode.name.ends_with("-wal") && matches!(event.change, Change::Sync { .. })
    };
    let lie = match syncs {
        Syncs::Honest => None,
        Syncs::LastIsALie => log.iter().rposition(is_of_the_log),
    };
    let mut synced = vec![false; log.len()];
    let mut unsynced: HashMap<Inode, Vec<usize>> = HashMap::new();
    for (index, event) in log.iter().enumerate() {
        let unsynced = unsynced.entry(event.inode).or_default();
        match event.change {
            Change::Sync { .. } if lie == Some(index) => {}
            Change::Sync { begun } => {
                let covered = unsynced.partition_point(|&change| change < begun);
                unsynced.drain(..covered).for_each(|change| synced[change] = true);
            }
            _ => unsynced.push(index),
        }
    }
    synced
}

/// The parts of a write that are written or not by themselves, and where they go.
fn sectors(offset: usize, bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let first = (SECTOR - offset % SECTOR).min(bytes.len());
    let (head, rest) = bytes.split_at(first);
    let rest = rest.chunks(SECTOR).enumerate();
    iter::once((offset, head))
        .chain(rest.map(move |(index, sector)| (offset + first + index * SECTOR, sector)))
}

fn put(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}
