//! Every operation and every event as a line, in files and in PROTOCOL.md.

use super::*;
use deepcoder_types::{Event as Happening, JobHappening};
use std::collections::BTreeSet;

const REQUESTS: &str = include_str!("../../golden/requests.jsonl");
const EVENTS: &str = include_str!("../../golden/events.jsonl");
const DOCUMENT: &str = include_str!("../../PROTOCOL.md");

/// A function that names the variant of a value, without a wildcard, and the list of its names. A new variant does not
/// compile before it is here, and the tests fail before it has a golden line.
macro_rules! names {
    ($name:ident, $all:ident, $type:ty, { $($pattern:pat $(if $guard:expr)? => $text:literal),* $(,)? }) => {
        fn $name(value: &$type) -> &'static str {
            match value { $($pattern $(if $guard)? => $text),* }
        }
        const $all: &[&str] = &[$($text),*];
    };
}

names!(operation, OPERATIONS, Op<'_>, {
    Op::Hello { .. } => "hello",
    Op::Generate { request, .. } if request.grammar.is_some() => "generate with a grammar",
    Op::Generate { .. } => "generate",
    Op::Choose { .. } => "choose",
    Op::CountTokens { .. } => "count-tokens",
    Op::ModelInfo { .. } => "model-info",
    Op::Status => "status",
    Op::Unload => "unload",
    Op::Stop => "stop",
    Op::StopIfIdle => "stop-if-idle",
    Op::Cancel { .. } => "cancel",
    Op::Jobs(JobOp::Add { .. }) => "jobs add",
    Op::Jobs(JobOp::Get { .. }) => "jobs get",
    Op::Jobs(JobOp::List { .. }) => "jobs list",
    Op::Jobs(JobOp::Events { .. }) => "jobs events",
    Op::Jobs(JobOp::Follow { .. }) => "jobs follow",
    Op::Jobs(JobOp::Cancel { .. }) => "jobs cancel",
    Op::Jobs(JobOp::Retry { .. }) => "jobs retry",
    Op::Jobs(JobOp::Pause { .. }) => "jobs pause",
    Op::Jobs(JobOp::Resume { .. }) => "jobs resume",
    Op::Jobs(JobOp::Review { decision: Decision::Reject, .. }) => "jobs review reject",
    Op::Jobs(JobOp::Review { decision: Decision::Accept { .. }, .. }) => "jobs review accept",
    Op::Jobs(JobOp::Counts) => "jobs counts",
    Op::Watching(WatchOp::Add { .. }) => "watching add",
    Op::Watching(WatchOp::Remove { .. }) => "watching remove",
    Op::Watching(WatchOp::List) => "watching list",
    Op::Task(TaskOp::Submit { .. }) => "task submit",
    Op::Task(TaskOp::List { repository: None }) => "task list",
    Op::Task(TaskOp::List { repository: Some(_) }) => "task list of a repository",
    Op::Task(TaskOp::Get { .. }) => "task get",
    Op::Task(TaskOp::Follow { .. }) => "task follow",
    Op::Task(TaskOp::Cancel { .. }) => "task cancel",
    Op::Task(TaskOp::Decide { decision: Decision::Accept { .. }, .. }) => "task decide accept",
    Op::Task(TaskOp::Decide { decision: Decision::Reject, .. }) => "task decide reject",
    Op::Task(TaskOp::Text { .. }) => "task text",
    Op::Task(TaskOp::Content { .. }) => "task content",
    Op::Task(TaskOp::Forget { .. }) => "task forget",
});

