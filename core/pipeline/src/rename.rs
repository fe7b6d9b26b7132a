//! A new name for something, given token by token without a model. Tokens know no scopes: the result is safe only where
//! nothing else can have the name.

use crate::attempt::{Asking, Attempt};
use crate::error::RunError;
use crate::host::emit;
use deepcoder_syntax::{Language, parses, symbols};
use deepcoder_types::{
    Applicability, Constraint, EditSet, Event, Evidence, FileChange, FileImage, Instruction, Proposal, Renaming,
    RepoPath, Stage,
};
use deepcoder_verify::{Renamed, Taken, rename_in};
use std::collections::BTreeSet;

/// Places of the old name that one note lists.
const SHOWN: usize = 5;

/// A definition of the old name.
struct Defined {
    file: RepoPath,
    member: bool,
}

/// The files that have the name, with the other one. Without targets: every visible file.
pub(crate) fn rename(asking: &Asking<'_>, instruction: &Instruction, renaming: &Renaming) -> Result<Attempt, RunError> {
    let Renaming { name, new_name } = renaming;
    emit(asking.events, Event::Progress { message: format!("renaming {name}"), fraction: None });
    let everywhere = instruction.targets.is_empty();
    let paths = if everywhere { asking.tree.files().unwrap_or_default() } else { instruction.targets.clone() };
    let mut files = Vec::new();
    let (mut defined, mut receivers, mut left) = (Vec::new(), BTreeSet::new(), Vec::new());
    let (mut keys, mut unread, mut users) = (Vec::new(), Vec::new(), Vec::new());
    for path in paths {
        asking.cancel.check()?;
        if !asking.grants.may_read(&path) || !asking.grants.may_write(&path) {
            continue;
        }
        let Ok(Some(old)) = asking.tree.image(&path) else { continue };
        let Ok(text) = std::str::from_utf8(&old.bytes) else { continue };
        if !text.contains(name.as_str()) {
            continue;
        }
        if let Some(language) = Language::program(&path) {
            let found = symbols(language, text).into_iter().filter(|s| s.name == *name);
            defined.extend(found.map(|s| Defined { file: path.clone(), member: s.qualified != s.name }));
        }
        match rename_in(&path, text, renaming) {
            Err(Taken { line }) => {
                return Err(RunError::NameTaken { path, line, name: name.clone(), new_name: new_name.clone() });
            }
            Ok(None) => {
                let said = mentions(&path, text, name);
                if !said.is_empty()
                    && Language::program(&path).is_some_and(|language| parses(language, text) != Some(true))
                {
                    unread.push(path.to_string());
                }
                left.extend(said);
            }
            Ok(Some(Renamed { text: new, receivers: of, left: lines, keys: lines_of_keys })) => {
                keys.extend(lines_of_keys.into_iter().map(|line| format!("{path}:{line}")));
                users.push((path.clone(), text.to_owned()));
                receivers.extend(of);
                left.extend(lines.into_iter().map(|line| format!("{path}:{line}")));
                let new = FileImage { bytes: new.into_bytes(), mode: old.mode };
                files.push(FileChange { path, old: Some(old), new: Some(new) });
            }
        }
    }
    if files.is_empty() {
        return Err(RunError::NoSuchName { name: name.clone(), everywhere });
    }
    emit(asking.events, Event::Stage(Stage::Verify));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut doubts = doubts(renaming, &defined, &receivers);
    if let Some(place) = keys.first() {
        doubts.push(format!(
            "`{name}` is the name of an argument or a key in {place}, which may belong to something else"
        ));
    }
    if let Some(path) = unread.first() {
        doubts.push(format!("`{path}` has `{name}` and does not parse, so that it keeps the old name"));
    }
    if let [one] = &defined[..] {
        doubts.extend(users.iter().find_map(|(path, text)| stranger(path, text, &one.file, name)));
    }
    let mut notes: Vec<String> = doubts.clone();
    if !left.is_empty() {
        let more = if left.len() > SHOWN { format!(" and {} more", left.len() - SHOWN) } else { String::new() };
        left.truncate(SHOWN);
        notes.push(format!("comments, strings or other texts still say `{name}`: {}{more}", left.join(", ")));
    }
    let proposal = Proposal {
        snapshot: String::new(),
        title: format!("rename {name} to {new_name}"),
        rationale: notes.join("\n"),
        applicability: if doubts.is_empty() { Applicability::Safe } else { Applicability::NeedsReview },
        changes: Vec::new(),
        checks: Vec::new(),
        constraint: Some(Constraint::Rename(renaming.clone())),
    };
    let inputs: Vec<String> = files.iter().filter_map(|f| Some(f.old.as_ref()?.hash().to_string())).collect();
    let id = crate::attempt::id_of(&format!("{} {}", asking.set_id(instruction, &proposal), inputs.join(" ")));
    let set = EditSet { id, title: proposal.title.clone(), files };
    let verification = asking.verify(instruction, &proposal, &set);
    let mut attempt = Attempt { proposal, set, verification, evidence: Evidence::default(), held: None };
    asking.settle(&mut attempt);
    Ok(attempt)
}

/// Why the name may mean different things.
fn doubts(Renaming { name, .. }: &Renaming, defined: &[Defined], receivers: &BTreeSet<String>) -> Vec<String> {
    let mut doubts = Vec::new();
    match defined {
        [] => doubts.push(format!("nothing here defines `{name}`: names of other programs would change with it")),
        [one] => {
            // `bank.transfer` is the function of `bank.py`, and `self.transfer` a member of its class.
            let module = one.file.file_name().split('.').next().unwrap_or_default();
            let known = |of: &&String| matches!(of.as_str(), "self" | "this" | "cls" | "Self") || *of == module;
            let distinct = name.trim_matches('_').contains('_') || name.chars().skip(1).any(char::is_uppercase);
            if let Some(of) = receivers.iter().find(|of| !(known(of) || one.member && distinct)) {
                let of = if of.is_empty() { "…" } else { of };
                doubts.push(format!("`{of}.{name}` may be the member of something else"));
            }
        }
        many => {
            let files: BTreeSet<&str> = many.iter().map(|d| d.file.as_str()).collect();
            let files: Vec<&str> = files.into_iter().take(SHOWN).collect();
            doubts.push(format!(
                "{} definitions are called `{name}` ({}); all are renamed",
                many.len(),
                files.join(", ")
            ));
        }
    }
    doubts
}

/// Why a file may mean another thing by the name: it has modules, and does not speak of the one that defines it.
fn stranger(path: &RepoPath, text: &str, home: &RepoPath, name: &str) -> Option<String> {
    let modules = Language::program(path).is_some_and(|l| l == Language::Python || l.is_script());
    let stem = match home.file_name().split('.').next().unwrap_or_default() {
        "__init__" | "index" => home.as_str().rsplit('/').nth(1).unwrap_or_default(),
        stem => stem,
    };
    let of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let knows = stem.is_empty() || text.split(|c| !of_name(c)).any(|word| word == stem);
    (modules && path != home && !knows)
        .then(|| format!("`{path}` uses `{name}` and does not take it from `{home}`: it may be another one"))
}

/// Lines of a text without a grammar that have the name as a word.
fn mentions(path: &RepoPath, text: &str, name: &str) -> Vec<String> {
    let of_name = |c: char| c.is_alphanumeric() || c == '_';
    let says = |line: &str| line.split(|c| !of_name(c)).any(|word| word == name);
    text.lines().enumerate().filter(|(_, l)| says(l)).map(|(at, _)| format!("{path}:{}", at + 1)).collect()
}
