//! `deepcoder edit`

use super::history::short;
use super::run;
use crate::args::EditArgs;
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::sanitise::for_terminal;
use deepcoder_pipeline::{Policy, Run, RunError};
use deepcoder_session::{ApplyRun, CommitPlace, Landed, Repo, RepoError};
use deepcoder_types::{Applicability, FileChange, Instruction, RepoPath};
use deepcoder_workspace::ResolveError;
use serde_json::json;

/// What becomes of a result.
enum Decision {
    Apply,
    /// A dry run, or the user said no.
    Leave,
}

pub(crate) fn edit(args: &EditArgs, invocation: &mut Invocation, console: &mut Console) -> Result {
    let (prompt, paths) = run::words(&args.words, args.message.as_ref(), invocation)?;
    if prompt.is_empty() {
        return Err(RunError::EmptyInstruction.into());
    }
    let options = run::options(&args.option)?;
    let repo = Repo::open(&invocation.session, &invocation.base)?;
    recover(&repo, args.dry_run, console)?;
    let targets = targets(&repo, &paths, args, invocation)?;
    repo.check_readable(&targets)?;
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
        reads: Vec::new(),
        selection: None,
        options,
        seed: invocation.seed.unwrap_or(0),
    };
    let run = run::run(&repo, model, &instruction, policy, invocation, console, &mut |_, _, _| {});
    let commit = place.as_ref().map(|place| (prompt.as_str(), place));
    let done = run.and_then(|run| conclude(args, &repo, &run, commit, invocation, console));
    done.map_err(|failure| {
        // `apply` says so itself when it was stopped between its commit point and its end.
        let told = failure.message.starts_with("interrupted") || !invocation.cancel.is_cancelled();
        if told { failure } else { failure.hint("nothing was changed") }
    })
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
        console.note(&format!("edit {id} had been interrupted; it is complete now"));
    }
    for id in &recovery.reverted {
        console.note(&format!("edit {id} had been interrupted; it is taken back now"));
    }
    for (id, files) in &recovery.conflicts {
        let names: Vec<_> = files.iter().map(ToString::to_string).collect();
        console.warn(&format!(
            "edit {id} had been interrupted and is taken back, but for what somebody has changed since: {}",
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

/// Show the result, and apply it where that is wanted.
fn conclude(
    args: &EditArgs,
    repo: &Repo,
    run: &Run,
    commit: Option<(&str, &CommitPlace)>,
    invocation: &mut Invocation,
    console: &mut Console,
) -> Result {
    if !run.changes() {
        if let Some(answer) = &run.answer {
            console.warn("the model answered in words instead of changing files");
            console.note(&crate::sanitise::for_terminal(&answer.text));
        }
        console.note("nothing to change");
        if console.json {
            console.json(&report(run, None))?;
        }
        return Ok(Done::Clean);
    }
    if !console.json {
        console.diff(&run.diff)?;
    }
    for finding in run.verification.iter().flat_map(|v| &v.findings) {
        console.warn(&finding.to_string());
    }
    if run.applicability == Applicability::Safe {
        run.rationale.lines().for_each(|line| console.detail(&crate::sanitise::for_terminal(line)));
    } else {
        run.rationale.lines().for_each(|line| console.warn(line));
    }
    match decide(args, run, invocation, console)? {
        Decision::Leave => {
            if console.json {
                console.json(&report(run, None))?;
            }
            Ok(Done::Findings)
        }
        Decision::Apply => {
            let how =
                ApplyRun { now_ms: invocation.now_ms(), unverified: args.no_verify, protected: args.allow_protected };
            if let Some((prompt, place)) = commit {
                let landed = repo.apply_and_commit(run, prompt, place, how, &invocation.cancel);
                return told_commit(run, landed.map_err(|e| not_committed(e, invocation))?, console);
            }
            let applied = repo.apply(run, how, &invocation.cancel)?;
            if console.json {
                console.json(&report(run, applied.as_ref().map(|a| a.id.as_str())))?;
            } else if let Some(applied) = applied {
                console.note(&format!("changed {}; `deepcoder undo` takes it back", count(applied.files.len())));
            }
            Ok(Done::Clean)
        }
    }
}

/// Whoever interrupts must be told that the edit is in the tree.
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
            "worktree": landed.work_tree,
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

fn decide(args: &EditArgs, run: &Run, invocation: &mut Invocation, console: &mut Console) -> Result<Decision> {
    if !run.verified() && !args.no_verify {
        if args.dry_run {
            return Ok(Decision::Leave);
        }
        run.require_verified()?;
    }
    if args.dry_run {
        return Ok(Decision::Leave);
    }
    if run.applicability == Applicability::DisplayOnly {
        console.note("nothing written: this is only a suggestion");
        return Ok(Decision::Leave);
    }
    if args.yes && (run.applicability == Applicability::Safe || args.force) {
        return Ok(Decision::Apply);
    }
    if args.yes {
        console.note("nothing written: a person should look at this change first");
        console.hint("without --yes you are asked at a terminal; --yes --force applies it as it is");
        return Ok(Decision::Leave);
    }
    if console.json || !invocation.input.is_terminal {
        console.note("nothing written: nobody can be asked here");
        console.hint("--yes applies without asking, --dry-run says that only the diff is wanted");
        return Ok(Decision::Leave);
    }
    let files = run.edit_set.as_ref().map_or(0, |set| set.files.len());
    console.ask(&format!("apply this change to {}? [y/N] ", count(files)));
    let answer = invocation.input.line(&invocation.cancel)?;
    invocation.checkpoint()?;
    if matches!(answer.to_lowercase().as_str(), "y" | "yes") {
        Ok(Decision::Apply)
    } else {
        console.note("nothing written");
        Ok(Decision::Leave)
    }
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
