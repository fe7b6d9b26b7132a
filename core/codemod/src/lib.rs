//! Codemods: what matches a pattern becomes something else, wherever it stands.
//!
//! Three forms: patterns in the syntax of ast-grep (`foo($A, $B)`), its rules in YAML, and templates in the syntax of comby
//! (`foo(:[a], :[b])`), which need no grammar. [`learn`] finds patterns in an edit.
//!
//! **Invariant:** pure functions of texts. The bytes outside of the matches stay, lines that move keep their strings, and a
//! text that cannot be parsed is told, never taken for one without matches.

mod comby;
mod fix;
mod grammar;
mod learn;
mod pattern;
mod rules;
mod sites;
#[cfg(test)]
mod tests;

pub use comby::TemplateError;
pub use learn::{Example, LearnError, Learned, learn};

use comby::Comby;
use deepcoder_syntax::Language;
use deepcoder_types::{Hint, RepoPath, TextRange};

/// A text that a codemod replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The text.
    pub range: TextRange,
    /// What it becomes.
    pub replacement: String,
    /// The texts that its variables stand for.
    pub captures: Vec<String>,
}

/// What a person wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A pattern or a template, and what it becomes.
    Pattern {
        /// The pattern.
        pattern: String,
        /// What it becomes.
        replacement: String,
        /// Conditions of a template: `where …`.
        condition: Option<String>,
    },
    /// A template, whether or not it has a hole.
    Template {
        /// The template.
        template: String,
        /// What its matches become.
        replacement: String,
        /// Conditions: `where …`.
        condition: Option<String>,
    },
    /// Rules of ast-grep, in YAML.
    Rules(String),
}

/// A codemod that can be run.
#[derive(Debug)]
pub struct Codemod {
    kind: Kind,
    language: Option<Language>,
}

#[derive(Debug)]
enum Kind {
    Pattern(pattern::Rewrite),
    Rules(Vec<rules::Rule>),
    Template(Box<Comby>),
}

/// Why a codemod cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodemodError {
    /// A language without a grammar.
    #[error("the language `{0}` is not known")]
    Language(String),
    /// No pattern.
    #[error("the pattern is empty")]
    Empty,
    /// Longer than any pattern.
    #[error("the pattern is too long")]
    Long,
    /// A lone variable.
    #[error("`{0}` matches everything")]
    Everything(String),
    /// Code of no language.
    #[error("`{0}` is no code of any language")]
    Anywhere(String),
    /// Not code of this language.
    #[error("the pattern cannot be read as {language}: {why}")]
    Pattern {
        /// The language.
        language: &'static str,
        /// The mistake.
        why: String,
    },
    /// A variable of the replacement that the pattern lacks.
    #[error("the replacement has `${0}`, and the pattern does not")]
    Unbound(String),
    /// Conditions on a pattern.
    #[error("conditions go with templates")]
    Condition,
    /// A mistake in rules.
    #[error("the rule cannot be read: {0}")]
    Rule(String),
    /// A rule that only finds.
    #[error("the rule `{0}` has no `fix`")]
    NoFix(String),
    /// A mistake in a template.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

impl Hint for CodemodError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Language(_) => {
                let names: Vec<&str> = Language::ALL.into_iter().map(Language::name).collect();
                return Some(format!("the languages are {}", names.join(", ")));
            }
            Self::Empty => "write: deepcoder refactor codemod 'foo($A, $B)' 'bar($B, $A)'",
            Self::Long => "rules in a file may be longer: --rule FILE",
            Self::Everything(_) => "write some code around it, such as `foo($A)`",
            Self::Anywhere(_) => "a template works on any text: `foo(:[a])` with the files to change",
            Self::Pattern { .. } => {
                "a pattern is one expression or statement; a rule has `context` and `selector` for parts of one, and a \
                 template such as `foo(:[a])` works on any text"
            }
            Self::Unbound(_) => "each variable of the replacement needs one of the pattern",
            Self::Condition => "write the pattern with `:[a]` instead of `$A`",
            Self::Rule(_) => "the syntax is that of ast-grep's rules: id, language, rule, fix",
            Self::NoFix(_) => "add `fix:` with what its matches become",
            Self::Template(error) => return error.hint(),
        };
        Some(hint.to_owned())
    }
}

/// The language that people call `name`.
pub fn language_named(name: &str) -> Result<Language, CodemodError> {
    grammar::Grammar::named(name).map(|grammar| grammar.0).ok_or_else(|| CodemodError::Language(name.to_owned()))
}

impl Codemod {
    /// Reads a codemod. A pattern with a hole (`:[x]`) is a template.
    pub fn new(source: &Source, language: Option<Language>) -> Result<Self, CodemodError> {
        let kind = match source {
            Source::Rules(yaml) => Kind::Rules(rules::read(yaml)?),
            Source::Template { template, replacement, condition } => {
                Kind::Template(Box::new(Comby::new(template, replacement, condition.as_deref(), language)?))
            }
            Source::Pattern { pattern, replacement, condition } => {
                if Comby::is_template(pattern) || condition.is_some() && !pattern.contains('$') {
                    let template = Comby::new(pattern, replacement, condition.as_deref(), language)?;
                    if condition.is_none() {
                        template.bound()?;
                    }
                    Kind::Template(Box::new(template))
                } else if condition.is_some() {
                    return Err(CodemodError::Condition);
                } else {
                    Kind::Pattern(pattern::Rewrite::new(pattern, replacement, language)?)
                }
            }
        };
        Ok(Self { kind, language })
    }

    /// Whether it needs no grammar.
    #[must_use]
    pub const fn is_template(&self) -> bool {
        matches!(self.kind, Kind::Template(_))
    }

    /// Whether a file of `language` may have a match: for texts without a language only a template.
    #[must_use]
    pub fn is_about(&self, language: Option<Language>) -> bool {
        match (&self.kind, language) {
            (Kind::Template(_), language) => self.language.is_none_or(|own| Some(own) == language),
            (Kind::Pattern(rewrite), Some(language)) => rewrite.languages.iter().any(|(known, _)| *known == language),
            (Kind::Rules(rules), Some(language)) => rules.iter().any(|rule| rule.language() == language),
            (_, None) => false,
        }
    }

    /// A word that every match has, so that files without it need not be read; `None` where there is no such word.
    #[must_use]
    pub fn word(&self) -> Option<String> {
        match &self.kind {
            Kind::Pattern(rewrite) => rewrite.word(),
            Kind::Rules(_) | Kind::Template(_) => None,
        }
    }

    /// The matches in a text, from the front, apart from each other; `None` where it is too long or cannot be parsed.
    #[must_use]
    pub fn matches(&self, path: &RepoPath, language: Option<Language>, text: &str) -> Option<Vec<Match>> {
        let matches = match (&self.kind, language) {
            (Kind::Template(template), _) => template.matches(text)?,
            (Kind::Pattern(rewrite), Some(language)) => sites::replaced(language, text, rewrite.sites(language, text)?),
            (Kind::Rules(rules), Some(language)) => {
                sites::replaced(language, text, rules::sites(rules, language, path, text)?)
            }
            (_, None) => Vec::new(),
        };
        let changes = |one: &Match| text.get(one.range.as_range()) != Some(one.replacement.as_str());
        Some(matches.into_iter().filter(changes).collect())
    }
}
