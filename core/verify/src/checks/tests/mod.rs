//! The findings of the checks, by edit set, instruction and surrounding tree.

mod api;
mod arity;
mod asked;
mod bodies;
mod confused;
mod content;
mod data;
mod docs;
mod generated;
mod imports;
mod literals;
mod lost;
mod meanings;
mod names;
mod prose;
mod scope;
mod settings;
mod several;
mod twice;
mod twin;
mod weakened;

use crate::{Policy, Severity, verify};
use deepcoder_types::{EditSet, FileChange, FileImage, RepoPath};
use deepcoder_workspace::{Memory, Tree as _};

const NONE: [&str; 0] = [];

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).expect("a path")
}

/// The findings on an edit of a tree: `changes` are files with their new texts, `None` for those that go.
fn findings(instruction: &str, tree: &[(&str, &str)], changes: &[(&str, Option<&str>)]) -> Vec<String> {
    let files: Memory = tree.iter().map(|(p, text)| (path(p), text.as_bytes().to_vec())).collect();
    let image = |text: &str| FileImage { bytes: text.as_bytes().to_vec(), mode: Some(0o644) };
    let mut set: Vec<FileChange> = Vec::new();
    for (name, new) in changes {
        let old = files.image(&path(name)).expect("a file");
        set.push(FileChange { path: path(name), old, new: new.map(image) });
    }
    set.sort_by(|a, b| a.path.cmp(&b.path));
    let policy = Policy { instruction: instruction.into(), ..Policy::new(["**"]) };
    let set = EditSet { id: "x".into(), title: "x".into(), files: set };
    let mark = |severity| match severity {
        Severity::Error => "E",
        Severity::Review => "R",
        Severity::Warning => "W",
    };
    let found = verify(&set, &policy, &files).findings;
    found.iter().map(|finding| format!("{} {finding}", mark(finding.severity))).collect()
}

/// The same for one file that is alone.
fn edit(instruction: &str, name: &str, old: &str, new: &str) -> Vec<String> {
    findings(instruction, &[(name, old)], &[(name, Some(new))])
}
