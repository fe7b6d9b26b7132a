//! `deepcoder eval refactor`

use crate::args::RefactorEvalArgs;
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use deepcoder_eval::refactor::{CaseRecord, evaluate};
use serde_json::json;
use std::io::{BufWriter, Write as _};

/// Cases that one warning lists.
const SHOWN: usize = 20;

pub(super) fn refactor(args: &RefactorEvalArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let data: Vec<_> = args.data.iter().map(|path| invocation.path(path)).collect();
    let mut lines = Vec::new();
    let mut keep = |record: &CaseRecord| lines.extend(args.out.as_ref().map(|_| json!(record).to_string()));
    let report = evaluate(&data, &args.operation, &mut keep)?;
    if let Some(out) = &args.out {
        let path = invocation.path(out);
        write(&path, &lines).map_err(|e| Failure::io(format_args!("cannot write {}", out.display()), &e))?;
    }
    if console.json {
        console.json(&json!(report))?;
        return Ok(Done::Clean);
    }
    report.lines().iter().try_for_each(|line| console.line(line))?;
    warn_of("false-safe", &report.false_safe, console);
    Ok(Done::Clean)
}

/// A warning with the first of the cases that went wrong.
pub(super) fn warn_of(what: &str, cases: &[String], console: &mut Console) {
    if !cases.is_empty() {
        let more = cases.len().saturating_sub(SHOWN);
        let shown = cases.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        console.warn(&format!("{what}: {shown}{more}"));
    }
}

#[expect(clippy::disallowed_methods, reason = "writes the file of results that the user names")]
pub(super) fn write(path: &std::path::Path, lines: &[String]) -> std::io::Result<()> {
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    lines.iter().try_for_each(|line| writeln!(file, "{line}"))?;
    file.flush()
}
