//! Results: one task, and the sum.

use deepcoder_types::{CheckKind, CheckOutcome, CheckReport, Evidence, FinishReason, Usage};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The result of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The test passed.
    Passed,
    /// The test failed.
    Failed,
    /// The test did not end in time.
    TimedOut,
    /// There was no answer to test: the request did not fit, or the edit was refused.
    NoAnswer,
}

/// One task's result: a line in the file of results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The run that it belongs to: benchmark, model and settings.
    pub run: String,
    /// The task.
    pub task_id: String,
    /// Its result.
    pub verdict: Verdict,
    /// Why it failed, in one line. Empty when it passed.
    pub detail: String,
    /// The text that was tested.
    pub answer: String,
    /// Why the generation ended, where there was one.
    pub finish: Option<FinishReason>,
    /// Tokens of the generation.
    pub usage: Usage,
    /// Seconds until the answer was there.
    pub seconds: f64,
    /// Whether the test ran under all walls of the sandbox; true as well where no program ran.
    pub confined: bool,
    /// What only edits have.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<EditRecord>,
}

/// How much of a repository an instruction is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One place, and little freedom.
    Narrow,
    /// New behaviour.
    Broad,
}

/// What `--yes` does with a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It is applied, or a part of it.
    Applied,
    /// It waits for a person.
    Review,
    /// It is refused: by the checks, or by an error.
    Refused,
    /// There is nothing to change.
    Unchanged,
}

/// The part of a [`Record`] that only edits have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EditRecord {
    /// What `--yes` does with the result.
    pub decision: Decision,
    /// Whether the result passes the task's test.
    pub right: bool,
    /// Why it is applied, waits or is refused.
    pub reason: String,
    /// How much the task is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Whether the repository has tests of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tests: bool,
    /// What the decision rests on.
    #[serde(default)]
    pub evidence: Evidence,
    /// The changed files; null for a deleted one. Bytes that are not UTF-8 are replaced.
    #[serde(default)]
    pub files: BTreeMap<String, Option<String>>,
}

impl EditRecord {
    /// Whether tests of the project are known to run the change: they do, or they fail with it.
    #[must_use]
    pub fn is_reached_by_tests(&self) -> bool {
        let reaches = |report: &CheckReport| {
            report.kind == CheckKind::Test
                && match report.outcome {
                    CheckOutcome::Passed => report.reaches,
                    CheckOutcome::Failed => true,
                    CheckOutcome::NotRun(_) | CheckOutcome::Unknown => false,
                }
        };
        self.evidence.checks.iter().any(reaches)
    }
}

/// The score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The run: benchmark, model and settings.
    pub run: String,
    /// Tasks that count.
    pub total: usize,
    /// Tasks that passed.
    pub passed: usize,
    /// Tasks whose test failed.
    pub failed: usize,
    /// Tasks whose test did not end in time.
    pub timed_out: usize,
    /// Tasks without an answer to test.
    pub no_answer: usize,
    /// `passed / total`, in percent.
    pub pass_at_1: f64,
    /// One standard error of it, in points: `100 · sqrt(p (1 − p) / total)`.
    pub standard_error: f64,
    /// Tokens produced.
    pub completion_tokens: u64,
    /// Seconds spent on answers.
    pub seconds: f64,
    /// Whether every test ran under all walls of the sandbox.
    pub confined: bool,
    /// The tasks that did not pass.
    pub not_passed: Vec<String>,
}

impl Report {
    /// The score of `records`.
    #[must_use]
    pub fn of(run: &str, records: &[Record]) -> Self {
        let count = |verdict| records.iter().filter(|r| r.verdict == verdict).count();
        let (total, passed) = (records.len(), count(Verdict::Passed));
        let rate = if total == 0 { 0.0 } else { passed as f64 / total as f64 };
        let error = if total == 0 { 0.0 } else { (rate * (1.0 - rate) / total as f64).sqrt() };
        Self {
            run: run.to_owned(),
            total,
            passed,
            failed: count(Verdict::Failed),
            timed_out: count(Verdict::TimedOut),
            no_answer: count(Verdict::NoAnswer),
            pass_at_1: 100.0 * rate,
            standard_error: 100.0 * error,
            completion_tokens: records.iter().map(|r| u64::from(r.usage.completion_tokens)).sum(),
            seconds: records.iter().map(|r| r.seconds).sum(),
            confined: records.iter().all(|r| r.confined),
            not_passed: records.iter().filter(|r| r.verdict != Verdict::Passed).map(|r| r.task_id.clone()).collect(),
        }
    }
}
