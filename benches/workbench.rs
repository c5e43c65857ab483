//! What the Workbench costs: the throughput of a busy flow while somebody looks at it, and the time of filters over many runs.
//!
//! `cargo bench -p motia-cli --profile dev --bench workbench` runs all parts; `-- watched` and `-- filters` run one. The
//! first needs Chromium and npm, as `tests/workbench.rs` does. Rounds with the Workbench closed and open take turns on one
//! host, and each open one is compared with the closed ones before and after it: a machine is not equally fast for long. The
//! browser runs on the same machine, so what it takes of the processors is part of the price.

mod measure;
#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdout, Stdio},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use measure::{Client, cpu_time, cpu_time_of_tree, percentile};
use motia_manifest::{StepName, TenantId, TraceId};
use motia_store::{AttemptError, Millis, Run, RunStatus, Telemetry, TelemetryOptions};
use support::{Project, SLOW, Server, browse, wait_until};
use tokio::runtime::Runtime;

const TOKEN: &str = "0123456789abcdef";
const AUTHORIZATION: [(&str, &str); 1] = [("authorization", "Bearer 0123456789abcdef")];

/// Watched: how often each page is open, how long a round is, and connections that send orders. An order is three runs.
const TURNS: usize = 24;
const ROUND: Duration = Duration::from_secs(3);
const CLIENTS: usize = 4;

/// Filters: runs, how long ago the first one was, and how often each filter is asked for.
const RUNS: usize = 100_000;
const HOURS: Millis = 6;
const ASKED: usize = 20;

fn main() {
    let chosen: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wanted = |part: &str| chosen.is_empty() || chosen.iter().any(|name| name == part);
    let project = Project::fixture("workbench");
    project.build();
    if wanted("watched") {
        watched(&serve(&project, "watched"));
    }
    if wanted("filters") {
        filters(&project);
    }
}

fn serve(project: &Project, name: &str) -> Server {
    let data = project.data().with_file_name(format!("data-{name}"));
    Server::serve(&project.bundle(), &data, &["--api-token", TOKEN])
}

/// What is open in the browser while orders come in. Nothing is compared as well: that is how far the figures can be trusted.
const PAGES: [&str; 3] = ["", "/flows?flow=orders", "/runs"];

fn watched(server: &Server) {
    let mut browser = Browser::start(server);
    // Pools and caches that the first requests fill stay.
    browser.show("");
    round(server, &browser);
    println!("Rounds of {ROUND:?}, orders over {CLIENTS} connections, three runs each\n");
    println!("{}", Round::HEAD);
    let mut before = print("closed", round(server, &browser));
    let mut pairs = PAGES.map(|_| Vec::new());
    for _ in 0..TURNS {
        for (page, pairs) in PAGES.iter().zip(&mut pairs) {
            browser.show(page);
            let open = print(shown(page), round(server, &browser));
            browser.show("");
            let after = print("closed", round(server, &browser));
            pairs.push((open, before.mean(&after)));
            before = after;
        }
    }
    println!("\nOpen against closed, median (and quarters) of {TURNS} comparisons");
    for (page, pairs) in PAGES.iter().zip(&pairs) {
        let change = |of: fn(&Round) -> f64| {
            let mut changes: Vec<f64> =
                pairs.iter().map(|(open, closed)| (of(open) / of(closed) - 1.0) * 100.0).collect();
            changes.sort_by(f64::total_cmp);
            let at = |share: usize| changes[(changes.len() - 1) * share / 4];
            format!("{:+.1} % ({:+.1} to {:+.1})", at(2), at(1), at(3))
        };
        let (orders, cpu) = (change(|r| r.orders), change(|r| r.cpu));
        let mut browser: Vec<f64> = pairs.iter().map(|(open, _)| open.browser).collect();
        browser.sort_by(f64::total_cmp);
        let browser = browser[browser.len() / 2];
        println!(
            "{}: orders {orders}, the host's CPU an order {cpu}; the browser takes {browser:.1} % of one CPU",
            shown(page)
        );
    }
}

fn shown(page: &str) -> &str {
    if page.is_empty() { "nothing" } else { page }
}

fn print(what: &str, round: Round) -> Round {
    println!("{what:22} {:>10.0} {:>12.2} {:>14.1}", round.orders, round.cpu, round.browser);
    round
}

/// What a round came to.
#[derive(Clone, Copy)]
struct Round {
    /// Orders that were answered in a second.
    orders: f64,
    /// Milliseconds of the host's CPU for an order and what it causes.
    cpu: f64,
    /// Percent of one CPU that the browser took.
    browser: f64,
}

impl Round {
    const HEAD: &str = "open                     orders/s  host ms/order  browser CPU %";

    fn mean(&self, other: &Self) -> Self {
        let of = |value: fn(&Self) -> f64| (value(self) + value(other)) / 2.0;
        Self { orders: of(|r| r.orders), cpu: of(|r| r.cpu), browser: of(|r| r.browser) }
    }
}

/// Sends orders for a while, and waits until what they cause is done.
fn round(server: &Server, browser: &Browser) -> Round {
    let cpu = || (cpu_time(server.id()), cpu_time_of_tree(browser.script.id()));
    let before = cpu();
    let started = Instant::now();
    let orders: usize = thread::scope(|scope| {
        let clients = (0..CLIENTS).map(|_| scope.spawn(|| orders_until(server, started + ROUND)));
        let clients: Vec<_> = clients.collect();
        clients.into_iter().map(|client| client.join().expect("a client")).sum()
    });
    let took = started.elapsed().as_secs_f64();
    wait_until(SLOW, "all events are handled", || {
        let queues = server.request("GET", "/__motia/api/queues", &AUTHORIZATION, b"").json();
        let queues = queues["items"].as_array().expect("queues");
        queues.iter().all(|queue| queue["ready"] == 0 && queue["leased"] == 0)
    });
    let (host, page) = cpu();
    let orders = orders as f64;
    Round {
        orders: orders / took,
        cpu: host.saturating_sub(before.0).as_secs_f64() * 1e3 / orders,
        browser: page.saturating_sub(before.1).as_secs_f64() * 100.0
            / started.elapsed().as_secs_f64(),
    }
}

