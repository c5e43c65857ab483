//! `motia dev` and `motia build --watch`: an edit is built soon, and until then the last good version is
//! there. A browser is shown what is wrong meanwhile.

mod support;

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    process::{Child, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use support::{Project, Running, SLOW, Server, line_of, motia, wait_until};

const STEP: &str = "steps/send-message.step.ts";
const ANSWER: &str = "return { status: 200, body: { ok: true } }";

/// Tells a thread to stop, also when a test fails.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn answer_of(version: u32) -> String {
    format!("return {{ status: 200, body: {{ ok: true, version: {version} }} }}")
}

fn ask(server: &Server) -> Value {
    server.post("/messages", &json!({ "text": "hi" })).json()
}

#[track_caller]
fn wait_for_version(server: &Server, version: u32) {
    wait_until(SLOW, "the edit is served", || ask(server)["version"] == version);
}

#[test]
fn an_edit_is_served_and_no_request_fails_meanwhile() {
    let project = Project::example("hello/typescript");
    let server = Server::dev(&project.root(), &project.data());
    assert_eq!(ask(&server), json!({ "ok": true }));

    let (stopped, server) = (AtomicBool::new(false), &server);
    let (answered, failed) = thread::scope(|scope| {
        let stop = StopOnDrop(&stopped);
        let asking = scope.spawn(|| {
            let (mut answered, mut failed) = (0, Vec::new());
            while !stopped.load(Ordering::Relaxed) {
                let json = [("content-type", "application/json")];
                match server.try_request("POST", "/messages", &json, b"{\"text\":\"hi\"}") {
                    Ok(reply) if reply.status == 200 => answered += 1,
                    other => failed.push(format!("{other:?}")),
                }
            }
            (answered, failed)
        });
        for version in [2, 3] {
            let before = if version == 2 { ANSWER.to_owned() } else { answer_of(version - 1) };
            project.edit(STEP, &before, &answer_of(version));
            wait_for_version(server, version);
        }
        drop(stop);
        asking.join().expect("the answers")
    });
    assert!(failed.is_empty(), "{} of {}: {failed:#?}", failed.len(), answered + failed.len());
    assert!(answered > 0);
    server.wait_for_log_with(&["rebuilt", STEP]);
}

#[test]
fn a_broken_edit_is_reported_while_the_last_good_version_serves() {
    let project = Project::example("hello/typescript");
    let server = Server::dev(&project.root(), &project.data());
    let good = project.read(STEP);
    let broken = format!("{good}\nexport const broken = = 1\n");
    project.write(STEP, &broken);
    let place = format!("{STEP}:{}:", line_of(&broken, "= = 1"));
    server.wait_for_log(&place);
    assert_eq!(ask(&server), json!({ "ok": true }));

    project.write(STEP, &good.replace(ANSWER, &answer_of(2)));
    wait_for_version(&server, 2);
}

#[test]
fn a_new_step_is_served_and_a_removed_one_is_not() {
    let project = Project::example("hello/typescript");
    let server = Server::dev(&project.root(), &project.data());
    let added = "steps/added.step.ts";
    assert_eq!(server.get("/added").status, 404);
    project.write(
        added,
        "export const config = { name: 'Added', type: 'api', method: 'GET', path: '/added' }\n\
         export const handler = async () => ({ status: 200, body: {} })\n",
    );
    wait_until(SLOW, "the new step is served", || server.get("/added").status == 200);
    std::fs::remove_file(project.root().join(added)).expect("to remove a step");
    wait_until(SLOW, "the removed step is gone", || server.get("/added").status == 404);
}

#[test]
fn an_answer_says_why_a_handler_failed() {
    let project = Project::example("hello/typescript");
    project.edit(STEP, ANSWER, "throw new Error('the reason')");
    let server = Server::dev(&project.root(), &project.data());
    let reply = server.post("/messages", &json!({ "text": "hi" }));
    let body = reply.json();
    assert_eq!((reply.status, &body["message"]), (500, &json!("Error: the reason")));
    let line = line_of(&project.read(STEP), "the reason");
    let stack = body["stack"].as_str().expect("a stack");
    assert!(stack.contains(&format!("{STEP}:{line}:")), "{stack}");
}

#[test]
fn a_broken_file_does_not_keep_the_other_steps_from_being_served() {
    let project = Project::example("hello/typescript");
    project.write("steps/broken.step.ts", "export const config = {");
    let server = Server::dev(&project.root(), &project.data());
    server.wait_for_log_with(&["error", "steps/broken.step.ts:1:"]);
    server.wait_for_log("the other steps are served");
    assert_eq!(ask(&server), json!({ "ok": true }));

    let config = "{ type: 'api', name: 'Mended', method: 'GET', path: '/mended' }";
    let step = format!(
        "export const config = {config}\nexport const handler = async () => ({{ status: 204 }})\n"
    );
    project.write("steps/broken.step.ts", &step);
    wait_until(SLOW, "the mended step is served", || server.get("/mended").status == 204);
}

/// The messages of `/__motia/events`, as they come.
fn build_events(server: &Server) -> impl Iterator<Item = Value> {
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    stream.set_read_timeout(Some(SLOW)).expect("a timeout");
    let host = server.address();
    write!(stream, "GET /__motia/events HTTP/1.1\r\nhost: {host}\r\n\r\n").expect("to ask");
    let lines = BufReader::new(stream).lines().map(|line| line.expect("a stream that goes on"));
    lines.filter_map(|line| {
        let json = line.strip_prefix("data: ")?;
        Some(serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}")))
    })
}

