//! Decisions about results.

use crate::error::{WorkError, queue as told};
use crate::land::{self, Site};
use crate::refuse::{invalid, refused};
use crate::run;
use crate::service::Inner;
use crate::worker::{LEASE, contained, landed_before, still_held, tell};
use deepcoder_app::{TaskError, from_bytes, may_land};
use deepcoder_edit::{hunks, unified_diff};
use deepcoder_protocol::{Failure, Refusal};
use deepcoder_queue::{Claim, End, Queue};
use deepcoder_types::{Cancel, Decision, Delivery, Job, JobResult, Verdict};

/// Who has a job while a decision is carried out.
const REVIEWER: &str = "review";

/// Carry `decision` out. Where that fails the result still waits for one.
pub(crate) fn review(inner: &Inner, queue: &Queue, job: &Job, decision: &Decision) -> Result<(), Failure> {
    if matches!(decision, Decision::Accept { hunks: Some(hunks), .. } if hunks.is_empty()) {
        return invalid("no hunk is chosen", "accept all, name hunks, or reject the result");
    }
    let claim = queue.take_review(&job.id, REVIEWER, LEASE, inner.now_ms()).map_err(|error| told(&error))?;
    let listed = inner.begin(&claim);
    match contained(|| decide(inner, queue, &claim, decision, &listed.running.cancel)) {
        Ok(end) => {
            tell(inner, queue, &claim.lease, &end);
            land::forget(&inner.options.profile, &claim.job);
            match end {
                End::Done(result) if *decision == Decision::Reject => Err(landed_already(&result)),
                _ => Ok(()),
            }
        }
        Err(error) => {
            tell(inner, queue, &claim.lease, &End::GiveBack { reason: error.to_string(), count: false });
            Err(error.told())
        }
    }
}

/// A rejection comes too late.
fn landed_already(result: &JobResult) -> Failure {
    let hint = match (&result.edit, &result.commit) {
        (Some(edit), _) => format!("`deepcoder undo {edit}` takes it back"),
        (_, Some(commit)) => format!("it is commit {commit}"),
        _ => "`deepcoder jobs show` says where it is".into(),
    };
    refused(Refusal::State, "the result has landed already".into(), Some(hint))
}

fn decide(inner: &Inner, queue: &Queue, claim: &Claim, decision: &Decision, cancel: &Cancel) -> Result<End, WorkError> {
    let job = &claim.job;
    let profile = &inner.options.profile;
    // An earlier decision landed it, and the process died before it recorded that.
    if let Some(landed) = land::already(profile, job, &inner.scratch(), cancel)? {
        return Ok(End::Done(landed.into_result(job.result.clone().unwrap_or_else(landed_before))));
    }
    let (chosen, consent) = match decision {
        Decision::Reject => return Ok(End::Rejected),
        Decision::Accept { hunks, consent, .. } => (hunks, *consent),
    };
    let bytes = queue.saved(&job.id)?.unwrap_or_default();
    let mut kept = from_bytes(&bytes)?;
    if let (Some(chosen), Some(set)) = (chosen, &mut kept.run.edit_set) {
        *set = hunks::choose(set, chosen)?;
        kept.run.diff = unified_diff(set);
    }
    let delivery = match &job.spec.delivery {
        Delivery::Review => &Delivery::Apply,
        delivery => delivery,
    };
    match may_land(&kept.run, delivery, consent) {
        Verdict::Refused(reasons) => return Err(TaskError::Refused(reasons).into()),
        Verdict::Held(reasons) => return Err(TaskError::NeedsReview(reasons).into()),
        _ => {}
    }
    let site = Site::open(profile, job, &inner.scratch(), cancel)?;
    let landed = if kept.base != site.base() {
        Err(TaskError::Stale("what the branch holds".into()).into())
    } else if let Some(names) = site.changed_since(&kept.run) {
        Err(TaskError::Stale(names).into())
    } else {
        site.land(job, &kept.run, consent, &|| still_held(queue, &claim.lease), inner.now_ms(), cancel)
    };
    site.close();
    let result = run::result(&kept.run);
    // Keeps the findings about the whole result.
    let notes = job.result.as_ref().map_or_else(|| result.notes.clone(), |whole| whole.notes.clone());
    Ok(End::Done(landed?.into_result(JobResult { notes, ..result })))
}
