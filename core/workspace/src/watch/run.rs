//! The thread that waits, looks and tells.

use super::events::{Limit, Source};
use super::git::Git;
use super::inbox::News;
use super::tree::{Placing, Stopped, Tree, split};
use super::{Batch, Changed, How, Shared, WatchOptions};
use crate::Workspace;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often a root that is gone is looked for, and how often it is asked whether the root is another folder by now: a
/// folder above it can be moved, and of that nothing is told.
const RETURN: Duration = Duration::from_secs(2);

/// Looking at everything takes at most one part in so many of the time, unless that would be too seldom.
const SHARE: u32 = 20;
const SELDOM: Duration = Duration::from_secs(4);

/// Descriptors that a look may need at the same time, git's included, and how soon it is tried again without them.
const DESCRIPTORS: usize = 12;
const BLIND: Duration = Duration::from_secs(1);

/// How soon events are asked for again, by itself, where they could not be had: asking takes all the watches that are left,
/// from everybody, for a moment.
const EVENTS_AGAIN: Duration = Duration::from_secs(300);

/// While git works, it is asked so often whether it still does.
const GLANCE: Duration = Duration::from_millis(40);

/// A queue that was given up takes a moment to give its watches back.
const GIVE_BACK: Duration = Duration::from_millis(200);

/// Watch `workspace` until the inbox is stopped.
pub(crate) fn run(workspace: Workspace, options: WatchOptions, shared: &Shared, tell: Box<dyn FnMut(Batch) + Send>) {
    let git = Git::new(&workspace);
    let mut thread = Run {
        git,
        root: workspace.root().to_owned(),
        tree: Tree::new(workspace),
        options,
        shared,
        tell,
        source: None,
        limit: None,
        news: News::default(),
        gone: false,
        next_scan: None,
        next_glance: Instant::now() + RETURN,
        untold: Vec::new(),
        without_events: None,
        begun: false,
    };
    thread.all(&mut Vec::new());
    thread.show();
    while let Some(news) = thread.wait() {
        thread.take_in(news);
    }
}

struct Run<'a> {
    root: PathBuf,
    tree: Tree,
    git: Git,
    options: WatchOptions,
    shared: &'a Shared,
    tell: Box<dyn FnMut(Batch) + Send>,
    source: Option<Source>,
    /// Why there is no source.
    limit: Option<Limit>,
    news: News,
    gone: bool,
    /// When everything is looked at again, where events cannot be had.
    next_scan: Option<Instant>,
    /// When it is asked whether the root is still the same folder.
    next_glance: Instant,
    /// Changes that were seen when a part of the tree could not be read.
    untold: Vec<Changed>,
    /// Since when events are done without, and why.
    without_events: Option<(Instant, Limit)>,
    /// Whether everything was looked at once: what is found then is the beginning, and no change.
    begun: bool,
}

