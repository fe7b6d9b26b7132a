use super::*;
use deepcoder_protocol::{Failure, Refusal};
use deepcoder_types::{Applicability, Consent, Decision, HunkRef, RepoPath};

fn hunk(hunk: u32) -> HunkRef {
    HunkRef { path: RepoPath::new("a.py").expect("a path"), hunk }
}

fn refusal(result: Result<Job, Failure>) -> (Refusal, String) {
    match result {
        Err(Failure::Refused { reason, message, .. }) => (reason, message),
        other => panic!("a refusal was expected: {other:?}"),
    }
}

/// Protects reviews: a result waits with its diff and its hunks, nothing is written before, and what is accepted is what
/// is written, also after the daemon was started anew.
#[test]
fn a_result_waits_for_its_review() {
    let mut scene = Scene::new([Say::Text(SAID)]);
    let job = scene.add(Delivery::Review);
    let waiting = scene.wait(&job, JobState::Review);
    let result = waiting.result.expect("a result");
    assert!(result.diff.contains("-    return 1\n+    return 2\n"), "{}", result.diff);
    assert_eq!((result.files.len(), result.files[0].hunks, result.verified), (1, 1, true));
    assert_eq!(result.applicability, Some(Applicability::Safe));
    assert_eq!(scene.text(), OLD);
    scene.restart();
    let done = scene.service.review(&job.id.0, &Decision::accept(Consent::REVIEWED)).expect("accepted");
    assert_eq!((done.state, scene.text().as_str()), (JobState::Done, NEW));
    assert_eq!(refusal(scene.service.review(&job.id.0, &Decision::accept(Consent::REVIEWED))).0, Refusal::State);
}

/// Protects trees from results that no person has seen: one that needs a review waits for it, whatever the job was to
/// do with it, and says so to programs.
#[test]
fn a_result_that_needs_a_review_waits() {
    let lost = "def f():\n    return 2\n";
    let scene = Scene::with(&[("a.py", TWO.as_bytes())], [Say::Text(lost), Say::Text(lost)]);
    let waiting = scene.wait(&scene.add(Delivery::Apply), JobState::Review);
    let result = waiting.result.expect("a result");
    assert_eq!((result.verified, result.applicability), (true, Some(Applicability::NeedsReview)), "{:?}", result.notes);
    assert!(!result.notes.is_empty());
    assert_eq!(scene.text(), TWO);
}

/// Protects the choice: only the hunks that were accepted are written, and a hunk that is none changes nothing.
#[test]
fn hunks_are_accepted_one_by_one() {
    let scene = Scene::with(&[("a.py", TWO.as_bytes())], [Say::Text(TWO_NEW)]);
    let job = scene.add(Delivery::Review);
    let waiting = scene.wait(&job, JobState::Review);
    assert_eq!(waiting.result.expect("a result").files[0].hunks, 2);
    let (reason, message) =
        refusal(scene.service.review(&job.id.0, &Decision::accept_hunks(vec![hunk(3)], Consent::REVIEWED)));
    assert_eq!((reason, message.as_str()), (Refusal::Invalid, "`a.py` has 2 hunks, and no hunk 3"));
    assert_eq!(scene.service.get(&job.id.0).expect("a job").state, JobState::Review);
    let done =
        scene.service.review(&job.id.0, &Decision::accept_hunks(vec![hunk(2)], Consent::REVIEWED)).expect("accepted");
    assert_eq!(done.state, JobState::Done);
    let wanted = TWO.replace("def g():\n    return 1", "def g():\n    return 2");
    assert_eq!(scene.text(), wanted);
    assert!(!done.result.expect("a result").diff.contains("def f():\n-"), "the diff is of what was written");
}

