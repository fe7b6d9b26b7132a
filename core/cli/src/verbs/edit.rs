//! Verbs of plugins that change files, such as `deepcoder edit`.

use super::history::short;
use super::{pick, task};
use crate::args::{ChangeArgs, PluginVerb};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::sanitise::for_terminal;
use deepcoder_app::{CommitPlace, Repo, Takes, TaskError, lines_of};
use deepcoder_pipeline::RunError;
use deepcoder_protocol::Tasks;
use deepcoder_types::{
    Applicability, Consent, Decision, Delivery, Effort, Hint as _, HunkRef, Landed, Previous, RepoPath, Severity, Task,
    TaskResult, Verdict,
};
use serde_json::json;

/// The next step after a result.
enum Next {
    Done(Done),
    /// Another attempt: with the user's words, or without any with another seed.
    Again(Previous),
}

/// A request and where it is carried out.
struct Edit<'a> {
    args: &'a ChangeArgs,
    tasks: &'a dyn Tasks,
    consent: Consent,
}

pub(crate) fn edit(verb: &PluginVerb, args: &ChangeArgs, invocation: &mut Invocation, console: &mut Console) -> Result {
    let (prompt, paths) = task::words(verb.takes, &args.words, args.message.as_ref(), invocation)?;
    if matches!(verb.takes, Takes::Words | Takes::Command) {
        if prompt.is_empty() {
            return Err(RunError::EmptyInstruction.into());
        }
        if args.message.is_none() && verb.takes == Takes::Words {
            not_a_path(verb, &prompt, &paths, invocation)?;
        }
    }
    let delivery = match args.commit {
        true => Delivery::Commit {
            branch: args.branch.clone(),
            worktree: args.worktree.as_deref().map(|path| invocation.path(path)),
        },
        false => Delivery::Apply,
    };
    let consent = Consent { reviewed: args.unreviewed, unverified: args.no_verify, protected: args.allow_protected };
    let mut request = task::request(&verb.name, prompt, paths, invocation);
    request.reads.clone_from(&args.read);
    request.new_files = args.new;
    request.effort = args.effort.as_deref().and_then(Effort::named);
    request.params = task::params(&args.option)?;
    request.params.extend(verb.params.clone());
    task::read_files(&verb.name, &mut request.params, invocation)?;
    request.consent = consent;
    request.delivery = match (args.dry_run, args.yes) {
        (true, _) => Delivery::Show,
        (_, true) => delivery.clone(),
        _ => Delivery::Review,
    };
    if let Some(place) = CommitPlace::of(&delivery) {
        // Before a person waits for a model: what cannot be committed is said first.
        Repo::open(&invocation.profile, &invocation.base)?.check_commit(&[], &place, &invocation.cancel)?;
    }
    // For a result that a person accepts, perhaps in another terminal.
    request.accepted = Some(delivery).filter(|_| request.delivery == Delivery::Review && args.commit);
    loop {
        let task::Ended { tasks, task } = task::carry_out(&request, invocation, console, &mut |_, _, _| {})?;
        if let Some(previous) = request.previous.take() {
            // Its successor takes its place.
            _ = tasks.forget(&previous.task);
        }
        let edit = Edit { args, tasks: &*tasks, consent };
        match conclude(&edit, task, invocation, console)? {
            Next::Done(done) => return Ok(done),
            Next::Again(previous) => {
                if previous.feedback.is_empty() {
                    request.seed = request.seed.wrapping_add(1);
                }
                request.previous = Some(previous);
            }
        }
    }
}

/// An instruction is words. One that names a file is a path whose instruction was forgotten.
fn not_a_path(verb: &PluginVerb, prompt: &str, paths: &[String], invocation: &Invocation) -> Result<()> {
    let (file, _) = lines_of(prompt);
    let names_a_file = !prompt.contains(char::is_whitespace)
        && ([file, prompt].iter().any(|name| invocation.path(std::path::Path::new(name)).symlink_metadata().is_ok())
            || file.contains(['/', '*']));
    if !names_a_file {
        return Ok(());
    }
    let all: Vec<&str> = std::iter::once(prompt).chain(paths.iter().map(String::as_str)).collect();
    let all = for_terminal(&all.join(" "));
    let failure = Failure::new(format!("the instruction is missing before {all}"));
    Err(failure.hint(format!("give it first: deepcoder {} \"add docstrings\" {all}", verb.name)))
}

