//! Following streams over WebSocket and by server-sent events, as any client sees it.

mod support;

use std::{sync::Arc, thread, time::Duration};

use serde_json::{Value, json};
use support::{Event, Events, Project, Running, Server, Shared, Socket, wait_until};
use tokio::{
    net::TcpSocket,
    runtime::{Builder, Runtime},
};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

static SHARED: Shared<Running> = Shared::new();

/// One server for all tests; each has groups of its own.
fn running() -> Arc<Running> {
    SHARED.get(|| Running::start(Project::fixture("streams"), &[]))
}

/// Sets an item and returns what the step got back.
#[track_caller]
fn set(server: &Server, stream: &str, group: &str, id: &str, data: &Value) -> Value {
    let path = format!("/streams/{stream}/{group}/{id}");
    let json = [("content-type", "application/json")];
    let reply = server.request("PUT", &path, &json, data.to_string().as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

#[track_caller]
fn delete(server: &Server, stream: &str, group: &str, id: &str) {
    let reply = server.request("DELETE", &format!("/streams/{stream}/{group}/{id}"), &[], b"");
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[track_caller]
fn send(server: &Server, group: &str, message: &Value) {
    let reply = server.post(&format!("/streams/board/{group}/send"), message);
    assert_eq!(reply.status, 204, "{}", reply.text());
}

/// Sets the item `counter` of a group to `count` numbers.
#[track_caller]
fn count_up(server: &Server, group: &str, from: u64, count: u64, bytes: usize) {
    let body = json!({ "from": from, "count": count, "bytes": bytes });
    let reply = server.post(&format!("/count/{group}"), &body);
    assert_eq!(reply.json(), json!({ "next": from + count }));
}

/// What a frame says: its event's type and data.
#[track_caller]
fn said(frame: &Value) -> (&str, &Value) {
    (frame["event"]["type"].as_str().expect("an event"), &frame["event"]["data"])
}

#[track_caller]
fn offset(frame: &Value) -> i64 {
    frame["offset"].as_i64().unwrap_or_else(|| panic!("no offset: {frame}"))
}

/// Leaves a group, and waits until that has taken effect: messages do in their order.
#[track_caller]
fn leave(socket: &mut Socket, group: &str) {
    socket.leave("board", group, None);
    socket.join("board", "nobody writes here", None);
    assert_eq!(said(&socket.next()), ("sync", &json!([])));
}

/// The code of an error's frame.
#[track_caller]
fn error_code(frame: &Value) -> &str {
    assert_eq!((said(frame).0, &frame["event"]["event"]["type"]), ("event", &json!("error")));
    frame["event"]["event"]["data"]["code"].as_str().expect("a code")
}

#[test]
fn who_joins_gets_what_is_there_and_then_each_change_once() {
    let running = running();
    let server = &running.server;
    set(server, "board", "g1", "a", &json!({ "n": 1 }));
    let mut socket = Socket::open(server.address());
    socket.join("board", "g1", None);
    let sync = socket.next();
    assert_eq!((&sync["streamName"], &sync["groupId"]), (&json!("board"), &json!("g1")));
    assert_eq!((sync.get("id"), offset(&sync)), (None, 1));
    assert_eq!(said(&sync), ("sync", &json!([{ "n": 1, "id": "a" }])));
    // The same connection follows the item as well, under another name.
    socket.join("board", "g1", Some("a"));
    let sync = socket.next();
    assert_eq!((&sync["id"], said(&sync)), (&json!("a"), ("sync", &json!({ "n": 1, "id": "a" }))));

    set(server, "board", "g1", "a", &json!({ "n": 2 }));
    set(server, "board", "g1", "b", &json!({ "n": 3 }));
    delete(server, "board", "g1", "a");
    send(server, "g1", &json!({ "id": "b", "type": "wave", "data": { "hand": "left" } }));
    let mut times = vec![sync["timestamp"].as_i64().expect("a time")];
    for (id, event, at) in [
        ("a", json!({ "type": "update", "data": { "n": 2, "id": "a" } }), Some(2)),
        ("b", json!({ "type": "create", "data": { "n": 3, "id": "b" } }), Some(3)),
        ("a", json!({ "type": "delete", "data": { "n": 2, "id": "a" } }), Some(4)),
        (
            "b",
            json!({ "type": "event", "event": { "type": "wave", "data": { "hand": "left" } } }),
            None,
        ),
    ] {
        let frame = socket.next();
        assert_eq!((&frame["id"], &frame["event"]), (&json!(id), &event));
        assert_eq!(frame.get("offset").and_then(Value::as_i64), at, "{frame}");
        times.push(frame["timestamp"].as_i64().expect("a time"));
    }
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");

    leave(&mut socket, "g1");
    set(server, "board", "g1", "b", &json!({ "n": 4 }));
    set(server, "board", "g1", "a", &json!({ "n": 5 }));
    assert_eq!(said(&socket.next()), ("create", &json!({ "n": 5, "id": "a" })));
}

#[test]
fn groups_and_items_are_exact() {
    let running = running();
    let server = &running.server;
    let mut socket = Socket::open(server.address());
    socket.join("board", "exact", Some("a"));
    socket.join("board", "exact", None);
    assert_eq!(said(&socket.next()), ("sync", &json!([])), "an item that is not there has no sync");
    leave(&mut socket, "exact");
    for (stream, group, id) in [
        ("board", "exact2", "a"),
        ("board", "exac", "a"),
        ("board", "exact", "ab"),
        ("board", "exact", "A"),
        ("lobby", "exact", "a"),
    ] {
        set(server, stream, group, id, &json!({ "wrong": true }));
    }
    send(server, "exact", &json!({ "type": "to the group", "data": 1 }));
    set(server, "board", "exact", "a", &json!({ "right": true }));
    assert_eq!(said(&socket.next()), ("create", &json!({ "right": true, "id": "a" })));
}

#[test]
fn nothing_is_lost_or_repeated_over_a_hundred_reconnects() {
    const COUNT: u64 = 2_400;
    let running = running();
    let mut socket = Socket::open(running.server.address());
    socket.join("board", "resume", None);
    assert_eq!(said(&socket.next()), ("sync", &json!([])));
    let counting = {
        let running = Arc::clone(&running);
        thread::spawn(move || {
            for from in (0..COUNT).step_by(20) {
                count_up(&running.server, "resume", from, 20, 0);
            }
        })
    };
    let (mut next, mut last, mut reconnects) = (0, 0, 0);
    while next < COUNT {
        // Some connections end before they have read anything; the first one has begun to read.
        let frames = if reconnects == 0 { 1 } else { (reconnects * 7) % 40 };
        for _ in 0..frames {
            if next == COUNT {
                break;
            }
            let frame = socket.next();
            let kind = if next == 0 { "create" } else { "update" };
            assert_eq!((said(&frame).0, &said(&frame).1["n"]), (kind, &json!(next)), "{frame}");
            assert_eq!(offset(&frame), last + 1);
            (next, last) = (next + 1, last + 1);
        }
        socket.cut();
        socket = Socket::open(running.server.address());
        socket.join_since("board", "resume", last);
        reconnects += 1;
    }
    assert!(reconnects >= 100, "only {reconnects} reconnects");
    counting.join().expect("all are counted");
    set(&running.server, "board", "resume", "end", &json!({}));
    assert_eq!(said(&socket.next()), ("create", &json!({ "id": "end" })));
}

#[test]
fn who_was_away_too_long_gets_the_state_again() {
    let running = running();
    let server = &running.server;
    set(server, "board", "away", "a", &json!({ "n": 1 }));
    let mut socket = Socket::open(server.address());
    // An offset of another time, such as of data that was restored since.
    socket.join_since("board", "away", 1_000_000);
    let sync = socket.next();
    assert_eq!((said(&sync), offset(&sync)), (("sync", &json!([{ "n": 1, "id": "a" }])), 1));
}

#[test]
fn the_snapshot_and_the_first_update_never_race() {
    let running = running();
    let counting = {
        let running = Arc::clone(&running);
        thread::spawn(move || {
            for from in (0..3_000).step_by(50) {
                count_up(&running.server, "race", from, 50, 0);
            }
        })
    };
    let mut joined = 0;
    while !counting.is_finished() {
        let mut socket = Socket::open(running.server.address());
        socket.join("board", "race", None);
        let sync = socket.next();
        let known = said(&sync).1[0]["n"].as_u64();
        let mut expected = known.map_or(0, |n| n + 1);
        let mut last = offset(&sync);
        while expected < 3_000 && last < offset(&sync) + 5 {
            let frame = socket.next();
            assert_eq!(said(&frame).1["n"], json!(expected), "behind {sync}: {frame}");
            assert_eq!(offset(&frame), last + 1, "behind {sync}: {frame}");
            (expected, last) = (expected + 1, last + 1);
        }
        joined += 1;
    }
    counting.join().expect("all are counted");
    assert!(joined > 10, "only {joined} joined while it was counted");
}

/// A connection whose client's side takes in very little.
fn open_narrow(address: &str, runtime: &Runtime) -> Socket {
    let stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(64 * 1024).expect("a socket option");
        let address = address.parse().expect("an address");
        socket.connect(address).await.expect("the server listens").into_std()
    });
    let stream = stream.expect("a socket");
    stream.set_nonblocking(false).expect("a socket option");
    Socket::over(stream, address, "/", &[]).expect("a WebSocket")
}

#[test]
fn a_client_that_does_not_read_is_cut_off_and_others_are_not() {
    let running = running();
    let server = &running.server;
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut slow = open_narrow(server.address(), &runtime);
    slow.join("board", "slow", None);
    assert_eq!(said(&slow.next()).0, "sync");
    let reader = {
        let mut quick = Socket::open(server.address());
        quick.join("board", "slow", None);
        assert_eq!(said(&quick.next()).0, "sync");
        thread::spawn(move || {
            (0..16).for_each(|n| assert_eq!(said(&quick.next()).1["n"], json!(n)));
        })
    };
    (0..16).for_each(|n| count_up(server, "slow", n, 1, 900_000));
    reader.join().expect("who reads gets everything");
    let (code, reason) = slow.closed();
    assert_eq!(code, 1013);
    assert!(reason.contains("`since`"), "{reason}");

    let mut back = Socket::open(server.address());
    back.join_since("board", "slow", 15);
    assert_eq!(said(&back.next()).1["n"], 15);
}

#[test]
fn malformed_messages_get_an_error_and_end_only_their_own_connection() {
    let running = running();
    let open = || Socket::open(running.server.address());
    let mut other = open();
    other.join("board", "malformed", None);
    assert_eq!(said(&other.next()).0, "sync");

    let mut socket = open();
    socket.say("shout", &json!({}));
    assert_eq!(error_code(&socket.next()), "INVALID_MESSAGE");
    socket.join("nowhere", "g", Some("a"));
    let refused = socket.next();
    assert_eq!(
        (error_code(&refused), &refused["streamName"], &refused["groupId"], &refused["id"]),
        ("STREAM_NOT_FOUND", &json!("nowhere"), &json!("g"), &json!("a"))
    );
    socket.join("board", "malformed", None);
    assert_eq!(said(&socket.next()).0, "sync");
    socket.send(Message::text("{\"type\":"));
    assert_eq!(error_code(&socket.next()), "INVALID_MESSAGE");
    assert_eq!(socket.closed().0, 1003);

    let part = |bytes: &'static [u8]| {
        Message::Frame(Frame::message(bytes, OpCode::Data(Data::Text), true))
    };
    for (message, code) in [
        (Message::binary(vec![1, 2, 3]), 1003),
        (Message::text("x".repeat(70_000)), 1009),
        (part(b"\xff\xfe"), 1007),
    ] {
        let mut socket = open();
        socket.send(message);
        assert_eq!(socket.closed().0, code);
    }
    set(&running.server, "board", "malformed", "a", &json!({}));
    assert_eq!(said(&other.next()).0, "create");
}

