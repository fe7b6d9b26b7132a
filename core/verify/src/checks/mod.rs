//! The checks that compare a whole set with the files before it and with the tree around it.
//!
//! **Invariant:** a check tells only what the edit makes worse, and is silent when it cannot know. No word of the instruction
//! switches off a check of what may be lost; a definition that the instruction names may go. The checks of what an instruction
//! does not speak of run where it speaks of something in the file.

mod api;
mod arity;
mod asked;
mod bodies;
mod confused;
mod content;
pub(crate) mod data;
mod docs;
mod generated;
mod imports;
mod literals;
mod lost;
mod meanings;
mod names;
mod prompt;
mod prose;
mod scope;
mod settings;
mod several;
mod tree;
mod twice;
mod twin;
mod users;
mod values;
mod weakened;

use crate::policy::{Finding, Policy};
use deepcoder_syntax::{Language, RawSymbol, parses, symbols};
use deepcoder_types::{Constraint, EditSet, FileChange, RepoPath};
use prompt::Prompt;
use std::cell::OnceCell;
use tree::Tree;

/// The most names that one finding lists.
const NAMES: usize = 5;

/// Runs every check on `set`.
pub(crate) fn check(set: &EditSet, policy: &Policy, base: &dyn deepcoder_workspace::Tree, findings: &mut Vec<Finding>) {
    let context = Context {
        files: set.files.iter().filter_map(File::new).collect(),
        prompt: Prompt::new(&policy.instruction),
        constraint: policy.constraint.as_ref(),
        tree: Tree::new(base, set),
    };
    // The others know the mistakes of models.
    if policy.constraint == Some(Constraint::Refactoring) {
        data::check(&context, findings);
        generated::check(&context, findings);
        // Who moves code knows where each name went, which the lines of a difference do not tell.
        return;
    }
    for check in [
        lost::check,
        names::check,
        meanings::check,
        users::check,
        imports::check,
        content::check,
        data::check,
        asked::check,
        docs::check,
        twin::check,
        confused::check,
        scope::check,
        arity::check,
        settings::check,
        literals::check,
        prose::check,
        several::check,
        twice::check,
        bodies::check,
        weakened::check,
        api::check,
        generated::check,
    ] {
        check(&context, findings);
    }
}

/// All that a check may look at.
pub(crate) struct Context<'a> {
    /// The files of the set that are text before and after.
    files: Vec<File<'a>>,
    prompt: Prompt<'a>,
    constraint: Option<&'a Constraint>,
    tree: Tree<'a>,
}

impl Context<'_> {
    /// Whether the user's words, or the renaming that they were understood as, name a definition.
    fn names(&self, name: &str) -> bool {
        let renamed = matches!(self.constraint, Some(Constraint::Rename(renaming)) if renaming.name == name);
        renamed || self.prompt.names(name)
    }
}

/// A file of the set as text.
pub(crate) struct File<'a> {
    path: &'a RepoPath,
    old: Option<&'a str>,
    new: Option<&'a str>,
    language: Option<Language>,
    before: OnceCell<Vec<RawSymbol>>,
    after: OnceCell<Vec<RawSymbol>>,
    sound: OnceCell<bool>,
}

impl<'a> File<'a> {
    fn new(change: &'a FileChange) -> Option<Self> {
        let text = |image: &'a Option<deepcoder_types::FileImage>| match image {
            Some(image) => std::str::from_utf8(&image.bytes).ok().map(Some),
            None => Some(None),
        };
        Some(Self {
            path: &change.path,
            old: text(&change.old)?,
            new: text(&change.new)?,
            language: Language::program(&change.path),
            before: OnceCell::new(),
            after: OnceCell::new(),
            sound: OnceCell::new(),
        })
    }

    /// The definitions before the edit.
    fn before(&self) -> &[RawSymbol] {
        self.before.get_or_init(|| self.symbols(self.old))
    }

    /// The definitions after the edit.
    fn after(&self) -> &[RawSymbol] {
        self.after.get_or_init(|| self.symbols(self.new))
    }

    fn symbols(&self, text: Option<&str>) -> Vec<RawSymbol> {
        self.language.zip(text).map(|(language, text)| symbols(language, text)).unwrap_or_default()
    }

    /// Whether the result parses, so that its tree means what it says. That it does not is an error already.
    fn sound(&self) -> bool {
        *self.sound.get_or_init(|| match (self.language, self.new) {
            (Some(language), Some(new)) => parses(language, new) == Some(true),
            _ => false,
        })
    }
}

/// The line of a byte, from 1.
fn line_of(text: &str, at: u32) -> usize {
    let bytes = text.as_bytes();
    bytes[..bytes.len().min(at as usize)].iter().filter(|&&b| b == b'\n').count() + 1
}

/// The first few names as a list.
fn list<S: AsRef<str>>(names: &[S]) -> String {
    let more = if names.len() > NAMES { format!(" and {} more", names.len() - NAMES) } else { String::new() };
    let shown: Vec<String> = names.iter().take(NAMES).map(|name| format!("`{}`", name.as_ref())).collect();
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests;
