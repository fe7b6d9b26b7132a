//! The files that a model may see, folder by folder, and what is known of each.

use super::events::Limit;
use super::scratch::is_scratch;
use super::stamp::Stamp;
use super::{ChangeKind, Changed};
use crate::rules::{FileVerdict, IgnoreWalker, RuleSource as _, Rules, Verdict, is_rules_file};
use crate::{Workspace, beneath, secrets};
use deepcoder_types::RepoPath;
use rustix::fd::AsFd as _;
use rustix::fs::{AtFlags, Dir, FileType, OFlags};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Watching part of a tree anew costs a look at all watches for each of them: up to this many looks.
const LOOKS: usize = 2_000_000;

/// The known files and folders.
pub(crate) struct Tree {
    pub(crate) workspace: Workspace,
    /// By their paths; the root is the empty one.
    folders: BTreeMap<String, Folder>,
    /// Files that git's rules hide and that are tracked all the same.
    tracked: BTreeSet<String>,
    /// Whether git's rules hide anything.
    hides: bool,
}

struct Folder {
    /// The rules in it.
    rules: Arc<Rules>,
    /// Sorted by name.
    files: Vec<(Box<str>, Stamp)>,
    content: Content,
}

impl Folder {
    fn has(&self, name: &str) -> bool {
        self.files.binary_search_by(|(known, _)| (**known).cmp(name)).is_ok()
    }
}

/// The part of a folder's content that counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    /// All that the rules show.
    Whole,
    /// Files that are tracked: the rules hide the folder.
    Tracked,
    /// Nothing: it is a repository of its own, for as long as it has git's folder.
    Foreign,
}

/// The part of the tree that is looked at is not there any more, or cannot be watched.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The root is gone.
    Gone,
    /// No watch can be placed.
    Limit(Limit),
}

/// Folders to watch: new ones, and ones that are watched and must be watched anew.
pub(crate) type Place<'a> = dyn FnMut(Placing) -> Result<(), Limit> + 'a;

/// The watches to place and to remove, before the folders are listed.
#[derive(Default)]
pub(crate) struct Placing {
    pub(crate) new: Vec<String>,
    pub(crate) again: Vec<String>,
    pub(crate) gone: Vec<String>,
}

impl Tree {
    pub(crate) fn new(workspace: Workspace) -> Self {
        Self { workspace, folders: BTreeMap::new(), tracked: BTreeSet::new(), hides: false }
    }

