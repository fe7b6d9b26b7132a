//! `deepcoder edit`

use super::history::short;
use super::{pick, run};
use crate::args::EditArgs;
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::ids;
use crate::sanitise::for_terminal;
use deepcoder_edit::hunks;
use deepcoder_pipeline::{Policy, Run, RunError};
use deepcoder_session::{ApplyRun, CommitPlace, Landed, Repo, RepoError};
use deepcoder_types::{Applicability, FileChange, Instruction, LanguageModel, RepoPath};
use deepcoder_workspace::ResolveError;
use serde_json::json;
use std::sync::Arc;

/// What becomes of a result.
enum Decision {
    /// All of it, or the part that is left.
    Apply(Box<Run>),
    /// A dry run, or the user said no.
    Leave,
    /// The model is to try again.
    Again(Again),
}

/// How another attempt differs.
enum Again {
    /// The same words, with another seed.
    Seed,
    /// With what the user says of the result.
    Feedback(String),
}

/// The options that govern output, questions and the commit.
struct Request<'a> {
    args: &'a EditArgs,
    repo: &'a Repo,
    prompt: &'a str,
    place: Option<&'a CommitPlace>,
}

pub(crate) fn edit(args: &EditArgs, invocation: &mut Invocation, console: &mut Console) -> Result {
    let (prompt, paths) = run::words(&args.words, args.message.as_ref(), invocation)?;
    if prompt.is_empty() {
        return Err(RunError::EmptyInstruction.into());
    }
    if args.message.is_none() {
        not_a_path(&prompt, &paths, invocation)?;
    }
    let options = run::options(&args.option)?;
    deepcoder_pipeline::check_options("edit", &options)?;
    let repo = Repo::open(&invocation.session, &invocation.base)?;
    recover(&repo, args.dry_run, console)?;
    let (paths, selection) = run::select(&paths, &repo, invocation)?;
    let targets = targets(&repo, &paths, args, invocation)?;
    let reads = repo.targets(&invocation.base, &args.read, false)?;
    // A picture in a folder does not cost the rest of it.
    let (targets, unreadable) = repo.readable(targets)?;
    unreadable.iter().for_each(|error| console.warn(&format!("left out: {error}")));
    repo.check_readable(&reads)?;
    let place = args.commit.then(|| CommitPlace {
        branch: args.branch.clone(),
        work_tree: args.worktree.as_deref().map(|path| invocation.path(path)),
    });
    if let Some(place) = &place {
        repo.check_commit(&targets, place, &invocation.cancel)?;
    }
    let mut policy = Policy::default();
    if !targets.is_empty() {
        policy = policy.writing_only(&targets);
    }
    let model = invocation.model(console)?;
    let instruction = Instruction {
        id: invocation.request_id(),
        verb: "edit".into(),
        prompt: prompt.clone(),
        targets,
        reads,
        selection,
        options,
        seed: invocation.seed.unwrap_or(0),
    };
    let request = Request { args, repo: &repo, prompt: &prompt, place: place.as_ref() };
    attempts(&request, instruction, &policy, &model, invocation, console).map_err(|failure| {
        // `apply` says so itself when it was stopped between its commit point and its end.
        let told = failure.message.starts_with("interrupted") || !invocation.cancel.is_cancelled();
        if told { failure } else { failure.hint("nothing was changed") }
    })
}

/// The model's attempts, until the user has what is wanted.
fn attempts(
    request: &Request<'_>,
    mut instruction: Instruction,
    policy: &Policy,
    model: &Arc<dyn LanguageModel>,
    invocation: &mut Invocation,
    console: &mut Console,
) -> Result {
    loop {
        let (model, policy) = (Arc::clone(model), policy.clone());
        let run = run::run(request.repo, model, &instruction, policy, invocation, console, &mut |_, _, _| {})?;
        let (targets, texts) = (run.record.targets.clone(), proposed(&run));
        match conclude(request, run, invocation, console)? {
            Next::Done(done) => return Ok(done),
            Next::Again(again) => {
                // Keeps the targets: the user's next words are about this result.
                instruction.targets = targets;
                match again {
                    Again::Seed => instruction.seed = instruction.seed.wrapping_add(1),
                    Again::Feedback(words) => {
                        let repair = json!({ "findings": [{ "message": words }], "previous": texts });
                        instruction.options["repair"] = repair;
                    }
                }
            }
        }
    }
}

