//! What people do to jobs, and what they see of them.

use super::*;

/// Protects people who change their mind: at once where nobody works on it, by the next heartbeat where somebody does.
pub(super) fn cancelling_reaches_every_state(ground: &Ground) {
    let queue = ground.open();
    let waiting = add(&queue, &JobSpec { schedule: Schedule::At(NOW + 9), ..spec("/r", "a") });
    let template = add(&queue, &JobSpec { schedule: Schedule::Change, ..spec("/r", "b") });
    for id in [&waiting, &template] {
        assert_eq!(queue.cancel(id, NOW).unwrap().state, JobState::Cancelled);
    }
    let running = add(&queue, &spec("/r", "c"));
    let claim = take(&queue);
    assert_eq!(queue.cancel(&running, NOW).unwrap().state, JobState::Running);
    assert_eq!(queue.heartbeat(&claim.lease, LONG).unwrap(), Beat::Cancel);
    assert!(!queue.still_held(&claim.lease).unwrap(), "it may not write any more");
    queue.finish(&claim.lease, End::Failed(failure(true)), NOW).unwrap();
    assert_eq!(state(&queue, &running), JobState::Cancelled);
    assert_eq!(queue.cancel(&running, NOW).unwrap().state, JobState::Cancelled, "asked twice");

    let landed = add(&queue, &spec("/r", "d"));
    let claim = take(&queue);
    queue.cancel(&landed, NOW).unwrap();
    done(&queue, &claim);
    assert_eq!(state(&queue, &landed), JobState::Done, "what has landed is not said to be cancelled");
    let error = queue.cancel(&landed, NOW).unwrap_err();
    assert!(matches!(error, QueueError::WrongState { state: JobState::Done, .. }) && error.hint().is_some(), "{error}");

    let dead = add(&queue, &spec("/r", "e"));
    queue.claim("w", &Repositories::Any, Duration::ZERO, NOW).unwrap().unwrap();
    queue.cancel(&dead, NOW).unwrap();
    assert_eq!(queue.expire(NOW).unwrap(), 1);
    assert_eq!(state(&queue, &dead), JobState::Cancelled, "its worker died before it heard of it");
}

/// Protects holding back: nothing begins, what runs is asked to end without losing an attempt, and all of it goes on.
pub(super) fn pausing_and_resuming(ground: &Ground) {
    let queue = ground.open();
    let id = add(&queue, &spec("/r", "a"));
    assert_eq!(queue.pause(&id, NOW).unwrap().state, JobState::Paused);
    assert_eq!(queue.claim("w", &Repositories::Any, LONG, NOW).unwrap(), None);
    assert_eq!(queue.resume(&id, NOW).unwrap().state, JobState::Queued);
    let claim = take(&queue);
    queue.pause(&id, NOW).unwrap();
    assert_eq!(queue.heartbeat(&claim.lease, LONG).unwrap(), Beat::Pause);
    queue.resume(&id, NOW).unwrap();
    assert_eq!(queue.heartbeat(&claim.lease, LONG).unwrap(), Beat::GoOn);
    queue.pause(&id, NOW).unwrap();
    assert!(queue.still_held(&claim.lease).unwrap(), "what is about to land may land");
    queue.finish(&claim.lease, End::GiveBack { reason: "paused".into(), count: false }, NOW).unwrap();
    assert_eq!(state(&queue, &id), JobState::Paused);
    queue.resume(&id, NOW).unwrap();
    assert_eq!(take(&queue).job.attempts, 1);
    let later = add(&queue, &JobSpec { schedule: Schedule::At(NOW + 9), ..spec("/r", "b") });
    queue.pause(&later, NOW).unwrap();
    queue.tick(NOW + 10).unwrap();
    assert_eq!(state(&queue, &later), JobState::Paused);
    assert_eq!(queue.resume(&later, NOW + 1).unwrap().state, JobState::Waiting, "its time has not come yet");
    assert!(matches!(queue.resume(&later, NOW), Err(QueueError::WrongState { .. })));
}

