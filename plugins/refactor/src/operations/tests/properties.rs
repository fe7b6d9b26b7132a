//! Properties of renames over declarations of real packages: Python's standard library and this repository's Rust.
//!
//! `DEEPCODER_TEST_RENAMES` says how many of each package; few, where it is not set. docs/lab/refactor.md has the numbers of
//! large runs.

use crate::{Changes, Refusal, Request, Target, Verdict};
use deepcoder_resolve::{Declaration, DeclarationKind, Memory, Project, ScopeKind};
use deepcoder_syntax::Language;
use deepcoder_types::{RepoPath, TextRange};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

type Texts = BTreeMap<RepoPath, Arc<str>>;

/// Renames of each package, where nothing says more.
const FEW: usize = 5;

/// How many renames of each package were asked for.
#[expect(clippy::disallowed_methods, reason = "the environment of a test says how long it may take")]
fn asked() -> Option<usize> {
    std::env::var("DEEPCODER_TEST_RENAMES").ok().and_then(|text| text.parse().ok())
}

/// The smallest package alone, where nothing says more.
fn few<T>(mut packages: Vec<T>) -> Vec<T> {
    packages.truncate(asked().map_or(1, |_| packages.len()));
    packages
}

/// Numbers that look random and are the same for the same seed (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound.max(1)
    }
}

fn read(root: &Path, directory: &Path, ending: &str, texts: &mut Texts) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read(root, &path, ending, texts);
        } else if path.extension().is_some_and(|found| found == ending) {
            let name = path.strip_prefix(root).expect("below").to_str().expect("UTF-8").to_owned();
            let text = std::fs::read_to_string(&path).expect("a text");
            texts.insert(RepoPath::new(name).expect("a path"), Arc::from(text));
        }
    }
}

/// Packages of the standard library of the Python that is there; none without one.
fn standard_library() -> Vec<(String, Texts)> {
    let script = "import sysconfig; print(sysconfig.get_path('stdlib'))";
    let Ok(output) = Command::new("python3").args(["-I", "-c", script]).output() else { return Vec::new() };
    let root = PathBuf::from(String::from_utf8(output.stdout).expect("UTF-8").trim());
    let package = |name: &str| {
        let mut texts = Texts::new();
        read(&root, &root.join(name), "py", &mut texts);
        (name.to_owned(), texts)
    };
    ["json", "logging", "unittest", "email", "importlib", "asyncio"].map(package).to_vec()
}

/// Crates of this repository.
fn crates() -> Vec<(String, Texts)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let package = |name: &str| {
        let mut texts = Texts::new();
        read(&root, &root.join(name), "rs", &mut texts);
        let manifest = format!("{name}/Cargo.toml");
        let text = std::fs::read_to_string(root.join(&manifest)).expect("a manifest");
        texts.insert(RepoPath::new(manifest).expect("a path"), Arc::from(text));
        (name.to_owned(), texts)
    };
    ["core/git", "core/edit", "core/workspace"].map(package).to_vec()
}

fn rename(texts: &Texts, path: &RepoPath, at: u32, new: &str) -> Result<Changes, Refusal> {
    let files = Memory::new(texts.clone());
    let target = Target { path: path.clone(), range: TextRange::new(at, at) };
    crate::run(&Project::new(&files), &Request::Rename { target, new_name: new.to_owned() })
}

fn applied(texts: &Texts, changes: &Changes) -> Texts {
    let files = Memory::new(texts.clone());
    let mut after = texts.clone();
    for (from, _) in &changes.renamed {
        after.remove(from);
    }
    after.extend(changes.apply(&files).expect("fits").into_iter().map(|(path, text)| (path, Arc::from(text))));
    after
}

/// Where a declaration is after changes: its file and its offset.
fn after(changes: &Changes, path: &RepoPath, at: u32) -> (RepoPath, u32) {
    let edits = changes.edits.get(path).map(Vec::as_slice).unwrap_or_default();
    let before = edits.iter().filter(|(range, _)| range.end <= at);
    let shift: i64 = before.map(|(range, new)| new.len() as i64 - i64::from(range.end - range.start)).sum();
    let to = changes.renamed.iter().find(|(from, _)| from == path).map_or(path, |(_, to)| to);
    (to.clone(), u32::try_from(i64::from(at) + shift).expect("an offset"))
}

