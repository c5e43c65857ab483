//! The examples do what their README says.

mod support;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::{Value, json};
use support::{Project, Reply, Running, SOON, Server, repository, wait_for, wait_until};

/// Builds and serves an example with variables in its `.env`.
#[track_caller]
fn start(example: &str, environment: &str, options: &[&str]) -> Running {
    let project = Project::example(example);
    project.write(".env", environment);
    let file = project.root().join(".env");
    let file = ["--env-file", file.to_str().expect("a path in UTF-8")];
    Running::start(project, &[&file[..], options].concat())
}

#[track_caller]
fn add_todo(server: &Server, title: &str) -> String {
    let reply = server.post("/todos", &json!({ "title": title }));
    let todo = reply.json();
    let id = todo["id"].as_str().expect("an id").to_owned();
    assert_eq!((reply.status, &todo["title"], &todo["done"]), (201, &json!(title), &json!(false)));
    assert_eq!(reply.header("location"), Some(format!("/todos/{id}").as_str()));
    id
}

fn titles(reply: &Reply) -> Vec<String> {
    let todos = reply.json();
    let todos = todos.as_array().expect("a list");
    todos.iter().map(|todo| todo["title"].as_str().expect("a title").to_owned()).collect()
}

fn patch(server: &Server, path: &str, change: &Value) -> Reply {
    let json = [("content-type", "application/json")];
    server.request("PATCH", path, &json, change.to_string().as_bytes())
}

#[test]
fn todos_are_added_read_changed_listed_counted_and_deleted() {
    let running = start("todo", "TODO_API_KEY=the-key\n", &[]);
    let server = &running.server;
    assert_eq!(server.get("/todos/stats").json(), json!({ "created": 0 }));
    let plants = add_todo(server, "Water the plants");
    let bread = format!("/todos/{}", add_todo(server, "Bake bread"));
    assert_eq!(titles(&server.get("/todos")), ["Water the plants", "Bake bread"]);

    let changed = patch(server, &bread, &json!({ "done": true }));
    assert_eq!((changed.status, &changed.json()["done"]), (200, &json!(true)));
    assert_eq!(server.get(&bread).json(), changed.json());
    assert_eq!(titles(&server.get("/todos?done=true")), ["Bake bread"]);
    assert_eq!(titles(&server.get("/todos?done=false")), ["Water the plants"]);
    assert!(
        server.get("/todos").header("x-response-time").is_some_and(|time| time.ends_with(" ms"))
    );

    let plants = format!("/todos/{plants}");
    let keys: [&[(&str, &str)]; 2] = [&[], &[("x-api-key", "another-key")]];
    for headers in keys {
        let refused = server.request("DELETE", &plants, headers, b"");
        assert_eq!(refused.status, 401, "{}", refused.text());
    }
    assert_eq!(server.get(&plants).status, 200);
    let deleted = server.request("DELETE", &plants, &[("x-api-key", "the-key")], b"");
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    assert_eq!(server.get(&plants).status, 404);
    assert_eq!(patch(server, &plants, &json!({ "done": true })).status, 404);
    assert_eq!(titles(&server.get("/todos")), ["Bake bread"]);

    wait_until(SOON, "both todos are counted", || {
        server.get("/todos/stats").json()["created"].as_f64() == Some(2.0)
    });
}

#[test]
fn todos_that_break_the_schema_are_refused() {
    let running = start("todo", "", &[]);
    let server = &running.server;
    for title in [json!(""), json!("x".repeat(201)), json!(7)] {
        let reply = server.post("/todos", &json!({ "title": title }));
        assert_eq!(reply.error(), (400, "validation_failed".to_owned()), "{title}");
        assert_eq!(reply.json()["details"][0]["pointer"], "/title");
    }
    let extra = server.post("/todos", &json!({ "title": "x", "colour": "red" }));
    assert_eq!(extra.error(), (400, "validation_failed".to_owned()));
    assert_eq!(server.get("/todos").json(), json!([]));
}

#[test]
fn todos_are_still_there_after_a_restart() {
    let Running { server, project } = start("todo", "", &[]);
    add_todo(&server, "Outlive the server");
    server.stop();
    let server = Server::serve(&project.bundle(), &project.data(), &[]);
    assert_eq!(titles(&server.get("/todos")), ["Outlive the server"]);
}

/// A site that answers every request with the status that the test wants.
struct Site {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    requests: Arc<AtomicUsize>,
}

impl Site {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let site = Self {
            address: listener.local_addr().expect("an address"),
            status: Arc::new(AtomicU16::new(200)),
            requests: Arc::default(),
        };
        let (status, requests) = (Arc::clone(&site.status), Arc::clone(&site.requests));
        thread::spawn(move || {
            for connection in listener.incoming() {
                let Ok(mut connection) = connection else { continue };
                requests.fetch_add(1, Ordering::Relaxed);
                let status = status.load(Ordering::Relaxed);
                // A head without a body comes in one piece; a client that leaves is no matter.
                let _ = connection.read(&mut [0; 4096]);
                let _ = write!(
                    connection,
                    "HTTP/1.1 {status} So\r\ncontent-length: 2\r\nconnection: close\r\n\r\nup"
                );
            }
        });
        site
    }

    /// What the example reads from its environment.
    fn environment(&self) -> String {
        format!("UPTIME_URL=http://{}/\n", self.address)
    }
}

/// Waits for a check of the site that is as wanted.
#[track_caller]
fn wait_for_check(server: &Server, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    wait_for(SOON, what, || {
        let reply = server.get("/status");
        (reply.status == 200).then(|| reply.json()).filter(&wanted)
    })
}

