//! JSON schemas, regular expressions and Lark grammars, by the parser of llguidance.

use crate::GrammarError;
use crate::vocabulary::Vocabulary;
use llguidance::api::TopLevelGrammar;
use llguidance::derivre::{ExprRef, RegexBuilder};
use llguidance::toktrie::SimpleVob;
use llguidance::{Matcher, regex_to_lark};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Maximum number of lines of a library error that are shown, and of bytes of each.
const MAX_REASON_LINES: usize = 6;
const MAX_REASON_LINE: usize = 160;

/// Maximum number of properties of an object: their cost is quadratic.
const MAX_PROPERTIES: usize = 2000;

/// Maximum length of a Lark grammar. The cost of its errors is the product of its length and the depth of its
/// definitions.
const MAX_LARK_BYTES: usize = 64 << 10;

/// The parser of one sequence. A clone shares the lexer's automaton, which grows with use.
#[derive(Clone)]
pub(crate) struct ParserMatcher {
    vocabulary: Arc<Vocabulary>,
    matcher: Matcher,
    /// Bytes of the lexer when it was built.
    pub(crate) bytes: usize,
}

/// Converts a JSON schema. The layout is that of Python's `json.dumps`: with fixed whitespace, keys and punctuation are
/// forced tokens, and a model cannot emit whitespace for ever.
pub(crate) fn json(text: &str) -> Result<TopLevelGrammar, GrammarError> {
    let schema: Value = serde_json::from_str(text)
        .map_err(|e| GrammarError::Invalid(format!("the JSON schema is not valid JSON: {e}")))?;
    let mut schema = match schema {
        Value::Object(schema) => schema,
        Value::Bool(true) => Map::new(),
        _ => return Err(GrammarError::Invalid("the JSON schema is not an object".into())),
    };
    let most = schema.values().map(most_properties).max().unwrap_or_default().max(own_properties(&schema));
    if most > MAX_PROPERTIES {
        let reason = format!("an object of the schema may have {MAX_PROPERTIES} properties, and one has {most}");
        return Err(GrammarError::TooComplex(reason));
    }
    let layout = [
        ("item_separator", Value::from(", ")),
        ("key_separator", Value::from(": ")),
        ("whitespace_flexible", Value::from(false)),
    ];
    schema.insert("x-guidance".into(), layout.map(|(key, value)| (key.to_owned(), value)).into_iter().collect());
    Ok(TopLevelGrammar::from_json_schema(Value::Object(schema)))
}

fn own_properties(schema: &Map<String, Value>) -> usize {
    schema.get("properties").and_then(Value::as_object).map_or(0, Map::len)
}

/// The number of properties of the largest object. `serde_json` bounds the depth.
fn most_properties(value: &Value) -> usize {
    match value {
        Value::Object(map) => map.values().map(most_properties).max().unwrap_or_default().max(own_properties(map)),
        Value::Array(values) => values.iter().map(most_properties).max().unwrap_or_default(),
        _ => 0,
    }
}

/// Converts a regular expression that matches the whole text; anchors at its ends are redundant.
pub(crate) fn regex(pattern: &str) -> Result<TopLevelGrammar, GrammarError> {
    let pattern = strip_anchors(pattern);
    if pattern.is_empty() {
        return Err(GrammarError::Invalid("the pattern is empty".into()));
    }
    // Parse it alone first: the library would show positions in the surrounding grammar.
    expression(pattern)?;
    Ok(TopLevelGrammar::from_lark(format!("start: /{}/", regex_to_lark(pattern, ""))))
}

/// Parses a regular expression.
pub(crate) fn expression(pattern: &str) -> Result<(RegexBuilder, ExprRef), GrammarError> {
    let mut builder = RegexBuilder::new();
    match builder.mk_regex(pattern) {
        Ok(expression) => Ok((builder, expression)),
        Err(error) => Err(GrammarError::Invalid(reason(&format!("invalid pattern: {error}")))),
    }
}

/// Strips the anchors at the ends of a regular expression.
pub(crate) fn strip_anchors(pattern: &str) -> &str {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    let escapes = |text: &str| text.bytes().rev().take_while(|byte| *byte == b'\\').count();
    pattern.strip_suffix('$').filter(|rest| escapes(rest) % 2 == 0).unwrap_or(pattern)
}

pub(crate) fn lark(text: &str) -> Result<TopLevelGrammar, GrammarError> {
    if text.len() > MAX_LARK_BYTES {
        let reason = format!("a Lark grammar may have {MAX_LARK_BYTES} bytes, and it has {}", text.len());
        return Err(GrammarError::TooComplex(reason));
    }
    Ok(TopLevelGrammar::from_lark(text.to_owned()))
}