/// The text of each file as the result would leave it.
fn proposed(run: &Run) -> serde_json::Map<String, serde_json::Value> {
    let files = run.edit_set.iter().flat_map(|set| &set.files);
    files
        .filter_map(|file| {
            let text = String::from_utf8(file.new.as_ref()?.bytes.clone()).ok()?;
            Some((file.path.to_string(), text.into()))
        })
        .collect()
}

/// An instruction is words. One that names a file is a path whose instruction was forgotten.
fn not_a_path(prompt: &str, paths: &[String], invocation: &Invocation) -> Result<()> {
    let (file, _) = crate::place::lines(prompt);
    let names_a_file = !prompt.contains(char::is_whitespace)
        && (invocation.path(std::path::Path::new(file)).symlink_metadata().is_ok() || file.contains(['/', '*']));
    if !names_a_file {
        return Ok(());
    }
    let all: Vec<&str> = std::iter::once(prompt).chain(paths.iter().map(String::as_str)).collect();
    let all = for_terminal(&all.join(" "));
    let failure = Failure::new(format!("what is to be done with {all}?"));
    Err(failure.hint(format!("say it first: deepcoder edit \"add docstrings\" {all}")))
}

/// What the paths mean; where one names nothing, `--new` is the other thing that may have been wanted.
fn targets(repo: &Repo, paths: &[String], args: &EditArgs, invocation: &Invocation) -> Result<Vec<RepoPath>> {
    let targets = repo.targets(&invocation.base, paths, args.new);
    let missing = matches!(&targets, Err(RepoError::Resolve(ResolveError::NothingMatched { .. })));
    targets.map_err(|error| {
        let failure = Failure::from(error);
        if !missing || args.new {
            return failure;
        }
        let new = "--new lets the edit make a file that does not exist";
        let hint = failure.hint.as_ref().map_or_else(|| new.to_owned(), |hint| format!("{hint}? {new}"));
        failure.hint(hint)
    })
}

/// What an interrupted run left is brought to an end before the tree is read. A dry run where nothing may be written
/// goes on without it.
fn recover(repo: &Repo, dry_run: bool, console: &mut Console) -> Result<()> {
    let recovery = match repo.recover() {
        Err(_) if dry_run => return Ok(()),
        recovery => recovery?,
    };
    for id in &recovery.completed {
        console.note(&format!("edit {} was interrupted; it is complete now", ids::short(id)));
    }
    for id in &recovery.reverted {
        console.note(&format!("edit {} was interrupted; it is taken back now", ids::short(id)));
    }
    for (id, files) in &recovery.conflicts {
        let names: Vec<_> = files.iter().map(ToString::to_string).collect();
        console.warn(&format!(
            "edit {} was interrupted and is taken back, except in files that changed since: {}",
            ids::short(id),
            names.join(", ")
        ));
    }
    if let Some(history) = &recovery.damaged_history {
        console.warn(&format!(
            "the history was damaged; it was moved to {} and rebuilt from git ({} edits)",
            history.display(),
            recovery.rebuilt
        ));
    }
    Ok(())
}

/// The next step after a result.
enum Next {
    Done(Done),
    Again(Again),
}

