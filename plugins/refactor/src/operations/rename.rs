//! Rename: one name for another at every place that means it.
//!
//! The places come from the bindings of the tree, and so does the proof: with the new name in place every name is bound
//! again, and what means something else then is a conflict, whatever the language (a captured variable, a taken name).

mod go;
mod rust;
mod special;

use crate::{Changes, Refusal, Target};
use deepcoder_resolve::{
    Changed, DeclarationKind, Form, Global, HazardKind, Heard, How, Occurrence, Overlay, Place, Project, Reference,
    Resolution, Role, Space, Symbol, Why, changed_by_renaming, clashes, is_name, normal,
};
use deepcoder_syntax::{Language, is_generated};
use deepcoder_types::{Hint, RepoPath, TextRange};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Places that one note lists.
const TOLD: usize = 5;

/// Why a name cannot be replaced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum RenameError {
    #[error("there is no name that can be followed here")]
    NoName,
    #[error("`{0}` is not declared in this repository")]
    NotOurs(String),
    #[error("only running the program would tell what `{0}` means here")]
    Dynamic(String),
    #[error("`{name}` cannot be a name in {language}")]
    NotAName { name: String, language: &'static str },
    #[error("it has this name already")]
    Same,
    #[error("`{0}` is written by a program, which would write the old name again")]
    Generated(RepoPath),
    #[error("`{0}` cannot be renamed here")]
    Fixed(String),
    #[error("`{new}` is taken{}: `{name}` would mean something else", line(.now.as_ref()))]
    Taken { new: String, name: String, now: Option<(RepoPath, u32)> },
    #[error("`{new}` is taken in line {line} of `{path}`: {why}")]
    Forbidden { new: String, why: &'static str, path: RepoPath, line: u32 },
    #[error("{why}: it is declared in line {line} of `{path}`")]
    Elsewhere { why: &'static str, path: RepoPath, line: u32 },
    #[error("`{0}` uses it, and is of another package: only names that begin with a capital letter are seen there")]
    Unseen(RepoPath),
    #[error("a library has a function named after `{0}` for this native method")]
    Native(String),
    #[error("`{name}` would mean nothing any more")]
    Lost { name: String },
}

/// Where a name is taken, in words.
fn line(now: Option<&(RepoPath, u32)>) -> String {
    now.map(|(path, line)| format!(" in line {line} of `{path}`")).unwrap_or_default()
}

impl Hint for RenameError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoName | Self::NotOurs(_) | Self::Dynamic(_) => {
                Some("place the cursor on a name that this repository declares: FILE:LINE:COLUMN".into())
            }
            Self::Unseen(_)
            | Self::Taken { .. }
            | Self::Forbidden { .. }
            | Self::NotAName { .. }
            | Self::Same
            | Self::Lost { .. } => Some("choose another name".into()),
            Self::Elsewhere { path, line, .. } => {
                Some(format!("rename it there: deepcoder refactor rename {path}:{line} NEW_NAME"))
            }
            Self::Generated(_) => Some("change what it is generated from".into()),
            Self::Fixed(_) | Self::Native(_) => None,
        }
    }
}

/// The changes that give what is named at the target another name, and what goes by the same name with it.
pub(crate) fn rename(project: &Project<'_>, target: &Target, new_name: &str) -> Result<Changes, Refusal> {
    if let Some(changes) = go::package(project, target, new_name) {
        return changes;
    }
    if let Some(changes) = rust::special(project, target, new_name) {
        return changes;
    }
    if let Some((reference, symbol)) = rust::import_alone(project, target) {
        return rust::named_alone(project, target, (&reference, &symbol), new_name);
    }
    let inside = if project.names_at(&target.path, target.range.start).is_empty() {
        go::import_at(project, target)
    } else {
        None
    };
    let (mut changes, symbol) = one(project, inside.as_ref().unwrap_or(target), new_name)?;
    // Who asks at the receiver means all of them; who asks in a method means its own.
    let declares = project.names_at(&target.path, target.range.start).iter().any(|(r, _)| r.role == Role::Declares);
    let receiver = symbol.declarations.first().filter(|_| declares);
    for other in receiver.map(|global| go::receivers(project, global)).unwrap_or_default() {
        // One whose method uses the new name keeps its own.
        if let Ok((more, _)) = one(project, &other, new_name) {
            for (path, edits) in more.edits {
                changes.edits.entry(path).or_default().extend(edits);
            }
            changes.doubts.extend(more.doubts);
        }
    }
    for edits in changes.edits.values_mut() {
        edits.sort_by_key(|(at, _)| (at.start, at.end));
    }
    Ok(changes)
}

