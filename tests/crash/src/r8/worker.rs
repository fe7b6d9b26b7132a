//! A worker of r8, in a process of its own.

use super::LEASE;
use crate::writer::Writer;
use deepcoder_queue::{Claim, End, Held, Queue, QueueError, QueuePlace, Repositories};
use deepcoder_types::JobResult;
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// A worker.
#[derive(clap::Args)]
pub(crate) struct DrainAct {
    /// The queue, as a file.
    #[arg(long)]
    file: Option<PathBuf>,
    /// The queue, as an address.
    #[arg(long)]
    server: Option<String>,
    /// Where effects are written.
    #[arg(long)]
    folder: PathBuf,
    #[arg(long)]
    writer: Writer,
}

/// How long a database may be away while somebody has to be told something.
const PATIENCE: Duration = Duration::from_secs(20);
const AGAIN: Duration = Duration::from_millis(30);

/// Take jobs and do them, until standard input ends.
pub(crate) fn act(act: &DrainAct) -> ExitCode {
    std::thread::spawn(|| {
        _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let place = match (&act.file, &act.server) {
        (Some(file), _) => QueuePlace::Sqlite(file.clone()),
        (_, Some(url)) => QueuePlace::server(url).expect("an address"),
        _ => return ExitCode::FAILURE,
    };
    let queue = patiently(|| Queue::open(&place).ok());
    let name = std::process::id().to_string();
    let mut seen = 0;
    loop {
        // What the keeper of a daemon does.
        _ = queue.expire(1);
        _ = queue.tick(u64::MAX >> 2);
        match queue.claim(&name, &Repositories::Any, LEASE, 1) {
            Ok(Some(claim)) => one(&queue, &claim, act),
            Ok(None) => seen = queue.wait(seen, Duration::from_millis(200)),
            Err(_) => std::thread::sleep(AGAIN),
        }
    }
}

fn one(queue: &Queue, claim: &Claim, act: &DrainAct) {
    // Some work, in which whatever happens may happen.
    std::thread::sleep(Duration::from_micros(fastrand::u64(0..3_000)));
    let held = patiently(|| match queue.still_held(&claim.lease) {
        Err(QueueError::Busy | QueueError::Unreachable { .. } | QueueError::Sql(_)) => None,
        other => Some(other),
    });
    match held {
        Ok(true) => {}
        Ok(false) => return note(&act.folder, "stale", ""),
        Err(e) => return note(&act.folder, "strange", &format!("whether {} is held: {e}", claim.job.id)),
    }
    effect(&act.folder, &claim.job.id.0, act.writer == Writer::Ours);
    std::thread::sleep(Duration::from_micros(fastrand::u64(0..1_000)));
    let done = End::Done(JobResult { summary: "done".into(), verified: true, ..JobResult::default() });
    let told = patiently(|| match queue.finish(&claim.lease, done.clone(), 1) {
        Err(QueueError::Busy | QueueError::Unreachable { .. } | QueueError::Sql(_)) => None,
        other => Some(other),
    });
    match told {
        Ok(Held::Lost) => note(&act.folder, "stale", ""),
        Ok(_) => {}
        Err(e) => note(&act.folder, "strange", &format!("the end of {}: {e}", claim.job.id)),
    }
}

/// A line for the job, where there is none: looking and writing under one lock, as the applier of a work tree does.
fn effect(folder: &Path, id: &str, looks: bool) {
    let mut file = append(&folder.join("effects"));
    flock(&file, FlockOperation::LockExclusive).expect("a lock");
    let mut there = String::new();
    if looks {
        File::open(folder.join("effects")).and_then(|mut file| file.read_to_string(&mut there)).expect("read");
    }
    if there.lines().any(|line| line == id) {
        note(folder, "met", "");
    } else {
        // In one call: a worker that is killed here has written all of it or nothing.
        file.write_all(format!("{id}\n").as_bytes()).expect("written");
    }
}

fn note(folder: &Path, name: &str, what: &str) {
    append(&folder.join(name)).write_all(format!("{what}\n").as_bytes()).expect("written");
}

fn append(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).expect("a file of the suite's own")
}

/// Try until there is an answer; without one for long, this worker is as good as dead.
fn patiently<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        if started.elapsed() > PATIENCE {
            std::process::exit(1);
        }
        std::thread::sleep(AGAIN);
    }
}