impl Run<'_> {
    fn wait(&mut self) -> Option<News> {
        let now = Instant::now();
        // The watcher looks whether git has removed its files, because an event for each would wake it too often.
        let due = match self.git.hold(now, false) {
            Some(hold) => Some(hold.min(now + GLANCE)),
            None => self.due(now),
        };
        let until = [due, self.next_scan].into_iter().flatten().min();
        self.shared.inbox.take(until, self.next_glance)
    }

    /// When what has arrived is to be told, unless git is at work.
    fn due(&self, now: Instant) -> Option<Instant> {
        let (first, last) = self.news.span?;
        Some((last + self.options.quiet).min(first + self.options.patience).max(now))
    }

    fn take_in(&mut self, mut news: News) {
        let now = Instant::now();
        if !news.asked.is_empty() {
            let state = self.tree.state();
            // The send fails where the caller has gone.
            news.asked.drain(..).for_each(|ask| _ = ask.send(state.clone()));
        }
        let mut signs = std::mem::take(&mut news.paths);
        signs.retain(|path| !self.git.note(path, now) || self.is_rules(path));
        news.paths = signs;
        let files_change = news.lost || !news.paths.is_empty();
        self.news.extend(news);
        let mut polled = self.next_scan.is_some_and(|at| at <= now);
        if self.next_glance <= now {
            self.next_glance = now + RETURN;
            polled |= !self.gone && !self.tree.workspace.is_in_place();
        }
        if let Some(until) = self.git.hold(now, files_change) {
            if polled {
                self.next_scan = Some(until);
            }
        } else if polled || self.due(now).is_some_and(|due| due <= now) {
            self.look(polled);
        }
    }

    /// Look where something happened, and tell what it was.
    fn look(&mut self, polled: bool) {
        let news = std::mem::take(&mut self.news);
        if !self.can_look() {
            // The scan of everything will find the changes.
            self.next_scan = Some(Instant::now() + BLIND);
            return;
        }
        let begins = !self.begun;
        let mut changes = std::mem::take(&mut self.untold);
        let rules = news.paths.iter().any(|path| self.is_rules(path) || *path == self.root);
        let mut rescanned = news.lost || polled;
        // Tries events again after a request, because the user may have raised a limit, or after enough time.
        self.without_events.take_if(|(since, _)| news.lost || since.elapsed() >= EVENTS_AGAIN);
        if news.lost || polled || rules || self.gone {
            self.all(&mut changes);
        } else {
            rescanned = self.some(news.paths, &mut changes);
        }
        let (git, head) = if self.gone { (false, None) } else { self.git.settle(&self.tree.workspace) };
        if git && self.tree.asks_index() && !rescanned {
            let stopped = {
                let root = &self.root;
                let source = &mut self.source;
                self.tree.look_at_tracked(&mut |placing| place(root, source.as_mut(), placing), &mut changes).is_err()
            };
            if stopped {
                self.all(&mut changes);
            }
        }
        self.show();
        if !self.can_look() {
            // A file that could not be opened is not gone. The next look at everything says what is true.
            self.untold = changes;
            self.next_scan = Some(Instant::now() + BLIND);
            return;
        }
        let changes = if begins { Vec::new() } else { last_of_each(changes) };
        if !changes.is_empty() || head.is_some() {
            (self.tell)(Batch { changes, head, git, rescanned });
        }
    }

    /// Look at some paths; whether it came to looking at everything.
    fn some(&mut self, paths: impl IntoIterator<Item = PathBuf>, changes: &mut Vec<Changed>) -> bool {
        let mut folders = BTreeSet::new();
        let mut files = BTreeSet::new();
        for path in paths {
            let Some(path) = path.strip_prefix(&self.root).ok().and_then(Path::to_str) else { continue };
            match self.tree.folder_of(path) {
                Some(folder) => _ = folders.insert(folder),
                None => _ = files.insert(path.to_owned()),
            }
        }
        let inside = |path: &str| ancestors(path).any(|folder| folders.contains(folder));
        let tops: Vec<String> = folders.iter().filter(|folder| !inside(folder)).cloned().collect();
        if tops.iter().any(|top| self.tree.is_much(top, tops.len())) {
            self.all(changes);
            return true;
        }
        for top in &tops {
            let (root, source) = (&self.root, &mut self.source);
            if self.tree.scan(top, &mut |placing| place(root, source.as_mut(), placing), changes).is_err() {
                self.all(changes);
                return true;
            }
            // A file may have been there, or be there now.
            self.tree.look(top, changes);
        }
        if !tops.is_empty() && self.tree.asks_index() {
            let (root, source) = (&self.root, &mut self.source);
            let placed = self.tree.look_at_tracked(&mut |placing| place(root, source.as_mut(), placing), changes);
            if placed.is_err() {
                self.all(changes);
                return true;
            }
        }
        for file in files.iter().filter(|file| !inside(file)) {
            self.tree.look(file, changes);
        }
        false
    }

    /// Look at everything, with new watches.
    fn all(&mut self, changes: &mut Vec<Changed>) {
        let started = Instant::now();
        // The old queue first: the watches are counted.
        self.source = None;
        self.limit = None;
        if !self.can_look() {
            self.limit = Some(Limit::Descriptors);
            self.next_scan = Some(started + BLIND);
            self.shared.shown().scans += 1;
            return;
        }
        let there = self.return_to_root();
        let mut outcome = match there {
            Ok(()) if self.options.polling => self.scan(changes),
            Ok(()) => match &self.without_events {
                Some((_, limit)) => {
                    self.limit = Some(limit.clone());
                    self.scan(changes)
                }
                None => self.scan_with_events(changes),
            },
            Err(gone) => Err(gone),
        };
        if let Err(Stopped::Limit(limit)) = outcome {
            // The placed watches are given back, so that other programs can use them.
            self.source = None;
            self.without_events = Some((Instant::now(), limit.clone()));
            self.limit = Some(limit);
            outcome = self.scan(changes);
        }
        self.gone = outcome.is_err();
        if self.gone {
            self.source = None;
            self.tree.clear(changes);
        }
        self.begun = true;
        self.shared.shown().scans += 1;
        self.next_scan = if self.gone {
            Some(Instant::now() + RETURN)
        } else if self.source.is_none() {
            Some(Instant::now() + self.options.poll.max((started.elapsed() * SHARE).min(SELDOM)))
        } else {
            None
        };
    }

    fn scan_with_events(&mut self, changes: &mut Vec<Changed>) -> Result<(), Stopped> {
        let mut last = Ok(());
        for attempt in 0..2 {
            if attempt > 0 {
                self.source = None;
                std::thread::sleep(GIVE_BACK);
            }
            last = self.open_source().and_then(|()| self.scan(changes));
            if !matches!(last, Err(Stopped::Limit(Limit::Watches | Limit::Instances))) {
                break;
            }
        }
        last
    }

    fn open_source(&mut self) -> Result<(), Stopped> {
        let mut source = Source::open(&self.root, &self.shared.inbox).map_err(Stopped::Limit)?;
        let workspace = &self.tree.workspace;
        let info = workspace.inner.common_dir.join("info");
        let outside = [Some(workspace.git_dir().to_owned()), Some(info), workspace.inner.excludes_file.clone()];
        source.watch(outside.into_iter().flatten().collect(), Vec::new()).map_err(Stopped::Limit)?;
        self.source = Some(source);
        Ok(())
    }

    fn scan(&mut self, changes: &mut Vec<Changed>) -> Result<(), Stopped> {
        let (root, source) = (&self.root, &mut self.source);
        // The queue is new: nothing is watched yet.
        let mut fresh = |mut placing: Placing| {
            placing.new.append(&mut placing.again);
            placing.gone.clear();
            place(root, source.as_mut(), placing)
        };
        self.tree.scan_all(&mut fresh, changes)
    }

    /// The root may have been moved away, and another folder may have taken its place.
    fn return_to_root(&mut self) -> Result<(), Stopped> {
        if self.tree.workspace.is_in_place() {
            return Ok(());
        }
        let workspace = Workspace::open(&self.root).map_err(|_| Stopped::Gone)?;
        if workspace.root() != self.root {
            return Err(Stopped::Gone);
        }
        self.git = Git::new(&workspace);
        self.tree.workspace = workspace;
        Ok(())
    }

    /// Whether the descriptors are there that a look takes. Without them files that stand there seem to be gone.
    fn can_look(&self) -> bool {
        let root = &self.tree.workspace.inner.root_fd;
        let taken: Vec<_> =
            std::iter::repeat_with(|| rustix::io::fcntl_dupfd_cloexec(root, 3)).take(DESCRIPTORS).collect();
        taken.iter().all(Result::is_ok)
    }

    /// Whether `path` holds ignore rules that are not in the tree.
    fn is_rules(&self, path: &Path) -> bool {
        let inner = &self.tree.workspace.inner;
        path == inner.common_dir.join("info/exclude") || inner.excludes_file.as_deref() == Some(path)
    }

    fn show(&self) {
        let (files, folders) = self.tree.size();
        let mut shown = self.shared.shown();
        shown.files = self.begun.then_some(files);
        shown.folders = folders;
        shown.how = if self.source.is_some() { How::Events } else { How::Polling };
        shown.notes = self.limit.iter().map(Limit::note).collect();
        if self.gone {
            shown.notes.push(format!("`{}` is gone; it is watched again when it is back", self.root.display()));
        }
        drop(shown);
        self.shared.ready.notify_all();
    }
}

