//! Values of data files that change or go without a word of the instruction, keys that come twice, and keys and values that
//! were to be set and are not.

use super::data::{Format, MAX_PARSE, value};
use super::literals::is_otherwise;
use super::prompt::{is_identifier, is_word, parts};
use super::values::{Leaves, Value};
use super::{Context, File, list};
use crate::policy::Finding;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

/// Words that are keys too and do not say that the instruction is about one.
const ORDINARY: &[&str] = &[
    "name",
    "type",
    "run",
    "runs",
    "with",
    "the",
    "and",
    "for",
    "use",
    "uses",
    "file",
    "files",
    "add",
    "set",
    "key",
    "value",
    "values",
    "data",
    "title",
    "description",
    "this",
    "that",
    "new",
    "test",
    "tests",
    "build",
    "config",
];

/// So many values of a file are looked at.
const MANY: usize = 500;

/// Longer keys are cut in messages.
const LONG: usize = 40;

/// Words that widen an instruction to values that it does not name.
const WIDE: &[&str] = &["all", "every", "each", "everything"];

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for file in &context.files {
        let (Some(old), Some(new)) = (file.old, file.new) else {
            if let Some(new) = file.new.and_then(|new| read(file, new)) {
                twice(file, &BTreeSet::new(), &new, findings);
            }
            continue;
        };
        let (Some(before), Some(after)) = (read(file, old), read(file, new)) else { continue };
        twice(file, &before.twice().into_iter().collect(), &after, findings);
        if is_generated(file) || context.prompt.text().trim().is_empty() {
            continue;
        }
        if let (Some(before), Some(after)) = (before.leaves(), after.leaves()) {
            compare(context, file, &before, &after, findings);
        }
    }
    unset(context, findings);
}

fn read(file: &File<'_>, text: &str) -> Option<Value> {
    let format = Format::of(file.path)?;
    if text.len() > MAX_PARSE { None } else { value(format, text) }
}

/// Files that programs write, whose values no instruction names.
fn is_generated(file: &File<'_>) -> bool {
    let name = file.path.file_name();
    let lock = name.ends_with(".lock") || name.ends_with("-lock.json") || name.ends_with("-lock.yaml");
    lock || name == "npm-shrinkwrap.json"
        || name.contains("snapshot")
        || name.ends_with(".ipynb")
        || name.ends_with(".jsonl")
}

fn twice(file: &File<'_>, before: &BTreeSet<String>, after: &Value, findings: &mut Vec<Finding>) {
    let mut added: Vec<String> = after.twice().into_iter().filter(|path| !before.contains(path)).collect();
    added.sort();
    if !added.is_empty() {
        let verb = if added.len() == 1 { "is" } else { "are" };
        findings.push(Finding::error(file.path, format!("{} {verb} there twice", list(&added))));
    }
}

/// A value that is not what it was.
struct Changed<'v> {
    path: &'v [String],
    old: &'v str,
    new: Option<&'v str>,
}

