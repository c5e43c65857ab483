//! Runs, traces, logs and figures: in the API, at a collector, and for Prometheus.

mod support;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use serde_json::{Value, json};
use support::{Project, Reply, SOON, Server, motia, wait_for};

const TOKEN: &str = "a-token-of-the-tests";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A receiver of OTLP over HTTP, as the specification has it: it takes every request and keeps the bodies by path.
struct Collector {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Collector {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || take_requests(connection, &kept));
            }
        });
        Self { address, requests }
    }

    /// All that came to a path, under a pointer into each body, in one list.
    fn all(&self, path: &str, pointer: &str) -> Vec<Value> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let bodies = requests.iter().filter(|(to, _)| to == path).map(|(_, body)| body);
        bodies.filter_map(|body| body.pointer(pointer)?.as_array()).flatten().cloned().collect()
    }
}

/// Answers the requests of a connection until it ends.
fn take_requests(connection: TcpStream, kept: &Mutex<Vec<(String, Value)>>) {
    let mut out = connection.try_clone().expect("a socket");
    let mut lines = BufReader::new(connection);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            head.push(line.trim().to_ascii_lowercase());
        }
        let path = head[0].split(' ').nth(1).expect("a path").to_owned();
        assert!(head.iter().any(|line| line == "content-type: application/json"), "{head:?}");
        let length = head.iter().find_map(|line| line.strip_prefix("content-length:"));
        let mut body = vec![0; length.expect("a length").trim().parse().expect("a number")];
        lines.read_exact(&mut body).expect("the body");
        let body = serde_json::from_slice(&body).expect("JSON");
        kept.lock().unwrap_or_else(PoisonError::into_inner).push((path, body));
        let answer =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
        if out.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn attribute<'a>(record: &'a Value, name: &str) -> Option<&'a Value> {
    let attributes = record["attributes"].as_array()?;
    attributes.iter().find(|attribute| attribute["key"] == name).map(|found| &found["value"])
}

fn get(server: &Server, path: &str) -> Reply {
    let bearer = format!("Bearer {TOKEN}");
    server.request("GET", path, &[("authorization", &bearer)], b"")
}

/// Orders something in the trace of another program.
#[track_caller]
fn order(server: &Server, item: &str) {
    let traceparent = format!("00-{TRACE}-{CALLER}-01");
    let headers = [("content-type", "application/json"), ("traceparent", &traceparent)];
    let body = json!({ "item": item, "quantity": 1 }).to_string();
    let reply = server.request("POST", "/orders/north", &headers, body.as_bytes());
    assert_eq!(reply.status, 201, "{}", reply.text());
}

fn serve(project: &Project, variables: &[(&str, &str)]) -> Server {
    let mut command = motia(["serve"]);
    command.arg(project.bundle()).args(["--addr", "127.0.0.1:0", "--api-token", TOKEN]);
    command.arg("--data").arg(project.data());
    Server::start(command.envs(variables.iter().copied()))
}

#[test]
fn a_collector_gets_traces_logs_and_metrics() {
    let project = Project::fixture("workbench");
    project.build();
    let collector = Collector::open();
    let endpoint = format!("http://{}", collector.address);
    let server = serve(
        &project,
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
            ("OTEL_METRIC_EXPORT_INTERVAL", "200"),
            ("OTEL_SERVICE_NAME", "shop"),
        ],
    );
    order(&server, "tea");
    let spans = wait_for(SOON, "the spans of three steps", || {
        let spans = collector.all("/v1/traces", "/resourceSpans/0/scopeSpans/0/spans");
        let steps = ["CreateOrder", "ChargeOrder", "ShipOrder"];
        steps.iter().all(|step| spans.iter().any(|span| span["name"] == *step)).then_some(spans)
    });
    let span = |name: &str| spans.iter().find(|span| span["name"] == name).expect("a span");
    let (create, charge, ship) = (span("CreateOrder"), span("ChargeOrder"), span("ShipOrder"));
    assert!(spans.iter().all(|span| span["traceId"] == TRACE), "{spans:?}");
    assert_eq!(create["parentSpanId"], CALLER);
    assert_eq!(charge["parentSpanId"], create["spanId"]);
    assert_eq!(ship["parentSpanId"], charge["spanId"]);
    assert_eq!((&create["kind"], &charge["kind"]), (&json!(2), &json!(5)));
    let status = attribute(create, "http.response.status_code");
    assert_eq!(status, Some(&json!({ "intValue": "201" })));
    let children = |name: &str| {
        let of = |span: &&Value| span["parentSpanId"] == create["spanId"] && span["name"] == name;
        spans.iter().filter(of).count()
    };
    for name in ["instantiate", "guest", "state.set", "stream.set", "emit", "commit"] {
        assert_eq!(children(name), 1, "{name}: {spans:?}");
    }

    let logs = wait_for(SOON, "the log records", || {
        let logs = collector.all("/v1/logs", "/resourceLogs/0/scopeLogs/0/logRecords");
        logs.iter().any(|log| log["body"]["stringValue"] == "Order is shipped").then_some(logs)
    });
    let taken = logs.iter().find(|log| log["body"]["stringValue"] == "Order is taken");
    let taken = taken.expect("the first record");
    assert_eq!((&taken["traceId"], &taken["spanId"]), (&json!(TRACE), &create["spanId"]));
    assert_eq!(attribute(taken, "item"), Some(&json!({ "stringValue": "tea" })));

    wait_for(SOON, "the metrics", || {
        let metrics = collector.all("/v1/metrics", "/resourceMetrics/0/scopeMetrics/0/metrics");
        metrics.into_iter().rev().find(|metric| {
            let points = metric["sum"]["dataPoints"].as_array().cloned().unwrap_or_default();
            metric["name"] == "motia.runs"
                && points.iter().any(|point| {
                    attribute(point, "step") == Some(&json!({ "stringValue": "ShipOrder" }))
                        && attribute(point, "status")
                            == Some(&json!({ "stringValue": "succeeded" }))
                        && point["asDouble"] == 1.0
                })
        })
    });
}

