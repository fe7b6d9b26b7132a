//! The sum of the results of edits.

use super::{Decision, EditRecord, Kind};
use crate::Record;
use serde::Serialize;

/// A share with one standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// In `0..=1`; 0 of nothing is 0.
    pub share: f64,
    /// `sqrt(p (1 − p) / n)`.
    pub standard_error: f64,
}

impl Share {
    /// `part` of `of`.
    #[must_use]
    pub fn of(part: usize, of: usize) -> Self {
        let share = if of == 0 { 0.0 } else { part as f64 / of as f64 };
        let standard_error = if of == 0 { 0.0 } else { (share * (1.0 - share) / of as f64).sqrt() };
        Self { share, standard_error }
    }
}

/// What would be applied if only results were that are likely enough to be right.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// The least `likely_right`.
    pub threshold: f64,
    /// Results that reach it.
    pub applied: usize,
    /// Of these, how many are right.
    pub right: usize,
    /// `applied` of all tasks.
    pub share_applied: Share,
    /// `right` of `applied`.
    pub share_right: Share,
}

/// The results of a group of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Tasks.
    pub total: usize,
    /// Applied, and the test passes.
    pub right_and_applied: usize,
    /// Applied, and the test fails.
    pub wrong_and_applied: usize,
    /// Waits for a person, and the test passes.
    pub review_right: usize,
    /// Waits for a person, and the test fails.
    pub review_wrong: usize,
    /// Refused by the checks or by an error, or nothing to change.
    pub refused: usize,
}

impl Counts {
    fn of<'r>(records: impl Iterator<Item = &'r EditRecord>) -> Self {
        let mut counts = Self::default();
        for record in records {
            counts.total += 1;
            *match (record.decision, record.right) {
                (Decision::Applied, true) => &mut counts.right_and_applied,
                (Decision::Applied, false) => &mut counts.wrong_and_applied,
                (Decision::Review, true) => &mut counts.review_right,
                (Decision::Review, false) => &mut counts.review_wrong,
                (Decision::Refused | Decision::Unchanged, _) => &mut counts.refused,
            } += 1;
        }
        counts
    }

    /// Tasks whose result is applied.
    #[must_use]
    pub const fn applied(&self) -> usize {
        self.right_and_applied + self.wrong_and_applied
    }
}

/// The results by group, where the data has groups.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Kinds {
    /// Narrow tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub narrow: Option<Counts>,
    /// Broad tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broad: Option<Counts>,
    /// Tasks in repositories with tests of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tested_repository: Option<Counts>,
    /// Tasks whose change the project's tests are known to run, or break on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with_tests: Option<Counts>,
}

/// The result of a benchmark of edits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EditReport {
    /// The run: benchmark, model and settings.
    pub run: String,
    /// How many tasks came to what.
    #[serde(flatten)]
    pub counts: Counts,
    /// Of the refused ones, those where nothing was to change.
    pub refused_unchanged: usize,
    /// Of the refused ones, those whose proposal passes the test.
    pub refused_right: usize,
    /// Right, whether applied or proposed.
    pub right_total: usize,
    /// The counts as shares of all tasks.
    pub shares: Shares,
    /// Wrong ones among those that are applied.
    pub wrong_share_of_applied: Share,
    /// The same where the project's tests reach the change.
    pub wrong_share_of_applied_with_tests: Share,
    /// Seconds of a task, from its start to its result, with as many others at the same time as were asked for.
    pub median_seconds: f64,
    /// Their mean.
    pub mean_seconds: f64,
    /// Seconds of the whole run, without results from an earlier one.
    pub wall_seconds: f64,
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub completion_tokens: u64,
    /// The share that is right among the applied ones against the share that is applied. Empty without evidence.
    pub curve: Vec<Point>,
    /// The results by group.
    pub kinds: Kinds,
    /// Whether every test ran under all walls of the sandbox.
    pub confined: bool,
    /// The tasks that were applied and are wrong.
    pub wrong: Vec<String>,
}

/// Shares of all tasks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Shares {
    /// Right and applied.
    pub right_and_applied: Share,
    /// Wrong and applied.
    pub wrong_and_applied: Share,
    /// Waits for a person, right.
    pub review_right: Share,
    /// Waits for a person, wrong.
    pub review_wrong: Share,
    /// Refused, or nothing to change.
    pub refused: Share,
    /// Right, whether applied or proposed.
    pub right_total: Share,
}

