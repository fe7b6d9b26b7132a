//! How near a result is to the expected one.

use super::case::Texts;
use deepcoder_resolve::{Bindings, DeclarationId, Reference, Target, bind};
use deepcoder_syntax::{Kept, Language, TokenKind, symbols, tokens};
use deepcoder_types::{RepoPath, TextRange};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How near a result is to the expected one; each grade has those above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// The same lines, but for whitespace at their ends.
    Exact,
    /// The same tokens; of an extracted definition anywhere at its level.
    Tokens,
    /// The same but for the names of what is new.
    Isomorphic,
    /// Another program.
    Wrong,
}

/// The grade of a tree. `new` says that the place of a new definition is a matter of taste.
pub(crate) fn grade(before: &Texts, ours: &Texts, expected: &Texts, new: bool) -> Grade {
    let paths: BTreeSet<&RepoPath> = ours.keys().chain(expected.keys()).collect();
    let each = paths.into_iter().map(|path| match (ours.get(path), expected.get(path)) {
        (Some(ours), Some(expected)) => {
            let old = before.get(path).map_or("", AsRef::as_ref);
            of_file(path, old, ours, expected, new)
        }
        // A case has no word for a file that is moved: it leaves an empty one behind.
        (None, Some(left)) if left.trim().is_empty() && before.contains_key(path) => Grade::Exact,
        (one, other) if one.or(other).is_some_and(|text| text.trim().is_empty()) => Grade::Tokens,
        _ => Grade::Wrong,
    });
    each.max().unwrap_or(Grade::Exact)
}

fn of_file(path: &RepoPath, before: &str, ours: &str, expected: &str, new: bool) -> Grade {
    if stripped(ours) == stripped(expected) {
        return Grade::Exact;
    }
    let Some(language) = Language::program(path) else { return Grade::Wrong };
    let (Some(a), Some(b)) = (leaves(language, ours), leaves(language, expected)) else {
        return if squeezed(ours) == squeezed(expected) { Grade::Tokens } else { Grade::Wrong };
    };
    if texts(&a).eq(texts(&b)) || new && moved(language, before, (ours, &a), (expected, &b)) {
        return Grade::Tokens;
    }
    let (Some(x), Some(y)) = (bind(language, ours), bind(language, expected)) else { return Grade::Wrong };
    let known: BTreeSet<String> =
        bind(language, before).into_iter().flat_map(|b| b.references).map(|r| r.name).collect();
    let same = shape(&a, &x, &known) == shape(&b, &y, &known) && bijective(&x, &y, &known);
    if same { Grade::Isomorphic } else { Grade::Wrong }
}

fn stripped(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

/// A token with its text; comments may be laid out anew.
struct Leaf {
    range: TextRange,
    text: String,
}

fn leaves(language: Language, text: &str) -> Option<Vec<Leaf>> {
    let found = tokens(language, text, Kept::All)?;
    let leaf = |token: deepcoder_syntax::Token| {
        let own = text.get(token.range.as_range()).unwrap_or_default();
        let text = match token.kind {
            TokenKind::Comment => squeezed(own),
            TokenKind::StatementEnd => "\u{1}".to_owned(),
            TokenKind::BlockEnd => "\u{2}".to_owned(),
            TokenKind::Code | TokenKind::Quote => own.trim().to_owned(),
        };
        Leaf { range: token.range, text }
    };
    Some(found.code.into_iter().map(leaf).filter(|leaf| !leaf.text.is_empty()).collect())
}

fn texts(leaves: &[Leaf]) -> impl Iterator<Item = &str> {
    leaves.iter().map(|leaf| leaf.text.as_str())
}

/// Whether both texts have the same new definition at the same level, and the same tokens around it.
fn moved(language: Language, before: &str, ours: (&str, &[Leaf]), expected: (&str, &[Leaf])) -> bool {
    let old: BTreeSet<String> = symbols(language, before).into_iter().map(|symbol| symbol.qualified).collect();
    let split = |(text, leaves): (&str, &[Leaf])| {
        let mut new = symbols(language, text).into_iter().filter(|symbol| !old.contains(&symbol.qualified));
        let symbol = new.next()?;
        let within = |leaf: &&Leaf| symbol.range.start <= leaf.range.start && leaf.range.end <= symbol.range.end;
        let inside: Vec<String> = leaves.iter().filter(within).map(|leaf| leaf.text.clone()).collect();
        let mut outside: Vec<String> =
            leaves.iter().filter(|leaf| !within(leaf)).map(|leaf| leaf.text.clone()).collect();
        // The ends that the layout shows move with the definition.
        outside.retain(|text| !matches!(text.as_str(), "\u{1}" | "\u{2}"));
        Some((symbol.qualified, inside, outside))
    };
    matches!((split(ours), split(expected)), (Some(a), Some(b)) if a == b)
}

/// The tokens without the names of what is new.
fn shape(leaves: &[Leaf], bindings: &Bindings, known: &BTreeSet<String>) -> Vec<String> {
    let new: BTreeSet<TextRange> = bindings
        .references
        .iter()
        .filter(|reference| declaration(bindings, reference).is_some_and(|(_, name)| !known.contains(name)))
        .map(|reference| reference.at)
        .collect();
    leaves.iter().map(|leaf| if new.contains(&leaf.range) { "\u{3}".to_owned() } else { leaf.text.clone() }).collect()
}

fn declaration<'b>(bindings: &'b Bindings, reference: &Reference) -> Option<(DeclarationId, &'b str)> {
    match reference.target {
        Target::Declaration(id) => Some((id, bindings.declaration(id)?.name.as_str())),
        _ => None,
    }
}

/// Whether the names of both texts mean corresponding declarations.
fn bijective(ours: &Bindings, expected: &Bindings, known: &BTreeSet<String>) -> bool {
    let (mut there, mut back) = (BTreeMap::new(), BTreeMap::new());
    ours.references.len() == expected.references.len()
        && ours.references.iter().zip(&expected.references).all(|(a, b)| {
            match (declaration(ours, a), declaration(expected, b)) {
                (Some((x, x_name)), Some((y, y_name))) => {
                    let named = x_name == y_name || !known.contains(x_name) && !known.contains(y_name);
                    named && *there.entry(x).or_insert(y) == y && *back.entry(y).or_insert(x) == x
                }
                (None, None) => a.name == b.name,
                _ => false,
            }
        })
}