/// Protects results from being applied twice, or lost, when somebody decides about them.
pub(super) fn a_decision_is_work_under_a_lease(ground: &Ground) {
    let queue = ground.open();
    let id = add(&queue, &spec("/r", "a"));
    assert!(matches!(queue.take_review(&id, "p", LONG, NOW), Err(QueueError::WrongState { .. })));
    let claim = take(&queue);
    queue.save(&claim.lease, &result("r"), b"set", NOW).unwrap();
    queue.finish(&claim.lease, End::Review(result("r")), NOW).unwrap();
    assert_eq!(queue.counts().unwrap().review, 1);
    let decision = queue.take_review(&id, "p", Duration::ZERO, NOW).unwrap();
    assert_eq!(decision.job.attempts, 1, "deciding is not trying");
    assert!(queue.take_review(&id, "q", LONG, NOW).is_err(), "one at a time");
    assert_eq!(queue.expire(NOW).unwrap(), 1);
    assert_eq!(state(&queue, &id), JobState::Review, "whoever decided has gone; the result is there");
    assert_eq!(queue.saved(&id).unwrap().as_deref(), Some(b"set".as_slice()));
    let decision = queue.take_review(&id, "p", LONG, NOW).unwrap();
    queue.finish(&decision.lease, End::Failed(failure(true)), NOW).unwrap();
    let job = queue.get(&id.0).unwrap();
    assert_eq!(
        (job.state, job.failure),
        (JobState::Review, Some(failure(true))),
        "a conflict is said and can be solved"
    );
    let decision = queue.take_review(&id, "p", LONG, NOW).unwrap();
    queue.finish(&decision.lease, End::Rejected, NOW).unwrap();
    assert_eq!((state(&queue, &id), queue.saved(&id).unwrap()), (JobState::Rejected, None));
}

/// Protects model time: an attempt that dies after it had its result leaves it for the next one.
pub(super) fn results_are_kept_until_they_land(ground: &Ground) {
    let queue = ground.open();
    let id = add(&queue, &spec("/r", "a"));
    let bytes: Vec<u8> = (0..=255).cycle().take(3_000_000).collect();
    let claim = queue.claim("w", &Repositories::Any, Duration::ZERO, NOW).unwrap().unwrap();
    for bytes in [b"first".as_slice(), &bytes] {
        assert_eq!(queue.save(&claim.lease, &result("kept"), bytes, NOW).unwrap(), Held::Yes);
    }
    assert_eq!(queue.expire(NOW).unwrap(), 1);
    assert!(queue.saved(&id).unwrap().is_some_and(|kept| kept == bytes));
    assert_eq!(queue.get(&id.0).unwrap().result.unwrap().summary, "kept");
    let claim = take(&queue);
    done(&queue, &claim);
    assert_eq!(queue.saved(&id).unwrap(), None, "what has landed is in the history");
    assert_eq!(queue.get(&id.0).unwrap().result.unwrap().summary, "done");
    let error = queue.save(&claim.lease, &result("big"), &vec![0; MAX_RESULT + 1], NOW).unwrap_err();
    assert!(matches!(error, QueueError::TooLarge(_)) && error.hint().is_some());
}

/// Protects followers: everything that is written down arrives, once and in order.
pub(super) fn progress_and_logs_can_be_followed(ground: &Ground) {
    let queue = ground.open();
    let id = add(&queue, &spec("/r", "a"));
    let claim = take(&queue);
    let progress = |tokens| JobProgress { stage: "writing".into(), fraction: Some(0.5), tokens };
    let line = JobHappening::Log { level: "info".into(), message: "a\u{1b}[31m\0line".into() };
    let noted = [JobHappening::Progress(progress(1)), line.clone(), JobHappening::Progress(progress(2))];
    assert_eq!(queue.note(&claim.lease, &noted, NOW + 1).unwrap(), Held::Yes);
    assert_eq!(queue.get(&id.0).unwrap().progress, Some(progress(2)));
    done(&queue, &claim);
    let all = queue.events(&id, 0, 100).unwrap();
    assert_eq!(all.len(), 6);
    assert_eq!((&all[3].what, all[3].at_ms, all[3].seq), (&line, NOW + 1, 4));
    assert_eq!(queue.events(&id, 2, 2).unwrap(), all[2..4]);
    assert_eq!(queue.events(&id, 6, 10).unwrap(), []);
    assert!(matches!(queue.events(&JobId("01x".into()), 0, 1), Err(QueueError::NotFound(_))));
}

/// Protects lists that are read page by page.
pub(super) fn lists_are_newest_first_and_paged(ground: &Ground) {
    let queue = ground.open();
    let ids: Vec<JobId> = (0..5).map(|n| add(&queue, &spec(if n == 2 { "/s" } else { "/r" }, "a"))).collect();
    let list = |filter: JobFilter| queue.list(&filter).unwrap().into_iter().map(|job| job.id).collect::<Vec<_>>();
    let newest: Vec<JobId> = ids.iter().rev().cloned().collect();
    assert_eq!(list(JobFilter::default()), newest);
    let page = JobFilter { limit: 2, before: Some(ids[3].clone()), ..JobFilter::default() };
    assert_eq!(list(page), newest[2..4]);
    assert_eq!(list(JobFilter { repository: Some("/s".into()), ..JobFilter::default() }), [ids[2].clone()]);
    assert_eq!(list(JobFilter { repository: Some("/none".into()), ..JobFilter::default() }), []);
    queue.cancel(&ids[0], NOW).unwrap();
    let states = vec![JobState::Cancelled, JobState::Done];
    assert_eq!(list(JobFilter { states, ..JobFilter::default() }), [ids[0].clone()]);
}