fn compare(context: &Context<'_>, file: &File<'_>, before: &Leaves, after: &Leaves, findings: &mut Vec<Finding>) {
    if WIDE.iter().any(|word| context.prompt.has_word(word)) {
        return;
    }
    // An item of a list that another one replaces.
    let item = |key: &String| key.starts_with('[');
    let added: Vec<&Vec<String>> = after.keys().filter(|path| !before.contains_key(*path)).take(MANY).collect();
    let instead = |path: &[String]| {
        let beside = |other: &&Vec<String>| {
            let alike = || other.iter().zip(path).all(|(a, b)| a == b || (item(a) && item(b)));
            other.len() == path.len() && alike()
        };
        path.iter().any(item).then(|| added.iter().copied().find(beside)).flatten().and_then(|other| after.get(other))
    };
    let changed: Vec<Changed<'_>> = before
        .iter()
        .filter(|(path, value)| after.get(*path) != Some(value))
        .take(MANY)
        .map(|(path, (old, _))| {
            let new = after.get(path).or_else(|| instead(path)).map(|(new, _)| new.as_str());
            Changed { path, old, new }
        })
        .collect();
    // Of what moves to another place nothing is lost.
    let arrived = |value: &str| after.iter().any(|(path, (new, _))| new == value && !before.contains_key(path));
    let touched: Vec<&[String]> =
        changed.iter().map(|change| change.path).chain(added.iter().map(|path| path.as_slice())).collect();
    // `the publish workflow` is `publish.yml`, not a key of it.
    let keys = Keys { context, known: RefCell::default() };
    let of_path = parts(file.path.as_str());
    let about_keys = before.keys().chain(after.keys()).flatten().any(|key| {
        !key.starts_with('[')
            && !ORDINARY.contains(&key.to_lowercase().as_str())
            && key.len() > 2
            && !parts(key).iter().all(|part| of_path.contains(part))
            && keys.has(key)
    });
    // An instruction that has no key is about the file as a whole: `update the workflow`.
    if !about_keys {
        return;
    }
    let mut told: Vec<String> = Vec::new();
    for change in &changed {
        let moved = change.new.is_none() && arrived(change.old) && change.old.len() > 3;
        // The name of a workflow's step follows its action.
        let label = file.path.as_str().starts_with(".github/") && change.path.last().is_some_and(|key| key == "name");
        if label || moved || excused(&keys, change, &touched) {
            continue;
        }
        told.push(shown(change.path));
    }
    if told.is_empty() {
        return;
    }
    let gone = changed.iter().all(|change| change.new.is_none() || !told.contains(&shown(change.path)));
    let verb = match (told.len(), gone) {
        (1, true) => "is gone",
        (_, true) => "are gone",
        (1, false) => "is changed",
        (_, false) => "are changed",
    };
    let message = format!("{} {verb}, and the instruction does not speak of it", list(&told));
    findings.push(Finding::review(file.path, message));
}

/// A path as people write it.
fn shown(path: &[String]) -> String {
    let short = |key: &String| match key.char_indices().nth(LONG) {
        Some((at, _)) => format!("{}…{}", &key[..at], if key.starts_with('[') { "]" } else { "" }),
        None => key.clone(),
    };
    path.iter().map(short).collect::<Vec<_>>().join(".").replace(".[", "[")
}

/// Which keys the instruction has. Files have the same keys again and again.
struct Keys<'c, 'a> {
    context: &'c Context<'a>,
    known: RefCell<HashMap<String, bool>>,
}

impl Keys<'_, '_> {
    fn has(&self, key: &str) -> bool {
        if let Some(known) = self.known.borrow().get(key) {
            return *known;
        }
        let said = is_said(self.context, key);
        self.known.borrow_mut().insert(key.to_owned(), said);
        said
    }
}

/// Whether the instruction has `key`, perhaps with blanks between its parts, or what tells an item from the others.
fn is_said(context: &Context<'_>, key: &str) -> bool {
    let item = key.starts_with('[');
    let bare = key.trim_matches(['[', ']']);
    let bare = bare.split_once('=').map_or(bare, |(_, value)| value);
    let parts: Vec<String> = parts(bare).into_iter().filter(|part| part.len() > 1).collect();
    let said: Vec<&String> = parts.iter().filter(|part| context.prompt.speaks_of(part)).collect();
    let telling =
        said.iter().any(|part| part.len() > 6) || (item && said.iter().filter(|part| part.len() > 3).count() > 1);
    context.prompt.has_word(bare) || (!parts.is_empty() && said.len() == parts.len()) || telling
}

/// Whether the instruction speaks of a value, of its key, or of what is around it and of nothing else there.
fn excused(keys: &Keys<'_, '_>, change: &Changed<'_>, touched: &[&[String]]) -> bool {
    let Some((key, above)) = change.path.split_last() else { return true };
    if keys.has(key) || is_value_said(keys.context, change) {
        return true;
    }
    let Some(deepest) = above.iter().rposition(|key| keys.has(key)) else { return false };
    let within = &change.path[..=deepest];
    // Where another key below is meant, the others are not.
    !touched.iter().any(|path| {
        path.starts_with(within) && path != &change.path && path[deepest + 1..].iter().any(|key| keys.has(key))
    })
}