/// The changes that give one symbol another name.
fn one(project: &Project<'_>, target: &Target, new_name: &str) -> Result<(Changes, Symbol), Refusal> {
    let (reference, symbol, doubt) = symbol_at(project, target)?;
    let here = |error: &RenameError| Refusal::of(error).at(&target.path, reference.at);
    let language = Language::program(&target.path).ok_or_else(|| here(&RenameError::NoName))?;
    let declared = symbol.declarations.first().and_then(|global| project.declaration(global));
    let quoted = declared
        .as_ref()
        .is_some_and(|d| language == Language::Rust && matches!(d.space, Space::Label | Space::Lifetime));
    // Lifetimes and labels are written with their mark or without it.
    let new_name = if quoted { new_name.strip_prefix('\'').unwrap_or(new_name) } else { new_name };
    if !is_name(language, new_name) {
        return Err(here(&RenameError::NotAName { name: new_name.to_owned(), language: language.name() }));
    }
    let new = normal(language, new_name);
    if new == symbol.name {
        return Err(here(&RenameError::Same));
    }
    if reference.form == Form::Fixed {
        return Err(here(&RenameError::Fixed(symbol.name.clone())));
    }
    if special::in_pattern(project, &target.path, &reference) {
        let first = symbol.declarations.first();
        let place = first.zip(declared.as_ref()).map(|((path, _), d)| Place { path: path.clone(), at: d.at });
        let place = place.unwrap_or(Place { path: target.path.clone(), at: reference.at });
        let line = line_of(project, &place);
        return Err(here(&RenameError::Elsewhere { why: "a pattern tests a field", path: place.path, line }));
    }
    let mut changes = Changes::default();
    let import = declared.as_ref().and_then(|d| d.import.as_ref());
    // An import without another name: `import a`, `from m import a`.
    let bare = import.is_some_and(|import| import.name.as_deref().unwrap_or(&import.module) == symbol.name);
    let imported = declared.as_ref().is_some_and(|d| d.kind == DeclarationKind::Import);
    if language == Language::Python && bare {
        changes.doubt(&target.path, reference.at, "the import gets another name, not what it imports");
    }
    if language == Language::Rust {
        foreign(project, target, &symbol, declared.as_ref()).map_or(Ok(()), |error| Err(here(&error)))?;
        let names = project.names_at(&target.path, target.range.start);
        if imported || names.iter().any(|(reference, _)| reference.role == Role::Imports) {
            let why = "an import can get another name alone, or what it imports everywhere";
            changes.doubt(&target.path, reference.at, why);
        }
    }
    if let Some(why) = doubt.or(symbol.open) {
        changes.doubt(&target.path, reference.at, reason(why));
    }
    if special::by_name(project, &symbol, language, &new) {
        changes.doubt(&target.path, reference.at, "tools find tests by their names");
    }
    if language == Language::Python && matches!(symbol.name.as_str(), "self" | "cls") {
        changes.doubt(&target.path, reference.at, "tools tell methods by the name of this parameter");
    }
    if special::called_by_the_language(project, &symbol, language, &new) {
        changes.doubt(&target.path, reference.at, "the language or its library calls members by this name");
    }
    if symbol.name.starts_with('#') != new.starts_with('#') {
        changes.doubt(&target.path, reference.at, "who may see it changes with its first character");
    }
    let occurrences = project.occurrences(&symbol);
    changes.notes.extend(occurrences.heard.as_ref().map(|heard| told(project, heard)).into_iter().flatten());
    if language == Language::Go && symbol.name.starts_with(char::is_uppercase) && !new.starts_with(char::is_uppercase) {
        special::unseen(project, &symbol, &occurrences.found)?;
    }
    write(project, &occurrences.found, &symbol.name, new_name, &mut changes)?;
    for (path, hazard) in &occurrences.hazards {
        if language == Language::Java && hazard.kind == HazardKind::Macro {
            return Err(Refusal::of(&RenameError::Native(symbol.name)).at(path, hazard.at));
        }
        changes.doubt(path, hazard.at, hazard_reason(hazard.kind));
    }
    for clash in clashes(project, (&target.path, &reference), &symbol, &new) {
        if clash.forbidden {
            let line = line_of(project, &clash.place);
            let (why, path) = (clash.why, clash.place.path);
            let error = match clash.elsewhere {
                true => RenameError::Elsewhere { why, path, line },
                false => RenameError::Forbidden { new: new_name.to_owned(), why, path, line },
            };
            return Err(here(&error));
        }
        changes.doubt(&clash.place.path, clash.place.at, clash.why);
    }
    move_files(project, &symbol, new_name, &mut changes);
    check(project, &changes, &symbol, &new, new_name)?;
    if let Some((path, at)) = go::needless_alias(project, &symbol.declarations, &new) {
        let edits = changes.edits.entry(path).or_default();
        edits.retain(|(edit, _)| edit.start != at.start);
        edits.push((at, String::new()));
        edits.sort_by_key(|(at, _)| (at.start, at.end));
    }
    Ok((changes, symbol))
}

