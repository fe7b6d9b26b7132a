//! This program as the hook: what the script that was installed runs.

use crate::child::Trap;
use crate::scene::NOW;
use deepcoder_hook::{Job, Surroundings};
use deepcoder_types::Cancel;
use std::env::var_os;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::Arc;

/// What the script says, which is of no matter here.
#[derive(clap::Args, Clone)]
pub(crate) struct HookAct {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    _args: Vec<OsString>,
}

/// Run the hook; what else it is to do comes from the test, by way of git, in variables.
pub(crate) fn act() -> ExitCode {
    let state = PathBuf::from(var_os("TORTURE_STATE").expect("a state folder"));
    if var_os("TORTURE_PLAIN").is_some_and(|plain| !plain.is_empty()) {
        return plain();
    }
    let die_at = var_os("TORTURE_DIE_AT").and_then(|n| n.to_str()?.parse().ok()).unwrap_or(0);
    let mut trap = Trap::default();
    trap.die_at = die_at;
    let around = Surroundings {
        cwd: std::env::current_dir().expect("a folder"),
        in_hook: true,
        index_file: var_os("GIT_INDEX_FILE"),
        state_dir: state,
        now_ms: NOW,
        cancel: Cancel::new(),
        model: Arc::new(|_| Err("there is none".into())),
        deadline: None,
        strict: false,
        steps: Arc::new(trap.clone()),
    };
    let report = match deepcoder_hook::run(&Job::Staged, &around) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    if let Some(file) = var_os("TORTURE_STEPS").filter(|file| !file.is_empty()) {
        std::fs::write(file, trap.take_seen().join("\n")).expect("a file for the steps");
    }
    if report.passed { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// What hooks are like that people write: put the files right and stage them.
fn plain() -> ExitCode {
    let list = Command::new("git").args(["diff", "--cached", "--name-only", "--diff-filter=ACMR"]).output();
    let list = String::from_utf8_lossy(&list.expect("git").stdout).into_owned();
    for file in list.lines() {
        let Ok(text) = std::fs::read_to_string(file) else { continue };
        let fixed: Vec<&str> = text.lines().map(str::trim_end).collect();
        std::fs::write(file, format!("{}\n", fixed.join("\n"))).expect("written");
        let _ = Command::new("git").args(["add", "--", file]).status();
    }
    ExitCode::SUCCESS
}