/// Protects typing: an id may be cut short where that names one job, and is not taken for a pattern.
pub(super) fn ids_may_be_cut_short(ground: &Ground) {
    let queue = ground.open();
    let (a, b) = (add(&queue, &spec("/r", "a")), add(&queue, &spec("/r", "b")));
    assert!(matches!(queue.get(&a.0[..10]), Err(QueueError::Ambiguous(_))), "one moment, two jobs");
    let same = a.0.bytes().zip(b.0.bytes()).take_while(|(a, b)| a == b).count();
    assert_eq!(queue.get(&a.0[..=same]).unwrap().id, a);
    assert_eq!(queue.get(&b.0.to_ascii_uppercase()).unwrap().id, b);
    for wrong in ["", " ", "%", "_", "01' OR 1", &format!("{a}0")] {
        assert!(matches!(queue.get(wrong), Err(QueueError::NotFound(_))), "{wrong}");
    }
}

/// Protects the share of work: several processes at one queue, and no job is anybody's twice.
pub(super) fn many_hands_take_each_job_once(ground: &Ground) {
    let queue = ground.open();
    let specs: Vec<_> = (0..60).map(|n| spec(["/r", "/s", "/t"][n % 3], &n.to_string())).collect();
    queue.add_many(&specs, NOW).unwrap();
    let work = || {
        let queue = ground.open();
        let mut taken = Vec::new();
        while let Some(claim) = queue.claim("w", &Repositories::Any, LONG, NOW).unwrap() {
            done(&queue, &claim);
            taken.push(claim.job.id);
        }
        taken
    };
    let taken: Vec<JobId> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!((taken.len(), taken.iter().collect::<HashSet<_>>().len()), (60, 60));
    assert_eq!(queue.counts().unwrap(), Counts::default());
}

/// Protects followers from waiting too long, and an idle daemon from waking all the time.
pub(super) fn a_change_wakes_who_waits(ground: &Ground) {
    let (here, there) = (ground.open(), ground.open());
    // Whatever opening came with.
    let mut seen = 0;
    loop {
        let now = here.wait(seen, Duration::from_millis(500));
        if std::mem::replace(&mut seen, now) == now {
            break;
        }
    }
    for queue in [&here, &there] {
        let started = Instant::now();
        add(queue, &spec("/r", "a"));
        let now = here.wait(seen, Duration::from_secs(20));
        assert_ne!(now, seen);
        assert!(started.elapsed() < Duration::from_secs(10), "it was the time that ended the wait");
        // On a server one's own change is heard once more.
        seen = here.wait(now, Duration::from_millis(500));
        seen = here.wait(seen, Duration::from_millis(500));
    }
    assert_eq!(here.wait(seen, Duration::from_millis(300)), seen, "nothing has changed");
}

/// Protects watched repositories over restarts.
pub(super) fn roots_are_remembered(ground: &Ground) {
    let queue = ground.open();
    queue.remember_root(Path::new("/b"), 1).unwrap();
    queue.remember_root(Path::new("/a"), 2).unwrap();
    queue.remember_root(Path::new("/b"), 3).unwrap();
    assert_eq!(ground.open().watch_roots().unwrap(), [PathBuf::from("/b"), PathBuf::from("/a")]);
    assert!(queue.forget_root(Path::new("/b")).unwrap());
    assert!(!queue.forget_root(Path::new("/b")).unwrap());
    assert_eq!(queue.watch_roots().unwrap(), [PathBuf::from("/a")]);
}

/// Protects the queue from what it could not give back: it says no when asked, not later.
pub(super) fn what_cannot_be_kept_is_refused(ground: &Ground) {
    use std::os::unix::ffi::OsStrExt as _;
    let queue = ground.open();
    let foreign = PathBuf::from(std::ffi::OsStr::from_bytes(b"/r\xff"));
    for bad in [
        JobSpec { repository: foreign, ..spec("/r", "a") },
        JobSpec { repository: "relative".into(), ..spec("/r", "a") },
        JobSpec { repository: "/r\0".into(), ..spec("/r", "a") },
        JobSpec { max_attempts: 0, ..spec("/r", "a") },
        JobSpec { key: Some("k".repeat(600)), ..spec("/r", "a") },
        JobSpec { key: Some("\0".into()), ..spec("/r", "a") },
        JobSpec { prompt: "p".repeat(17 << 20), ..spec("/r", "a") },
    ] {
        assert!(matches!(queue.add(&bad, NOW), Err(QueueError::Invalid(_))));
    }
    assert_eq!(queue.counts().unwrap(), Counts::default());
}
