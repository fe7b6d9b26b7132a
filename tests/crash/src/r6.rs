//! R6: what fails, fails closed. At each system call in turn an error, once or from then on; a disk that fills up; a tree
//! or a history that cannot be written; a history that is busy, damaged or from a newer program; a clock that is a day off.
//! The tree is then before or after, and the error says what to do.

mod clock;
mod disk;
mod history;
mod inject;

use crate::child::{FAILED, INTERRUPTED, NO_HINT};
use crate::options::Options;
use crate::report::Report;
use crate::scene::{Snapshot, snapshot};
use crate::settle::Round;
use fastrand::Rng;
use std::path::Path;
use std::process::Output;

/// One thing that goes wrong.
type Case = Box<dyn Fn(&Path) -> Result<End, String>>;

/// How one case ended, if well.
enum End {
    /// It went through all the same.
    Done,
    /// It failed, changed nothing, and said what to do.
    Refused,
    /// It stopped half-way, said so, and the next opening brought it to an end.
    Interrupted,
    /// The thing did not come to pass.
    Missed,
}

/// The suite.
pub(crate) fn run(options: &Options) -> Report {
    let scratch = options.scratch();
    let mut report = Report::new("r6");
    let mut notes = Vec::new();
    let mut cases: Vec<(String, Case)> = Vec::new();
    cases.extend(history::cases(options));
    cases.extend(clock::cases(options));
    match disk::cases(options) {
        Ok(more) => cases.extend(more),
        Err(why) => notes.push(format!("no full disk ({why})")),
    }
    match inject::cases(options, scratch.path()) {
        Ok(more) => cases.extend(more),
        Err(why) => notes.push(format!("no errors at system calls ({why})")),
    }
    let all = cases.len();
    if let Some(rounds) = options.rounds {
        Rng::with_seed(options.seed).shuffle(&mut cases);
        cases.truncate(usize::try_from(rounds).unwrap_or(usize::MAX));
    }
    let mut ends = [0_u64; 4];
    for (name, case) in &cases {
        match case(scratch.path()) {
            Ok(end) => ends[end as usize] += 1,
            Err(what) => report.lose(format!("{name}: {what}")),
        }
    }
    let [done, refused, interrupted, missed] = ends;
    report.tried = format!(
        "{} of {all} failures of the system: {refused} refused with a hint, {interrupted} interrupted and brought to an \
         end, {done} got over, {missed} did not come to pass",
        cases.len()
    );
    report.note = notes.join(", ");
    report
}

/// What is to be true of `round` after a child that something was done to.
fn judge(round: &Round, output: &Output) -> Result<End, String> {
    let text = String::from_utf8_lossy(&output.stdout);
    let said = text.lines().find(|line| line.starts_with("error:")).unwrap_or_default().to_owned();
    // What could not be cleared away is cleared away by the next call: folders that were made, and files beside others.
    let files = |tree: &Snapshot| -> Snapshot {
        let ours = |path: &str| path.rsplit('/').next().is_some_and(|name| name.starts_with(".deepcoder-"));
        tree.iter()
            .filter(|(path, entry)| entry.is_some() && !ours(path))
            .map(|(p, e)| (p.clone(), e.clone()))
            .collect()
    };
    let now = files(&snapshot(&round.act.repo));
    let (before, after) = (files(&round.scene.before), files(&round.scene.after));
    let end = match output.status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(0) if now == after => End::Done,
        Some(0) => return Err("was said to be done, and is not".into()),
        Some(FAILED) if now != before => return Err(format!("failed and changed the tree: {said}")),
        Some(NO_HINT) => return Err(format!("no hint: {said}")),
        Some(FAILED) => End::Refused,
        Some(INTERRUPTED) => End::Interrupted,
        _ => {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{}: {}", output.status, stderr.trim()));
        }
    };
    round.settle(matches!(end, End::Done)).map_err(|lost| format!("{said}: {lost}"))?;
    Ok(end)
}
