//! What watching a large repository costs: the time until all of it is watched, memory, the processor's time while nothing
//! happens, and how long it takes from the beginning of a save to the job that it makes. The queue is one in memory, so
//! that what is measured is watching; what the daemon adds is in docs/lab/watching.md.
//!
//!     cargo bench -p deepcoder-watch [-- [--saves N] [--idle SECONDS] [DIR]]
//!
//! DIR is a git work tree that is written to (one line is added at the end of some files, and taken away again); without
//! one, a tree of 100,000 files is made.
#![expect(clippy::print_stdout, reason = "a report")]
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a bench on a repository of its own")]

use deepcoder_protocol::{Added, Failure, JobCounts, Jobs, Models, OnChange, Watching as _};
use deepcoder_syntax::Language;
use deepcoder_types::{
    Cancel, Decision, GenerateError, Job, JobEvent, JobFilter, JobSpec, JobState, LanguageModel, RepoPath,
};
use deepcoder_watch::{Options, Roots, Watches};
use deepcoder_workspace::Workspace;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const FILES: usize = 100_000;

/// The kernel counts a process's time in these.
const TICKS_PER_SECOND: f64 = 100.0;

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let (mut saves, mut idle, mut given) = (200, 10, None);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--saves" => saves = args.next().unwrap().parse().unwrap(),
            "--idle" => idle = args.next().unwrap().parse().unwrap(),
            dir => given = Some(PathBuf::from(dir)),
        }
    }
    let scratch = tempfile::tempdir().unwrap();
    let root = given.unwrap_or_else(|| generated(&scratch.path().join("tree")));
    let before = Usage::now();
    let (added, arrivals) = channel();
    let jobs = Arc::new(Timed::new(&root, added));
    let watches = Watches::new(options(scratch.path()), Box::new(NoRoots));
    watches.start(jobs, Arc::new(NoModel)).unwrap();
    let started = Instant::now();
    watches.watch(&root).unwrap();
    while watches.list()[0].files.is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let ready = started.elapsed();
    let watched = watches.list().remove(0);
    println!("files            {:>10}  watched by {}", watched.files.unwrap(), watched.how);
    println!("until watched    {:>10.2}  s", ready.as_secs_f64());
    std::thread::sleep(Duration::from_secs(1));
    let (calm, at) = (Usage::now(), Instant::now());
    println!(
        "memory           {:>10.1}  MB, of which {:.1} for the tree; at most {:.1}",
        calm.resident,
        calm.resident - before.resident,
        calm.most
    );
    std::thread::sleep(Duration::from_secs(idle));
    let (cpu, wakes) = (Usage::now().cpu - calm.cpu, Usage::now().switches - calm.switches);
    let share = 100.0 * cpu / at.elapsed().as_secs_f64();
    println!("idle             {share:>10.2}  % of one processor, {wakes} context switches in {idle} s");
    for (what, line) in [("a changed file", "deepcoder bench"), ("a comment", "do nothing, AI!")] {
        let mut times: Vec<f64> =
            sources(&root, saves).iter().map(|(path, sign)| save(path, &format!("{sign} {line}"), &arrivals)).collect();
        times.sort_by(f64::total_cmp);
        let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
        println!(
            "save to job      {:>10.1}  ms median, {:.1} 95%, {:.1} worst; {what}, {} saves",
            at(0.5),
            at(0.95),
            at(1.0),
            times.len()
        );
    }
    println!("memory           {:>10.1}  MB afterwards", Usage::now().resident);
}

/// Save `path` with one more line, as an editor that renames over, wait for its job, and take the line away again.
fn save(path: &Path, line: &str, arrivals: &Receiver<Instant>) -> f64 {
    let before = fs::read(path).unwrap();
    let mut text = before.clone();
    text.extend_from_slice(format!("\n{line}\n").as_bytes());
    let started = Instant::now();
    replace(path, &text);
    let arrived = arrivals.recv_timeout(Duration::from_secs(60)).unwrap();
    replace(path, &before);
    // The template tells of this one as well, and comments of none.
    std::thread::sleep(Duration::from_millis(150));
    arrivals.try_iter().for_each(drop);
    (arrived - started).as_secs_f64() * 1000.0
}

fn replace(path: &Path, bytes: &[u8]) {
    let beside = path.with_extension("swp");
    fs::File::create(&beside).unwrap().write_all(bytes).unwrap();
    fs::rename(beside, path).unwrap();
}

/// Files evenly spread over the tree that may hold comments, with the sign of their comments.
fn sources(root: &Path, count: usize) -> Vec<(PathBuf, &'static str)> {
    let sign = |path: &RepoPath| Language::of(path).and_then(Language::line_comment);
    let workspace = Workspace::open(root).unwrap();
    let files = workspace.files().unwrap();
    let at = |path: &RepoPath| workspace.root().join(path.as_str());
    let all: Vec<_> = files.iter().filter_map(|path| Some((at(path), sign(path)?))).collect();
    all.iter().step_by((all.len() / count).max(1)).take(count).cloned().collect()
}

