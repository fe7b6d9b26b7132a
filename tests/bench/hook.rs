//! What a commit pays for a hook: nothing to do, files to look at, a file to fix; by the number of files in the index.
//! Without the start of the program, which is what `deepcoder --version` takes.
//!
//!     cargo bench -p deepcoder-hook [-- ROUNDS]
#![expect(clippy::print_stdout, reason = "a report")]
#![expect(clippy::unwrap_used, reason = "a bench on a repository of its own")]

use deepcoder_hook::{Job, NoSteps, Surroundings, run};
use deepcoder_test_support::TestRepo;
use deepcoder_types::Cancel;
use std::sync::Arc;
use std::time::Instant;

fn main() {
    let rounds = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(30_usize);
    println!("{:>8} {:>24} {:>10} {:>10}", "files", "staged", "median ms", "worst ms");
    for files in [10, 1_000, 20_000] {
        for (what, glob, bytes) in [
            ("nothing that matches", "src/**/*.py", "x\n"),
            ("one file to look at", "**", "x\n"),
            ("one file to fix", "**", "x \n"),
        ] {
            measure(files, rounds, what, glob, bytes);
        }
    }
}

fn measure(files: usize, rounds: usize, what: &str, glob: &str, bytes: &str) {
    let config = format!("[[hook.action]]\nuse = \"trailing-space\"\nfiles = [\"{glob}\"]\n");
    let names: Vec<String> = (0..files).map(|n| format!("d{}/f{n}.txt", n / 200)).collect();
    let mut contents: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b"a\n"[..])).collect();
    contents.push(("deepcoder.toml", config.as_bytes()));
    let (repo, state) = (TestRepo::new(&contents), tempfile::tempdir().unwrap());
    let mut times = Vec::new();
    for round in 0..rounds {
        let text = format!("{round}\n{bytes}");
        repo.write("d0/f0.txt", text.as_bytes());
        repo.git(&["add", "d0/f0.txt"]);
        let around = Surroundings {
            cwd: repo.path().to_owned(),
            in_hook: false,
            index_file: None,
            state_dir: state.path().to_owned(),
            now_ms: 1_700_000_000_000 + round as u64,
            cancel: Cancel::new(),
            model: Arc::new(|_| Err("there is none".into())),
            deadline: None,
            strict: false,
            steps: Arc::new(NoSteps),
        };
        let started = Instant::now();
        let report = run(&Job::Staged, &around).unwrap();
        times.push(started.elapsed().as_secs_f64() * 1000.0);
        assert!(report.passed && report.fixed.len() == usize::from(bytes.contains(' ')), "{report:?}");
    }
    times.sort_by(f64::total_cmp);
    println!("{files:>8} {what:>24} {:>10.1} {:>10.1}", times[rounds / 2], times[rounds - 1]);
}
