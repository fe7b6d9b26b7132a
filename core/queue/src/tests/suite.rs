//! What holds on both databases.

use super::*;
use deepcoder_types::{Hint as _, JobFilter, JobProgress};
use std::collections::HashSet;
use std::time::Instant;

mod people;

use people::*;

/// One of these functions.
pub(super) type Promise = fn(&Ground);

/// Each of these functions as a test on SQLite; for PostgreSQL they are one test, so that there is one server.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name(&super::Ground::file()); })*
        }

        pub(super) const ALL: &[(&str, Promise)] = &[$((stringify!($name), $name)),*];
    };
}

on_both! {
    a_job_is_read_back_as_it_was_asked,
    one_key_is_one_job,
    all_or_none_are_added,
    priority_then_turns_then_age,
    a_worker_takes_only_what_it_may,
    a_stale_worker_changes_nothing,
    what_ran_out_is_tried_again_and_then_fails,
    what_is_transient_is_held_and_tried_again,
    what_is_given_back_counts_only_when_it_should,
    needs_come_first,
    what_is_needed_and_fails_fails_the_rest,
    time_comes_for_jobs,
    a_template_makes_one_job_for_each_key,
    cancelling_reaches_every_state,
    pausing_and_resuming,
    a_decision_is_work_under_a_lease,
    results_are_kept_until_they_land,
    progress_and_logs_can_be_followed,
    lists_are_newest_first_and_paged,
    ids_may_be_cut_short,
    many_hands_take_each_job_once,
    a_change_wakes_who_waits,
    roots_are_remembered,
    what_is_over_for_long_is_forgotten,
    what_cannot_be_kept_is_refused,
}

/// Protects what people ask for: every word of it comes back, from another process too.
fn a_job_is_read_back_as_it_was_asked(ground: &Ground) {
    let mut asked = spec("/r/ü", "add \"types\"\0\n\u{1f980}");
    asked.schedule = Schedule::At(NOW + 5);
    asked.key = Some("k".into());
    asked.priority = -3;
    let added = ground.open().add(&asked, NOW).unwrap().0;
    let queue = ground.open();
    let read = queue.get(&added.id.0).unwrap();
    assert_eq!((&read, &read.spec), (&added, &asked));
    assert_eq!((read.state, read.due_ms, read.created_ms), (JobState::Waiting, Some(NOW + 5), NOW));
    assert_eq!(history(&queue, &read.id), [JobState::Waiting]);
}

