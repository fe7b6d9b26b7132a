//! Fixes without a model, scored on cases out of the test suites of clippy, rust-analyzer and TypeScript.
//!
//! A case is a tree, the finding (what the tool prints, the name of its action, or the name of its diagnostic with a
//! place), and the tree after the tool's own fix. The number that must be zero is [`Row::wrong_and_applied`]: answers that
//! claim to be exact and are not what the tool does.

mod report;

pub use report::{Report, Row};

use crate::EvalError;
use crate::refactor::{Answer, Case, Grade, grade};
use deepcoder_plugin_fix::{Finding, Fix, Fixed, act, read, repair};
use deepcoder_resolve::{Files, Memory};
use deepcoder_types::{RepoPath, TextRange};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// One case's result: a line in the file of results.
#[derive(Debug, Clone, Serialize)]
pub struct CaseRecord {
    /// The case.
    pub id: String,
    /// The language.
    pub language: String,
    /// The kind of finding: the lints, the action or the diagnostic.
    pub kind: String,
    /// Why the tool refuses; `None` where it changes something.
    pub refuse: Option<String>,
    /// The answer.
    pub answer: Answer,
    /// How near it is to the tool's; `None` where there is none of either.
    pub grade: Option<Grade>,
    /// Findings in the text, fixes among the edits, fixes that are left out.
    pub counts: [usize; 3],
    /// Why it waits for a person.
    pub doubts: Vec<String>,
    /// The files that the answer changes.
    pub after: BTreeMap<String, String>,
}

impl CaseRecord {
    /// Whether the answer claims to be exact and is not, or should have been a refusal.
    #[must_use]
    pub fn wrong_and_applied(&self) -> bool {
        self.answer == Answer::Safe && (self.refuse.is_some() || self.grade == Some(Grade::Wrong))
    }
}

/// Run every case of the files.
pub fn evaluate(data: &[PathBuf], each: &mut dyn FnMut(&CaseRecord)) -> Result<Report, EvalError> {
    let mut report = Report::default();
    for path in data {
        let cases: Vec<Case> = crate::data::load(path)?;
        for case in cases.iter().filter(|case| case.operation == "fix") {
            let record = judge(case);
            report.add(&record);
            each(&record);
        }
    }
    if report.kinds.is_empty() { Err(EvalError::NoTasks) } else { Ok(report) }
}

fn text<'c>(case: &'c Case, name: &str) -> Option<&'c str> {
    let value = case.params.get(name)?;
    value.as_str().or_else(|| value.get(0)?.as_str())
}

/// The kind of a case's finding.
fn kind(case: &Case) -> String {
    let lints = case.params.get("lints").and_then(serde_json::Value::as_array);
    let lint = lints.and_then(|lints| lints.iter().filter_map(|lint| lint.as_str()).max_by_key(|lint| lint.len()));
    if let Some(lint) = lint {
        return format!("clippy {lint}");
    }
    let name = text(case, "diagnostic").or_else(|| text(case, "fixId")).or_else(|| text(case, "description"));
    let name = name.unwrap_or_default().trim_start_matches("ts.Diagnostics.").trim_end_matches(".message");
    let mut kind = String::new();
    let mut quoted = None;
    for c in name.chars() {
        match quoted {
            Some(quote) if c == quote => quoted = None,
            Some(_) => continue,
            None if matches!(c, '\'' | '"' | '`') => quoted = Some(c),
            None => kind.push(c),
        }
    }
    kind.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The fixes that a case asks for, and how many findings they answer.
fn fixes(case: &Case, files: &Memory) -> (usize, Vec<Fix>) {
    let Some(file) = case.at.as_ref().and_then(|at| at.file.clone()) else { return (0, Vec::new()) };
    if let Some(printed) = text(case, "diagnostics") {
        let found: Vec<Finding> = read(&local(printed, &file), files);
        return (found.len(), found.iter().filter_map(|finding| repair(files, finding)).collect());
    }
    let place = case.at.as_ref().and_then(|at| Some(TextRange::new(at.start?, at.end.or(at.start)?)));
    let wish = |name: &str| {
        let arguments = case.params.get("description").and_then(serde_json::Value::as_array);
        let arguments = arguments.into_iter().flatten().skip(1).filter_map(|a| a.as_str().map(str::to_owned));
        deepcoder_plugin_fix::Wish::new(name, arguments.collect(), file.clone(), place)
    };
    let wish = if let Some(id) = text(case, "fixId") {
        wish(id).everywhere()
    } else {
        wish(text(case, "description").or_else(|| text(case, "diagnostic")).unwrap_or_default())
    };
    let fixes = act(files, &wish);
    (1, fixes)
}

/// The text of a tool with the name that the file has in the case.
fn local(printed: &str, file: &RepoPath) -> String {
    let line = |line: &str| match line.split_once("--> ") {
        Some((head, place)) if place.starts_with("tests/") => match place.split_once(".rs:") {
            Some((_, position)) => format!("{head}--> {file}:{position}\n"),
            None => format!("{line}\n"),
        },
        _ => format!("{line}\n"),
    };
    printed.lines().map(line).collect()
}

fn judge(case: &Case) -> CaseRecord {
    let files = Memory::new(case.before.clone());
    let (found, fixes) = fixes(case, &files);
    let fixed = Fixed::new(&files, fixes);
    let mut record = CaseRecord {
        id: case.id.clone(),
        language: case.language.clone(),
        kind: kind(case),
        refuse: case.refuse.clone(),
        answer: Answer::Refused,
        grade: None,
        counts: [found, fixed.applied, fixed.left],
        doubts: fixed.doubts.clone(),
        after: fixed.after.iter().map(|(path, text)| (path.to_string(), text.clone())).collect(),
    };
    let mut tree = case.before.clone();
    let changes = fixed.after.iter().any(|(path, text)| files.text(path).is_none_or(|old| *old != **text));
    if changes {
        // A tool mends all of its findings: where some are left, the answer is another one.
        let whole = fixed.doubts.is_empty() && fixed.left == 0 && (found <= 1 || fixed.applied >= found);
        record.answer = if whole { Answer::Safe } else { Answer::NeedsReview };
        tree.extend(fixed.after.into_iter().map(|(path, text)| (path, Arc::from(text))));
    }
    record.grade = case.after.as_ref().and_then(|expected| match changes {
        false => (*expected == case.before).then_some(Grade::Exact),
        true => Some(grade(&case.before, &tree, expected, false)),
    });
    record
}
