//! The cells of a notebook in its JSON text, with the bytes of their sources.

use serde_json::Value;
use std::ops::Range;

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    /// Whether it is code; otherwise it is a text.
    pub code: bool,
    /// The source.
    pub text: String,
    /// The bytes of the JSON value that it is.
    pub range: Range<usize>,
}

/// A notebook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notebook {
    /// Its cells in their order.
    pub cells: Vec<Cell>,
    /// The language of its code, in small letters.
    pub language: String,
}

impl Notebook {
    /// Reads a notebook, or says why it is none.
    pub(super) fn read(json: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let listed = value.get("cells").and_then(Value::as_array).ok_or("it has no list of cells (nbformat 4)")?;
        let metadata = value.get("metadata");
        let language = [&["language_info", "name"], &["kernelspec", "language"]].into_iter().find_map(|keys| {
            metadata.and_then(|m| m.get(keys[0])).and_then(|m| m.get(keys[1])).and_then(Value::as_str)
        });
        let ranges = members(json, start_of(json)).and_then(|members| value_of(json, &members, "cells"));
        let ranges = ranges.and_then(|cells| elements(json, cells.start)).ok_or("its cells cannot be read")?;
        let mut cells = Vec::new();
        for (number, (cell, range)) in listed.iter().zip(&ranges).enumerate() {
            let wrong = |what: &str| format!("cell {} {what}", number + 1);
            let kind = cell.get("cell_type").and_then(Value::as_str).ok_or_else(|| wrong("has no type"))?;
            let text = match cell.get("source") {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Array(lines)) if lines.iter().all(Value::is_string) => {
                    lines.iter().filter_map(Value::as_str).collect()
                }
                _ => return Err(wrong("has no source")),
            };
            let members = members(json, range.start).ok_or_else(|| wrong("cannot be read"))?;
            let range = value_of(json, &members, "source").ok_or_else(|| wrong("has no source"))?;
            cells.push(Cell { code: kind == "code", text, range });
        }
        Ok(Self { cells, language: language.unwrap_or("python").to_lowercase() })
    }
}

/// `json` with another source for a cell, in the form that the cell has. Every other byte stays.
pub(super) fn with_source(json: &str, cells: &[Cell], cell: &Cell, text: &str) -> String {
    let old = &json[cell.range.clone()];
    // Some programs write letters beyond ASCII as escapes.
    let escape = json.is_ascii();
    let new = if old.starts_with('"') {
        quoted(text, escape)
    } else {
        let list = |c: &Cell| {
            let own = &json[c.range.clone()];
            let inner = own.strip_prefix('[')?.strip_suffix(']')?;
            let before = &inner[..inner.len() - inner.trim_start().len()];
            let after = &inner[inner.trim_end().len()..];
            (!inner.trim().is_empty()).then(|| (before.to_owned(), after.to_owned()))
        };
        let (before, after) = list(cell).or_else(|| cells.iter().find_map(list)).unwrap_or_default();
        let lines: Vec<String> = text.split_inclusive('\n').map(|line| quoted(line, escape)).collect();
        let comma = if before.is_empty() { ", ".to_owned() } else { format!(",{before}") };
        if lines.is_empty() { "[]".to_owned() } else { format!("[{before}{}{after}]", lines.join(&comma)) }
    };
    [&json[..cell.range.start], &new, &json[cell.range.end..]].concat()
}

fn quoted(text: &str, escape: bool) -> String {
    let json = Value::String(text.to_owned()).to_string();
    if !escape {
        return json;
    }
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            let units = &mut [0; 2];
            c.encode_utf16(units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        }
    }
    out
}

fn start_of(json: &str) -> usize {
    json.len() - json.trim_start().len()
}

/// The bytes of the value at `at` of a text that is known to be JSON.
fn value(json: &str, at: usize) -> Option<Range<usize>> {
    let bytes = json.as_bytes();
    let (mut depth, mut end) = (0_usize, at);
    loop {
        match bytes.get(end)? {
            b'"' => {
                end += 1;
                while *bytes.get(end)? != b'"' {
                    end += if bytes[end] == b'\\' { 2 } else { 1 };
                }
                end += 1;
            }
            b'[' | b'{' => {
                depth += 1;
                end += 1;
            }
            b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                end += 1;
            }
            b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' if depth > 0 => {
                end += 1;
                continue;
            }
            _ => {
                let rest = json.get(end..)?;
                let length = rest.find([',', ']', '}', ' ', '\n', '\r', '\t', ':']).unwrap_or(rest.len());
                end += length.max(1);
            }
        }
        if depth == 0 {
            return Some(at..end);
        }
    }
}

