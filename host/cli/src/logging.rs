//! Log lines on standard error: `LOG_LEVEL` (or `RUST_LOG` for more) says how much.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging.
pub fn start() {
    let filter = match (std::env::var("RUST_LOG"), std::env::var("LOG_LEVEL")) {
        (Ok(filter), _) => EnvFilter::new(filter),
        (_, Ok(level)) => EnvFilter::new(level.to_lowercase()),
        // The runtime's crates speak of their own business below warnings.
        _ => EnvFilter::new(
            "warn,motia=info,motia_engine=info,motia_server=info,motia_sandbox=info,motia_store=info",
        ),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}
