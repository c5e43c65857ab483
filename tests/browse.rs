//! State and streams by the API: looked through, changed, and asked by SQL; who may do so, and who has done it.

mod support;

use serde_json::{Value, json};
use support::{Project, Reply, SOON, Server, wait_for};

const TOKEN: &str = "a-token-of-these-tests";
const VIEWER: &str = "a-viewer-of-these-tests";

fn serve(project: &Project) -> Server {
    let tokens = ["--api-token", TOKEN, "--viewer-token", VIEWER];
    Server::serve(&project.bundle(), &project.data(), &tokens)
}

fn ask_as(token: &str, server: &Server, method: &str, path: &str, body: &Value) -> Reply {
    let token = format!("Bearer {token}");
    let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    server.request(method, &format!("/__motia/api/{path}"), &headers, body.as_bytes())
}

#[track_caller]
fn ask(server: &Server, method: &str, path: &str, body: Value) -> Value {
    let reply = ask_as(TOKEN, server, method, path, &body);
    assert_eq!(reply.status, 200, "{method} {path}: {}", reply.text());
    reply.json()
}

#[track_caller]
fn get(server: &Server, path: &str) -> Value {
    ask(server, "GET", path, Value::Null)
}

#[track_caller]
fn query(server: &Server, sql: &str) -> Value {
    ask(server, "POST", "query", json!({ "sql": sql }))["rows"].clone()
}

#[test]
fn state_and_streams_are_looked_through_and_changed_and_who_did_it_is_noted() {
    let project = Project::fixture("queues");
    project.build();
    let server = serve(&project);

    let paid = json!({ "value": { "total": 20 } });
    let set = ask(&server, "PUT", "state/watched/order:1", paid.clone());
    assert_eq!((&set["value"], &set["truncated"]), (&paid["value"], &json!(false)));
    // A step watches it.
    let logs = r#"SELECT step FROM logs WHERE message LIKE 'watched order:1 % to {"total":20}'"#;
    let logged = wait_for(SOON, "the step that watches", || {
        Some(query(&server, logs)).filter(|rows| !rows.as_array().is_some_and(Vec::is_empty))
    });
    assert_eq!(logged, json!([["Watch"]]));

    ask(&server, "PUT", "state/watched/a%2Fb%20c", json!({ "value": null }));
    let first = get(&server, "state/watched?limit=1");
    assert_eq!((&first["items"][0]["key"], &first["next"]), (&json!("a/b c"), &json!("a/b c")));
    let second = get(&server, "state/watched?limit=1&after=a%2Fb%20c");
    assert_eq!((&second["items"][0]["key"], &second["next"]), (&json!("order:1"), &Value::Null));
    let found = get(&server, "state/watched?search=TOTAL");
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1), "{found}");
    let groups = get(&server, "state?search=watch");
    assert_eq!(
        (&groups["items"][0]["groupId"], &groups["items"][0]["keys"]),
        (&json!("watched"), &json!(2))
    );

    let item = json!({ "data": { "points": 3 } });
    let set = ask(&server, "PUT", "streams/board/g/ann", item);
    assert_eq!((&set["data"]["points"], &set["offset"]), (&json!(3), &json!(1)));
    let streams = get(&server, "streams");
    let board =
        streams["items"].as_array().and_then(|all| all.iter().find(|one| one["name"] == "board"));
    assert_eq!(board.map(|board| &board["groups"]), Some(&json!(1)), "{streams}");
    let groups = get(&server, "streams/board");
    assert_eq!(
        (&groups["items"][0]["groupId"], &groups["items"][0]["offset"]),
        (&json!("g"), &json!(1))
    );
    assert_eq!(get(&server, "streams/board/g")["items"][0]["id"], "ann");
    ask(&server, "POST", "streams/board/g/send", json!({ "type": "cheer", "data": "ho" }));
    let unknown = ask_as(TOKEN, &server, "GET", "streams/bord", &Value::Null);
    assert_eq!(unknown.error(), (404, "unknown_stream".to_owned()));

    ask(&server, "DELETE", "streams/board/g/ann", Value::Null);
    let keys = json!({ "keys": [{ "groupId": "watched", "key": "a/b c" }, { "groupId": "watched", "key": "x" }] });
    assert_eq!(ask(&server, "POST", "state/delete", keys)["deleted"], 1);
    ask(&server, "DELETE", "state/watched/order:1", Value::Null);
    let gone = ask_as(TOKEN, &server, "DELETE", "state/watched/order:1", &Value::Null);
    assert_eq!(gone.error(), (404, "not_found".to_owned()));

    let audit = get(&server, "audit");
    let noted: Vec<String> = audit["items"]
        .as_array()
        .into_iter()
        .flatten()
        .rev()
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            format!("{} {} {}", text("actor"), text("action"), text("subject"))
        })
        .collect();
    let expected = [
        "admin state.set watched/order:1",
        "admin state.set watched/a/b c",
        "admin streams.set board/g/ann",
        "admin streams.send board/g",
        "admin streams.delete board/g/ann",
        "admin state.delete ",
        "admin state.delete watched/order:1",
    ];
    assert_eq!(noted, expected);
    assert_eq!(audit["items"][6]["detail"], paid);
    server.stop();
}