#[test]
fn what_came_last_is_exported_before_the_end() {
    let project = Project::fixture("workbench");
    project.build();
    let collector = Collector::open();
    let endpoint = format!("http://{}", collector.address);
    let server = serve(&project, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
    order(&server, "tea");
    server.stop();
    let spans = collector.all("/v1/traces", "/resourceSpans/0/scopeSpans/0/spans");
    assert!(spans.iter().any(|span| span["name"] == "CreateOrder"), "{spans:?}");
    let metrics = collector.all("/v1/metrics", "/resourceMetrics/0/scopeMetrics/0/metrics");
    let runs = metrics.iter().rev().find(|metric| metric["name"] == "motia.runs");
    let points = runs.expect("the number of runs")["sum"]["dataPoints"].to_string();
    assert!(points.contains("CreateOrder"), "{points}");
}

#[test]
fn a_collector_that_is_gone_holds_nobody_up() {
    let project = Project::fixture("workbench");
    project.build();
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr();
    let endpoint = format!("http://{}", free.expect("an address"));
    let server = serve(&project, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
    (0..20).for_each(|_| order(&server, "tea"));
    server.wait_for_log("does not take telemetry");
    assert_eq!(server.get("/read/3").json(), json!({ "times": 3 }));
    server.stop();
}

#[test]
fn a_wrong_variable_is_named_at_the_start() {
    let project = Project::fixture("workbench");
    project.build();
    let mut command = motia(["serve"]);
    command.arg(project.bundle()).args(["--addr", "127.0.0.1:0"]).arg("--data").arg(project.data());
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318");
    let ended = support::run(&mut command, SOON);
    assert_ne!(ended.code, Some(0));
    let said = &ended.stderr;
    assert!(said.contains("OTEL_EXPORTER_OTLP_ENDPOINT: is `localhost:4318`"), "{said}");
    assert!(said.contains("http://localhost:4318"), "{said}");
}

#[test]
fn a_trace_shows_what_caused_what() {
    let project = Project::fixture("workbench");
    project.build();
    let server = serve(&project, &[]);
    order(&server, "tea");
    let (runs, trace) = wait_for(SOON, "three runs", || {
        let trace = get(&server, &format!("/__motia/api/traces/{TRACE}")).json();
        let runs = trace["runs"].as_array()?.clone();
        (runs.len() == 3).then_some((runs, trace))
    });
    // The review is asked for tomorrow.
    assert_eq!(
        (&trace["status"], &trace["waiting"][0]["step"]),
        (&json!("running"), &json!("AskReview"))
    );
    let of = |step: &str| runs.iter().find(|run| run["step"] == step).expect("a run");
    assert_eq!(of("CreateOrder")["parent"], CALLER);
    assert_eq!(of("ChargeOrder")["parent"], of("CreateOrder")["id"]);
    assert_eq!(of("ShipOrder")["parent"], of("ChargeOrder")["id"]);

    let id = of("CreateOrder")["id"].as_str().expect("an id");
    let run = get(&server, &format!("/__motia/api/runs/{id}")).json();
    let body = run["input"]["rawBody"].as_str().expect("the body as it came");
    assert!(body.contains("\"item\":\"tea\""), "{body}");
    assert_eq!(run["output"]["status"], 201);
    let spans = get(&server, &format!("/__motia/api/runs/{id}/spans")).json();
    let spans = spans["items"].as_array().expect("a list");
    let set = spans.iter().find(|span| span["name"] == "state.set").expect("a span");
    assert_eq!(
        (&set["detail"]["value"]["item"], &set["detail"]["oldValue"]),
        (&json!("tea"), &json!(null))
    );
    let logs = get(&server, &format!("/__motia/api/logs?run={id}")).json();
    let messages = logs["items"].as_array().expect("a list");
    assert_eq!((messages.len(), &messages[0]["message"]), (1, &json!("Order is taken")));
}

#[test]
fn an_attempt_that_fails_is_a_run_of_its_own() {
    let project = Project::fixture("workbench");
    project.build();
    let server = serve(&project, &[]);
    order(&server, "broken");
    let failed = wait_for(SOON, "two failed runs", || {
        let runs = get(&server, "/__motia/api/runs?step=ChargeOrder&status=failed").json();
        runs["items"].as_array().filter(|runs| runs.len() == 2).cloned()
    });
    let attempts: Vec<_> = failed.iter().map(|run| run["attempt"].as_u64()).collect();
    assert_eq!(attempts, [Some(2), Some(1)]);
    assert_eq!(failed[0]["invocationId"], failed[1]["invocationId"]);
    assert_eq!(failed[0]["parent"], failed[1]["parent"]);
    let trace = get(&server, &format!("/__motia/api/traces/{TRACE}")).json();
    assert_eq!(trace["status"], "failed", "{trace}");
}

#[test]
fn prometheus_reads_the_figures_with_the_token() {
    let project = Project::fixture("workbench");
    project.build();
    let server = serve(&project, &[]);
    assert_eq!(server.get("/__motia/metrics").status, 401);
    assert_eq!(server.get("/read/1").status, 200);
    let text = get(&server, "/__motia/metrics").text();
    assert!(
        text.contains("motia_runs_total{step=\"ReadOften\",status=\"succeeded\"} 1\n"),
        "{text}"
    );
    assert!(text.contains("# TYPE process_memory_usage_bytes gauge\n"), "{text}");
}
