//! JSON schemas, patterns and Lark grammars: the library's parser.

use crate::GrammarError;
use crate::vocabulary::Vocabulary;
use llguidance::api::TopLevelGrammar;
use llguidance::derivre::{ExprRef, RegexBuilder};
use llguidance::toktrie::SimpleVob;
use llguidance::{Matcher, regex_to_lark};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The most lines of an error of the library that are shown, and the most bytes of each.
const MAX_REASON_LINES: usize = 6;
const MAX_REASON_LINE: usize = 160;

/// The most properties of an object: they cost their square.
const MAX_PROPERTIES: usize = 2000;

/// The longest Lark grammar. Its errors cost the product of its length and the depth of its definitions.
const MAX_LARK_BYTES: usize = 64 << 10;

/// The parser of one sequence. A clone shares the automaton of the lexer, which grows while it is used, with its original.
#[derive(Clone)]
pub(crate) struct Guided {
    vocabulary: Arc<Vocabulary>,
    matcher: Matcher,
    /// Bytes of its lexer when it was built.
    pub(crate) bytes: usize,
}

/// A schema as a grammar of the library. JSON is laid out as Python's `json.dumps` does it, so that keys and punctuation
/// are forced tokens, and no model gets lost in white space.
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

/// The properties of the largest object. The reader of JSON bounds the depth.
fn most_properties(value: &Value) -> usize {
    match value {
        Value::Object(map) => map.values().map(most_properties).max().unwrap_or_default().max(own_properties(map)),
        Value::Array(values) => values.iter().map(most_properties).max().unwrap_or_default(),
        _ => 0,
    }
}

/// A pattern, which matches the text as a whole, so that anchors at its ends say nothing.
pub(crate) fn regex(pattern: &str) -> Result<TopLevelGrammar, GrammarError> {
    let pattern = whole(pattern);
    if pattern.is_empty() {
        return Err(GrammarError::Invalid("the pattern is empty".into()));
    }
    // The library reads it within a grammar, and shows places of that.
    expression(pattern)?;
    Ok(TopLevelGrammar::from_lark(format!("start: /{}/", regex_to_lark(pattern, ""))))
}

/// A pattern, parsed.
pub(crate) fn expression(pattern: &str) -> Result<(RegexBuilder, ExprRef), GrammarError> {
    let mut builder = RegexBuilder::new();
    match builder.mk_regex(pattern) {
        Ok(expression) => Ok((builder, expression)),
        Err(error) => Err(GrammarError::Invalid(reason(&format!("invalid pattern: {error}")))),
    }
}

/// A pattern without the anchors at its ends.
pub(crate) fn whole(pattern: &str) -> &str {
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

/// The words of the library, without its own state. Where it shows a place in a text it needs several lines.
fn reason(text: &str) -> String {
    let end = ["\n<state>", "\n<non-verbose", "\n<backtrace>"].iter().filter_map(|mark| text.find(mark)).min();
    let lines = text[..end.unwrap_or(text.len())].trim_end().lines().take(MAX_REASON_LINES);
    let short = lines.map(|line| match line.get(..line.floor_char_boundary(MAX_REASON_LINE)) {
        Some(start) if start.len() < line.len() => format!("{start} ..."),
        _ => line.to_owned(),
    });
    short.collect::<Vec<_>>().join("\n")
}

/// The error for what the library says of a grammar that it cannot build or follow.
pub(crate) fn refusal(error: &str) -> GrammarError {
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
        // Its numbers are of 64 bits, and overflow where those of a grammar are larger.
        GrammarError::Failed(panic.to_owned())
    } else if error.contains("NoExtensionBias") {
        GrammarError::Stuck
    } else if LIMITS.iter().any(|word| reason.to_lowercase().contains(word)) {
        GrammarError::TooComplex(reason)
    } else {
        GrammarError::Invalid(reason)
    }
}

impl Guided {
    pub(crate) fn new(vocabulary: &Arc<Vocabulary>, grammar: TopLevelGrammar) -> Result<Self, GrammarError> {
        let parser = vocabulary.factory.create_parser(grammar).map_err(|e| refusal(&format!("{e:#}")))?;
        let bytes = parser.parser.lexer_stats().num_bytes;
        Ok(Self { vocabulary: Arc::clone(vocabulary), matcher: Matcher::new(Ok(parser)), bytes })
    }

    /// A parser with a lexer of its own, so that what one request makes of it touches no other.
    pub(crate) fn apart(&self) -> Self {
        Self { matcher: self.matcher.deep_clone(), ..self.clone() }
    }

    /// The tokens that may come next; end tokens are not among them.
    pub(crate) fn mask(&mut self) -> Result<SimpleVob, GrammarError> {
        if self.matcher.is_stopped() && !self.matcher.is_error() {
            return Ok(self.vocabulary.nothing());
        }
        match self.matcher.compute_mask() {
            Ok(mut mask) => {
                mask.and(&self.vocabulary.text);
                Ok(mask)
            }
            Err(error) => Err(refusal(&error.to_string())),
        }
    }

    pub(crate) fn allows(&mut self, token: u32) -> Result<bool, GrammarError> {
        if self.matcher.is_stopped() && !self.matcher.is_error() {
            return Ok(false);
        }
        let valid = self.matcher.validate_tokens(&[token]);
        valid.map(|n| n == 1).map_err(|error| refusal(&error.to_string()))
    }

    /// Whether `bytes` may come, in whichever tokens.
    pub(crate) fn begins_with(&mut self, bytes: &[u8]) -> Result<bool, GrammarError> {
        let Some(tokens) = self.vocabulary.any_tokens(bytes) else { return Ok(false) };
        let valid = self.matcher.validate_tokens(&tokens);
        valid.map(|n| n == tokens.len()).map_err(|error| refusal(&error.to_string()))
    }

    /// Goes on behind tokens that are allowed.
    pub(crate) fn accept(&mut self, tokens: &[u32]) -> Result<bool, GrammarError> {
        let consumed = self.matcher.consume_tokens(tokens);
        consumed.map(|()| true).map_err(|error| refusal(&error.to_string()))
    }

    /// Whether the text so far has the form.
    pub(crate) fn complete(&mut self) -> Result<bool, GrammarError> {
        if self.matcher.is_stopped() && !self.matcher.is_error() {
            return Ok(true);
        }
        let complete = self.matcher.is_accepting();
        complete.map_err(|error| refusal(&error.to_string()))
    }

    /// Whether nothing may follow.
    pub(crate) fn done(&self) -> bool {
        self.matcher.is_stopped() && self.matcher.stop_reason().is_ok()
    }

    pub(crate) fn forced(&mut self) -> Vec<u32> {
        if self.matcher.is_stopped() { Vec::new() } else { self.matcher.compute_ff_tokens() }
    }
}
