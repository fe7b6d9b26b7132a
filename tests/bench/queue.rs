//! How fast jobs go through the queue: added in batches, then taken and finished one by one, by one worker and by eight,
//! in a file and, where PostgreSQL is installed, on a server. Beside it, what the disk allows.
//!
//!     cargo bench -p deepcoder-store [-- JOBS]
#![expect(clippy::print_stdout, reason = "a report")]
#![expect(clippy::unwrap_used, reason = "a bench on a queue of its own")]

use deepcoder_store::{End, Queue, QueuePlace, Repositories};
use deepcoder_test_support::PostgresServer;
use deepcoder_types::{JobResult, JobSpec};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

const BATCH: usize = 500;
const LEASE: Duration = Duration::from_secs(20);

fn main() {
    let jobs = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(10_000_usize);
    println!("{jobs} jobs that do nothing; jobs per second");
    println!("{:>12} {:>8} {:>10} {:>10}", "queue", "workers", "added", "drained");
    let folder = tempfile::tempdir().unwrap();
    for workers in [1, 8] {
        let path = folder.path().join(format!("{workers}.db"));
        measure("SQLite", &QueuePlace::Sqlite(path), workers, jobs);
    }
    if let Some(server) = PostgresServer::start(&[]) {
        for workers in [1, 8] {
            server.sql("postgres", &format!("CREATE DATABASE jobs{workers}"));
            let place = QueuePlace::server(&server.url(&format!("jobs{workers}"))).unwrap();
            measure("PostgreSQL", &place, workers, jobs);
        }
    }
    let synced = syncs(folder.path());
    println!("the disk: {synced:.0} writes of 4 KiB a second, each synced");
}

fn measure(name: &str, place: &QueuePlace, workers: usize, jobs: usize) {
    let queue = Queue::open(place).unwrap();
    let specs: Vec<JobSpec> = (0..jobs)
        .map(|number| {
            serde_json::from_value(serde_json::json!({
                "kind": "edit", "repository": format!("/bench/{}", number % 4), "prompt": "nothing",
            }))
            .unwrap()
        })
        .collect();
    let rate = |started: Instant| jobs as f64 / started.elapsed().as_secs_f64();
    let started = Instant::now();
    for batch in specs.chunks(BATCH) {
        queue.add_many(batch, 1).unwrap();
    }
    let added = rate(started);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let queue = &queue;
            scope.spawn(move || drain(queue, &worker.to_string()));
        }
    });
    println!("{name:>12} {workers:>8} {added:>10.0} {:>10.0}", rate(started));
    assert_eq!(queue.counts().unwrap(), deepcoder_store::Counts::default());
}

fn drain(queue: &Queue, worker: &str) {
    while let Some(claim) = queue.claim(worker, &Repositories::Any, LEASE, 2).unwrap() {
        let result = JobResult {
            summary: "nothing to change".into(),
            diff: String::new(),
            files: Vec::new(),
            answer: None,
            verified: true,
            notes: Vec::new(),
            edit: None,
            commit: None,
        };
        queue.finish(&claim.lease, End::Done(result), 3).unwrap();
    }
}

fn syncs(folder: &Path) -> f64 {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("synced")).unwrap();
    let started = Instant::now();
    let mut count = 0.0;
    while started.elapsed() < Duration::from_secs(1) {
        file.write_all(&[7; 4096]).and_then(|()| file.sync_data()).unwrap();
        count += 1.0;
    }
    count / started.elapsed().as_secs_f64()
}