fn skip(json: &str, at: usize) -> usize {
    let rest = json.get(at..).unwrap_or_default();
    at + rest.len() - rest.trim_start_matches([' ', '\n', '\r', '\t', ',', ':']).len()
}

/// The elements of the list at `at`.
fn elements(json: &str, at: usize) -> Option<Vec<Range<usize>>> {
    let mut out = Vec::new();
    let mut next = skip(json, at + 1);
    while !json.get(next..)?.starts_with(']') {
        let element = value(json, next)?;
        next = skip(json, element.end);
        out.push(element);
    }
    Some(out)
}

/// The keys and values of the object at `at`.
fn members(json: &str, at: usize) -> Option<Vec<(Range<usize>, Range<usize>)>> {
    let mut out = Vec::new();
    let mut next = skip(json, at + 1);
    while !json.get(next..)?.starts_with('}') {
        let key = value(json, next)?;
        let value = value(json, skip(json, key.end))?;
        next = skip(json, value.end);
        out.push((key, value));
    }
    Some(out)
}

/// The last value with a key, which is the one that counts.
fn value_of(json: &str, members: &[(Range<usize>, Range<usize>)], key: &str) -> Option<Range<usize>> {
    let is = |name: &Range<usize>| serde_json::from_str::<String>(&json[name.clone()]).is_ok_and(|name| name == key);
    members.iter().rev().find(|(name, _)| is(name)).map(|(_, value)| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = "{\n \"cells\": [\n  {\"cell_type\": \"markdown\", \"metadata\": {\"a\": [1, {\"source\": \"no\"}]}, \
                        \"source\": \"# T \\u00e9\"},\n  {\n   \"outputs\": [{\"text\": [\"x\\n\", \"}]\\\"\"]}],\n   \
                        \"cell_type\": \"code\",\n   \"source\": [\n    \"x = 1\\n\",\n    \"y = '\\\"'\"\n   ]\n  },\n  \
                        {\"cell_type\": \"code\", \"source\": []}\n ],\n \"nbformat\": 4\n}\n";

    /// Protects everything of a notebook but the source of the cell that is edited.
    #[test]
    fn only_the_source_of_one_cell_changes() {
        let notebook = Notebook::read(JSON).expect("a notebook");
        let texts: Vec<&str> = notebook.cells.iter().map(|cell| cell.text.as_str()).collect();
        assert_eq!(texts, ["# T é", "x = 1\ny = '\"'", ""]);
        for (at, text, (from, to)) in [
            (0, "# U é", ("# T", "# U")),
            (1, "x = 2\ny = '\"'", ("x = 1", "x = 2")),
            (1, "x = 1\nz\ny = '\"'", ("x = 1\\n\",\n", "x = 1\\n\",\n    \"z\\n\",\n")),
            (2, "a\nb", ("\"source\": []", "\"source\": [\n    \"a\\n\",\n    \"b\"\n   ]")),
        ] {
            let new = with_source(JSON, &notebook.cells, &notebook.cells[at], text);
            assert_eq!(new, JSON.replacen(from, to, 1));
            assert_eq!(Notebook::read(&new).expect("a notebook").cells[at].text, text);
        }
    }

    /// Protects callers from what is no notebook: an error says why, and nothing panics.
    #[test]
    fn what_is_no_notebook_is_told() {
        for (json, why) in [
            ("{", "EOF"),
            ("[]", "list of cells"),
            ("{\"cells\": 1}", "list of cells"),
            ("{\"cells\": [1]}", "cell 1 has no type"),
            ("{\"cells\": [{\"cell_type\": \"code\"}]}", "cell 1 has no source"),
            ("{\"cells\": [{\"cell_type\": \"code\", \"source\": [1]}]}", "cell 1 has no source"),
        ] {
            let error = Notebook::read(json).expect_err(json);
            assert!(error.contains(why), "{json}: {error}");
        }
        assert_eq!(Notebook::read("{\"cells\": []}").expect("a notebook").cells, []);
    }
}
