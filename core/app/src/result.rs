//! A run as it is shown and sent: without the bytes of its files.

use deepcoder_edit::hunks;
use deepcoder_pipeline::Run;
use deepcoder_types::{Applicability, FileChange, JobFile, Landed, ResultFile, TaskResult, Verdict};

/// Characters of a summary.
const SUMMARY: usize = 100;

/// The files of `run`, with the number of their hunks.
#[must_use]
pub fn files_of(run: &Run) -> Vec<JobFile> {
    let files = run.edit_set.iter().flat_map(hunks::hunks);
    files.map(|file| JobFile { path: file.path, status: file.status.to_owned(), hunks: file.hunks }).collect()
}

/// The notes on `run` beside its diff: findings, doubts, and changes that were left out.
#[must_use]
pub fn notes_of(run: &Run) -> Vec<String> {
    let mut notes: Vec<String> =
        run.verification.iter().flat_map(|found| &found.findings).map(ToString::to_string).collect();
    // The diff does not show what is missing from it.
    let told = |line: &&str| run.applicability != Applicability::Safe || line.starts_with("left out");
    notes.extend(run.rationale.lines().filter(told).map(str::to_owned));
    notes.extend(run.record.skipped.iter().map(|skipped| format!("left out {}: {}", skipped.path, skipped.reason)));
    notes
}

/// `run` in one line, for lists.
#[must_use]
pub fn summary_of(run: &Run) -> String {
    let text = match (&run.edit_set, &run.answer) {
        (Some(set), _) => &set.title,
        (None, Some(answer)) => answer.text.trim().lines().next().unwrap_or_default(),
        (None, None) => "nothing to change",
    };
    match text.char_indices().nth(SUMMARY) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// `run` with the verdict about it.
pub(crate) fn result_of(run: &Run, verdict: Verdict, landed: Option<Landed>) -> TaskResult {
    let changes = run.edit_set.iter().flat_map(|set| &set.files);
    let hashed = |file: JobFile, change: Option<&FileChange>| ResultFile {
        old_sha256: change.and_then(|c| c.old.as_ref()).map(|image| image.hash().to_string()),
        new_sha256: change.and_then(|c| c.new.as_ref()).map(|image| image.hash().to_string()),
        file,
    };
    let files = files_of(run).into_iter().map(|file| {
        let change = changes.clone().find(|change| change.path == file.path);
        hashed(file, change)
    });
    TaskResult {
        id: run.edit_set.as_ref().map(|set| set.id.clone()),
        title: run.edit_set.as_ref().map(|set| set.title.clone()).unwrap_or_default(),
        diff: run.diff.clone(),
        files: files.collect(),
        verification: run.verification.clone(),
        applicability: run.applicability,
        rationale: run.rationale.clone(),
        partial: run.partial,
        answer: run.answer.clone(),
        targets: run.record.targets.clone(),
        chosen: run.record.chosen.clone(),
        skipped: run.record.skipped.clone(),
        model: run.record.model.clone(),
        seed: run.record.seed,
        stats: run.record.stats,
        evidence: run.record.evidence.clone(),
        verdict,
        landed,
    }
}
