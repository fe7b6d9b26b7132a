//! What happens at the edges: all of the memory, runs that are halted, forms beside drafts.

use super::*;
use deepcoder_types::{Form, Grammar};

/// Protects a prompt that comes again where all memory is just enough for it: the page whose beginning it could copy is the
/// last one, and is given up for it.
#[test]
fn what_fills_the_memory_fits_again() {
    let rig = Rig::new(4, false);
    let prompt = letters(200, 1);
    for _ in 0..3 {
        assert_eq!(rig.answer(&asked(&prompt, 56)).text, expected(&prompt, 56));
    }
    rig.is_clean();
}

/// Protects jobs that lose their memory while drafts of theirs are computed: they begin again without them.
#[test]
fn a_draft_that_was_halted_is_forgotten() {
    let mut rig = Rig::new(32, true);
    let job = background(GenerateRequest { draft: Some(expected("abc", 900)), ..asked("abc", 900) });
    let jobs = [job, background(asked(&letters(1000, 1), 5))];
    let engine = &rig.engine;
    thread::scope(|scope| {
        let jobs = scope.spawn(|| engine.generate_all(&jobs, &Cancel::new(), &mut |_, _| {}));
        rig.until(|log| log.len() == 1);
        // After a long run there may be some for answers only.
        let reads_and_drafts = || {
            let parts: Vec<usize> = rig.log().last().unwrap().iter().map(Vec::len).collect();
            parts.len() == 2 && (2..PREFILL_GROUP).contains(&parts[0]) && parts[1] == PREFILL_GROUP
        };
        rig.step();
        while !reads_and_drafts() {
            rig.step();
        }
        let prompt = letters(1960, 2);
        let user = scope.spawn(move || {
            let done = engine.generate(&asked(&prompt, 88), &Cancel::new(), &mut |_| {}).unwrap().text;
            (done, expected(&prompt, 88))
        });
        rig.until(|log| log.last().unwrap().len() == 1);
        (0..5000).for_each(|_| rig.permits.as_ref().unwrap().send(()).unwrap());
        let (got, wanted) = user.join().unwrap();
        assert_eq!(got, wanted);
        let jobs: Vec<String> = jobs.join().unwrap().into_iter().map(|done| done.unwrap().text).collect();
        assert_eq!(jobs, [expected("abc", 900), expected(&letters(1000, 1), 5)]);
    });
    rig.open();
    rig.is_clean();
}

/// Protects the promise that drafts and company change no token, where a form forces some of them: these take no random
/// number, count for the penalty, and have no log-probability, whether they were drafted or not.
#[test]
fn drafts_change_no_answer_in_a_form() {
    let rig = Rig::new(200, false);
    let asked = |seed: u64, draft: Option<String>, penalty: f32| GenerateRequest {
        sampling: Sampling { temperature: 1.5, seed, repetition_penalty: penalty, ..Sampling::GREEDY },
        grammar: Some(Grammar::of(Form::Regex("([a-e]fghi|[j-m]nopq[a-t]){3,14}".into()))),
        logprobs: Some(2),
        draft,
        stop: vec!["hij".into()],
        ..asked(&letters(100, 3), 47)
    };
    let (mut drafted, mut accepted) = (0, 0);
    for seed in 0..20 {
        let penalty = if seed % 2 == 0 { 1.0 } else { 1.4 };
        let heard = |request: &GenerateRequest| {
            let mut events = Vec::new();
            let done = rig.engine.generate(request, &Cancel::new(), &mut |event| events.push(event.clone())).unwrap();
            (done, events)
        };
        let (plain, events) = heard(&asked(seed, None, penalty));
        let most = plain.text.clone() + &plain.text;
        // Right up to a place, wrong there, and right again.
        let mut spoilt = plain.text.clone().into_bytes();
        if let Some(byte) = spoilt.get_mut(7) {
            *byte = b'a' + (*byte - b'a' + 1) % 20;
        }
        for draft in [plain.text.clone(), most, String::from_utf8(spoilt).unwrap()] {
            let (done, told) = heard(&asked(seed, Some(draft), penalty));
            assert_eq!((&done.text, done.finish), (&plain.text, plain.finish), "seed {seed}");
            assert_eq!(told, events);
            drafted += done.usage.drafted_tokens;
            accepted += done.usage.accepted_tokens;
        }
    }
    assert!(drafted > 200 && accepted > 100, "{accepted} of {drafted}: nothing was tried");
    rig.is_clean();
}

