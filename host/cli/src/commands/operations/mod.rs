//! Commands for those who operate a host: they ask the one that runs, or work on its data.

pub mod backup;
pub mod cancel;
pub mod cron;
pub mod discard;
pub mod inspect;
mod letters;
pub mod queue;
pub mod redrive;
pub mod replay;
pub mod restore;
mod text;
