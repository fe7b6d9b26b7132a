//! Ignore rules: `.gitignore`, `info/exclude` and `core.excludesFile` as git has them, and `.aiignore` and
//! `.deepcoderignore`, which hide more. The three kinds are independent: what one of them hides, no other can show.

use crate::globs::Globs;
use crate::{Workspace, beneath, secrets};
use deepcoder_types::RepoPath;
use rustix::fd::AsFd as _;
use rustix::fs::{FileType, OFlags};
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

/// Whether a model may see a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// Yes.
    Visible,
    /// An ignore rule hides it, or it belongs to a repository inside this one.
    Ignored,
    /// Its name says that it holds secrets.
    Secret,
}

/// Longer ignore files are cut to this, at a line.
const MAX_RULES: u64 = 4 << 20;

/// Files that are longer are parsed once, the last ones of them.
const LONG: usize = 16 << 10;
const KEPT: usize = 16;

/// The names of ignore files, by [`Kind`].
const NAMES: [&str; KINDS] = [".gitignore", ".aiignore", ".deepcoderignore"];
const KINDS: usize = 3;
const GIT: usize = 0;

/// The verdict of the rules on one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Shown,
    /// Only git hides it: tracked files are shown all the same.
    HiddenByGit,
    Hidden,
}

/// The rules of one folder, on top of those above it.
#[derive(Debug)]
pub(crate) struct Rules {
    parent: Option<Arc<Self>>,
    /// The folder, with a `/` at the end unless it is the root.
    prefix: String,
    own: [Option<Arc<Globs>>; KINDS],
    /// `info/exclude` and `core.excludesFile`, strongest first; only at the root.
    base: Vec<Arc<Globs>>,
    /// Git's own folder, where it is in the tree under another name than `.git`; only at the root.
    git_inside: Option<String>,
}

impl Rules {
    /// The verdict on `path`, an entry of this very folder.
    pub(crate) fn verdict(&self, path: &str, is_dir: bool) -> Verdict {
        let hidden = |kind| self.decide(kind, path, is_dir) == Some(true);
        if is_dir && self.git_inside().is_some_and(|git| git == path) {
            return Verdict::Hidden;
        }
        if (0..KINDS).any(|kind| kind != GIT && hidden(kind)) {
            Verdict::Hidden
        } else if hidden(GIT) {
            Verdict::HiddenByGit
        } else {
            Verdict::Shown
        }
    }

    fn git_inside(&self) -> Option<&str> {
        let mut rules = self;
        while let Some(parent) = &rules.parent {
            rules = parent;
        }
        rules.git_inside.as_deref()
    }

    fn decide(&self, kind: usize, path: &str, is_dir: bool) -> Option<bool> {
        let mut rules = Some(self);
        while let Some(here) = rules {
            if let Some(own) = &here.own[kind]
                && let Some(decided) = own.hides(path.strip_prefix(&here.prefix).unwrap_or(path), is_dir)
            {
                return Some(decided);
            }
            if kind == GIT && here.parent.is_none() {
                return here.base.iter().find_map(|rules| rules.hides(path, is_dir));
            }
            rules = here.parent.as_deref();
        }
        None
    }
}

/// The verdict of the ignore rules on a file, without a look at git's index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileVerdict {
    /// It is as the rules and its name say.
    Is(Visibility),
    /// Only git hides it: it is visible if it is tracked.
    IfTracked,
}

/// Applies the ignore rules to many files, as [`visibility`] does to one. It keeps the rules of the folders above the last
/// file, so that sorted paths read each folder's rules once.
pub(crate) struct IgnoreWalker<'s> {
    source: &'s dyn RuleSource,
    root: Arc<Rules>,
    folders: Vec<Step>,
}

/// A folder above the last file, with its rules.
pub(crate) struct Step {
    folder: String,
    /// Whether git's rules hide it.
    by_git: bool,
    /// Whether its ignore files count.
    entered: bool,
    /// The rules in it; none where everything below it is hidden.
    rules: Option<Arc<Rules>>,
}

