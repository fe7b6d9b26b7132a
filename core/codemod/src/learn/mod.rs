//! Patterns from examples: an edit is generalised to a pattern and what its matches become.
//!
//! The parts of the code that changed are found by comparing the trees. Parts that one pattern explains go together, as long as
//! the pattern, run on the text before, gives the text after for each of them. So what is learned is right on its examples.

mod differ;
mod term;
mod unify;

use crate::{Codemod, Source};
use deepcoder_syntax::Language;
use deepcoder_types::{Hint, RepoPath};
use differ::Differ;
use term::Term;
use unify::{Generalised, Instance, generalise};

/// Changed parts beyond which the rest is not looked at.
const MAX_SITES: usize = 200;

/// A text before and after an edit.
#[derive(Debug, Clone, Copy)]
pub struct Example<'t> {
    /// Its language.
    pub language: Language,
    /// The text before.
    pub before: &'t str,
    /// The text after.
    pub after: &'t str,
}

/// A pattern that explains a part of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learned {
    /// The language of the pattern.
    pub language: Language,
    /// What matches.
    pub pattern: String,
    /// What it becomes.
    pub replacement: String,
    /// How many changes of the edit it explains.
    pub changes: usize,
    /// How many matches the edit left alone: where there are any, the pattern says more than the edit did.
    pub left: usize,
}

/// Why nothing is learned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LearnError {
    /// Both texts are the same.
    #[error("nothing changed between the texts")]
    Same,
    /// A text is no code of its language.
    #[error("the text {0} the edit does not parse, is too large or too deep")]
    Syntax(&'static str),
    /// Code was only added, removed or moved, or one pattern does not say how it changed.
    #[error("no pattern explains the edit")]
    Nothing,
}

impl Hint for LearnError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Same => "give the text before and the text after the change".to_owned(),
            Self::Syntax(_) => "patterns are learned from code that parses".to_owned(),
            Self::Nothing => "write the pattern: deepcoder refactor codemod 'foo($A, $B)' 'bar($B, $A)'".to_owned(),
        })
    }
}

/// The patterns that explain an edit, those of most changes first.
pub fn learn(examples: &[Example<'_>]) -> Result<Vec<Learned>, LearnError> {
    let examples: Vec<&Example<'_>> = examples.iter().filter(|example| example.before != example.after).collect();
    if examples.is_empty() {
        return Err(LearnError::Same);
    }
    let mut trees = Vec::new();
    for example in &examples {
        let before = Term::new(example.language, example.before).ok_or(LearnError::Syntax("before"))?;
        let after = Term::new(example.language, example.after).ok_or(LearnError::Syntax("after"))?;
        trees.push((before, after));
    }
    let mut left: Vec<(Language, Instance<'_>)> = Vec::new();
    for (example, (old, new)) in examples.iter().zip(&trees) {
        let differ = Differ { old: example.before, new: example.after };
        let found = differ.sites(old, new).into_iter();
        left.extend(found.map(|site| (example.language, Instance { site, old: example.before, new: example.after })));
    }
    left.truncate(MAX_SITES);
    let mut learned = Vec::new();
    while !left.is_empty() {
        let (language, first) = left.remove(0);
        let mut group = vec![first];
        let Some(mut pattern) = tried(language, &group) else { continue };
        let mut rest = Vec::new();
        for (other, instance) in left {
            let mut more = group.clone();
            more.push(instance.clone());
            match tried(language, &more).filter(|_| other == language) {
                Some(wider) => (group, pattern) = (more, wider),
                None => rest.push((other, instance)),
            }
        }
        left = rest;
        let Generalised { pattern, replacement } = pattern;
        let changes = group.len();
        let texts = examples.iter().filter(|example| example.language == language).map(|example| example.before);
        let matches: usize = codemod(&pattern, &replacement, language)
            .map_or(0, |codemod| texts.map(|text| matched(&codemod, language, text).len()).sum());
        learned.push(Learned { language, pattern, replacement, changes, left: matches.saturating_sub(changes) });
    }
    learned.sort_by_key(|one| std::cmp::Reverse(one.changes));
    if learned.is_empty() { Err(LearnError::Nothing) } else { Ok(learned) }
}

fn codemod(pattern: &str, replacement: &str, language: Language) -> Option<Codemod> {
    let (pattern, replacement) = (pattern.to_owned(), replacement.to_owned());
    Codemod::new(&Source::Pattern { pattern, replacement, condition: None }, Some(language)).ok()
}

fn matched(codemod: &Codemod, language: Language, text: &str) -> Vec<crate::Match> {
    let path = RepoPath::new("example").ok();
    path.and_then(|path| codemod.matches(&path, Some(language), text)).unwrap_or_default()
}

/// The pattern of a group, if it does to each of its parts what the edit did.
fn tried(language: Language, group: &[Instance<'_>]) -> Option<Generalised> {
    let found = generalise(group)?;
    let codemod = codemod(&found.pattern, &found.replacement, language)?;
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    let explains = |one: &Instance<'_>| {
        let wanted = squeezed(one.new.get(one.site.new_range()).unwrap_or_default());
        matched(&codemod, language, one.old)
            .iter()
            .any(|found| found.range.as_range() == one.site.old.range && squeezed(&found.replacement) == wanted)
    };
    group.iter().all(explains).then_some(found)
}
