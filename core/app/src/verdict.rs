//! The one rule that decides whether a result lands, for every surface.

use deepcoder_pipeline::Run;
use deepcoder_types::{Applicability, Consent, Delivery, Verdict};

/// Whether `run` may go where `delivery` says, with what the user allows by `consent`.
///
/// An error of the checks refuses the result unless the user allows that; a result that needs a review waits for a person
/// unless one has looked; a suggestion never lands. Where the files of a result do not depend on each other, those
/// without a finding are applied and the rest waits.
#[must_use]
pub fn may_land(run: &Run, delivery: &Delivery, consent: Consent) -> Verdict {
    if !run.changes() {
        return Verdict::Nothing;
    }
    if *delivery == Delivery::Show {
        return Verdict::Shown;
    }
    if run.applicability == Applicability::DisplayOnly {
        return Verdict::Refused(vec!["it is only a suggestion".to_owned()]);
    }
    if !run.verified() && !consent.unverified {
        let errors = run.verification.iter().flat_map(|found| found.errors());
        return Verdict::Refused(errors.map(ToString::to_string).collect());
    }
    if consent.reviewed {
        return Verdict::Lands;
    }
    let needs_review = run.applicability != Applicability::Safe;
    match delivery {
        Delivery::Review if needs_review => Verdict::Held(run.reasons()),
        Delivery::Review => Verdict::Held(Vec::new()),
        Delivery::Apply | Delivery::Commit { .. } if needs_review => match &run.safe_part {
            Some(part) => {
                let files = run.edit_set.iter().flat_map(|set| &set.files).map(|file| &file.path);
                let rest = files.filter(|path| !part.files.iter().any(|file| file.path == **path));
                Verdict::LandsInPart(rest.cloned().collect())
            }
            None => Verdict::Held(run.reasons()),
        },
        _ if needs_review => Verdict::Held(run.reasons()),
        _ => Verdict::Lands,
    }
}
