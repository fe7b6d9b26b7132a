//! What programs do to a tree, as fast as they can. Many of these fail, as they may.

use fastrand::Rng;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Files in each folder at first.
const PER_FOLDER: usize = 20;

/// A tree of `files` small files.
pub(crate) fn make(root: &Path, files: usize) {
    for n in 0..files {
        let folder = folder(root, n / PER_FOLDER);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(format!("f{}.py", n % PER_FOLDER)), format!("{n:08}")).expect("a file");
    }
    fs::write(root.join(".gitignore"), "*.log\nbuild/\n").expect("rules");
}

fn folder(root: &Path, n: usize) -> PathBuf {
    root.join(format!("d{}/e{}/g{}", n / 400, n / 20 % 20, n % 20))
}

/// One who works on a tree.
pub(crate) struct Worker<'a> {
    pub(crate) root: &'a Path,
    pub(crate) files: usize,
    pub(crate) rng: Rng,
}

impl Worker<'_> {
    /// So many things.
    pub(crate) fn work(&mut self, actions: usize) {
        for _ in 0..actions {
            match self.rng.u32(..100) {
                0..70 => self.save(),
                _ => _ = self.rearrange(),
            }
        }
    }

    fn folder(&mut self) -> PathBuf {
        let n = self.rng.usize(..self.files.div_ceil(PER_FOLDER).max(1));
        let mut at = folder(self.root, n);
        match self.rng.u32(..10) {
            0 => at.push("new"),
            1 => at.push("new/er"),
            2 => at.push("build"),
            _ => {}
        }
        at
    }

    fn file(&mut self) -> PathBuf {
        let name = format!(
            "f{}.{}",
            self.rng.usize(..PER_FOLDER + 3),
            self.rng.choice(["py", "py", "py", "log"]).unwrap_or("py")
        );
        self.folder().join(name)
    }

    /// As one editor or another does. The length is the same again and again: only the times tell.
    fn save(&mut self) {
        let at = self.file();
        let text = format!("{:08}", self.rng.u32(..100_000_000));
        let beside = |end: &str| PathBuf::from(format!("{}{end}", at.display()));
        match self.rng.u32(..6) {
            0 | 1 => _ = fs::write(&at, &text),
            // Vim with a backup, and its look whether it may write there.
            2 => {
                let probe = at.with_file_name("4913");
                _ = fs::write(&probe, "").and_then(|()| fs::remove_file(&probe));
                _ = fs::rename(&at, beside("~"));
                _ = fs::write(&at, &text);
                _ = fs::remove_file(beside("~"));
            }
            // Emacs with its lock.
            3 => {
                let lock = at.with_file_name(".#lock");
                _ = symlink("me@here.1:2", &lock);
                _ = fs::copy(&at, beside("~"));
                _ = fs::write(&at, &text);
                _ = fs::remove_file(&lock);
            }
            4 => {
                _ = fs::write(beside("___jb_tmp___"), &text);
                _ = fs::rename(&at, beside("___jb_old___"));
                _ = fs::rename(beside("___jb_tmp___"), &at);
                _ = fs::remove_file(beside("___jb_old___"));
            }
            _ => _ = fs::write(beside(".tmp"), &text).and_then(|()| fs::rename(beside(".tmp"), &at)),
        }
    }

    fn rearrange(&mut self) -> std::io::Result<()> {
        let (one, other) = (self.file(), self.file());
        let (here, there) = (self.folder(), self.folder());
        match self.rng.u32(..14) {
            0..3 => fs::remove_file(one),
            3..5 => fs::rename(one, other),
            5 => fs::create_dir_all(&here).and_then(|()| fs::write(here.join("f0.py"), "at once")),
            6 => fs::create_dir_all(here.join("a/b/c")).and_then(|()| fs::write(here.join("a/b/c/deep.py"), "deep")),
            7 => fs::remove_dir_all(here.join("a")),
            8 => fs::rename(here, there.join("moved")),
            9 => {
                // Away, and another one under its name.
                let away = here.with_extension("away");
                fs::rename(&here, &away)?;
                fs::create_dir_all(&here)?;
                fs::write(here.join("f1.py"), "another")?;
                fs::remove_dir_all(away)
            }
            10 => symlink(there, one),
            11 => fs::write(
                here.join(".gitignore"),
                *self.rng.choice(&["f3.py\n", "new\n", "", "!*.log\n"]).unwrap_or(&""),
            ),
            12 => fs::write(here.join(".git"), "gitdir: nowhere\n"),
            _ => fs::remove_file(here.join(".git")),
        }
    }
}

/// More events than the queue of a watcher that sleeps can take.
pub(crate) fn overflow(root: &Path) {
    let most = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").ok();
    let most: usize = most.and_then(|text| text.trim().parse().ok()).unwrap_or(16_384);
    let at = root.join("storm.py");
    for _ in 0..most / 2 + 500 {
        _ = fs::write(&at, "").and_then(|()| fs::remove_file(&at));
    }
}
