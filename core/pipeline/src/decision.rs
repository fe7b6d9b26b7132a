//! The decision: whether a result may be applied unseen, from evidence, with the reason in one line.

use crate::attempt::Attempt;
use deepcoder_types::{Calibration, CheckKind, CheckOutcome, Constraint, Evidence, Finding};

/// Decides about `attempt`, a result: what the evidence says goes into [`Attempt::held`] and
/// [`Evidence::reason`]. Findings and the plugin's own doubt hold a result in any case.
///
/// A narrow instruction whose result changes nothing else needs no more evidence, unless it is about type annotations:
/// a wrong comment misleads readers only, a wrong annotation misleads tools and callers. Nor does a change that passing tests
/// are known to run. Otherwise the share of such results that were right in calibration must reach `least`.
pub(crate) fn decide(attempt: &mut Attempt, calibration: Option<&Calibration>, least: f32) {
    let narrow =
        attempt.proposal.constraint.as_ref().is_some_and(|constraint| !matches!(constraint, Constraint::Annotations));
    let evidence = &mut attempt.evidence;
    evidence.likely_right = calibration.and_then(|calibration| calibration.estimate(evidence));
    let (held, reason) = match (narrow, proof(evidence), evidence.likely_right) {
        (true, ..) => (false, narrow_reason(attempt.proposal.constraint.as_ref())),
        (_, Some(reason), _) => (false, reason),
        (_, _, Some(likely)) => (likely < least, likely_reason(evidence, likely, least)),
        // No model was asked, or it tells no probabilities.
        _ => (false, narrow_reason(attempt.proposal.constraint.as_ref())),
    };
    attempt.held = held.then(|| reason.clone());
    attempt.evidence.reason = match attempt.verification.mendable().max_by_key(|finding| finding.severity) {
        Some(finding) => finding.to_string(),
        // What speaks for a result is no reason why it waits.
        None if !held => attempt.first_doubt().map_or(reason, str::to_owned),
        None => reason,
    };
}

/// Adds what the project's checks say to the findings: an edit that breaks a test, a build or types is refused, and one
/// that a linter finds worse needs a review.
pub(crate) fn count_checks(attempt: &mut Attempt) {
    let Some(first) = attempt.set.files.first().map(|file| file.path.clone()) else { return };
    for report in attempt.evidence.checks.iter().filter(|report| report.outcome == CheckOutcome::Failed) {
        let what = report.added.first();
        let path = what.and_then(|added| added.path.clone()).unwrap_or_else(|| first.clone());
        let said = what.map_or_else(String::new, |added| match added.line {
            0 => format!(": {}", added.message),
            line => format!(": line {line}: {}", added.message),
        });
        let message = format!("the check `{}` fails with this edit{said}", report.name);
        let finding = match report.kind {
            CheckKind::Lint => Finding::review(&path, message),
            CheckKind::Types | CheckKind::Build | CheckKind::Test => Finding::error(&path, message),
        };
        attempt.verification.passed &= finding.severity != deepcoder_types::Severity::Error;
        attempt.verification.findings.push(finding);
    }
}

/// Tests that pass and are known to run the change.
pub(crate) fn proof(evidence: &Evidence) -> Option<String> {
    let proves = |report: &&deepcoder_types::CheckReport| {
        report.kind == CheckKind::Test && report.reaches && report.outcome == CheckOutcome::Passed
    };
    evidence.checks.iter().find(proves).map(|report| format!("`{}` runs the changed code and passes", report.name))
}

fn narrow_reason(constraint: Option<&Constraint>) -> String {
    let what = match constraint {
        Some(Constraint::Comments) => "only comments change",
        Some(Constraint::Annotations) => "only type annotations change",
        Some(Constraint::Rename(_)) => "only the name changes",
        Some(Constraint::Layout) => "only the layout changes",
        Some(Constraint::Refactoring) => "every name means what it meant",
        None => "",
    };
    what.to_owned()
}

fn likely_reason(evidence: &Evidence, likely: f32, least: f32) -> String {
    let of = evidence.candidates.len();
    let agree = evidence.candidates.first().map_or(0, |chosen| chosen.agreeing);
    let agreement = if of > 1 { format!("{agree} of {of} candidates agree, and ") } else { String::new() };
    let percent = |share: f32| format!("{:.0} %", share * 100.0);
    let bound = if likely < least { format!(", below the {} of `confidence`", percent(least)) } else { String::new() };
    format!("{agreement}about {} of such results are right{bound}", percent(likely))
}