impl EditReport {
    /// The sum of `records`, those of a run of edits.
    #[must_use]
    pub fn of(run: &str, records: &[Record], wall_seconds: f64) -> Self {
        let edits = || records.iter().filter_map(|record| record.edit.as_ref());
        let counts = Counts::of(edits());
        let share = |part| Share::of(part, counts.total);
        let right_total = counts.right_and_applied + counts.review_right;
        let group = |chosen: &dyn Fn(&EditRecord) -> bool| {
            Some(Counts::of(edits().filter(|edit| chosen(edit)))).filter(|counts| counts.total > 0)
        };
        let with_tests = group(&|edit| edit.is_reached_by_tests());
        let reached = with_tests.unwrap_or_default();
        let mut seconds: Vec<f64> = records.iter().map(|record| record.seconds).collect();
        seconds.sort_by(f64::total_cmp);
        let is_wrong = |record: &&Record| {
            record.edit.as_ref().is_some_and(|edit| edit.decision == Decision::Applied && !edit.right)
        };
        Self {
            run: run.to_owned(),
            counts,
            refused_unchanged: edits().filter(|edit| edit.decision == Decision::Unchanged).count(),
            refused_right: edits().filter(|edit| edit.decision == Decision::Refused && edit.right).count(),
            right_total,
            shares: Shares {
                right_and_applied: share(counts.right_and_applied),
                wrong_and_applied: share(counts.wrong_and_applied),
                review_right: share(counts.review_right),
                review_wrong: share(counts.review_wrong),
                refused: share(counts.refused),
                right_total: share(right_total),
            },
            wrong_share_of_applied: Share::of(counts.wrong_and_applied, counts.applied()),
            wrong_share_of_applied_with_tests: Share::of(reached.wrong_and_applied, reached.applied()),
            median_seconds: median(&seconds),
            mean_seconds: seconds.iter().sum::<f64>() / (seconds.len().max(1) as f64),
            wall_seconds,
            prompt_tokens: records.iter().map(|r| u64::from(r.usage.prompt_tokens)).sum(),
            completion_tokens: records.iter().map(|r| u64::from(r.usage.completion_tokens)).sum(),
            curve: curve(edits(), counts.total),
            kinds: Kinds {
                narrow: group(&|edit| edit.kind == Some(Kind::Narrow)),
                broad: group(&|edit| edit.kind == Some(Kind::Broad)),
                tested_repository: group(&|edit| edit.tests),
                with_tests,
            },
            confined: records.iter().all(|record| record.confined),
            wrong: records.iter().filter(is_wrong).map(|record| record.task_id.clone()).collect(),
        }
    }
}

/// The middle of `sorted`.
fn median(sorted: &[f64]) -> f64 {
    let (above, below) = (sorted.get(sorted.len() / 2), sorted.get(sorted.len().saturating_sub(1) / 2));
    above.zip(below).map_or(0.0, |(above, below)| f64::midpoint(*above, *below))
}

/// A point for each twentieth. What is refused is applied at no threshold.
fn curve<'r>(edits: impl Iterator<Item = &'r EditRecord>, total: usize) -> Vec<Point> {
    let candidate = |edit: &&EditRecord| matches!(edit.decision, Decision::Applied | Decision::Review);
    let known: Vec<(f64, bool)> = edits
        .filter(candidate)
        .filter_map(|edit| edit.evidence.likely_right.map(|likely| (f64::from(likely), edit.right)))
        .collect();
    if known.is_empty() {
        return Vec::new();
    }
    let point = |twentieth: u32| {
        let threshold = f64::from(twentieth) / 20.0;
        // Evidence is rounded to 32 bits, so that 0.7 of it is less than 0.7.
        let reaches = |likely: f64| likely + 1e-6 >= threshold;
        let applied = known.iter().filter(|(likely, _)| reaches(*likely)).count();
        let right = known.iter().filter(|(likely, right)| reaches(*likely) && *right).count();
        let (share_applied, share_right) = (Share::of(applied, total), Share::of(right, applied));
        Point { threshold, applied, right, share_applied, share_right }
    };
    (0..20).rev().map(point).collect()
}
