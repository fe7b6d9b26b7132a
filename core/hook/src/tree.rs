//! Bringing a fix of a staged file into the work tree, where the user may have gone on.

use crate::config::Kind;
use crate::git::Git;
use crate::merge::merge;
use deepcoder_apply::{Applier, ApplyOptions};
use deepcoder_types::{Cancel, ContentHash, EditSet, FileChange, FileImage, RepoPath};
use deepcoder_verify::{Policy, Severity, verify};
use deepcoder_workspace::{Memory, ReadError, Tree, Workspace};

/// A staged file before and after.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) path: RepoPath,
    /// The blobs, which are in git.
    pub(crate) ids: (String, String),
    pub(crate) old: Vec<u8>,
    pub(crate) new: Vec<u8>,
    /// The actions that made it.
    pub(crate) by: Vec<Kind>,
}

impl Change {
    /// The names of its actions.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.by.iter().map(|kind| kind.name()).collect()
    }
}

/// The state of a file of the work tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InTree {
    /// It was as staged, and is fixed as well.
    Fixed,
    /// It had other changes, which were kept beside the fix.
    Merged,
    /// It was not touched, and why.
    Left(String),
}

/// Write the fixes of `changes` to the work tree; what became of each, in order.
pub(crate) fn update(
    git: &Git,
    workspace: &Workspace,
    applier: &Applier,
    changes: &[&Change],
    now_ms: u64,
    cancel: &Cancel,
) -> Vec<InTree> {
    let mut outcomes = Vec::new();
    let mut set = EditSet { id: String::new(), title: title(changes), files: Vec::new() };
    for change in changes {
        let outcome = match plan(git, workspace, change) {
            Ok((file, outcome)) => {
                set.files.extend(file);
                outcome
            }
            Err(reason) => InTree::Left(reason),
        };
        outcomes.push(outcome);
    }
    set.files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut leave = |path: &RepoPath, reason: String| {
        let at = changes.iter().position(|change| change.path == *path);
        if let Some(outcome) = at.and_then(|at| outcomes.get_mut(at)) {
            *outcome = InTree::Left(reason);
        }
    };
    let options = ApplyOptions { now_ms, ..ApplyOptions::default() };
    for refusal in applier.preview_conflicts(&set, &options).unwrap_or_default() {
        leave(refusal.path(), refusal.to_string());
        set.files.retain(|file| file.path != *refusal.path());
    }
    for (path, reason) in refused(&set, changes, workspace) {
        set.files.retain(|file| file.path != path);
        leave(&path, reason);
    }
    if set.files.is_empty() {
        return outcomes;
    }
    set.id = id(&set, now_ms);
    if applier.apply(&set, &options, cancel).is_err() {
        // One by one, because a file that another program writes to at this moment must not keep the others from being
        // fixed.
        for file in std::mem::take(&mut set.files) {
            let path = file.path.clone();
            let mut one = EditSet { files: vec![file], ..set.clone() };
            one.id = id(&one, now_ms);
            if let Err(error) = applier.apply(&one, &options, cancel) {
                leave(&path, error.to_string());
            }
        }
    }
    outcomes
}

/// The files of `set` that do not pass verification, and why: the fix was made for what is staged, and the file may have
/// other changes that it does not go with. As everywhere, what a model wrote needs no review, or is not applied. A fix that
/// needs no model changes the ends of lines only: there an error counts and nothing else, and a file that is not UTF-8,
/// which `verify` cannot judge, is fixed all the same.
fn refused(set: &EditSet, changes: &[&Change], workspace: &Workspace) -> Vec<(RepoPath, String)> {
    let by_model = |path: &RepoPath| {
        changes.iter().any(|change| change.path == *path && change.by.iter().any(|kind| kind.asks_model()))
    };
    let text = |file: &&FileChange| file.old.iter().chain(&file.new).all(|i| std::str::from_utf8(&i.bytes).is_ok());
    let judged = EditSet { files: set.files.iter().filter(text).cloned().collect(), ..set.clone() };
    // Looking through the whole tree takes longer than a fix without a model may.
    let alone = Memory::default();
    let tree: &dyn Tree = if judged.files.iter().any(|file| by_model(&file.path)) { workspace } else { &alone };
    let mut found: Vec<(RepoPath, String)> = Vec::new();
    for finding in verify(&judged, &Policy::new(["**"]), tree).mendable() {
        let counts = finding.severity == Severity::Error || by_model(&finding.path);
        if counts && !found.iter().any(|(path, _)| *path == finding.path) {
            found.push((finding.path.clone(), finding.message.clone()));
        }
    }
    found
}

/// The change of one file, and what it will be when that is written; an error says why it is left alone.
fn plan(git: &Git, workspace: &Workspace, change: &Change) -> Result<(Option<FileChange>, InTree), String> {
    let image = match workspace.read(&change.path) {
        Err(ReadError::Missing { .. }) => return Err("it is not in the work tree".into()),
        image => image.map_err(|e| e.to_string())?,
    };
    let (bytes, outcome) = if image.bytes == change.old {
        (change.new.clone(), InTree::Fixed)
    } else {
        in_form(git, change, &image.bytes)?
    };
    if bytes == image.bytes {
        return Ok((None, outcome));
    }
    let new = FileImage { bytes, mode: image.mode };
    Ok((Some(FileChange { path: change.path.clone(), old: Some(image), new: Some(new) }), outcome))
}

/// The fixed file in the form that it has in the work tree: with other line endings perhaps, and with other changes.
fn in_form(git: &Git, change: &Change, ours: &[u8]) -> Result<(Vec<u8>, InTree), String> {
    let path = change.path.as_str();
    let smudged = |id: &str| git.smudged(id, path).map_err(|e| e.to_string());
    let old = smudged(&change.ids.0)?;
    // A file may keep line endings that a checkout would not give it.
    let converts = old != change.old && ours.windows(2).any(|pair| pair == b"\r\n");
    let (old, new) = if converts { (old, smudged(&change.ids.1)?) } else { (change.old.clone(), change.new.clone()) };
    if ours == old {
        return Ok((new, InTree::Fixed));
    }
    if let Some(merged) = merge(&old, ours, &new) {
        return Ok((merged, InTree::Merged));
    }
    Err("it has other changes at the same lines".into())
}

fn title(changes: &[&Change]) -> String {
    let mut by: Vec<&str> = changes.iter().flat_map(|change| change.names()).collect();
    by.sort_unstable();
    by.dedup();
    format!("hook: {}", by.join(", "))
}

/// Unlike any other: the same fix may be made again tomorrow.
fn id(set: &EditSet, now_ms: u64) -> String {
    let mut text = format!("{now_ms} {}", std::process::id());
    for file in &set.files {
        let hash = |image: &Option<FileImage>| image.as_ref().map(|image| image.hash().to_string()).unwrap_or_default();
        text.push_str(&format!("\0{}\0{}\0{}", file.path, hash(&file.old), hash(&file.new)));
    }
    let mut id = ContentHash::of(text.as_bytes()).to_string();
    id.truncate(16);
    id
}
