//! Programs against daemons of other builds and protocols.

use super::*;
use crate::wire::Refusal;
use deepcoder_types::{Form, Grammar, Hint as _};
use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

/// The build of the program in these tests.
const OURS: &str = "0.2.0+1.2.3";

/// What a daemon does with one line.
enum Does {
    /// Answers; `ID` is the id of the request.
    Says(String),
    /// Answers and closes the connection.
    SaysAndCloses(String),
    /// Closes the connection.
    Closes,
    /// Answers and is gone.
    SaysAndEnds(String),
}

/// A daemon that speaks what a test wants, and keeps what it heard.
struct Fake {
    _dir: tempfile::TempDir,
    socket: PathBuf,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    fn new(answer: impl Fn(&str) -> Does + Send + Sync + 'static) -> Self {
        let dir = tempfile::tempdir().expect("dir");
        let socket = dir.path().join("daemon.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (path, log, answer) = (socket.clone(), Arc::clone(&heard), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (path, log, answer) = (path.clone(), Arc::clone(&log), Arc::clone(&answer));
                thread::spawn(move || serve(&stream.expect("a client"), &path, &log, answer.as_ref()));
            }
        });
        Self { _dir: dir, socket, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("lock").clone()
    }

    fn has_ended(&self) -> bool {
        !self.socket.exists()
    }
}

fn serve(stream: &UnixStream, path: &Path, log: &Mutex<Vec<String>>, answer: &dyn Fn(&str) -> Does) {
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        log.lock().expect("lock").push(line.clone());
        let (says, goes_on, ends) = match answer(&line) {
            Does::Says(text) => (text, true, false),
            Does::SaysAndCloses(text) => (text, false, false),
            Does::Closes => (String::new(), false, false),
            Does::SaysAndEnds(text) => (text, false, true),
        };
        if ends {
            #[expect(clippy::disallowed_methods, reason = "the socket of the test")]
            std::fs::remove_file(path).expect("its socket");
        }
        let text = says.replace("ID", &wire::id_of(line.as_bytes()).to_string());
        let mut stream = stream;
        if !text.is_empty() && writeln!(stream, "{text}").is_err() || !goes_on {
            stream.shutdown(std::net::Shutdown::Both).unwrap_or_default();
            return;
        }
    }
}