#[test]
fn a_site_is_checked_on_schedule_and_its_changes_are_recorded() {
    let site = Site::open();
    let running = start("uptime", &site.environment(), &["--allow-http", "127.0.0.1"]);
    let twice =
        wait_for_check(&running.server, "two checks", |check| check["count"].as_f64() >= Some(2.0));
    assert_eq!((&twice["status"], &twice["ok"]), (&json!(200), &json!(true)), "{twice}");
    assert!(site.requests.load(Ordering::Relaxed) >= 2);

    site.status.store(503, Ordering::Relaxed);
    let down =
        wait_for_check(&running.server, "the change", |check| check["lastChange"]["to"] == 503);
    assert_eq!((&down["ok"], &down["lastChange"]["from"]), (&json!(false), &json!(200)), "{down}");
}

#[test]
fn a_site_that_was_not_allowed_is_never_asked() {
    let site = Site::open();
    let running = start("uptime", &site.environment(), &[]);
    let check = wait_for_check(&running.server, "a check", |_| true);
    assert_eq!((&check["status"], &check["ok"]), (&json!(null), &json!(false)), "{check}");
    assert_eq!(site.requests.load(Ordering::Relaxed), 0);
}

#[test]
fn four_languages_work_on_one_message() {
    let running = start("hello/mixed", "", &[]);
    let server = &running.server;
    let accepted = server.post("/messages", &json!({ "text": "good day" })).json();
    let trace_id = accepted["traceId"].as_str().expect("a trace id");
    let made = wait_for(SOON, "all languages have run", || {
        let made = server.get(&format!("/messages/{trace_id}")).json();
        made.as_object().is_some_and(|made| made.len() == 4).then_some(made)
    });
    let expected = json!({
        "typescript": "good day", "javascript": "GOOD DAY", "python": "Good Day", "rust": "yad doog",
    });
    assert_eq!(made, expected);
    assert_eq!(server.get("/messages/unknown").status, 404);
}

const TOKEN: &str = "a-token-of-the-tests";

/// The items of a stream's group, by id.
#[track_caller]
fn items(server: &Server, stream: &str, group: &str) -> Vec<Value> {
    let path = format!("/__motia/api/streams/{stream}/{group}");
    let bearer = format!("Bearer {TOKEN}");
    let reply = server.request("GET", &path, &[("authorization", &bearer)], b"");
    assert_eq!(reply.status, 200, "{}", reply.text());
    let items = reply.json()["items"].as_array().expect("a list").clone();
    items.into_iter().map(|item| item["data"].clone()).collect()
}

/// The model server of the example; it is killed when it is dropped.
struct Model {
    process: Child,
    port: String,
}

impl Model {
    fn start() -> Self {
        let server = repository().join("examples/assistant/model/server.mjs");
        let mut command = Command::new("node");
        command.arg(server).env("PORT", "0").env("WORD_MS", "2").stdout(Stdio::piped());
        let mut process = command.spawn().expect("Node.js");
        let mut line = String::new();
        let out = process.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let port = line.trim().rsplit_once(':').and_then(|(_, rest)| rest.split('/').next());
        let port = port.unwrap_or_else(|| panic!("no port in {line}")).to_owned();
        Self { process, port }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn an_assistant_streams_its_answers_and_researches_side_by_side() {
    let model = Model::start();
    let (host, url) = (format!("127.0.0.1:{}", model.port), "/v1");
    let environment = format!("MODEL_URL=http://{host}{url}\n");
    let options = ["--allow-http", &host, "--api-token", TOKEN];
    let running = start("assistant", &environment, &options);
    let server = &running.server;

    let sent = server.post("/chats/c1/messages", &json!({ "text": "Good day" }));
    assert_eq!((sent.status, &sent.json()["status"]), (202, &json!("writing")), "{}", sent.text());
    let answer = wait_for(SOON, "the answer", || {
        let answer = items(server, "messages", "c1").pop()?;
        (answer["status"] == "done").then_some(answer)
    });
    let text = answer["text"].as_str().expect("a text");
    assert!(text.starts_with("You said: \"Good day\"."), "{text}");

    let job = server.post("/research", &json!({ "question": "What is rain?" })).json();
    let job = job["id"].as_str().expect("an id");
    let report = wait_for(SOON, "the report", || {
        let report = items(server, "research", job).pop()?;
        (report["id"] == "9-report" && report["status"] == "done").then_some(report)
    });
    assert!(report["text"].as_str().is_some_and(|text| text.contains("# Report")), "{report}");
    let parts = items(server, "research", job);
    assert_eq!(parts.len(), 5, "{parts:?}");
    assert!(parts.iter().all(|part| part["status"] == "done"), "{parts:?}");
}

#[test]
fn a_game_is_played_against_python_and_counted_once() {
    let running = start("game", "", &["--api-token", TOKEN]);
    let server = &running.server;
    let game = server.post("/games", &json!({ "player": "Ada" })).json();
    let id = game["id"].as_str().expect("an id").to_owned();
    let over = wait_for(SOON, "the end of the game", || {
        let game = items(server, "games", "all").into_iter().find(|game| game["id"] == id)?;
        if !game["winner"].is_null() {
            return Some(game);
        }
        if game["turn"] == "x" {
            let board = game["board"].as_str().expect("a board");
            // The top row: a column is free as long as its last cell is.
            let column = (0..7).find(|column| &board[35 + column..36 + column] == ".");
            let moved = server.post(&format!("/games/{id}/moves"), &json!({ "column": column }));
            assert_eq!(moved.status, 200, "{}", moved.text());
        }
        None
    });
    let standing = wait_for(SOON, "the leaderboard", || items(server, "leaderboard", "all").pop());
    let played = ["won", "lost", "drawn"].map(|how| standing[how].as_u64().unwrap_or(0));
    assert_eq!((&standing["id"], played.iter().sum()), (&json!("Ada"), 1_u64), "{over} {standing}");
}
