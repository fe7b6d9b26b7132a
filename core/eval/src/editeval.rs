//! EditEval: short instructed edits of Python code, 194 tasks (Hu et al. 2023). The edited code is put where the task's
//! context says, and `check()` is run.

use crate::harness::{Harness, Test};
use crate::runner::{Answer, NoAnswer, Suite};
use crate::{EvalError, Progress, Report, RunOptions, data};
use deepcoder_types::{Cancel, Usage};
use serde::Deserialize;
use std::path::Path;

const HOLE: &str = "{{Code}}";

/// One edit to make.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Task {
    /// `EditEval/N`.
    pub task_id: String,
    /// The instruction.
    pub instruction: String,
    /// The program that the code belongs into, with `{{Code}}` in its place; empty where the code is the program.
    #[serde(default)]
    pub context: String,
    /// The code to edit.
    pub input: String,
    /// The edit that the authors made.
    pub output: String,
    /// Defines `check()`.
    pub test: String,
}

impl Task {
    /// The whole program, with `code` in its place.
    #[must_use]
    pub fn program(&self, code: &str) -> String {
        if self.context.contains(HOLE) {
            self.context.replace(HOLE, code)
        } else if self.context.is_empty() {
            code.to_owned()
        } else {
            format!("{}\n{code}", self.context)
        }
    }
}

/// The input of an edit: the instruction and the code, and nothing of the context or the test.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Names the task.
    pub task_id: &'a str,
    /// The instruction.
    pub instruction: &'a str,
    /// The file's text. It may be a part of a class or a call, indented as there, and have no final newline.
    pub code: &'a str,
}

/// The result of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The file's new text.
    pub code: String,
    /// Tokens used.
    pub usage: Usage,
}

/// Read the benchmark's file, plain or gzipped.
pub fn load(path: &Path) -> Result<Vec<Task>, EvalError> {
    data::load(path)
}

/// Have `edit` make each edit, and test it. `name` names whatever makes the edits (model, format, version), so that
/// results are not mixed. An `Err` of `edit` is a task without an answer; it says why.
pub fn run(
    name: &str,
    edit: &(dyn Fn(Question<'_>) -> Result<Edited, String> + Sync),
    tasks: &[Task],
    harness: &Harness,
    options: &RunOptions,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Report, EvalError> {
    let answer = |task: &Task| {
        let question = Question { task_id: &task.task_id, instruction: &task.instruction, code: &task.input };
        let outcome = edit(question);
        if cancel.is_cancelled() {
            return Err(NoAnswer::Cancelled);
        }
        let Edited { code, usage } = outcome.map_err(NoAnswer::Here)?;
        Ok(Answer { text: code, finish: None, usage })
    };
    Suite {
        run: format!("editeval {name}"),
        tasks,
        id: |task| &task.task_id,
        answer: &answer,
        judge: &|task, code| {
            let program = task.program(code);
            harness.judge(&Test::Program { program: &program, test: &task.test, call: "check()" }, cancel)
        },
    }
    .run(options, cancel, progress)
}
