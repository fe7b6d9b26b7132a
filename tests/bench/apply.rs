//! What applying and undoing an edit costs: waits for the disk, processor time and time, by the number of files.
//!
//!     cargo bench -p deepcoder-apply [-- ROUNDS]
#![expect(clippy::print_stdout, reason = "a report")]
#![expect(clippy::unwrap_used, reason = "a bench on a repository of its own")]

use deepcoder_apply::{Applier, ApplyOptions};
use deepcoder_test_support::TestRepo;
use deepcoder_types::{Cancel, EditSet, FileChange, FileImage, RepoPath};
use deepcoder_workspace::Workspace;
use rustix::time::{ClockId, clock_gettime};
use std::time::Instant;

const LINE: &str = "    let value = compute(first, second)?; // a line as there are many\n";

fn main() {
    let rounds = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(20_u32);
    println!("{rounds} rounds, files of {} KB in folders of ten", LINE.len() * 120 / 1000);
    let [files, what, waits, each, cpu, wall] = ["files", "what", "waits for disk", "a file", "CPU ms, worst", "ms"];
    println!("{files:>5} {what:>6} {waits:>14} {each:>8} {cpu:>14} {wall:>9}");
    for files in [1, 2, 10, 50] {
        measure(files, rounds);
    }
}

fn measure(files: usize, rounds: u32) {
    let (old, new) = (LINE.repeat(120), LINE.repeat(119) + "    // changed\n");
    let names: Vec<String> = (0..files).map(|n| format!("src/part{}/file{n}.rs", n / 10)).collect();
    let contents: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), old.as_bytes())).collect();
    let (repo, state) = (TestRepo::new(&contents), tempfile::tempdir().unwrap());
    let applier = Applier::open(&Workspace::open(repo.path()).unwrap(), state.path()).unwrap();
    let image = |text: &str| Some(FileImage { bytes: text.as_bytes().to_vec(), mode: None });
    let changes: Vec<FileChange> = names
        .iter()
        .map(|name| FileChange { path: RepoPath::new(name.as_str()).unwrap(), old: image(&old), new: image(&new) })
        .collect();
    let mut cost = [Cost::default(), Cost::default()];
    for round in 0..u64::from(rounds) {
        let now_ms = 1_700_000_000_000 + round * 100;
        let set = EditSet { id: format!("edit{round}"), title: "a change".into(), files: changes.clone() };
        let options = ApplyOptions { now_ms, ..ApplyOptions::default() };
        cost[0].add(|| applier.apply(&set, &options, &Cancel::new()).unwrap().fsyncs);
        cost[1].add(|| applier.undo(None, now_ms + 50, &Cancel::new()).unwrap().fsyncs);
    }
    for (what, cost) in ["apply", "undo"].into_iter().zip(cost) {
        let mean = |sum: f64| sum / f64::from(rounds);
        let waits = mean(f64::from(cost.waits));
        println!(
            "{files:>5} {what:>6} {waits:>14.1} {:>8.2} {:>7.1}, {:>5.1} {:>9.1}",
            waits / files as f64,
            mean(cost.cpu_ms),
            cost.worst_cpu_ms,
            mean(cost.wall_ms),
        );
    }
}

#[derive(Default)]
struct Cost {
    waits: u32,
    cpu_ms: f64,
    worst_cpu_ms: f64,
    wall_ms: f64,
}

impl Cost {
    fn add(&mut self, work: impl FnOnce() -> u32) {
        let (cpu, wall) = (cpu_ms(), Instant::now());
        self.waits += work();
        let cpu = cpu_ms() - cpu;
        self.cpu_ms += cpu;
        self.worst_cpu_ms = self.worst_cpu_ms.max(cpu);
        self.wall_ms += wall.elapsed().as_secs_f64() * 1e3;
    }
}

/// Of this process, all threads and the kernel's part in them.
fn cpu_ms() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}
