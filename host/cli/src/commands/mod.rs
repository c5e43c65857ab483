//! One file for each subcommand.

pub mod build;
pub mod completions;
pub mod create;
pub mod dev;
pub mod doctor;
pub mod emit;
pub mod generate;
pub mod host;
pub mod operations;
pub mod serve;
pub mod toolchain;
pub mod watch;
