//! The sums, by kind.

use super::CaseRecord;
use crate::refactor::{Answer, Grade};
use serde::Serialize;
use std::collections::BTreeMap;

/// One kind's cases.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Row {
    /// All cases.
    pub cases: usize,
    /// Those that have a fix.
    pub possible: usize,
    /// Answers with the lines of the tool's.
    pub exact: usize,
    /// Answers with its tokens, the exact ones among them.
    pub same_tokens: usize,
    /// Those of them that claim to be exact and need no person.
    pub same_and_safe: usize,
    /// Other answers that wait for a person.
    pub wrong_in_review: usize,
    /// Answers that claim to be exact and are not.
    pub wrong_and_applied: usize,
    /// No answer, although there is one.
    pub refused_though_possible: usize,
    /// Those that must be refused.
    pub refusals: usize,
    /// Those of them that are.
    pub refused: usize,
    /// One standard error of `same_tokens / possible`, in points.
    pub standard_error: f64,
}

impl Row {
    fn add(&mut self, record: &CaseRecord) {
        let count = |condition: bool| usize::from(condition);
        self.cases += 1;
        self.wrong_and_applied += count(record.wrong_and_applied());
        if record.refuse.is_some() {
            self.refusals += 1;
            self.refused += count(record.answer == Answer::Refused);
            return;
        }
        self.possible += 1;
        let same = record.grade.is_some_and(|grade| grade <= Grade::Tokens);
        self.exact += count(record.grade == Some(Grade::Exact));
        self.same_tokens += count(same);
        self.same_and_safe += count(same && record.answer == Answer::Safe);
        self.wrong_in_review += count(!same && record.answer == Answer::NeedsReview);
        self.refused_though_possible += count(record.answer == Answer::Refused && !same);
        self.standard_error = standard_error(self.same_tokens, self.possible);
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of cases")]
fn percent(part: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { 100.0 * part as f64 / of as f64 }
}

#[expect(clippy::cast_precision_loss, reason = "counts of cases")]
fn standard_error(part: usize, of: usize) -> f64 {
    let p = percent(part, of) / 100.0;
    if of == 0 { 0.0 } else { 100.0 * (p * (1.0 - p) / of as f64).sqrt() }
}

/// All rows.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Report {
    /// By kind of finding.
    pub kinds: BTreeMap<String, Row>,
    /// By language.
    pub languages: BTreeMap<String, Row>,
    /// All together.
    pub all: Row,
    /// The cases whose answer claims to be exact and is not.
    pub wrong_and_applied: Vec<String>,
}

impl Report {
    pub(crate) fn add(&mut self, record: &CaseRecord) {
        self.kinds.entry(record.kind.clone()).or_default().add(record);
        self.languages.entry(record.language.clone()).or_default().add(record);
        self.all.add(record);
        if record.wrong_and_applied() {
            self.wrong_and_applied.push(record.id.clone());
        }
    }

    /// The table for people: kinds with several cases, the languages, and all.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut table: Vec<[String; COLUMNS]> = vec![HEAD.map(str::to_owned)];
        let frequent = self.kinds.iter().filter(|(_, row)| row.cases >= FREQUENT);
        let mut frequent: Vec<_> = frequent.collect();
        frequent.sort_by_key(|(_, row)| std::cmp::Reverse(row.cases));
        table.extend(frequent.into_iter().map(|(kind, row)| cells(kind, row)));
        table.extend(self.languages.iter().map(|(language, row)| cells(language, row)));
        table.push(cells("all", &self.all));
        let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..COLUMNS).map(width).collect();
        let line = |row: &[String; COLUMNS]| {
            let cell = |(at, text): (usize, &String)| {
                let pad = " ".repeat(widths[at].saturating_sub(text.chars().count()));
                if at == 0 { format!("{text}{pad}") } else { format!("{pad}{text}") }
            };
            row.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        table.iter().map(line).collect()
    }
}

/// Kinds with fewer cases have no line of their own.
const FREQUENT: usize = 4;

const COLUMNS: usize = 8;

const HEAD: [&str; COLUMNS] =
    ["kind", "cases", "exact", "same tokens", "of these safe", "other, in review", "no answer", "wrong and applied"];

fn cells(name: &str, row: &Row) -> [String; COLUMNS] {
    let same = match row.possible {
        0 => "-".to_owned(),
        _ => {
            let share = percent(row.same_tokens, row.possible);
            format!("{} ({share:.0} ± {:.1} %)", row.same_tokens, row.standard_error)
        }
    };
    [
        name.to_owned(),
        row.cases.to_string(),
        row.exact.to_string(),
        same,
        row.same_and_safe.to_string(),
        row.wrong_in_review.to_string(),
        row.refused_though_possible.to_string(),
        row.wrong_and_applied.to_string(),
    ]
}
