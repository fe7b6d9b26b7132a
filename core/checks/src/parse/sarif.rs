//! SARIF 2.1 of any tool.

use super::{Place, Raw, Span, Unit};
use deepcoder_types::Severity;
use serde_json::Value;

/// The results of all runs.
pub(super) fn read(text: &str) -> Option<Vec<Raw>> {
    let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}').trim()).ok()?;
    let runs = value.get("runs")?.as_array()?;
    let results = runs.iter().filter_map(|run| run.get("results")?.as_array()).flatten();
    Some(results.filter_map(result).collect())
}

fn result(value: &Value) -> Option<Raw> {
    // Absent means warning.
    let severity = match value.get("level").and_then(Value::as_str) {
        Some("error") => Severity::Error,
        Some("none" | "note") => return None,
        _ => Severity::Warning,
    };
    // Results that a person has dismissed are not news.
    if value.get("suppressions").and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
        return None;
    }
    let mut raw = Raw::new(severity, value.pointer("/message/text").and_then(Value::as_str).unwrap_or_default());
    raw.rule = value.get("ruleId").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(at) = value.pointer("/locations/0/physicalLocation") {
        raw.path = at.pointer("/artifactLocation/uri").and_then(Value::as_str).map(path_of);
        let number = |name: &str| {
            let found = at.pointer(&format!("/region/{name}")).and_then(Value::as_u64);
            found.and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
        };
        let start = Place { line: number("startLine"), column: number("startColumn"), offset: None };
        let end_line = if number("endLine") == 0 { start.line } else { number("endLine") };
        let end = Place { line: end_line, column: number("endColumn"), offset: None };
        raw.span = Span { start, end: (end.column > 0).then_some(end), unit: Unit::Utf16 };
    }
    Some(raw)
}

/// A URI as a path, with its escapes undone.
fn path_of(uri: &str) -> String {
    let path = uri.strip_prefix("file://").unwrap_or(uri);
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let digits = (byte == b'%').then(|| Some((hex(ahead.next()?)?, hex(ahead.next()?)?))).flatten();
        match digits {
            Some((high, low)) => {
                bytes.push(high * 16 + low);
                rest = ahead;
            }
            None => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
