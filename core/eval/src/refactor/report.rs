//! The sums, by tool and operation.

use super::{Answer, CaseRecord, Grade};
use serde::Serialize;
use std::collections::BTreeMap;

/// One operation on one tool's cases.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Row {
    /// All cases.
    pub cases: usize,
    /// Those that no operation does.
    pub not_supported: usize,
    /// Those that have a result.
    pub possible: usize,
    /// Results with the same lines.
    pub exact: usize,
    /// Results with the same tokens, the exact ones among them.
    pub same_tokens: usize,
    /// Results that are the same but for the names of what is new, the ones above among them.
    pub isomorphic: usize,
    /// Those that must be refused.
    pub refusals: usize,
    /// Those of them that are.
    pub refused: usize,
    /// Those of them that wait for a person.
    pub refusals_in_review: usize,
    /// Refused, although there is a result.
    pub refused_though_possible: usize,
    /// Right results that wait for a person.
    pub review_right: usize,
    /// Wrong ones that wait for a person.
    pub review_wrong: usize,
    /// Answers that claim to be exact and are wrong, or should have been refused.
    pub false_safe: usize,
    /// One standard error of `exact / possible`, in points.
    pub standard_error: f64,
}

impl Row {
    fn add(&mut self, record: &CaseRecord) {
        self.cases += 1;
        let count = |condition: bool| usize::from(condition);
        self.not_supported += count(record.answer == Answer::NotSupported);
        self.false_safe += count(record.false_safe());
        if record.refuse.is_some() {
            self.refusals += 1;
            self.refused += count(record.answer == Answer::Refused);
            self.refusals_in_review += count(record.answer == Answer::NeedsReview);
            return;
        }
        self.possible += 1;
        let right = record.grade.is_some_and(|grade| grade != Grade::Wrong);
        let at_least = |least: Grade| count(record.grade.is_some_and(|grade| grade <= least));
        self.exact += at_least(Grade::Exact);
        self.same_tokens += at_least(Grade::Tokens);
        self.isomorphic += at_least(Grade::Isomorphic);
        self.refused_though_possible += count(record.answer == Answer::Refused && record.grade.is_none());
        self.review_right += count(record.answer == Answer::NeedsReview && right);
        self.review_wrong += count(record.answer == Answer::NeedsReview && !right);
        self.standard_error = standard_error(self.exact, self.possible);
    }

    /// Whether there was an answer to any of the cases.
    #[must_use]
    pub fn is_supported(&self) -> bool {
        self.not_supported < self.cases
    }

    /// `count` of the cases that have a result, in percent.
    #[must_use]
    pub fn percent(&self, count: usize) -> f64 {
        100.0 * share(count, self.possible)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of cases")]
fn share(part: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}

#[expect(clippy::cast_precision_loss, reason = "counts of cases")]
fn standard_error(part: usize, of: usize) -> f64 {
    let p = share(part, of);
    if of == 0 { 0.0 } else { 100.0 * (p * (1.0 - p) / of as f64).sqrt() }
}

/// All rows.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Report {
    /// By tool and operation.
    pub rows: BTreeMap<String, BTreeMap<String, Row>>,
    /// Those cases among them that replacing the word everywhere gets wrong, by tool and operation.
    pub hard: BTreeMap<String, BTreeMap<String, Row>>,
    /// All together, by operation.
    pub all: BTreeMap<String, Row>,
    /// The cases whose answer claims to be exact and is not.
    pub false_safe: Vec<String>,
}

impl Report {
    pub(crate) fn add(&mut self, record: &CaseRecord) {
        let row = |rows: &mut BTreeMap<String, BTreeMap<String, Row>>| {
            rows.entry(record.tool.clone()).or_default().entry(record.operation.clone()).or_default().add(record);
        };
        row(&mut self.rows);
        if record.floor == Some(false) {
            row(&mut self.hard);
        }
        self.all.entry(record.operation.clone()).or_default().add(record);
        if record.false_safe() {
            self.false_safe.push(record.id.clone());
        }
    }

    /// The table for people.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut table = vec![HEAD.map(str::to_owned)];
        for (tool, rows) in &self.rows {
            for (operation, row) in rows.iter().filter(|(_, row)| row.is_supported()) {
                table.push(cells(tool, operation, row));
                if let Some(hard) = self.hard.get(tool).and_then(|rows| rows.get(operation)) {
                    table.push(cells("", "  of these, floor false", hard));
                }
            }
        }
        if self.rows.len() > 1 {
            let rows = self.all.iter().filter(|(_, row)| row.is_supported());
            table.extend(rows.map(|(operation, row)| cells("all", operation, row)));
        }
        let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
        let line = |row: &[String; HEAD.len()]| {
            let cell = |(at, text): (usize, &String)| {
                let pad = " ".repeat(widths[at].saturating_sub(text.chars().count()));
                if at < 2 { format!("{text}{pad}") } else { format!("{pad}{text}") }
            };
            row.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let mut lines: Vec<String> = table.iter().map(line).collect();
        for (tool, rows) in &self.rows {
            let none = rows.iter().filter(|(_, row)| !row.is_supported());
            let none: Vec<String> = none.map(|(operation, row)| format!("{operation} {}", row.cases)).collect();
            if !none.is_empty() {
                lines.push(format!("{tool}: not supported: {}", none.join(", ")));
            }
        }
        lines
    }
}

const HEAD: [&str; 12] = [
    "tool",
    "operation",
    "cases",
    "not supported",
    "exact",
    "same tokens",
    "isomorphic",
    "refused",
    "refusal in review",
    "refused though possible",
    "review right/wrong",
    "false-safe",
];

fn cells(tool: &str, operation: &str, row: &Row) -> [String; HEAD.len()] {
    let of = |count: usize| {
        if row.possible == 0 { "-".to_owned() } else { format!("{count} ({:.0} %)", row.percent(count)) }
    };
    let exact = match row.possible {
        0 => "-".to_owned(),
        _ => format!("{} ({:.0} ± {:.0} %)", row.exact, row.percent(row.exact), row.standard_error),
    };
    [
        tool.to_owned(),
        operation.to_owned(),
        row.cases.to_string(),
        row.not_supported.to_string(),
        exact,
        of(row.same_tokens),
        of(row.isomorphic),
        format!("{} of {}", row.refused, row.refusals),
        row.refusals_in_review.to_string(),
        row.refused_though_possible.to_string(),
        format!("{}/{}", row.review_right, row.review_wrong),
        row.false_safe.to_string(),
    ]
}
