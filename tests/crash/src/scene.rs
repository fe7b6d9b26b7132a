//! Random trees and random sets for them, both from a seed, so that parent and child agree without a word.

use deepcoder_types::{EditSet, FileChange, FileImage, RepoPath};
use fastrand::Rng;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Bytes and mode of a file, the target of a link, or `None` for a folder.
pub(crate) type Entry = Option<(Vec<u8>, u32)>;
/// Everything in a tree but `.git`.
pub(crate) type Snapshot = BTreeMap<String, Entry>;

/// The mode that marks a link in a [`Snapshot`].
const LINK: u32 = 0o120_777;

/// A time like any other.
pub(crate) const NOW: u64 = 1_700_000_000_000;

/// A tree, and a set for it.
pub(crate) struct Scene {
    pub(crate) before: Snapshot,
    pub(crate) set: EditSet,
    pub(crate) after: Snapshot,
}

impl Scene {
    /// With as many changed files as `files` allows.
    pub(crate) fn random(seed: u64, files: RangeInclusive<usize>) -> Self {
        let mut rng = Rng::with_seed(seed);
        let count = rng.usize(files);
        let before = random_tree(&mut rng, count + 3);
        let (set, after) = random_set(&mut rng, &format!("e{seed}"), &before, count);
        Self { before, set, after }
    }
}

/// A tree of `count` files in some folders.
pub(crate) fn random_tree(rng: &mut Rng, count: usize) -> Snapshot {
    let mut tree = Snapshot::new();
    for n in 0..count {
        let folder = ["", "src/", "src/deep/", "docs/", "a b/"][rng.usize(..5)];
        let image = Some((random_bytes(rng), random_mode(rng)));
        add(&mut tree, &format!("{folder}f{n}.{}", ["rs", "py", "sh", "txt"][rng.usize(..4)]), image);
    }
    tree
}

/// A set of about `count` changes of every kind for `tree`, and what comes of it.
pub(crate) fn random_set(rng: &mut Rng, id: &str, tree: &Snapshot, count: usize) -> (EditSet, Snapshot) {
    let mut after = tree.clone();
    let mut free: Vec<String> = tree.iter().filter(|(_, e)| e.is_some()).map(|(path, _)| path.clone()).collect();
    rng.shuffle(&mut free);
    let mut changes = BTreeMap::new();
    while changes.len() < count {
        let kind = if free.is_empty() { 0 } else { rng.u32(..10) };
        let new_path = |rng: &mut Rng| {
            let folder = ["", "src/", "new/", "new/er/", "src/deep/newest/"][rng.usize(..5)];
            format!("{folder}{id}-{}", rng.u32(..))
        };
        if kind < 2 {
            let (path, image) = (new_path(rng), Some((random_bytes(rng), random_mode(rng))));
            add(&mut after, &path, image.clone());
            changes.insert(path, (None, image));
            continue;
        }
        let Some(path) = free.pop() else { continue };
        let old = tree[&path].clone();
        let (bytes, mode) = old.clone().unwrap_or_default();
        match kind {
            2 => {
                after.remove(&path);
                changes.insert(path, (old, None));
            }
            3 if changes.len() + 2 <= count => {
                let target = new_path(rng);
                after.remove(&path);
                add(&mut after, &target, old.clone());
                changes.insert(path, (old.clone(), None));
                changes.insert(target, (None, old));
            }
            4 => {
                let new = Some((bytes, mode ^ 0o111));
                add(&mut after, &path, new.clone());
                changes.insert(path, (old, new));
            }
            _ => {
                let mode = if rng.u32(..4) == 0 { random_mode(rng) } else { mode };
                let mut text = bytes;
                let at = rng.usize(..=text.len());
                text.splice(at..at, format!("{id} {}\n", rng.u64(..)).into_bytes());
                let new = Some((text, mode));
                add(&mut after, &path, new.clone());
                changes.insert(path, (old, new));
            }
        }
    }
    let image = |entry: Entry| entry.map(|(bytes, mode)| FileImage { bytes, mode: Some(mode) });
    let files = changes.into_iter().map(|(path, (old, new))| FileChange {
        path: RepoPath::new(path).expect("a path"),
        old: image(old),
        new: image(new),
    });
    let set = EditSet { id: id.into(), title: format!("title of {id}"), files: files.collect() };
    (set, after)
}

