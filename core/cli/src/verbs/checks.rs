//! `deepcoder checks`

use crate::args::{ChecksRunArgs, ChecksVerb};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::progress::Progress;
use crate::sanitise;
use deepcoder_app::CheckPlace;
use deepcoder_checks::config::Check;
use deepcoder_checks::file::CONFIG_FILE;
use deepcoder_checks::{Checks, suggest};
use deepcoder_types::{CheckOutcome, CheckReport, Diagnostic};
use deepcoder_workspace::Workspace;
use serde_json::json;
use std::collections::HashMap;

pub(crate) fn checks(verb: &ChecksVerb, invocation: &Invocation, console: &mut Console) -> Result {
    let workspace = invocation.profile.workspace(&invocation.base)?;
    let place = CheckPlace::new(&invocation.profile);
    match verb {
        ChecksVerb::List => list(&workspace, &place, console),
        ChecksVerb::Run(args) => run(args, &workspace, &place, invocation, console),
        ChecksVerb::Suggest => propose(&workspace, &place, console),
        ChecksVerb::Trust => trust(&workspace, &place, console),
    }
}

fn open(workspace: &Workspace, place: &CheckPlace) -> Result<Checks> {
    place.open(workspace)?.ok_or_else(|| {
        Failure::new(format!("{CONFIG_FILE} in the root of this repository has no checks"))
            .hint("`deepcoder checks suggest` prints some that fit")
    })
}

