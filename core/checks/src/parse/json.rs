//! The JSON forms of ruff, mypy, pyright, eslint, cargo, go and jest, told apart by their fields.

use super::{Place, Raw, Span, Unit};
use deepcoder_types::Severity;
use serde_json::Value;

/// Messages in JSON of a known form: one document, or one on each line.
pub(super) fn any(text: &str) -> Option<Vec<Raw>> {
    let trimmed = text.trim_start_matches('\u{feff}').trim();
    if trimmed.is_empty() {
        return None;
    }
    if let Some(found) = serde_json::from_str(trimmed).ok().as_ref().and_then(document) {
        return Some(found);
    }
    // Other words may stand around it.
    let start =
        trimmed.match_indices(['{', '[']).map(|(at, _)| at).find(|at| *at == 0 || trimmed[..*at].ends_with('\n'));
    let mut lines = Vec::new();
    let mut known = false;
    for line in trimmed.lines() {
        let line = line.trim();
        if !line.starts_with('{') {
            continue;
        }
        if let Some(found) = serde_json::from_str(line).ok().as_ref().and_then(message) {
            known = true;
            lines.extend(found);
        }
    }
    if known {
        return Some(lines);
    }
    let first = serde_json::Deserializer::from_str(&trimmed[start?..]).into_iter::<Value>().next()?.ok()?;
    document(&first)
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn number(value: &Value, key: &str) -> u32 {
    value.get(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn place(line: u32, column: u32) -> Place {
    Place { line, column, offset: None }
}

fn offset(offset: u32, line: u32) -> Place {
    Place { line, column: 0, offset: Some(offset) }
}

/// One document with all messages.
fn document(value: &Value) -> Option<Vec<Raw>> {
    match value {
        Value::Array(entries) => {
            let all = entries.iter().map(|entry| ruff(entry).map(|raw| vec![raw]).or_else(|| eslint(entry)));
            all.collect::<Option<Vec<_>>>().map(|found| found.concat())
        }
        Value::Object(fields) if fields.contains_key("generalDiagnostics") => {
            Some(list(value, "generalDiagnostics").iter().filter_map(pyright).collect())
        }
        Value::Object(fields) if fields.contains_key("testResults") => Some(jest(value)),
        Value::Object(_) => message(value),
        _ => None,
    }
}

/// One message of a tool that prints a line for each; no messages where the line says something else.
fn message(value: &Value) -> Option<Vec<Raw>> {
    let fields = value.as_object()?;
    if fields.contains_key("reason") {
        return Some(cargo(value).into_iter().collect());
    }
    if fields.contains_key("Action") {
        return Some(go_test(value).into_iter().collect());
    }
    if fields.contains_key("severity") && fields.contains_key("file") && fields.contains_key("message") {
        return Some(mypy(value).into_iter().collect());
    }
    None
}

fn ruff(value: &Value) -> Option<Raw> {
    let (from, to) = (value.get("location")?, value.get("end_location"));
    let at = |value: &Value| place(number(value, "row"), number(value, "column"));
    let file = text(value, "filename");
    let mut raw = Raw::new(Severity::Error, text(value, "message"));
    raw.path = Some(file.to_owned());
    raw.rule = value.get("code").and_then(Value::as_str).unwrap_or("syntax-error").to_owned();
    raw.span = Span { start: at(from), end: to.map(at), unit: Unit::Chars };
    let edits = value.get("fix").map(|fix| list(fix, "edits")).unwrap_or_default();
    raw.fixes = edits
        .iter()
        .filter_map(|edit| {
            let span =
                Span { start: at(edit.get("location")?), end: edit.get("end_location").map(at), unit: Unit::Chars };
            Some((span, text(edit, "content").to_owned()))
        })
        .collect();
    Some(raw)
}

fn eslint(value: &Value) -> Option<Vec<Raw>> {
    let file = value.get("filePath")?.as_str()?;
    let messages = value.get("messages")?.as_array()?;
    let read = |message: &Value| {
        let severity = if number(message, "severity") >= 2 { Severity::Error } else { Severity::Warning };
        let mut raw = Raw::new(severity, text(message, "message"));
        raw.path = Some(file.to_owned());
        raw.rule = text(message, "ruleId").to_owned();
        let end = place(number(message, "endLine"), number(message, "endColumn"));
        raw.span = Span {
            start: place(number(message, "line"), number(message, "column")),
            end: (end.line > 0).then_some(end),
            unit: Unit::Utf16,
        };
        if let Some(fix) = message.get("fix") {
            let range = list(fix, "range");
            let ends = range.first().and_then(Value::as_u64).zip(range.get(1).and_then(Value::as_u64));
            let ends = ends.and_then(|(a, b)| Some((u32::try_from(a).ok()?, u32::try_from(b).ok()?)));
            raw.fixes.extend(ends.map(|(start, end)| {
                let span = Span { start: offset(start, 0), end: Some(offset(end, 0)), unit: Unit::Utf16 };
                (span, text(fix, "text").to_owned())
            }));
        }
        raw
    };
    Some(messages.iter().map(read).collect())
}

fn pyright(value: &Value) -> Option<Raw> {
    let severity = match text(value, "severity") {
        "error" => Severity::Error,
        "warning" => Severity::Warning,
        _ => return None,
    };
    let mut raw = Raw::new(severity, text(value, "message"));
    raw.path = Some(text(value, "file").to_owned());
    raw.rule = text(value, "rule").to_owned();
    // They count from 0.
    let at = |value: &Value| place(number(value, "line") + 1, number(value, "character") + 1);
    if let Some(range) = value.get("range") {
        let end = range.get("end").map(at);
        raw.span = Span { start: range.get("start").map(at).unwrap_or_default(), end, unit: Unit::Utf16 };
    }
    Some(raw)
}

fn mypy(value: &Value) -> Option<Raw> {
    let severity = match text(value, "severity") {
        "error" => Severity::Error,
        // Notes explain an error.
        _ => return None,
    };
    // Columns count from 0 there.
    let mut raw = Raw::new(severity, text(value, "message")).at(text(value, "file"), number(value, "line"), 0);
    raw.span.start.column = number(value, "column") + 1;
    raw.rule = text(value, "code").to_owned();
    Some(raw)
}

fn cargo(value: &Value) -> Option<Raw> {
    if text(value, "reason") != "compiler-message" {
        return None;
    }
    let message = value.get("message")?;
    let severity = match text(message, "level") {
        "error" | "error: internal compiler error" => Severity::Error,
        "warning" => Severity::Warning,
        _ => return None,
    };
    let primary = |message: &Value| {
        let spans = list(message, "spans");
        spans.iter().find(|span| span.get("is_primary").and_then(Value::as_bool) == Some(true)).cloned()
    };
    let at = primary(message);
    let rule = message.get("code").map(|code| text(code, "code")).unwrap_or_default();
    if at.is_none() && rule.is_empty() {
        // `aborting due to 2 previous errors` and the like.
        return None;
    }
    let mut raw = Raw::new(severity, text(message, "message"));
    raw.rule = rule.to_owned();
    let span = |at: &Value| Span {
        start: offset(number(at, "byte_start"), number(at, "line_start")),
        end: Some(offset(number(at, "byte_end"), number(at, "line_end"))),
        unit: Unit::Bytes,
    };
    if let Some(at) = at {
        raw.path = Some(text(&at, "file_name").to_owned());
        raw.span = span(&at);
        let children = list(message, "children").iter().flat_map(|child| list(child, "spans"));
        raw.fixes = children
            .filter(|fix| text(fix, "suggestion_applicability") == "MachineApplicable")
            .filter(|fix| text(fix, "file_name") == text(&at, "file_name"))
            .filter_map(|fix| Some((span(fix), fix.get("suggested_replacement")?.as_str()?.to_owned())))
            .collect();
    }
    Some(raw)
}

fn go_test(value: &Value) -> Option<Raw> {
    let (package, test) = (text(value, "Package"), text(value, "Test"));
    match text(value, "Action") {
        "fail" if !test.is_empty() => Some(Raw::test(&format!("{package}.{test}"), "failure", "")),
        _ => None,
    }
}

/// `{"package": {"analyser": [{"posn": "FILE:LINE:COLUMN", "message": "…"}]}}`, between lines that begin with `#`.
pub(super) fn go_vet(text: &str) -> Option<Vec<Raw>> {
    let json: String = text.lines().filter(|line| !line.starts_with('#')).flat_map(|line| [line, "\n"]).collect();
    let mut found = Vec::new();
    let mut known = false;
    for value in serde_json::Deserializer::from_str(&json).into_iter::<Value>() {
        let Ok(Value::Object(packages)) = value else { break };
        known = true;
        for (rule, messages) in packages.values().filter_map(Value::as_object).flatten() {
            for message in messages.as_array().into_iter().flatten() {
                let mut parts = self::text(message, "posn").rsplitn(3, ':');
                let column = parts.next().and_then(super::number).unwrap_or(0);
                let line = parts.next().and_then(super::number).unwrap_or(0);
                let raw = Raw::new(Severity::Error, self::text(message, "message"));
                let mut raw = raw.at(parts.next().unwrap_or_default(), line, column);
                raw.rule.clone_from(rule);
                raw.span.unit = Unit::Bytes;
                found.push(raw);
            }
        }
    }
    known.then_some(found)
}

/// jest and vitest.
fn jest(value: &Value) -> Vec<Raw> {
    let mut found = Vec::new();
    for file in list(value, "testResults") {
        let path = text(file, "name");
        let mut failed = false;
        for test in list(file, "assertionResults").iter().filter(|test| text(test, "status") == "failed") {
            failed = true;
            let name = text(test, "fullName");
            let message = list(test, "failureMessages").first().and_then(Value::as_str).unwrap_or_default();
            let line = test.get("location").map_or(0, |at| number(at, "line"));
            found.push(Raw::test(name, "failure", message).at(path, line, 0));
        }
        if !failed && text(file, "status") == "failed" {
            // It does not load.
            found.push(
                Raw::test(path.rsplit('/').next().unwrap_or(path), "error", text(file, "message")).at(path, 0, 0),
            );
        }
    }
    found
}
