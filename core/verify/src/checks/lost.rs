//! Definitions that an edit loses, and files that it takes for one another.

use super::tree::folder_of;
use super::{Context, File, line_of, list};
use crate::policy::Finding;
use deepcoder_syntax::{Language, RawSymbol, surface};
use deepcoder_types::{Constraint, RepoPath};
use std::collections::{BTreeSet, HashMap, HashSet};

/// At most this many files are compared with a result.
const MAX_OTHERS: usize = 200;

/// Fewer lines than this are like those of too many files.
const MIN_LINES: usize = 3;

/// Fewer definitions than this may go at once.
const MIN_VANISHED: usize = 3;

/// A result of which this share is another file's lines is taken for that file.
const CONFUSED: f64 = 0.6;

/// A new file with this share of another's lines, and the other way round, is a copy.
const COPY: f64 = 0.9;

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let mut arrived = arrivals(context);
    for file in &context.files {
        match (file.old, file.new) {
            (Some(old), Some(new)) => changed(context, file, (old, new), &mut arrived, findings),
            (Some(_), None) => deleted(context, file, &mut arrived, findings),
            (None, Some(new)) => copied(context, file, new, findings),
            (None, None) => {}
        }
    }
}

/// Definitions that a file of the set has now and had not before, by name: what is lost elsewhere may have moved there.
type Arrived<'a> = HashMap<&'a str, usize>;

fn arrivals<'a>(context: &'a Context<'_>) -> Arrived<'a> {
    let mut arrived = Arrived::new();
    for file in &context.files {
        let before = qualified(file.before());
        for symbol in file.after().iter().filter(|s| !before.contains(s.qualified.as_str())) {
            *arrived.entry(symbol.name.as_str()).or_default() += 1;
        }
    }
    arrived
}

fn qualified(symbols: &[RawSymbol]) -> HashSet<&str> {
    symbols.iter().map(|symbol| symbol.qualified.as_str()).collect()
}

/// The definitions of `file` that are gone for good, the outermost of each.
fn lost<'f>(file: &'f File<'_>, arrived: &mut Arrived<'_>) -> Vec<&'f RawSymbol> {
    let after = qualified(file.after());
    let mut counts: HashMap<&str, usize> = HashMap::new();
    if overloads(file.language) {
        for symbol in file.after() {
            *counts.entry(&symbol.qualified).or_default() += 1;
        }
    }
    let emptied = emptied(file);
    let mut lost: Vec<&RawSymbol> = Vec::new();
    for symbol in file.before() {
        let there = if emptied.contains(symbol.qualified.as_str()) {
            false
        } else if overloads(file.language) && symbol.kind == "method" {
            counts.get_mut(symbol.qualified.as_str()).filter(|count| **count > 0).map(|count| *count -= 1).is_some()
        } else {
            after.contains(symbol.qualified.as_str())
        };
        if there {
            continue;
        }
        if let Some(count) = arrived.get_mut(symbol.name.as_str()).filter(|count| **count > 0) {
            *count -= 1;
            continue;
        }
        // Part of a definition that is gone itself.
        if lost.iter().any(|outer| outer.range.start <= symbol.range.start && symbol.range.end <= outer.range.end) {
            continue;
        }
        lost.push(symbol);
    }
    lost
}

/// Functions that had a body and of which a declaration alone is left, such as a prototype in C.
fn emptied<'f>(file: &'f File<'_>) -> HashSet<&'f str> {
    let text = |text: Option<&'f str>, symbol: &RawSymbol| {
        let rest = text?.get(symbol.signature_end as usize..symbol.range.end as usize)?;
        Some(rest.trim())
    };
    let function = |symbol: &&RawSymbol| matches!(symbol.kind, "function" | "method");
    let mut bodies: HashSet<&str> = file
        .before()
        .iter()
        .filter(function)
        .filter(|symbol| text(file.old, symbol).is_some_and(|rest| rest.starts_with('{')))
        .map(|symbol| symbol.qualified.as_str())
        .collect();
    let mut left: HashSet<&str> = HashSet::new();
    for symbol in file.after().iter().filter(function) {
        if matches!(text(file.new, symbol), Some("" | ";")) {
            left.insert(&symbol.qualified);
        } else {
            bodies.remove(symbol.qualified.as_str());
        }
    }
    bodies.retain(|name| left.contains(name));
    bodies
}

/// Drops the names that the result takes from elsewhere or binds in another way.
fn unbound<'f>(file: &File<'_>, lost: Vec<&'f RawSymbol>) -> Vec<&'f RawSymbol> {
    let new = file.new.unwrap_or_default();
    let bound = file.language.and_then(|language| surface(language, new)).unwrap_or_default().names;
    let elsewhere = |s: &RawSymbol| imported(new, &s.name) || (s.qualified == s.name && bound.contains(&s.name));
    lost.into_iter().filter(|symbol| !elsewhere(symbol)).collect()
}

/// Whether several definitions may have one name and differ in their parameters.
fn overloads(language: Option<Language>) -> bool {
    language.is_some_and(Language::has_overloads)
}

