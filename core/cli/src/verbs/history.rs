//! `deepcoder undo`, `deepcoder restore` and `deepcoder log`

use crate::args::{LogArgs, RestoreArgs, StateChoice, UndoArgs};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::{ids, sanitise, time};
use deepcoder_app::{LogEntry, LogFile, Repo, Side};
use deepcoder_types::{CheckOutcome, Evidence, FileImage, RepoPath};
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

pub(crate) fn undo(args: &UndoArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let repo = Repo::open(&invocation.profile, &invocation.base)?;
    let undone = repo.undo(args.id.as_deref(), invocation.now_ms(), &invocation.cancel)?;
    if console.json {
        console.json(&json!({
            "undone": undone.undone,
            "id": undone.id,
            "title": undone.title,
            "files": undone.files,
            "already": undone.already,
            "committed": undone.user_commit,
            "kept": undone.kept.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>(),
        }))?;
        return Ok(Done::Clean);
    }
    for file in &undone.files {
        console.line(&sanitise::path(file.as_str()))?;
    }
    for file in &undone.already {
        console.note(&format!("already as before: {}", sanitise::path(file.as_str())));
    }
    let title = sanitise::line(&undone.title);
    console.note(&format!("undone: {title}; `deepcoder undo {}` brings it back", ids::short(&undone.id)));
    if let Some(commit) = &undone.user_commit {
        let short = short(commit);
        console.note(&format!(
            "the files are as before; HEAD was not moved, and commit {short} still has the edit (`git commit` what is in \
             the tree now, or `git revert {short}`)"
        ));
    }
    kept(&undone.kept, console);
    Ok(Done::Clean)
}

pub(crate) fn restore(args: &RestoreArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let repo = Repo::open(&invocation.profile, &invocation.base)?;
    let resolve = |typed: &String| repo.workspace().resolve(&invocation.base, typed).map_err(Failure::from);
    let paths = args.path.iter().map(resolve).collect::<Result<Vec<RepoPath>>>()?;
    let side = match args.state {
        StateChoice::Before => Side::Before,
        StateChoice::After => Side::After,
        StateChoice::Kept => Side::Kept,
    };
    if let Some(target) = &args.to {
        let [path] = paths.as_slice() else {
            return Err(Failure::new("--to takes one --path"));
        };
        let Some(image) = repo.image(&args.id, path, side)? else {
            let state = args.state.name();
            return Err(Failure::new(format!("`{path}` did not exist {state} the edit `{}`", args.id)));
        };
        return copy_out(&image, target, invocation, console);
    }
    let restored = repo.restore(&args.id, &paths, side, invocation.now_ms(), &invocation.cancel)?;
    if console.json {
        console.json(&json!({
            "edit": restored.edit,
            "id": restored.id,
            "files": restored.files,
            "removed": restored.removed,
            "already": restored.already,
            "kept": restored.kept.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>(),
        }))?;
        return Ok(Done::Clean);
    }
    for file in &restored.files {
        console.line(&sanitise::path(file.as_str()))?;
    }
    for file in &restored.removed {
        let (file, state) = (sanitise::path(file.as_str()), args.state.name());
        console.note(&format!("removed {file}: it did not exist {state} the edit"));
    }
    for file in &restored.already {
        console.note(&format!("already so: {}", sanitise::path(file.as_str())));
    }
    if let Some(id) = &restored.id {
        console.note(&format!("`deepcoder undo {}` brings back what was there", ids::short(id)));
    }
    kept(&restored.kept, console);
    Ok(Done::Clean)
}

/// Write the bytes where the user says, over nothing that is there.
fn copy_out(image: &FileImage, target: &Path, invocation: &Invocation, console: &mut Console) -> Result {
    if target == Path::new("-") {
        console.bytes(&image.bytes)?;
        return Ok(Done::Clean);
    }
    let path = invocation.path(target);
    let failed = |e: &std::io::Error| {
        let failure = Failure::io(format_args!("cannot write {}", target.display()), e);
        if e.kind() == std::io::ErrorKind::AlreadyExists {
            failure.hint("name a file that does not exist")
        } else {
            failure
        }
    };
    let mode = image.mode.unwrap_or(0o644) & 0o777;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path).map_err(|e| failed(&e))?;
    file.write_all(&image.bytes).and_then(|()| file.sync_all()).map_err(|e| failed(&e))?;
    console.note(&format!("wrote {} bytes to {}", image.bytes.len(), target.display()));
    Ok(Done::Clean)
}

/// Entries that are looked through for those of some files.
const MOST: usize = 100_000;

