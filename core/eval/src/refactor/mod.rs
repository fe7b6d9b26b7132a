//! Refactorings, scored on cases out of other tools' test suites.
//!
//! A case is a tree, an operation, and the tree after it or a refusal. The operation runs on files in memory. A tool places
//! a new function by its own taste and names it by its own rules, so that a result has one of three grades of right. The
//! number that must be zero is [`Row::false_safe`]: answers that claim to be exact and are wrong, or that should
//! have been refused.

mod case;
mod report;
mod score;
#[cfg(test)]
mod tests;
mod wish;

pub use report::{Report, Row};
pub use score::Grade;
pub(crate) use score::grade;

use crate::EvalError;
pub(crate) use case::Case;
use case::Texts;
use deepcoder_plugin_refactor::{Changes, Verdict, run};
use deepcoder_resolve::{Memory, Project};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wish::Wish;

/// The answer to a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// No operation does this.
    NotSupported,
    /// Nothing is changed.
    Refused,
    /// Changes that wait for a person.
    NeedsReview,
    /// Changes that claim to be exact.
    Safe,
}

/// One case's result: a line in the file of results.
#[derive(Debug, Clone, Serialize)]
pub struct CaseRecord {
    /// The data file, without its endings.
    pub tool: String,
    /// The case.
    pub id: String,
    /// The operation.
    pub operation: String,
    /// The tool's own name of it.
    pub tool_operation: Option<String>,
    /// The language.
    pub language: String,
    /// Whether replacing the word everywhere is right.
    pub floor: Option<bool>,
    /// Why the tool refuses; `None` where it changes something.
    pub refuse: Option<String>,
    /// The answer.
    pub answer: Answer,
    /// How near it is to the expected result; `None` where there is none of either.
    pub grade: Option<Grade>,
    /// The refusal, the doubts, or why it is not supported.
    pub reasons: Vec<String>,
    /// What was asked for.
    asked: Wish,
    /// The files that the answer changes.
    pub after: BTreeMap<String, String>,
}

impl CaseRecord {
    /// Whether the answer claims to be exact and is not, or should have been a refusal.
    #[must_use]
    pub fn false_safe(&self) -> bool {
        self.answer == Answer::Safe && (self.refuse.is_some() || self.grade == Some(Grade::Wrong))
    }
}

/// Run every case of the files whose operation is among `operations`, or all where these are none.
pub fn evaluate(
    data: &[PathBuf],
    operations: &[String],
    each: &mut dyn FnMut(&CaseRecord),
) -> Result<Report, EvalError> {
    let mut report = Report::default();
    for path in data {
        let tool = tool_of(path);
        let cases: Vec<Case> = crate::data::load(path)?;
        for case in cases.iter().filter(|c| operations.is_empty() || operations.contains(&c.operation)) {
            let record = judge(&tool, case);
            report.add(&record);
            each(&record);
        }
    }
    if report.rows.is_empty() { Err(EvalError::NoTasks) } else { Ok(report) }
}

fn tool_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').next().unwrap_or_default().to_owned()
}

fn judge(tool: &str, case: &Case) -> CaseRecord {
    let asked = Wish::of(case);
    let mut record = CaseRecord {
        tool: tool.to_owned(),
        id: case.id.clone(),
        operation: case.operation.clone(),
        tool_operation: case.tool_operation.clone(),
        language: case.language.clone(),
        floor: case.floor,
        refuse: case.refuse.clone(),
        answer: Answer::NotSupported,
        grade: None,
        reasons: asked.beyond.iter().map(ToString::to_string).collect(),
        asked,
        after: BTreeMap::new(),
    };
    let Some(request) = record.asked.request() else { return record };
    let files = Memory::new(case.before.clone());
    let project = Project::new(&files);
    let result = run(&project, &request).and_then(|changes| {
        let after = changes.apply(&files).map_err(|error| deepcoder_plugin_refactor::Refusal::of(&error))?;
        Ok((changes, after))
    });
    let mut tree = case.before.clone();
    match result {
        Err(refusal) => {
            record.answer = Answer::Refused;
            record.reasons = vec![refusal.to_string()];
        }
        Ok((changes, _)) if changes.is_empty() => {
            record.answer = Answer::Refused;
            record.reasons = vec!["nothing changes".to_owned()];
        }
        Ok((changes, after)) => {
            record.answer = if changes.verdict() == Verdict::Safe { Answer::Safe } else { Answer::NeedsReview };
            record.reasons = doubts(&changes);
            for (from, _) in &changes.renamed {
                tree.remove(from);
            }
            record.after = after.iter().map(|(path, text)| (path.to_string(), text.clone())).collect();
            tree.extend(after.into_iter().map(|(path, text)| (path, Arc::from(text))));
        }
    }
    record.grade = case.after.as_ref().and_then(|expected| graded(record.answer, case, &tree, expected));
    record
}

/// The grade of an answer; a refusal is right where nothing was to change.
fn graded(answer: Answer, case: &Case, tree: &Texts, expected: &Texts) -> Option<Grade> {
    let new = case.operation.starts_with("extract-");
    match answer {
        Answer::Refused => (*expected == case.before).then_some(Grade::Exact),
        _ => Some(score::grade(&case.before, tree, expected, new)),
    }
}

fn doubts(changes: &Changes) -> Vec<String> {
    changes.doubts.iter().map(|doubt| format!("{}:{}: {}", doubt.place.path, doubt.place.at.start, doubt.why)).collect()
}
