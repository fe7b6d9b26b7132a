//! `deepcoder eval fix`

use super::refactor::{warn_of, write};
use crate::args::FixEvalArgs;
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use deepcoder_eval::fix::{CaseRecord, evaluate};
use serde_json::json;

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
    warn_of("wrong and applied", &report.wrong_and_applied, console);
    Ok(Done::Clean)
}