/// Sends one order after the other, and says how many it were.
fn orders_until(server: &Server, end: Instant) -> usize {
    let mut client = Client::connect(server.address());
    let mut orders = 0;
    while Instant::now() < end {
        client.request("POST", "/orders/main", r#"{"item":"lamp","quantity":1}"#);
        orders += 1;
    }
    orders
}

/// A browser that shows what it is told to.
struct Browser {
    script: Child,
    said: BufReader<ChildStdout>,
}

impl Browser {
    fn start(server: &Server) -> Self {
        let mut script = browse("look.mjs", server)
            .arg(TOKEN)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node");
        let said = BufReader::new(script.stdout.take().expect("a piped stream"));
        Self { script, said }
    }

    /// Opens a page, or none, and returns when it shows what is there.
    fn show(&mut self, page: &str) {
        let stdin = self.script.stdin.as_mut().expect("a piped stream");
        writeln!(stdin, "{page}").expect("the script reads");
        let mut line = String::new();
        self.said.read_line(&mut line).expect("the script answers");
        assert_eq!(line.trim_end(), format!("shows {page}").trim_end());
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The end of its input ends the script, and the script its browser.
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}

/// What is asked of the list of runs.
const FILTERS: [(&str, &str); 10] = [
    ("none", ""),
    ("status", "status=failed"),
    ("step", "step=ShipOrder"),
    ("step and status", "step=ChargeOrder&status=failed"),
    ("kind", "kind=cron"),
    ("flow", "flow=orders"),
    ("words in errors", "search=order%2042001%20was"),
    ("words, none has them", "search=nothing-has-these-words"),
    ("slower than 1 s", "minMs=1000"),
    ("first ones, failed", "roots=true&status=failed"),
];

fn filters(project: &Project) {
    let data = project.data().with_file_name("data-filters");
    fs::create_dir_all(&data).expect("a directory");
    let started = Instant::now();
    fill(&data);
    println!("\n{RUNS} runs of {HOURS} hours, recorded in {:?}\n", started.elapsed());
    let server = serve(project, "filters");
    println!("{:22} {:>6} {:>12} {:>12}", "filter", "found", "p50", "slowest");
    for (name, query) in FILTERS {
        let path = format!("/__motia/api/runs?limit=100&{query}");
        let ask = || server.request("GET", &path, &AUTHORIZATION, b"");
        let found = ask().json()["items"].as_array().expect("a list").len();
        let mut times: Vec<Duration> = (0..ASKED)
            .map(|_| {
                let started = Instant::now();
                assert_eq!(ask().status, 200);
                started.elapsed()
            })
            .collect();
        let middle = percentile(&mut times, 50.0);
        let slowest = percentile(&mut times, 100.0);
        println!("{name:22} {found:>6} {middle:>12.1?} {slowest:>12.1?}");
    }
}

/// Records runs as a host does, without the requests.
fn fill(data: &Path) {
    let runtime = Runtime::new().expect("a runtime");
    let telemetry = Telemetry::open(data, TelemetryOptions::default()).expect("telemetry");
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
    let now = Millis::try_from(since.as_millis()).expect("a time");
    let first = now - HOURS * 3_600_000;
    for number in 0..RUNS {
        let at = first + (now - first) * number as Millis / RUNS as Millis;
        telemetry.record(sample(number, at));
        // It drops what it cannot write in time.
        if number % 4_000 == 0 {
            runtime.block_on(telemetry.flush());
        }
    }
    runtime.block_on(telemetry.flush());
    assert_eq!(telemetry.dropped(), 0);
}

/// An order is a request, a charge and a shipment; each hundredth charge fails.
fn sample(number: usize, at: Millis) -> Run {
    let (step, kind) = match number % 3 {
        0 => ("CreateOrder", "api"),
        1 => ("ChargeOrder", "event"),
        _ if number % 1_000 == 2 => ("NightlyReport", "cron"),
        _ => ("ShipOrder", "event"),
    };
    let failed = step == "ChargeOrder" && number % 100 == 1;
    let duration = if number.is_multiple_of(500) { 1_500 } else { 3 + number as Millis % 40 };
    let error = failed.then(|| AttemptError {
        attempt: 1,
        code: "handler_failed".to_owned(),
        message: format!("Error: the card for order {number} was refused"),
        stack: Some("at handler (steps/charge-order.step.ts:16:11)".to_owned()),
        failed_at: at + duration,
    });
    let order = number / 3;
    Run {
        id: Telemetry::new_id(at),
        tenant: TenantId::default(),
        step: StepName::from(step),
        kind: kind.to_owned(),
        invocation_id: format!("invocation-{number}"),
        trace_id: TraceId::from(format!("TRACE-{order:07}")),
        parent: (kind == "event").then(|| Telemetry::new_id(at)),
        delivery: None,
        event_id: None,
        attempt: 1,
        status: if failed { RunStatus::Failed } else { RunStatus::Succeeded },
        error,
        deployment: "d".repeat(64),
        input: Some(format!(r#"{{"order":{order},"item":"lamp","quantity":1}}"#)),
        output: None,
        response_status: (kind == "api").then_some(201),
        queued_at: at,
        started_at: at,
        ended_at: at + duration,
        cpu_us: Some(900),
        replay_of: None,
        spans: Vec::new(),
        span_count: 0,
    }
}