names!(event, BODIES, Body, {
    Body::Hello(_) => "hello",
    Body::Token(_) => "token",
    Body::Done(_) => "done",
    Body::Likelihoods(_) => "likelihoods",
    Body::Count(_) => "count",
    Body::Model(_) => "model",
    Body::Status(_) => "status",
    Body::Added(_) => "added",
    Body::Job(_) => "job",
    Body::Jobs(_) => "jobs",
    Body::JobEvent(JobEvent { what: JobHappening::State { .. }, .. }) => "job-event state",
    Body::JobEvent(JobEvent { what: JobHappening::Progress(_), .. }) => "job-event progress",
    Body::JobEvent(JobEvent { what: JobHappening::Log { .. }, .. }) => "job-event log",
    Body::JobEvents(_) => "job-events",
    Body::JobCounts(_) => "job-counts",
    Body::Watched(_) => "watched",
    Body::Unwatched(_) => "unwatched",
    Body::Task(_) => "task",
    Body::Tasks(_) => "tasks",
    Body::TaskEvent(TaskEvent { event: Happening::Stage(_), .. }) => "task-event stage",
    Body::TaskEvent(TaskEvent { event: Happening::Targets(_), .. }) => "task-event targets",
    Body::TaskEvent(TaskEvent { event: Happening::Skipped { .. }, .. }) => "task-event skipped",
    Body::TaskEvent(TaskEvent { event: Happening::Gathered { .. }, .. }) => "task-event gathered",
    Body::TaskEvent(TaskEvent { event: Happening::Generating { .. }, .. }) => "task-event generating",
    Body::TaskEvent(TaskEvent { event: Happening::Token(_), .. }) => "task-event token",
    Body::TaskEvent(TaskEvent { event: Happening::Generated { .. }, .. }) => "task-event generated",
    Body::TaskEvent(TaskEvent { event: Happening::Progress { .. }, .. }) => "task-event progress",
    Body::TaskEvent(TaskEvent { event: Happening::Log { .. }, .. }) => "task-event log",
    Body::Text(_) => "text",
    Body::Content(_) => "content",
    Body::Ok => "ok",
    Body::Error { kind: Failure::TooLong { .. }, .. } => "error too-long",
    Body::Error { kind: Failure::Load { .. }, .. } => "error load",
    Body::Error { kind: Failure::Invalid(_), .. } => "error invalid",
    Body::Error { kind: Failure::NoFill(_), .. } => "error no-fill",
    Body::Error { kind: Failure::Template(_), .. } => "error template",
    Body::Error { kind: Failure::Grammar(_), .. } => "error grammar",
    Body::Error { kind: Failure::NoRoom { .. }, .. } => "error no-room",
    Body::Error { kind: Failure::Engine(_), .. } => "error engine",
    Body::Error { kind: Failure::Died { .. }, .. } => "error died",
    Body::Error { kind: Failure::Unavailable(_), .. } => "error unavailable",
    Body::Error { kind: Failure::Protocol { .. }, .. } => "error protocol",
    Body::Error { kind: Failure::BadRequest(_), .. } => "error bad-request",
    Body::Error { kind: Failure::TooLarge { .. }, .. } => "error too-large",
    Body::Error { kind: Failure::Busy(_), .. } => "error busy",
    Body::Error { kind: Failure::Cancelled, .. } => "error cancelled",
    Body::Error { kind: Failure::Stopping, .. } => "error stopping",
    Body::Error { kind: Failure::Refused { reason: Refusal::NotFound, .. }, .. } => "error not-found",
    Body::Error { kind: Failure::Refused { reason: Refusal::Ambiguous, .. }, .. } => "error ambiguous",
    Body::Error { kind: Failure::Refused { reason: Refusal::State, .. }, .. } => "error state",
    Body::Error { kind: Failure::Refused { reason: Refusal::Invalid, .. }, .. } => "error refused-invalid",
    Body::Error { kind: Failure::Refused { reason: Refusal::Stale, .. }, .. } => "error stale",
    Body::Error { kind: Failure::Refused { reason: Refusal::NeedsReview, .. }, .. } => "error needs-review",
    Body::Error { kind: Failure::Refused { reason: Refusal::Checks, .. }, .. } => "error checks",
    Body::Error { kind: Failure::Refused { reason: Refusal::Storage, .. }, .. } => "error storage",
    Body::Error { kind: Failure::Refused { reason: Refusal::Unsupported, .. }, .. } => "error unsupported",
    Body::Error { kind: Failure::Refused { reason: Refusal::Unavailable, .. }, .. } => "error refused-unavailable",
    Body::Error { kind: Failure::Refused { reason: Refusal::Other, .. }, .. } => "error other",
    Body::Unknown => "unknown",
});

/// Protects other people's clients and daemons of other builds: each operation has a line, which is read and written as
/// it stands.
#[test]
fn every_operation_has_a_golden_line() {
    let mut seen = BTreeSet::new();
    for text in REQUESTS.lines() {
        let request: Request<'_> = serde_json::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(serde_json::to_string(&request).expect("json"), text);
        seen.insert(operation(&request.op));
    }
    let missing: Vec<_> = OPERATIONS.iter().filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "golden/requests.jsonl lacks {missing:?}");
}

/// Protects them likewise: each event, each kind of error and each event of a task or a job has a line.
#[test]
fn every_event_has_a_golden_line() {
    let mut seen = BTreeSet::from(["unknown"]);
    for text in EVENTS.lines() {
        let line = read_event(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(serde_json::to_string(&line).expect("json"), text);
        seen.insert(event(&line.event));
    }
    let missing: Vec<_> = BODIES.iter().filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "golden/events.jsonl lacks {missing:?}");
}

/// Protects readers of PROTOCOL.md: its examples are the golden lines, and every golden line is an example.
#[test]
fn the_document_shows_the_golden_lines() {
    for (arrow, golden) in [("→ ", REQUESTS), ("← ", EVENTS)] {
        let shown: Vec<&str> = DOCUMENT.lines().filter_map(|line| line.trim().strip_prefix(arrow)).collect();
        assert_eq!(shown, golden.lines().collect::<Vec<_>>());
    }
}