/// Why what is meant is not of this program: no manifest says that the file may use it, or only its import is here.
fn foreign(
    project: &Project<'_>,
    target: &Target,
    symbol: &Symbol,
    declared: Option<&deepcoder_resolve::Declaration>,
) -> Option<RenameError> {
    let (path, _) = symbol.declarations.first()?;
    let declared = declared?;
    let place = Place { path: path.clone(), at: declared.at };
    let line = line_of(project, &place);
    if !project.is_linked(&target.path, path) {
        let why = "no manifest says that this file may use it";
        return Some(RenameError::Elsewhere { why, path: path.clone(), line });
    }
    let text = project.files().text(path);
    let end = text.as_deref().and_then(|text| text.get(..declared.at.start as usize)).unwrap_or("");
    let aliased = end.trim_end().ends_with(" as");
    let away = declared.kind == DeclarationKind::Import && !declared.public && !aliased;
    let why = "it is declared outside of this repository, and only its import can get another name";
    away.then(|| RenameError::Elsewhere { why, path: path.clone(), line })
}

/// What a second source has said, in lines.
fn told(project: &Project<'_>, heard: &Heard) -> Vec<String> {
    let by = &heard.by;
    let notes = [
        (&heard.yes, "means the name, which the text does not tell"),
        (&heard.no, "means something else, and stays"),
        (&heard.more, "means the name as well, and stays: the rules of the language say otherwise"),
        (&heard.fewer, "does not mean the name, and changes: the rules of the language say otherwise"),
    ];
    let note = |(places, what): (&Vec<Place>, &str)| {
        let shown: Vec<String> = places.iter().take(TOLD).map(|place| spot_of(project, place)).collect();
        let more = places.len().saturating_sub(TOLD);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{by}: {}{more} {what}", shown.join(", "))
    };
    notes.into_iter().filter(|(places, _)| !places.is_empty()).map(note).collect()
}

fn spot_of(project: &Project<'_>, place: &Place) -> String {
    format!("{}:{}", place.path, line_of(project, place))
}

/// The line of a place.
fn line_of(project: &Project<'_>, place: &Place) -> u32 {
    let text = project.files().text(&place.path);
    let before = text.as_deref().and_then(|text| text.get(..place.at.start as usize)).unwrap_or("");
    u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX)
}

/// The name at the target and the symbol that it means.
pub(crate) fn symbol_at(project: &Project<'_>, target: &Target) -> Result<(Reference, Symbol, Option<Why>), Refusal> {
    let names = project.names_at(&target.path, target.range.start);
    let at = names.first().map_or(target.range, |(reference, _)| reference.at);
    let mut refusal = RenameError::NoName;
    // Where one text stands for two names, the one whose declaration is in the tree is meant, and the second before the
    // first: that of this file.
    let mut best: Option<(Reference, Symbol, Option<Why>)> = None;
    // A string that lists names is no place to ask from: it may be any text.
    for (reference, resolution) in names.into_iter().filter(|(reference, _)| reference.form != Form::Quoted) {
        let name = reference.name.clone();
        let (symbol, doubt) = match resolution {
            Resolution::Exact(symbol) => (symbol, None),
            Resolution::Candidates(symbols, why) => (joined(symbols), Some(why)),
            Resolution::Unresolved => {
                refusal = RenameError::NotOurs(name);
                continue;
            }
            Resolution::Dynamic(_) => {
                refusal = RenameError::Dynamic(name);
                continue;
            }
        };
        if best.as_ref().is_none_or(|(_, _, before)| before.is_some() || doubt.is_none()) {
            best = Some((reference, symbol, doubt));
        }
    }
    best.ok_or_else(|| Refusal::of(&refusal).at(&target.path, at))
}