/// A tree of [`FILES`] small sources, twenty to a folder, committed.
fn generated(root: &Path) -> PathBuf {
    for n in 0..FILES {
        let folder = root.join(format!("m{}/p{}/d{}", n / 10_000, n / 500 % 20, n / 20 % 25));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("file{n}.py")), format!("def f{n}(x):\n    return x + {n}\n")).unwrap();
    }
    for args in
        [&["init", "-q"][..], &["add", "-A"], &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all"]]
    {
        assert!(Command::new("git").current_dir(root).args(args).status().unwrap().success());
    }
    root.to_owned()
}

/// Nothing waits and nothing is spared: what is measured is watching.
fn options(state: &Path) -> Options {
    let mut options = Options::new(state);
    options.gap = Duration::ZERO;
    options
}

/// What this process has used.
struct Usage {
    /// In megabytes.
    resident: f64,
    most: f64,
    /// In seconds.
    cpu: f64,
    switches: u64,
}

impl Usage {
    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let number = |status: &str, name: &str| -> f64 {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        // User and system time are numbers 14 and 15; the name, number 2, may have blanks.
        let after = stat.rsplit(')').next().unwrap().to_owned();
        let ticks: f64 = after.split_whitespace().skip(11).take(2).map(|n| n.parse::<f64>().unwrap()).sum();
        let switches = fs::read_dir("/proc/self/task").unwrap().flatten().filter_map(|task| {
            let status = fs::read_to_string(task.path().join("status")).ok()?;
            Some(number(&status, "voluntary_ctxt") as u64)
        });
        Self {
            resident: number(&status, "VmRSS") / 1024.0,
            most: number(&status, "VmHWM") / 1024.0,
            cpu: ticks / TICKS_PER_SECOND,
            switches: switches.sum(),
        }
    }
}

/// One template for everything, and jobs that are over as soon as they are made.
struct Timed {
    added: Mutex<Sender<Instant>>,
    template: Job,
}

impl Timed {
    fn new(root: &Path, added: Sender<Instant>) -> Self {
        let spec = serde_json::json!({ "kind": "edit", "repository": root, "prompt": "none", "schedule": "change" });
        let spec: JobSpec = serde_json::from_value(spec).unwrap();
        Self { added: Mutex::new(added), template: job("template", spec, JobState::Scheduled) }
    }
}

fn job(id: &str, spec: JobSpec, state: JobState) -> Job {
    let job = serde_json::json!({ "id": id, "spec": spec, "state": state, "attempts": 0, "created_ms": 0 });
    serde_json::from_value(job).unwrap()
}

impl Jobs for Timed {
    fn start(&self, _: Arc<dyn Models>, _: OnChange) -> Result<(), Failure> {
        Ok(())
    }
    fn stop(&self) {}
    fn add(&self, spec: JobSpec) -> Result<Added, Failure> {
        self.added.lock().unwrap().send(Instant::now()).unwrap();
        Ok(Added { job: job("made", spec, JobState::Done), existed: false })
    }
    fn get(&self, id: &str) -> Result<Job, Failure> {
        Ok(job(id, self.template.spec.clone(), JobState::Done))
    }
    fn list(&self, _: &JobFilter) -> Result<Vec<Job>, Failure> {
        Ok(vec![self.template.clone()])
    }
    fn events(&self, _: &str, _: u64, _: u32) -> Result<Vec<JobEvent>, Failure> {
        Ok(Vec::new())
    }
    fn cancel(&self, id: &str) -> Result<Job, Failure> {
        self.get(id)
    }
    fn retry(&self, id: &str) -> Result<Job, Failure> {
        self.get(id)
    }
    fn pause(&self, id: &str) -> Result<Job, Failure> {
        self.get(id)
    }
    fn resume(&self, id: &str) -> Result<Job, Failure> {
        self.get(id)
    }
    fn review(&self, id: &str, _: &Decision) -> Result<Job, Failure> {
        self.get(id)
    }
    fn counts(&self) -> Result<JobCounts, Failure> {
        Ok(JobCounts::default())
    }
}

struct NoModel;

impl Models for NoModel {
    fn background(&self, _: Option<&str>, _: &Path) -> Result<Arc<dyn LanguageModel>, GenerateError> {
        Err(GenerateError::Unavailable("a bench has none".into()))
    }

    fn interactive(&self, _: Option<&str>, _: &Cancel) -> Result<Arc<dyn LanguageModel>, GenerateError> {
        Err(GenerateError::Unavailable("a bench has none".into()))
    }
}

struct NoRoots;

impl Roots for NoRoots {
    fn all(&self) -> Result<Vec<PathBuf>, Failure> {
        Ok(Vec::new())
    }
    fn remember(&self, _: &Path) -> Result<(), Failure> {
        Ok(())
    }
    fn forget(&self, _: &Path) -> Result<bool, Failure> {
        Ok(false)
    }
}
