//! What a command costs over the model's own time: an edit through a warm daemon whose model answers at once, a hook with
//! nothing to do, and the start of the program. Each is a process, as a user starts it.
//!
//!     cargo bench -p deepcoder-cli [-- ROUNDS]
#![expect(clippy::print_stdout, reason = "a report")]
#![expect(dead_code, clippy::expect_used, clippy::disallowed_methods, reason = "the modules are those of the tests")]

#[path = "../../core/cli/tests/fake_daemon.rs"]
mod fake_daemon;
#[path = "../../core/cli/tests/workbench.rs"]
mod workbench;

use deepcoder_test_support::FakeModel;
use fake_daemon::FakeDaemon;
use std::sync::Arc;
use std::time::Instant;
use workbench::Workbench;

const OLD: &str = "def add(a, b):\n    return a + b\n";
const NEW: &str = "def add(a: int, b: int) -> int:\n    return a + b\n";

fn main() {
    let rounds = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(30_usize);
    let bench = Workbench::new(&[("util.py", OLD.as_bytes())]);
    let _daemon = FakeDaemon::start(&bench, Arc::new(FakeModel::saying(vec![NEW; 2 * (rounds + 1)])));
    println!("{:>34} {:>10} {:>10}", "", "median ms", "worst ms");
    measure(&bench, "deepcoder --version", rounds, &["--version"]);
    measure(&bench, "hook run, nothing staged", rounds, &["hook", "run"]);
    measure(&bench, "edit --dry-run", rounds + 1, &["edit", "add type hints", "util.py", "--dry-run"]);
    measure(&bench, "edit, one file", rounds + 1, &["edit", "add type hints", "util.py", "--yes"]);
}

fn measure(bench: &Workbench, what: &str, rounds: usize, args: &[&str]) {
    let mut times = Vec::new();
    for _ in 0..rounds {
        bench.repo.write("util.py", OLD.as_bytes());
        let mut command = bench.command(args);
        let started = Instant::now();
        let output = command.output().expect("it runs");
        times.push(started.elapsed().as_secs_f64() * 1000.0);
        assert!(output.status.code() < Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    }
    // The first edit opens the history.
    times.remove(0);
    times.sort_by(f64::total_cmp);
    println!("{what:>34} {:>10.1} {:>10.1}", times[times.len() / 2], times[times.len() - 1]);
}