/// All that a name can mean as one symbol.
fn joined(symbols: Vec<Symbol>) -> Symbol {
    let name = symbols.first().map(|symbol| symbol.name.clone()).unwrap_or_default();
    let open = symbols.iter().find_map(|symbol| symbol.open);
    let mut declarations: Vec<Global> = symbols.into_iter().flat_map(|symbol| symbol.declarations).collect();
    declarations.sort();
    declarations.dedup();
    Symbol { name, declarations, open }
}

/// Put the new name at every place, in the form that the place needs.
fn write(
    project: &Project<'_>,
    found: &[Occurrence],
    old: &str,
    new: &str,
    changes: &mut Changes,
) -> Result<(), Refusal> {
    let mut places: BTreeMap<&Place, Vec<&Occurrence>> = BTreeMap::new();
    for occurrence in found {
        places.entry(&occurrence.place).or_default().push(occurrence);
    }
    let renamed: BTreeSet<Place> = places.keys().map(|place| (*place).clone()).collect();
    let merged = merged(project, &renamed, old, new);
    for (place, end) in &merged {
        changes.remove(&place.path, TextRange::new(place.at.start, *end));
    }
    let mut looked: BTreeSet<&RepoPath> = BTreeSet::new();
    for (place, occurrences) in places {
        if looked.insert(&place.path) && project.files().text(&place.path).is_some_and(|text| is_generated(&text)) {
            return Err(Refusal::of(&RenameError::Generated(place.path.clone())).at(&place.path, place.at));
        }
        if merged.contains_key(place) {
            continue;
        }
        for occurrence in &occurrences {
            if let Some(why) = occurrence.doubt {
                changes.doubt(&place.path, place.at, reason(why));
            }
        }
        let first = occurrences.iter().find_map(|o| if let Form::First(joint) = o.form { Some(joint) } else { None });
        let second = occurrences.iter().find_map(|o| if let Form::Second(joint) = o.form { Some(joint) } else { None });
        let both_stay_one = first.is_some() && second.is_some();
        match (first, second) {
            _ if both_stay_one => changes.replace(&place.path, place.at, new),
            // What has no name of its own in the text gets one.
            (Some(joint), _) if place.at.start == place.at.end => {
                changes.replace(&place.path, place.at, format!("{new}{joint}"));
            }
            (Some(joint), _) => changes.replace(&place.path, place.at, format!("{new}{joint}{old}")),
            (_, Some(joint)) => changes.replace(&place.path, place.at, format!("{old}{joint}{new}")),
            _ if occurrences.iter().all(|o| o.form == Form::Fixed) => {
                return Err(Refusal::of(&RenameError::Fixed(old.to_owned())).at(&place.path, place.at));
            }
            _ => changes.replace(&place.path, place.at, new),
        }
    }
    for edits in changes.edits.values_mut() {
        edits.sort_by_key(|(at, _)| (at.start, at.end));
    }
    Ok(())
}

/// The first names of pairs that become equal, with the ends of what goes: `S { a: b }` is written `S { b }` then.
fn merged(project: &Project<'_>, renamed: &BTreeSet<Place>, old: &str, new: &str) -> BTreeMap<Place, u32> {
    let mut out = BTreeMap::new();
    let paths: BTreeSet<&RepoPath> = renamed.iter().map(|place| &place.path).collect();
    for path in paths {
        let (Some(bindings), Some(text)) = (project.bindings(path), project.files().text(path)) else { continue };
        for (first, second) in &bindings.pairs {
            let place = |at| Place { path: path.clone(), at };
            let is_renamed = |at: &TextRange| renamed.contains(&place(*at));
            let text = |at: &TextRange| text.get(at.as_range());
            let becomes_one = match (is_renamed(first), is_renamed(second)) {
                (true, false) => text(first) == Some(old) && text(second) == Some(new),
                (false, true) => text(second) == Some(old) && text(first) == Some(new),
                _ => false,
            };
            if becomes_one {
                let joint = text(&TextRange::new(first.end, second.start)).and_then(|between| {
                    let (before, after) = between.split_once(':')?;
                    Some(before.len() + 1 + after.len() - after.trim_start().len())
                });
                let joint = joint.and_then(|length| u32::try_from(length).ok());
                out.extend(joint.map(|length| (place(*first), first.end + length)));
            }
        }
    }
    out
}