pub(crate) fn log(args: &LogArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let repo = Repo::open(&invocation.profile, &invocation.base)?;
    let wanted = wanted(&args.paths, &repo, invocation)?;
    let mut entries = repo.log(if wanted.is_some() { MOST } else { args.limit as usize })?;
    if let Some(wanted) = wanted {
        let below = |path: &RepoPath, folder: &RepoPath| {
            path.as_str().strip_prefix(folder.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        entries.retain(|entry| entry.files.iter().any(|file| wanted.iter().any(|one| below(&file.path, one))));
        entries.truncate(args.limit as usize);
    }
    if entries.is_empty() && !console.json {
        let of_them = if args.paths.is_empty() { "in this repository" } else { "of these files" };
        console.note(&format!("no edits were made {of_them} yet"));
    }
    for entry in &entries {
        let diff = if args.patch { Some(repo.diff(entry)?) } else { None };
        if console.json {
            let mut value = entry_json(entry);
            if let Some(diff) = diff {
                value["diff"] = diff.into();
            }
            console.json(&value)?;
        } else {
            show(entry, console)?;
            diff.map_or(Ok(()), |diff| console.diff(&diff))?;
        }
    }
    Ok(Done::Clean)
}

/// The files and folders that were named; `None` for all. They need not exist any more.
fn wanted(typed: &[String], repo: &Repo, invocation: &Invocation) -> Result<Option<Vec<RepoPath>>> {
    let root = repo.workspace().root();
    let is_root = |text: &String| invocation.base.join(text).canonicalize().is_ok_and(|path| path == root);
    if typed.is_empty() || typed.iter().any(is_root) {
        return Ok(None);
    }
    let resolve = |text: &String| repo.workspace().resolve(&invocation.base, text).map_err(Failure::from);
    typed.iter().map(resolve).collect::<Result<Vec<_>>>().map(Some)
}

fn show(entry: &LogEntry, console: &mut Console) -> Result<()> {
    let when = time::local(entry.created_ms);
    console.heading(&format!("{}  {when}  {}", ids::short(&entry.id), entry.state.as_str()))?;
    console.line(&format!("    {}", entry.title))?;
    for file in &entry.files {
        let changed = if entry.changed_since.contains(&file.path) { " (changed since)" } else { "" };
        console.line(&format!("    {} {}{changed}", letter(file), sanitise::path(file.path.as_str())))?;
    }
    if let Some(commit) = &entry.user_commit {
        console.line(&format!("    in commit {}", short(commit)))?;
    }
    if let Some(evidence) = evidence(entry) {
        lines_of(&evidence).iter().try_for_each(|line| console.line(&format!("    {}", sanitise::line(line))))?;
    }
    entry.note.iter().try_for_each(|note| console.line(&format!("    note: {note}")))
}

/// What the edit rested on, where the record says so.
fn evidence(entry: &LogEntry) -> Option<Evidence> {
    let record: Value = serde_json::from_str(entry.request_json.as_deref()?).ok()?;
    serde_json::from_value(record.get("evidence")?.clone()).ok()
}

/// The reason, what was tried and which checks ran.
fn lines_of(evidence: &Evidence) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    if !evidence.reason.is_empty() {
        lines.push(format!("reason: {}", evidence.reason));
    }
    if let [chosen, _, ..] = evidence.candidates.as_slice() {
        let failed = evidence.candidates.iter().filter(|candidate| candidate.failure.is_some()).count();
        let without = if failed > 0 { format!(", {failed} without a usable change") } else { String::new() };
        let (tried, agreeing) = (evidence.candidates.len(), chosen.agreeing);
        lines.push(format!("tried: {tried} candidates, {agreeing} with this result{without}"));
    }
    lines.extend(evidence.checks.iter().map(|report| {
        let outcome = match &report.outcome {
            CheckOutcome::Passed if report.reaches => "passed, and runs the changed code".to_owned(),
            CheckOutcome::Passed => "passed".to_owned(),
            CheckOutcome::Failed => "failed".to_owned(),
            CheckOutcome::Unknown => "failed before the edit as well".to_owned(),
            CheckOutcome::NotRun(why) => format!("not run: {why}"),
        };
        format!("check {}: {outcome}", report.name)
    }));
    lines
}

fn entry_json(entry: &LogEntry) -> Value {
    json!({
        "id": entry.id,
        "title": entry.title,
        "created_ms": entry.created_ms,
        "time": time::utc(entry.created_ms),
        "state": entry.state.as_str(),
        "undoable": entry.undoable,
        "changed_since": entry.changed_since,
        "undoes": entry.undoes,
        "commit": entry.commit,
        "committed": entry.user_commit,
        "note": entry.note,
        "evidence": evidence(entry),
        "files": entry.files.iter().map(file_json).collect::<Vec<_>>(),
    })
}

fn file_json(file: &LogFile) -> Value {
    let status = match letter(file) {
        'A' => "added",
        'D' => "deleted",
        _ => "modified",
    };
    let mode = |mode: u32| format!("{mode:04o}");
    json!({
        "path": file.path,
        "status": status,
        "old_sha256": file.old.map(|image| image.hash),
        "new_sha256": file.new.map(|image| image.hash),
        "old_mode": file.old.map(|image| mode(image.mode)),
        "new_mode": file.new.map(|image| mode(image.mode)),
        "old_bytes": file.old.map(|image| image.size),
        "new_bytes": file.new.map(|image| image.size),
    })
}

/// As git says it.
const fn letter(file: &LogFile) -> char {
    match (&file.old, &file.new) {
        (None, _) => 'A',
        (_, None) => 'D',
        _ => 'M',
    }
}

fn kept(paths: &[std::path::PathBuf], console: &mut Console) {
    for kept in paths {
        console.warn(&format!("another program wrote meanwhile; its bytes are kept in {}", kept.display()));
    }
}

/// Enough of a commit's name to be told from others.
pub(crate) fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}