/// Show the result, and have it land where that is wanted.
fn conclude(edit: &Edit<'_>, task: Task, invocation: &mut Invocation, console: &mut Console) -> Result<Next> {
    let args = edit.args;
    let Some(result) = &task.result else { return Err(Failure::new("the task has no result")) };
    if !result.changes() {
        return unchanged(&task, result, console).map(Next::Done);
    }
    show(result, console)?;
    match &result.verdict {
        Verdict::Lands => told(&task, result, console).map(Next::Done),
        Verdict::LandsInPart(left) => {
            told(&task, result, console)?;
            console.note(&format!("not applied, needs a review: {}", names(left)));
            Ok(Next::Done(Done::Findings))
        }
        Verdict::Nothing | Verdict::Shown => left(&task, result, console).map(Next::Done),
        Verdict::Refused(_) if result.applicability == Applicability::DisplayOnly => {
            console.note("not applied: it is only a suggestion");
            left(&task, result, console).map(Next::Done)
        }
        Verdict::Refused(reasons) => {
            // A person is told; the result is not worth another look.
            _ = edit.tasks.forget(&task.id);
            let error = TaskError::Refused(reasons.clone());
            Err(Failure { message: error.to_string(), hint: error.hint() })
        }
        Verdict::Held(_) if args.yes => {
            console.note("not applied: the change needs a review");
            console.hint(&applies(&task));
            left(&task, result, console).map(Next::Done)
        }
        Verdict::Held(_) if console.json || !invocation.input.is_terminal => {
            console.note("not applied: stdin is not a terminal");
            console.hint(&format!("{}; pass --yes to apply changes that need no review", applies(&task)));
            left(&task, result, console).map(Next::Done)
        }
        Verdict::Held(_) => ask(edit, &task, result, invocation, console),
    }
}

/// The hint at the command that applies a waiting result.
fn applies(task: &Task) -> String {
    format!("`deepcoder tasks review {} --accept all` applies it", task.id)
}

/// The diff, and everything that a person should know beside it.
pub(super) fn show(result: &TaskResult, console: &mut Console) -> Result<()> {
    if !console.json {
        console.diff(&result.diff)?;
    }
    for finding in result.findings() {
        console.warn(&finding.to_string());
    }
    let reason = &result.evidence.reason;
    let found = result.findings().any(|finding| finding.to_string() == *reason);
    if result.applicability != Applicability::Safe {
        result.rationale.lines().for_each(|line| console.warn(line));
        let told = result.rationale.lines().any(|line| line == reason);
        if !reason.is_empty() && !told && !found {
            console.warn(reason);
        }
        return Ok(());
    }
    if !reason.is_empty() && !found && result.verdict != Verdict::Nothing {
        console.note(&format!("safe: {}", for_terminal(reason)));
    }
    for line in result.rationale.lines() {
        // The diff does not show what is missing from it.
        let line = for_terminal(line);
        let missing = line.starts_with("left out") || line.starts_with("comments, strings");
        if missing { console.note(&line) } else { console.detail(&line) }
    }
    Ok(())
}

/// Nothing is written.
fn left(task: &Task, result: &TaskResult, console: &mut Console) -> Result {
    if console.json {
        console.json(&report(task, result))?;
    }
    Ok(Done::Findings)
}

/// The model changed nothing: the user asked for a change, so that this is no success.
fn unchanged(task: &Task, result: &TaskResult, console: &mut Console) -> Result {
    match &result.answer {
        // Without a model an answer is what was asked for.
        Some(answer) if result.model.is_empty() => {
            match console.json {
                true => console.json(&report(task, result))?,
                false => answer.text.lines().try_for_each(|line| console.line(line))?,
            }
            // A finding is what a check is asked for; a doubt is none.
            let found = answer.diagnostics.iter().any(|found| found.severity != Severity::Warning);
            return Ok(if found { Done::Findings } else { Done::Clean });
        }
        Some(answer) => {
            console.warn("the model answered in words instead of changing files");
            console.note(&for_terminal(&answer.text));
        }
        // What needs no model is as the instruction asks.
        None if result.stats.calls == 0 => {
            console.note("nothing to change: it is so already");
            if console.json {
                console.json(&report(task, result))?;
            }
            return Ok(Done::Clean);
        }
        None => console.note("nothing changed: the model returned the same text"),
    }
    console.hint(
        "say it differently, name one function or class, or use a larger --model; `deepcoder models list` shows them",
    );
    if console.json {
        console.json(&report(task, result))?;
    }
    Ok(Done::Findings)
}

/// Tell where the result has landed.
pub(super) fn told(task: &Task, result: &TaskResult, console: &mut Console) -> Result {
    let complete = result.skipped.is_empty() && !result.partial;
    let done = if complete { Done::Clean } else { Done::Findings };
    if console.json {
        console.json(&report(task, result))?;
        return Ok(done);
    }
    match result.landed.as_ref().unwrap_or(&Landed::default()) {
        Landed { commit: Some(commit), branch, worktree, by_hooks, files, .. } => {
            let branch = branch.as_ref().map(|branch| format!(" on {}", for_terminal(branch))).unwrap_or_default();
            let there = worktree.as_ref().map(|path| format!(" in {}", path.display())).unwrap_or_default();
            let (changed, commit) = (count(files.len()), short(commit));
            console.note(&format!("changed {changed} and committed it as {commit}{branch}{there}"));
            for path in by_hooks {
                console.note(&format!("your hooks changed {}", for_terminal(path.as_str())));
            }
        }
        Landed { edit: Some(_), files, .. } => {
            console.note(&format!("changed {}; `deepcoder undo` takes it back", count(files.len())));
        }
        Landed { .. } => {}
    }
    Ok(done)
}

