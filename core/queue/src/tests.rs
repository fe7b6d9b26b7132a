//! The queue's promises, as functions that are run on both databases, and what is special to each.

mod disk;
mod file;
mod server;
mod suite;

use super::*;
use deepcoder_types::{Delivery, FailureKind, JobHappening, JobSpec, JobState, Schedule};

/// When the tests take place.
const NOW: u64 = 1_800_000_000_000;

/// A lease that nobody waits for.
const LONG: Duration = Duration::from_secs(600);

/// A database of a test's own. Everybody who opens it sees the same.
struct Ground {
    place: QueuePlace,
    // Removed when the test is over.
    _folder: Option<tempfile::TempDir>,
}

impl Ground {
    fn file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { place: QueuePlace::Sqlite(folder.path().join("state/jobs.db")), _folder: Some(folder) }
    }

    fn open(&self) -> Queue {
        Queue::open(&self.place).unwrap()
    }
}

fn spec(repository: &str, prompt: &str) -> JobSpec {
    JobSpec {
        kind: "edit".into(),
        repository: repository.into(),
        prompt: prompt.into(),
        paths: vec!["src/**/*.py".into()],
        options: serde_json::json!({"n": 1}),
        model: None,
        seed: 7,
        effort: Some(deepcoder_types::Effort::Thorough),
        priority: 0,
        schedule: Schedule::Now,
        after: Vec::new(),
        max_attempts: 2,
        timeout_ms: Some(1000),
        key: None,
        delivery: Delivery::Branch("docs".into()),
        origin: "cli".into(),
    }
}

fn result(summary: &str) -> JobResult {
    JobResult { summary: summary.into(), diff: "--- a\n+++ b\n".into(), verified: true, ..JobResult::default() }
}

fn failure(transient: bool) -> JobFailure {
    JobFailure { message: "it broke".into(), hint: None, transient, kind: FailureKind::Other }
}

fn add(queue: &Queue, spec: &JobSpec) -> JobId {
    let (job, existed) = queue.add(spec, NOW).unwrap();
    assert!(!existed);
    job.id
}

/// Take the next job, which must be there.
fn take(queue: &Queue) -> Claim {
    queue.claim("w", &Repositories::Any, LONG, NOW).unwrap().unwrap()
}

fn done(queue: &Queue, claim: &Claim) {
    assert_eq!(queue.finish(&claim.lease, End::Done(result("done")), NOW).unwrap(), Held::Yes);
}

fn state(queue: &Queue, id: &JobId) -> JobState {
    queue.get(&id.0).unwrap().state
}

/// The states that a job went through, in order.
fn history(queue: &Queue, id: &JobId) -> Vec<JobState> {
    let events = queue.events(id, 0, 1000).unwrap();
    let numbers: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>(), "events have gaps");
    let states = events.into_iter().filter_map(|event| match event.what {
        JobHappening::State { to, .. } => Some(to),
        _ => None,
    });
    states.collect()
}
