//! Several targets, each by itself: a small model that sees two whole files copies one of them into the other, and a file
//! that fails must not cost the rest.

use crate::attempt::{Asking, Attempt, Made, id_of};
use crate::error::RunError;
use crate::host::emit;
use crate::linked::{Part, linked};
use deepcoder_plugin_api::ErrorCode;
use deepcoder_types::{
    Applicability, EditSet, Event, Evidence, Hint as _, Instruction, Proposal, RepoPath, Skipped, Stats,
};

/// The results of the targets.
pub(crate) struct Several {
    pub(crate) made: Made,
    /// Targets without a change, and why.
    pub(crate) skipped: Vec<Skipped>,
    /// The files that may be applied without a look, where others need one and they do not depend on them.
    pub(crate) safe: Option<EditSet>,
}

impl Several {
    /// The result of a single request.
    pub(crate) fn one(made: Made) -> Self {
        Self { made, skipped: Vec::new(), safe: None }
    }
}

/// Every target of `instruction` in a request of its own. An error only where every target fails.
pub(crate) fn each(asking: &Asking<'_>, instruction: &Instruction, stats: &mut Stats) -> Result<Several, RunError> {
    let targets = &instruction.targets;
    let mut attempts: Vec<Attempt> = Vec::new();
    let mut skipped = Vec::new();
    let mut snapshot = String::new();
    let mut first_error = None;
    let (mut unchanged, mut idle) = (0, Vec::new());
    for (index, target) in targets.iter().enumerate() {
        asking.cancel.check()?;
        #[expect(clippy::cast_precision_loss, reason = "a fraction for a progress bar")]
        let fraction = index as f32 / targets.len() as f32;
        let message = format!("{target} ({} of {})", index + 1, targets.len());
        emit(asking.events, Event::Progress { message, fraction: Some(fraction) });
        let others: Vec<RepoPath> = targets.iter().filter(|t| *t != target).cloned().collect();
        let single = Instruction {
            targets: vec![target.clone()],
            selection: instruction.selection.filter(|_| index == 0),
            ..instruction.clone()
        };
        let calls = stats.calls;
        // The project's checks run once, on all files.
        let alone = Asking { checks: None, ..*asking };
        match alone.make(&single, &others, stats) {
            Ok(Made { snapshot: seen, best, .. }) => {
                snapshot = id_of(&(snapshot + &seen));
                match best {
                    Some(attempt) => attempts.push(attempt),
                    // Without a call of the model there was nothing to do; after one that is not certain.
                    None if stats.calls > calls => {
                        unchanged += 1;
                        let reason = "the model gave it back as it was".to_owned();
                        idle.push(Skipped { path: target.clone(), reason, hint: None });
                    }
                    None => unchanged += 1,
                }
            }
            Err(error) if ends_all(&error) => return Err(error),
            Err(error) => {
                let reason = error.to_string();
                emit(asking.events, Event::Skipped { path: target.clone(), reason: reason.clone() });
                skipped.push(Skipped { path: target.clone(), reason, hint: error.hint() });
                first_error.get_or_insert(error);
            }
        }
    }
    if let (true, 0, Some(error)) = (attempts.is_empty(), unchanged, first_error) {
        return Err(error);
    }
    if !attempts.is_empty() {
        for Skipped { path, reason, .. } in &idle {
            emit(asking.events, Event::Skipped { path: path.clone(), reason: reason.clone() });
        }
        skipped.append(&mut idle);
    }
    let parts = parts(asking, &attempts, &skipped);
    // A result that failed is left out, unless there is nothing else to show.
    if attempts.iter().any(|a| a.verification.passed) {
        attempts.retain(|attempt| {
            if attempt.verification.passed {
                return true;
            }
            let findings: Vec<String> = attempt.verification.errors().map(ToString::to_string).collect();
            for file in &attempt.set.files {
                let reason = findings.join("; ");
                emit(asking.events, Event::Skipped { path: file.path.clone(), reason: reason.clone() });
                skipped.push(Skipped { path: file.path.clone(), reason, hint: None });
            }
            false
        });
    }
    let mut best = merged(asking, instruction, &attempts);
    let depend = depend(asking, instruction);
    if let (Some(best), false) = (&mut best, skipped.is_empty()) {
        let left_out: Vec<&RepoPath> = skipped.iter().map(|skipped| &skipped.path).collect();
        let held = linked(&parts, &left_out);
        if depend || best.set.files.iter().any(|file| held.contains(&file.path)) {
            let names: Vec<String> = left_out.iter().map(ToString::to_string).collect();
            best.doubt(&format!("the files depend on each other, and nothing came of {}", names.join(", ")));
        }
    }
    let whole = best.as_ref().filter(|_| !depend);
    let safe = whole.and_then(|best| safe_part(asking, instruction, best, &attempts, &parts, &skipped));
    Ok(Several { made: Made { snapshot, best, answer: None }, skipped, safe })
}

/// Whether what becomes of one target depends on another: the instruction speaks of one of several files, or makes one.
fn depend(asking: &Asking<'_>, instruction: &Instruction) -> bool {
    let words: Vec<&str> = instruction
        .prompt
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')))
        .map(|word| word.trim_end_matches('.').trim_start_matches("./"))
        .collect();
    let named = |path: &RepoPath| {
        words.contains(&path.file_name())
            || words.contains(&path.as_str())
            || words.iter().any(|word| path.as_str().ends_with(&format!("/{word}")))
    };
    let new = |path: &RepoPath| matches!(asking.tree.image(path), Ok(None));
    instruction.targets.iter().any(|path| new(path) || named(path))
}

