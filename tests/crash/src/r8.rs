//! R8: no job is lost and no effect comes twice. Eight worker processes take jobs from one queue, in SQLite and in
//! PostgreSQL, while they are killed and put to sleep for longer than their lease, the server crashes or cuts its connections, and
//! somebody else holds the file. Each effect is a line in a file outside of the queue, as a commit or an edit is.
//!
//! A worker does what those of the daemon do: it asks whether the job is still its own, looks whether the effect is there,
//! and only then makes it, the last two under the lock of what it writes to. `--writer plain` does not look.

mod hold;
mod worker;

pub(crate) use hold::{HoldAct, act as hold_act};
pub(crate) use worker::{DrainAct, act};

use crate::options::Options;
use crate::report::Report;
use crate::writer::Writer;
use deepcoder_queue::{Queue, QueuePlace};
use deepcoder_test_support::{PostgresServer, Stop};
use deepcoder_types::{JobFilter, JobSpec, JobState};
use fastrand::Rng;
use hold::hold;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const FULL: u64 = 10_000;
const WORKERS: usize = 8;

/// Jobs that are added at once.
const BATCH: usize = 500;

/// How long a worker's word counts. Short, so that sleeping longer is cheap.
pub(crate) const LEASE: Duration = Duration::from_millis(1_500);

/// The longest sleep of a full run, and how often one is that long.
const LONGEST: Duration = Duration::from_secs(60);
const LONG: u64 = 40;

/// Longer than a queue waits for a file that somebody else holds.
const HELD: Duration = Duration::from_secs(12);

/// Without progress for so long, jobs are lost.
const STUCK: Duration = Duration::from_secs(120);

/// The suite: on a file first, and on a server where there is one.
pub(crate) fn run(options: &Options) -> Report {
    let mut report = Report::new("r8");
    let jobs = options.rounds_or(FULL);
    let scratch = options.scratch();
    let mut said = Vec::new();
    let file = QueuePlace::Sqlite(scratch.path().join("jobs.db"));
    said.push(Storm::new(options, &scratch.path().join("file"), file, None, jobs).run(&mut report));
    match PostgresServer::start(&["fsync=off", "max_connections=100"]) {
        Some(server) => {
            server.sql("postgres", "CREATE DATABASE jobs");
            let place = QueuePlace::server(&server.url("jobs")).expect("an address");
            said.push(Storm::new(options, &scratch.path().join("server"), place, Some(server), jobs).run(&mut report));
        }
        None => said.push("no PostgreSQL here, so SKIPPED on a server".into()),
    }
    report.tried = format!("{jobs} jobs each, {WORKERS} workers: {}", said.join("; "));
    report
}

struct Storm {
    folder: PathBuf,
    place: QueuePlace,
    server: Option<PostgresServer>,
    writer: Writer,
    jobs: u64,
    rng: Rng,
    workers: Vec<Child>,
    kills: u64,
    sleeps: u64,
    outages: u64,
}

impl Storm {
    fn new(options: &Options, folder: &Path, place: QueuePlace, server: Option<PostgresServer>, jobs: u64) -> Self {
        std::fs::create_dir_all(folder).expect("a folder");
        Self {
            folder: folder.to_owned(),
            place,
            server,
            writer: options.writer,
            jobs,
            rng: Rng::with_seed(options.seed),
            workers: Vec::new(),
            kills: 0,
            sleeps: 0,
            outages: 0,
        }
    }

    fn run(mut self, report: &mut Report) -> String {
        let name = if self.server.is_some() { "PostgreSQL" } else { "SQLite" };
        let queue = Queue::open(&self.place).expect("a queue");
        self.add(&queue);
        for _ in 0..WORKERS {
            let worker = self.start();
            self.workers.push(worker);
        }
        let started = Instant::now();
        if let Err(what) = self.trouble(&queue) {
            report.lose(format!("{name}: {what}"));
        }
        let took = started.elapsed();
        self.end();
        let (stale, met) = self.judge(name, &queue, report);
        if self.jobs >= FULL && self.writer == Writer::Ours && (self.outages == 0 || stale == 0 || met == 0) {
            report.lose(format!("{name}: {} outages, {stale} stale writes, {met} found done: too kind", self.outages));
        }
        format!(
            "{name}: {} kills, {} sleeps, {} outages; {stale} writes of stale workers refused, {met} effects found done; \
             {:.0} s",
            self.kills,
            self.sleeps,
            self.outages,
            took.as_secs_f64()
        )
    }

    fn add(&self, queue: &Queue) {
        let specs: Vec<JobSpec> = (0..self.jobs)
            .map(|number| {
                serde_json::from_value(serde_json::json!({
                    // Several repositories, and priorities, so that turns are taken.
                    "kind": "edit", "repository": format!("/r8/{}", number % 5), "prompt": number.to_string(),
                    "priority": number % 3, "max_attempts": 1_000_000,
                }))
                .expect("a spec")
            })
            .collect();
        for batch in specs.chunks(BATCH) {
            queue.add_many(batch, 1).expect("added");
        }
    }

