//! What following streams costs: the time until a change is with those who follow it, and the memory of those who wait.
//!
//! `cargo bench -p motia-cli --profile dev --bench streams` runs all parts; `-- delivery`, `-- fan-out` and `-- idle` run one.
//! Times count from `streams.board.set` in a step to the frame at the client, so they include the write to disk; the
//! clients run on the same machine.

mod measure;
#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use futures_util::{SinkExt, StreamExt, stream};
use measure::{Client, cpu_time, open_files, percentile, resident};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};
use support::{Project, SOON, Server, wait_until};
use tokio::{net::TcpStream, runtime::Runtime, sync::mpsc};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

/// WebSockets that are opened at the same time.
const AT_ONCE: usize = 64;

/// Delivery: subscribers, the groups that they are spread over, updates of all groups in a second, and how long.
const SUBSCRIBERS: usize = 1_000;
const GROUPS: usize = 100;
const UPDATES_PER_SECOND: usize = 1_000;
const DELIVERY: Duration = Duration::from_secs(20);

/// Updates of one request, and connections that send requests.
const BATCH: usize = 5;
const WRITERS: usize = 4;

/// Fan-out: subscribers of one group, and updates.
const CROWD: usize = 10_000;
const WAVES: usize = 20;

type Socket = WebSocketStream<TcpStream>;

/// A frame of an update as a client got it.
struct Received {
    number: u64,
    latency: Duration,
}

fn main() {
    let chosen: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let runs = |part: &str| chosen.is_empty() || chosen.iter().any(|name| name == part);
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    setrlimit(Resource::Nofile, files).expect("a limit of open files");
    let runtime = Runtime::new().expect("a runtime");
    let project = Project::fixture("streams");
    project.build();
    let serve = |name: &str| {
        let data = project.data().with_file_name(format!("data-{name}"));
        Server::serve(&project.bundle(), &data, &[])
    };
    if runs("delivery") {
        delivery(&serve("delivery"), &runtime);
    }
    if runs("fan-out") {
        fan_out(&serve("fan-out"), &runtime);
    }
    if runs("idle") {
        idle(&serve("idle"), &runtime);
    }
}

/// A connection with buffers that fit thousands of it into one process.
async fn open(address: String) -> Socket {
    let stream = TcpStream::connect(&address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a socket option");
    let config = WebSocketConfig::default().read_buffer_size(1024).write_buffer_size(0);
    let url = format!("ws://{address}/");
    let (socket, _) =
        client_async_with_config(url, stream, Some(config)).await.expect("a WebSocket");
    socket
}

async fn join(socket: &mut Socket, group: &str) {
    let data = json!({ "streamName": "board", "groupId": group, "subscriptionId": group });
    let message = json!({ "type": "join", "data": data }).to_string();
    socket.send(Message::text(message)).await.expect("to join");
    let sync = next(socket).await.expect("a frame");
    assert_eq!(sync["event"]["type"], "sync", "{sync}");
}

/// The next frame; none at the end.
async fn next(socket: &mut Socket) -> Option<Value> {
    loop {
        match socket.next().await?.ok()? {
            Message::Text(text) => return Some(serde_json::from_str(&text).expect("JSON")),
            Message::Close(_) => return None,
            _ => {}
        }
    }
}

/// Connections that follow one group each.
fn crowd(server: &Server, runtime: &Runtime, count: usize, groups: usize) -> Vec<Socket> {
    let address = server.address().to_owned();
    runtime.block_on(async {
        let opening = (0..count).map(|number| {
            let address = address.clone();
            async move {
                let mut socket = open(address).await;
                join(&mut socket, &format!("g{}", number % groups)).await;
                socket
            }
        });
        stream::iter(opening).buffer_unordered(AT_ONCE).collect().await
    })
}

/// Reads all frames of the connections; dropping what is returned does not end that.
fn read_all(runtime: &Runtime, sockets: Vec<Socket>) -> mpsc::UnboundedReceiver<Received> {
    let (told, received) = mpsc::unbounded_channel();
    for mut socket in sockets {
        let told = told.clone();
        runtime.spawn(async move {
            while let Some(frame) = next(&mut socket).await {
                let data = &frame["event"]["data"];
                let at = Duration::from_millis(data["at"].as_u64().expect("a time"));
                let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
                let latency = now.saturating_sub(at);
                let number = data["n"].as_u64().expect("a number");
                // Nobody counts any more when a part is over.
                let _ = told.send(Received { number, latency });
            }
        });
    }
    received
}

fn report(what: &str, times: &mut [Duration]) {
    let mut line = format!("{what}:");
    for percent in [50.0, 90.0, 99.0, 100.0] {
        // Writing to a string cannot fail.
        let _ = write!(line, " p{percent} {} ms", percentile(times, percent).as_millis());
    }
    println!("{line}");
}

/// 1,000 subscribers, each of one of 100 groups, while all groups together change 1,000 times a second.
fn delivery(server: &Server, runtime: &Runtime) {
    let sockets = crowd(server, runtime, SUBSCRIBERS, GROUPS);
    let mut received = read_all(runtime, sockets);
    let (started, cpu) = (Instant::now(), cpu_time(server.id()));
    let updates = AtomicUsize::new(0);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let updates = &updates;
            scope.spawn(move || write_evenly(server, writer, updates));
        }
    });
    let took = started.elapsed();
    let updates = updates.into_inner();
    let expected = updates * SUBSCRIBERS / GROUPS;
    let mut times = Vec::with_capacity(expected);
    wait_until(SOON, "every frame is received", || {
        times.extend(std::iter::from_fn(|| received.try_recv().ok()).map(|frame| frame.latency));
        times.len() == expected
    });
    println!(
        "delivery: {:.0} updates a second, {:.0} frames a second to {SUBSCRIBERS} subscribers, {:.0} % of one CPU",
        updates as f64 / took.as_secs_f64(),
        expected as f64 / took.as_secs_f64(),
        (cpu_time(server.id()) - cpu).as_secs_f64() / took.as_secs_f64() * 100.0,
    );
    report("delivery latency", &mut times);
}

