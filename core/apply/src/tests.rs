//! Tests of the whole: a repository, a state folder, sets.

mod basic;
mod commit;
mod crash;
mod places;
mod race;
mod refuse;
mod repos;
mod restore;
mod steps;

use crate::{Applied, Applier, ApplierOptions, ApplyError, ApplyOptions, Steps};
use deepcoder_test_support::TestRepo;
use deepcoder_types::{Cancel, EditSet, FileChange, FileImage, RepoPath};
use deepcoder_workspace::Workspace;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const NOW: u64 = 1_700_000_000_000;

/// A file, or one to be made or removed.
fn change(path: &str, old: Option<&str>, new: Option<&str>) -> FileChange {
    let image = |text: &str| FileImage { bytes: text.as_bytes().to_vec(), mode: None };
    FileChange { path: RepoPath::new(path).unwrap(), old: old.map(image), new: new.map(image) }
}

fn set(id: &str, files: Vec<FileChange>) -> EditSet {
    EditSet { id: id.into(), title: format!("title of {id}"), files }
}

struct Bench {
    repo: TestRepo,
    state: tempfile::TempDir,
}

impl Bench {
    fn new(files: &[(&str, &[u8])]) -> Self {
        Self { repo: TestRepo::new(files), state: tempfile::tempdir().unwrap() }
    }

    /// Four files; the set of [`mixed`] is made for them.
    fn mixed() -> Self {
        let bench =
            Self::new(&[("a.txt", b"one\r\ntwo\n"), ("c.sh", b"gone"), ("sub/d.txt", b"moved \xff\0"), ("e", b"e")]);
        std::fs::set_permissions(bench.repo.join("c.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
        bench
    }

    /// A copy of its repository in memory, with a state folder of its own.
    fn copy(&self) -> Self {
        Self { repo: self.repo.copy_below(memory()), state: tempfile::tempdir_in(memory()).unwrap() }
    }

    fn open(&self) -> Applier {
        Applier::open(&Workspace::open(self.repo.path()).unwrap(), self.state.path()).unwrap()
    }

    fn open_with(&self, steps: impl Steps + 'static) -> Result<Applier, crate::OpenError> {
        let options = ApplierOptions { steps: Box::new(steps), ..ApplierOptions::default() };
        Applier::open_with(&Workspace::open(self.repo.path()).unwrap(), self.state.path(), options)
    }

    /// Everything in the tree but `.git`: bytes and mode of files, and the folders.
    fn snapshot(&self) -> Snapshot {
        let mut all = BTreeMap::new();
        walk(self.repo.path(), "", &mut all);
        all
    }
}

/// A folder in memory where there is one: a killed process, unlike a power cut, does not care whether the disk was
/// waited for, and these tests make hundreds of repositories.
fn memory() -> &'static Path {
    let shm = Path::new("/dev/shm");
    if tempfile::tempdir_in(shm).is_ok() { shm } else { Path::new("/tmp") }
}

type Snapshot = BTreeMap<String, Option<(Vec<u8>, u32)>>;

fn walk(root: &Path, below: &str, all: &mut Snapshot) {
    for entry in std::fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        let path = if below.is_empty() { entry.file_name() } else { Path::new(below).join(entry.file_name()).into() };
        let path = path.into_string().unwrap();
        let meta = entry.metadata().unwrap();
        if path == ".git" {
            continue;
        }
        if meta.is_dir() {
            all.insert(path.clone(), None);
            walk(root, &path, all);
        } else {
            all.insert(path.clone(), Some((std::fs::read(root.join(&path)).unwrap(), meta.permissions().mode())));
        }
    }
}

/// Modifies, creates below new folders, deletes an executable, moves bytes that are not text.
fn mixed(id: &str) -> EditSet {
    let binary = |path: &str, there: bool| {
        let image = Some(FileImage { bytes: b"moved \xff\0".to_vec(), mode: None });
        let (old, new) = if there { (image, None) } else { (None, image) };
        FileChange { path: RepoPath::new(path).unwrap(), old, new }
    };
    set(
        id,
        vec![
            change("a.txt", Some("one\r\ntwo\n"), Some("one\r\n2\n")),
            change("c.sh", Some("gone"), None),
            change("new/deep/b.txt", None, Some("fresh\n")),
            binary("new/d2.txt", false),
            binary("sub/d.txt", true),
        ],
    )
}

fn options() -> ApplyOptions {
    ApplyOptions { now_ms: NOW, ..ApplyOptions::default() }
}

fn apply(applier: &Applier, set: &EditSet) -> Result<Applied, ApplyError> {
    applier.apply(set, &options(), &Cancel::new())
}