/// Protects everybody from everybody: three hundred callers at once, some of whom cancel, panic, score, compare
/// or want several answers, in little memory. Each gets what it would get alone, and nothing is left behind.
#[test]
fn three_hundred_callers_at_once() {
    let rig = Rig::new(30, false);
    let shared = letters(500, 5);
    let prompt = |n: u64| match n % 3 {
        0 => format!("{}{}", &shared[..(n * 97 % 500) as usize], letters((n % 40 + 1) as usize, n)),
        1 => letters([1, 63, 64, 65, 127, 128, 129, 256][(n / 3 % 8) as usize], n % 5),
        _ => shared[..(n * 31 % 499 + 1) as usize].to_owned(),
    };
    let (engine, shared) = (&rig.engine, &shared);
    let caller = |n: u64| {
        let prompt = prompt(n);
        let mut request = asked(&prompt, (n * 11 % 70) as u32);
        request.client = format!("client {}", n * n % 7);
        request.priority = if n.is_multiple_of(4) { Priority::Background } else { Priority::Interactive };
        let wanted = |most: usize| expected(&prompt, most);
        match n % 10 {
            0 => {
                // Cancelled somewhere, or not.
                let (cancel, mut heard) = (Cancel::new(), String::new());
                let stop = cancel.clone();
                let other = thread::spawn(move || {
                    (0..n * 50).for_each(|_| thread::yield_now());
                    stop.cancel();
                });
                let done = engine.generate(&request, &cancel, &mut |event| heard.push_str(&event.text)).unwrap();
                other.join().unwrap();
                assert_eq!(done.text, heard);
                assert!(wanted(request.max_tokens as usize).starts_with(&heard));
            }
            1 => {
                let panics = || {
                    let panics = &mut |_: &_| panic!("as asked");
                    request.max_tokens = 9;
                    engine.generate(&request, &Cancel::new(), panics)
                };
                assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).is_err());
            }
            3 => {
                let tokens: Vec<u32> = prompt.bytes().map(|byte| u32::from(byte - b'a')).collect();
                assert_eq!(engine.score(&tokens, &Cancel::new()).unwrap().len(), tokens.len() - 1);
            }
            4 => {
                let options = ["a".to_owned(), "bcd".into(), shared[..70].into()];
                let found = engine.choose(&Prompt::Text(prompt), &options, &Cancel::new()).unwrap();
                assert_eq!(found.iter().map(|option| option.tokens).collect::<Vec<_>>(), [1, 3, 70]);
            }
            5 => {
                let all = engine.generate_all(&vec![request.clone(); 5], &Cancel::new(), &mut |_, _| {});
                let wanted = wanted(request.max_tokens as usize);
                assert!(all.into_iter().all(|done| done.unwrap().text == wanted));
            }
            6 => {
                request.grammar = Some(Grammar::of(Form::Regex("([a-e]fgh[i-l]m?){1,30}".into())));
                request.max_tokens = 30;
                let done = engine.generate(&request, &Cancel::new(), &mut |_| {}).unwrap();
                assert!(done.text.len() == 30 || done.finish == FinishReason::End);
            }
            _ => {
                let done = engine.generate(&request, &Cancel::new(), &mut |_| {}).unwrap();
                assert_eq!(done.text, wanted(request.max_tokens as usize), "{prompt}");
                assert_eq!(done.usage.completion_tokens, request.max_tokens);
            }
        }
    };
    thread::scope(|scope| (0..300).for_each(|n| drop(scope.spawn(move || caller(n)))));
    rig.is_clean();
}

/// Protects the meaning of the penalty: what the form forced is present, too.
#[test]
fn the_penalty_is_for_forced_tokens_too() {
    let rig = Rig::new(20, false);
    for prompt in ["a", "b", "c", "d", "e", "aa", "ab", "ac"] {
        let mut request = asked(prompt, 10);
        request.grammar = Some(Grammar::of(Form::Regex("[a-e]fgh(f|t)".into())));
        request.sampling.repetition_penalty = 10.0;
        let text = rig.answer(&request).text;
        assert!(text.ends_with("fght"), "{text}");
    }
}