/// Protects files that changed while a result waited: it is not written over them, and still waits.
#[test]
fn a_stale_result_is_not_written() {
    let scene = Scene::new([Say::Text(SAID)]);
    let job = scene.add(Delivery::Review);
    scene.wait(&job, JobState::Review);
    scene.repo.write("a.py", b"mine\n");
    let (reason, message) = refusal(scene.service.review(&job.id.0, &Decision::accept(Consent::REVIEWED)));
    assert_eq!((reason, message.as_str()), (Refusal::Stale, "`a.py` changed since the result was made"));
    assert_eq!(scene.text(), "mine\n");
    let rejected = scene.service.review(&job.id.0, &Decision::Reject).expect("rejected");
    assert_eq!(rejected.state, JobState::Rejected);
}

/// Protects the promise that a cancel ends what runs within a second.
#[test]
fn a_cancel_ends_what_runs() {
    let scene = Scene::new([Say::Forever]);
    let job = scene.add(Delivery::Apply);
    scene.wait(&job, JobState::Running);
    while scene.asked() == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let begin = Instant::now();
    scene.service.cancel(&job.id.0).expect("cancelled");
    scene.wait(&job, JobState::Cancelled);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert_eq!(scene.text(), OLD);
}

/// Protects pausing and a daemon that ends: neither costs an attempt, and both are taken up again.
#[test]
fn what_is_paused_or_interrupted_goes_on() {
    let mut scene = Scene::new([Say::Forever, Say::Forever, Say::Text(SAID)]);
    let job = scene.add(Delivery::Apply);
    while scene.asked() < 1 {
        std::thread::sleep(Duration::from_millis(5));
    }
    scene.service.pause(&job.id.0).expect("paused");
    let paused = scene.wait(&job, JobState::Paused);
    assert_eq!(paused.attempts, 0);
    scene.service.resume(&job.id.0).expect("resumed");
    while scene.asked() < 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    scene.restart();
    let done = scene.wait(&job, JobState::Done);
    assert_eq!((done.attempts, scene.text().as_str()), (1, NEW));
}

/// Protects jobs from a model whose process dies: tried once more, and then failed with the reason.
#[test]
fn a_dead_model_is_asked_once_more() {
    let died = || Say::Fail(GenerateError::Died { reason: "killed by signal 9".into() });
    let scene = Scene::new([died(), Say::Text(SAID), died(), died()]);
    let job = scene.add(Delivery::Apply);
    let done = scene.wait(&job, JobState::Done);
    assert_eq!((done.attempts, scene.text().as_str()), (2, NEW));
    let mut spec = scene.spec(Delivery::Apply);
    (spec.prompt, spec.max_attempts) = ("return three".into(), 5);
    let job = scene.service.add(spec).expect("added").job;
    let failed = scene.wait(&job, JobState::Failed);
    let failure = failed.failure.expect("a reason");
    assert!(failure.message.contains("killed by signal 9"), "{}", failure.message);
    assert_eq!(failed.attempts, 2);
}

/// Protects the daemon from defects: a job that panics fails, and the next one is done.
#[test]
fn a_panic_fails_its_job_only() {
    let scene = Scene::new([Say::Panic, Say::Text(SAID)]);
    let job = scene.add(Delivery::Apply);
    let failed = scene.wait(&job, JobState::Failed);
    assert!(failed.failure.expect("a reason").message.contains("a defect of the model"));
    let job = scene.add(Delivery::Apply);
    scene.wait(&job, JobState::Done);
}

/// Protects the queue from jobs that never end: they fail when their time is over, and say so.
#[test]
fn a_deadline_ends_a_job() {
    let scene = Scene::new([Say::Forever]);
    let mut spec = scene.spec(Delivery::Apply);
    spec.timeout_ms = Some(300);
    let job = scene.service.add(spec).expect("added").job;
    let failed = scene.wait(&job, JobState::Failed);
    let failure = failed.failure.expect("a reason");
    assert!(failure.message.starts_with("it took longer than"), "{}", failure.message);
    assert!(!failure.transient);
}

