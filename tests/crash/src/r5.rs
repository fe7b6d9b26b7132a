//! R5: a hook neither loses nor commits bytes that are not staged, in 13 forms of a commit, 40 states of the index, and
//! killed at each of its steps. With the git that is installed, and the script that `hook install` writes.
//!
//! Each commit is made three times: without a hook, which says what is staged; with it; and with it killed.

mod forms;
mod hook;

pub(crate) use hook::{HookAct, act};

use crate::options::Options;
use crate::report::Report;
use crate::writer::Writer;
use fastrand::Rng;
use forms::{FORMS, Form, STATES, Stage, State};
use std::collections::BTreeMap;

/// About as many kills as there are.
const FULL: u64 = 12_000;

/// Bytes by path.
type Files = BTreeMap<String, Vec<u8>>;

/// What can be seen after a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    /// The commit and its files.
    head: String,
    committed: Files,
    staged: Files,
    /// In the work tree, the untracked ones too.
    files: Files,
}

struct Suite {
    writer: Writer,
    report: Report,
    commits: u64,
    kills: u64,
    stale_locks: u64,
}

/// The suite.
pub(crate) fn run(options: &Options) -> Report {
    let scratch = options.scratch();
    let mut suite = Suite { writer: options.writer, report: Report::new("r5"), commits: 0, kills: 0, stale_locks: 0 };
    let rounds = options.rounds_or(FULL);
    let pairs: Vec<(Form, State)> = FORMS.iter().flat_map(|form| STATES.map(|state| (*form, state))).collect();
    let mut rng = Rng::with_seed(options.seed);
    // A short run takes some of the pairs, of every form, and some of the steps.
    let full = rounds >= FULL;
    let wanted = if full { pairs.len() } else { usize::try_from(rounds / 2).unwrap_or(1).clamp(1, pairs.len()) };
    let mut chosen: Vec<usize> = (0..pairs.len()).collect();
    rng.shuffle(&mut chosen);
    let mut forms = std::collections::BTreeSet::new();
    for at in chosen.into_iter().take(wanted) {
        let (form, state) = pairs[at];
        forms.insert(form.name());
        let stage = Stage::build(scratch.path(), form, state);
        suite.pair(&stage, if full { usize::MAX } else { 2 }, &mut rng);
    }
    suite.report.tried = format!(
        "{wanted} of 13 forms × 40 states ({} forms), {} commits, {} kills",
        forms.len(),
        suite.commits,
        suite.kills
    );
    if suite.stale_locks > 0 {
        suite.report.note =
            format!("{} locks of ours left by a kill between two calls, all recognised", suite.stale_locks);
    }
    suite.report
}

impl Suite {
    fn pair(&mut self, stage: &Stage, most_kills: usize, rng: &mut Rng) {
        let before = stage.reset().see();
        let made = stage.commit(None, 0, "");
        let oracle = stage.see();
        let what = stage.name();
        stage.reset();
        let steps = stage.dir().join("steps");
        let with = stage.commit(Some(self.writer), 0, &steps.to_string_lossy());
        self.commits += 1;
        self.judge(stage, &what, &before, &oracle, made, with);
        let seen = std::fs::read_to_string(&steps).unwrap_or_default();
        let seen: Vec<&str> = seen.lines().collect();
        let mut at: Vec<usize> = (1..=seen.len()).collect();
        rng.shuffle(&mut at);
        at.truncate(most_kills);
        for die_at in at {
            let what = format!("{what}, killed at {die_at} ({})", seen[die_at - 1]);
            stage.reset();
            stage.commit(Some(self.writer), die_at, "");
            self.kills += 1;
            self.after_kill(stage, &what, &before, &oracle);
            if stage.form == Form::Patch {
                // The second time it would be asked about other pieces.
                continue;
            }
            let again = stage.commit(Some(self.writer), 0, "");
            self.commits += 1;
            self.judge(stage, &format!("{what}, and again"), &before, &oracle, made, again);
        }
    }

    /// A hook that died has refused the commit, and nothing is lost.
    fn after_kill(&mut self, stage: &Stage, what: &str, before: &Seen, oracle: &Seen) {
        if stage.index_lock().exists() {
            self.stale_locks += 1;
        }
        // What `hook status` does, and every hook that comes later.
        if stage.sweep().is_err() || stage.index_lock().exists() {
            self.report.lose(format!("{what}: something is left, and is not recognised"));
        }
        let now = stage.see();
        if now.head != before.head {
            self.report.lose(format!("{what}: a commit was made"));
        }
        self.files(what, &before.files, &now.files, &oracle.staged);
        self.same(&format!("{what}: index"), &before.staged, &now.staged);
    }