#[test]
fn what_one_connection_may_do_is_limited() {
    let running = running();
    let mut socket = Socket::open(running.server.address());
    for group in 0..1_000 {
        socket.join("board", &format!("limit-{group}"), None);
        assert_eq!(said(&socket.next()).0, "sync");
    }
    socket.join("board", "one-more", None);
    assert_eq!(error_code(&socket.next()), "TOO_MANY_JOINS");
    // What is joined already may be joined again.
    socket.join("board", "limit-7", None);
    assert_eq!(said(&socket.next()).0, "sync");
    socket.leave("board", "limit-7", None);
    socket.join("board", "one-more", None);
    assert_eq!(said(&socket.next()).0, "sync");

    let mut socket = Socket::open(running.server.address());
    for _ in 0..4_000 {
        socket.leave("board", "none", None);
    }
    let (code, reason) = socket.closed();
    assert_eq!((code, reason.as_str()), (1008, "more than 100 messages a second"));
}

#[test]
fn server_sent_events_tell_the_same_and_resume() {
    let running = running();
    let server = &running.server;
    let url = |path: &str| format!("{}/__motia/streams/{path}", server.url());
    set(server, "board", "events", "a", &json!({ "n": 1 }));
    let mut events = Events::open(&url("board/events"), &[("origin", "https://example.org")]);
    assert_eq!(events.status, 200);
    assert_eq!(events.header("content-type"), Some("text/event-stream"));
    assert_eq!(events.header("access-control-allow-origin"), Some("*"));
    let sync = events.next().expect("an event");
    assert_eq!(
        (sync.id.as_deref(), said(&sync.data)),
        (Some("1"), ("sync", &json!([{ "n": 1, "id": "a" }])))
    );
    send(server, "events", &json!({ "type": "wave", "data": 1 }));
    set(server, "board", "events", "a", &json!({ "n": 2 }));
    let wave = events.next().expect("an event");
    assert_eq!((wave.id, &wave.data["event"]["event"]["data"]), (None, &json!(1)));
    let update = events.next().expect("an event");
    assert_eq!((update.id.as_deref(), &said(&update.data).1["n"]), (Some("2"), &json!(2)));
    drop(events);

    set(server, "board", "events", "b", &json!({ "n": 3 }));
    set(server, "board", "events", "a", &json!({ "n": 4 }));
    let numbers = |events: &mut Events, count: usize| -> Vec<(Option<String>, Value)> {
        let next = |_| {
            let Event { id, data } = events.next().expect("an event");
            (id, data["event"]["data"]["n"].clone())
        };
        (0..count).map(next).collect()
    };
    let all = [(Some("3".to_owned()), json!(3)), (Some("4".to_owned()), json!(4))];
    let mut back = Events::open(&url("board/events"), &[("last-event-id", "2")]);
    assert_eq!(numbers(&mut back, 2), all);
    let mut back = Events::open(&url("board/events?since=2"), &[]);
    assert_eq!(numbers(&mut back, 2), all);
    let mut item = Events::open(&url("board/events/a?since=2"), &[]);
    assert_eq!(numbers(&mut item, 1), all[1..]);

    let status = |method: &str, path: &str| {
        server.request(method, &format!("/__motia/streams/{path}"), &[], b"").status
    };
    assert_eq!((status("HEAD", "board/events"), status("OPTIONS", "board/events")), (200, 204));
    let refused = server.request("POST", "/__motia/streams/board/events", &[], b"");
    assert_eq!(refused.error(), (405, "method_not_allowed".to_owned()));
    let unknown = server.get("/__motia/streams/nowhere/g");
    assert_eq!(unknown.error(), (404, "unknown_stream".to_owned()));
    assert_eq!(server.get("/__motia/streams/board").error(), (404, "not_found".to_owned()));
}

