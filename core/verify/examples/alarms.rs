//! Checks edits that people made, to count false alarms: a line of standard input is a JSON object with `root` (a folder that
//! holds the tree before the edit), `files` (its files), `instruction` and `changes` (`path`, `old`, `new`); the answer is
//! a line with the findings. `docs/lab/alarms.py` feeds it the commits of a repository.
#![expect(clippy::print_stdout, reason = "an example prints")]

use deepcoder_types::{EditSet, FileChange, FileImage, RepoPath};
use deepcoder_verify::{Policy, verify};
use deepcoder_workspace::{ListError, ReadError, Tree, Visibility};
use serde::Deserialize;
use std::io::{BufRead, Write};
use std::path::PathBuf;

#[derive(Deserialize)]
struct Edit {
    root: PathBuf,
    files: Vec<String>,
    instruction: String,
    changes: Vec<Changed>,
}

#[derive(Deserialize)]
struct Changed {
    path: String,
    old: Option<String>,
    new: Option<String>,
}

struct Folder {
    root: PathBuf,
    files: Vec<RepoPath>,
}

impl Tree for Folder {
    fn read(&self, path: &RepoPath) -> Result<FileImage, ReadError> {
        let io = |source| ReadError::Io { path: path.clone(), source };
        Ok(FileImage { bytes: std::fs::read(self.root.join(path)).map_err(io)?, mode: None })
    }

    fn files(&self) -> Result<Vec<RepoPath>, ListError> {
        Ok(self.files.clone())
    }

    fn visibility(&self, _path: &RepoPath) -> Visibility {
        Visibility::Visible
    }

    fn revision(&self) -> String {
        String::new()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for line in std::io::stdin().lock().lines() {
        let edit: Edit = serde_json::from_str(&line?)?;
        let files = edit.files.into_iter().filter_map(|path| RepoPath::new(path).ok()).collect();
        let image = |text: String| FileImage { bytes: text.into_bytes(), mode: None };
        let mut set = EditSet { id: String::new(), title: String::new(), files: Vec::new() };
        for Changed { path, old, new } in edit.changes {
            let Ok(path) = RepoPath::new(path) else { continue };
            set.files.push(FileChange { path, old: old.map(image), new: new.map(image) });
        }
        set.files.sort_by(|a, b| a.path.cmp(&b.path));
        let policy = Policy { instruction: edit.instruction, ..Policy::new(["**"]) };
        let found = verify(&set, &policy, &Folder { root: edit.root, files });
        println!("{}", serde_json::to_string(&found.findings)?);
        std::io::stdout().flush()?;
    }
    Ok(())
}
