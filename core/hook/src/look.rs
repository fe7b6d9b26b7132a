//! Runs the actions on the files of a hook.

use crate::HookError;
use crate::ask::{Asker, NoAnswer};
use crate::config::{Action, Config, HookType, Kind, Mode};
use crate::decode;
use crate::entries::{Entry, Listed, Skipped};
use crate::git::Blobs;
use crate::place::Place;
use crate::run::{Finding, Report};
use crate::text::{self, Subject};
use crate::tree::Change;
use deepcoder_apply::protected;
use deepcoder_syntax::{Language, parses};
use deepcoder_types::RepoPath;
use deepcoder_verify::broken_data;
use deepcoder_workspace::{GitTree, MAX_FILE, Tree, Workspace};
use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Instant;

/// A file with its bytes.
pub(crate) struct Item {
    pub(crate) entry: Entry,
    pub(crate) old: Option<Vec<u8>>,
    pub(crate) others: Vec<Vec<u8>>,
    pub(crate) new: Vec<u8>,
}

/// One run of a hook.
pub(crate) struct Work {
    pub(crate) place: Place,
    pub(crate) config: Config,
    pub(crate) hook: HookType,
    /// All lines count as added.
    pub(crate) whole: bool,
    pub(crate) trusted: bool,
    pub(crate) asker: Asker,
    /// The files that a fix of the model's goes with, once one is asked for.
    pub(crate) tree: OnceCell<Result<Arc<dyn Tree>, String>>,
    pub(crate) deadline: Instant,
    /// Something was not done that was to be done.
    pub(crate) late: bool,
    pub(crate) report: Report,
}

impl Work {
    /// The files that some action is about, with their bytes.
    pub(crate) fn read(&mut self, listed: Listed) -> Result<Vec<Item>, HookError> {
        self.report.skipped.extend(listed.skipped);
        let mut entries = listed.entries;
        entries.retain(|entry| self.config.actions.iter().any(|action| action.applies(self.hook, &entry.path)));
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let mut blobs: Blobs = self.place.git.blobs()?;
        let mut items = Vec::new();
        for entry in entries {
            let old = entry.old.as_ref().map_or(Ok(None), |old| blobs.read(old, MAX_FILE))?;
            let mut others = Vec::new();
            for other in &entry.others {
                others.extend(blobs.read(other, MAX_FILE)?);
            }
            match blobs.read(&entry.new, MAX_FILE)? {
                Some(new) => items.push(Item { entry, old, others, new }),
                None => self.report.skipped.push(Skipped {
                    path: entry.path.to_string(),
                    reason: format!("it has more than {MAX_FILE} bytes"),
                }),
            }
        }
        self.report.looked_at += items.len();
        Ok(items)
    }

    /// Let every action have a look; what they would change, with the file's mode. `why_not` says why nothing may be.
    pub(crate) fn look(&mut self, items: Vec<Item>, why_not: Option<&str>) -> Result<Vec<(Change, String)>, HookError> {
        let actions = self.config.actions.clone();
        let mut changes = Vec::new();
        for Item { entry, old, others, new } in items {
            let mut change = Change {
                path: entry.path,
                ids: (entry.new, String::new()),
                new: new.clone(),
                old: new,
                by: Vec::new(),
            };
            let (hook, path) = (self.hook, change.path.clone());
            for action in actions.iter().filter(|action| action.applies(hook, &path)) {
                let by_model = action.kind.asks_model() && action.mode == Mode::Fix;
                // A model that uses up the deadline must not keep the next file from being checked.
                if by_model && Instant::now() >= self.deadline {
                    self.put_off(action.kind, path.as_str(), "the deadline has passed");
                    continue;
                }
                let new = std::mem::take(&mut change.new);
                let old = old.as_deref().filter(|_| action.kind.asks_model() || !self.whole);
                let subject = Subject { path: &path, old, others: &others, renamed: entry.renamed, new: &new };
                if action.kind == Kind::RefuseSecrets && decode::is_packed(&new) {
                    self.report.skipped.push(Skipped {
                        path: path.to_string(),
                        reason: "it is packed, so that secrets in it cannot be seen".into(),
                    });
                }
                let fixed = match action.mode {
                    Mode::Check => {
                        self.tell(action.kind, subject, path.as_str());
                        None
                    }
                    Mode::Fix if by_model => self.ask(action, subject, why_not),
                    Mode::Fix => text::fix(action.kind, subject).filter(|fixed| still_parses(&path, &new, fixed)),
                };
                if fixed.is_some() {
                    change.by.push(action.kind);
                }
                change.new = fixed.unwrap_or(new);
            }
            if change.new == change.old {
                continue;
            }
            match why_not {
                Some(why) => self.report.findings.extend(unfixed(&change, why)),
                None => changes.push((change, entry.mode)),
            }
        }
        Ok(changes)
    }