impl<'s> IgnoreWalker<'s> {
    pub(crate) fn new(source: &'s dyn RuleSource) -> Self {
        Self { source, root: source.root_rules(), folders: Vec::new() }
    }

    /// The verdict on `path`, and the deepest folder above it whose ignore files count, if git's rules hide that folder: the
    /// verdict can change with the ignore files in there.
    pub(crate) fn check(&mut self, path: &RepoPath) -> (FileVerdict, Option<&str>) {
        if secrets::is_secret_path(path) {
            return (FileVerdict::Is(Visibility::Secret), None);
        }
        let text = path.as_str();
        let on_it = |folder: &str| text.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        let kept = self.folders.iter().take_while(|step| on_it(&step.folder)).count();
        self.folders.truncate(kept);
        let known = self.folders.last().map_or(0, |step| step.folder.len());
        for (at, _) in text.match_indices('/').filter(|(at, _)| *at > known) {
            let (rules, by_git) = match self.folders.last() {
                None => (Some(&self.root), false),
                Some(step) => (step.rules.as_ref(), step.by_git),
            };
            let Some(rules) = rules.cloned() else { break };
            self.folders.push(self.source.step(&text[..at], rules, by_git));
        }
        let (rules, by_git) = match self.folders.last() {
            None => (&self.root, false),
            Some(Step { rules: Some(rules), by_git, .. }) => (rules, *by_git),
            Some(_) => return (FileVerdict::Is(Visibility::Ignored), self.hidden()),
        };
        let verdict = match rules.verdict(text, false) {
            Verdict::Hidden => FileVerdict::Is(Visibility::Ignored),
            Verdict::Shown if !by_git => FileVerdict::Is(Visibility::Visible),
            Verdict::HiddenByGit | Verdict::Shown => FileVerdict::IfTracked,
        };
        (verdict, self.hidden())
    }

    fn hidden(&self) -> Option<&str> {
        let last = self.folders.iter().rev().find(|step| step.entered)?;
        last.by_git.then_some(&last.folder)
    }
}

/// Whether a file of this name holds ignore rules.
pub(crate) fn is_rules_file(name: &str) -> bool {
    NAMES.contains(&name)
}

/// A state of files that has ignore files in it.
pub(crate) trait RuleSource {
    /// The rules of the ignore file at `path`.
    fn own_rules(&self, path: &str) -> Option<Arc<Globs>>;

    /// The rules that are kept outside of the files, strongest first.
    fn base_rules(&self) -> Vec<Arc<Globs>> {
        Vec::new()
    }

    /// Where git's own folder is among the files, unless it is `.git`.
    fn git_inside(&self) -> Option<String> {
        None
    }

    /// Whether `folder` holds a repository of its own (a submodule or a clone).
    fn is_nested_repository(&self, _folder: &str) -> bool {
        false
    }

    /// The rules at the root.
    fn root_rules(&self) -> Arc<Rules> {
        let own = NAMES.map(|name| self.own_rules(name));
        let (base, git_inside) = (self.base_rules(), self.git_inside());
        Arc::new(Rules { parent: None, prefix: String::new(), own, base, git_inside })
    }

    /// The rules in `folder`. `has` may say that a name is not there, which saves looking for it.
    fn rules_below(&self, parent: Arc<Rules>, folder: &str, has: &dyn Fn(&str) -> bool) -> Arc<Rules> {
        let own = NAMES.map(|name| if has(name) { self.own_rules(&format!("{folder}/{name}")) } else { None });
        if own.iter().all(Option::is_none) {
            return parent;
        }
        Arc::new(Rules { parent: Some(parent), prefix: format!("{folder}/"), own, base: Vec::new(), git_inside: None })
    }