/// The library's message without its internal state. Some messages show a position in the text, on several lines.
fn reason(text: &str) -> String {
    let end = ["\n<state>", "\n<non-verbose", "\n<backtrace>"].iter().filter_map(|mark| text.find(mark)).min();
    let lines = text[..end.unwrap_or(text.len())].trim_end().lines().take(MAX_REASON_LINES);
    let short = lines.map(|line| match line.get(..line.floor_char_boundary(MAX_REASON_LINE)) {
        Some(start) if start.len() < line.len() => format!("{start} ..."),
        _ => line.to_owned(),
    });
    short.collect::<Vec<_>>().join("\n")
}

/// Classifies an error of the library by its message.
pub(crate) fn classify(error: &str) -> GrammarError {
    const LIMITS: [&str; 9] = [
        "too big",
        "too large",
        "fuel",
        "too many",
        "limit",
        "too deeply",
        "stack level",
        "items; max is",
        "too complex",
    ];
    let reason = reason(error).replacen("Unimplemented keys:", "the schema has keywords that are not supported:", 1);
    if reason.contains("special token") {
        GrammarError::Invalid("it names control tokens, which no answer contains".into())
    } else if let Some(panic) = reason.strip_prefix("panic: ") {
        // Such as an overflow: the library computes with 64-bit integers.
        GrammarError::Failed(panic.to_owned())
    } else if error.contains("NoExtensionBias") {
        GrammarError::Stuck
    } else if LIMITS.iter().any(|word| reason.to_lowercase().contains(word)) {
        GrammarError::TooComplex(reason)
    } else {
        GrammarError::Invalid(reason)
    }
}

impl ParserMatcher {
    pub(crate) fn new(vocabulary: &Arc<Vocabulary>, grammar: TopLevelGrammar) -> Result<Self, GrammarError> {
        let parser = vocabulary.factory.create_parser(grammar).map_err(|e| classify(&format!("{e:#}")))?;
        let bytes = parser.parser.lexer_stats().num_bytes;
        Ok(Self { vocabulary: Arc::clone(vocabulary), matcher: Matcher::new(Ok(parser)), bytes })
    }

    /// A copy with a lexer of its own, so that one request cannot exhaust the lexer of another.
    pub(crate) fn isolated(&self) -> Self {
        Self { matcher: self.matcher.deep_clone(), ..self.clone() }
    }

    /// The tokens that may come next, without end tokens.
    pub(crate) fn mask(&mut self) -> Result<SimpleVob, GrammarError> {
        if self.matcher.is_stopped() && !self.matcher.is_error() {
            return Ok(self.vocabulary.empty_set());
        }
        match self.matcher.compute_mask() {
            Ok(mut mask) => {
                mask.and(&self.vocabulary.text);
                Ok(mask)
            }
            Err(error) => Err(classify(&error.to_string())),
        }
    }

    pub(crate) fn allows(&mut self, token: u32) -> Result<bool, GrammarError> {
        if self.matcher.is_stopped() && !self.matcher.is_error() {
            return Ok(false);
        }
        let valid = self.matcher.validate_tokens(&[token]);
        valid.map(|n| n == 1).map_err(|error| classify(&error.to_string()))
    }

    /// Whether `bytes` may come, in any tokenisation.
    pub(crate) fn begins_with(&mut self, bytes: &[u8]) -> Result<bool, GrammarError> {
        let Some(tokens) = self.vocabulary.greedy_tokens(bytes) else { return Ok(false) };
        let valid = self.matcher.validate_tokens(&tokens);
        valid.map(|n| n == tokens.len()).map_err(|error| classify(&error.to_string()))
    }

    /// Advances by tokens that are allowed.
    pub(crate) fn accept(&mut self, tokens: &[u32]) -> Result<bool, GrammarError> {
        let consumed = self.matcher.consume_tokens(tokens);
        consumed.map(|()| true).map_err(|error| classify(&error.to_string()))
    }

    /// Whether the text so far matches the grammar.
    pub(crate) fn complete(&mut self) -> Result<bool, GrammarError> {
        if self.matcher.is_stopped() && !self.matcher.is_error() {
            return Ok(true);
        }
        let complete = self.matcher.is_accepting();
        complete.map_err(|error| classify(&error.to_string()))
    }

    /// Whether nothing may follow.
    pub(crate) fn done(&self) -> bool {
        self.matcher.is_stopped() && self.matcher.stop_reason().is_ok()
    }

    pub(crate) fn forced(&mut self) -> Vec<u32> {
        if self.matcher.is_stopped() { Vec::new() } else { self.matcher.compute_ff_tokens() }
    }
}