    fn ask(&mut self, action: &Action, subject: Subject<'_>, why_not: Option<&str>) -> Option<Vec<u8>> {
        let (kind, path) = (action.kind, subject.path.as_str());
        let idle = kind != Kind::Edit && text::check(kind, subject).is_empty();
        if idle || text::is_binary(subject.new) || protected(subject.path).is_some() {
            return None;
        }
        if let Some(why) = why_not {
            // A merge or a rebase is no time for the model to write.
            self.put_off(kind, path, why);
            return None;
        }
        if !self.trusted {
            let why = "deepcoder.toml is new or has changed, and what it tells the model is not trusted yet; read it, then `deepcoder hook trust`";
            self.put_off(kind, path, why);
            return None;
        }
        let tree = self.tree.get_or_init(|| tree_of(&self.place, self.whole));
        let fixed = match tree {
            Ok(tree) => self.asker.fix(action, subject, tree),
            Err(why) => Err(NoAnswer::Failed(why.clone())),
        };
        match fixed {
            Ok(fixed) => fixed.map(String::into_bytes),
            Err(NoAnswer::NotReady) => {
                self.put_off(kind, path, "the model was not warm; it is being loaded for the next time");
                None
            }
            Err(NoAnswer::Late) => {
                self.put_off(kind, path, "the model did not end before the deadline");
                None
            }
            Err(NoAnswer::Failed(why)) => {
                self.put_off(kind, path, &why);
                None
            }
        }
    }

    fn put_off(&mut self, kind: Kind, path: &str, why: &str) {
        self.late = true;
        self.report.warnings.push(format!("{path}: {} was left out: {why}", kind.name()));
    }

    pub(crate) fn tell(&mut self, kind: Kind, subject: Subject<'_>, path: &str) {
        let found = text::check(kind, subject).into_iter();
        let action = kind.name();
        self.report.findings.extend(found.map(|(line, message)| Finding {
            path: path.to_owned(),
            line,
            message,
            action,
        }));
    }

    pub(crate) fn refuse_fix(&mut self, change: &Change, why: &str) {
        self.report.findings.extend(unfixed(change, why));
    }
}

/// The index; or the work tree, where its files are named or the library cannot read the index (a split one, say).
fn tree_of(place: &Place, named: bool) -> Result<Arc<dyn Tree>, String> {
    let workspace = Workspace::open(&place.root).map_err(|e| e.to_string())?;
    match GitTree::index(&workspace, Some(&place.index)) {
        Ok(staged) if !named => Ok(Arc::new(staged)),
        _ => Ok(Arc::new(workspace)),
    }
}

/// A fix that may not be made is a finding.
pub(crate) fn unfixed(change: &Change, why: &str) -> Vec<Finding> {
    let finding = |action: &'static str| Finding {
        path: change.path.to_string(),
        line: None,
        message: format!("{action} would change this file; it is not changed here: {why}"),
        action,
    };
    change.names().into_iter().map(finding).collect()
}

/// White space can have a meaning: inside of what several lines hold together, say.
fn still_parses(path: &RepoPath, old: &[u8], new: &[u8]) -> bool {
    let Some(language) = Language::program(path) else {
        let text = |bytes| std::str::from_utf8(bytes).ok();
        return text(old).zip(text(new)).is_none_or(|(old, new)| broken_data(path, Some(old), new).is_none());
    };
    let parse = |bytes| std::str::from_utf8(bytes).ok().and_then(|text| parses(language, text));
    parse(old) != Some(true) || parse(new) == Some(true)
}