/// Whether what is different in the value is what the instruction says.
fn is_value_said(context: &Context<'_>, change: &Changed<'_>) -> bool {
    let said = |value: &str| !value.trim().is_empty() && context.prompt.has_word(value.trim());
    if said(change.old) || change.new.is_some_and(said) {
        return true;
    }
    // `actions/checkout@v2` and `requests >= 2`: what has another version is meant.
    let thing =
        |part: &str| part.len() > 4 && part.contains(char::is_alphabetic) && context.prompt.text().contains(part);
    if change.old.split(['@', ' ', ',', ';', '=', '<', '>', '~', '^', '/']).any(thing) {
        return true;
    }
    let said_versions =
        || context.prompt.text().split_whitespace().map(|word| word.trim_matches(|c: char| !is_word(c)));
    let version = |word: &&str| word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    if change.new.is_some_and(|new| said_versions().filter(version).any(|version| new.contains(version))) {
        return true;
    }
    let words = |text: &'_ str| -> BTreeSet<String> {
        text.split(|c: char| !is_word(c) && c != '-').filter(|w| !w.is_empty()).map(str::to_lowercase).collect()
    };
    let (old, new) = (words(change.old), words(change.new.unwrap_or_default()));
    let differ: Vec<&String> = old.symmetric_difference(&new).collect();
    let known = differ.iter().filter(|word| context.prompt.has_word(word)).count();
    known * 2 > differ.len()
}

/// Keys that the instruction has as code, and numbers that it wants for a key, that are nowhere.
fn unset(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let data = |file: &&File<'_>| Format::of(file.path).is_some() && file.new.is_some() && !is_generated(file);
    let Some(first) = context.files.iter().find(data) else { return };
    // A literal may belong into a file whose values are not compared.
    if !context.files.iter().all(|file| data(&file)) {
        return;
    }
    let anywhere = |word: &str| {
        context.files.iter().any(|file| [file.old, file.new].into_iter().flatten().any(|t| t.contains(word)))
    };
    let anywhere_now = |word: &str| context.files.iter().filter_map(|file| file.new).any(|text| text.contains(word));
    let mut told: BTreeSet<String> = BTreeSet::new();
    for (before, key) in keys(context.prompt.text()) {
        if is_otherwise(before) {
            continue;
        }
        let is_file = context.tree.files().iter().any(|path| path.file_name() == key || path.as_str() == key);
        if !is_file && !key.split('.').all(anywhere) && told.insert(key.to_owned()) {
            findings.push(Finding::review(first.path, format!("no key `{key}` was set")));
        }
    }
    for (key, number) in numbers(context.prompt.text()) {
        if !anywhere_now(number) && told.insert(number.to_owned()) {
            findings
                .push(Finding::review(first.path, format!("`{number}`, which is asked for as the {key}, is nowhere")));
        }
    }
}

/// The keys that an instruction has in quotation marks of some kind, or as words that only code has.
fn keys(text: &str) -> Vec<(&str, &str)> {
    let mut found: Vec<&str> = Vec::new();
    for mark in ['`', '"'] {
        found.extend(text.split(mark).skip(1).step_by(2).filter(|_| text.matches(mark).count() % 2 == 0));
    }
    let bare = |word: &'_ str| {
        word.trim_matches(|c: char| !is_word(c)).len() == word.trim_end_matches([',', '.', ';', ':']).len()
    };
    found.extend(
        text.split_whitespace()
            .filter(|word| bare(word))
            .map(|w| w.trim_matches(|c: char| !is_word(c)))
            .filter(|w| w.contains('_')),
    );
    let is_key = |key: &&str| {
        key.len() > 1
            && key.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && key.chars().all(|c| is_word(c) || matches!(c, '-' | '.'))
            && !key.ends_with('.')
            && (is_identifier(key) || !key.chars().any(char::is_uppercase))
    };
    found.retain(is_key);
    let start = |key: &str| (key.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    found.into_iter().map(|key| (text.get(..start(key)).unwrap_or_default(), key)).collect()
}

/// `a timeout of 30`, `the pool size to 20`: the word before, and the number.
fn numbers(text: &str) -> Vec<(&str, &str)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let number = |word: &&str| word.chars().all(|c| c.is_ascii_digit()) && !word.is_empty();
    let bare = |word: &'_ &'_ str| -> bool { word.chars().all(|c| c.is_alphabetic() || c == '_') };
    words
        .windows(3)
        .filter(|three| matches!(three[1], "of" | "to" | "=" | "at") && bare(&three[0]))
        .filter_map(|three| {
            let value = three[2].trim_end_matches([',', '.', ';']).trim_matches(['`', '"']);
            Some((three[0], value)).filter(|(_, value)| number(value))
        })
        .filter(|_| {
            let first = words.first().map(|word| word.to_lowercase()).unwrap_or_default();
            ["set", "add", "change", "increase", "raise", "lower", "reduce", "make", "use", "put", "give", "update"]
                .contains(&first.as_str())
        })
        .collect()
}