/// A declaration of a package with a name in the text.
fn chosen(texts: &Texts, random: &mut Random) -> Option<(RepoPath, Declaration, Vec<Declaration>)> {
    let paths: Vec<&RepoPath> = texts.keys().filter(|path| Language::program(path).is_some()).collect();
    let path = paths[random.below(paths.len())];
    let bindings = deepcoder_resolve::bind(Language::program(path)?, &texts[path])?;
    let named: Vec<&Declaration> = bindings.declarations.iter().filter(|d| d.at.start < d.at.end).collect();
    let declaration = (*named.get(random.below(named.len()))?).clone();
    let alike = |other: &&&Declaration| {
        other.scope == declaration.scope
            && other.space == declaration.space
            && other.name != declaration.name
            && other.import.is_none()
    };
    let others = named.iter().filter(alike).map(|other| (*other).clone()).collect();
    // A function of Rust may shadow one variable with another: only what is declared for a whole scope is taken there.
    let block = bindings.scope(declaration.scope).is_some_and(|scope| {
        matches!(scope.kind, ScopeKind::Function | ScopeKind::Block) && bindings.language == Language::Rust
    });
    Some((path.clone(), declaration, if block { Vec::new() } else { others }))
}

/// What does not hold of a package, and how many renames were safe.
fn check(package: &str, texts: &Texts, count: usize, random: &mut Random) -> (usize, Vec<String>) {
    let (mut safe, mut wrong) = (0, Vec::new());
    for _ in 0..count {
        let Some((path, declaration, others)) = chosen(texts, random) else { continue };
        let at = declaration.at.start;
        let new = format!("{}Zq", declaration.name);
        let what = format!("{package}/{path}:{at} {:?} {}", declaration.kind, declaration.name);
        if let Ok(changes) = rename(texts, &path, at, &new)
            && changes.verdict() == Verdict::Safe
        {
            safe += 1;
            let there = applied(texts, &changes);
            let (home, place) = after(&changes, &path, at);
            match rename(&there, &home, place, &declaration.name) {
                Ok(back) if applied(&there, &back) == *texts => {}
                Ok(_) => wrong.push(format!("{what}: other bytes after there and back")),
                Err(refusal) => wrong.push(format!("{what}: no way back: {refusal}")),
            }
            match rename(&there, &home, place, &new) {
                Err(_) => {}
                Ok(again) => wrong.push(format!("{what}: a second run changes {:?}", again.edits.keys())),
            }
        }
        let taken = others.get(random.below(others.len())).filter(|_| declaration.kind != DeclarationKind::Label);
        if let Some(other) = taken
            && let Ok(changes) = rename(texts, &path, at, &other.name)
            && changes.verdict() == Verdict::Safe
        {
            wrong.push(format!("{what}: `{}` is taken, and the rename is safe", other.name));
        }
    }
    (safe, wrong)
}

fn all(packages: Vec<(String, Texts)>, seed: u64) {
    let mut random = Random(seed);
    let (mut safe, mut wrong) = (0, Vec::new());
    for (name, texts) in packages {
        let (more, found) = check(&name, &texts, asked().unwrap_or(FEW), &mut random);
        safe += more;
        wrong.extend(found);
    }
    assert!(wrong.is_empty(), "{} of {safe} safe renames:\n{}", wrong.len(), wrong.join("\n"));
    assert!(safe > 0, "no rename was safe");
}

/// Protects the bytes of Python: a safe rename and the one back give the same tree, a second one has nothing to do, and no name of
/// the same scope is given twice.
#[test]
fn python_there_and_back() {
    let packages = few(standard_library());
    if packages.is_empty() {
        deepcoder_test_support::skip!("renames of Python's standard library", "there is no python3");
    }
    all(packages, 7);
}

/// Protects the bytes of Rust, as Python's.
#[test]
fn rust_there_and_back() {
    all(few(crates()), 11);
}
