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

/// Protects the model's process and the clients that wait for it: a setting out of its range, such as a number that 32
/// bits cannot hold, is refused under the request's id, and nothing is loaded for it.
#[test]
fn settings_out_of_range_stop_at_the_door() {
    let server = Server::with(FakeModel::saying(["hello"]));
    let mut raw = server.raw();
    raw.get_mut().write_all(HELLO).expect("sent");
    assert!(line(&mut raw).contains("\"hello\""));
    let whole = serde_json::json!({
        "prompt": { "text": "x" }, "max_tokens": 4, "stop": [], "logprobs": null, "draft": null,
        "sampling": { "temperature": 0.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0, "seed": 0 },
    });
    let mut id = 1;
    for (field, value) in [
        ("/sampling/temperature", serde_json::json!(1e39)),
        ("/sampling/temperature", serde_json::json!(-1)),
        ("/sampling/top_p", serde_json::json!(1e39)),
        ("/sampling/min_p", serde_json::json!(-1e300)),
        ("/sampling/repetition_penalty", serde_json::json!(1e39)),
        ("/sampling/repetition_penalty", serde_json::json!(0)),
        ("/logprobs", serde_json::json!(4_000_000_000u32)),
        ("/stop", serde_json::json!(vec!["x"; 1000])),
    ] {
        id += 1;
        let mut request = whole.clone();
        *request.pointer_mut(field).expect("a field") = value;
        let request = serde_json::json!({ "id": id, "do": { "generate": { "model": "fake", "request": request } } });
        raw.get_mut().write_all(format!("{request}\n").as_bytes()).expect("sent");
        let answer = line(&mut raw);
        assert!(answer.starts_with(&format!("{{\"id\":{id},")) && answer.contains("\"invalid\""), "{field}: {answer}");
    }
    assert_eq!(server.loader.loads.load(Ordering::SeqCst), 0);
    let done = server.client().generate("fake", &ask("x"), &Cancel::new(), &mut |_| {}).expect("answered");
    assert_eq!(done.text, "hello");
}

/// Protects memory: lines that are begun and not ended take no more over all clients than is set aside for them, those
/// beyond are told so, small requests go through, and the memory is there again when the clients are gone.
#[test]
fn half_lines_are_bounded_over_all_clients() {
    let server = Server::with(FakeModel::saying(["hello"]));
    let before = server.client().status().expect("status").memory.expect("Linux tells");
    let chunk = vec![b'x'; 15 << 20];
    let mut clients = Vec::new();
    for _ in 0..24 {
        let mut raw = server.raw();
        raw.get_mut().write_all(HELLO).expect("sent");
        assert!(line(&mut raw).contains("\"hello\""));
        raw.get_mut().write_all(&chunk).expect("taken");
        clients.push(raw);
    }
    let during = server.client().status().expect("status").memory.expect("Linux tells");
    assert!(during.saturating_sub(before) < 200 << 20, "{before} → {during}");
    // One whose line was kept hears that it is no request, and one whose line was not, that there was no room for it.
    let mut refused = 0;
    for raw in &mut clients {
        raw.get_mut().write_all(b"\n").expect("sent");
        let answer = line(raw);
        assert!(answer.contains("\"busy\"") || answer.contains("bad-request"), "{answer}");
        refused += usize::from(answer.contains("\"busy\""));
    }
    assert!((8..24).contains(&refused), "{refused}");
    server.client().generate("fake", &ask("x"), &Cancel::new(), &mut |_| {}).expect("small ones go through");
    drop(clients);
    let large = ask(&"x".repeat(15 << 20));
    eventually("the memory is free again", || {
        !matches!(server.client().generate("fake", &large, &Cancel::new(), &mut |_| {}),
            Err(GenerateError::Unavailable(m)) if m.contains("memory"))
    });
}

/// Protects upgrades: another version is refused with both numbers, and can still be ended.
#[test]
fn other_versions_are_refused_and_can_be_stopped() {
    let server = Server::with(FakeModel::saying(["hello"]));
    let mut raw = server.raw();
    raw.get_mut().write_all(b"{\"id\":1,\"do\":{\"hello\":{\"protocol\":9,\"client\":\"x\"}}}\n").expect("sent");
    let answer = line(&mut raw);
    assert!(answer.contains("{\"server\":4,\"client\":9,"), "{answer}");
    assert_eq!(raw.read(&mut [0]).expect("closed"), 0);
    let mut stranger = server.raw();
    stranger.get_mut().write_all(b"{\"id\":1,\"do\":\"stop\"}\n").expect("sent");
    assert_eq!(line(&mut stranger), "{\"id\":1,\"event\":\"ok\"}\n");
    eventually("the server ends", || matches!(Client::connect(&server.socket), Err(ConnectError::NotRunning { .. })));
}