/// Files that are named after the declaration get its new name.
fn move_files(project: &Project<'_>, symbol: &Symbol, new: &str, changes: &mut Changes) {
    for global in &symbol.declarations {
        changes.renamed.extend(project.moved(global, new.strip_prefix("r#").unwrap_or(new)));
        if !project.names_file(global) {
            continue;
        }
        let path = global.0.as_str();
        let (folder, file) = path.rsplit_once('/').map_or(("", path), |(folder, file)| (folder, file));
        let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
        let slash = if folder.is_empty() { "" } else { "/" };
        if let Ok(to) = RepoPath::new(format!("{folder}{slash}{new}.{ending}")) {
            changes.renamed.push((global.0.clone(), to));
        }
    }
}

/// Every name means the same with the new name in place.
fn check(project: &Project<'_>, changes: &Changes, symbol: &Symbol, normal: &str, new: &str) -> Result<(), Refusal> {
    let texts = changes.apply(project.files()).map_err(|error| Refusal::of(&error))?;
    let moved: BTreeMap<RepoPath, RepoPath> = changes.renamed.iter().cloned().collect();
    let mut changed: BTreeMap<RepoPath, Option<Arc<str>>> = moved.keys().map(|path| (path.clone(), None)).collect();
    changed.extend(texts.into_iter().map(|(path, text)| (path, Some(Arc::from(text)))));
    let overlay = Overlay::new(project.files(), changed);
    let after = project.after(&overlay);
    let edited: BTreeSet<RepoPath> = changes.edits.keys().cloned().collect();
    let conflicts = changed_by_renaming(project, &after, &edited, &moved, &[&symbol.name, normal]);
    let Some(first) = conflicts.first() else { return alone(&after, symbol, &moved, new) };
    let Changed { name, place, how, now } = first;
    let error = match how {
        How::Nothing => RenameError::Lost { name: name.clone() },
        _ => RenameError::Taken {
            new: new.to_owned(),
            name: name.clone(),
            now: now.as_ref().and_then(|now| spot(&after, now)),
        },
    };
    Err(Refusal::of(&error).at(&place.path, place.at))
}

/// No other member has the new name that would override this one, or be overridden.
fn alone(after: &Project<'_>, symbol: &Symbol, moved: &BTreeMap<RepoPath, RepoPath>, new: &str) -> Result<(), Refusal> {
    let now = |(path, id): &Global| (moved.get(path).unwrap_or(path).clone(), *id);
    let declarations: BTreeSet<Global> = symbol.declarations.iter().map(now).collect();
    let families = declarations.iter().flat_map(|global| after.symbol(global).declarations);
    let Some(other) = families.into_iter().find(|other| !declarations.contains(other)) else { return Ok(()) };
    let place = after.declaration(&other).map(|declaration| Place { path: other.0, at: declaration.at });
    let now = place.as_ref().and_then(|place| spot(after, place));
    Err(Refusal { place, ..Refusal::of(&RenameError::Taken { new: new.to_owned(), name: symbol.name.clone(), now }) })
}

/// The file and the line of a place, from 1.
fn spot(project: &Project<'_>, place: &Place) -> Option<(RepoPath, u32)> {
    let text = project.files().text(&place.path)?;
    let before = text.get(..place.at.start as usize)?;
    Some((place.path.clone(), u32::try_from(before.matches('\n').count() + 1).ok()?))
}

/// A doubt in words.
pub(crate) fn reason(why: Why) -> &'static str {
    match why {
        Why::UnknownReceiver => "the type of what stands before the dot is not known",
        Why::Wildcard => "an import of all names may bring it in",
        Why::SeveralDeclarations => "it can mean several declarations",
        Why::Macro => "it stands in a macro",
        Why::String => "it stands in a string",
        Why::Reflection => "names are made at run time here",
        Why::OutsideTree => "it depends on code that is not in this repository",
        Why::Syntax => "the code around it does not parse",
    }
}

/// A hazard in words.
fn hazard_reason(kind: deepcoder_resolve::HazardKind) -> &'static str {
    use deepcoder_resolve::HazardKind as Kind;
    match kind {
        Kind::Eval => "code is made from text here and may use the name",
        Kind::Reflection => "names are looked up at run time here",
        Kind::Wildcard => "an import of all names of a module that is not in this repository",
        Kind::Macro => "a macro may use the name",
        Kind::Syntax => "this code does not parse and may use the name",
        Kind::Scope => "names may mean something else here",
        Kind::Overload => "functions of this name are told apart by their parameters",
        Kind::Keywords => "arguments are given by names that are text",
        Kind::Conditional => "it may be set from outside, or is compiled under a condition only",
    }
}
