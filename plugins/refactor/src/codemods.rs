//! `codemod PATTERN REPLACEMENT [PATHS…]`: words and options to a request.

use crate::{CodemodRequest, Request};
use deepcoder_codemod::{Source, language_named};
use deepcoder_plugin_api::{ErrorCode, PluginError};
use deepcoder_types::{Hint, Instruction};
use serde_json::Value;

/// The forms of a request, for hints.
const FORMS: &str =
    "write: deepcoder refactor codemod 'foo($A, $B)' 'bar($B, $A)', or: deepcoder refactor codemod --rule FILE";

/// The codemod that an instruction asks for; `None` where it asks for something else.
pub(crate) fn wanted(instruction: &Instruction) -> Option<Result<Request, PluginError>> {
    let words = words(&instruction.prompt);
    let (first, rest) = words.split_first()?;
    (first == "codemod").then(|| request(rest, instruction))
}

/// Whether the first word of a prompt asks for a codemod.
fn request(words: &[String], instruction: &Instruction) -> Result<Request, PluginError> {
    let invalid = |message: &str| PluginError::new(ErrorCode::Invalid, message).with_hint(FORMS);
    let option = |name: &str| instruction.options.get(name).filter(|value| !value.is_null());
    let text = |name: &str| option(name).and_then(Value::as_str).map(str::to_owned);
    let (source, files) = match (text("rule"), words) {
        (Some(rules), files) => (Source::Rules(rules), files),
        (None, [pattern, replacement, files @ ..]) => {
            let (pattern, replacement) = (pattern.clone(), replacement.clone());
            (Source::Pattern { pattern, replacement, condition: text("condition") }, files)
        }
        (None, _) => return Err(invalid("a codemod needs a pattern and what it becomes")),
    };
    let language = text("language").map(|name| language_named(&name)).transpose().map_err(|error| PluginError {
        hint: error.hint(),
        ..PluginError::new(ErrorCode::Invalid, error.to_string())
    })?;
    let mut files: Vec<String> = files.to_vec();
    files.extend(instruction.targets.iter().map(ToString::to_string));
    Ok(Request::Codemod(Box::new(CodemodRequest {
        source,
        language,
        files,
        most: option("most").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok()),
        learned: option("learned").and_then(Value::as_bool).unwrap_or_default(),
    })))
}

/// One line about a codemod.
pub(crate) fn title(request: &CodemodRequest) -> String {
    let line = |text: &str| {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.chars().count() > 60 { format!("{}…", text.chars().take(60).collect::<String>()) } else { text }
    };
    match &request.source {
        Source::Rules(_) => "codemod by rules".to_owned(),
        Source::Pattern { pattern, replacement, .. } | Source::Template { template: pattern, replacement, .. }
            if replacement.is_empty() =>
        {
            format!("codemod: remove {}", line(pattern))
        }
        Source::Pattern { pattern, replacement, .. } | Source::Template { template: pattern, replacement, .. } => {
            format!("codemod: {} to {}", line(pattern), line(replacement))
        }
    }
}

/// The words of a command. What is in quotes is one word, and a doubled backquote in backquotes is one backquote.
fn words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = match first {
            '`' | '"' | '\'' => quoted(rest, first),
            _ => None,
        };
        let (word, tail) = word.unwrap_or_else(|| {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            (rest[..end].to_owned(), &rest[end..])
        });
        out.push(word);
        rest = tail.trim_start();
    }
    out
}

/// The word in quotes that a text begins with, and the text behind it.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut word = String::new();
    let mut rest = &text[1..];
    loop {
        let end = rest.find(quote)?;
        word.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('`').filter(|_| quote == '`') {
            Some(tail) => {
                word.push('`');
                rest = tail;
            }
            None => return Some((word, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects patterns from the command line: whatever is in quotes arrives as it was typed, backquotes and line breaks
    /// included.
    #[test]
    fn words_are_what_was_quoted() {
        let said = |text: &str| words(text);
        assert_eq!(said("codemod f($A) g($A) src"), ["codemod", "f($A)", "g($A)", "src"]);
        assert_eq!(said("codemod `f($A, \"b\")` ``"), ["codemod", "f($A, \"b\")", ""]);
        assert_eq!(said("codemod `a``b` \"c d\" 'e'"), ["codemod", "a`b", "c d", "e"]);
        assert_eq!(said("codemod `f(\n  $A);` it's"), ["codemod", "f(\n  $A);", "it's"]);
        assert_eq!(said("`open"), ["`open"]);
        assert_eq!(said("``````"), ["``"], "two doubled ones");
    }
}
