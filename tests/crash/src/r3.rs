//! R3: whatever order things are done in, every byte string that the user had in a file when an edit touched it can be had
//! again, with plain git, and nothing else of theirs is touched: not the other files, not the index, not HEAD.
//!
//! Histories are random (write, remove, chmod, stage, stage other bytes, commit, collect garbage, edit, undo, undo by id,
//! prune, open again); one that fails is reduced to the shortest that still does.

use crate::child::Trap;
use crate::options::Options;
use crate::report::Report;
use crate::scene::{NOW, Snapshot, differences, make_repository, snapshot};
use crate::writer::{Tool, Writer};
use deepcoder_apply::LogState;
use deepcoder_types::{Cancel, EditSet, FileChange, FileImage, RepoPath};
use git2::{IndexEntry, IndexTime, Oid, Repository, Signature};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

const FULL: u64 = 10_000;
const DAY: u64 = 86_400_000;
const FILES: [&str; 6] = ["a.txt", "b.rs", "src/c.py", "src/d", "docs/e.md", "run.sh"];

/// One thing that is done. Numbers choose among what there is at that moment.
#[derive(Clone, Debug)]
enum Op {
    Write(usize, u8),
    Remove(usize),
    Chmod(usize),
    Stage(usize),
    /// The index gets bytes that no file has.
    PartStage(usize, u8),
    Commit,
    CollectGarbage,
    /// For each file: whether it is changed (odd numbers), removed (0), or left alone.
    Edit([u8; 6]),
    Undo,
    UndoOne(usize),
    /// Forget what is older than so many edits.
    Prune(usize),
    /// A day ahead, or back.
    Clock(bool),
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    let file = || 0..FILES.len();
    prop_oneof![
        4 => (file(), any::<u8>()).prop_map(|(f, b)| Op::Write(f, b)),
        1 => file().prop_map(Op::Remove),
        1 => file().prop_map(Op::Chmod),
        2 => file().prop_map(Op::Stage),
        2 => (file(), any::<u8>()).prop_map(|(f, b)| Op::PartStage(f, b)),
        1 => Just(Op::Commit),
        6 => proptest::array::uniform6(any::<u8>()).prop_map(|e| Op::Edit(e.map(|b| b % 10))),
        3 => Just(Op::Undo),
        2 => (0_usize..8).prop_map(Op::UndoOne),
        1 => (0_usize..4).prop_map(Op::Prune),
        1 => any::<bool>().prop_map(Op::Clock),
        1 => Just(Op::Reopen),
    ]
}

/// Garbage is collected in some histories only: it is a program to start.
fn history() -> impl Strategy<Value = Vec<Op>> {
    (proptest::collection::vec(op(), 4..18), 0_u32..12).prop_map(|(mut ops, gc)| {
        if gc == 0 {
            ops.push(Op::CollectGarbage);
        }
        ops
    })
}