/// Show the result, and apply it where that is wanted.
fn conclude(request: &Request<'_>, run: Run, invocation: &mut Invocation, console: &mut Console) -> Result<Next> {
    let Request { args, repo, .. } = request;
    if !run.changes() {
        return unchanged(&run, console).map(Next::Done);
    }
    if !console.json {
        console.diff(&run.diff)?;
    }
    for finding in run.verification.iter().flat_map(|v| &v.findings) {
        console.warn(&finding.to_string());
    }
    if run.applicability == Applicability::Safe {
        for line in run.rationale.lines() {
            // The diff does not show what is missing from it.
            let line = for_terminal(line);
            let missing = line.starts_with("left out") || line.starts_with("comments, strings");
            if missing { console.note(&line) } else { console.detail(&line) }
        }
    } else {
        run.rationale.lines().for_each(|line| console.warn(line));
    }
    let report = |run: &Run, applied: Option<&str>| report(run, applied);
    match decide(args, run.clone(), invocation, console)? {
        Decision::Again(again) => Ok(Next::Again(again)),
        Decision::Leave => {
            if console.json {
                console.json(&report(&run, None))?;
            }
            Ok(Next::Done(Done::Findings))
        }
        Decision::Apply(run) => {
            let complete = run.record.skipped.is_empty() && run.safe_part.is_none() && !run.partial;
            let done = if complete { Done::Clean } else { Done::Findings };
            let how =
                ApplyRun { now_ms: invocation.now_ms(), unverified: args.no_verify, protected: args.allow_protected };
            if let Some(place) = request.place {
                let landed = repo.apply_and_commit(&run, request.prompt, place, how, &invocation.cancel);
                told_commit(&run, landed.map_err(|e| not_committed(e, invocation))?, console)?;
                return Ok(Next::Done(done));
            }
            let applied = repo.apply(&run, how, &invocation.cancel)?;
            if console.json {
                console.json(&report(&run, applied.as_ref().map(|a| a.id.as_str())))?;
            } else if let Some(applied) = applied {
                console.note(&format!("changed {}; `deepcoder undo` takes it back", count(applied.files.len())));
            }
            Ok(Next::Done(done))
        }
    }
}

/// The model changed nothing: the user asked for a change, so that this is no success.
fn unchanged(run: &Run, console: &mut Console) -> Result {
    match &run.answer {
        Some(answer) => {
            console.warn("the model answered in words instead of changing files");
            console.note(&for_terminal(&answer.text));
        }
        None => console.note("nothing changed: the model gave back what is there"),
    }
    console.hint(
        "say it differently, name one function or class, or use a larger --model; `deepcoder models list` shows them",
    );
    if console.json {
        console.json(&report(run, None))?;
    }
    Ok(Done::Findings)
}

/// Tells a user who interrupts that the edit is in the tree.
fn not_committed(error: RepoError, invocation: &Invocation) -> Failure {
    let applied = matches!(error, RepoError::NotCommitted { .. });
    let failure = Failure::from(error);
    if applied && invocation.cancel.is_cancelled() {
        return Failure { message: format!("interrupted: {}", failure.message), ..failure };
    }
    failure
}

fn told_commit(run: &Run, landed: Option<Landed>, console: &mut Console) -> Result {
    if console.json {
        let mut report = report(run, landed.as_ref().map(|l| l.applied.id.as_str()));
        report["commit"] = json!(landed.as_ref().map(|landed| json!({
            "id": landed.committed.commit,
            "branch": landed.committed.branch,
            "by_hooks": landed.committed.by_hooks,
            "worktree": landed.work_tree.as_deref().map(|path| path.to_string_lossy()),
        })));
        console.json(&report)?;
    } else if let Some(Landed { applied, committed, work_tree }) = landed {
        let branch = committed.branch.as_ref().map(|branch| format!(" on {}", for_terminal(branch)));
        let there = work_tree.map(|path| format!(" in {}", path.display()));
        console.note(&format!(
            "changed {} and committed it as {}{}{}",
            count(applied.files.len()),
            short(&committed.commit),
            branch.unwrap_or_default(),
            there.unwrap_or_default(),
        ));
        for path in &committed.by_hooks {
            console.note(&format!("your hooks changed {}", for_terminal(path.as_str())));
        }
    }
    Ok(Done::Clean)
}

fn decide(args: &EditArgs, run: Run, invocation: &mut Invocation, console: &mut Console) -> Result<Decision> {
    if args.dry_run {
        return Ok(Decision::Leave);
    }
    if !run.verified() && !args.no_verify {
        run.require_verified()?;
    }
    if run.applicability == Applicability::DisplayOnly {
        console.note("nothing written: this is only a suggestion");
        return Ok(Decision::Leave);
    }
    if args.yes && (run.applicability == Applicability::Safe || args.force) {
        return Ok(Decision::Apply(Box::new(run)));
    }
    if args.yes {
        let all: Vec<String> = paths_of(&run);
        if let Some(part) = run.into_safe_part() {
            let safe = paths_of(&part);
            let left: Vec<String> = all.into_iter().filter(|path| !safe.contains(path)).collect();
            console.note(&format!("left for a person to look at: {}", left.join(", ")));
            return Ok(Decision::Apply(Box::new(part)));
        }
        console.note("nothing written: a person should look at this change first");
        console.hint("without --yes you are asked at a terminal; --yes --force applies it as it is");
        return Ok(Decision::Leave);
    }
    if console.json || !invocation.input.is_terminal {
        console.note("nothing written: standard input is not a terminal");
        console.hint("--yes applies without asking, --dry-run says that only the diff is wanted");
        return Ok(Decision::Leave);
    }
    ask(run, invocation, console)
}

