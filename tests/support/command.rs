//! Running the program to its end.

use std::{
    io::Read,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use super::look_for;

/// What a program left when it ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A call of the program under test.
pub fn motia<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_motia"));
    command.args(arguments);
    command
}

/// Runs a command to its end. One that goes on is killed, and the test fails.
#[track_caller]
pub fn run(command: &mut Command, deadline: Duration) -> Ended {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = read_to_end(child.stdout.take());
    let stderr = read_to_end(child.stderr.take());
    let ended = look_for(deadline, || child.try_wait().expect("the state of a child"));
    if ended.is_none() {
        child.kill().expect("to kill a child");
        child.wait().expect("the end of a child");
    }
    let code = ended.and_then(|status| status.code());
    let text = |reader: thread::JoinHandle<String>| reader.join().expect("the reader's text");
    let output = Ended { code, stdout: text(stdout), stderr: text(stderr) };
    assert!(ended.is_some(), "{command:?} did not end within {deadline:?}: {output:#?}");
    output
}

/// Reads beside the program, so that it never waits for a full pipe.
fn read_to_end(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    let mut pipe = pipe.expect("a piped stream");
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("the program's output");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
