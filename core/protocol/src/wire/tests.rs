//! What the lines look like.

use super::*;
use deepcoder_types::{FinishReason, GenerateError, Timing, TopLogprob, Usage};

/// Protects callers that act on the kind of an error: it is the same behind the socket as in the process.
#[test]
fn errors_of_the_model_survive_the_wire() {
    for error in [
        GenerateError::TooLong { prompt: 9, max_tokens: 2, context: 10 },
        GenerateError::Load { message: "it is damaged".into(), hint: Some("remove it".into()) },
        GenerateError::Invalid("top_p".into()),
        GenerateError::NoFill("m".into()),
        GenerateError::Template("t".into()),
        GenerateError::Grammar("g".into()),
        GenerateError::NoRoom { tokens: 9, needs_mib: 2, allowed_mib: 1 },
        GenerateError::Engine("e".into()),
        GenerateError::Died { reason: "killed by signal 9".into() },
        GenerateError::Unavailable("u".into()),
    ] {
        let failure = Failure::from(error.clone());
        assert_eq!(failure.to_string(), error.to_string());
        let text = serde_json::to_string(&failure).expect("json");
        let back: Failure = serde_json::from_str(&text).expect("json");
        assert_eq!(GenerateError::from(back), error);
    }
}

/// Protects the stream: an engine that reports an infinite number does not make the client lose the answer.
#[test]
fn numbers_that_json_lacks_stay_readable() {
    let token = TokenEvent {
        text: "x".into(),
        id: 1,
        logprob: Some(f32::NEG_INFINITY),
        top: vec![TopLogprob { text: "y".into(), id: 2, logprob: f32::NEG_INFINITY }],
    };
    let timing = Timing { prefill_tps: f64::INFINITY, decode_tps: f64::NAN, ..Timing::default() };
    let done = Generation { text: String::new(), finish: FinishReason::End, usage: Usage::default(), timing };
    let unlikely = Likelihood { option: 0, logprob: f32::NEG_INFINITY, tokens: 1 };
    for body in [Body::Token(token), Body::Done(done), Body::Likelihoods(vec![unlikely])] {
        let text = line(&Event { id: 1, event: body.finite() }).expect("json");
        serde_json::from_slice::<Event>(&text).expect("readable");
    }
}

/// Protects clients from waiting forever: an answer that JSON cannot carry is an error under the id of its request.
#[test]
fn an_answer_that_cannot_be_sent_is_an_error() {
    use std::os::unix::ffi::OsStringExt as _;
    let root = PathBuf::from(std::ffi::OsString::from_vec(b"/tmp/caf\xe9".to_vec()));
    let watched = Watched { root, files: None, how: "events".into(), notes: Vec::new() };
    let text = event_line(7, Body::Watched(vec![watched]));
    let event: Event = serde_json::from_slice(&text).expect("readable");
    assert!(matches!(event, Event { id: 7, event: Body::Error { .. } }), "{event:?}");
}
