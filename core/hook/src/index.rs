//! Putting fixed blobs into the index of a commit, by compare and swap.
//!  The new index is made beside the old one by a single `git update-index`. Only then it takes git's lock, complete,
//! in one step; the old index is compared with what the new one was made from, and exchanged. A program that stages
//! something in between wins, and the fix is made once more for the new index. A hook that dies on the way changes
//! nothing.

use crate::HookError;
use crate::place::{Form, Place};
use deepcoder_apply::Steps;
use deepcoder_types::RepoPath;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often others may be quicker.
const ATTEMPTS: u32 = 40;
/// How long to wait then.
const PAUSE: Duration = Duration::from_millis(50);
/// How many old states of the index are kept.
const KEPT: usize = 50;
const REFS: &str = "refs/deepcoder/index";
/// How the temporary files of ours in git's folder begin; the number of the process follows.
const TEMPORARY: &str = "deepcoder-index-";
const MARK: &str = "deepcoder-hook-";

/// One entry to be exchanged.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) path: RepoPath,
    pub(crate) mode: String,
    /// The blob that must be there.
    pub(crate) old: String,
    pub(crate) new: String,
}

/// The entry of a path in an index.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    pub(crate) path: RepoPath,
    pub(crate) mode: String,
    pub(crate) blob: String,
    /// Neither unmerged, nor sparse, nor one that git was told not to look at.
    pub(crate) plain: bool,
}

impl Place {
    /// The entries of `paths` in the index `index`.
    pub(crate) fn index_entries(&self, index: &Path, paths: &[&RepoPath]) -> Result<Vec<IndexEntry>, HookError> {
        let mut found = Vec::new();
        // A command line holds only so much.
        for some in paths.chunks(500) {
            let args: Vec<&str> =
                ["ls-files", "-z", "-s", "-v", "--"].into_iter().chain(some.iter().map(|path| path.as_str())).collect();
            let out = self.git.with_index(index).run(&args)?;
            for record in out.split(|b| *b == 0) {
                let text = String::from_utf8_lossy(record);
                let Some((head, path)) = text.split_once('\t') else { continue };
                let words: Vec<&str> = head.split(' ').collect();
                let ([tag, mode, blob, stage], Ok(path)) = (words.as_slice(), RepoPath::new(path)) else { continue };
                let plain = *tag == "H" && *stage == "0";
                found.push(IndexEntry { path, mode: (*mode).into(), blob: (*blob).into(), plain });
            }
        }
        Ok(found)
    }

    /// Exchange entries, each where it is still what it was. Returns the paths for which that was so.
    pub(crate) fn exchange(
        &self,
        form: Form,
        wanted: &[Exchange],
        steps: &dyn Steps,
    ) -> Result<Vec<RepoPath>, HookError> {
        let done = self.exchange_in(&self.index, form == Form::AsIs, wanted, steps)?;
        at(steps, "index-written")?;
        if form == Form::Partial {
            // The index that stays when the commit is made: without the fix there, the next status would show it staged
            // to be taken back.
            let stays = self.git_dir.join("index.lock");
            let wanted: Vec<_> = wanted.iter().filter(|e| done.contains(&e.path)).cloned().collect();
            self.exchange_in(&stays, false, &wanted, steps)?;
            at(steps, "second-index-written")?;
        }
        Ok(done)
    }

    fn exchange_in(
        &self,
        index: &Path,
        shared: bool,
        wanted: &[Exchange],
        steps: &dyn Steps,
    ) -> Result<Vec<RepoPath>, HookError> {
        for _ in 0..ATTEMPTS {
            let base = read(index)?;
            let made = self.copy(&base, index)?;
            let paths: Vec<&RepoPath> = wanted.iter().map(|e| &e.path).collect();
            let found = self.index_entries(&made.0, &paths)?;
            let still = |e: &&Exchange| {
                found.iter().any(|s| s.plain && s.path == e.path && s.blob == e.old && s.mode == e.mode)
            };
            let ready: Vec<&Exchange> = wanted.iter().filter(still).collect();
            if ready.is_empty() {
                return Ok(Vec::new());
            }
            let lines = ready.iter().map(|e| format!("{} {} 0\t{}\0", e.mode, e.new, e.path));
            let input: Vec<u8> = lines.flat_map(String::into_bytes).collect();
            self.git.with_index(&made.0).run_with(&["update-index", "-z", "--index-info"], &input)?;
            File::open(&made.0).and_then(|file| file.sync_all()).map_err(|e| io(&made.0, e))?;
            at(steps, "index-made")?;
            if self.publish(&made, index, &base, shared, steps)? {
                return Ok(ready.into_iter().map(|e| e.path.clone()).collect());
            }
            std::thread::sleep(PAUSE);
        }
        Err(HookError::IndexBusy(index.to_owned()))
    }

