//! A look at git's own files before its library or its programs read them: those open whatever has the name, and wait for
//! ever for a FIFO, where no flag and no signal reaches them.
//!
//! Nothing is opened here but configuration, which may name further files. A writer who may
//! exchange files between this look and git's can still block it; callers that must not wait have a deadline besides.

use crate::OpenError;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::FileType;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

/// The most bytes of a file that holds a few lines.
const SMALL: u64 = 1 << 20;
/// The most bytes of a configuration: one of a hundred thousand branches has ten million.
const CONFIG: u64 = 64 << 20;
/// The most bytes of a list of everything: an index of ten million files has a thousand million.
const LIST: u64 = 4 << 30;

/// Files of a work tree's own folder in git, and of the one that all work trees share.
const FILES: &[(&str, u64)] = &[
    ("HEAD", SMALL),
    ("ORIG_HEAD", SMALL),
    ("FETCH_HEAD", CONFIG),
    ("MERGE_HEAD", SMALL),
    ("MERGE_MSG", SMALL),
    ("CHERRY_PICK_HEAD", SMALL),
    ("REVERT_HEAD", SMALL),
    ("commondir", SMALL),
    ("gitdir", SMALL),
    ("shallow", CONFIG),
    ("index", LIST),
    ("packed-refs", LIST),
    ("info/exclude", CONFIG),
    ("info/attributes", CONFIG),
    ("info/sparse-checkout", CONFIG),
    ("info/grafts", CONFIG),
    ("objects/info/commit-graph", LIST),
    ("objects/info/packs", CONFIG),
    ("objects/info/commit-graphs/commit-graph-chain", SMALL),
];

/// Files of the work tree that git reads by itself.
const IN_TREE: &[&str] = &[".gitattributes", ".gitignore", ".gitmodules", ".mailmap"];

/// Folders all of whose entries git may read.
const FOLDERS: &[&str] = &["refs", "logs", "objects/pack", "deepcoder"];

/// Entries of those that are looked at; a repository with more than so many loose refs is looked at in part.
const MOST_ENTRIES: usize = 20_000;
/// As git has it.
const MOST_DEPTH: usize = 10;

/// Whether what git reads in the repository of the folder `start` are regular files of bounded size.
pub fn check_git_files(start: &Path) -> Result<(), OpenError> {
    let Some((root, git_dir)) = find(start)? else { return Ok(()) };
    check_both(root.as_deref(), &git_dir)
}

/// The same where the caller names both, as `GIT_DIR` and `GIT_WORK_TREE` do.
pub(crate) fn check_named(git_dir: &Path, root: &Path) -> Result<(), OpenError> {
    check_both(Some(root), git_dir)
}

fn check_both(root: Option<&Path>, git_dir: &Path) -> Result<(), OpenError> {
    if let Some(root) = root {
        in_tree(root)?;
    }
    let common = match text(&git_dir.join("commondir"))? {
        Some(line) => git_dir.join(line),
        None => git_dir.to_owned(),
    };
    in_git(git_dir, &common)
}

/// The same where the folders are known, without what may be many.
pub(crate) fn check_known(git_dir: &Path, common: &Path) -> Result<(), OpenError> {
    [git_dir, common].into_iter().try_for_each(files)?;
    configuration(git_dir, common)
}

/// The root of the work tree and git's folder, as git finds them.
fn find(start: &Path) -> Result<Option<(Option<PathBuf>, PathBuf)>, OpenError> {
    for folder in start.ancestors() {
        let entry = folder.join(".git");
        if entry.is_dir() {
            return Ok(Some((Some(folder.to_owned()), entry)));
        }
        // A file names the folder.
        if let Some(line) = text(&entry)? {
            let named = line.strip_prefix("gitdir:").map(|name| folder.join(name.trim()));
            return Ok(named.map(|git_dir| (Some(folder.to_owned()), git_dir)));
        }
        if ["objects", "refs"].iter().all(|name| folder.join(name).is_dir()) && folder.join("HEAD").exists() {
            return Ok(Some((None, folder.to_owned())));
        }
    }
    Ok(None)
}