/// Protects the time of steps: a token of an answer is computed once, drafted or not, and none that is beyond its limit. And
/// prompts are cut at groups, wherever what is cached ends.
#[test]
fn nothing_is_computed_twice_or_in_vain() {
    let rig = Rig::new(20, false);
    let answer = expected("abc", 40);
    rig.answer(&GenerateRequest { draft: Some(answer), ..asked("abc", 20) });
    assert_eq!(rig.log().iter().flatten().map(Vec::len).sum::<usize>(), 3 + 19);
    assert!(rig.log().len() < 15, "nothing was drafted");
    let prompt = letters(400, 1);
    rig.answer(&asked(&prompt[..10], 0));
    rig.log().clear();
    rig.answer(&asked(&prompt, 0));
    assert_eq!(rig.log().iter().flatten().map(Vec::len).collect::<Vec<_>>(), [246, 144]);
}

/// Protects the place of others: what a caller that panicked asked for is not computed to its end.
#[test]
fn a_caller_that_panics_is_forgotten() {
    let rig = Rig::new(100, false);
    let engine = &rig.engine;
    let panics = || engine.generate(&asked("b", 4000), &Cancel::new(), &mut |_| panic!("as asked"));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).is_err());
    assert_eq!(rig.answer(&asked("abc", 20)).text, expected("abc", 20));
    rig.is_clean();
}

/// Protects a user whose prompt a job is reading already: it does not wait for the background.
#[test]
fn a_user_does_not_wait_for_what_a_job_reads() {
    let mut rig = Rig::new(100, true);
    let prompt = letters(200, 1);
    let (job, user) = (background(asked(&prompt, 3)), asked(&prompt, 3));
    let engine = &rig.engine;
    thread::scope(|scope| {
        let job = scope.spawn(|| engine.generate(&job, &Cancel::new(), &mut |_| {}).unwrap().text);
        rig.until(|log| log.len() == 1);
        let user = scope.spawn(|| engine.generate(&user, &Cancel::new(), &mut |_| {}).unwrap().text);
        rig.until(|log| log.len() == 2);
        assert_eq!(rig.log()[1].iter().map(Vec::len).collect::<Vec<_>>(), [200]);
        (0..100).for_each(|_| rig.permits.as_ref().unwrap().send(()).unwrap());
        assert_eq!(user.join().unwrap(), expected(&prompt, 3));
        assert_eq!(job.join().unwrap(), expected(&prompt, 3));
    });
    rig.open();
    rig.is_clean();
}

/// Protects fairness where prompts are long: the next step reads the prompt of the client that has had less.
#[test]
fn prompts_are_read_in_turns_of_clients() {
    let mut rig = Rig::new(200, true);
    let request = |n: u64, client: &str| GenerateRequest { client: client.into(), ..asked(&letters(1000, n), 2) };
    let (first, second) = (request(1, "a"), request(2, "b"));
    let engine = &rig.engine;
    thread::scope(|scope| {
        let first = scope.spawn(|| engine.generate(&first, &Cancel::new(), &mut |_| {}).unwrap().text);
        rig.until(|log| log.len() == 1);
        let second = scope.spawn(|| engine.generate(&second, &Cancel::new(), &mut |_| {}).unwrap().text);
        while rig.engine.scheduler.unseen_interactive.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        (0..100).for_each(|_| rig.permits.as_ref().unwrap().send(()).unwrap());
        assert_eq!(first.join().unwrap(), expected(&letters(1000, 1), 2));
        assert_eq!(second.join().unwrap(), expected(&letters(1000, 2), 2));
    });
    rig.open();
    let tokens = |n, at: usize| letters(1000, n).as_bytes()[at..at + 9].iter().map(|b| u32::from(b - b'a')).collect();
    let when = |tokens: Vec<u32>| rig.log().iter().position(|step| step[0].starts_with(&tokens)).unwrap();
    assert!(when(tokens(2, 0)) < when(tokens(1, 768)), "one waited for the whole prompt of the other");
    rig.is_clean();
}
