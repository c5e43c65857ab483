//! `motia serve` and `motia dev`, what they answer and what they log.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use serde_json::Value;

use super::{Project, Reply, SLOW, SOON, Sent, look_for, motia, run, send, wait_for};

/// What is printed once the server answers.
const READY: &str = "listening on http://";

/// A running server. It is killed when it is dropped.
pub struct Server {
    child: Child,
    log: Log,
    url: String,
}

impl Server {
    /// `motia serve` on a port that the system chooses.
    #[track_caller]
    pub fn serve(bundle: &Path, data: &Path, options: &[&str]) -> Self {
        let mut command = motia(["serve"]);
        command.arg(bundle).args(["--addr", "127.0.0.1:0"]).arg("--data").arg(data).args(options);
        Self::start(&mut command)
    }

    /// `motia dev` on a port that the system chooses.
    #[track_caller]
    pub fn dev(project: &Path, data: &Path) -> Self {
        let mut command = motia(["dev"]);
        Self::start(command.arg(project).args(["--port", "0"]).arg("--data").arg(data))
    }

    /// A command that serves.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let log = Log::default();
        log.collect(child.stdout.take());
        log.collect(child.stderr.take());
        let mut server = Self { child, log, url: String::new() };
        server.url = wait_for(SLOW, "the server listens", || {
            if let Some(line) = server.log.find(READY) {
                let (_, address) = line.split_once(READY).expect("the text that was looked for");
                return Some(format!("http://{}", address.trim_end().trim_end_matches('/')));
            }
            let ended = server.child.try_wait().expect("the state of a child");
            assert!(ended.is_none(), "{command:?} ended ({ended:?}):\n{}", server.log());
            None
        });
        server
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Reply {
        self.request("GET", path, &[], b"")
    }

    /// Posts JSON.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.request(
            "POST",
            path,
            &[("content-type", "application/json")],
            body.to_string().as_bytes(),
        )
    }

    #[track_caller]
    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        let sent = self.try_request(method, path, headers, body);
        sent.unwrap_or_else(|error| panic!("{method} {path}: {error}\n{}", self.log()))
    }

    pub fn try_request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Sent {
        send(method, &format!("{}{path}", self.url), headers, body)
    }

    /// Everything that was printed.
    pub fn log(&self) -> String {
        self.log.lines().join("\n")
    }

    /// Waits for a line that contains a text, and returns it.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str) -> String {
        self.wait_for_log_with(&[text])
    }

    /// Waits for a line that contains all the texts, and returns it.
    #[track_caller]
    pub fn wait_for_log_with(&self, texts: &[&str]) -> String {
        let found = look_for(SOON, || {
            let mut lines = self.log.lines().into_iter();
            lines.find(|line| texts.iter().all(|text| line.contains(text)))
        });
        found.unwrap_or_else(|| panic!("no line of the log has {texts:?}:\n{}", self.log()))
    }

    /// Sends SIGTERM.
    #[track_caller]
    pub fn terminate(&self) {
        let id = self.child.id().to_string();
        let ended = run(Command::new("kill").args(["-TERM", &id]), SOON);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }

    /// Waits for the end that somebody asked for.
    #[track_caller]
    pub fn wait(mut self) -> ExitStatus {
        wait_for(SOON, "the server ends", || self.child.try_wait().expect("the state of a child"))
    }

    /// Asks the server to stop and waits until it has ended well.
    #[track_caller]
    pub fn stop(self) {
        self.terminate();
        let log = self.log.clone();
        let status = self.wait();
        assert!(status.success(), "{status}:\n{}", log.lines().join("\n"));
    }

    /// Ends the server at once, as a power cut would.
    pub fn kill9(mut self) {
        self.child.kill().expect("to kill a child");
        self.child.wait().expect("the end of a child");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A project that is built and served.
pub struct Running {
    pub server: Server,
    pub project: Project,
}

impl Running {
    #[track_caller]
    pub fn start(project: Project, options: &[&str]) -> Self {
        project.build();
        let server = Server::serve(&project.bundle(), &project.data(), options);
        Self { server, project }
    }
}

/// The lines of standard output and standard error, in the order in which they came.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn collect(&self, pipe: Option<impl Read + Send + 'static>) {
        let mut pipe = BufReader::new(pipe.expect("a piped stream"));
        let log = self.clone();
        thread::spawn(move || {
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                log.0.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                line.clear();
            }
        });
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn find(&self, text: &str) -> Option<String> {
        self.lines().into_iter().find(|line| line.contains(text))
    }
}