fn add(tree: &mut Snapshot, path: &str, image: Entry) {
    for (at, _) in path.match_indices('/') {
        tree.entry(path[..at].to_owned()).or_insert(None);
    }
    tree.insert(path.to_owned(), image);
}

fn random_mode(rng: &mut Rng) -> u32 {
    [0o644, 0o644, 0o644, 0o755, 0o600, 0o664][rng.usize(..6)]
}

/// Small and large, text and not, with and without a byte order mark, all line endings, with and without a last one.
fn random_bytes(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    if rng.u32(..8) == 0 {
        bytes.extend(b"\xef\xbb\xbf");
    }
    let lines = [0, 1, 3, 30, 400][rng.usize(..5)];
    for line in 0..lines {
        bytes.extend(format!("line {line} {:x}", rng.u64(..)).as_bytes());
        bytes.extend([b"\n".as_slice(), b"\n", b"\r\n", b"\r", b"\0\xff"][rng.usize(..5)]);
    }
    if rng.bool() {
        bytes.extend(b"the end");
    }
    bytes
}

/// A new repository at `root`, holding `tree`. By hand, because starting git a thousand times takes minutes.
pub(crate) fn make_repository(root: &Path, tree: &Snapshot) {
    for folder in ["objects/info", "objects/pack", "refs/heads", "refs/tags"] {
        std::fs::create_dir_all(root.join(".git").join(folder)).expect("a folder of git's");
    }
    std::fs::write(root.join(".git/HEAD"), "ref: refs/heads/main\n").expect("HEAD");
    let config = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n";
    std::fs::write(root.join(".git/config"), config).expect("config");
    for (path, entry) in tree {
        let path = root.join(path);
        match entry {
            None => std::fs::create_dir_all(path).expect("a folder"),
            Some((bytes, mode)) => {
                std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                std::fs::write(&path, bytes).expect("a file");
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(*mode)).expect("its mode");
            }
        }
    }
}

/// What is in the tree at `root`.
pub(crate) fn snapshot(root: &Path) -> Snapshot {
    let mut all = Snapshot::new();
    walk(root, "", &mut all);
    all
}

fn walk(root: &Path, below: &str, all: &mut Snapshot) {
    for entry in std::fs::read_dir(root.join(below)).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        let meta = entry.metadata().expect("its kind");
        if path == ".git" {
            continue;
        }
        if meta.is_dir() {
            all.insert(path.clone(), None);
            walk(root, &path, all);
        } else if meta.is_symlink() {
            let target = std::fs::read_link(entry.path()).expect("a link");
            all.insert(path, Some((target.as_os_str().as_bytes().to_vec(), LINK)));
        } else if meta.is_file() {
            let bytes = std::fs::read(entry.path()).expect("a file");
            all.insert(path, Some((bytes, meta.permissions().mode() & 0o7777)));
        } else {
            all.insert(path, Some((Vec::new(), meta.permissions().mode())));
        }
    }
}

/// In what two trees differ, for a person.
pub(crate) fn differences(found: &Snapshot, expected: &Snapshot) -> String {
    let paths: std::collections::BTreeSet<_> = found.keys().chain(expected.keys()).collect();
    let differ = paths.into_iter().filter(|path| found.get(*path) != expected.get(*path));
    let say = |entry: Option<&Entry>| match entry {
        None => "nothing".to_owned(),
        Some(None) => "a folder".to_owned(),
        Some(Some((bytes, mode))) => format!("{} bytes {mode:o}", bytes.len()),
    };
    let said: Vec<_> = differ
        .take(4)
        .map(|path| format!("{path}: {} instead of {}", say(found.get(path)), say(expected.get(path))))
        .collect();
    said.join(", ")
}