fn in_tree(root: &Path) -> Result<(), OpenError> {
    IN_TREE.iter().try_for_each(|name| one(&root.join(name), CONFIG))
}

fn in_git(git_dir: &Path, common: &Path) -> Result<(), OpenError> {
    check_known(git_dir, common)?;
    let mut left = MOST_ENTRIES;
    for folder in FOLDERS {
        walk(&common.join(folder), MOST_DEPTH, &mut left)?;
        if git_dir != common {
            walk(&git_dir.join(folder), MOST_DEPTH, &mut left)?;
        }
    }
    // Git reads these files of other work trees.
    for other in std::fs::read_dir(common.join("worktrees")).into_iter().flatten().flatten().take(MOST_ENTRIES) {
        ["gitdir", "HEAD", "commondir", "locked"].iter().try_for_each(|name| one(&other.path().join(name), SMALL))?;
    }
    alternates(&common.join("objects"), 5)
}

fn files(folder: &Path) -> Result<(), OpenError> {
    FILES.iter().try_for_each(|(name, most)| one(&folder.join(name), *most))
}

fn one(path: &Path, most: u64) -> Result<(), OpenError> {
    deepcoder_files::check(path, most).map_err(|source| OpenError::Odd { path: path.to_owned(), source })
}

/// The text of a file that holds one line; `None` where there is none.
fn text(path: &Path) -> Result<Option<String>, OpenError> {
    one(path, SMALL)?;
    Ok(deepcoder_files::read(path, SMALL).ok().map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()))
}

fn walk(folder: &Path, depth: usize, left: &mut usize) -> Result<(), OpenError> {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        *left = left.saturating_sub(1);
        if *left == 0 {
            return Ok(());
        }
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth > 0 {
            walk(&entry.path(), depth - 1, left)?;
        } else if kind.is_symlink() || is_odd(kind) {
            one(&entry.path(), u64::MAX)?;
        }
    }
    Ok(())
}

fn is_odd(kind: FileType) -> bool {
    kind.is_fifo() || kind.is_socket() || kind.is_char_device() || kind.is_block_device()
}

/// Where objects are borrowed from, and where those are.
fn alternates(objects: &Path, depth: usize) -> Result<(), OpenError> {
    let path = objects.join("info/alternates");
    one(&path, SMALL)?;
    one(&objects.join("info/http-alternates"), SMALL)?;
    let Ok(bytes) = deepcoder_files::read(&path, SMALL) else { return Ok(()) };
    for line in bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty() && line[0] != b'#') {
        let other = objects.join(OsStr::from_bytes(line));
        one(&other, 0)?;
        if depth > 0 {
            alternates(&other, depth - 1)?;
        }
    }
    Ok(())
}

