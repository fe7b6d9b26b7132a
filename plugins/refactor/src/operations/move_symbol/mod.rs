//! Move: declarations go to another file, with the imports that they need; whoever imports them takes them from there.
//!
//! The proof is in the bindings: every name of the tree is bound again, and each one, those of the moved text too, must mean
//! what corresponds to what it meant.

mod check;
mod go;
mod modules;
mod python;
mod rust;
mod script;

use crate::grammar::source::{Source, range};
use crate::{Changes, Refusal, Target};
use deepcoder_resolve::{DeclarationId, Project, Reference, Role, ScopeId, Target as Meant};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::{Hint, RepoPath, TextRange};

pub(crate) use modules::move_file;

/// Why something stays where it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum MoveError {
    #[error("the file does not parse")]
    Syntax,
    #[error("there is no declaration of a whole file here")]
    NoDeclaration,
    #[error("it is in `{0}` already")]
    Same(RepoPath),
    #[error("`{0}` is of another language")]
    OtherLanguage(RepoPath),
    #[error("`{name}` is taken in `{path}`")]
    Taken { name: String, path: RepoPath },
    #[error("`{0}` gets a value in another place than its declaration")]
    Written(String),
    #[error("`{0}` would mean something else")]
    Meaning(String),
    #[error("`{0}` is imported in a way that cannot be moved")]
    Import(String),
    #[error("modules of this form cannot be told what others take from them")]
    CommonJs,
    #[error("`{0}` exists already")]
    Exists(RepoPath),
    #[error("moves are not there for {0} yet")]
    Language(&'static str),
    #[error("a module goes to a folder or a file of its language")]
    NoModule,
}

impl Hint for MoveError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Syntax => Some("correct the syntax first".into()),
            Self::NoDeclaration => {
                Some("place the cursor on a declaration at the top of a file: FILE:LINE:COLUMN".into())
            }
            Self::Same(_) | Self::OtherLanguage(_) | Self::Exists(_) | Self::NoModule => {
                Some("name another file".into())
            }
            Self::Taken { .. } => Some("rename one of them first".into()),
            Self::Written(_) | Self::Meaning(_) | Self::Import(_) | Self::CommonJs | Self::Language(_) => None,
        }
    }
}

/// The changes that move what is at the target to a file; `None`: to a new one that is named after it. `qualified` says that
/// those who use it name its new module, in languages in which that can be chosen.
pub(crate) fn move_symbol(
    project: &Project<'_>,
    target: &Target,
    to: Option<&RepoPath>,
    qualified: bool,
) -> Result<Changes, Refusal> {
    let source = Source::of(project, target)?;
    if source.tree.root_node().has_error() {
        return Err(source.refuse(&MoveError::Syntax, target.range));
    }
    if to == Some(&source.path) {
        return Err(source.refuse(&MoveError::Same(source.path.clone()), target.range));
    }
    if let Some(to) = to {
        let related = Language::program(to)
            .is_some_and(|language| language == source.language || language.is_related(source.language));
        if !related {
            return Err(source.refuse(&MoveError::OtherLanguage(to.clone()), target.range));
        }
    }
    let mut changes = match source.language {
        Language::JavaScript | Language::TypeScript | Language::Tsx => script::move_to(&source, target.range, to)?,
        Language::Python => python::move_to(&source, target.range, to, qualified)?,
        Language::Go => go::move_to(&source, target.range, to)?,
        Language::Rust => rust::move_to(&source, target.range, to)?,
        other => return Err(source.refuse(&MoveError::Language(other.name()), target.range)),
    };
    changes.settle(project.files());
    Ok(changes)
}

/// A piece of the text that moves: whole statements with the comments above them.
#[derive(Debug, Clone)]
struct Piece<'t> {
    node: Node<'t>,
    /// From the first comment to the end of the last line.
    at: TextRange,
}

/// The statement with the comments right above it.
fn piece<'t>(source: &Source<'_>, node: Node<'t>) -> Piece<'t> {
    let mut first = node;
    while let Some(above) = first.prev_sibling().filter(|above| above.is_extra()) {
        let between = source.text_of(TextRange::new(range(above).end, range(first).start));
        let alone = source.begins_line(range(above).start);
        if !alone || between.matches('\n').count() + usize::from(source.text_of(range(above)).ends_with('\n')) > 1 {
            break;
        }
        first = above;
    }
    let start = range(first).start;
    let start = if source.begins_line(start) { source.line_start(start) } else { start };
    let end = range(node).end;
    let line = source.line_end(end);
    let rest = source.text_of(TextRange::new(end, line)).trim();
    let end = if rest.is_empty() || rest.starts_with("//") || rest.starts_with('#') { line } else { end };
    Piece { node, at: TextRange::new(start, end) }
}

/// The range with the blank lines behind it, where a blank line or nothing is above it.
fn with_blanks(source: &Source<'_>, mut at: TextRange) -> TextRange {
    let before = source.text_of(TextRange::new(0, at.start));
    let open = before.is_empty() || before.ends_with("\n\n") || before.ends_with("\r\n\r\n");
    while open && source.line_start(at.start) == at.start {
        let next = TextRange::new(at.end, source.line_end(at.end));
        if next.start == next.end || !source.text_of(next).trim().is_empty() {
            break;
        }
        at.end = next.end;
    }
    at
}

/// The top-level declarations of a file that stand in one of some ranges.
fn declared_in(source: &Source<'_>, ranges: &[TextRange]) -> Vec<DeclarationId> {
    let within = |at: TextRange| ranges.iter().any(|range| range.start <= at.start && at.end <= range.end);
    let own = source.bindings.ids().filter(|(_, d)| d.scope == ScopeId(0) && d.import.is_none() && within(d.at));
    own.map(|(id, _)| id).collect()
}

/// The declarations that references within (or outside of) some ranges mean, imports among them.
fn used<'s>(source: &'s Source<'_>, ranges: &[TextRange], inside: bool) -> Vec<(&'s Reference, DeclarationId)> {
    let within = |at: TextRange| ranges.iter().any(|range| range.start <= at.start && at.end <= range.end);
    let mut out = Vec::new();
    for reference in &source.bindings.references {
        if reference.role == Role::Imports || within(reference.at) != inside {
            continue;
        }
        let ids: Vec<DeclarationId> = match &reference.target {
            Meant::Declaration(id) => vec![*id],
            Meant::Several(ids, _) => ids.clone(),
            _ => Vec::new(),
        };
        let of_file = |id: &DeclarationId| source.bindings.declaration(*id).is_some_and(|d| d.scope == ScopeId(0));
        out.extend(ids.into_iter().filter(of_file).map(|id| (reference, id)));
    }
    out
}

/// The folder that a path is in.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path relative to a folder, with `..` where it must go up and without `./`.
fn relative(from: &str, to: &str) -> String {
    let from: Vec<&str> = from.split('/').filter(|part| !part.is_empty()).collect();
    let to: Vec<&str> = to.split('/').filter(|part| !part.is_empty()).collect();
    let same = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", from.len() - same);
    up.chain(to.iter().skip(same).copied()).collect::<Vec<_>>().join("/")
}
