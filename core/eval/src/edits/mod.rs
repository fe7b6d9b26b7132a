//! Instructed edits: a tree of files and an instruction go in, and the result is judged together with the decision that
//! deepcoder made about it.
//!
//! EditEval's format, HumanEvalFix and QuixBugs are read as they are ([`load`]); a directory of repositories is read by
//! [`folder`].

pub mod choice;
mod folder;
mod judge;
mod lines;
mod report;
#[cfg(test)]
mod tests;

pub use crate::harness::Files;
pub use crate::record::{Decision, EditRecord, Kind};
pub use choice::{ChoiceReport, Question as ChoiceQuestion};
pub use folder::questions;
pub use judge::Judge;
pub use report::{Counts, EditReport, Kinds, Point, Share};

use crate::harness::Harness;
use crate::runner::{Answer, NoAnswer, Suite};
use crate::{EvalError, Progress, RunOptions};
use deepcoder_types::{Cancel, Evidence, GenerateError, RepoPath, Usage};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

/// One edit to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Its name, unique in the data.
    pub id: String,
    /// The words of the user.
    pub instruction: String,
    /// The files before the edit.
    pub files: Files,
    /// The files that the user names; none where the program is to find them.
    pub targets: Vec<RepoPath>,
    /// The files that a right answer changes; empty where the data does not say.
    pub expected: Vec<RepoPath>,
    /// How much it is about, where the data says so.
    pub kind: Option<Kind>,
    /// Whether the repository has tests of its own.
    pub tests: bool,
    /// Decides whether a result is right.
    pub judge: Judge,
    /// A right answer: changed files, `None` for a deleted one.
    pub reference: Option<Changes>,
}

/// Changed files: the new bytes, `None` for a deleted file.
pub type Changes = BTreeMap<RepoPath, Option<Vec<u8>>>;

impl Task {
    /// The files with `changes` in place.
    #[must_use]
    pub fn after(&self, changes: &Changes) -> Files {
        let mut files = self.files.clone();
        for (path, bytes) in changes {
            match bytes {
                Some(bytes) => _ = files.insert(path.clone(), bytes.clone()),
                None => _ = files.remove(path),
            }
        }
        files
    }
}

/// What the edit sees of a task: nothing of its judge and of its reference.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Names the task.
    pub task_id: &'a str,
    /// The instruction.
    pub instruction: &'a str,
    /// The files. A benchmark's file may be a part of a class, indented as there, and have no final newline.
    pub files: &'a Files,
    /// The files that the user names.
    pub targets: &'a [RepoPath],
}

/// The result of an edit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Edited {
    /// What `--yes` does with it; `None` where the edit failed with an error.
    pub decision: Option<Decision>,
    /// Why, in one line.
    pub reason: String,
    /// The changed files: of what is applied, or else of what is proposed.
    pub changes: Changes,
    /// What the decision rests on.
    pub evidence: Evidence,
    /// Tokens used.
    pub usage: Usage,
}

/// Read tasks: JSON lines, plain or gzipped, of one of the known formats, or a directory of repositories.
pub fn load(path: &Path) -> Result<Vec<Task>, EvalError> {
    if path.is_dir() { folder::load(path) } else { lines::load(path) }
}

/// Makes an edit. An error is one that every task would have.
pub type Edit<'a> = dyn Fn(Question<'_>) -> Result<Edited, GenerateError> + Sync + 'a;

/// Have `edit` make each edit, and judge it. `name` names whatever makes the edits (model, effort, version), so that
/// results are not mixed.
pub fn run(
    name: &str,
    edit: &Edit<'_>,
    tasks: &[Task],
    harness: &Harness,
    options: &RunOptions,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<EditReport, EvalError> {
    for task in tasks.iter().filter(|task| options.selects(&task.id)) {
        task.judge.ready(&task.id, harness)?;
    }
    let answer = |task: &Task| {
        let question =
            Question { task_id: &task.id, instruction: &task.instruction, files: &task.files, targets: &task.targets };
        let edited = edit(question);
        if cancel.is_cancelled() {
            return Err(NoAnswer::Cancelled);
        }
        let Edited { decision, reason, changes, evidence, usage } = edited.map_err(NoAnswer::Ever)?;
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        let files: BTreeMap<_, _> =
            changes.iter().map(|(path, bytes)| (path.to_string(), bytes.as_ref().map(text))).collect();
        let (decision, kind) = (decision.unwrap_or(Decision::Refused), task.kind);
        let edit = EditRecord { decision, right: false, reason, kind, tests: task.tests, evidence, files };
        Ok(Answer { text: String::new(), finish: None, usage, edit: Some(edit) })
    };
    let started = Instant::now();
    let (run, records) = Suite {
        run: format!("edits {name}"),
        tasks,
        id: |task| &task.id,
        answer: &answer,
        judge: &|task, record| {
            let mut changes = Changes::new();
            for (path, text) in record.edit.iter().flat_map(|edit| &edit.files) {
                if let Ok(path) = RepoPath::new(path) {
                    changes.insert(path, text.as_ref().map(|text| text.clone().into_bytes()));
                }
            }
            task.judge.judge(task, &changes, harness, cancel)
        },
    }
    .records(options, cancel, progress)?;
    Ok(EditReport::of(&run, &records, started.elapsed().as_secs_f64()))
}