    /// The step into `folder`, which lies in a folder with these `rules`.
    fn step(&self, folder: &str, rules: Arc<Rules>, by_git: bool) -> Step {
        let (by_git, entered) = match rules.verdict(folder, true) {
            Verdict::Shown => (by_git, true),
            Verdict::HiddenByGit => (true, true),
            Verdict::Hidden => (by_git, false),
        };
        let open = entered && !self.is_nested_repository(folder);
        let rules = open.then(|| self.rules_below(rules, folder, &|_| true));
        Step { folder: folder.to_owned(), by_git, entered, rules }
    }
}

/// Whether a model may see `path`, which `tracked` says git knows.
pub(crate) fn visibility(source: &dyn RuleSource, path: &RepoPath, tracked: impl FnOnce() -> bool) -> Visibility {
    match IgnoreWalker::new(source).check(path).0 {
        FileVerdict::Is(visibility) => visibility,
        FileVerdict::IfTracked if tracked() => Visibility::Visible,
        FileVerdict::IfTracked => Visibility::Ignored,
    }
}

/// Those of the tracked files `paths` that a model may see.
pub(crate) fn visible<'p>(source: &dyn RuleSource, paths: impl Iterator<Item = &'p RepoPath>) -> Vec<RepoPath> {
    let mut walker = IgnoreWalker::new(source);
    let hidden = |verdict| matches!(verdict, FileVerdict::Is(Visibility::Ignored | Visibility::Secret));
    paths.filter(|path| !hidden(walker.check(path).0)).cloned().collect()
}

/// The rules of an ignore file's text; `None` where it has none.
pub(crate) fn parse_rules(text: &str, ignore_case: bool) -> Option<Arc<Globs>> {
    Globs::parse(text, ignore_case).map(Arc::new)
}

impl RuleSource for Workspace {
    fn own_rules(&self, path: &str) -> Option<Arc<Globs>> {
        // As git does, an ignore file that is a link is not followed.
        let fd = beneath::open(self.inner.root_fd.as_fd(), path, OFlags::RDONLY).ok()?;
        self.parse(&rules_text(std::fs::File::from(fd))?)
    }

    fn base_rules(&self) -> Vec<Arc<Globs>> {
        let exclude = self.inner.common_dir.join("info/exclude");
        let base = [Some(exclude.as_path()), self.inner.excludes_file.as_deref()];
        base.into_iter().flatten().filter_map(|file| self.parse(&outside_text(file)?)).collect()
    }

    fn git_inside(&self) -> Option<String> {
        self.inner.git_inside.clone()
    }

    fn is_nested_repository(&self, folder: &str) -> bool {
        self.kind(&format!("{folder}/.git")).is_ok()
    }
}

impl Workspace {
    /// Whether a model may see `path`; it need not exist.
    #[must_use]
    pub fn visibility(&self, path: &RepoPath) -> Visibility {
        visibility(self, path, || self.tracked().contains(path.as_str()))
    }

    fn parse(&self, text: &str) -> Option<Arc<Globs>> {
        let parse = || parse_rules(text, self.inner.ignore_case);
        if text.len() < LONG {
            return parse();
        }
        // Every file that is asked about asks for the rules anew.
        let known = || self.inner.long_rules.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(rules) = known().get(text) {
            return Some(Arc::clone(rules));
        }
        let rules = parse()?;
        let mut known = known();
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(text.to_owned(), Arc::clone(&rules));
        Some(rules)
    }
}

fn outside_text(path: &Path) -> Option<String> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let fd = rustix::fs::open(path, flags, rustix::fs::Mode::empty()).ok()?;
    rules_text(std::fs::File::from(fd))
}

fn rules_text(file: std::fs::File) -> Option<String> {
    let stat = rustix::fs::fstat(&file).ok()?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(MAX_RULES).read_to_end(&mut bytes).ok()?;
    if bytes.len() as u64 == MAX_RULES {
        // Half a rule may hide everything.
        bytes.truncate(bytes.iter().rposition(|b| *b == b'\n').unwrap_or(0));
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
