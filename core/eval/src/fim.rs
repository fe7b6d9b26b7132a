//! Infilling: one line, by exact match (the SantaCoder FIM task, Allal et al. 2023: Python, Java, JavaScript), and
//! HumanEval-Infilling, by running the result (Bavarian et al. 2022).

use crate::harness::{Harness, Judgement, Test};
use crate::runner::{Answer, NoAnswer, Suite};
use crate::{EvalError, Progress, Report, RunOptions, Verdict, data};
use deepcoder_types::{Cancel, GenerateRequest, LanguageModel, Prompt};
use serde::Deserialize;
use std::path::Path;

/// One line to fill in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LineTask {
    /// Names the language, the problem and the line.
    pub name: String,
    /// `py`, `java` or `js`.
    pub language: String,
    /// All lines above, without the last line's end.
    pub prompt: String,
    /// All lines below.
    pub suffix: String,
    /// The line.
    pub canonical_solution: String,
}

/// A span to fill in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SpanTask {
    /// Names the kind, the problem and the span.
    pub task_id: String,
    /// The function to test.
    pub entry_point: String,
    /// The text before the span.
    pub prompt: String,
    /// The text after it.
    pub suffix: String,
    /// The span.
    pub canonical_solution: String,
    /// Defines `check(candidate)`.
    pub test: String,
}

impl SpanTask {
    fn is_line(&self) -> bool {
        self.task_id.starts_with("SingleLine")
    }
}

/// Read the lines, plain or gzipped. The data repeats its names in each language, so the language is put before them.
pub fn load_lines(path: &Path) -> Result<Vec<LineTask>, EvalError> {
    let mut tasks: Vec<LineTask> = data::load(path)?;
    for task in &mut tasks {
        task.name = format!("{}/{}", task.language, task.name);
    }
    Ok(tasks)
}

/// Read the spans, plain or gzipped.
pub fn load_spans(path: &Path) -> Result<Vec<SpanTask>, EvalError> {
    data::load(path)
}

/// Have `model` fill in each line. A line counts when it is the original one but for white space around it.
pub fn run_lines(
    model: &dyn LanguageModel,
    tasks: &[LineTask],
    options: &RunOptions,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Report, EvalError> {
    let info = model.info();
    Suite {
        run: format!("fim-lines {} {} greedy", info.name, info.fingerprint),
        tasks,
        id: |task| &task.name,
        // The data lacks the line ends around the hole; an editor's text has them.
        answer: &|task: &LineTask| {
            fill(model, format!("{}\n", task.prompt), format!("\n{}", task.suffix), true, cancel)
        },
        judge: &|task, record| {
            let text = &record.answer;
            let same = text.trim() == task.canonical_solution.trim();
            let detail = if same { String::new() } else { format!("expected `{}`", task.canonical_solution.trim()) };
            Ok(Judgement { verdict: if same { Verdict::Passed } else { Verdict::Failed }, detail, confined: true })
        },
    }
    .run(options, cancel, progress)
}

/// Have `model` fill in each span and run the function's test.
pub fn run_spans(
    model: &dyn LanguageModel,
    tasks: &[SpanTask],
    harness: &Harness,
    options: &RunOptions,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Report, EvalError> {
    let info = model.info();
    Suite {
        run: format!("humaneval-infilling {} {} greedy", info.name, info.fingerprint),
        tasks,
        id: |task| &task.task_id,
        answer: &|task: &SpanTask| {
            let (prefix, suffix) = (task.prompt.clone(), task.suffix.clone());
            if !task.is_line() {
                return fill(model, prefix, suffix, false, cancel);
            }
            // The hole of a line ends with its line end.
            let mut answer = fill(model, prefix, format!("\n{suffix}"), true, cancel)?;
            answer.text.push('\n');
            Ok(answer)
        },
        judge: &|task, record| {
            let text = &record.answer;
            let program = format!("{}{text}{}", task.prompt, task.suffix);
            let call = format!("check({})", task.entry_point);
            harness.judge(&Test::Program { program: &program, test: &task.test, call: &call }, cancel)
        },
    }
    .run(options, cancel, progress)
}

fn fill(
    model: &dyn LanguageModel,
    prefix: String,
    suffix: String,
    one_line: bool,
    cancel: &Cancel,
) -> Result<Answer, NoAnswer> {
    let (max_tokens, stop) = if one_line { (96, vec!["\n".to_owned()]) } else { (256, Vec::new()) };
    let mut request = GenerateRequest::greedy(Prompt::Fill { prefix, suffix }, max_tokens);
    request.stop = stop;
    let generation = model.generate(&request, cancel, &mut |_| {})?;
    if cancel.is_cancelled() {
        return Err(NoAnswer::Cancelled);
    }
    Ok(Answer { text: generation.text, finish: Some(generation.finish), usage: generation.usage, edit: None })
}
