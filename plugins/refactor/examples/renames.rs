//! Renames one thing after the other in a package and runs the package's own tests: wherever *safe* was said they must pass.
//!
//!     cargo run -p deepcoder-plugin-refactor --example renames -- DIR COUNT SEED EACH COMMAND [ARGS]
//!
//! `DIR` is a copy that is written to, `COUNT` how many safe renames to make, `EACH` after how many of them the command runs
//! in `DIR`. A third of the new names are taken by something else: most of them must be refused. Where the command fails, the
//! renames since it last passed are tried one by one, and the guilty one is printed and taken back. docs/lab/refactor.md.
#![expect(clippy::print_stdout, reason = "an example prints")]

use deepcoder_plugin_refactor::{Changes, Request, Target, Verdict, run};
use deepcoder_resolve::{DeclarationKind, Memory, Project};
use deepcoder_syntax::Language;
use deepcoder_types::{RepoPath, TextRange};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

type Texts = BTreeMap<RepoPath, Arc<str>>;

/// Directories of tools, which hold no source of the package.
const SKIPPED: &[&str] = &["node_modules", "target", "build", "dist", "__pycache__", "venv"];

/// A rename that was applied.
struct Done {
    /// Which one, in words.
    what: String,
    /// The tree before it.
    before: Texts,
    after: Texts,
}

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "DIR COUNT SEED EACH COMMAND [ARGS]";
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or(usage);
    let (root, count, seed, each) = (PathBuf::from(next()?), next()?.parse()?, next()?.parse()?, next()?.parse()?);
    let command: Vec<String> = std::iter::once(next()?).chain(arguments).collect();
    let mut texts = Texts::new();
    read(&root, &root, &mut texts)?;
    if !passes(&root, &command)? {
        return Err("the tests do not pass before".into());
    }
    let mut random = Random(seed);
    let (mut safe, mut review, mut refused, mut guilty) = (0usize, 0usize, 0usize, 0usize);
    let mut pending: Vec<Done> = Vec::new();
    let mut tries = 0;
    while safe < count && tries < count * 20 {
        tries += 1;
        let Some((request, what)) = choose(&texts, &mut random) else { continue };
        let files = Memory::new(texts.clone());
        let project = Project::new(&files);
        match run(&project, &request) {
            Err(_) => refused += 1,
            Ok(changes) if changes.verdict() != Verdict::Safe => review += 1,
            Ok(changes) => {
                let after = applied(&texts, &changes, &files)?;
                pending.push(Done { what, before: std::mem::replace(&mut texts, after.clone()), after });
                safe += 1;
            }
        }
        if pending.len() >= each || safe == count && !pending.is_empty() {
            while let Some((bad, good)) = judge(&root, &command, &pending)? {
                guilty += 1;
                println!("guilty: {}", pending[bad].what);
                texts = good;
                write(&root, &pending[pending.len() - 1].after, &texts)?;
                safe -= pending.len() - bad;
                pending.clear();
            }
            pending.clear();
        }
    }
    println!("{}: {safe} safe, {review} for review, {refused} refused, {guilty} guilty", root.display());
    Ok(())
}

/// The first of the pending renames with which the command fails, and the tree before it.
fn judge(root: &Path, command: &[String], pending: &[Done]) -> Result<Option<(usize, Texts)>, Box<dyn Error>> {
    let (Some(first), Some(last)) = (pending.first(), pending.last()) else { return Ok(None) };
    write(root, &first.before, &last.after)?;
    if passes(root, command)? {
        return Ok(None);
    }
    // The tree passes after `good` of them and fails after `bad`.
    let (mut good, mut bad) = (0, pending.len());
    let mut there = &last.after;
    while good + 1 < bad {
        let middle = usize::midpoint(good, bad);
        let tried = &pending[middle - 1].after;
        write(root, there, tried)?;
        there = tried;
        if passes(root, command)? {
            good = middle;
        } else {
            bad = middle;
        }
    }
    write(root, there, &last.after)?;
    Ok(Some((bad - 1, pending[bad - 1].before.clone())))
}

/// A name of the tree and another one for it.
fn choose(texts: &Texts, random: &mut Random) -> Option<(Request, String)> {
    let paths: Vec<&RepoPath> = texts.keys().filter(|path| Language::program(path).is_some()).collect();
    let path = *paths.get(random.below(paths.len()))?;
    let bindings = deepcoder_resolve::bind(Language::program(path)?, texts.get(path)?)?;
    let named = |d: &&deepcoder_resolve::Declaration| d.at.start < d.at.end;
    let all: Vec<_> = bindings.declarations.iter().filter(named).collect();
    let chosen = *all.get(random.below(all.len()))?;
    let fresh = chosen.kind == DeclarationKind::Import || random.below(3) > 0;
    let new = match fresh {
        true => format!("{}{}", chosen.name, ["Q", "_q", "9"][random.below(3)]),
        false => all.get(random.below(all.len()))?.name.clone(),
    };
    let line = texts.get(path)?.get(..chosen.at.start as usize)?.matches('\n').count() + 1;
    let what = format!("{path}:{line} {:?} {} -> {new}", chosen.kind, chosen.name);
    let target = Target { path: path.clone(), range: TextRange::new(chosen.at.start, chosen.at.start) };
    Some((Request::Rename { target, new_name: new }, what))
}

/// The tree after a rename.
fn applied(texts: &Texts, changes: &Changes, files: &Memory) -> Result<Texts, Box<dyn Error>> {
    let mut after = texts.clone();
    for (from, _) in &changes.renamed {
        after.remove(from);
    }
    after.extend(changes.apply(files)?.into_iter().map(|(path, text)| (path, Arc::from(text))));
    Ok(after)
}

/// Whether the package's tests pass.
fn passes(root: &Path, command: &[String]) -> Result<bool, Box<dyn Error>> {
    let (program, arguments) = command.split_first().ok_or("there is no command")?;
    let mut run = Command::new(program);
    run.args(arguments).current_dir(root).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(run.status()?.success())
}

/// Every text of a directory.
fn read(root: &Path, directory: &Path, texts: &mut Texts) -> Result<(), Box<dyn Error>> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') || SKIPPED.contains(&&*name) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            read(root, &entry.path(), texts)?;
        } else if let (true, Ok(text)) = (entry.file_type()?.is_file(), std::fs::read_to_string(entry.path())) {
            let path = entry.path().strip_prefix(root)?.to_string_lossy().into_owned();
            texts.insert(RepoPath::new(path)?, Arc::from(text));
        }
    }
    Ok(())
}

/// Makes one tree of the directory another one.
#[expect(clippy::disallowed_methods, reason = "the directory is a copy that the caller made for this")]
fn write(root: &Path, from: &Texts, to: &Texts) -> Result<(), Box<dyn Error>> {
    for path in from.keys().filter(|path| !to.contains_key(path)) {
        std::fs::remove_file(root.join(path))?;
    }
    for (path, text) in to.iter().filter(|(path, text)| from.get(path) != Some(text)) {
        let file = root.join(path);
        std::fs::create_dir_all(file.parent().unwrap_or(root))?;
        std::fs::write(file, text.as_bytes())?;
    }
    Ok(())
}

/// Numbers that look random and are the same for the same seed (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap_or(0).checked_rem(bound).unwrap_or(0)
    }
}
