//! From places and names as people write them to texts in files.

use crate::Target;
use crate::command::{Spot, Subject};
use deepcoder_resolve::{
    Bindings, Declaration, DeclarationKind, Known, Project, Resolution, Role, ScopeKind, supports,
};
use deepcoder_syntax::Language;
use deepcoder_types::{Hint, RepoPath, TextRange};
use std::collections::{BTreeMap, BTreeSet};

/// Places that one message lists.
const SHOWN: usize = 5;

/// Stems of files that stand for their folder.
const FOLDER_FILES: &[&str] = &["__init__", "mod", "index", "lib", "main"];

/// Why something is not found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FindError {
    #[error("`{0}` is no text file of this repository")]
    NoFile(RepoPath),
    #[error("`{path}` has {lines} lines, not {line}")]
    Line { path: RepoPath, lines: usize, line: usize },
    #[error("line {line} of `{path}` has {columns} columns, not {column}")]
    Column { path: RepoPath, line: usize, columns: usize, column: usize },
    #[error("line {line} of `{path}` declares {count} names")]
    WhichName { path: RepoPath, line: usize, count: usize },
    #[error("no file of this repository declares `{0}` in a language whose names can be followed")]
    NoName(String),
    #[error("`{name}` is in a file whose names cannot be followed: {path}")]
    Language { name: String, path: RepoPath },
    #[error("`{name}` is declared in {count} places: {}", places.join(", "))]
    Several { name: String, count: usize, places: Vec<String> },
}

impl Hint for FindError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoFile(_) => Some("give its path from the root of the repository, such as src/util.py:12:9".into()),
            Self::Line { .. } | Self::Column { .. } => {
                Some("write FILE:LINE:COL, such as src/util.py:12:9; line and column count from 1".into())
            }
            Self::WhichName { path, line, .. } => Some(format!("give the column as well: {path}:{line}:1")),
            Self::NoName(_) => {
                Some("check the spelling, names are case-sensitive; or give its place: FILE:LINE:COL".into())
            }
            Self::Language { .. } => Some("`deepcoder edit` lets a model make the change: say it in words".into()),
            Self::Several { places, .. } => {
                let first = places.first().map(String::as_str).unwrap_or_default();
                Some(format!("name one of them: deepcoder refactor rename {first} NEW_NAME"))
            }
        }
    }
}

/// The text that a subject means. `file` limits names to one file, and declarations in `preferred` files come first.
pub(crate) fn target(
    project: &Project<'_>,
    subject: &Subject,
    file: Option<&RepoPath>,
    preferred: &[RepoPath],
) -> Result<Target, FindError> {
    match subject {
        Subject::Place(path, from, to) => {
            let text = project.files().text(path).ok_or_else(|| FindError::NoFile(path.clone()))?;
            let start = offset(path, &text, *from)?;
            let end = to.map_or(Ok(start), |to| offset(path, &text, to))?;
            Ok(Target { path: path.clone(), range: TextRange::new(start, end) })
        }
        Subject::Lines(path, first, last) => {
            let text = project.files().text(path).ok_or_else(|| FindError::NoFile(path.clone()))?;
            let start = offset(path, &text, Spot { line: *first, column: 1 })?;
            offset(path, &text, Spot { line: *last, column: 1 })?;
            let end: usize = text.split_inclusive('\n').take(*last).map(str::len).sum();
            Ok(Target { path: path.clone(), range: TextRange::new(start, u32::try_from(end).unwrap_or(u32::MAX)) })
        }
        Subject::File(path) => {
            let text = project.files().text(path).ok_or_else(|| FindError::NoFile(path.clone()))?;
            let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
            Ok(Target { path: path.clone(), range: TextRange::new(0, end) })
        }
        Subject::Name(name) => named(project, name, file, preferred),
    }
}

