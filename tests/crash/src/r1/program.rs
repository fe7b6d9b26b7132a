//! The same with the program that users have, where it was built beside this one: `deepcoder undo` needs no model, and goes
//! through the same order of writes as an edit.

use super::{Suite, kill};
use crate::child::Doing;
use crate::settle::Round;
use crate::writer::Writer;
use deepcoder_types::env_var;
use fastrand::Rng;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

fn program() -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.with_file_name("deepcoder")).filter(|path| path.is_file())
}

fn undo(program: &Path, round: &Round) -> Command {
    let mut command = Command::new(program);
    command.args(["undo", "-C"]).arg(&round.act.repo);
    command.env(env_var::HOME, round.act.state.parent().unwrap_or(&round.act.state));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Kills it at every step that it comes to and at `moments` random moments. Returns how often; `None`: it is not there.
pub(super) fn kills(suite: &mut Suite<'_>, moments: u64) -> Option<u64> {
    let program = program().filter(|_| suite.options.writer == Writer::Ours)?;
    let steps = Command::new(&program).args(["debug", "steps"]).output().ok()?;
    let steps = String::from_utf8_lossy(&steps.stdout).into_owned();
    let mut count = 0;
    for step in steps.lines() {
        // Some steps come once for each file.
        for nth in 1..=3 {
            let round = suite.round(Doing::Undo, suite.options.seed, (6, 6));
            let status = undo(&program, &round).env(env_var::STEP, format!("{step}:{nth}=kill")).status().ok()?;
            suite.settle(&round, status.success(), &format!("`deepcoder undo` killed at {step}:{nth}"));
            if status.signal() != Some(9) {
                break;
            }
            count += 1;
        }
    }
    let mut span = None;
    for round in 0..moments {
        let seed = suite.options.seed.wrapping_mul(3_000_000).wrapping_add(round);
        let round = suite.round(Doing::Undo, seed, (2, 50));
        let span = *span.get_or_insert_with(|| {
            let twin = suite.round(Doing::Undo, seed, (50, 50));
            let started = Instant::now();
            let _ = undo(&program, &twin).status();
            started.elapsed()
        });
        let mut child = undo(&program, &round).spawn().ok()?;
        std::thread::sleep(span.mul_f64(Rng::with_seed(seed).f64()));
        let done = kill(&mut child);
        suite.settle(&round, done, &format!("`deepcoder undo` of seed {seed}"));
        count += 1;
    }
    Some(count)
}
