//! Findings as JSON: what `deepcoder checks run --json` prints, and the messages of cargo and rustc. Here the tools say which
//! suggestions a machine may apply.

use super::source::range;
use super::{Message, Places};
use deepcoder_types::{Diagnostic, Severity, TextEdit};
use serde_json::Value;

/// Reads all messages.
pub(super) fn read(text: &str, places: &mut Places<'_>) -> Vec<Message> {
    let trimmed = text.trim();
    if !trimmed.starts_with(['{', '[']) {
        return Vec::new();
    }
    if let Ok(whole) = serde_json::from_str::<Value>(trimmed) {
        return of_value(&whole, places);
    }
    trimmed
        .lines()
        .filter(|line| line.starts_with('{'))
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .flat_map(|value| of_value(&value, places))
        .collect()
}

fn of_value(value: &Value, places: &mut Places<'_>) -> Vec<Message> {
    if let Some(checks) = value.get("checks").and_then(Value::as_array) {
        let added = checks.iter().filter_map(|check| check.get("added")?.as_array()).flatten();
        return added.filter_map(of_check).collect();
    }
    if let Some(list) = value.as_array() {
        return list.iter().filter_map(of_check).collect();
    }
    let message = value.get("message").filter(|message| message.is_object()).unwrap_or(value);
    of_rustc(message, places).into_iter().collect()
}

/// A diagnostic of a check: it keeps the edits only that their tool says a machine may make.
fn of_check(value: &Value) -> Option<Message> {
    let diagnostic: Diagnostic = serde_json::from_value(value.clone()).ok()?;
    Some(Message {
        tool: "check",
        rule: diagnostic.rule.trim_start_matches("clippy::").to_owned(),
        error: diagnostic.severity == Severity::Error,
        message: diagnostic.message,
        path: diagnostic.path?.to_string(),
        line: diagnostic.line as usize,
        range: diagnostic.range?,
        applicable: !diagnostic.fixes.is_empty(),
        suggestion: diagnostic.fixes,
    })
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(value: &Value, name: &str) -> Option<usize> {
    usize::try_from(value.get(name)?.as_u64()?).ok()
}

/// The form is documented in the rustc book under "JSON Output".
fn of_rustc(message: &Value, places: &mut Places<'_>) -> Option<Message> {
    let spans = |value: &'_ Value| value.get("spans").and_then(Value::as_array).cloned().unwrap_or_default();
    let own = spans(message);
    let primary = own.iter().find(|span| span.get("is_primary").and_then(Value::as_bool) == Some(true))?;
    let path = text(primary, "file_name");
    let length = places.source(path)?.text.len();
    let bytes = |span: &Value| {
        let (start, end) = (number(span, "byte_start")?, number(span, "byte_end")?);
        (start <= end && end <= length).then(|| range(start, end))
    };
    let mut suggestion: Vec<TextEdit> = Vec::new();
    let mut applicable = false;
    // Each child is an alternative: the first that has edits of this file counts.
    for child in message.get("children").and_then(Value::as_array).into_iter().flatten() {
        let parts = spans(child);
        let parts: Vec<&Value> =
            parts.iter().filter(|span| span.get("suggested_replacement").is_some_and(Value::is_string)).collect();
        if parts.is_empty() || parts.iter().any(|span| text(span, "file_name") != path) {
            continue;
        }
        applicable = parts.iter().all(|span| text(span, "suggestion_applicability") == "MachineApplicable");
        let edit = |span: &&Value| {
            Some(TextEdit { range: bytes(span)?, replacement: text(span, "suggested_replacement").to_owned() })
        };
        suggestion = parts.iter().filter_map(edit).collect();
        break;
    }
    let code = message.get("code").map(|code| text(code, "code")).unwrap_or_default();
    Some(Message {
        tool: "rustc",
        rule: code.trim_start_matches("clippy::").to_owned(),
        error: text(message, "level") == "error",
        message: text(message, "message").to_owned(),
        path: path.to_owned(),
        line: number(primary, "line_start")?,
        range: bytes(primary)?,
        suggestion,
        applicable,
    })
}
