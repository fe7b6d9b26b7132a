//! `deepcoder undo`, `deepcoder restore` and `deepcoder log`

use crate::args::{LogArgs, RestoreArgs, StateChoice, UndoArgs};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::sanitise::for_terminal;
use crate::time;
use deepcoder_session::{LogEntry, LogFile, Repo, Side};
use deepcoder_types::{FileImage, RepoPath};
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

pub(crate) fn undo(args: &UndoArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let repo = Repo::open(&invocation.session, &invocation.base)?;
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
        console.print(&format!("{file}\n"))?;
    }
    for file in &undone.already {
        console.note(&format!("already as before: {}", for_terminal(file.as_str())));
    }
    let title = for_terminal(&undone.title);
    console.note(&format!("undone: {title}; `deepcoder undo {}` brings it back", undone.id));
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
    let repo = Repo::open(&invocation.session, &invocation.base)?;
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
        console.print(&format!("{file}\n"))?;
    }
    for file in &restored.removed {
        let (file, state) = (for_terminal(file.as_str()), args.state.name());
        console.note(&format!("removed {file}: it did not exist {state} the edit"));
    }
    for file in &restored.already {
        console.note(&format!("already so: {}", for_terminal(file.as_str())));
    }
    if let Some(id) = &restored.id {
        console.note(&format!("`deepcoder undo {id}` brings back what was there"));
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

pub(crate) fn log(args: &LogArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let repo = Repo::open(&invocation.session, &invocation.base)?;
    let entries = repo.log(args.limit as usize)?;
    if console.json {
        for entry in &entries {
            console.json(&entry_json(entry))?;
        }
        return Ok(Done::Clean);
    }
    if entries.is_empty() {
        console.note("no edits were made in this repository yet");
    }
    for entry in &entries {
        console.heading(&format!("{}  {}  {}", entry.id, time::utc(entry.created_ms), entry.state.as_str()))?;
        console.print(&format!("    {}\n", entry.title))?;
        for file in &entry.files {
            let changed = if entry.changed_since.contains(&file.path) { " (changed since)" } else { "" };
            console.print(&format!("    {} {}{changed}\n", letter(file), file.path))?;
        }
        if let Some(commit) = &entry.user_commit {
            console.print(&format!("    in commit {}\n", short(commit)))?;
        }
        if let Some(note) = &entry.note {
            console.print(&format!("    note: {note}\n"))?;
        }
    }
    Ok(Done::Clean)
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
        console.warn(&format!("somebody wrote meanwhile; those bytes are kept in {}", kept.display()));
    }
}

/// Enough of a commit's name to be told from others.
pub(crate) fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}