    fn start(&self) -> Child {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["drain", "--writer", self.writer.as_arg(), "--folder"]).arg(&self.folder);
        match &self.place {
            QueuePlace::Sqlite(path) => command.arg("--file").arg(path),
            QueuePlace::Postgres(url) => command.args(["--server", url]),
        };
        command.stdin(Stdio::piped()).spawn().expect("a worker")
    }

    /// Make trouble until all jobs are over.
    fn trouble(&mut self, queue: &Queue) -> Result<(), String> {
        let (mut asleep, mut open, mut moved) = (HashMap::new(), u64::MAX, Instant::now());
        let mut outage = Instant::now();
        loop {
            std::thread::sleep(Duration::from_millis(self.rng.u64(10..60)));
            self.wake(&mut asleep);
            if let Ok(counts) = queue.counts() {
                let now = counts.waiting + counts.queued + counts.running;
                if now == 0 {
                    break;
                }
                if now < open {
                    (open, moved) = (now, Instant::now());
                }
            }
            if moved.elapsed() > STUCK {
                return Err(format!("{open} jobs are never done"));
            }
            let victim = self.rng.usize(..WORKERS);
            match self.rng.u8(..10) {
                0..=3 if !asleep.contains_key(&victim) => self.kill(victim),
                4..=5 if !asleep.contains_key(&victim) && asleep.len() < WORKERS - 2 => {
                    signal(&self.workers[victim], Signal::STOP);
                    self.sleeps += 1;
                    asleep.insert(victim, Instant::now() + self.nap());
                }
                _ if outage.elapsed() > Duration::from_secs(3) => {
                    self.outage();
                    outage = Instant::now();
                }
                _ => {}
            }
        }
        // Those that still sleep wake up to a queue that is done.
        for worker in &self.workers {
            signal(worker, Signal::CONT);
        }
        std::thread::sleep(Duration::from_millis(500));
        Ok(())
    }

    /// Mostly a little longer than the lease.
    fn nap(&mut self) -> Duration {
        if self.jobs >= FULL && self.rng.u64(..LONG) == 0 { LONGEST } else { LEASE.mul_f64(self.rng.f64() * 1.2 + 0.3) }
    }

    fn wake(&self, asleep: &mut HashMap<usize, Instant>) {
        asleep.retain(|victim, until| {
            let goes_on = Instant::now() < *until;
            if !goes_on {
                signal(&self.workers[*victim], Signal::CONT);
            }
            goes_on
        });
    }

    fn kill(&mut self, victim: usize) {
        let fresh = self.start();
        let mut old = std::mem::replace(&mut self.workers[victim], fresh);
        old.kill().and_then(|()| old.wait()).expect("killed");
        self.kills += 1;
    }

    /// The database goes away for a while.
    fn outage(&mut self) {
        let pause = Duration::from_millis(self.rng.u64(100..1_500));
        match &mut self.server {
            Some(server) if self.rng.bool() => {
                server.stop(Stop::Immediate);
                std::thread::sleep(pause);
                server.run();
            }
            Some(server) => {
                let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'jobs'";
                server.sql("postgres", all);
            }
            None => {
                let QueuePlace::Sqlite(path) = &self.place else { return };
                // Sometimes for longer than anybody waits for it.
                let long = self.jobs >= FULL && self.rng.u64(..LONG / 4) == 0;
                if !hold(path, if long { HELD } else { pause }) {
                    return;
                }
            }
        }
        self.outages += 1;
    }

    fn end(&mut self) {
        for worker in &mut self.workers {
            // It ends with its input.
            drop(worker.stdin.take());
            _ = worker.wait();
        }
    }

    /// Every job is done, and has one line; how many stale writes were refused, and how many effects were found done.
    fn judge(&self, name: &str, queue: &Queue, report: &mut Report) -> (usize, usize) {
        let mut lines: HashMap<String, usize> = HashMap::new();
        let effects = std::fs::read_to_string(self.folder.join("effects")).unwrap_or_default();
        effects.lines().for_each(|line| *lines.entry(line.to_owned()).or_default() += 1);
        let mut filter = JobFilter { limit: 1_000, ..JobFilter::default() };
        let mut seen = 0;
        loop {
            let page = queue.list(&filter).expect("a list");
            for job in &page {
                seen += 1;
                if job.state != JobState::Done {
                    report.lose(format!("{name}: job {} is {}", job.id, job.state.name()));
                }
                match lines.remove(&job.id.0) {
                    Some(1) => {}
                    times => report.lose(format!("{name}: job {} has {} effects", job.id, times.unwrap_or(0))),
                }
            }
            match page.last() {
                Some(last) => filter.before = Some(last.id.clone()),
                None => break,
            }
        }
        if seen != self.jobs {
            report.lose(format!("{name}: {} jobs were added, and {seen} are there", self.jobs));
        }
        for strange in std::fs::read_to_string(self.folder.join("strange")).unwrap_or_default().lines() {
            report.lose(format!("{name}: {strange}"));
        }
        lines.keys().for_each(|line| report.lose(format!("{name}: an effect of nobody: {line}")));
        let count = |name: &str| {
            std::fs::read(self.folder.join(name)).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count())
        };
        (count("stale"), count("met"))
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        self.workers.iter_mut().for_each(|worker| _ = worker.kill().and_then(|()| worker.wait()));
    }
}

fn signal(worker: &Child, signal: Signal) {
    if let Some(pid) = Pid::from_raw(worker.id().cast_signed()) {
        // One that has ended is found out by its jobs.
        _ = kill_process(pid, signal);
    }
}