#[test]
fn a_viewer_sees_everything_and_changes_nothing() {
    let project = Project::fixture("queues");
    project.build();
    let server = serve(&project);
    let view = |method: &str, path: &str, body: Value| ask_as(VIEWER, &server, method, path, &body);
    assert_eq!(view("GET", "state", Value::Null).status, 200);
    assert_eq!(view("POST", "query", json!({ "sql": "SELECT * FROM queues" })).status, 200);
    for (method, path) in [
        ("PUT", "state/g/k"),
        ("DELETE", "state/g/k"),
        ("POST", "state/delete"),
        ("POST", "queues/Watch/pause"),
        ("PATCH", "queues/Watch"),
        ("DELETE", "runs/0123456789abcdef"),
    ] {
        let refused = view(method, path, json!({ "value": 1 }));
        assert_eq!(refused.error(), (403, "forbidden".to_owned()), "{method} {path}");
    }
    assert_eq!(view("GET", "audit", Value::Null).json()["items"], json!([]));
    server.stop();
}

#[test]
fn a_query_reads_what_the_host_holds_and_says_what_is_wrong_with_it() {
    let project = Project::fixture("queues");
    project.build();
    let server = serve(&project);
    ask(&server, "PUT", "state/g/k", json!({ "value": { "n": 7 } }));
    assert_eq!(query(&server, "SELECT key, value ->> '$.n' FROM state"), json!([["k", 7]]));
    let schema = get(&server, "query/schema");
    assert_eq!(
        (&schema["tables"][0]["name"], &schema["tables"][0]["columns"][0]["type"]),
        (&json!("runs"), &json!("text"))
    );
    for example in schema["examples"].as_array().into_iter().flatten() {
        query(&server, example["sql"].as_str().expect("a query"));
    }
    let wrong = |sql: &str| ask_as(TOKEN, &server, "POST", "query", &json!({ "sql": sql }));
    assert_eq!(wrong("DELETE FROM main.state").error(), (400, "invalid_query".to_owned()));
    let place = wrong("SELECT kye FROM state");
    assert!(place.text().contains("no such column: kye at line 1, column 8"), "{}", place.text());
    let endless =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    assert_eq!(wrong(endless).error(), (408, "query_timeout".to_owned()));
    // One instruction of SQLite that would take hours, and one row that would take 32 GB.
    let slow = "SELECT instr(printf('%.16000000c', 'a'), printf('%.8000000c', 'a') || 'b')";
    assert_eq!(wrong(slow).error(), (408, "query_timeout".to_owned()));
    let column = |n: usize| format!("printf('%.{}c', 'a')", 16_000_000 + n);
    let wide: Vec<String> = (0..2_000).map(column).collect();
    let wide = wrong(&format!("SELECT {}", wide.join(", ")));
    assert_eq!(wide.error(), (413, "result_too_large".to_owned()));
    assert_eq!(query(&server, "SELECT count(*) FROM state"), json!([[1]]));
    server.stop();
}
