//! `deepcoder jobs review`

use super::{ended, short};
use crate::args::JobReviewArgs;
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::verbs::pick;
use deepcoder_types::JobState;

pub(super) fn review(args: &JobReviewArgs, invocation: &mut Invocation, console: &mut Console) -> Result {
    let mut client = invocation.profile.client()?;
    let job = client.job(&args.id)?;
    let Some(result) = job.result.as_ref().filter(|_| job.state == JobState::Review) else {
        let failure = Failure::new(format!("job {} is {}", short(&job.id), job.state.name()));
        return Err(failure.hint("only the result of a job that waits for a review can be decided about"));
    };
    let shown = (result.files.as_slice(), result.diff.as_str(), result.notes.as_slice());
    let hint = format!(
        "`deepcoder jobs review {0} --accept all` or `--reject all` decides; `deepcoder jobs show {0}` shows the diff",
        short(&job.id)
    );
    let Some(decision) = pick::decide(shown, &args.decision, hint, invocation, console)? else {
        return Ok(Done::Findings);
    };
    let job = client.review_job(&job.id.0, &decision)?;
    if console.json {
        console.json(&job)?;
        return Ok(Done::Clean);
    }
    let landed = job.result.as_ref();
    match (job.state, landed.and_then(|r| r.edit.as_ref()), landed.and_then(|r| r.commit.as_ref())) {
        (JobState::Done, Some(edit), _) => {
            console.note(&format!("written; `deepcoder undo {}` takes it back", crate::ids::short(edit)))
        }
        (JobState::Done, _, Some(commit)) => {
            console.note(&format!("committed as {}", commit.get(..12).unwrap_or(commit)));
        }
        (state, ..) => console.note(state.name()),
    }
    Ok(if job.state == JobState::Rejected { Done::Clean } else { ended(&job) })
}