#[test]
fn who_may_follow_what_is_decided_by_the_project() {
    let running = running();
    let server = &running.server;
    let offered = |token| format!("Authorization, {token}");
    let wrong = [("sec-websocket-protocol", "Authorization, stolen")];
    assert_eq!(Socket::open_at(server.address(), "/", &wrong).err(), Some(401));
    let refused = server.get("/__motia/streams/board/g?authToken=stolen");
    assert_eq!(refused.error(), (401, "unauthorized".to_owned()));
    assert!(refused.text().contains("Authentication failed"), "{}", refused.text());

    let mut nobody = Socket::open(server.address());
    nobody.join("secret", "ann", None);
    assert_eq!(error_code(&nobody.next()), "STREAM_ACCESS_DENIED");
    let denied = server.get("/__motia/streams/secret/ann");
    assert_eq!(denied.error(), (403, "access_denied".to_owned()));

    let (by_protocol, bearer) = (offered("ann"), "Bearer ann");
    let ways: [(&str, &[(&str, &str)]); 3] = [
        ("/", &[("sec-websocket-protocol", by_protocol.as_str())]),
        ("/any/path?authToken=ann", &[]),
        ("/", &[("authorization", bearer)]),
    ];
    for (path, headers) in ways {
        let mut ann = Socket::open_at(server.address(), path, headers).expect("a WebSocket");
        ann.join("secret", "ann", None);
        assert_eq!(said(&ann.next()).0, "sync", "{path} {headers:?}");
        ann.join("secret", "ben", None);
        assert_eq!(error_code(&ann.next()), "STREAM_ACCESS_DENIED");
    }
    let url = format!("{}/__motia/streams/secret/ann", server.url());
    let mut events = Events::open(&url, &[("authorization", bearer)]);
    assert_eq!((events.status, said(&events.next().expect("an event").data).0), (200, "sync"));

    nobody.join("lobby", "hall", None);
    assert_eq!(error_code(&nobody.next()), "STREAM_ACCESS_DENIED");
    let protocol = offered("ben");
    let headers = [("sec-websocket-protocol", protocol.as_str())];
    let mut ben = Socket::open_at(server.address(), "/", &headers).expect("a WebSocket");
    ben.join("lobby", "hall", None);
    assert_eq!(said(&ben.next()).0, "sync");
    assert_eq!(server.get("/visits").json(), json!([{ "came": "ben", "to": "hall" }]));
    ben.cut();
    wait_until(Duration::from_secs(30), "the project is told that ben has left", || {
        let visits = server.get("/visits").json();
        visits
            .as_array()
            .is_some_and(|visits| visits.contains(&json!({ "left": "ben", "from": "hall" })))
    });
}