/// Asks the user at the terminal what to do with the result.
fn ask(
    edit: &Edit<'_>,
    task: &Task,
    result: &TaskResult,
    invocation: &mut Invocation,
    console: &mut Console,
) -> Result<Next> {
    let consent = Consent { reviewed: true, ..edit.consent };
    let hunks = loop {
        console.ask(&format!("apply this change to {}? [y,N,h,r,?] ", count(result.files.len())));
        let answer = invocation.input.line(&invocation.cancel).and_then(|line| invocation.checkpoint().map(|()| line));
        // The result is not decided about, whatever ended the input.
        let answer = answer.map_err(|failure| failure.hint(applies(task)))?;
        let again = |feedback: &str| Ok(Next::Again(Previous { task: task.id.clone(), feedback: feedback.to_owned() }));
        match answer.to_lowercase().as_str() {
            "y" | "yes" => break None,
            "" | "n" | "no" | "q" => break Some(Vec::new()),
            "r" | "retry" => return again(""),
            "h" | "hunks" => match picked(result, invocation, console)? {
                Some(picked) => break Some(picked),
                None => {
                    console.note("nothing decided");
                    console.hint(&applies(task));
                    return left(task, result, console).map(Next::Done);
                }
            },
            words if words.contains(' ') => return again(&answer),
            _ => console.note(
                "y apply it\nn write nothing\nh decide hunk by hunk\nr let the model try again with another seed\n\
                 or say in a few words what is wrong with it: the model tries again with that",
            ),
        }
    };
    if hunks.as_ref().is_some_and(Vec::is_empty) {
        edit.tasks.decide(&task.id, &Decision::Reject)?;
        console.note("not applied");
        return left(task, result, console).map(Next::Done);
    }
    let decision = Decision::Accept { hunks, consent, delivery: None };
    let decided = edit.tasks.decide(&task.id, &decision);
    let task = decided.map_err(|failure| task::interrupted(failure.into(), invocation))?;
    let Some(result) = &task.result else { return Err(Failure::new("the task has no result")) };
    told(&task, result, console).map(Next::Done)
}

/// The hunks that the user picks; `None` where the user decides nothing.
fn picked(result: &TaskResult, invocation: &mut Invocation, console: &mut Console) -> Result<Option<Vec<HunkRef>>> {
    let files: Vec<(RepoPath, u32)> =
        result.files.iter().map(|file| (file.file.path.clone(), file.file.hunks)).collect();
    pick::pick(&result.diff, &files, invocation, console)
}

/// The result as JSON.
pub(super) fn report(task: &Task, result: &TaskResult) -> serde_json::Value {
    let landed = result.landed.as_ref();
    let files: Vec<_> = result
        .files
        .iter()
        .map(|file| {
            json!({
                "path": file.file.path,
                "status": file.file.status,
                "old_sha256": file.old_sha256,
                "new_sha256": file.new_sha256,
            })
        })
        .collect();
    let mut report = json!({
        "task": task.id,
        "state": task.state,
        "changed": result.changes(),
        "applied": landed.is_some(),
        "id": landed.and_then(|landed| landed.edit.as_deref()).or(result.id.as_deref()),
        "title": result.changes().then_some(&result.title),
        "diff": result.diff,
        "files": files,
        "verification": result.verification,
        "applicability": result.applicability,
        "rationale": result.rationale,
        "reason": result.evidence.reason,
        "evidence": result.evidence,
        "answer": result.answer.as_ref().map(|a| a.text.as_str()),
        "actions": result.answer.as_ref().map(|a| &a.actions).filter(|actions| !actions.is_empty()),
        "diagnostics": result.answer.as_ref().map(|a| &a.diagnostics).filter(|found| !found.is_empty()),
        "model": result.model,
        "seed": result.seed,
        "targets": result.targets,
        "chosen": result.chosen,
        "skipped": result.skipped,
        "usage": result.stats.usage,
        "stats": result.stats,
    });
    if let Some(Landed { commit: Some(commit), branch, by_hooks, worktree, .. }) = landed {
        report["commit"] = json!({
            "id": commit,
            "branch": branch,
            "by_hooks": by_hooks,
            "worktree": worktree.as_deref().map(|path| path.to_string_lossy()),
        });
    }
    report
}

fn names(paths: &[RepoPath]) -> String {
    paths.iter().map(|path| for_terminal(path.as_str())).collect::<Vec<_>>().join(", ")
}

fn count(files: usize) -> String {
    if files == 1 { "1 file".into() } else { format!("{files} files") }
}
