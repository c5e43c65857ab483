//! What the command line says about itself.

mod support;

use support::{Ended, SLOW, SOON, motia, run};

const COMMANDS: [&str; 17] = [
    "create",
    "build",
    "serve",
    "dev",
    "emit",
    "generate",
    "toolchain",
    "doctor",
    "inspect",
    "queue",
    "cron",
    "cancel",
    "replay",
    "redrive",
    "discard",
    "backup",
    "restore",
];

#[test]
fn every_command_has_help_with_an_example() {
    for name in COMMANDS {
        let Ended { code, stdout, .. } = run(&mut motia([name, "--help"]), SOON);
        assert_eq!(code, Some(0), "{name}");
        let (_, examples) =
            stdout.split_once("Example").unwrap_or_else(|| panic!("no example: {stdout}"));
        assert!(examples.contains(&format!("motia {name}")), "{stdout}");
    }
}

#[test]
fn completions_know_every_command() {
    let ended = run(&mut motia(["completions", "bash"]), SOON);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    for name in COMMANDS {
        assert!(ended.stdout.contains(name), "no {name}");
    }
}

#[test]
fn doctor_tells_the_state_of_every_toolchain() {
    let Ended { stdout, .. } = run(&mut motia(["doctor"]), SLOW);
    for name in ["Node", "Python", "Rust"] {
        assert!(stdout.contains(name), "nothing about {name}:\n{stdout}");
    }
}

#[test]
fn an_unknown_command_is_refused() {
    let ended = run(&mut motia(["fly"]), SOON);
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert!(ended.stderr.contains("fly") && ended.stderr.contains("--help"), "{ended:#?}");
}