/// One writer's share of the updates, over all groups in turn.
fn write_evenly(server: &Server, writer: usize, updates: &AtomicUsize) {
    let mut connection = Client::connect(server.address());
    let pause = Duration::from_secs(1) * (WRITERS * BATCH) as u32 / UPDATES_PER_SECOND as u32;
    let (started, mut next) = (Instant::now(), Instant::now());
    for number in 0.. {
        if started.elapsed() >= DELIVERY {
            return;
        }
        let group = (number * WRITERS + writer) % GROUPS;
        let body = json!({ "from": number * BATCH, "count": BATCH }).to_string();
        connection.request("POST", &format!("/count/g{group}"), &body);
        updates.fetch_add(BATCH, Ordering::Relaxed);
        next += pause;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

/// One update after the other to 10,000 subscribers of one group.
fn fan_out(server: &Server, runtime: &Runtime) {
    let sockets = crowd(server, runtime, CROWD, 1);
    let mut received = read_all(runtime, sockets);
    let mut connection = Client::connect(server.address());
    let cpu = cpu_time(server.id());
    let (mut all, mut last) = (Vec::new(), Vec::new());
    for wave in 0..WAVES {
        let body = json!({ "from": wave, "count": 1 }).to_string();
        connection.request("POST", "/count/g0", &body);
        let mut times = Vec::with_capacity(CROWD);
        wait_until(SOON, "everybody has the update", || {
            let frames = std::iter::from_fn(|| received.try_recv().ok());
            times.extend(frames.map(|frame| {
                assert_eq!(frame.number, wave as u64, "each update once, in order");
                frame.latency
            }));
            times.len() == CROWD
        });
        last.push(times.iter().copied().max().expect("a time"));
        all.extend(times);
    }
    let cost = (cpu_time(server.id()) - cpu) / (WAVES * CROWD) as u32;
    println!("fan-out: {WAVES} updates to {CROWD} subscribers, {cost:?} of CPU a frame");
    report("fan-out, until one has it", &mut all);
    report("fan-out, until all have it", &mut last);
}

/// The memory of connections that do nothing, and of such that follow a group, over two rounds of pings.
fn idle(server: &Server, runtime: &Runtime) {
    // What the first requests bring in is not what connections cost; some of it are files that stay open.
    let (few, files) = (100, open_files(server.id()));
    drop(crowd(server, runtime, few, GROUPS));
    wait_until(SOON, "they are closed", || open_files(server.id()) < files + few / 2);
    let before = resident(server.id());
    let address = server.address().to_owned();
    let opening = (0..CROWD).map(|_| open(address.clone()));
    let mut sockets: Vec<Socket> =
        runtime.block_on(stream::iter(opening).buffer_unordered(AT_ONCE).collect());
    let each = |now: u64| (now.saturating_sub(before)) as f64 * 1024.0 / CROWD as f64;
    let connected = resident(server.id());
    println!(
        "idle: {before} MiB without WebSockets, {connected} MiB with {CROWD}: {:.1} KiB each",
        each(connected)
    );
    runtime.block_on(async {
        let joining = sockets.iter_mut().enumerate().map(|(number, socket)| async move {
            join(socket, &format!("g{}", number % GROUPS)).await;
        });
        stream::iter(joining).buffer_unordered(AT_ONCE).collect::<()>().await;
    });
    let joined = resident(server.id());
    println!("idle: {joined} MiB when each follows a group: {:.1} KiB each", each(joined));
    let pinged = Arc::new(AtomicUsize::new(0));
    for mut socket in sockets {
        let pinged = Arc::clone(&pinged);
        runtime.spawn(async move {
            while let Some(Ok(message)) = socket.next().await {
                if matches!(message, Message::Ping(_)) {
                    pinged.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    let (started, cpu) = (Instant::now(), cpu_time(server.id()));
    wait_until(Duration::from_secs(120), "two rounds of pings", || {
        pinged.load(Ordering::Relaxed) >= 2 * CROWD
    });
    let (later, took) = (resident(server.id()), started.elapsed());
    println!(
        "idle: {later} MiB after {:.0} s and two pings each: {:.1} KiB each, {:.1} % of one CPU",
        took.as_secs_f64(),
        each(later),
        (cpu_time(server.id()) - cpu).as_secs_f64() / took.as_secs_f64() * 100.0,
    );
}