fn place(root: &Path, source: Option<&mut Source>, placing: Placing) -> Result<(), Limit> {
    let Some(source) = source else { return Ok(()) };
    let full = |folders: Vec<String>| -> Vec<PathBuf> { folders.iter().map(|folder| root.join(folder)).collect() };
    source.unwatch(full(placing.gone));
    source.watch(full(placing.new), full(placing.again))
}

/// The folders that `path` is in, the root last; of the root itself, none.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    fn above<'a>(path: &&'a str) -> Option<&'a str> {
        (!path.is_empty()).then(|| split(path).0)
    }
    std::iter::successors(above(&path), above)
}

/// A path that was looked at more than once is told once: as what it was before, and as what it is now.
fn last_of_each(mut changes: Vec<Changed>) -> Vec<Changed> {
    use super::ChangeKind::{Added, Modified, Removed};
    // Stable: those of one path stay in their order.
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    let mut out: Vec<Changed> = Vec::new();
    for change in changes {
        match out.last_mut().filter(|last| last.path == change.path) {
            None => out.push(change),
            Some(last) => match (last.kind, change.kind) {
                (Added, Removed) => _ = out.pop(),
                (Added, _) => {}
                (Removed, Added) => last.kind = Modified,
                (_, kind) => last.kind = kind,
            },
        }
    }
    out
}