/// Protects clients from waiting forever: the events that end a request are known as such, and the parts are not.
#[test]
fn parts_and_ends_are_told_apart() {
    for name in BODIES {
        let kind = name.split(' ').next().expect("a word");
        let part = ["token", "job-event", "task-event", "unknown"].contains(&kind);
        assert_eq!(KNOWN.contains(&kind), !part, "{kind}");
    }
}

/// Protects a client from a newer daemon of its protocol: unknown fields are ignored, unknown events and parts are no
/// error, elements of a list that it does not know are left out, and an unknown error keeps its message.
#[test]
fn a_newer_peer_is_understood() {
    for text in EVENTS.lines() {
        let mut value: serde_json::Value = serde_json::from_str(text).expect("json");
        add_fields(&mut value);
        let line = read_event(value.to_string().as_bytes()).unwrap_or_else(|e| panic!("{value}: {e}"));
        assert_eq!(serde_json::to_string(&line).expect("json"), text);
    }
    for text in REQUESTS.lines() {
        let mut value: serde_json::Value = serde_json::from_str(text).expect("json");
        add_fields(&mut value);
        let (request, value) = (value.to_string(), text);
        let request: Request<'_> = serde_json::from_str(&request).unwrap_or_else(|e| panic!("{request}: {e}"));
        assert_eq!(serde_json::to_string(&request).expect("json"), value);
    }
    for text in [
        r#"{"id":7,"event":{"telepathy":{"from":1}}}"#,
        r#"{"id":7,"event":"wonder"}"#,
        r#"{"id":7,"event":{"task-event":{"seq":3,"event":{"dream":{"of":"sheep"}}}}}"#,
        r#"{"id":7,"event":{"job-event":{"job":"01J","seq":2,"at_ms":1,"what":"dreaming"}}}"#,
    ] {
        let line = read_event(text.as_bytes()).expect(text);
        assert!(matches!(line, Event { id: 7, event: Body::Unknown }), "{line:?}");
    }
    let text = r#"{"id":7,"event":{"error":{"message":"it rains","kind":{"weather":{"mm":3}}}}}"#;
    let Body::Error { kind, .. } = read_event(text.as_bytes()).expect("an error").event else { panic!("no error") };
    assert_eq!(kind.to_string(), "it rains");
    let text =
        r#"{"id":7,"event":{"error":{"message":"m","kind":{"refused":{"reason":"new","message":"m","hint":"h"}}}}}"#;
    let Body::Error { kind, .. } = read_event(text.as_bytes()).expect("an error").event else { panic!("no error") };
    assert_eq!(kind, Failure::Refused { reason: Refusal::Other, message: "m".into(), hint: Some("h".into()) });
    let text = r#"{"id":7,"event":{"job-events":[{"job":"01J","seq":1,"at_ms":1,"what":"dreaming"},{"job":"01J","seq":2,"at_ms":1,"what":{"state":{"to":"queued"}}}]}}"#;
    let Body::JobEvents(events) = read_event(text.as_bytes()).expect("events").event else { panic!("no events") };
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [2]);
    // A last event that cannot be read is an error: the client would wait for ever.
    assert!(read_event(br#"{"id":7,"event":{"count":"many"}}"#).is_err());
}

/// Give every object that has a fixed set of fields one more.
fn add_fields(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Array(list) => list.iter_mut().for_each(add_fields),
        serde_json::Value::Object(fields) => {
            // One key of an enum's variant, or free keys.
            let is_enum = fields.len() == 1 && fields.values().all(|v| v.is_object() || v.is_array() || v.is_string());
            fields
                .iter_mut()
                .filter(|(key, _)| !["buffers", "params", "options"].contains(&key.as_str()))
                .for_each(|(_, v)| add_fields(v));
            if !is_enum && fields.len() > 1 {
                fields.insert("from_the_future".into(), serde_json::json!([1, { "two": null }]));
            }
        }
        _ => {}
    }
}

/// Protects old and new programs beside each other: the newest version that both speak is taken, if there is one.
#[test]
fn the_newest_common_protocol_is_spoken() {
    assert_eq!(common((3, 5), (1, 4)), Some(4));
    assert_eq!(common((3, 5), (4, 9)), Some(5));
    assert_eq!(common((3, 3), (3, 3)), Some(3));
    assert_eq!(common((3, 5), (1, 2)), None);
    assert_eq!(common((3, 5), (6, 9)), None);
    assert_eq!(common((3, 5), (9, 4)), None, "a range that makes no sense");
}