    /// All files with their stamps, sorted by path.
    pub(crate) fn state(&self) -> Vec<(String, Stamp)> {
        let files = self.folders.iter().flat_map(|(folder, known)| {
            known.files.iter().map(move |(name, stamp)| (join(folder, name), stamp.clone()))
        });
        let mut all: Vec<_> = files.collect();
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// How many files and folders there are.
    pub(crate) fn size(&self) -> (u64, u64) {
        (self.folders.values().map(|f| f.files.len() as u64).sum(), self.folders.len() as u64)
    }

    /// Whether it is better to look at everything than at what is below `top`, one of `tops`.
    pub(crate) fn is_much(&self, top: &str, tops: usize) -> bool {
        top.is_empty() || (self.below(top).len() + tops).saturating_mul(self.folders.len()) > LOOKS
    }

    /// The folder that must be looked at as a whole after something happened at `path`, if it must.
    pub(crate) fn folder_of(&self, path: &str) -> Option<String> {
        let (folder, name) = split(path);
        // A rule shows or hides anything below; git's folder makes a repository of the folder that it is in.
        if is_rules_file(name) || name == ".git" {
            return Some(folder.to_owned());
        }
        let is_folder = self.folders.contains_key(path) || self.workspace.kind(path) == Ok(FileType::Directory);
        is_folder.then(|| path.to_owned())
    }

    /// Whether git's index decides about anything that is seen.
    pub(crate) const fn asks_index(&self) -> bool {
        self.hides
    }

    /// Forget everything: the tree is gone.
    pub(crate) fn clear(&mut self, changes: &mut Vec<Changed>) {
        let all: Vec<String> = self.folders.keys().cloned().collect();
        self.forget(&all, changes);
    }

    /// Look at everything.
    pub(crate) fn scan_all(&mut self, place: &mut Place<'_>, changes: &mut Vec<Changed>) -> Result<(), Stopped> {
        self.scan("", place, changes)?;
        self.look_at_tracked(place, changes)
    }

    /// Look at everything in and below the folder `top`.
    pub(crate) fn scan(&mut self, top: &str, place: &mut Place<'_>, changes: &mut Vec<Changed>) -> Result<(), Stopped> {
        let before: BTreeSet<String> = self.below(top).into_iter().collect();
        let mut seen = BTreeSet::new();
        let mut level = self.top(top);
        while !level.is_empty() {
            let mut placing = Placing::default();
            for (folder, _) in &level {
                let watched = before.contains(folder);
                if watched { &mut placing.again } else { &mut placing.new }.push(folder.clone());
            }
            place(placing).map_err(Stopped::Limit)?;
            let mut next = Vec::new();
            for (folder, rules) in level {
                match self.list(&folder, rules, &mut next, changes) {
                    Ok(()) => _ = seen.insert(folder),
                    Err(_) if folder.is_empty() => return Err(Stopped::Gone),
                    // It cannot be read, or is gone again.
                    Err(_) => {}
                }
            }
            level = next;
        }
        let gone: Vec<String> = before.into_iter().filter(|folder| !seen.contains(folder)).collect();
        self.forget(&gone, changes);
        place(Placing { gone, ..Placing::default() }).map_err(Stopped::Limit)
    }

    /// Look at one file.
    pub(crate) fn look(&mut self, path: &str, changes: &mut Vec<Changed>) {
        let (folder, name) = split(path);
        let Some(known) = self.folders.get(folder) else { return };
        let Ok(repo_path) = RepoPath::new(path) else { return };
        let shown = match known.content {
            Content::Whole => match known.rules.verdict(path, false) {
                Verdict::Shown => true,
                Verdict::HiddenByGit => self.tracked.contains(path),
                Verdict::Hidden => false,
            },
            Content::Tracked => self.tracked.contains(path),
            Content::Foreign => false,
        };
        let shown = shown && !is_scratch(name) && !secrets::is_secret_path(&repo_path);
        let mut stamp = if shown { Stamp::at(&self.workspace, path) } else { None };
        let at = known.files.binary_search_by(|(known, _)| (**known).cmp(name));
        let old = at.ok().map(|at| &known.files[at].1);
        let kind = compare(&self.workspace, &repo_path, old, stamp.as_mut());
        let Some(known) = self.folders.get_mut(folder) else { return };
        match (at, stamp) {
            (Ok(at), Some(stamp)) => known.files[at].1 = stamp,
            (Ok(at), None) => _ = known.files.remove(at),
            (Err(at), Some(stamp)) => known.files.insert(at, (name.into(), stamp)),
            (Err(_), None) => {}
        }
        changes.extend(kind.map(|kind| Changed { path: repo_path, kind }));
    }

    /// Files that git's rules hide are seen when they are tracked.
    pub(crate) fn look_at_tracked(&mut self, place: &mut Place<'_>, changes: &mut Vec<Changed>) -> Result<(), Stopped> {
        let before = std::mem::take(&mut self.tracked);
        // With the folders from which a repository, or rules, may go that hide the file now.
        let mut wanted = BTreeSet::new();
        if self.hides {
            let workspace = self.workspace.clone();
            let mut paths: Vec<RepoPath> = Vec::new();
            for text in workspace.tracked() {
                let (folder, name) = split(&text);
                let listed = self.folders.get(folder).is_some_and(|known| known.has(name)) && !before.contains(&text);
                if !listed && !is_scratch(name) {
                    paths.extend(RepoPath::new(text));
                }
            }
            paths.sort_unstable();
            let mut walker = IgnoreWalker::new(&workspace);
            for path in paths {
                let (verdict, folder) = walker.check(&path);
                let mut folder = folder.unwrap_or_default();
                while !folder.is_empty() && self.folders.get(folder).is_none_or(|f| f.content == Content::Tracked) {
                    wanted.insert(folder.to_owned());
                    folder = split(folder).0;
                }
                if verdict == FileVerdict::IfTracked {
                    self.tracked.insert(path.into());
                }
            }
        }
        let hidden = |(path, folder): (&String, &Folder)| (folder.content == Content::Tracked).then(|| path.clone());
        let had: BTreeSet<String> = self.folders.iter().filter_map(hidden).collect();
        let gone: Vec<String> = had.difference(&wanted).cloned().collect();
        self.forget(&gone, changes);
        let new: Vec<String> = wanted.difference(&had).cloned().collect();
        let root = self.workspace.root_rules();
        for folder in &new {
            let known = Folder { rules: Arc::clone(&root), files: Vec::new(), content: Content::Tracked };
            self.folders.insert(folder.clone(), known);
        }
        // Those that are gone may have been made anew, which events of theirs told.
        let again = had.intersection(&wanted).cloned().collect();
        place(Placing { new, again, gone }).map_err(Stopped::Limit)?;
        let touched: Vec<String> = before.union(&self.tracked).cloned().collect();
        touched.iter().for_each(|path| self.look(path, changes));
        Ok(())
    }

    /// Where a scan of `top` begins: nowhere when it is not to be seen.
    fn top(&self, top: &str) -> Vec<(String, Arc<Rules>)> {
        if top.is_empty() {
            return vec![(String::new(), self.workspace.root_rules())];
        }
        let Some(parent) = self.folders.get(split(top).0) else { return Vec::new() };
        let shown = parent.content == Content::Whole
            && RepoPath::new(top).is_ok()
            && parent.rules.verdict(top, true) == Verdict::Shown
            && self.workspace.kind(top) == Ok(FileType::Directory);
        if shown { vec![(top.to_owned(), Arc::clone(&parent.rules))] } else { Vec::new() }
    }

    /// Read one folder, compare its files, and add its folders to `next`.
    fn list(
        &mut self,
        folder: &str,
        parent: Arc<Rules>,
        next: &mut Vec<(String, Arc<Rules>)>,
        changes: &mut Vec<Changed>,
    ) -> Result<(), Errno> {
        let workspace = self.workspace.clone();
        let fd = beneath::open(workspace.inner.root_fd.as_fd(), folder, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut names: Vec<Box<str>> = Vec::new();
        for entry in Dir::read_from(&fd)? {
            if let Ok(name) = entry?.file_name().to_str()
                && !matches!(name, "." | "..")
            {
                names.push(name.into());
            }
        }
        names.sort_unstable();
        let has = |name: &str| names.binary_search_by(|known| (**known).cmp(name)).is_ok();
        let old = self.folders.remove(folder).map(|known| known.files).unwrap_or_default();
        let mut old = old.into_iter().peekable();
        let foreign = !folder.is_empty() && has(".git");
        let rules = if folder.is_empty() || foreign { parent } else { workspace.rules_below(parent, folder, &has) };
        let mut files: Vec<(Box<str>, Stamp)> = Vec::new();
        for name in names.iter().filter(|_| !foreign) {
            let Ok(stat) = rustix::fs::statat(&fd, &**name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            let kind = FileType::from_raw_mode(stat.st_mode);
            let is_dir = kind == FileType::Directory;
            if !is_dir && (kind != FileType::RegularFile || is_scratch(name)) {
                continue;
            }
            // Refuses git's own folder.
            let Ok(path) = RepoPath::new(join(folder, name)) else { continue };
            match rules.verdict(path.as_str(), is_dir) {
                Verdict::Hidden => continue,
                Verdict::HiddenByGit => {
                    self.hides = true;
                    if is_dir || !self.tracked.contains(path.as_str()) {
                        continue;
                    }
                }
                Verdict::Shown => {}
            }
            if is_dir {
                next.push((path.into(), Arc::clone(&rules)));
                continue;
            }
            if secrets::is_secret_path(&path) {
                continue;
            }
            while let Some((gone, _)) = old.next_if(|(known, _)| known < name) {
                changes.extend(removed(folder, &gone));
            }
            let known = old.next_if(|(known, _)| known == name).map(|(_, stamp)| stamp);
            if let Some(mut stamp) = Stamp::of(&stat) {
                let kind = compare(&workspace, &path, known.as_ref(), Some(&mut stamp));
                changes.extend(kind.map(|kind| Changed { path, kind }));
                files.push((name.clone(), stamp));
            }
        }
        for (gone, _) in old {
            changes.extend(removed(folder, &gone));
        }
        files.shrink_to_fit();
        let content = if foreign { Content::Foreign } else { Content::Whole };
        self.folders.insert(folder.to_owned(), Folder { rules, files, content });
        Ok(())
    }

    fn forget(&mut self, folders: &[String], changes: &mut Vec<Changed>) {
        for folder in folders {
            let Some(known) = self.folders.remove(folder) else { continue };
            changes.extend(known.files.iter().filter_map(|(name, _)| removed(folder, name)));
        }
    }

    /// The known folders at and below `top`.
    fn below(&self, top: &str) -> Vec<String> {
        if top.is_empty() {
            return self.folders.keys().cloned().collect();
        }
        // `0` follows `/`.
        let inside = self.folders.range(format!("{top}/")..format!("{top}0"));
        self.folders.get_key_value(top).into_iter().chain(inside).map(|(path, _)| path.clone()).collect()
    }
}

fn compare(workspace: &Workspace, path: &RepoPath, old: Option<&Stamp>, new: Option<&mut Stamp>) -> Option<ChangeKind> {
    match (old, new) {
        (None, None) => None,
        (Some(_), None) => Some(ChangeKind::Removed),
        (old, Some(new)) => {
            let differs = new.differs(old, workspace, path);
            differs.then_some(if old.is_some() { ChangeKind::Modified } else { ChangeKind::Added })
        }
    }
}

fn removed(folder: &str, name: &str) -> Option<Changed> {
    RepoPath::new(join(folder, name)).ok().map(|path| Changed { path, kind: ChangeKind::Removed })
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The folder that something is in, and its name.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}