#[test]
fn clients_send_where_their_role_lets_them() {
    let running = running();
    let address = running.server.address();
    let known = |token: &str| {
        Socket::open_at(address, &format!("/?authToken={token}"), &[]).expect("a WebSocket")
    };
    let (mut ann, mut ben) = (known("ann"), known("ben"));
    ben.join("board", "sent", None);
    assert_eq!(said(&ben.next()).0, "sync");
    let event = json!({ "type": "typing", "data": { "who": "ann" } });
    let message = json!({ "streamName": "board", "groupId": "sent", "event": event });
    ann.say("send", &message);
    assert_eq!(ben.next()["event"], json!({ "type": "event", "event": event }));

    ben.say("send", &message);
    assert_eq!(error_code(&ben.next()), "STREAM_ACCESS_DENIED");
    ann.say("send", &json!({ "streamName": "lobby", "groupId": "hall", "event": event }));
    assert_eq!(error_code(&ann.next()), "STREAM_ACCESS_DENIED");
    ann.say("send", &json!({ "streamName": "nothing", "groupId": "g", "event": event }));
    assert_eq!(error_code(&ann.next()), "STREAM_NOT_FOUND");
}

#[test]
fn those_who_follow_are_told_that_the_server_stops() {
    let running = running();
    let data = running.project.data().with_file_name("other-data");
    let server = Server::serve(&running.project.bundle(), &data, &[]);
    let mut socket = Socket::open(server.address());
    socket.join("board", "g", None);
    assert_eq!(said(&socket.next()).0, "sync");
    let mut events = Events::open(&format!("{}/__motia/streams/board/g", server.url()), &[]);
    assert!(events.next().is_some());
    server.terminate();
    assert_eq!(socket.closed(), (1001, "the server stops".to_owned()));
    assert_eq!(events.next(), None);
    assert!(server.wait().success());
}

#[test]
fn in_dev_another_name_for_this_machine_is_refused() {
    let project = Project::fixture("streams");
    let server = Server::dev(&project.root(), &project.data());
    let path = "/__motia/streams/board/g";
    let refused = server.request("GET", path, &[("host", "example.org")], b"");
    assert_eq!(refused.error(), (403, "not_local".to_owned()));
    let mut socket = Socket::open_at(server.address(), "/", &[("origin", "https://example.org")])
        .expect("browsers of any origin may connect");
    socket.join("board", "g", None);
    assert_eq!(said(&socket.next()).0, "sync");
}
