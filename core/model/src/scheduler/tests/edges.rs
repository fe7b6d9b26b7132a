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
    let mut rig = Rig::new(20, true);
    let job = background(GenerateRequest { draft: Some(expected("abc", 60)), ..asked("abc", 60) });
    let reads = background(asked(&letters(1000, 1), 5));
    let engine = &rig.engine;
    thread::scope(|scope| {
        let job = scope.spawn(|| engine.generate(&job, &Cancel::new(), &mut |_| {}).unwrap().text);
        rig.until(|log| log.len() == 1);
        let reads = scope.spawn(|| engine.generate(&reads, &Cancel::new(), &mut |_| {}).unwrap().text);
        // It waits for the other's step to end, and has a part of the next.
        while !rig.log().last().unwrap().iter().any(|part| part.len() == PREFILL_GROUP) {
            rig.step();
        }
        let drafts =
            |log: &Vec<Vec<Vec<u32>>>| log.last().unwrap().iter().any(|part| (2..PREFILL_GROUP).contains(&part.len()));
        while !(drafts(&rig.log()) && rig.log().last().unwrap().len() == 2) {
            rig.step();
        }
        let prompt = letters(1200, 2);
        let user = scope.spawn(move || {
            let done = engine.generate(&asked(&prompt, 80), &Cancel::new(), &mut |_| {}).unwrap().text;
            (done, expected(&prompt, 80))
        });
        rig.until(|log| log.last().unwrap().len() == 1);
        (0..5000).for_each(|_| rig.permits.as_ref().unwrap().send(()).unwrap());
        let (got, wanted) = user.join().unwrap();
        assert_eq!(got, wanted);
        assert_eq!(job.join().unwrap(), expected("abc", 60));
        assert_eq!(reads.join().unwrap(), expected(&letters(1000, 1), 5));
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