/// The one name that is declared in a range of lines.
pub(crate) fn declared_in(project: &Project<'_>, target: &Target, line: usize) -> Result<Target, FindError> {
    let within = |at: TextRange| target.range.start <= at.start && at.end <= target.range.end;
    let bindings = project.bindings(&target.path);
    let mut found: Vec<TextRange> = bindings
        .iter()
        .flat_map(|bindings| &bindings.references)
        .filter(|reference| reference.role == Role::Declares && within(reference.at))
        .map(|reference| reference.at)
        .collect();
    found.dedup();
    // `def f(a, b)`: the line is about what is declared first, whose parameters come behind it.
    let first = found.first().copied();
    let outer = first.filter(|first| {
        let whole = bindings.as_ref().and_then(|b| b.declarations.iter().find(|d| d.at == *first)).map(|d| d.extent);
        whole.is_some_and(|whole| found.iter().all(|at| at.end <= whole.end))
    });
    match outer {
        Some(range) => Ok(Target { path: target.path.clone(), range }),
        None => Err(FindError::WhichName { path: target.path.clone(), line, count: found.len() }),
    }
}

/// The byte of a line and column. The end of a line is before its CR LF; a BOM is not a character.
fn offset(path: &RepoPath, text: &str, spot: Spot) -> Result<u32, FindError> {
    let Spot { line, column } = spot;
    let count = text.split_inclusive('\n').count() + usize::from(text.is_empty() || text.ends_with('\n'));
    if line == 0 || line > count {
        return Err(FindError::Line { path: path.clone(), lines: count, line });
    }
    let mut lines = text.split_inclusive('\n');
    let start: usize = lines.by_ref().take(line - 1).map(str::len).sum();
    let content = lines.next().unwrap_or_default();
    let content = content.strip_suffix('\n').map_or(content, |c| c.strip_suffix('\r').unwrap_or(c));
    let bare = if start == 0 { content.trim_start_matches('\u{feff}') } else { content };
    let bom = content.len() - bare.len();
    let ends = bare.char_indices().map(|(at, _)| at).chain([bare.len()]);
    let at = ends.clone().nth(column.wrapping_sub(1)).ok_or_else(|| FindError::Column {
        path: path.clone(),
        line,
        columns: ends.count(),
        column,
    })?;
    Ok(u32::try_from(start + bom + at).unwrap_or(u32::MAX))
}

/// `FILE:LINE:COL` of a byte.
pub(crate) fn place(project: &Project<'_>, path: &RepoPath, at: u32) -> String {
    let text = project.files().text(path);
    let before = text.as_deref().and_then(|text| text.get(..at as usize)).unwrap_or_default();
    let before = before.trim_start_matches('\u{feff}');
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{path}:{line}:{column}")
}

/// The declaration of a name over the tree.
fn named(
    project: &Project<'_>,
    qualified: &str,
    file: Option<&RepoPath>,
    preferred: &[RepoPath],
) -> Result<Target, FindError> {
    let parts: Vec<&str> = qualified.split(['.', '#', ':']).filter(|part| !part.is_empty()).collect();
    let name = parts.last().copied().unwrap_or_default();
    let mut found: Vec<(bool, Target)> = Vec::new();
    let mut paths = project.files().mentions(name);
    paths.retain(|path| file.is_none_or(|file| file == path));
    for part in parts.iter().rev().skip(1).filter(|part| !matches!(**part, "crate" | "self")) {
        // What is around a declaration is named in its text or in its path.
        let with: BTreeSet<RepoPath> = project.files().mentions(part).into_iter().collect();
        paths.retain(|path| path.as_str().contains(part) || with.contains(path));
    }
    project.bind_ahead(&paths);
    for path in &paths {
        let Some(bindings) = project.bindings(path) else { continue };
        for declaration in bindings.declarations.iter().filter(|d| d.name == name) {
            if declaration.at.start < declaration.at.end
                && declaration.kind != DeclarationKind::Import
                && ways(path, &bindings, declaration).iter().any(|way| ends_with(way, &parts))
            {
                let target = Target { path: path.clone(), range: declaration.at };
                found.push((is_local(&bindings, declaration), target));
            }
        }
    }
    if found.iter().any(|(_, target)| preferred.contains(&target.path)) {
        found.retain(|(_, target)| preferred.contains(&target.path));
    }
    // A variable of some function is meant only where nothing else has the name.
    if found.iter().any(|(local, _)| !local) {
        found.retain(|(local, _)| !local);
    }
    // Declarations that have one name together are one.
    let mut symbols: BTreeMap<Vec<(RepoPath, u32)>, Target> = BTreeMap::new();
    for (_, target) in found {
        symbols.entry(key(project, &target)).or_insert(target);
    }
    let mut targets: Vec<Target> = symbols.into_values().collect();
    match targets.len() {
        0 => {
            let unknown = |path: &&RepoPath| Language::program(path).is_some_and(|language| !supports(language));
            match project.files().mentions(name).iter().find(unknown) {
                Some(path) => Err(FindError::Language { name: name.to_owned(), path: path.clone() }),
                None => Err(FindError::NoName(qualified.to_owned())),
            }
        }
        1 => targets.pop().ok_or_else(|| FindError::NoName(qualified.to_owned())),
        count => {
            targets.sort_by(|a, b| (&a.path, a.range.start).cmp(&(&b.path, b.range.start)));
            let shown = targets.iter().take(SHOWN).map(|t| place(project, &t.path, t.range.start)).collect();
            Err(FindError::Several { name: qualified.to_owned(), count, places: shown })
        }
    }
}