fn paths_of(run: &Run) -> Vec<String> {
    run.edit_set.iter().flat_map(|set| &set.files).map(|file| for_terminal(file.path.as_str())).collect()
}

/// Asks the user at the terminal what to do with the result.
fn ask(mut run: Run, invocation: &mut Invocation, console: &mut Console) -> Result<Decision> {
    let files = run.edit_set.as_ref().map_or(0, |set| set.files.len());
    loop {
        console.ask(&format!("apply this change to {}? [y,N,h,r,?] ", count(files)));
        let answer = invocation.input.line(&invocation.cancel)?;
        invocation.checkpoint()?;
        match answer.to_lowercase().as_str() {
            "y" | "yes" => return Ok(Decision::Apply(Box::new(run))),
            "" | "n" | "no" | "q" => break,
            "r" | "retry" => return Ok(Decision::Again(Again::Seed)),
            "h" | "hunks" => match picked(&mut run, invocation, console)? {
                true => return Ok(Decision::Apply(Box::new(run))),
                false => break,
            },
            words if words.contains(' ') => return Ok(Decision::Again(Again::Feedback(answer))),
            _ => console.note(
                "y apply it\nn write nothing\nh decide hunk by hunk\nr let the model try again with another seed\n\
                 or say in a few words what is wrong with it: the model tries again with that",
            ),
        }
    }
    console.note("nothing written");
    Ok(Decision::Leave)
}

/// Keep only the hunks that the user picks; whether any is left.
fn picked(run: &mut Run, invocation: &mut Invocation, console: &mut Console) -> Result<bool> {
    let Some(set) = &run.edit_set else { return Ok(false) };
    let files: Vec<(RepoPath, u32)> = hunks::hunks(set).into_iter().map(|file| (file.path, file.hunks)).collect();
    let Some(chosen) = pick::pick(&run.diff, &files, invocation, console)? else { return Ok(false) };
    let whole = files.iter().map(|(_, hunks)| *hunks as usize).sum::<usize>() == chosen.len();
    run.keep(hunks::choose(set, &chosen)?, whole);
    Ok(run.changes())
}

/// The result as JSON. `applied` is the edit's id in the history.
fn report(run: &Run, applied: Option<&str>) -> serde_json::Value {
    let files: Vec<_> = run.edit_set.iter().flat_map(|set| &set.files).map(file).collect();
    json!({
        "changed": run.changes(),
        "applied": applied.is_some(),
        "id": applied.or(run.edit_set.as_ref().map(|set| set.id.as_str())),
        "title": run.edit_set.as_ref().map(|set| set.title.as_str()),
        "diff": run.diff,
        "files": files,
        "verification": run.verification,
        "applicability": run.applicability,
        "rationale": run.rationale,
        "answer": run.answer.as_ref().map(|a| a.text.as_str()),
        "model": run.record.model,
        "seed": run.record.seed,
        "targets": run.record.targets,
        "skipped": run.record.skipped,
        "usage": run.record.stats.usage,
        "stats": run.record.stats,
    })
}

fn file(change: &FileChange) -> serde_json::Value {
    let status = match (&change.old, &change.new) {
        (None, _) => "added",
        (_, None) => "deleted",
        _ => "modified",
    };
    json!({
        "path": change.path,
        "status": status,
        "old_sha256": change.old.as_ref().map(|image| image.hash()),
        "new_sha256": change.new.as_ref().map(|image| image.hash()),
    })
}

fn count(files: usize) -> String {
    if files == 1 { "1 file".into() } else { format!("{files} files") }
}