#[test]
fn a_browser_follows_the_build_from_good_to_broken_and_back() {
    let project = Project::example("hello/typescript");
    let server = Server::dev(&project.root(), &project.data());
    let mut events = build_events(&server);
    let first = events.next().expect("the status at once");
    assert_eq!(first["state"], "good", "{first}");
    let listed = first["steps"].as_array().expect("the steps");
    let step = listed.iter().find(|step| step["file"] == STEP).expect("the step");
    assert_eq!((&step["method"], &step["path"]), (&json!("POST"), &json!("/messages")));

    let good = project.read(STEP);
    let broken = format!("{good}\nexport const broken = = 1\n");
    let line = line_of(&broken, "= = 1");
    project.write(STEP, &broken);
    let told = events.find(|status| status["errors"][0]["line"] == line).expect("the error");
    let error = &told["errors"][0];
    assert_eq!((&told["state"], &error["file"]), (&json!("broken"), &json!(STEP)));
    assert_eq!(error["excerpt"], "export const broken = = 1");
    assert_eq!(told["deployment"], first["deployment"]);
    assert_eq!(ask(&server), json!({ "ok": true }));
    wait_until(SLOW, "the status has the same error", || {
        server.get("/__motia/status").json()["errors"] == told["errors"]
    });
    let missing = server.request("GET", "/nothing", &[("accept", "text/html")], b"");
    assert_eq!(missing.status, 404);
    assert!(missing.text().contains("/__motia/events"), "{}", missing.text());
    assert_eq!(server.get("/nothing").error(), (404, "not_found".to_owned()));

    project.write(STEP, &good.replace(ANSWER, &answer_of(2)));
    let mended = events.find(|status| status["state"] == "good").expect("a good build");
    assert_eq!(mended["rebuilt"], json!([STEP]));
    assert_ne!(mended["deployment"], first["deployment"]);
    assert_eq!(ask(&server)["version"], 2);

    // A browser that still listens does not keep the server from stopping.
    let stopping = Instant::now();
    server.terminate();
    events.for_each(drop);
    assert!(server.wait().success());
    assert!(stopping.elapsed() < Duration::from_secs(20), "{:?}", stopping.elapsed());
}

#[test]
fn html_gets_the_overlay_in_dev_only() {
    let overlay = "<script src=\"/__motia/overlay.js\" defer></script></body>";
    let project = Project::example("hello/typescript");
    project.write(
        "steps/page.step.ts",
        "export const config = { name: 'Page', type: 'api', method: 'GET', path: '/page' }\n\
         export const handler = async () => ({ status: 200, body: '<body><p>hi</p></body>' })\n",
    );
    let load = |server: &Server| server.request("GET", "/page", &[("accept", "text/html")], b"");
    {
        let server = Server::dev(&project.root(), &project.data());
        let page = load(&server);
        assert!(page.text().contains(overlay), "{}", page.text());
        assert_eq!(page.header("content-length"), Some(page.body.len().to_string().as_str()));
        let fragment = [("accept", "text/html"), ("hx-request", "true")];
        let fragment = server.request("GET", "/page", &fragment, b"").text();
        assert_eq!(fragment, "<body><p>hi</p></body>");
        let script = server.get("/__motia/overlay.js");
        assert!(script.text().contains("alertdialog"), "{}", script.text());
        server.stop();
    }
    let served = Running::start(project, &[]);
    assert_eq!(load(&served.server).text(), "<body><p>hi</p></body>");
    assert_eq!(served.server.get("/__motia/status").error(), (404, "not_found".to_owned()));
}

#[test]
fn another_site_is_not_told_about_the_build() {
    let project = Project::example("hello/typescript");
    let server = Server::dev(&project.root(), &project.data());
    let refused = (403, "not_local".to_owned());
    for path in ["/__motia/", "/__motia/status", "/__motia/events", "/__motia/overlay.js"] {
        for header in [("host", "example.org"), ("origin", "https://example.org")] {
            assert_eq!(server.request("GET", path, &[header], b"").error(), refused, "{path}");
        }
    }
    let near = [("host", "localhost:3000"), ("origin", "http://localhost:5173")];
    assert_eq!(server.request("GET", "/__motia/status", &near, b"").status, 200);
}

/// A program that is killed when a test ends.
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn build_watch_builds_again_what_changes_and_goes_on_after_an_error() {
    let project = Project::example("hello/typescript");
    let mut command = motia(["build", "--watch", "--json"]);
    // Within the project, so that what a build writes must not start the next.
    let out = project.root().join("out");
    command.arg(project.root()).arg("--out").arg(&out);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = KillOnDrop(command.spawn().expect("to start"));
    let stdout = BufReader::new(child.0.stdout.take().expect("a piped stream"));
    let mut builds = stdout.lines().map(|line| -> Value {
        let line = line.expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    });
    assert_eq!(builds.next().expect("the first build")["ok"], true);
    let first = std::fs::read(out.join("manifest.json")).expect("the bundle");

    let good = project.read(STEP);
    project.write(STEP, "export const config = {");
    let broken = builds.next().expect("the next build");
    assert_eq!((&broken["ok"], &broken["errors"][0]["file"]), (&json!(false), &json!(STEP)));
    assert_eq!(std::fs::read(out.join("manifest.json")).expect("the bundle"), first);

    project.write(STEP, &good.replace(ANSWER, &answer_of(2)));
    let mended = builds.find(|build| build["ok"] == true).expect("a good build");
    let steps = mended["steps"].as_array().expect("the steps");
    assert!(steps.iter().any(|step| step["file"] == STEP && step["cached"] == false), "{mended}");
}
