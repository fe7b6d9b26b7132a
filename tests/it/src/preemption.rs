//! Background work beside users' own requests, in one engine.

use crate::setup::{Tiny, options, run, text};
use deepcoder_model::{Engine, EngineOptions};
use deepcoder_types::{Cancel, FinishReason, GenerateRequest, Generation, LanguageModel as _, Priority, Sampling};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

const PROMPT: &str = "def area(width, height):\n    return width * height\n\n# the area of a rectangle in\n";

fn asked(prompt: &str, max_tokens: u32, seed: u64) -> GenerateRequest {
    let sampling = Sampling { temperature: 0.9, top_p: 0.95, seed, ..Sampling::GREEDY };
    GenerateRequest { sampling, ..GenerateRequest::greedy(text(prompt), max_tokens) }
}

fn background(request: GenerateRequest) -> GenerateRequest {
    GenerateRequest { priority: Priority::Background, ..request }
}

fn answer(engine: &Engine, request: &GenerateRequest) -> Generation {
    run(engine, request).0
}

/// Protects jobs and the user's own requests alike: whatever comes between its steps and chunks, a job has the text
/// that it has alone, and so has what comes between; nothing is computed twice but a chunk of a prompt.
#[test]
fn an_interrupted_generation_is_what_it_is_alone() {
    let tiny = Tiny::new();
    let engine = tiny.engine(&options());
    let mut between = 0;
    for seed in 0..4 {
        // Longer than a chunk, and another beginning each time.
        let job = background(asked(&format!("# {seed}\n{}", PROMPT.repeat(4)), 120, seed));
        let users: Vec<_> = (0..3).map(|n| asked(&PROMPT[n * 9..], 6, seed)).collect();
        engine.forget();
        let alone = answer(&engine, &job);
        let wanted: Vec<_> = users.iter().map(|user| answer(&engine, user).text).collect();
        engine.forget();
        let (over, begun) = (AtomicBool::new(false), AtomicBool::new(false));
        let disturbed = thread::scope(|scope| {
            let job = scope.spawn(|| {
                begun.store(true, Ordering::SeqCst);
                let done = answer(&engine, &job);
                over.store(true, Ordering::SeqCst);
                done
            });
            while !begun.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            for n in (0..3).cycle() {
                assert_eq!(answer(&engine, &users[n]).text, wanted[n]);
                if over.load(Ordering::SeqCst) {
                    break;
                }
                between += 1;
                thread::sleep(Duration::from_millis(1));
            }
            job.join().unwrap()
        });
        assert_eq!((&disturbed.text, disturbed.finish), (&alone.text, alone.finish));
        assert_eq!(disturbed.usage, alone.usage, "the same tokens, and the same steps");
    }
    assert!(between >= 4, "{between} requests came between: nothing was tried");
}

/// Protects users who wait: a request that comes while a job writes is begun within a step, is then
/// computed without a break, and the job goes on behind it.
#[test]
fn a_user_s_request_begins_within_a_step() {
    let tiny = Tiny::new();
    let engine = tiny.engine(&EngineOptions { draft: false, ..options() });
    let log = Mutex::new(Vec::new());
    let (steps, note) = (AtomicUsize::new(0), |who| log.lock().unwrap().push(who));
    let job = background(GenerateRequest::greedy(text(PROMPT), 150));
    let alone = answer(&engine, &job);
    thread::scope(|scope| {
        let working = scope.spawn(|| {
            engine.generate(&job, &Cancel::new(), &mut |_| {
                note("job");
                steps.fetch_add(1, Ordering::SeqCst);
                // A step of a model of some size.
                thread::sleep(Duration::from_millis(10));
            })
        });
        while steps.load(Ordering::SeqCst) < 5 {
            thread::yield_now();
        }
        note("asked");
        let user = GenerateRequest::greedy(text("class Stack:\n"), 20);
        engine.generate(&user, &Cancel::new(), &mut |_| note("user")).unwrap();
        assert_eq!(working.join().unwrap().unwrap().text, alone.text);
    });
    let log = log.into_inner().unwrap();
    let asked = log.iter().position(|who| *who == "asked").unwrap();
    let first = log.iter().position(|who| *who == "user").unwrap();
    let last = log.iter().rposition(|who| *who == "user").unwrap();
    // One that was under way, and one where this machine was slow to ask.
    assert!(first - asked <= 3, "{log:?}");
    assert!(log[first..=last].iter().all(|who| *who == "user"), "{log:?}");
    assert!(log[last..].len() > 50, "{log:?}");
}