/// Protects users from waiting for what cannot be: it is refused when it is added, with what to do.
#[test]
fn what_makes_no_sense_is_refused() {
    let scene = Scene::new([]);
    let refused = |change: &dyn Fn(&mut JobSpec)| {
        let mut spec = scene.spec(Delivery::Review);
        change(&mut spec);
        match scene.service.add(spec) {
            Err(Failure::Refused { message, hint, .. }) => format!("{message}; {}", hint.expect("a hint")),
            other => panic!("a refusal was expected: {other:?}"),
        }
    };
    let verb = refused(&|spec| spec.kind = "fly".into());
    assert!(refused(&|spec| spec.kind = "complete".into()).contains("a place in a file"));
    assert!(
        verb.starts_with("no plugin serves the verb `fly`; the verbs are complete, document, edit, explain, fix"),
        "{verb}"
    );
    assert!(refused(&|spec| spec.repository = "/nowhere".into()).contains("/nowhere"));
    assert!(refused(&|spec| spec.paths = vec!["src/{a".into()]).starts_with("`src/{a` is not a glob"));
    assert!(refused(&|spec| spec.prompt = " ".into()).starts_with("the instruction is empty"));
    assert!(refused(&|spec| spec.max_attempts = 0).starts_with("0 attempts"));
    assert!(
        refused(&|spec| spec.schedule = deepcoder_types::Schedule::Cron("61 * * * *".into()))
            .contains("is not a schedule")
    );
    assert!(
        refused(&|spec| spec.schedule = deepcoder_types::Schedule::Cron("0 0 31 2 *".into())).contains("never due")
    );
    assert!(refused(&|spec| spec.after = vec![deepcoder_types::JobId("0".into())]).contains("no job"));
}

/// Protects users from a repository that went away: its job fails and says why, and others go on.
#[test]
fn a_job_for_a_repository_that_is_gone_fails() {
    let scene = Scene::new([Say::Text(SAID)]);
    scene.service.stop();
    let job = scene.add(Delivery::Apply);
    #[expect(clippy::disallowed_methods, reason = "a temporary folder of the test's own")]
    std::fs::remove_dir_all(scene.repo.path()).expect("removed");
    let again = service(scene.home.path(), &scene.clock);
    again.start(Arc::new(Lent(Arc::clone(&scene.model))), Arc::new(|| {})).expect("a queue");
    let failed = scene.wait(&job, JobState::Failed);
    again.stop();
    let failure = failed.failure.expect("a reason");
    assert!(failure.message.contains(&*scene.repo.path().to_string_lossy()), "{}", failure.message);
}

/// Protects what happens to be said: the log tells what the model was asked for, and a result that is doubtful is not
/// written by itself.
#[test]
fn a_result_that_fails_its_check_waits_for_a_person() {
    let broken = "def f():\n    return (2\n";
    let scene = Scene::new([Say::Text(broken), Say::Text(broken), Say::Text(broken), Say::Text(broken)]);
    let job = scene.add(Delivery::Apply);
    let start = Instant::now();
    let ended = loop {
        let now = scene.service.get(&job.id.0).expect("a job");
        if matches!(now.state, JobState::Review | JobState::Failed) {
            break now;
        }
        assert!(start.elapsed() < LIMIT, "{now:#?}");
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(scene.text(), OLD);
    assert!(scene.log(&job).contains("call 1 of the model"));
    if ended.state == JobState::Review {
        let result = ended.result.expect("a result");
        assert!(!result.verified && !result.notes.is_empty());
    }
}

/// Protects machines without a model: a job of a verb that asks none needs none, and lands what it is sure of.
#[test]
fn a_refactoring_needs_no_model() {
    let scene = Scene::with(&[("a.py", OLD.as_bytes()), ("b.py", b"from a import f\n\nf()\n")], []);
    scene.model.gone.store(true, Ordering::SeqCst);
    let mut spec = scene.spec(Delivery::Apply);
    spec.kind = deepcoder_types::REFACTOR.into();
    spec.prompt = "rename a.f g".into();
    spec.paths = Vec::new();
    let job = scene.service.add(spec).expect("added").job;
    scene.wait(&job, JobState::Done);
    assert_eq!(scene.text(), OLD.replace("f()", "g()"));
    assert_eq!(scene.repo.read("b.py"), b"from a import g\n\ng()\n");
}