/// Protects against doing a thing twice because it was asked for twice.
fn one_key_is_one_job(ground: &Ground) {
    let queue = ground.open();
    let keyed = JobSpec { key: Some("k".into()), ..spec("/r", "a") };
    let (first, existed) = queue.add(&keyed, NOW).unwrap();
    assert!(!existed);
    let (again, existed) = queue.add(&JobSpec { prompt: "b".into(), ..keyed.clone() }, NOW + 1).unwrap();
    assert!(existed);
    assert_eq!(again, first);
    let elsewhere = queue.add(&JobSpec { repository: "/other".into(), ..keyed }, NOW).unwrap();
    assert!(!elsewhere.1, "another repository has keys of its own");
    assert!(!queue.add(&spec("/r", "c"), NOW).unwrap().1, "no key is no key");
    let all: Vec<_> = std::thread::scope(|scope| {
        let add = || ground.open().add(&JobSpec { key: Some("race".into()), ..spec("/r", "d") }, NOW).unwrap();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(add)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(all.iter().filter(|(_, existed)| !existed).count(), 1);
    assert!(all.iter().all(|(job, _)| job.id == all[0].0.id));
}

/// Protects a set of jobs that belong together.
fn all_or_none_are_added(ground: &Ground) {
    let queue = ground.open();
    let lost = JobSpec { after: vec![JobId("01nothing".into())], ..spec("/r", "b") };
    let error = queue.add_many(&[spec("/r", "a"), lost], NOW).unwrap_err();
    assert!(matches!(&error, QueueError::NotFound(id) if id == "01nothing"), "{error}");
    assert_eq!(queue.counts().unwrap(), Counts::default());
    let specs: Vec<_> = (0..50).map(|n| spec("/r", &n.to_string())).collect();
    let added = queue.add_many(&specs, NOW).unwrap();
    assert!(added.iter().zip(&specs).all(|((job, existed), spec)| job.spec == *spec && !existed));
    assert_eq!(queue.counts().unwrap(), Counts { queued: 50, ..Counts::default() });
}

/// Protects fairness: the urgent first, and no repository with many jobs in front of one with few.
fn priority_then_turns_then_age(ground: &Ground) {
    let queue = ground.open();
    for (repository, prompt, priority) in
        [("/big", "1", 0), ("/big", "2", 0), ("/big", "3", 0), ("/small", "4", 0), ("/big", "5", 9), ("/low", "6", -1)]
    {
        add(&queue, &JobSpec { priority, ..spec(repository, prompt) });
    }
    let order: Vec<String> = (0..6).map(|_| take(&queue).job.spec.prompt).collect();
    assert_eq!(order, ["5", "4", "1", "2", "3", "6"]);
    assert_eq!(queue.claim("w", &Repositories::Any, LONG, NOW).unwrap(), None);
}

/// Protects daemons that share a database: nobody gets a job of a repository that it does not have.
fn a_worker_takes_only_what_it_may(ground: &Ground) {
    let queue = ground.open();
    add(&queue, &JobSpec { priority: 9, ..spec("/theirs", "a") });
    let mine = add(&queue, &spec("/mine", "b"));
    let only = |roots: &[&str]| Repositories::Only(roots.iter().map(PathBuf::from).collect());
    assert_eq!(queue.claim("w", &only(&[]), LONG, NOW).unwrap(), None);
    assert_eq!(queue.claim("w", &only(&["/elsewhere"]), LONG, NOW).unwrap(), None);
    let claim = queue.claim("w", &only(&["/elsewhere", "/mine"]), LONG, NOW).unwrap().unwrap();
    assert_eq!((claim.job.id, claim.job.worker.as_deref()), (mine, Some("w")));
    assert_eq!(queue.claim("w", &only(&["/mine"]), LONG, NOW).unwrap(), None);
}

/// Protects against two hands on one job: whoever lost it is told so by every call, and changes nothing.
fn a_stale_worker_changes_nothing(ground: &Ground) {
    let (one, two) = (ground.open(), ground.open());
    let id = add(&one, &spec("/r", "a"));
    let stale = one.claim("one", &Repositories::Any, Duration::from_millis(1), NOW).unwrap().unwrap();
    assert!(one.still_held(&Lease { token: stale.lease.token + 1, ..stale.lease.clone() }).is_ok_and(|held| !held));
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(two.expire(NOW).unwrap(), 1);
    assert!(!one.still_held(&stale.lease).unwrap(), "nobody has it");
    assert_eq!(one.finish(&stale.lease, End::Done(result("stale")), NOW).unwrap(), Held::Lost);
    let fresh = two.claim("two", &Repositories::Any, LONG, NOW).unwrap().unwrap();
    assert_eq!(fresh.job.id, id);
    assert!(fresh.lease.token > stale.lease.token);
    let before = two.get(&id.0).unwrap();
    let line = JobHappening::Log { level: "info".into(), message: "stale".into() };
    assert_eq!(one.heartbeat(&stale.lease, LONG).unwrap(), Beat::Lost);
    assert!(!one.still_held(&stale.lease).unwrap());
    assert_eq!(one.note(&stale.lease, &[line], NOW).unwrap(), Held::Lost);
    assert_eq!(one.save(&stale.lease, &result("stale"), b"stale", NOW).unwrap(), Held::Lost);
    for end in [End::Done(result("stale")), End::Failed(failure(false)), End::Rejected] {
        assert_eq!(one.finish(&stale.lease, end, NOW).unwrap(), Held::Lost);
    }
    assert_eq!((two.get(&id.0).unwrap(), two.saved(&id).unwrap()), (before, None));
    assert!(two.still_held(&fresh.lease).unwrap());
    done(&two, &fresh);
    let unknown = Lease { job: JobId("01nothing".into()), token: 1 };
    assert_eq!(one.finish(&unknown, End::Rejected, NOW).unwrap(), Held::Lost);
}

/// Protects jobs whose worker hangs or is gone: they are tried again, as often as they may, and then say why.
fn what_ran_out_is_tried_again_and_then_fails(ground: &Ground) {
    let queue = ground.open();
    let id = add(&queue, &spec("/r", "a"));
    let short = || queue.claim("w", &Repositories::Any, Duration::from_millis(300), NOW).unwrap().unwrap();
    let first = short();
    assert_eq!(queue.expire(NOW).unwrap(), 0, "the lease is good");
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(queue.heartbeat(&first.lease, Duration::from_millis(300)).unwrap(), Beat::GoOn, "no keeper had noticed");
    assert_eq!(queue.expire(NOW).unwrap(), 0, "it was extended");
    std::thread::sleep(Duration::from_millis(400));
    assert!(queue.still_held(&first.lease).unwrap());
    assert_eq!(queue.expire(NOW).unwrap(), 0, "asking for leave to write begins it anew");
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!((queue.expire(NOW).unwrap(), state(&queue, &id)), (1, JobState::Queued));
    assert_eq!(short().job.attempts, 2);
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(queue.expire(NOW + 9).unwrap(), 1);
    let job = queue.get(&id.0).unwrap();
    assert_eq!((job.state, job.finished_ms, job.worker), (JobState::Failed, Some(NOW + 9), None));
    assert_eq!(job.failure.unwrap().message, "its worker died");
    let states = [JobState::Queued, JobState::Running, JobState::Queued, JobState::Running, JobState::Failed];
    assert_eq!(history(&queue, &id), states);
}

/// Protects the machine from a job that fails at once, for ever; and the job from a clock that is put back meanwhile.
fn what_is_transient_is_held_and_tried_again(ground: &Ground) {
    const DAY: u64 = 86_400_000;
    let queue = ground.open();
    let id = add(&queue, &JobSpec { max_attempts: 4, ..spec("/r", "a") });
    let fail = || queue.finish(&take(&queue).lease, End::Failed(failure(true)), NOW).unwrap();
    assert_eq!(fail(), Held::Yes);
    let job = queue.get(&id.0).unwrap();
    assert_eq!((job.state, job.failure), (JobState::Waiting, Some(failure(true))));
    let due = job.due_ms.unwrap();
    assert!(due > NOW);
    assert_eq!(queue.tick(due - 1).unwrap(), Some(due));
    assert_eq!(state(&queue, &id), JobState::Waiting);
    assert_eq!(queue.tick(due).unwrap(), None);
    assert_eq!(state(&queue, &id), JobState::Queued);
    fail();
    assert!(queue.get(&id.0).unwrap().due_ms.unwrap() > due, "it waits longer each time");
    assert_eq!(queue.tick(NOW - DAY).unwrap(), None);
    assert_eq!(state(&queue, &id), JobState::Queued, "a clock that was put back by a day holds a job for a day");
    fail();
    queue.tick(NOW + DAY).unwrap();
    fail();
    assert_eq!(state(&queue, &id), JobState::Failed);
    assert_eq!(queue.retry(&id, NOW).unwrap().attempts, 0);
    assert_eq!(queue.finish(&take(&queue).lease, End::Failed(failure(false)), NOW).unwrap(), Held::Yes);
    assert_eq!(state(&queue, &id), JobState::Failed, "what is not transient is not tried again");
}

/// Protects jobs that a daemon gives back when it stops: that is no attempt.
fn what_is_given_back_counts_only_when_it_should(ground: &Ground) {
    let queue = ground.open();
    let id = add(&queue, &spec("/r", "a"));
    let back = |count| End::GiveBack { reason: "the daemon stops".into(), count };
    for _ in 0..5 {
        let claim = take(&queue);
        assert_eq!(claim.job.attempts, 1);
        queue.finish(&claim.lease, back(false), NOW).unwrap();
        assert_eq!(state(&queue, &id), JobState::Queued);
    }
    queue.finish(&take(&queue).lease, back(true), NOW).unwrap();
    let claim = take(&queue);
    assert_eq!(claim.job.attempts, 2);
    queue.finish(&claim.lease, back(true), NOW).unwrap();
    let job = queue.get(&id.0).unwrap();
    assert_eq!((job.state, job.failure.unwrap().message.as_str()), (JobState::Failed, "the daemon stops"));
}

/// Protects an order that was asked for.
fn needs_come_first(ground: &Ground) {
    let queue = ground.open();
    let (a, b) = (add(&queue, &spec("/r", "a")), add(&queue, &spec("/r", "b")));
    let c = add(&queue, &JobSpec { after: vec![a.clone(), b.clone()], priority: 9, ..spec("/r", "c") });
    assert_eq!(state(&queue, &c), JobState::Waiting);
    let (first, second) = (take(&queue), take(&queue));
    assert_eq!([&first.job.id, &second.job.id], [&a, &b]);
    done(&queue, &first);
    queue.tick(NOW).unwrap();
    assert_eq!(state(&queue, &c), JobState::Waiting);
    done(&queue, &second);
    assert_eq!(state(&queue, &c), JobState::Queued, "at once, not with the next tick");
    let d = add(&queue, &JobSpec { after: vec![a], ..spec("/r", "d") });
    assert_eq!(state(&queue, &d), JobState::Queued, "what it needs is done");
}

/// Protects from waiting for ever: what can never begin has failed, and says why, along a whole chain.
fn what_is_needed_and_fails_fails_the_rest(ground: &Ground) {
    let queue = ground.open();
    let a = add(&queue, &spec("/r", "a"));
    let after = |id: &JobId, prompt| JobSpec { after: vec![id.clone()], ..spec("/r", prompt) };
    let b = add(&queue, &after(&a, "b"));
    let c = add(&queue, &after(&b, "c"));
    queue.cancel(&a, NOW).unwrap();
    for (id, need) in [(&b, &a), (&c, &b)] {
        let job = queue.get(&id.0).unwrap();
        assert_eq!(job.state, JobState::Failed);
        assert!(job.failure.as_ref().unwrap().message.contains(&need.0), "{:?}", job.failure);
    }
    let d = add(&queue, &after(&c, "d"));
    assert_eq!(state(&queue, &d), JobState::Failed, "it was over before it was added");
    queue.retry(&a, NOW).unwrap();
    assert_eq!(queue.retry(&b, NOW).unwrap().state, JobState::Waiting);
    done(&queue, &take(&queue));
    assert_eq!(state(&queue, &b), JobState::Queued);
}

/// Protects schedules: nothing begins before its time, and whoever waits for the next time is told when that is.
fn time_comes_for_jobs(ground: &Ground) {
    let queue = ground.open();
    let at = |ms| JobSpec { schedule: Schedule::At(ms), ..spec("/r", "a") };
    let (late, soon) = (add(&queue, &at(NOW + 90)), add(&queue, &at(NOW + 10)));
    assert_eq!(state(&queue, &add(&queue, &at(NOW))), JobState::Queued);
    assert_eq!(queue.tick(NOW).unwrap(), Some(NOW + 10));
    assert_eq!(queue.tick(NOW + 10).unwrap(), Some(NOW + 90));
    assert_eq!((state(&queue, &soon), state(&queue, &late)), (JobState::Queued, JobState::Waiting));
    assert_eq!(queue.tick(NOW + 1000).unwrap(), None);
    assert_eq!(state(&queue, &late), JobState::Queued);
}

/// Protects schedules that repeat: one time or one change is one job, however many daemons see it.
fn a_template_makes_one_job_for_each_key(ground: &Ground) {
    let queue = ground.open();
    let cron = JobSpec { schedule: Schedule::Cron("0 4 * * *".into()), key: Some("k".into()), ..spec("/r", "a") };
    let template = add(&queue, &cron);
    assert_eq!(queue.claim("w", &Repositories::Any, LONG, NOW).unwrap(), None, "a template is not work");
    queue.set_due(&template, Some(NOW + 5)).unwrap();
    assert_eq!(queue.tick(NOW).unwrap(), Some(NOW + 5));
    let made: Vec<_> = std::thread::scope(|scope| {
        let make = || ground.open().instantiate(&template, "at 5", NOW + 5, Some(NOW + 50)).unwrap();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(make)).collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(made.len(), 1, "{made:?}");
    let job = &made[0];
    assert_eq!((job.state, job.template.as_ref()), (JobState::Queued, Some(&template)));
    assert_eq!((job.spec.schedule.clone(), job.spec.origin.as_str()), (Schedule::Now, "cron"));
    assert_eq!(job.spec.prompt, cron.prompt);
    assert_eq!(queue.tick(NOW).unwrap(), Some(NOW + 50));
    assert!(queue.instantiate(&template, "at 50", NOW + 50, None).unwrap().is_some());
    queue.pause(&template, NOW).unwrap();
    assert!(queue.instantiate(&template, "at 95", NOW + 95, None).unwrap().is_none(), "it is held back");
    assert_eq!(queue.resume(&template, NOW).unwrap().state, JobState::Scheduled);
    queue.cancel(&template, NOW).unwrap();
    assert!(queue.instantiate(&template, "at 95", NOW + 95, None).unwrap().is_none());
}

/// Protects a daemon that runs for years from a list that only grows, and nobody's work: only what is over goes, after its
/// time, and not while something unfinished needs it.
fn what_is_over_for_long_is_forgotten(ground: &Ground) {
    let queue = ground.open();
    let (old, needed, review) = (add(&queue, &spec("/r", "old")), spec("/r", "needed"), spec("/r", "review"));
    done(&queue, &take(&queue));
    let needed = add(&queue, &needed);
    done(&queue, &take(&queue));
    let mut waits = spec("/r", "waits");
    waits.after = vec![needed.clone()];
    waits.schedule = Schedule::At(NOW + 1_000_000);
    let waits = add(&queue, &waits);
    let review = add(&queue, &review);
    let claim = take(&queue);
    queue.save(&claim.lease, &result("look"), b"set", NOW).unwrap();
    assert_eq!(queue.finish(&claim.lease, End::Review(result("look")), NOW).unwrap(), Held::Yes);
    assert_eq!(queue.prune(NOW).unwrap(), 0, "what was over at that moment was not over before it");
    assert_eq!(queue.prune(NOW + 1).unwrap(), 1);
    assert!(matches!(queue.get(&old.0), Err(QueueError::NotFound(_))));
    assert!(matches!(queue.events(&old, 0, 10), Err(QueueError::NotFound(_))));
    for id in [&needed, &waits, &review] {
        assert!(queue.get(&id.0).is_ok(), "{id}");
    }
    queue.cancel(&waits, NOW + 2).unwrap();
    assert_eq!(queue.prune(NOW + 1).unwrap(), 1, "nothing needs it any more");
    // Many at once, in more than one transaction.
    let many: Vec<_> = (0..1_200).map(|n| spec("/r", &n.to_string())).collect();
    for added in queue.add_many(&many, NOW).unwrap() {
        queue.cancel(&added.0.id, NOW + 5).unwrap();
    }
    assert_eq!(queue.prune(NOW + 6).unwrap(), 1_201);
}