/// Protects follow-up requests from jobs: however many prompts of jobs come between, what was computed for the users'
/// conversations stays. Also where a job shares their beginning, and uses it.
#[test]
fn jobs_leave_the_users_conversations_warm() {
    let tiny = Tiny::new();
    let engine = tiny.engine(&EngineOptions { kept_conversations: 3, ..options() });
    let users = [asked(PROMPT, 10, 1), asked("class Stack:\n    pass\n", 10, 2)];
    let cold: Vec<_> = users.iter().map(|user| answer(&engine, user)).collect();
    for n in 0..4 {
        answer(&engine, &background(asked(&format!("# job {n}\n{}", &PROMPT[n..]), 10, 3)));
        let fork = answer(&engine, &background(asked(&format!("{}{n}", &PROMPT[..60]), 10, 4)));
        assert!(fork.usage.cached_tokens >= 50, "{:?}", fork.usage);
        // A job that asks what a user has asked does not take it over either.
        answer(&engine, &background(users[0].clone()));
    }
    for (user, cold) in users.iter().zip(&cold) {
        let warm = answer(&engine, user);
        assert_eq!((&warm.text, warm.usage.cached_tokens), (&cold.text, cold.usage.prompt_tokens - 1));
    }
    // Two conversations and one of the jobs: a third one of a user's takes the place of that.
    answer(&engine, &asked("fn main() {}\n", 10, 5));
    let warm = answer(&engine, &users[1]);
    assert_eq!(warm.usage.cached_tokens, cold[1].usage.prompt_tokens - 1);
}

/// Protects users who cancel a job: it ends while it is paused, without waiting for those who went first; and neither a
/// pause nor `forget` meanwhile costs any request a token. With room for one conversation only, there is room for a
/// paused one beside it.
#[test]
fn a_paused_job_can_be_cancelled() {
    let tiny = Tiny::new();
    let engine = tiny.engine(&EngineOptions { draft: false, kept_conversations: 1, ..options() });
    let (job, user) = (background(asked(PROMPT, 150, 1)), asked("class Stack:\n", 30, 2));
    let (whole, wanted) = (answer(&engine, &job).text, answer(&engine, &user).text);
    let cancel = Cancel::new();
    let (ended, end) = channel();
    let (began, begin) = channel();
    thread::scope(|scope| {
        let (engine, cancel, job) = (&engine, &cancel, &job);
        scope.spawn(move || {
            let mut said = 0;
            let done = engine.generate(job, cancel, &mut |_| {
                said += 1;
                if said == 3 {
                    began.send(()).unwrap();
                }
                thread::sleep(Duration::from_millis(5));
            });
            ended.send(done.unwrap()).unwrap();
        });
        begin.recv().unwrap();
        let mut tokens = 0;
        let done = engine.generate(&user, &Cancel::new(), &mut |_| {
            tokens += 1;
            if tokens == 3 {
                cancel.cancel();
                let cut = end.recv_timeout(Duration::from_secs(10)).expect("it ended while another one computes");
                assert_eq!(cut.finish, FinishReason::Cancelled);
                assert!(whole.starts_with(&cut.text) && !cut.text.is_empty(), "{:?}", cut.text);
            }
        });
        assert_eq!(done.unwrap().text, wanted);
    });
    assert_eq!(answer(&engine, &job).text, whole);
    thread::scope(|scope| {
        let paused = scope.spawn(|| answer(&engine, &job).text);
        for _ in 0..5 {
            assert_eq!(answer(&engine, &user).text, wanted);
            engine.forget();
        }
        assert_eq!(paused.join().unwrap(), whole);
    });
}