/// The words of a command, as a shell would take them.
fn words(check: &Check) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    let quoted = check.command.iter().map(|word| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

fn as_json(check: &Check) -> serde_json::Value {
    json!({
        "name": check.name,
        "kind": check.kind,
        "command": check.command,
        "files": check.files,
        "timeout_seconds": check.timeout.as_secs_f64(),
        "parser": check.parser.name(),
    })
}

fn list(workspace: &Workspace, place: &CheckPlace, console: &mut Console) -> Result {
    let checks = place.open(workspace)?;
    let trusted = checks.as_ref().is_some_and(Checks::is_trusted);
    let all = checks.as_ref().map(Checks::all).unwrap_or_default();
    if console.json {
        let all: Vec<_> = all.iter().map(as_json).collect();
        console.json(&json!({ "trusted": trusted, "checks": all }))?;
        return Ok(Done::Clean);
    }
    tell(all, console)?;
    match (all.is_empty(), trusted) {
        (true, _) => {
            console.note(&format!("{CONFIG_FILE} in the root of this repository has no checks"));
            console.hint("`deepcoder checks suggest` prints some that fit");
        }
        (false, true) => console.note(&format!("{CONFIG_FILE} is trusted")),
        (false, false) => {
            console.warn(&format!("{CONFIG_FILE} is not trusted: no check runs"));
            console.hint("`deepcoder checks trust` trusts these commands until the file changes");
        }
    }
    Ok(Done::Clean)
}

fn tell(all: &[Check], console: &mut Console) -> Result<()> {
    let width = all.iter().map(|check| check.name.len()).max().unwrap_or(0);
    for check in all {
        let kind = format!("{:?}", check.kind).to_lowercase();
        let files = if check.files.is_empty() { String::new() } else { format!("  [{}]", check.files.join(" ")) };
        console.line(&format!("{:width$}  {kind:5}  {}{files}", check.name, words(check)))?;
    }
    Ok(())
}

fn trust(workspace: &Workspace, place: &CheckPlace, console: &mut Console) -> Result {
    let checks = open(workspace, place)?;
    checks.trust()?;
    if console.json {
        let all: Vec<_> = checks.all().iter().map(as_json).collect();
        console.json(&json!({ "trusted": true, "checks": all }))?;
        return Ok(Done::Clean);
    }
    tell(checks.all(), console)?;
    console.note(&format!(
        "{CONFIG_FILE} is trusted as it is now: edits run these commands on a copy of the repository, without network"
    ));
    Ok(Done::Clean)
}

fn propose(workspace: &Workspace, place: &CheckPlace, console: &mut Console) -> Result {
    let found = suggest(workspace, place.machine())?;
    if console.json {
        let found: Vec<_> = found
            .iter()
            .map(|s| {
                json!({
                    "name": s.name, "kind": s.kind, "command": s.command, "files": s.files,
                    "because": s.because, "installed": s.installed, "toml": s.toml(),
                })
            })
            .collect();
        console.json(&json!({ "suggestions": found }))?;
        return Ok(Done::Clean);
    }
    for suggestion in &found {
        let missing = if suggestion.installed { "" } else { "; not installed" };
        console.line(&format!("# {}{missing}", suggestion.because))?;
        console.print(&format!("{}\n", suggestion.toml()))?;
    }
    if found.is_empty() {
        console.note("no tool that deepcoder knows is set up in this repository");
    } else {
        console.note(&format!("put what you want into {CONFIG_FILE} in the root of the repository"));
        console.hint("then `deepcoder checks trust`, and `deepcoder checks run`");
    }
    Ok(Done::Clean)
}

fn run(
    args: &ChecksRunArgs,
    workspace: &Workspace,
    place: &CheckPlace,
    invocation: &Invocation,
    console: &mut Console,
) -> Result {
    let checks = open(workspace, place)?;
    if let Some(unknown) = args.names.iter().find(|name| !checks.all().iter().any(|check| check.name == **name)) {
        let known: Vec<_> = checks.all().iter().map(|check| check.name.as_str()).collect();
        return Err(
            Failure::new(format!("there is no check `{unknown}`")).hint(format!("the checks are {}", known.join(", ")))
        );
    }
    if !checks.is_trusted() {
        return Err(Failure::new(format!("{CONFIG_FILE} is not trusted, so that no check runs"))
            .hint("`deepcoder checks trust` shows what would run, and trusts it until the file changes"));
    }
    let progress = Progress::spinner(console.can_animate(&invocation.vars), "copying the tree");
    let copied = |done: usize, all: usize| progress.position(done as u64, all as u64);
    let reports = checks
        .run_now(&args.names, &invocation.cancel, &copied, &mut |name| progress.message(&format!("running {name}")));
    progress.clear();
    let reports = reports?;
    invocation.checkpoint()?;
    let passed = reports.iter().all(|report| report.outcome == CheckOutcome::Passed);
    if console.json {
        console.json(&json!({ "passed": passed, "checks": reports }))?;
    } else {
        reports.iter().try_for_each(|report| tell_report(report, console))?;
    }
    Ok(if passed { Done::Clean } else { Done::Findings })
}

/// The most different findings of one check that are printed.
const MAX_SHOWN: usize = 200;

/// The findings as lines, equal ones once with their count, and how many more there are.
fn shown(added: &[Diagnostic]) -> (Vec<String>, usize) {
    let mut counts: Vec<(String, usize)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut left = 0;
    for Diagnostic { path, line, rule, message, .. } in added {
        let place = match (path, line) {
            (Some(path), 0) => format!("{}: ", sanitise::path(path.as_str())),
            (Some(path), line) => format!("{}:{line}: ", sanitise::path(path.as_str())),
            (None, _) => String::new(),
        };
        let rule = if rule.is_empty() { String::new() } else { format!(" [{rule}]") };
        let text = format!("{place}{message}{rule}");
        if let Some(count) = known.get(&text).and_then(|at| counts.get_mut(*at)).map(|(_, count)| count) {
            *count += 1;
        } else if counts.len() < MAX_SHOWN {
            known.insert(text.clone(), counts.len());
            counts.push((text, 1));
        } else {
            left += 1;
        }
    }
    let line = |(text, count): (String, usize)| if count == 1 { text } else { format!("{text} ({count} times)") };
    (counts.into_iter().map(line).collect(), left)
}

fn tell_report(report: &CheckReport, console: &mut Console) -> Result<()> {
    let (lines, left) = shown(&report.added);
    lines.iter().try_for_each(|line| console.line(line))?;
    if left > 0 {
        console.note(&format!("{left} more of {} are not shown", report.name));
        console.hint("`deepcoder checks run --json` prints them too");
    }
    let seconds = report.ms as f64 / 1000.0;
    let name = &report.name;
    match &report.outcome {
        CheckOutcome::Passed => console.note(&format!("{name}: passed ({seconds:.1} s)")),
        CheckOutcome::Failed | CheckOutcome::Unknown => console.warn(&format!("{name}: failed ({seconds:.1} s)")),
        CheckOutcome::NotRun(reason) => console.warn(&format!("{name}: no result: {reason}")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnostic(message: &str) -> Diagnostic {
        Diagnostic {
            tool: "t".into(),
            rule: String::new(),
            severity: deepcoder_types::Severity::Error,
            path: None,
            line: 0,
            range: None,
            message: message.to_owned(),
            fingerprint: String::new(),
            fixes: Vec::new(),
        }
    }

    /// Protects the terminal from a tool that says one thing without end, and the count of what it said.
    #[test]
    fn equal_findings_are_printed_once() {
        let mut added = vec![diagnostic("a"); 1_000_000];
        added.push(diagnostic("b"));
        assert_eq!(shown(&added), (vec!["a (1000000 times)".to_owned(), "b".to_owned()], 0));
        let many: Vec<_> = (0..MAX_SHOWN + 3).map(|at| diagnostic(&at.to_string())).collect();
        let (lines, left) = shown(&many);
        assert_eq!((lines.len(), left), (MAX_SHOWN, 3));
    }
}
