//! How fast jobs go through the queue: added in batches, then taken and finished one by one, by one worker and by eight,
//! in a file and, where PostgreSQL is installed, on a server. Beside it, in the same run, the least that any queue in the
//! same database must do, one statement to take a job and one to finish it, each on disk before the next; and what the disk
//! allows.
//!
//!     cargo bench -p deepcoder-queue [-- JOBS]
#![expect(clippy::print_stdout, reason = "a report")]
#![expect(clippy::unwrap_used, reason = "a bench on a queue of its own")]

use deepcoder_queue::{End, Queue, QueuePlace, Repositories};
use deepcoder_test_support::PostgresServer;
use deepcoder_types::{JobFilter, JobResult, JobSpec};
use sqlx::{Connection as _, Executor as _};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

const BATCH: usize = 500;
const LEASE: Duration = Duration::from_secs(20);

fn main() {
    let jobs = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(10_000_usize);
    println!("{jobs} jobs that do nothing; jobs per second");
    println!("{:>18} {:>8} {:>10} {:>10} {:>10}", "queue", "workers", "added", "drained", "both");
    let folder = tempfile::tempdir().unwrap();
    report("plain SQLite", 1, plain_file(&folder.path().join("plain.db"), jobs));
    for workers in [1, 8] {
        let path = folder.path().join(format!("{workers}.db"));
        measure("SQLite", &QueuePlace::Sqlite(path), workers, jobs);
    }
    if let Some(server) = PostgresServer::start(&[]) {
        server.sql("postgres", "CREATE DATABASE plain");
        report("plain PostgreSQL", 1, plain_server(&server.url("plain"), jobs));
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
            scope.spawn(move || match place {
                // Those of one daemon share its file, and those of a server are in daemons of their own.
                QueuePlace::Sqlite(_) => drain(queue, &worker.to_string()),
                QueuePlace::Postgres(_) => drain(&Queue::open(place).unwrap(), &worker.to_string()),
            });
        }
    });
    report(name, workers, (added, rate(started)));
    let started = Instant::now();
    let page = queue.list(&JobFilter { limit: 50, ..JobFilter::default() }).unwrap();
    println!(
        "{:>18} the last {} of them are listed in {:.1} ms",
        "",
        page.len(),
        started.elapsed().as_secs_f64() * 1e3
    );
    assert_eq!(queue.counts().unwrap(), deepcoder_queue::Counts::default());
}

fn report(name: &str, workers: usize, (added, drained): (f64, f64)) {
    let both = 1.0 / (1.0 / added + 1.0 / drained);
    println!("{name:>18} {workers:>8} {added:>10.0} {drained:>10.0} {both:>10.0}");
}

/// The least that a queue must do, in the dialect of `$connection`: how fast jobs are added, and taken and finished.
macro_rules! plain {
    ($connection:expr, $jobs:expr, $skip:literal) => {{
        let connection = $connection;
        let rate = |started: Instant| $jobs as f64 / started.elapsed().as_secs_f64();
        connection.execute("CREATE TABLE job (id INTEGER PRIMARY KEY, state TEXT NOT NULL, prompt TEXT, result TEXT)").await.unwrap();
        connection.execute("CREATE INDEX job_by_state ON job (state, id)").await.unwrap();
        let started = Instant::now();
        for first in (0..$jobs as i32).step_by(BATCH) {
            let mut batch = connection.begin().await.unwrap();
            for id in (first..).take(BATCH.min($jobs - first as usize)) {
                let row = sqlx::query("INSERT INTO job VALUES ($1, 'queued', 'nothing', NULL)").bind(id);
                row.execute(&mut *batch).await.unwrap();
            }
            batch.commit().await.unwrap();
        }
        let added = rate(started);
        let take = concat!(
            "UPDATE job SET state = 'running' WHERE id = (SELECT id FROM job WHERE state = 'queued' ORDER BY id LIMIT 1",
            $skip,
            ") RETURNING id"
        );
        let started = Instant::now();
        while let Some(id) = sqlx::query_scalar::<_, i32>(take).fetch_optional(&mut *connection).await.unwrap() {
            let done = sqlx::query("UPDATE job SET state = 'done', result = 'nothing to change' WHERE id = $1").bind(id);
            done.execute(&mut *connection).await.unwrap();
        }
        (added, rate(started))
    }};
}

fn plain_file(path: &Path, jobs: usize) -> (f64, f64) {
    use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    runtime().block_on(async { plain!(&mut SqliteConnection::connect_with(&options).await.unwrap(), jobs, "") })
}

fn plain_server(url: &str, jobs: usize) -> (f64, f64) {
    runtime().block_on(async {
        plain!(&mut sqlx::PgConnection::connect(url).await.unwrap(), jobs, " FOR UPDATE SKIP LOCKED")
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn drain(queue: &Queue, worker: &str) {
    while let Some(claim) = queue.claim(worker, &Repositories::Any, LEASE, 2).unwrap() {
        let result = JobResult { summary: "nothing to change".into(), verified: true, ..JobResult::default() };
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
