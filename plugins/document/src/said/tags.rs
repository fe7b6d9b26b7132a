//! Tags: JSDoc and TSDoc, Javadoc, Doxygen.

use super::{Said, Style, is_name};

pub(super) fn said(doc: &str) -> Said {
    let mut said = Said::default();
    let mut fenced = false;
    for (line, number) in doc.lines().zip(0u32..) {
        let line = line.trim();
        if line.starts_with("```") || line.starts_with("@code") || line.starts_with("\\code") {
            fenced = !fenced;
        }
        if line.starts_with("@endcode") || line.starts_with("\\endcode") {
            fenced = false;
        }
        if fenced {
            continue;
        }
        let lower = line.to_lowercase();
        said.inherits |= ["@inherit", "{@inherit", "@override", "@copydoc", "\\copydoc", "\\copybrief", "@copybrief"]
            .iter()
            .any(|tag| lower.contains(tag));
        let style = match line.chars().next() {
            Some('@') => Style::Tags,
            Some('\\') => Style::Doxygen,
            _ => continue,
        };
        let rest = &line[1..];
        let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        let (tag, text) = rest.split_at(end);
        match tag {
            "param" | "arg" | "argument" => parameter(text, number, &mut said),
            "return" | "returns" | "retval" | "result" => {
                let kind = braced(text.trim_start()).map(|(kind, _)| kind.trim().to_owned());
                let nothing = |kind: &str| matches!(kind, "void" | "undefined" | "Promise<void>");
                let words = text.trim().trim_matches(['{', '}']);
                if !kind.as_deref().is_some_and(nothing) && !nothing(words) && !words.is_empty() {
                    said.gives.get_or_insert(number);
                }
            }
            "throws" | "throw" | "exception" => {
                let text = text.trim_start();
                let (name, _) = braced(text).unwrap_or_else(|| text.split_once(' ').unwrap_or((text, "")));
                let name = name.trim().rsplit(['.', ':']).next().unwrap_or_default();
                if is_name(name) {
                    said.raises.push((name.to_owned(), number));
                }
            }
            _ => continue,
        }
        said.style.get_or_insert(style);
    }
    said
}

/// The text in braces that `text` begins with, and what follows.
fn braced(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_i32;
    if !text.starts_with('{') {
        return None;
    }
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&text[1..at], &text[at + 1..]));
        }
    }
    None
}

/// `{type} [name=default] - text`, `name text`, `[in,out] a,b text`, `<T> text`.
fn parameter(text: &str, number: u32, said: &mut Said) {
    let mut rest = text.trim_start();
    if let Some(after) = ["[in]", "[out]", "[in,out]", "[inout]", "[in, out]"].iter().find_map(|d| rest.strip_prefix(d))
    {
        rest = after.trim_start();
    }
    if let Some((_, after)) = braced(rest) {
        rest = after.trim_start();
    }
    // A type parameter.
    if rest.starts_with('<') {
        said.style.get_or_insert(Style::Tags);
        return;
    }
    let name = match rest.strip_prefix('[') {
        Some(optional) => optional.split([']', '=']).next().unwrap_or_default(),
        None => rest.split_whitespace().next().unwrap_or_default(),
    };
    for name in name.split(',') {
        let name = name.trim().trim_start_matches("...").trim_end_matches([':', '.', '-']);
        // A member of a parameter: `options.name`, `items[].name`.
        if name.contains(['.', '[']) {
            continue;
        }
        if is_name(name) {
            said.parameters.push((name.to_owned(), number));
        }
    }
}
