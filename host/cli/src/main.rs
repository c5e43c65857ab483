//! The `motia` command. Each subcommand is a file in `commands`; what they do is in the libraries.

mod client;
mod commands;
mod environment;
mod logging;
mod progress;

use clap::{Parser, Subcommand};
use commands::operations;

/// Backends made of steps, as sandboxed WebAssembly components.
#[derive(Parser)]
#[command(name = "motia", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Create(commands::create::Create),
    Build(commands::build::Build),
    Serve(commands::serve::Serve),
    Dev(commands::dev::Dev),
    Emit(commands::emit::Emit),
    Inspect(operations::inspect::Inspect),
    Queue(operations::queue::Queue),
    Cron(operations::cron::Cron),
    Cancel(operations::cancel::Cancel),
    Replay(operations::replay::Replay),
    Redrive(operations::redrive::Redrive),
    Discard(operations::discard::Discard),
    Backup(operations::backup::Backup),
    Restore(operations::restore::Restore),
    Generate(commands::generate::Generate),
    Doctor(commands::doctor::Doctor),
    Toolchain(commands::toolchain::Toolchains),
    Completions(commands::completions::Completions),
}

fn main() -> std::process::ExitCode {
    // A process of a host, not a command for people.
    if std::env::args_os().nth(1).is_some_and(|name| name == commands::host::QUERY_WORKER) {
        return motia_store::query_worker();
    }
    let arguments = Arguments::parse();
    logging::start();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no threads can be started: {error}");
            return std::process::ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(async {
        match arguments.command {
            Command::Create(command) => command.run().await,
            Command::Build(command) => command.run().await,
            Command::Serve(command) => command.run().await,
            Command::Dev(command) => command.run().await,
            Command::Emit(command) => command.run().await,
            Command::Inspect(command) => command.run().await,
            Command::Queue(command) => command.run().await,
            Command::Cron(command) => command.run().await,
            Command::Cancel(command) => command.run().await,
            Command::Replay(command) => command.run().await,
            Command::Redrive(command) => command.run().await,
            Command::Discard(command) => command.run().await,
            Command::Backup(command) => command.run(),
            Command::Restore(command) => command.run(),
            Command::Generate(command) => command.run().await,
            Command::Doctor(command) => command.run(),
            Command::Toolchain(command) => command.run().await,
            Command::Completions(command) => command.run(),
        }
    });
    // A compiler that still works in the background need not be waited for.
    runtime.shutdown_background();
    match ended {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
