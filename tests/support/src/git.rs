//! Repositories in temporary folders.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A git repository with one commit, removed when dropped.
pub struct TestRepo {
    dir: tempfile::TempDir,
}

impl TestRepo {
    /// A repository that holds `files` (path, bytes), all committed.
    ///
    /// # Panics
    /// When git is missing or a file cannot be written: the test cannot run.
    #[must_use]
    pub fn new(files: &[(&str, &[u8])]) -> Self {
        let repo = Self { dir: tempfile::tempdir().expect("temporary folder") };
        repo.git(&["init", "-q", "-b", "main"]);
        for (path, bytes) in files {
            repo.write(path, bytes);
        }
        repo.git(&["add", "-A"]);
        repo.git(&["commit", "-q", "--allow-empty", "-m", "start"]);
        repo
    }

    /// A copy of it in a new folder below `parent`: cheaper than making it once more, where a test needs hundreds.
    ///
    /// # Panics
    /// When it cannot be copied.
    #[must_use]
    pub fn copy_below(&self, parent: &Path) -> Self {
        let dir = tempfile::tempdir_in(parent).expect("temporary folder");
        copy_folder(self.path(), dir.path());
        Self { dir }
    }

    /// Its root.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A path inside it.
    #[must_use]
    pub fn join(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Write a file, with its folders.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("folders");
        }
        #[expect(clippy::disallowed_methods, reason = "a temporary folder of the test's own")]
        std::fs::write(path, bytes).expect("file");
    }

    /// The bytes of a file.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn read(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.join(path)).expect("file")
    }

    /// Run git in it, with a fixed identity and without the user's configuration; returns standard output.
    ///
    /// # Panics
    /// When git fails.
    pub fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(self.dir.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .args(["-c", "user.name=Test", "-c", "user.email=test@example.org"])
            .args(args)
            .output()
            .expect("git runs");
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

#[expect(clippy::disallowed_methods, reason = "fills a temporary folder")]
fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("folder") {
        let entry = entry.expect("entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("type").is_dir() {
            std::fs::create_dir_all(&target).expect("folder");
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("file");
        }
    }
}
