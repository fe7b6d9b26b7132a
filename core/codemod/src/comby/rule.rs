//! Rules behind a template: `where :[x] == "a", rewrite :[y] { "b" -> "c" }`.

use super::matcher::{Environment, Matcher};
use super::source::Source;
use super::template::Template;
use super::{TemplateError, lexicon::Lexicon, rewrite};

/// Expressions in expressions.
const MAX_DEPTH: usize = 20;

/// The conditions and changes of a rule.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rule {
    expressions: Vec<Expression>,
    /// Spaces next to brackets count.
    pub(crate) strict: bool,
    /// Matches in the holes of a match are rewritten as well.
    pub(crate) nested: bool,
}

#[derive(Debug, Clone)]
enum Expression {
    Truth(bool),
    Equal(String, String, bool),
    /// The first case that matches decides.
    Match(String, Vec<(String, Vec<Self>)>),
    /// The hole, and what becomes what in its text.
    Rewrite(String, String, String),
}

impl Rule {
    /// Reads `where …`.
    pub(crate) fn new(text: &str) -> Result<Self, TemplateError> {
        let mut reader = Reader { rest: text.trim(), rule: Self::default() };
        if !reader.word("where") {
            return Err(reader.wrong());
        }
        let expressions = reader.list(0)?;
        if !reader.rest.trim().is_empty() {
            return Err(reader.wrong());
        }
        Ok(Self { expressions, ..reader.rule })
    }

    /// The texts of the holes after the rule; `None` where a condition does not hold.
    pub(crate) fn apply(&self, environment: Environment, lexicon: &Lexicon, fresh: &mut u32) -> Option<Environment> {
        self.each(&self.expressions, environment, lexicon, fresh)
    }

    fn each(
        &self,
        expressions: &[Expression],
        mut environment: Environment,
        lexicon: &Lexicon,
        fresh: &mut u32,
    ) -> Option<Environment> {
        for expression in expressions {
            environment = self.one(expression, environment, lexicon, fresh)?;
        }
        Some(environment)
    }

    fn one(
        &self,
        expression: &Expression,
        mut environment: Environment,
        lexicon: &Lexicon,
        fresh: &mut u32,
    ) -> Option<Environment> {
        match expression {
            Expression::Truth(holds) => holds.then_some(environment),
            Expression::Equal(left, right, equal) => {
                let (left, right) =
                    (rewrite::fill(left, &environment, fresh), rewrite::fill(right, &environment, fresh));
                ((left == right) == *equal).then_some(environment)
            }
            Expression::Match(of, cases) => {
                let text = rewrite::fill(of, &environment, fresh);
                let source = Source::new(&text, lexicon)?;
                let signs: Vec<&'static str> = lexicon.signs().collect();
                for (template, then) in cases {
                    let template = Template::new(&rewrite::fill(template, &environment, fresh), lexicon, self.strict);
                    let template = template.ok()?;
                    let matcher = Matcher::new(&template, &source, &signs);
                    let found = match template.has_holes() {
                        true => matcher.all(),
                        false => matcher.whole().into_iter().collect(),
                    };
                    if found.is_empty() {
                        continue;
                    }
                    let mut after = environment.clone();
                    for one in found {
                        let mut inner = environment.clone();
                        inner.extend(one.environment);
                        after.extend(self.each(then, inner, lexicon, fresh)?);
                    }
                    return Some(after);
                }
                None
            }
            Expression::Rewrite(name, template, by) => {
                let text = environment.get(name)?.clone();
                let source = Source::new(&text, lexicon)?;
                let signs: Vec<&'static str> = lexicon.signs().collect();
                let template =
                    Template::new(&rewrite::fill(template, &environment, fresh), lexicon, self.strict).ok()?;
                let by = rewrite::fill(by, &environment, fresh);
                let mut out = String::new();
                let mut at = 0;
                for found in Matcher::new(&template, &source, &signs).all() {
                    out.push_str(text.get(at..found.range.start)?);
                    out.push_str(&rewrite::fill(&by, &found.environment, fresh));
                    at = found.range.end;
                }
                out.push_str(text.get(at..)?);
                environment.insert(name.clone(), rewrite::fill(&out, &environment, fresh));
                Some(environment)
            }
        }
    }
}

struct Reader<'t> {
    rest: &'t str,
    rule: Rule,
}