/// The configuration, what it includes, and the files that it names.
fn configuration(git_dir: &Path, common: &Path) -> Result<(), OpenError> {
    let mut seen = HashSet::new();
    let mut next = vec![
        (common.join("config"), 0),
        (git_dir.join("config"), 0),
        (git_dir.join("config.worktree"), 0),
        (common.join("config.worktree"), 0),
    ];
    while let Some((path, depth)) = next.pop() {
        if depth > MOST_DEPTH || !seen.insert(path.clone()) {
            continue;
        }
        one(&path, CONFIG)?;
        let Ok(bytes) = deepcoder_files::read(&path, CONFIG) else { continue };
        for (key, value) in settings(&bytes) {
            let Some(named) = expand(&value, path.parent().unwrap_or(git_dir)) else { continue };
            match key.as_str() {
                "include.path" | "includeif.path" => next.push((named, depth + 1)),
                "core.excludesfile" | "core.attributesfile" | "mailmap.file" | "commit.template" => {
                    one(&named, CONFIG)?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// A path as the configuration in `folder` means it.
fn expand(value: &[u8], folder: &Path) -> Option<PathBuf> {
    if let Some(rest) = value.strip_prefix(b"~/") {
        // As git itself does; nothing else is made of it.
        return std::env::home_dir().map(|home| home.join(OsStr::from_bytes(rest)));
    }
    Some(folder.join(OsStr::from_bytes(value)))
}

/// The keys (`section.key`, in lower case, without a subsection) of a configuration, with their values. Skips lines
/// that git would not understand.
fn settings(text: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut section = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        rest = rest.trim_ascii_start();
        match rest.first() {
            Some(b'[') => {
                let (name, after) = header(&rest[1..]);
                (section, rest) = (name, after);
            }
            Some(b'#' | b';') => rest = after_line(rest),
            _ => {
                let end = rest.iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'-')).unwrap_or(rest.len());
                let key = String::from_utf8_lossy(&rest[..end]).to_ascii_lowercase();
                let after = &rest[end..];
                let blanks = after.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
                if after.get(blanks) == Some(&b'=') && !key.is_empty() {
                    let (value, after) = value(&after[blanks + 1..]);
                    found.push((format!("{section}.{key}"), value));
                    rest = after;
                } else {
                    rest = after_line(rest);
                }
            }
        }
    }
    found
}

fn after_line(text: &[u8]) -> &[u8] {
    text.iter().position(|b| *b == b'\n').map_or(&[], |at| &text[at + 1..])
}

/// The name of a section, and what follows its `]`. A quoted subsection may hold anything.
fn header(text: &[u8]) -> (String, &[u8]) {
    let mut name = Vec::new();
    let (mut quoted, mut escaped) = (false, false);
    for (at, &b) in text.iter().enumerate() {
        match b {
            b'\n' => return (String::new(), &text[at + 1..]),
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b']' if !quoted => {
                let name = String::from_utf8_lossy(&name).trim().to_ascii_lowercase();
                // The old form: `[section.subsection]`.
                return (name.split('.').next().unwrap_or_default().to_owned(), &text[at + 1..]);
            }
            _ if !quoted => name.push(b),
            _ => {}
        }
    }
    (String::new(), &[])
}

/// A value, and what follows its line: quotes, escapes, comments and continued lines as git has them.
fn value(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut value = Vec::new();
    let (mut quoted, mut comment, mut at) = (false, false, 0);
    let mut kept = 0;
    while let Some(&b) = text.get(at) {
        at += 1;
        match b {
            b'\n' => break,
            _ if comment => {}
            b'\\' => {
                match text.get(at) {
                    Some(b'\n') => {}
                    Some(b'\r') if text.get(at + 1) == Some(&b'\n') => at += 1,
                    Some(b'n') => value.push(b'\n'),
                    Some(b't') => value.push(b'\t'),
                    Some(other) => value.push(*other),
                    None => {}
                }
                at += 1;
                kept = value.len();
            }
            b'"' => quoted = !quoted,
            b'#' | b';' if !quoted => comment = true,
            b' ' | b'\t' | b'\r' if !quoted => {
                if !value.is_empty() {
                    value.push(b);
                }
            }
            _ => {
                value.push(b);
                kept = value.len();
            }
        }
    }
    value.truncate(kept);
    (value, text.get(at..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use deepcoder_test_support::TestRepo;
    use rustix::fs::{CWD, Mode, mknodat};

    fn fifo(path: &Path) {
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        // The previous file makes room.
        #[expect(clippy::disallowed_methods, reason = "a temporary repository")]
        let _ = std::fs::remove_file(path);
        mknodat(CWD, path, rustix::fs::FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a FIFO");
    }

    /// Protects every command and the daemon from a repository that never answers: each file that git itself reads is
    /// looked at before it does, also where the configuration or the alternates lead to it.
    #[test]
    fn nothing_of_gits_own_keeps_anybody_waiting() {
        let names = FILES.iter().map(|(name, _)| format!(".git/{name}"));
        let more = [
            ".git/config",
            ".git/objects/info/alternates",
            ".git/refs/heads/x/y",
            ".git/logs/HEAD",
            ".git/objects/pack/pack-1.idx",
            ".gitattributes",
            ".gitignore",
        ];
        for name in names.chain(more.map(str::to_owned)) {
            let repo = TestRepo::new(&[("a.py", b"x = 1\n")]);
            fifo(&repo.join(&name));
            let error = crate::Workspace::open(repo.path()).expect_err(&name);
            let said = error.to_string();
            let known = said.contains("it is a FIFO, not a regular file");
            assert!(known && said.contains(name.rsplit('/').next().expect("a name")), "{name}: {said}");
        }
    }

    /// Protects against what is only named: included files, whatever the condition, and borrowed objects.
    #[test]
    fn files_that_are_named_elsewhere_are_looked_at() {
        let repo = TestRepo::new(&[("a.py", b"x = 1\n")]);
        fifo(&repo.join("odd"));
        let odd = repo.join("odd").display().to_string();
        let config = std::fs::read_to_string(repo.join(".git/config")).expect("there");
        for more in [
            "[include]\n\tpath = ../odd\n",
            "[INCLUDE] Path=\"../odd\" ; why\n",
            "[includeIf \"gitdir:]/x/\"]\n path = ../o\\\ndd # more\n",
            "[core]\n\texcludesFile = ../odd\n",
            "[core]\n\tattributesFile = ../odd\n",
        ] {
            repo.write(".git/config", format!("{config}{more}").as_bytes());
            let said = crate::Workspace::open(repo.path()).expect_err(more).to_string();
            assert!(said.contains("odd") && said.contains("a FIFO"), "{more}: {said}");
        }
        repo.write(".git/config", config.as_bytes());
        repo.write(".git/objects/info/alternates", format!("# from\n{odd}\n").as_bytes());
        assert!(crate::Workspace::open(repo.path()).is_err());
    }

    /// Protects ordinary repositories: long configurations, includes that are not there, /dev/null and linked work trees
    /// are as good as before.
    #[test]
    fn ordinary_repositories_pass() {
        let repo = TestRepo::new(&[("a.py", b"x = 1\n")]);
        repo.git(&["config", "include.path", "/nowhere/config"]);
        repo.git(&["config", "core.excludesFile", "/dev/null"]);
        repo.git(&["config", "core.attributesFile", "/dev/null"]);
        repo.git(&["worktree", "add", "-q", "-b", "other", "other"]);
        crate::Workspace::open(repo.path()).expect("opened");
        crate::Workspace::open(&repo.join("other")).expect("opened");
        fifo(&repo.join(".git/worktrees/other/index"));
        crate::Workspace::open(&repo.join("other")).expect_err("refused");
        crate::Workspace::open(repo.path()).expect("the other one is as before");
        fifo(&repo.join(".git/worktrees/other/gitdir"));
        crate::Workspace::open(repo.path()).expect_err("git reads it here as well");
    }

    /// Protects from a configuration that is never done with: any bytes are read to their end.
    #[test]
    fn any_bytes_are_a_configuration() {
        for text in ["[", "[a", "[a \"", "=", "x", "x =", "[a]b=\"", "[a]b=\\", "\u{0}\u{1}é = [", "[a]\n[b]c\n= d"] {
            settings(text.as_bytes());
        }
        let read = settings(b"[A \"x\"] b = 1\n\tC-d = \" 2 ;\" ; no\n[e.f]\ng=3");
        let read: Vec<_> = read.iter().map(|(k, v)| (k.as_str(), std::str::from_utf8(v).expect("text"))).collect();
        assert_eq!(read, [("a.b", "1"), ("a.c-d", " 2 ;"), ("e.g", "3")]);
    }
}