    fn judge(&mut self, stage: &Stage, what: &str, before: &Seen, oracle: &Seen, made: bool, with: bool) {
        let now = stage.see();
        self.files(what, &before.files, &now.files, &oracle.staged);
        if stage.index_lock().exists() {
            self.report.lose(format!("{what}: a lock is left"));
        }
        if !with {
            if now.head != before.head {
                self.report.lose(format!("{what}: refused, and yet made"));
            }
            // An index that is fixed is as good as one that is not.
            self.same(&format!("{what}: index"), &before.staged, &now.staged);
            let fixable = stage.form.is_fixed() && made && oracle.committed.values().any(|bytes| is_dirty(bytes));
            let leaves_something = oracle
                .committed
                .iter()
                .any(|(path, bytes)| before.committed.get(path).is_none_or(|old| plain(old) != plain(bytes)));
            if fixable && leaves_something {
                self.report.lose(format!("{what}: refused, where it can be fixed"));
            }
            return;
        }
        if !made {
            return self.report.lose(format!("{what}: made, where git alone makes none"));
        }
        self.same(&format!("{what}: commit"), &oracle.committed, &now.committed);
        self.same(&format!("{what}: index after"), &oracle.staged, &now.staged);
        let dirty =
            now.committed.iter().find(|(path, bytes)| is_dirty(bytes) && before.committed.get(*path) != Some(bytes));
        if let Some((path, _)) = dirty {
            self.report.lose(format!("{what}: {path} is committed as it was not to be"));
        }
    }

    /// The same files with the same words; white space at the ends of lines may be gone.
    fn same(&mut self, what: &str, wanted: &Files, now: &Files) {
        let differs = |path: &&String| wanted.get(*path).map(|b| plain(b)) != now.get(*path).map(|b| plain(b));
        if let Some(path) = wanted.keys().chain(now.keys()).find(differs) {
            let show = |files: &Files| files.get(path).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            self.report.lose(format!("{what}: {path} is {:?} instead of {:?}", show(now), show(wanted)));
        }
    }

    /// Files of the work tree are as they were, but for white space that is staged.
    fn files(&mut self, what: &str, before: &Files, now: &Files, staged: &Files) {
        for (path, old) in before {
            let Some(new) = now.get(path) else {
                self.report.lose(format!("{what}: the file {path} is gone"));
                continue;
            };
            if !is_kept(old, new, staged.get(path)) {
                let show = String::from_utf8_lossy;
                self.report.lose(format!("{what}: the file {path} is {:?}, was {:?}", show(new), show(old)));
            }
        }
        if let Some(path) = now.keys().find(|path| !before.contains_key(*path)) {
            self.report.lose(format!("{what}: the file {path} appeared"));
        }
    }
}

/// Whether a file is as it was, but for white space at the end of lines that are staged just so, and a line end at the
/// end where the staged file has none.
fn is_kept(old: &[u8], new: &[u8], staged: Option<&Vec<u8>>) -> bool {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (old, new, staged) = (text(old), text(new), staged.map(|bytes| text(bytes)).unwrap_or_default());
    let new = match new.strip_suffix('\n') {
        Some(shorter) if !old.ends_with('\n') && !staged.ends_with('\n') => shorter,
        _ => new.as_str(),
    };
    let lines = |text: &str| text.split('\n').map(str::to_owned).collect::<Vec<_>>();
    let (old, new, staged) = (lines(&old), lines(new), lines(&staged));
    let end = |line: &str| if line.ends_with('\r') { "\r" } else { "" };
    let is_trimmed = |old: &String, new: &String| *new == format!("{}{}", old.trim_end(), end(old));
    old.len() == new.len()
        && old.iter().zip(&new).all(|(old, new)| old == new || (is_trimmed(old, new) && staged.contains(old)))
}

/// A file without what scenes stage to be fixed.
fn fixed(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.replace("dirty \r\n", "dirty\r\n").replace("dirty \n", "dirty\n");
    let end = if text.ends_with("no end") { "\n" } else { "" };
    format!("{text}{end}").into_bytes()
}

fn is_dirty(bytes: &[u8]) -> bool {
    fixed(bytes) != bytes
}

/// Without what a fix takes away or adds.
fn plain(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).lines().map(|line| line.trim_end().to_owned()).collect()
}