impl<'t> Reader<'t> {
    fn wrong(&self) -> TemplateError {
        TemplateError::Rule { at: self.rest.trim().chars().take(20).collect() }
    }

    /// Whether the text goes on with `word`, which is then read.
    fn word(&mut self, word: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(word);
        let whole = !word.ends_with(|c: char| c.is_ascii_alphanumeric());
        let rest = rest.filter(|rest| whole || !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'));
        rest.map(|rest| self.rest = rest).is_some()
    }

    fn expect(&mut self, word: &str) -> Result<(), TemplateError> {
        if self.word(word) { Ok(()) } else { Err(self.wrong()) }
    }

    /// Expressions with commas between them; one at the end is allowed.
    fn list(&mut self, depth: usize) -> Result<Vec<Expression>, TemplateError> {
        let mut all = Vec::new();
        loop {
            all.extend(self.expression(depth)?);
            let rest = self.rest;
            if !self.word(",") || self.rest.trim_start().is_empty() {
                return Ok(all);
            }
            if self.rest.trim_start().starts_with(['|', '}']) {
                self.rest = rest;
                _ = self.word(",");
                return Ok(all);
            }
        }
    }

    /// One expression; `None` for an option.
    fn expression(&mut self, depth: usize) -> Result<Option<Expression>, TemplateError> {
        if depth > MAX_DEPTH {
            return Err(TemplateError::Deep);
        }
        if self.word("true") {
            return Ok(Some(Expression::Truth(true)));
        }
        if self.word("false") {
            return Ok(Some(Expression::Truth(false)));
        }
        if self.word("strict") {
            self.rule.strict = true;
            return Ok(None);
        }
        if self.word("nested") {
            self.rule.nested = true;
            return Ok(None);
        }
        if self.word("rewrite") {
            let of = self.text(&["{"])?;
            self.expect("{")?;
            let template = self.text(&["->"])?;
            self.expect("->")?;
            let by = self.text(&["}"])?;
            self.expect("}")?;
            let name = rewrite::names(&of).into_iter().next().ok_or_else(|| self.wrong())?;
            return Ok(Some(Expression::Rewrite(name, template, by)));
        }
        if self.word("match") {
            let of = self.text(&["{"])?;
            self.expect("{")?;
            let mut cases = Vec::new();
            _ = self.word("|");
            loop {
                let template = self.text(&["->"])?;
                self.expect("->")?;
                let ends = self.rest.trim_start().starts_with(['|', '}']);
                let template = match template.as_str() {
                    "_" => ":[_]".to_owned(),
                    short if short.starts_with('~') => format!(":[{short}]"),
                    _ => template,
                };
                cases.push((template, if ends { Vec::new() } else { self.list(depth + 1)? }));
                if !self.word("|") {
                    break;
                }
            }
            self.expect("}")?;
            return Ok(Some(Expression::Match(of, cases)));
        }
        let left = self.text(&["==", "!="])?;
        let equal = self.word("==");
        if !equal {
            self.expect("!=")?;
        }
        let right = self.text(&[",", "}", "|"])?;
        Ok(Some(Expression::Equal(left, right, equal)))
    }

    /// A text in quotes, or one up to one of `ends`.
    fn text(&mut self, ends: &[&str]) -> Result<String, TemplateError> {
        self.rest = self.rest.trim_start();
        let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'));
        let Some(quote) = quote else {
            let length = ends.iter().filter_map(|end| self.rest.find(end)).min().unwrap_or(self.rest.len());
            let text = self.rest.get(..length).unwrap_or_default().trim();
            self.rest = self.rest.get(length..).unwrap_or_default();
            return if text.is_empty() { Err(self.wrong()) } else { Ok(text.to_owned()) };
        };
        let mut out = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, c)) = characters.next() {
            match c {
                '\\' if quote != '`' => match characters.next() {
                    Some((_, 'n')) => out.push('\n'),
                    Some((_, 'r')) => out.push('\r'),
                    Some((_, 't')) => out.push('\t'),
                    Some((_, '\\')) => out.push('\\'),
                    Some((_, c)) if c == quote => out.push(c),
                    Some((_, c)) => out.extend(['\\', c]),
                    None => break,
                },
                c if c == quote => {
                    self.rest = self.rest.get(at + 1..).unwrap_or_default();
                    return Ok(out);
                }
                c => out.push(c),
            }
        }
        Err(self.wrong())
    }
}