    /// Put `made` in the place of `index` if that is still `base`. `false`: another program has changed the index
    /// first.
    #[expect(clippy::disallowed_methods, reason = "exchanges git's index, under git's own lock")]
    fn publish(
        &self,
        made: &Temporary,
        index: &Path,
        base: &[u8],
        shared: bool,
        steps: &dyn Steps,
    ) -> Result<bool, HookError> {
        if !shared {
            // The git that waits for this hook holds the lock.
            std::fs::rename(&made.0, index).map_err(|e| io(index, e))?;
            return Ok(true);
        }
        let lock = index.with_extension("lock");
        // A second name of the same file: should we die here, `sweep` knows the lock for ours by it.
        match std::fs::hard_link(&made.0, &lock) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => return Ok(false),
            // A file system without such names.
            Err(_) => match renameat_with(CWD, &made.0, CWD, &lock, RenameFlags::NOREPLACE) {
                Ok(()) => {}
                Err(rustix::io::Errno::EXIST) => return Ok(false),
                Err(e) => return Err(io(&lock, e.into())),
            },
        }
        let held = at(steps, "index-locked").and_then(|()| read(index));
        if !held.as_ref().is_ok_and(|now| now == base) {
            std::fs::remove_file(&lock).map_err(|e| io(&lock, e))?;
            held?;
            return Ok(false);
        }
        std::fs::rename(&lock, index).map_err(|e| io(index, e))?;
        Ok(true)
    }

    /// Say, as long as the value lives, that a hook is at work: `sweep` finds out by it that one was killed.
    pub(crate) fn mark(&self) -> Result<Temporary, HookError> {
        let path = self.git_dir.join(format!("{MARK}{}", std::process::id()));
        // A mark of a dead process with the same number, or a link that another program put there.
        drop(Temporary(path.clone()));
        OpenOptions::new().write(true).create_new(true).open(&path).map_err(|e| io(&path, e))?;
        Ok(Temporary(path))
    }

    /// Remove what hooks left that were killed, the lock of the index among it where that is ours. Returns whether there
    /// was any such hook.
    #[expect(clippy::disallowed_methods, reason = "removes temporary files of ours in git's folder")]
    pub(crate) fn sweep(&self) -> bool {
        let mut found = false;
        for entry in std::fs::read_dir(&self.git_dir).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let pid = [TEMPORARY, MARK].into_iter().find_map(|prefix| name.strip_prefix(prefix)?.parse::<i32>().ok());
            let Some(pid) = pid else { continue };
            let alive = rustix::process::Pid::from_raw(pid)
                .is_none_or(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH));
            let identity = |path: &Path| std::fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
            if alive {
                continue;
            }
            found = true;
            let lock = self.git_dir.join("index.lock");
            if identity(&lock).is_some_and(|lock| Some(lock) == identity(&entry.path())) {
                let _ = std::fs::remove_file(lock);
            }
            drop(Temporary(entry.path()));
        }
        found
    }

    /// A copy of an index in git's folder, where a split index finds its other half.
    fn copy(&self, bytes: &[u8], like: &Path) -> Result<Temporary, HookError> {
        let path = self.git_dir.join(format!("{TEMPORARY}{}", std::process::id()));
        // Of a process with the same number that died.
        drop(Temporary(path.clone()));
        let mode = std::fs::metadata(like).map_err(|e| io(like, e))?.permissions().mode() & 0o777;
        let mut options = OpenOptions::new();
        let made = options.write(true).create_new(true).mode(0o600).open(&path).and_then(|mut file| {
            file.write_all(bytes)?;
            file.set_permissions(std::fs::Permissions::from_mode(mode))
        });
        made.map_err(|e| io(&path, e))?;
        Ok(Temporary(path))
    }

    /// Keep the index as it is under a ref, whose name is returned.
    pub(crate) fn keep_index(&self, now_ms: u64) -> Result<String, HookError> {
        // On a copy: git notes in the index which trees it has written.
        let copy = self.copy(&read(&self.index)?, &self.index)?;
        let git = self.git.with_index(&copy.0);
        let tree = crate::git::line(&git.run(&["write-tree"])?);
        let who = "deepcoder <deepcoder@localhost>";
        let stamp = format!("{} +0000", now_ms / 1000);
        let text =
            format!("tree {tree}\nauthor {who} {stamp}\ncommitter {who} {stamp}\n\nThe index before a hook's fixes\n");
        let commit = git.run_with(&["hash-object", "-t", "commit", "-w", "--stdin"], text.as_bytes())?;
        let name = format!("{REFS}/{now_ms:013}-{}", std::process::id());
        git.run(&["update-ref", &name, &crate::git::line(&commit)])?;
        let all = git.run(&["for-each-ref", "--format=%(refname)", &format!("{REFS}/")])?;
        let all = String::from_utf8_lossy(&all).into_owned();
        let mut all: Vec<&str> = all.lines().collect();
        all.sort_unstable();
        for old in all.iter().take(all.len().saturating_sub(KEPT)) {
            // Left for the next time where it cannot be done now.
            let _ = git.run(&["update-ref", "-d", old]);
        }
        Ok(name)
    }
}

/// A file that goes with this value.
pub(crate) struct Temporary(PathBuf);

impl Drop for Temporary {
    #[expect(clippy::disallowed_methods, reason = "removes a temporary file of ours in git's folder")]
    fn drop(&mut self) {
        // After a rename there is none.
        let _ = std::fs::remove_file(&self.0);
        let _ = std::fs::remove_file(self.0.with_extension("lock"));
    }
}

fn read(path: &Path) -> Result<Vec<u8>, HookError> {
    deepcoder_files::read(path, u64::MAX).map_err(|e| io(path, e))
}

fn io(path: &Path, source: std::io::Error) -> HookError {
    HookError::Io { path: path.to_owned(), source }
}

/// Say that a step was reached.
pub(crate) fn at(steps: &dyn Steps, step: &'static str) -> Result<(), HookError> {
    steps.at(step).map_err(|source| HookError::Io { path: PathBuf::from(step), source })
}
