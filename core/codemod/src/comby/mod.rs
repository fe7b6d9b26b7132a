//! Templates in the syntax of comby: `foo(:[a], :[b])`. They need no grammar, so that they work on any text.
//!
//! The meaning is that of comby's own matcher (its reference: comby.dev/docs): a hole takes brackets, strings and comments
//! whole, spaces of the template stand for any spaces, and a name that occurs twice stands for one text.

mod lexicon;
mod matcher;
mod rewrite;
mod rule;
mod source;
mod template;

use crate::Match;
use deepcoder_syntax::Language;
use deepcoder_types::{Hint, TextRange};
use lexicon::Lexicon;
use matcher::Matcher;
use rule::Rule;
use source::Source;
use template::Template;

/// Matches in matches that `nested` goes into.
const MAX_NESTED: usize = 50;

/// Why a template cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A bracket or a quote without a partner.
    #[error("the template has a bracket or a quote without a partner at `{at}`")]
    Brackets {
        /// The text from there on.
        at: String,
    },
    /// Too many brackets in brackets.
    #[error("the template is nested too deeply")]
    Deep,
    /// Longer than any template.
    #[error("the template is too long")]
    Long,
    /// It matches the empty text only.
    #[error("the template is empty")]
    Empty,
    /// A hole with a wrong regular expression.
    #[error("`{text}` is no regular expression: {why}")]
    Expression {
        /// The expression.
        text: String,
        /// The mistake.
        why: String,
    },
    /// A rule that cannot be read.
    #[error("the rule cannot be read at `{at}`")]
    Rule {
        /// The text from there on.
        at: String,
    },
    /// A replacement has a hole that the template lacks.
    #[error("the replacement has `:[{0}]`, and the template does not")]
    Unbound(String),
}

impl Hint for TemplateError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Brackets { .. } => "brackets and quotes of a template stand in pairs".to_owned(),
            Self::Deep | Self::Long => "write a shorter template".to_owned(),
            Self::Empty => "write a template such as `foo(:[a], :[b])`".to_owned(),
            Self::Expression { .. } => "look-around and back references are not supported".to_owned(),
            Self::Rule { .. } => "write a rule such as `where :[x] == \"a\"`".to_owned(),
            Self::Unbound(_) => "each hole of the replacement needs one of the template".to_owned(),
        })
    }
}

/// A template, its replacement and its rule.
#[derive(Debug, Clone)]
pub(crate) struct Comby {
    template: Template,
    replacement: String,
    rule: Option<Rule>,
    lexicon: Lexicon,
    signs: Vec<&'static str>,
}

impl Comby {
    pub(crate) fn new(
        template: &str,
        replacement: &str,
        rule: Option<&str>,
        language: Option<Language>,
    ) -> Result<Self, TemplateError> {
        let lexicon = Lexicon::of(language);
        let rule = rule.map(Rule::new).transpose()?;
        let template = Template::new(template, &lexicon, rule.as_ref().is_some_and(|rule| rule.strict))?;
        if template.is_empty() {
            return Err(TemplateError::Empty);
        }
        let signs = lexicon.signs().collect();
        Ok(Self { template, replacement: replacement.to_owned(), rule, lexicon, signs })
    }

    /// Whether every hole of the replacement is one of the template.
    pub(crate) fn bound(&self) -> Result<(), TemplateError> {
        let names = rewrite::names(&self.replacement);
        let unbound = |name: &String| !self.template.names().any(|known| known == name);
        let first = names.into_iter().find(unbound);
        first.map_or(Ok(()), |name| Err(TemplateError::Unbound(name)))
    }

    /// Whether `text` is written in this syntax.
    pub(crate) fn is_template(text: &str) -> bool {
        text.match_indices(":[").any(|(at, _)| matches!(template::hole(&text[at..]), Ok(Some(_)) | Err(_)))
    }

    /// The matches in `text`; `None` where it is too long.
    pub(crate) fn matches(&self, text: &str) -> Option<Vec<Match>> {
        self.found(text, &mut 0, 0)
    }

    fn found(&self, text: &str, fresh: &mut u32, depth: usize) -> Option<Vec<Match>> {
        let source = Source::new(text, &self.lexicon)?;
        let mut out = Vec::new();
        for found in Matcher::new(&self.template, &source, &self.signs).all() {
            let environment = match &self.rule {
                Some(rule) => rule.apply(found.environment, &self.lexicon, fresh),
                None => Some(found.environment),
            };
            let Some(mut environment) = environment else { continue };
            if self.rule.as_ref().is_some_and(|rule| rule.nested) && depth < MAX_NESTED {
                for text in environment.values_mut().filter(|inner| inner.len() < found.range.len()) {
                    *text = rewritten(text, &self.found(text, fresh, depth + 1)?);
                }
            }
            let offset = |at: usize| u32::try_from(at).ok();
            let range = TextRange::new(offset(found.range.start)?, offset(found.range.end)?);
            let replacement = rewrite::fill(&self.replacement, &environment, fresh);
            out.push(Match { range, replacement, captures: environment.into_values().collect() });
        }
        Some(out)
    }
}

fn rewritten(text: &str, matches: &[Match]) -> String {
    let mut out = String::new();
    let mut at = 0;
    for one in matches {
        out.push_str(text.get(at..one.range.as_range().start).unwrap_or_default());
        out.push_str(&one.replacement);
        at = one.range.as_range().end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}
