//! Before and after: diagnostics as multisets of fingerprints.

use crate::exec::{End, Ran};
use deepcoder_types::{CheckKind, CheckOutcome, Diagnostic, Severity};
use std::collections::HashMap;

/// What an edit changes in the result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) outcome: CheckOutcome,
    pub(crate) added: Vec<Diagnostic>,
    pub(crate) removed: u32,
}

/// The diagnostics of `after` that `before` does not have, and how many it has more.
pub(crate) fn difference(before: &[Diagnostic], after: &[Diagnostic]) -> (Vec<Diagnostic>, u32) {
    let mut left: HashMap<&str, u32> = HashMap::new();
    for diagnostic in before {
        *left.entry(&diagnostic.fingerprint).or_default() += 1;
    }
    let mut added = Vec::new();
    for diagnostic in after {
        match left.get_mut(diagnostic.fingerprint.as_str()) {
            Some(count) if *count > 0 => *count -= 1,
            _ => added.push(diagnostic.clone()),
        }
    }
    (added, left.values().sum())
}

/// The outcome of a check of this `kind`.
pub(crate) fn compare(kind: CheckKind, before: &Ran, after: &Ran) -> Compared {
    let nothing = |reason: String| Compared { outcome: CheckOutcome::NotRun(reason), added: Vec::new(), removed: 0 };
    match (&before.end, &after.end) {
        (End::Nothing(reason) | End::Died(reason), _) => nothing(format!("before the edit: {reason}")),
        (_, End::Nothing(reason)) => nothing(reason.clone()),
        // The check finished on the tree as it was, so that this is the edit's doing.
        (End::Passed, End::Died(reason)) => {
            let message = format!("after the edit, {reason}; before it passed in {} ms", before.ms);
            let added = Diagnostic {
                tool: String::new(),
                rule: "died".to_owned(),
                severity: Severity::Error,
                path: None,
                line: 0,
                range: None,
                fingerprint: crate::diagnostic::fingerprint(&["died"]),
                message,
                fixes: Vec::new(),
            };
            Compared { outcome: CheckOutcome::Failed, added: vec![added], removed: 0 }
        }
        (End::Failed(_), End::Died(reason)) => nothing(reason.clone()),
        (was, is) => {
            let (added, removed) = difference(&before.diagnostics, &after.diagnostics);
            let (passed, passes) = (*was == End::Passed, *is == End::Passed);
            // A tool that succeeds has only told of something, unless telling is its task.
            let counts = |d: &Diagnostic| kind == CheckKind::Lint || !passes || d.severity == Severity::Error;
            let outcome = if (passed && !passes) || added.iter().any(counts) {
                CheckOutcome::Failed
            } else if !passes && removed == 0 {
                CheckOutcome::Unknown
            } else {
                CheckOutcome::Passed
            };
            Compared { outcome, added, removed }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(end: End, fingerprints: &[&str]) -> Ran {
        let one = |fingerprint: &&str| Diagnostic {
            tool: String::new(),
            rule: String::new(),
            severity: if fingerprint.starts_with('w') { Severity::Warning } else { Severity::Error },
            path: None,
            line: 0,
            range: None,
            message: String::new(),
            fingerprint: (*fingerprint).to_owned(),
            fixes: Vec::new(),
        };
        Ran { end, diagnostics: fingerprints.iter().map(one).collect(), ms: 1, marked: false }
    }

    /// Protects the decision: each pair of before and after has its outcome, and a run without a result never passes.
    #[test]
    fn outcomes_are_one_table() {
        let pass = |f: &[&str]| ran(End::Passed, f);
        let fail = |f: &[&str]| ran(End::Failed(1), f);
        let (test, lint) = (CheckKind::Test, CheckKind::Lint);
        for (kind, before, after, wanted, added, removed) in [
            (test, pass(&[]), pass(&[]), CheckOutcome::Passed, 0, 0),
            (test, pass(&[]), fail(&["a"]), CheckOutcome::Failed, 1, 0),
            (test, fail(&["a"]), pass(&[]), CheckOutcome::Passed, 0, 1),
            (test, fail(&["a"]), fail(&["a"]), CheckOutcome::Unknown, 0, 0),
            (test, fail(&["a"]), fail(&["b"]), CheckOutcome::Failed, 1, 1),
            (test, fail(&["a", "b"]), fail(&["b"]), CheckOutcome::Passed, 0, 1),
            (test, fail(&["a"]), fail(&["a", "a"]), CheckOutcome::Failed, 1, 0),
            (test, pass(&[]), pass(&["w"]), CheckOutcome::Passed, 1, 0),
            (lint, pass(&[]), pass(&["w"]), CheckOutcome::Failed, 1, 0),
            (lint, fail(&["a"]), fail(&["a", "w"]), CheckOutcome::Failed, 1, 0),
            // The tool says that it failed, and nothing says why.
            (test, pass(&["w"]), fail(&["w"]), CheckOutcome::Failed, 0, 0),
            (test, pass(&[]), ran(End::Died("it hangs".into()), &[]), CheckOutcome::Failed, 1, 0),
        ] {
            let compared = compare(kind, &before, &after);
            let found = (compared.outcome, compared.added.len(), compared.removed);
            assert_eq!(found, (wanted, added, removed), "{before:?} {after:?}");
        }
        for end in [End::Nothing("not installed".into()), End::Died("signal 9".into())] {
            for (before, after) in [(ran(end.clone(), &[]), pass(&[])), (fail(&["a"]), ran(end.clone(), &[]))] {
                assert!(matches!(compare(test, &before, &after).outcome, CheckOutcome::NotRun(_)));
            }
        }
    }
}
