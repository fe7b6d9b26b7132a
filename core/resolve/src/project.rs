//! Names followed from file to file.

use crate::Why;
use crate::bindings::{Bindings, DeclarationId, Form, Role};
use deepcoder_types::{RepoPath, TextRange};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// The files of a tree.
pub trait Files: Sync {
    /// The text of a file; `None` where there is none, or it is no text.
    fn text(&self, path: &RepoPath) -> Option<Arc<str>>;

    /// Every file, in the order of the paths.
    fn paths(&self) -> &[RepoPath];

    /// The files that hold this name as a word, and perhaps some that do not.
    fn mentions(&self, word: &str) -> Vec<RepoPath>;
}

/// A text in a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The file.
    pub path: RepoPath,
    /// Its text.
    pub at: TextRange,
}

/// What a name means over the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// This symbol, beyond doubt.
    Exact(Symbol),
    /// One of these.
    Candidates(Vec<Symbol>, Why),
    /// Nothing in the tree declares it.
    Unresolved,
    /// Only running the program would tell.
    Dynamic(Why),
}

/// The declarations that have one name together: a method with those that override it, a variable that several branches
/// declare, the parts of an interface.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// Sorted, never empty.
    pub declarations: Vec<(RepoPath, DeclarationId)>,
}

/// One place where a symbol is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// Where.
    pub place: Place,
    /// What it does there.
    pub role: Role,
    /// How another name is written there.
    pub form: Form,
    /// Why it may mean something else; `None`: it does not.
    pub doubt: Option<Why>,
}

/// A tree whose names can be followed. Files are read and bound when they are asked for, once.
pub struct Project<'f> {
    files: &'f dyn Files,
    bound: Mutex<BTreeMap<RepoPath, Option<Arc<Bindings>>>>,
}
