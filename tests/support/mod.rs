//! What the tests share: a copy of a project to build, a server to ask, and ways to wait.
//!
//! Every test drives the program as a user does: by its command line, over HTTP and by what it prints.
//! Start with [`Project`], then [`Server`].

// Each test program uses its own part of this module.
#![allow(dead_code, unused_imports)]

mod browser;
mod command;
mod http;
mod project;
mod server;
mod shared;
mod socket;
mod wait;

pub use browser::browse;
pub use command::{Ended, motia, run};
pub use http::{Reply, Sent, send};
pub use project::{Project, copy_directory, line_of, repository};
pub use server::{Running, Server};
pub use shared::Shared;
pub use socket::{Event, Events, Socket};
pub use wait::{look_for, wait_for, wait_until};

use std::time::Duration;

/// How long a build or a start may take. The first build with Python steps provisions a toolchain and
/// compiles an interpreter to native code.
pub const SLOW: Duration = Duration::from_secs(300);

/// How long anything else may take, on a machine that is busy with other tests.
pub const SOON: Duration = Duration::from_secs(60);
