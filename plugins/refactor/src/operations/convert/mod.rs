//! Convert: small rewrites at a place that keep what the code does.
//!
//! Every rewrite is a [`Kind`] in one of the tables of this folder: its name, its languages, the node that it is about at a
//! cursor, and the edits. A kind answers with exact edits only where the text proves that nothing changes; what depends on
//! types, on overloaded operators or on the time of an evaluation is a doubt, and a comment is never lost.

mod arms;
mod arrows;
mod bools;
mod braces;
mod chains;
mod comments;
mod conditions;
mod flips;
mod guarded;
mod lets;
mod lines;
mod logic;
mod loops;
mod overloads;
mod python;
mod site;
mod strings;
mod templates;

use crate::{Changes, Refusal, Target};
use deepcoder_resolve::Project;
use deepcoder_syntax::{Language, Node};
use deepcoder_types::Hint;
use site::{Draft, Site};

/// One rewrite.
pub(crate) struct Kind {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What it does, for a menu.
    pub(crate) title: &'static str,
    /// Where it is known.
    languages: &'static [Language],
    /// The node that it is about at the cursor; `None`: it does not apply there.
    applies: for<'s> fn(&'s Site<'_>) -> Option<Node<'s>>,
    /// The edits.
    rewrite: for<'s> fn(&'s Site<'_>, Node<'s>) -> Result<Draft, ConvertError>,
}

/// Languages of scripts.
const SCRIPTS: &[Language] = &[Language::JavaScript, Language::TypeScript, Language::Tsx];
const RUST: &[Language] = &[Language::Rust];
const GO: &[Language] = &[Language::Go];
const PYTHON: &[Language] = &[Language::Python];

/// All rewrites.
static KINDS: &[&[Kind]] = &[
    conditions::KINDS,
    flips::KINDS,
    strings::KINDS,
    braces::KINDS,
    arms::KINDS,
    lets::KINDS,
    guarded::KINDS,
    loops::KINDS,
    comments::KINDS,
    arrows::KINDS,
    templates::KINDS,
    chains::KINDS,
    lines::KINDS,
    overloads::KINDS,
    bools::KINDS,
    python::KINDS,
];

/// Why code stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum ConvertError {
    #[error("there is no rewrite `{0}`")]
    Unknown(String),
    #[error("`{0}` does not apply here")]
    NotHere(&'static str),
    #[error("`{0}` is not known in {1}")]
    Language(&'static str, &'static str),
    #[error("the code here does not parse")]
    Broken,
    #[error("a comment here would be lost")]
    Comment,
    #[error("{0}")]
    Because(&'static str),
}

impl Hint for ConvertError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown(_) | Self::NotHere(_) | Self::Language(..) => {
                Some("`deepcoder refactor convert FILE:LINE:COLUMN` lists what applies there".into())
            }
            Self::Comment => Some("move the comment to a line of its own first".into()),
            Self::Broken | Self::Because(_) => None,
        }
    }
}

/// The rewrite of this name; in one of several languages it may have another entry.
pub(crate) fn kind(name: &str) -> Option<&'static Kind> {
    all().find(|kind| kind.name == name)
}

fn all() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().flat_map(|kinds| kinds.iter())
}

/// The changes of one rewrite at a target.
pub(crate) fn convert(project: &Project<'_>, target: &Target, name: &str) -> Result<Changes, Refusal> {
    let site = Site::of(project, target)?;
    let refuse = |error: &ConvertError| site.source.refuse(error, target.range);
    let named = kind(name).ok_or_else(|| refuse(&ConvertError::Unknown(name.to_owned())))?;
    let language = site.source.language;
    let kind = all().find(|kind| kind.name == name && kind.languages.contains(&language));
    let kind = kind.ok_or_else(|| refuse(&ConvertError::Language(named.name, language.name())))?;
    let node = (kind.applies)(&site).ok_or_else(|| refuse(&ConvertError::NotHere(kind.name)))?;
    if node.has_error() {
        return Err(refuse(&ConvertError::Broken));
    }
    let draft = (kind.rewrite)(&site, node).map_err(|error| refuse(&error))?;
    site.finish(draft).map_err(|error| refuse(&error))
}

/// The names of the rewrites that have something to do at a target.
pub(crate) fn kinds_at(project: &Project<'_>, target: &Target) -> Vec<&'static Kind> {
    let Ok(site) = Site::of(project, target) else { return Vec::new() };
    let applies = |kind: &&Kind| {
        kind.languages.contains(&site.source.language)
            && (kind.applies)(&site).is_some_and(|node| !node.has_error() && (kind.rewrite)(&site, node).is_ok())
    };
    all().filter(applies).collect()
}
