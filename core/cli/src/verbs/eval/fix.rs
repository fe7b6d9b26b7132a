//! `deepcoder eval fix`

use super::refactor::write;
use crate::args::FixEvalArgs;
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use deepcoder_eval::fix::{CaseRecord, evaluate};
use serde_json::json;

/// Cases that one warning lists.
const SHOWN: usize = 20;

pub(super) fn fix(args: &FixEvalArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let data: Vec<_> = args.data.iter().map(|path| invocation.path(path)).collect();
    let mut lines = Vec::new();
    let mut keep = |record: &CaseRecord| lines.extend(args.out.as_ref().map(|_| json!(record).to_string()));
    let report = evaluate(&data, &mut keep)?;
    if let Some(out) = &args.out {
        let path = invocation.path(out);
        write(&path, &lines).map_err(|e| Failure::io(format_args!("cannot write {}", out.display()), &e))?;
    }
    if console.json {
        console.json(&json!(report))?;
        return Ok(Done::Clean);
    }
    report.lines().iter().try_for_each(|line| console.line(line))?;
    let wrong = &report.wrong_and_applied;
    if !wrong.is_empty() {
        let shown = wrong.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = wrong.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        console.warn(&format!("wrong and applied: {shown}{more}"));
    }
    Ok(Done::Clean)
}