/// What tells a declaration from others: all that have its name together.
fn key(project: &Project<'_>, target: &Target) -> Vec<(RepoPath, u32)> {
    let names = project.names_at(&target.path, target.range.start);
    let symbol = names.into_iter().find_map(|(_, resolution)| match resolution {
        Resolution::Exact(symbol) => Some(symbol),
        _ => None,
    });
    match symbol {
        Some(symbol) => symbol.declarations.into_iter().map(|(path, id)| (path, id.0)).collect(),
        None => vec![(target.path.clone(), target.range.start)],
    }
}

/// The ways to say which declaration is meant, from the outside in: by the file's path and by its package.
fn ways(path: &RepoPath, bindings: &Bindings, declaration: &Declaration) -> Vec<Vec<String>> {
    let mut own = vec![declaration.name.clone()];
    let mut scope = bindings.scope(declaration.scope);
    while let Some(at) = scope {
        let of = match &at.of {
            Some(Known::Itself(id)) => Some(*id),
            _ => at.owner,
        };
        own.extend(of.and_then(|id| bindings.declaration(id)).map(|d| d.name.clone()));
        scope = at.parent.and_then(|parent| bindings.scope(parent));
    }
    own.reverse();
    let (folder, file) = path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()));
    let stem = file.split('.').next().unwrap_or(file);
    let folder = || folder.split('/').filter(|part| !part.is_empty()).map(str::to_owned);
    let mut ways = vec![folder().chain([stem.to_owned()]).chain(own.clone()).collect()];
    if FOLDER_FILES.contains(&stem) {
        ways.push(folder().chain(own.clone()).collect());
        ways.push(std::iter::once("crate".to_owned()).chain(own.clone()).collect());
    }
    let package = bindings.package.split(['.', '/']).filter(|part| !part.is_empty()).map(str::to_owned);
    ways.push(package.chain(own).collect());
    ways
}

fn ends_with(way: &[String], parts: &[&str]) -> bool {
    let parts = match parts {
        ["crate" | "self", rest @ ..] if !rest.is_empty() => rest,
        parts => parts,
    };
    way.len() >= parts.len() && way[way.len() - parts.len()..].iter().zip(parts).all(|(a, b)| a == b)
}

/// Whether only one function can name it.
fn is_local(bindings: &Bindings, declaration: &Declaration) -> bool {
    let mut scope = bindings.scope(declaration.scope);
    while let Some(at) = scope {
        if matches!(
            at.kind,
            ScopeKind::Function | ScopeKind::Block | ScopeKind::Comprehension | ScopeKind::TypeParameters
        ) {
            return true;
        }
        scope = at.parent.and_then(|parent| bindings.scope(parent));
    }
    false
}