/// Whether an error is about the run and not about one file.
fn ends_all(error: &RunError) -> bool {
    match error {
        RunError::Cancelled(_) | RunError::Grants(_) | RunError::NoPlugin(_) | RunError::EmptyInstruction => true,
        RunError::Plugin(error) => matches!(error.code, ErrorCode::Cancelled),
        _ => false,
    }
}

/// All attempts as one, checked together: what one file loses another may have gained.
fn merged(asking: &Asking<'_>, instruction: &Instruction, attempts: &[Attempt]) -> Option<Attempt> {
    let first = attempts.first()?;
    let mut files: Vec<_> = attempts.iter().flat_map(|a| a.set.files.iter().cloned()).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files.dedup_by(|a, b| a.path == b.path);
    let ids: Vec<&str> = attempts.iter().map(|a| a.set.id.as_str()).collect();
    let set = EditSet { id: id_of(&ids.join(" ")), title: first.set.title.clone(), files };
    let lines: Vec<&str> = attempts.iter().flat_map(|a| a.proposal.rationale.lines()).collect();
    let proposal = Proposal {
        rationale: lines.join("\n"),
        applicability: attempts.iter().map(|a| a.proposal.applicability).max().unwrap_or(Applicability::Safe),
        changes: attempts.iter().flat_map(|a| a.proposal.changes.iter().cloned()).collect(),
        ..first.proposal.clone()
    };
    let verification = asking.verify(instruction, &proposal, &set);
    let evidence = together(attempts);
    let held = attempts.iter().find_map(|attempt| attempt.held.clone());
    let mut merged = Attempt { proposal, set, verification, evidence, held };
    asking.settle_together(&mut merged);
    Some(merged)
}

/// The evidence for all files: no better than that for the least certain of them.
fn together(attempts: &[Attempt]) -> Evidence {
    let least = |value: fn(&Evidence) -> Option<f32>| {
        attempts.iter().filter_map(|attempt| value(&attempt.evidence)).min_by(f32::total_cmp)
    };
    Evidence {
        candidates: attempts.iter().flat_map(|attempt| attempt.evidence.candidates.iter().cloned()).collect(),
        agreement: least(|evidence| evidence.agreement),
        likely_right: least(|evidence| evidence.likely_right),
        checks: Vec::new(),
        reason: attempts
            .iter()
            .find(|a| a.held.is_some())
            .or(attempts.first())
            .map_or_else(String::new, |attempt| attempt.evidence.reason.clone()),
    }
}

/// The targets with what became of them, to know which of them need each other. A target that could not be read needs
/// nothing.
fn parts(asking: &Asking<'_>, attempts: &[Attempt], skipped: &[Skipped]) -> Vec<Part> {
    let changed = attempts.iter().flat_map(|attempt| {
        let (constraint, passed) = (attempt.proposal.constraint.as_ref(), attempt.verification.passed);
        attempt.set.files.iter().map(move |file| Part::changed(file, constraint, passed))
    });
    let unchanged = skipped.iter().map(|skipped| {
        let image = asking.tree.image(&skipped.path).ok().flatten();
        let bytes = image.map(|image| image.bytes).unwrap_or_default();
        Part::unchanged(&skipped.path, &String::from_utf8_lossy(&bytes))
    });
    changed.chain(unchanged).collect()
}

/// The files that nothing is wrong with and that need none of the others, as a set that passes by itself; `None` where that
/// is all or nothing.
fn safe_part(
    asking: &Asking<'_>,
    instruction: &Instruction,
    all: &Attempt,
    attempts: &[Attempt],
    parts: &[Part],
    skipped: &[Skipped],
) -> Option<EditSet> {
    if all.applicability() != Applicability::NeedsReview || !all.verification.passed {
        return None;
    }
    let doubted = |path: &RepoPath| all.verification.mendable().any(|finding| finding.path == *path);
    let files: Vec<_> = attempts
        .iter()
        .filter(|a| a.applicability() == Applicability::Safe)
        .flat_map(|a| a.set.files.iter().cloned())
        .filter(|file| !doubted(&file.path))
        .collect();
    let lands = |path: &RepoPath| files.iter().any(|file| file.path == *path);
    let rest = all.set.files.iter().map(|file| &file.path).filter(|path| !lands(path));
    let waiting: Vec<&RepoPath> = rest.chain(skipped.iter().map(|skipped| &skipped.path)).collect();
    let held = linked(parts, &waiting);
    let files: Vec<_> = files.iter().filter(|file| !held.contains(&file.path)).cloned().collect();
    if files.is_empty() || files.len() == all.set.files.len() {
        return None;
    }
    let mut part = EditSet { id: id_of(&format!("{} safe", all.set.id)), files, ..all.set.clone() };
    part.files.sort_by(|a, b| a.path.cmp(&b.path));
    let verification = asking.verify(instruction, &all.proposal, &part);
    (verification.mendable().next().is_none() && asking.stands_alone(&part)).then_some(part)
}
