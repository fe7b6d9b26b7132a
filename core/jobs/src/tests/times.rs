use super::*;
use deepcoder_types::{JobFilter, Schedule};

const MINUTE: u64 = 60_000;

fn made_of(scene: &Scene, template: &Job) -> Vec<Job> {
    let all = scene.service.list(&JobFilter::default()).expect("jobs");
    all.into_iter().filter(|job| job.template.as_ref() == Some(&template.id)).collect()
}

fn wait_for(scene: &Scene, template: &Job, count: usize) -> Vec<Job> {
    let start = Instant::now();
    loop {
        let made = made_of(scene, template);
        if made.len() >= count {
            return made;
        }
        assert!(start.elapsed() < LIMIT, "{count} were expected: {made:#?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Protects schedules: one job for each time, one for all that were missed, by two daemons as by one, and none while the
/// template is paused.
#[test]
fn a_schedule_makes_one_job_each_time() {
    let mut scene = Scene::new((0..8).map(|_| Say::Text(SAID)));
    let other = service(scene.home.path(), &scene.clock);
    other.start(Arc::new(Lent(Arc::clone(&scene.model))), Arc::new(|| {})).expect("a queue");
    let mut spec = scene.spec(Delivery::Review);
    spec.schedule = Schedule::Cron("*/10 * * * *".into());
    let template = scene.service.add(spec).expect("added").job;
    assert_eq!(template.state, JobState::Scheduled);
    let start = Instant::now();
    let due = loop {
        if let Some(due) = scene.service.get(&template.id.0).expect("a job").due_ms {
            break due;
        }
        assert!(start.elapsed() < LIMIT);
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(due > 1_700_000_000_000 && due - 1_700_000_000_000 <= 10 * MINUTE && due % MINUTE == 0);
    scene.clock.store(due, Ordering::SeqCst);
    let made = wait_for(&scene, &template, 1);
    assert_eq!((made[0].spec.origin.as_str(), &made[0].spec.schedule), ("cron", &Schedule::Now));
    scene.wait(&made[0], JobState::Review);
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(made_of(&scene, &template).len(), 1, "two daemons see one time");
    other.stop();
    scene.service.stop();
    scene.clock.fetch_add(60 * MINUTE, Ordering::SeqCst);
    scene.restart();
    wait_for(&scene, &template, 2);
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(made_of(&scene, &template).len(), 2, "what was missed is made up for once");
    scene.service.pause(&template.id.0).expect("paused");
    scene.clock.fetch_add(60 * MINUTE, Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(1_200));
    assert_eq!(made_of(&scene, &template).len(), 2);
}

/// Protects order: a job that needs another one begins after it, and does not begin when that one fails.
#[test]
fn jobs_wait_for_those_that_they_need() {
    let scene = Scene::new([Say::Text(SAID), Say::Text("def f():\n    return 3\n"), Say::Panic]);
    let first = scene.add(Delivery::Apply);
    let mut spec = scene.spec(Delivery::Apply);
    (spec.prompt, spec.after) = ("return three".into(), vec![first.id.clone()]);
    let second = scene.service.add(spec.clone()).expect("added").job;
    let (first, second) = (scene.wait(&first, JobState::Done), scene.wait(&second, JobState::Done));
    assert_eq!(scene.text(), "def f():\n    return 3\n");
    assert!(first.finished_ms <= second.started_ms);
    let failing = scene.add(Delivery::Apply);
    spec.after = vec![failing.id.clone()];
    let after = scene.service.add(spec).expect("added").job;
    scene.wait(&failing, JobState::Failed);
    let start = Instant::now();
    while !scene.service.get(&after.id.0).expect("a job").state.is_over() {
        assert!(start.elapsed() < LIMIT);
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(scene.asked(), 3);
}

/// Protects people who ask for later: nothing happens before the time.
#[test]
fn a_job_waits_for_its_time() {
    let scene = Scene::new([Say::Text(SAID)]);
    let mut spec = scene.spec(Delivery::Apply);
    spec.schedule = Schedule::At(1_700_000_000_000 + 5 * MINUTE);
    let job = scene.service.add(spec).expect("added").job;
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(scene.service.get(&job.id.0).expect("a job").state, JobState::Waiting);
    assert_eq!(scene.asked(), 0);
    scene.clock.store(1_700_000_000_000 + 5 * MINUTE, Ordering::SeqCst);
    scene.wait(&job, JobState::Done);
}

/// Protects a daemon that nobody looks after: a queue that is damaged under it is moved aside, it says where to, and takes
/// jobs again without being started anew.
#[test]
fn a_queue_that_is_damaged_is_begun_anew() {
    let mut scene = Scene::new([Say::Text(NEW)]);
    for _ in 0..40 {
        let mut spec = scene.spec(Delivery::Review);
        (spec.schedule, spec.prompt) = (Schedule::At(u64::MAX >> 12), "x".repeat(50_000));
        scene.service.add(spec).expect("added");
    }
    scene.restart();
    let file = scene.home.path().join("state/jobs.db");
    let length = usize::try_from(file.metadata().expect("a queue").len()).expect("small");
    let open = std::fs::OpenOptions::new().write(true).open(&file).expect("a queue");
    std::os::unix::fs::FileExt::write_all_at(&open, &vec![0x5a; length - 4096], 4096).expect("damaged");
    // The keeper of the queue may notice first; then the queue is begun anew already, and says so below.
    match scene.service.list(&JobFilter::default()) {
        Err(error) => assert!(error.to_string().contains("damaged"), "{error}"),
        Ok(jobs) => assert!(jobs.is_empty(), "{jobs:?}"),
    }

    let job = scene.add(Delivery::Apply);
    scene.wait(&job, JobState::Done);
    let aside = scene.service.counts().expect("counted").damaged.expect("told");
    assert_eq!(aside.metadata().expect("kept").len(), length as u64);
}
