//! HumanEval: write a Python function from its signature and docstring (Chen et al. 2021), asked the way EvalPlus asks
//! chat models (Liu et al. 2023): a request, the question in a fence, greedy, and the code taken from the answer.

use crate::code::{extract, is_settled};
use crate::harness::{Harness, Test};
use crate::runner::{Answer, NoAnswer, Suite};
use crate::{EvalError, Progress, Report, RunOptions, data};
use deepcoder_types::{Cancel, FinishReason, GenerateRequest, LanguageModel, Message, Prompt};
use serde::Deserialize;
use std::path::Path;

/// The most tokens of an answer.
pub const MAX_TOKENS: u32 = 640;

const REQUEST: &str =
    "Please provide a self-contained Python script that solves the following problem in a markdown code block:";

/// One function to write.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Task {
    /// `HumanEval/N`.
    pub task_id: String,
    /// Imports, helpers, the signature and the docstring.
    pub prompt: String,
    /// The name of the function.
    pub entry_point: String,
    /// Defines `check(candidate)`.
    pub test: String,
    /// The body that the authors wrote: continues the prompt.
    pub canonical_solution: String,
}

/// Read the benchmark's file, plain or gzipped.
pub fn load(path: &Path) -> Result<Vec<Task>, EvalError> {
    data::load(path)
}

/// The prompt for the model.
#[must_use]
pub fn question(task: &Task) -> String {
    format!("{REQUEST}\n```python\n{}\n```\n", task.prompt.trim())
}

/// Ask `model` for each task and test its answer.
pub fn run(
    model: &dyn LanguageModel,
    tasks: &[Task],
    harness: &Harness,
    options: &RunOptions,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Report, EvalError> {
    let info = model.info();
    Suite {
        run: format!("humaneval {} {} chat greedy {MAX_TOKENS}", info.name, info.fingerprint),
        tasks,
        id: |task| &task.task_id,
        answer: &|task: &Task| answer(model, task, cancel),
        judge: &|task, record| harness.judge(&test_of(task, &record.answer), cancel),
    }
    .run(options, cancel, progress)
}

/// The task's test of the `code` of an answer.
pub(crate) fn test_of<'a>(task: &'a Task, code: &'a str) -> Test<'a> {
    Test::Function { prompt: &task.prompt, code, entry: &task.entry_point, test: &task.test }
}

fn answer(model: &dyn LanguageModel, task: &Task, cancel: &Cancel) -> Result<Answer, NoAnswer> {
    let prompt = Prompt::Chat { messages: vec![Message::user(question(task))], prefill: String::new() };
    let request = GenerateRequest::greedy(prompt, MAX_TOKENS);
    // Small models explain the code for as long as they may. The tested code is complete when its block is closed, so
    // the generation is ended there; that changes the time, never the score.
    let stop = Cancel::new();
    let (mut said, mut settled) = (String::new(), false);
    let generation = model.generate(&request, &stop, &mut |token| {
        said.push_str(&token.text);
        if token.text.contains('\n') && is_settled(&said, &task.entry_point) {
            settled = true;
        }
        if settled || cancel.is_cancelled() {
            stop.cancel();
        }
    })?;
    if cancel.is_cancelled() {
        return Err(NoAnswer::Cancelled);
    }
    let finish = if settled { FinishReason::Stop } else { generation.finish };
    let code = extract(&generation.text, &task.entry_point).to_owned();
    Ok(Answer { text: code, finish: Some(finish), usage: generation.usage, edit: None })
}