/// Whether the text takes `name` from elsewhere now.
fn imported(text: &str, name: &str) -> bool {
    let takes = |line: &str| {
        let line = line.trim_start();
        ["import ", "from ", "use ", "pub use ", "export {", "export *"].iter().any(|lead| line.starts_with(lead))
            || line.contains("require(")
    };
    text.lines().filter(|line| takes(line)).any(|line| line.split(|c| !super::prompt::is_word(c)).any(|w| w == name))
}

/// Whether a reader would call it a definition. The others come and go with a rewrite.
fn is_major(file: &File<'_>, symbol: &RawSymbol) -> bool {
    let inside_function = file.before().iter().any(|outer| {
        matches!(outer.kind, "function" | "method")
            && outer.range != symbol.range
            && outer.range.start <= symbol.range.start
            && symbol.range.end <= outer.range.end
    });
    let constant = || symbol.name.chars().any(char::is_uppercase) && !symbol.name.chars().any(char::is_lowercase);
    !inside_function
        && match symbol.kind {
            "variable" | "field" => false,
            "constant" => constant(),
            _ => true,
        }
}

fn changed(
    context: &Context<'_>,
    file: &File<'_>,
    (old, new): (&str, &str),
    arrived: &mut Arrived<'_>,
    findings: &mut Vec<Finding>,
) {
    // A result that does not parse is an error already, and its definitions are not known.
    let lost = if file.sound() { lost(file, arrived) } else { Vec::new() };
    let major: Vec<&RawSymbol> = lost.iter().copied().filter(|symbol| is_major(file, symbol)).collect();
    let plain = file.before().is_empty();
    // The text that a definition moves to may be like another file; then most of the file's own lines stay.
    let replaced = !major.is_empty() && share(old, new) < 0.5;
    if (major.len() > 1 || plain || replaced || major.len() == file.before().len())
        && let Some(other) = confused(context, file, (old, new), plain)
    {
        return findings.push(Finding::error(
            file.path,
            format!("the result is the text of `{other}` rather than of this file{}", gone(&major)),
        ));
    }
    let lost = unbound(file, lost);
    let major: Vec<&RawSymbol> = lost.iter().copied().filter(|symbol| is_major(file, symbol)).collect();
    if let Some(gone) = vanished(context, file, old, &major) {
        return findings
            .push(Finding::error(file.path, format!("most definitions of the file are gone: {}", list(&gone))));
    }
    let (named, unnamed): (Vec<&RawSymbol>, Vec<&RawSymbol>) =
        major.into_iter().partition(|symbol| context.names(&symbol.name) || context.names(&symbol.qualified));
    if !unnamed.is_empty() {
        let lines: Vec<String> = unnamed.iter().map(|symbol| symbol.qualified.clone()).collect();
        let first = line_of(old, unnamed[0].signature_start);
        let whose = if unnamed.len() == 1 { "the definition" } else { "the definitions" };
        let verb = if unnamed.len() == 1 { "is" } else { "are" };
        let them = if unnamed.len() == 1 { "it" } else { "them" };
        findings.push(Finding::review(
            file.path,
            format!(
                "{whose} of {} (line {first} before the edit) {verb} gone, and the instruction does not name {them}",
                list(&lines)
            ),
        ));
    }
    let minor = lost.iter().filter(|symbol| !is_major(file, symbol));
    // That a renamed definition has its old name no longer is what was asked for.
    let renamed = match context.constraint {
        Some(Constraint::Rename(renaming)) => Some(renaming.name.as_str()),
        _ => None,
    };
    let told: BTreeSet<&str> = named.iter().chain(minor).map(|symbol| symbol.name.as_str()).collect();
    let told: BTreeSet<&str> = told.into_iter().filter(|name| Some(*name) != renamed).collect();
    if !told.is_empty() {
        let told: Vec<&str> = told.into_iter().collect();
        let message = format!("no longer defined: {}", list(&told));
        // `rename f to g, but keep an alias`
        let kept = ["keep", "alias", "aliases", "deprecate", "deprecated"].iter().any(|w| context.prompt.has_word(w));
        let finding = if kept { Finding::review } else { Finding::warning };
        findings.push(finding(file.path, message));
    }
}

/// The lost definitions where they are most of what a file, or a type in it, had. No word of the instruction excuses that:
/// models lose definitions when they mean to change one.
fn vanished(context: &Context<'_>, file: &File<'_>, old: &str, lost: &[&RawSymbol]) -> Option<Vec<String>> {
    let owner = |symbol: &RawSymbol| symbol.qualified.rsplit_once('.').map(|(owner, _)| owner.to_owned());
    // What goes on under another name, or in another file, has not vanished.
    let survives = |symbol: &RawSymbol| {
        let text = old.get(symbol.signature_end as usize..symbol.range.end as usize).unwrap_or_default();
        let mut news = context.files.iter().filter_map(|file| file.new);
        lines(text).len() > 1 && news.any(|new| share(text, new) > 0.6)
    };
    let gone: Vec<&&RawSymbol> = lost.iter().filter(|symbol| !survives(symbol)).collect();
    let owners: BTreeSet<Option<String>> = gone.iter().map(|symbol| owner(symbol)).collect();
    owners.into_iter().find_map(|of| {
        let all = file.before().iter().filter(|symbol| is_major(file, symbol) && owner(symbol) == of).count();
        let here: Vec<String> = gone.iter().filter(|s| owner(s) == of).map(|s| s.qualified.clone()).collect();
        (here.len() >= MIN_VANISHED && here.len() * 2 > all).then_some(here)
    })
}