/// A daemon as those of protocol 2 are, word for word.
fn of_protocol_2(busy: bool, queued: u32) -> Fake {
    Fake::new(move |line| {
        if line.ends_with("\"do\":\"stop\"}") {
            return Does::SaysAndEnds(r#"{"id":ID,"event":"ok"}"#.into());
        }
        if line.contains("hello") {
            let hello: serde_json::Value = serde_json::from_str(line).expect("json");
            return match hello["do"]["hello"]["protocol"].as_u64() {
                Some(2) => Does::Says(
                    r#"{"id":ID,"event":{"hello":{"protocol":2,"version":"0.1.0+a.b.c","pid":4711}}}"#.into(),
                ),
                other => {
                    let client = other.expect("a protocol");
                    let error = format!(
                        r#"{{"message":"the daemon speaks protocol 2, the client {client}","kind":{{"protocol":{{"server":2,"client":{client}}}}}}}"#
                    );
                    Does::SaysAndCloses(format!(r#"{{"id":ID,"event":{{"error":{error}}}}}"#))
                }
            };
        }
        assert!(line.ends_with("\"do\":\"status\"}"), "{line}");
        Does::Says(format!(
            r#"{{"id":ID,"event":{{"status":{{"pid":4711,"version":"0.1.0+a.b.c","protocol":2,"uptime_ms":1000,"model":"m","memory":25000000,"worker":{{"pid":4712,"memory":650000000,"deaths":0,"last_death":null}},"served":3,"busy":{busy},"queued":{queued},"background_busy":true,"background_queued":7,"clients":1,"idle_limit_ms":300000,"store":"/home/me/jobs.db"}}}}}}"#
        ))
    })
}

/// A daemon of our protocol and of the build `version`. `later` is whether it is busy when it is asked to end.
fn of_ours(version: &'static str, busy: bool, later: bool) -> Fake {
    Fake::new(move |line| {
        if line.contains("stop-if-idle") && later {
            return Does::Says(
                r#"{"id":ID,"event":{"error":{"message":"busy","kind":{"busy":"it works for a user"}}}}"#.into(),
            );
        }
        if line.contains("stop") {
            return Does::SaysAndEnds(r#"{"id":ID,"event":"ok"}"#.into());
        }
        Does::Says(format!(
            r#"{{"id":ID,"event":{{"hello":{{"protocol":{PROTOCOL},"version":"{version}","pid":1,"busy":{busy}}}}}}}"#
        ))
    })
}

/// A daemon of protocol 9, which says whether it is busy.
fn of_protocol_9(busy: bool) -> Fake {
    Fake::new(move |line| match line.ends_with("\"do\":\"stop\"}") {
        true => Does::SaysAndEnds(r#"{"id":ID,"event":"ok"}"#.into()),
        false => Does::SaysAndCloses(format!(
            r#"{{"id":ID,"event":{{"error":{{"message":"m","kind":{{"protocol":{{"server":9,"client":{PROTOCOL},"oldest":8,"version":"9.0.0","busy":{busy}}}}}}}}}}}"#
        )),
    })
}

/// Protects the ordinary case: a daemon of the same build is used, busy or not, and none is no error.
#[test]
fn a_daemon_of_the_same_build_is_used() {
    for busy in [false, true] {
        let daemon = of_ours(OURS, busy, busy);
        let client = running(&daemon.socket, OURS).expect("no error").expect("a connection");
        assert_eq!(client.server().version, OURS);
        let hello = format!(
            r#"{{"id":1,"do":{{"hello":{{"protocol":{PROTOCOL},"oldest":{OLDEST},"client":"deepcoder {OURS}"}}}}}}"#
        );
        assert_eq!(daemon.heard(), [hello]);
    }
    let dir = tempfile::tempdir().expect("dir");
    assert!(running(&dir.path().join("none.sock"), OURS).expect("no error").is_none());
}

/// Protects a user's running request from an upgrade: the daemon of another build is used as it is while it is busy, also
/// where it became busy just now.
#[test]
fn a_busy_daemon_of_another_build_is_used() {
    for busy in [true, false] {
        let daemon = of_ours("0.1.0+old", busy, true);
        let client = running(&daemon.socket, OURS).expect("no error").expect("a connection");
        assert_eq!(client.server().version, "0.1.0+old");
        assert!(client.is_usable() && !daemon.has_ended());
        assert_eq!(daemon.heard().iter().any(|line| line.contains("stop-if-idle")), !busy);
    }
}

/// Protects upgrades: an idle daemon of another build is replaced.
#[test]
fn an_idle_daemon_of_another_build_is_replaced() {
    let daemon = of_ours("0.1.0+old", false, false);
    assert!(running(&daemon.socket, OURS).expect("no error").is_none());
    assert!(daemon.has_ended());
}

/// Protects upgrades from daemons of protocol 2, which are installed: an idle one is ended by the line that it knows,
/// whatever its background jobs do.
#[test]
fn an_idle_daemon_of_protocol_2_is_replaced() {
    let daemon = of_protocol_2(false, 0);
    assert!(running(&daemon.socket, OURS).expect("no error").is_none());
    assert!(daemon.has_ended());
    assert_eq!(daemon.heard().last().expect("a line"), r#"{"id":1,"do":"stop"}"#);
}

/// Protects a request that such a daemon works on, or has waiting: it goes on, and the user is told what to do.
#[test]
fn a_busy_daemon_of_protocol_2_is_left_alone() {
    for (busy, queued) in [(true, 0), (false, 1)] {
        let daemon = of_protocol_2(busy, queued);
        let error = running(&daemon.socket, OURS).expect_err("it cannot be used");
        let said = "the running daemon (version 0.1.0+a.b.c) speaks protocol 2, this deepcoder 4, and it is busy";
        assert_eq!(error.to_string(), said);
        let hint = error.hint().expect("a hint");
        assert!(hint.contains("`deepcoder stop`") && hint.contains("--no-daemon"), "{hint}");
        assert!(!daemon.has_ended());
        assert!(stop(&daemon.socket).expect("it can be ended") && daemon.has_ended());
    }
}

/// Protects downgrades: a daemon of a newer protocol is told apart from one that does not answer, and replaced when it is
/// idle.
#[test]
fn a_daemon_of_a_newer_protocol_is_recognised() {
    let daemon = of_protocol_9(true);
    let error = running(&daemon.socket, OURS).expect_err("it cannot be used");
    assert!(matches!(&error, ConnectError::Protocol { server: Some(9), busy: true, .. }), "{error:?}");
    assert!(!daemon.has_ended());
    assert!(stop(&daemon.socket).expect("it can be ended"));
    let daemon = of_protocol_9(false);
    assert!(running(&daemon.socket, OURS).expect("no error").is_none());
    assert!(daemon.has_ended());
}

/// Protects downgrades from far: also a greeting that this version cannot read is a daemon of another protocol. It is
/// not ended, since nothing says that it is idle.
#[test]
fn a_strange_greeting_is_another_protocol() {
    for strange in [r#"{"id":ID,"event":{"welcome":{"protocols":[7,8,9]}}}"#, r#"{"id":ID,"event":"hm"}"#] {
        let daemon = Fake::new(move |line| match line.contains("\"stop\"") {
            true => Does::SaysAndEnds(r#"{"id":ID,"event":"ok"}"#.into()),
            false => Does::Says(strange.into()),
        });
        let error = running(&daemon.socket, OURS).expect_err("it cannot be used");
        assert!(matches!(&error, ConnectError::Protocol { server: None, .. }), "{error:?}");
        assert!(error.hint().expect("a hint").contains("`deepcoder stop`"));
        assert!(!daemon.has_ended());
        assert!(stop(&daemon.socket).expect("it can be ended") && daemon.has_ended());
    }
}

/// Protects the words: what is no daemon at all does not answer, and one that closes at once is as good as none.
#[test]
fn nonsense_is_no_answer() {
    let daemon = Fake::new(|_| Does::Says("HTTP/1.1 400 Bad Request".into()));
    let error = running(&daemon.socket, OURS).expect_err("nonsense");
    assert!(matches!(error, ConnectError::NoAnswer { .. }), "{error:?}");
    let daemon = Fake::new(|_| Does::Closes);
    assert!(running(&daemon.socket, OURS).expect("no error").is_none());
}

/// Protects a client from a newer daemon of its protocol: events that it does not know do not end what it follows.
#[test]
fn unknown_events_are_passed_over() {
    let daemon = Fake::new(|line| {
        if line.contains("hello") {
            return Does::Says(format!(r#"{{"id":ID,"event":{{"hello":{{"protocol":{PROTOCOL},"mood":"good"}}}}}}"#));
        }
        let job = r#"{"id":"01J","spec":{"kind":"edit","repository":"/r","prompt":"p"},"state":"done","attempts":1,"created_ms":1,"colour":"red"}"#;
        let part = r#"{"id":ID,"event":{"job-event":{"job":"01J","seq":1,"at_ms":1,"what":{"state":{"to":"done"}},"smell":3}}}"#;
        let events = [
            r#"{"id":ID,"event":{"dream":{}}}"#,
            part,
            r#"{"id":ID,"event":{"job-event":{"job":"01J","seq":2,"at_ms":1,"what":"dreaming"}}}"#,
        ];
        Does::Says(format!("{}\n{{\"id\":ID,\"event\":{{\"job\":{job}}}}}", events.join("\n")))
    });
    let mut client = Client::connect(&daemon.socket).expect("connected");
    let mut seen = Vec::new();
    let job = client.follow("01J", 0, &Cancel::new(), &mut |event| seen.push(event.seq)).expect("the job");
    assert_eq!((seen, job.id.0.as_str()), (vec![1], "01J"));
}

/// Protects callers of tasks: where no daemon is, the error says so and keeps its hint.
#[test]
fn tasks_without_a_daemon_are_unavailable() {
    use crate::Tasks as _;
    let dir = tempfile::tempdir().expect("dir");
    let failure = RemoteTasks::new(dir.path().join("none.sock")).get("1").expect_err("no daemon");
    assert!(matches!(&failure, Failure::Refused { reason: Refusal::Unavailable, .. }), "{failure:?}");
    assert!(failure.hint().expect("a hint").contains("deepcoder serve"));
}

/// Protects programs that read an answer by its form: a daemon of protocol 3 would ignore the grammar, so that nothing is
/// sent to it, and the error names what to do. A request without a form is answered.
#[test]
fn an_older_daemon_is_sent_no_grammar() {
    let daemon = Fake::new(|line| {
        match line.contains("hello") {
        true => Does::Says(r#"{"id":ID,"event":{"hello":{"protocol":3,"version":"0.1.0","pid":1,"busy":true}}}"#.into()),
        false => Does::Says(
            r#"{"id":ID,"event":{"done":{"text":"maybe","finish":"end","usage":{"prompt_tokens":1,"cached_tokens":0,"completion_tokens":1,"drafted_tokens":0,"accepted_tokens":0},"timing":{"prefill_tps":1.0,"decode_tps":1.0,"first_token_ms":1.0,"total_ms":1.0}}}}"#.into(),
        ),
    }
    });
    let mut client = Client::connect(&daemon.socket).expect("protocol 3 is spoken");
    let prompt = Prompt::Text("is it?".into());
    let options = ["yes".to_owned(), "no".to_owned()];
    let plain = GenerateRequest::greedy(prompt.clone(), 4);
    let grammar = Some(Grammar::of(Form::Choices(options.to_vec())));
    let formed = GenerateRequest { grammar, ..plain.clone() };
    let errors = [
        client.generate("m", &formed, &Cancel::new(), &mut |_| {}).expect_err("it would be ignored"),
        client.choose("m", &prompt, &options, &Cancel::new()).expect_err("it is not known"),
    ];
    for error in errors {
        assert!(error.to_string().contains("(version 0.1.0) speaks protocol 3"), "{error}");
        assert!(error.hint().expect("a hint").contains("`deepcoder stop`"));
    }
    assert_eq!(daemon.heard().len(), 1, "only the greeting was sent");
    assert_eq!(client.generate("m", &plain, &Cancel::new(), &mut |_| {}).expect("answered").text, "maybe");
}
