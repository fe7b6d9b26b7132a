//! `deepcoder undo` and `deepcoder log`

use crate::args::{LogArgs, UndoArgs};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Result};
use crate::sanitise::for_terminal;
use crate::time;
use deepcoder_session::Repo;
use serde_json::json;

pub(crate) fn undo(args: &UndoArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let repo = Repo::open(&invocation.session, &invocation.base)?;
    let undone = repo.undo(args.id.as_deref(), invocation.now_ms(), &invocation.cancel)?;
    if console.json {
        console.json(&json!({
            "undone": undone.undone,
            "id": undone.id,
            "title": undone.title,
            "files": undone.files,
            "kept": undone.kept,
        }))?;
    } else {
        for file in &undone.files {
            console.print(&format!("{file}\n"))?;
        }
        let title = for_terminal(&undone.title);
        console.note(&format!("undone: {title}; `deepcoder undo {}` brings it back", undone.id));
        for kept in &undone.kept {
            console.warn(&format!("somebody wrote meanwhile; those bytes are kept in {}", kept.display()));
        }
    }
    Ok(Done::Clean)
}

pub(crate) fn log(args: &LogArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let repo = Repo::open(&invocation.session, &invocation.base)?;
    let entries = repo.log(args.limit as usize)?;
    if console.json {
        for entry in &entries {
            console.json(&json!({
                "id": entry.id,
                "title": entry.title,
                "created_ms": entry.created_ms,
                "state": entry.state.as_str(),
                "undoes": entry.undoes,
                "commit": entry.commit,
                "note": entry.note,
                "files": entry.files,
            }))?;
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
            console.print(&format!("    {file}\n"))?;
        }
        if let Some(note) = &entry.note {
            console.print(&format!("    note: {note}\n"))?;
        }
    }
    Ok(Done::Clean)
}