/// The suite.
pub(crate) fn run(options: &Options) -> Report {
    let scratch = options.scratch();
    let mut report = Report::new("r3");
    let histories = options.rounds_or(FULL);
    let mut seed = [0_u8; 32];
    seed[..8].copy_from_slice(&options.seed.to_le_bytes());
    let config = Config {
        cases: u32::try_from(histories).unwrap_or(u32::MAX),
        failure_persistence: None,
        max_shrink_iters: 2000,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let counts = [const { Cell::new(0_u64) }; 4];
    let result = runner.run(&history(), |ops| {
        let dir = tempfile::tempdir_in(scratch.path()).expect("a folder");
        let mut world = World::new(dir.path(), options.writer);
        for op in &ops {
            world.step(op).map_err(|what| TestCaseError::fail(format!("{op:?}: {what}")))?;
        }
        world.promises_hold().map_err(TestCaseError::fail)?;
        let promised = world.promised.len() as u64;
        for (count, n) in counts.iter().zip([ops.len() as u64, world.edits, world.undone, promised]) {
            count.set(count.get() + n);
        }
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(why, ops)) => report.lose(format!("{why}, after {ops:?}")),
        Err(TestError::Abort(why)) => report.lose(format!("aborted: {why}")),
    }
    let [steps, edits, undone, promised] = counts.map(Cell::into_inner);
    report.tried = format!(
        "{histories} random histories of {steps} operations, {edits} edits and {undone} undos among them; {promised} \
         states of files to be had again"
    );
    report
}

type Image = Option<(Vec<u8>, u32)>;

/// A set that was applied.
struct Done {
    id: String,
    created: u64,
    files: BTreeMap<String, (Image, Image)>,
}

/// A repository, and what is known of it.
struct World {
    repo: PathBuf,
    state: PathBuf,
    writer: Writer,
    tool: Option<Tool>,
    git: Repository,
    tree: Snapshot,
    now: u64,
    done: Vec<Done>,
    /// Path and bytes that were in a file when an edit touched it, and when that was.
    promised: Vec<(String, Vec<u8>, u64)>,
    staged: BTreeSet<Oid>,
    edits: u64,
    undone: u64,
}

impl World {
    fn new(dir: &Path, writer: Writer) -> Self {
        let (repo, state) = (dir.join("repo"), dir.join("state"));
        let mut tree = Snapshot::new();
        for folder in ["src", "docs"] {
            tree.insert(folder.into(), None);
        }
        for (n, file) in FILES.iter().enumerate().take(4) {
            tree.insert((*file).into(), Some((format!("start {n}\r\n").into_bytes(), 0o644)));
        }
        make_repository(&repo, &tree);
        let git = Repository::open(&repo).expect("the repository");
        let (done, promised, staged) = (Vec::new(), Vec::new(), BTreeSet::new());
        let mut world =
            Self { repo, state, writer, tool: None, git, tree, now: NOW, done, promised, staged, edits: 0, undone: 0 };
        world.reopen().expect("a new tree");
        world
    }

    fn reopen(&mut self) -> Result<(), String> {
        self.tool = None;
        let tool = self.writer.open(&self.repo, &self.state, Box::new(Trap::default())).map_err(|f| f.message)?;
        self.tool = Some(tool);
        Ok(())
    }

    fn tool(&self) -> &Tool {
        self.tool.as_ref().expect("it is open")
    }

    fn step(&mut self, op: &Op) -> Result<(), String> {
        self.now += 1000;
        let git_before = self.git_files();
        let by_user = match op {
            Op::Write(..) | Op::Remove(_) | Op::Chmod(_) => self.user_writes(op),
            Op::Stage(_) | Op::PartStage(..) | Op::Commit | Op::CollectGarbage => {
                self.user_stages(op).map_err(|e| format!("git: {e}"))?;
                true
            }
            Op::Edit(kinds) => self.edit(kinds).map(|()| false)?,
            Op::Undo => self.undo(None).map(|()| false)?,
            Op::UndoOne(n) => {
                let id = self.done.get(n % self.done.len().max(1)).map(|done| done.id.clone());
                id.map_or(Ok(()), |id| self.undo(Some(id))).map(|()| false)?
            }
            Op::Prune(keep) => self.prune(*keep).map(|()| false)?,
            Op::Clock(ahead) => {
                self.now = if *ahead { self.now + DAY } else { self.now - DAY };
                true
            }
            Op::Reopen => self.reopen().map(|()| false)?,
        };
        let now = snapshot(&self.repo);
        if now != self.tree {
            return Err(format!("the tree is not as it should be: {}", differences(&now, &self.tree)));
        }
        if !by_user && self.git_files() != git_before {
            return Err("the index or HEAD was touched".into());
        }
        if matches!(op, Op::Prune(_) | Op::CollectGarbage) { self.promises_hold() } else { Ok(()) }
    }

    /// What of git's own nobody but the user changes.
    fn git_files(&self) -> Vec<Option<Vec<u8>>> {
        let names = ["index", "HEAD", "refs/heads/main", "config"];
        names.iter().map(|name| std::fs::read(self.repo.join(".git").join(name)).ok()).collect()
    }

    fn user_writes(&mut self, op: &Op) -> bool {
        use std::os::unix::fs::PermissionsExt as _;
        let (Op::Write(file, _) | Op::Remove(file) | Op::Chmod(file)) = *op else { return true };
        let (name, path) = (FILES[file].to_owned(), self.repo.join(FILES[file]));
        let there = self.tree.get(&name).cloned().flatten();
        match (op, there) {
            (Op::Write(_, byte), there) => {
                let bytes = format!("user {byte} {}", "x\n".repeat(usize::from(byte % 40))).into_bytes();
                std::fs::write(&path, &bytes).expect("a file");
                let mode = there.map_or(0o644, |(_, mode)| mode);
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("its mode");
                self.tree.insert(name, Some((bytes, mode)));
            }
            (Op::Remove(_), Some(_)) => {
                std::fs::remove_file(path).expect("a file");
                self.tree.remove(&name);
            }
            (Op::Chmod(_), Some((bytes, mode))) => {
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode ^ 0o111)).expect("its mode");
                self.tree.insert(name, Some((bytes, mode ^ 0o111)));
            }
            _ => {}
        }
        true
    }

    fn user_stages(&mut self, op: &Op) -> Result<(), git2::Error> {
        match op {
            Op::Stage(file) => {
                let Some((bytes, _)) = self.tree.get(FILES[*file]).cloned().flatten() else { return Ok(()) };
                self.stage(*file, &bytes)
            }
            Op::PartStage(file, byte) => self.stage(*file, format!("staged {byte}\n").as_bytes()),
            Op::Commit => {
                let mut index = self.git.index()?;
                index.read(false)?;
                let tree = self.git.find_tree(index.write_tree()?)?;
                let who = Signature::new("u", "u@example.org", &git2::Time::new(0, 0))?;
                let parent = self.git.head().ok().and_then(|head| head.peel_to_commit().ok());
                let parents: Vec<_> = parent.iter().collect();
                self.git.commit(Some("HEAD"), &who, &who, "c", &tree, &parents).map(drop)
            }
            _ => {
                let gc = Command::new("git").arg("-C").arg(&self.repo).args(["gc", "-q", "--prune=now"]).output();
                assert!(gc.is_ok_and(|gc| gc.status.success()), "git gc");
                self.git.odb()?.refresh()
            }
        }
    }

    fn stage(&mut self, file: usize, bytes: &[u8]) -> Result<(), git2::Error> {
        let id = self.git.blob(bytes)?;
        let mut index = self.git.index()?;
        index.read(false)?;
        let (zero, path) = (IndexTime::new(0, 0), FILES[file].as_bytes().to_vec());
        let entry = IndexEntry {
            ctime: zero,
            mtime: zero,
            dev: 0,
            ino: 0,
            mode: 0o100_644,
            uid: 0,
            gid: 0,
            file_size: 0,
            id,
            flags: 0,
            flags_extended: 0,
            path,
        };
        index.add(&entry)?;
        index.write()?;
        self.staged = index.iter().map(|entry| entry.id).collect();
        Ok(())
    }

    fn edit(&mut self, kinds: &[u8; 6]) -> Result<(), String> {
        let id = format!("h{}", self.now);
        let mut files = BTreeMap::new();
        for (name, kind) in FILES.iter().zip(kinds) {
            let old = self.tree.get(*name).cloned().flatten();
            let new = match kind {
                0 => None,
                kind if kind % 2 == 1 => {
                    let mode = old.as_ref().map_or(0o644, |(_, mode)| *mode);
                    Some((format!("{id} {kind}\n").into_bytes(), mode))
                }
                _ => continue,
            };
            if old != new {
                files.insert((*name).to_owned(), (old, new));
            }
        }
        let image = |image: &Image| image.clone().map(|(bytes, mode)| FileImage { bytes, mode: Some(mode) });
        let changes = files.iter().map(|(path, (old, new))| FileChange {
            path: RepoPath::new(path.as_str()).expect("a path"),
            old: image(old),
            new: image(new),
        });
        let set = EditSet { id: id.clone(), title: id.clone(), files: changes.collect() };
        if set.files.is_empty() {
            return Ok(());
        }
        self.tool().apply(&set, self.now).map_err(|f| format!("refused: {}", f.message))?;
        self.edits += 1;
        self.record(id, files);
        Ok(())
    }

    /// Files went from their first to their second image.
    fn record(&mut self, id: String, files: BTreeMap<String, (Image, Image)>) {
        for (path, (old, new)) in &files {
            if let Some((bytes, _)) = old {
                self.promised.push((path.clone(), bytes.clone(), self.now));
            }
            match new {
                Some(new) => self.tree.insert(path.clone(), Some(new.clone())),
                None => self.tree.remove(path),
            };
        }
        self.done.push(Done { id, created: self.now, files });
    }

    fn undo(&mut self, id: Option<String>) -> Result<(), String> {
        let Tool::Ours(applier) = self.tool() else { return Ok(()) };
        let log = applier.log(100).map_err(|e| e.to_string())?;
        let in_effect = |wanted: &str| log.iter().any(|e| e.id == wanted && e.state == LogState::Applied);
        let target = match &id {
            Some(id) => Some(id.clone()).filter(|id| in_effect(id)),
            // Taking back without a name walks back through the edits, past undoings.
            None => log.iter().find(|e| e.state == LogState::Applied && e.undoes.is_none()).map(|e| e.id.clone()),
        };
        let result = applier.undo(id.as_deref(), self.now, &Cancel::new());
        let Some(done) = target.as_ref().and_then(|target| self.done.iter().rev().find(|d| d.id == *target)) else {
            return if result.is_err() { Ok(()) } else { Err("undid what is not in effect".into()) };
        };
        let same_bytes = |a: &Image, b: &Image| a.as_ref().map(|a| &a.0) == b.as_ref().map(|b| &b.0);
        let at = |path: &str| self.tree.get(path).cloned().flatten();
        let unchanged = done.files.iter().all(|(path, (_, new))| at(path) == *new);
        let foreign =
            done.files.iter().any(|(path, (old, new))| !same_bytes(&at(path), new) && !same_bytes(&at(path), old));
        match result {
            Ok(_) if foreign => Err(format!("undid {} over bytes of the user's", done.id)),
            Err(error) if unchanged => Err(format!("{} cannot be undone: {error}", done.id)),
            Err(_) => Ok(()),
            Ok(undone) => {
                let files = done.files.iter().map(|(path, (old, new))| {
                    let (now, mut back) = (at(path), old.clone());
                    // A mode that the edit did not change is the user's.
                    if let (Some((_, now)), Some((_, new)), Some((_, back))) = (&now, new, &mut back)
                        && new == back
                    {
                        *back = *now;
                    }
                    (path.clone(), (now, back))
                });
                // One that was as before already is not among what was changed.
                let files = files.filter(|(_, (now, back))| now != back).collect();
                self.undone += 1;
                self.record(undone.id, files);
                Ok(())
            }
        }
    }

    fn prune(&mut self, keep: usize) -> Result<(), String> {
        let Tool::Ours(applier) = self.tool() else { return Ok(()) };
        let mut times: Vec<u64> = self.done.iter().map(|done| done.created).collect();
        times.sort_unstable_by(|a, b| b.cmp(a));
        let older = times.get(keep).map_or(0, |time| time + 1);
        applier.prune(older, u64::MAX).map_err(|e| e.to_string())?;
        self.done.retain(|done| done.created >= older);
        self.promised.retain(|(_, _, created)| *created >= older);
        Ok(())
    }

    /// Everything that was promised is there, for whoever has nothing but git; and so is what the user staged.
    fn promises_hold(&self) -> Result<(), String> {
        let kept = self.kept().map_err(|e| format!("git: {e}"))?;
        for (path, bytes, created) in &self.promised {
            if !kept.contains(&(path.clone(), bytes.clone())) {
                return Err(format!("{path} as of {created} ({} bytes) is gone", bytes.len()));
            }
        }
        match self.staged.iter().find(|id| self.git.find_blob(**id).is_err()) {
            Some(id) => Err(format!("the staged blob {id} is gone")),
            None => Ok(()),
        }
    }

    fn kept(&self) -> Result<BTreeSet<(String, Vec<u8>)>, git2::Error> {
        let mut kept = BTreeSet::new();
        for reference in self.git.references_glob("refs/deepcoder/undo/*")? {
            let tree = reference?.peel_to_commit()?.tree()?;
            let Some(old) = tree.get_name("old") else { continue };
            let old = self.git.find_tree(old.id())?;
            for file in FILES {
                if let Ok(entry) = old.get_path(Path::new(file)) {
                    kept.insert((file.to_owned(), self.git.find_blob(entry.id())?.content().to_vec()));
                }
            }
        }
        Ok(kept)
    }
}
