//! The one rule that decides whether a result lands, for every surface.

use crate::Run;
use deepcoder_types::{Applicability, Consent, Delivery, Verdict};

/// Whether `run` may go where `delivery` says, with what the user allows by `consent`.
///
/// An error of the checks refuses the result unless the user allows that; a result that needs a review waits for a person
/// unless one has looked; a suggestion never lands. Where files of a result need nothing of those that wait
/// ([`Run::safe_part`]), they are applied and the rest waits.
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

/// The new text of the one file of `run`, where the result lands without a person; `None` where nothing changes. An error
/// says why it does not land.
pub fn unattended_text(run: Run) -> Result<Option<String>, String> {
    match may_land(&run, &Delivery::Apply, Consent::default()) {
        Verdict::Nothing => return Ok(None),
        Verdict::Lands => {}
        Verdict::Refused(reasons) => return Err(format!("the result is refused: {}", reasons.join("; "))),
        Verdict::Held(_) | Verdict::LandsInPart(_) | Verdict::Shown => {
            return Err(format!("the change of the model needs a review: {}", run.reasons().join("; ")));
        }
    }
    let new = run.edit_set.and_then(|set| set.files.into_iter().next()).and_then(|file| file.new);
    new.map(|image| String::from_utf8(image.bytes).map_err(|error| error.to_string())).transpose()
}
