//! Clients that send what they should not.

use super::*;

/// Protects the server from bad input: each line gets its error, and good requests on the same connection still work.
#[test]
fn garbage_gets_an_error_and_does_no_harm() {
    let server = Server::with(FakeModel::saying(["hello"]));
    let mut raw = server.raw();
    raw.get_mut().write_all(HELLO).expect("sent");
    assert!(line(&mut raw).contains("\"hello\""));
    for (bad, id) in [
        (&b"\n"[..], 0),
        (b"\xff\xfe\n", 0),
        (b"[1,2]\n", 0),
        (b"{\"id\":7,\"do\":\"dance\"}\n", 7),
        (b"{\"id\":8,\"do\":{\"generate\":{\"model\":\"m\"}}}\n", 8),
        (b"{\"id\":0,\"do\":\"unload\"}\n", 0),
    ] {
        raw.get_mut().write_all(bad).expect("sent");
        let answer = line(&mut raw);
        assert!(answer.contains("bad-request") && answer.starts_with(&format!("{{\"id\":{id},")), "{answer}");
    }
    raw.get_mut().write_all(b"{\"id\":9,\"do\":\"status\"}\n").expect("sent");
    assert!(line(&mut raw).contains("uptime_ms"));
    // A line without an end.
    raw.get_mut().write_all(b"{\"id\":10,").expect("sent");
    raw.get_mut().shutdown(std::net::Shutdown::Write).expect("shutdown");
    assert!(line(&mut raw).contains("the line has no end"));
    assert_eq!(raw.read(&mut [0]).expect("closed"), 0);
    let mut impatient = server.raw();
    impatient.get_mut().write_all(b"{\"id\":1,\"do\":\"status\"}\n").expect("sent");
    assert!(line(&mut impatient).contains("first request must be hello"));
    assert_eq!(impatient.read(&mut [0]).expect("closed"), 0);
}

/// Protects memory: 100 MB in one line are refused without being kept, and the connection survives it.
#[test]
fn a_request_of_100_mb_is_refused() {
    let server = Server::with(FakeModel::saying(["hello"]));
    let mut raw = server.raw();
    raw.get_mut().write_all(HELLO).expect("sent");
    assert!(line(&mut raw).contains("\"hello\""));
    let before = server.client().status().expect("status").memory.expect("Linux tells");
    let chunk = vec![b'x'; 1 << 20];
    for _ in 0..100 {
        raw.get_mut().write_all(&chunk).expect("taken");
    }
    let during = server.client().status().expect("status").memory.expect("Linux tells");
    assert!(during.saturating_sub(before) < 64 << 20, "{before} → {during}");
    raw.get_mut().write_all(b"\n{\"id\":2,\"do\":\"status\"}\n").expect("sent");
    assert!(line(&mut raw).contains("too-large"));
    assert!(line(&mut raw).contains("uptime_ms"));
    // Our own client does not even send it.
    let huge = ask(&"x".repeat(MAX_REQUEST));
    let error = server.client().generate("fake", &huge, &Cancel::new(), &mut |_| {}).expect_err("refused");
    assert!(matches!(error, GenerateError::Invalid(m) if m.contains("16777216")));
}

/// Protects upgrades: another version is refused with both numbers, and can still be ended.
#[test]
fn other_versions_are_refused_and_can_be_stopped() {
    let server = Server::with(FakeModel::saying(["hello"]));
    let mut raw = server.raw();
    raw.get_mut().write_all(b"{\"id\":1,\"do\":{\"hello\":{\"protocol\":9,\"client\":\"x\"}}}\n").expect("sent");
    let answer = line(&mut raw);
    assert!(answer.contains("{\"server\":2,\"client\":9}"), "{answer}");
    assert_eq!(raw.read(&mut [0]).expect("closed"), 0);
    let mut stranger = server.raw();
    stranger.get_mut().write_all(b"{\"id\":1,\"do\":\"stop\"}\n").expect("sent");
    assert_eq!(line(&mut stranger), "{\"id\":1,\"event\":\"ok\"}\n");
    eventually("the server ends", || matches!(Client::connect(&server.socket), Err(ConnectError::NotRunning { .. })));
}