fn gone(lost: &[&RawSymbol]) -> String {
    let names: Vec<&str> = lost.iter().map(|symbol| symbol.qualified.as_str()).collect();
    if names.is_empty() { String::new() } else { format!(", and {} would be gone", list(&names)) }
}

fn deleted(context: &Context<'_>, file: &File<'_>, arrived: &mut Arrived<'_>, findings: &mut Vec<Finding>) {
    let old = file.old.unwrap_or_default();
    let name = file.path.file_name();
    let stem = name.split('.').find(|part| !part.is_empty()).unwrap_or(name);
    let moved = context.files.iter().any(|other| {
        other.old.is_none() && other.new.is_some_and(|new| new == old || share(old, new) > 0.5 || share(new, old) > 0.5)
    });
    if moved || context.names(file.path.as_str()) || context.names(name) || context.names(stem) {
        return;
    }
    let lost: Vec<&RawSymbol> = lost(file, arrived).into_iter().filter(|symbol| is_major(file, symbol)).collect();
    let all_named = !lost.is_empty() && lost.iter().all(|s| context.names(&s.name) || context.names(&s.qualified));
    let all_moved = lost.is_empty() && !file.before().is_empty();
    if !all_named && !all_moved {
        findings.push(Finding::review(file.path, "the file is deleted, and the instruction does not name it"));
    }
}

fn copied(context: &Context<'_>, file: &File<'_>, new: &str, findings: &mut Vec<Finding>) {
    if lines(new).len() < MIN_LINES {
        return;
    }
    let same = |other: &RepoPath| {
        let text = context.tree.text(other)?;
        (share(new, &text) >= COPY && share(&text, new) >= COPY).then_some(())
    };
    if let Some(other) = others(context, file).into_iter().find(|other| same(other).is_some()) {
        findings.push(Finding::review(file.path, format!("the new file is nearly the same as `{other}`")));
    }
}

/// The file whose text the result is, rather than its own.
fn confused<'c>(
    context: &'c Context<'_>,
    file: &File<'_>,
    (old, new): (&str, &str),
    plain: bool,
) -> Option<&'c RepoPath> {
    if lines(new).len() < MIN_LINES {
        return None;
    }
    let own = share(new, old);
    // Text without definitions has less that tells files apart.
    if own >= if plain { 0.2 } else { CONFUSED } {
        return None;
    }
    // Of the files of the set, also what they were: two may have been exchanged.
    let was = |path: &RepoPath| context.files.iter().find(|other| other.path == path).and_then(|other| other.old);
    let resemblance = |path: &'c RepoPath| {
        let now = context.tree.text(path).map(|text| (share(new, &text), false, path));
        let old = was(path).map(|text| (share(new, text), true, path));
        now.into_iter().chain(old).max_by(|a, b| a.0.total_cmp(&b.0))
    };
    let scored = others(context, file).into_iter().filter_map(resemblance);
    let (best, _, path) = scored.max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))?;
    (best >= CONFUSED && best > own).then_some(path)
}

/// The files that a result may have been taken from, the nearest first.
fn others<'c>(context: &'c Context<'_>, file: &File<'_>) -> Vec<&'c RepoPath> {
    let near = |path: &RepoPath| {
        let folder = folder_of(path) != folder_of(file.path);
        let kind = path.extension() != file.path.extension();
        (!context.tree.in_set(path), kind, folder)
    };
    let mut all: Vec<&RepoPath> = context.tree.files().iter().filter(|path| *path != file.path).collect();
    all.sort_by_key(|path| near(path));
    all.truncate(MAX_OTHERS);
    all
}

/// The lines that can tell one file from another.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| line.chars().filter(|c| c.is_alphanumeric()).count() > 2).collect()
}

/// The share of `text`'s lines that `other` has.
fn share(text: &str, other: &str) -> f64 {
    let mut left: HashMap<&str, u32> = HashMap::new();
    for line in lines(other) {
        *left.entry(line).or_default() += 1;
    }
    let all = lines(text);
    let mut found = 0u32;
    for line in &all {
        if let Some(count) = left.get_mut(line).filter(|count| **count > 0) {
            *count -= 1;
            found += 1;
        }
    }
    if all.is_empty() { 0.0 } else { f64::from(found) / f64::from(u32::try_from(all.len()).unwrap_or(u32::MAX)) }
}
