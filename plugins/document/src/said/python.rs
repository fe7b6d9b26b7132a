//! The three conventions of Python: Google, NumPy and Sphinx.

use super::{Said, Style, is_name};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Parameters,
    /// Keys of `**kwargs`: no parameters of the signature.
    Keys,
    Returns,
    Raises,
    Other,
}

fn section(heading: &str) -> Option<Section> {
    Some(match heading.to_lowercase().as_str() {
        "args" | "arguments" | "parameters" | "params" => Section::Parameters,
        "keyword args" | "keyword arguments" | "other parameters" | "kwargs" | "other args" => Section::Keys,
        "return" | "returns" | "yield" | "yields" => Section::Returns,
        "raise" | "raises" | "except" | "exceptions" => Section::Raises,
        "attributes" | "example" | "examples" | "note" | "notes" | "see also" | "references" | "warning"
        | "warnings" | "warns" | "methods" | "receives" | "todo" | "tip" | "usage" => Section::Other,
        _ => return None,
    })
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

pub(super) fn said(doc: &str) -> Said {
    let lines: Vec<&str> = doc.lines().collect();
    let mut said = Said::default();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        if field(line, at, &lines, &mut said) {
            at += 1;
            continue;
        }
        let underlined = lines.get(at + 1).is_some_and(|next| {
            let rule = next.trim();
            rule.len() >= 3 && (rule.chars().all(|c| c == '-') || rule.chars().all(|c| c == '='))
        });
        match (section(line.trim()), line.trim().strip_suffix(':').and_then(section)) {
            (Some(section), _) if underlined => at = numpy(&lines, at, section, &mut said),
            (_, Some(section)) if at > 0 || lines.len() > 1 => at = google(&lines, at, section, &mut said),
            _ => at += 1,
        }
    }
    said
}

/// A field of Sphinx, or of Epytext.
fn field(line: &str, at: usize, lines: &[&str], said: &mut Said) -> bool {
    let words = line.trim();
    let Some(rest) = words.strip_prefix([':', '@']) else { return false };
    let Some((head, text)) = rest.split_once(':') else { return false };
    let mut parts = head.split_whitespace();
    let (Some(kind), last) = (parts.next(), head.split_whitespace().next_back().unwrap_or_default()) else {
        return false;
    };
    let number = u32::try_from(at).unwrap_or(u32::MAX);
    match kind {
        "param" | "parameter" | "arg" | "argument" => {
            let name = last.trim_start_matches(['*', '\\']);
            if head.split_whitespace().count() > 1 && is_name(name) {
                said.parameters.push((name.to_owned(), number));
            }
        }
        "return" | "returns" | "yield" | "yields" => {
            let more = lines.get(at + 1).is_some_and(|next| indent(next) > indent(line) && !next.trim().is_empty());
            if !is_nothing(text) && (more || !text.trim().is_empty()) {
                said.gives.get_or_insert(number);
            }
        }
        "raises" | "raise" | "except" | "exception" => {
            let names = head[kind.len()..].split(',').map(str::trim).filter(|name| !name.is_empty());
            said.raises.extend(names.map(|name| (last_part(name), number)));
        }
        "key" | "keyword" | "type" | "rtype" | "var" | "ivar" | "cvar" => {}
        _ => return false,
    }
    if !matches!(kind, "var" | "ivar" | "cvar") {
        said.style.get_or_insert(Style::Sphinx);
    }
    true
}

fn last_part(name: &str) -> String {
    let name = name.trim().trim_matches(['`', '~', '.', ':']).trim_start_matches("class:`").trim_start_matches("exc:`");
    name.rsplit('.').next().unwrap_or_default().trim_matches(['`', ' ']).to_owned()
}

/// Whether a result is said to be nothing.
fn is_nothing(text: &str) -> bool {
    let text = text.trim().trim_end_matches('.').to_lowercase();
    ["none", "nothing", "void", "`none`", "``none``"].contains(&text.as_str())
        || text.starts_with("none:")
        || text.starts_with("none (")
        || text.starts_with("nothing ")
}

/// A section of Google's convention: all lines that are indented deeper than its heading. Returns the line behind it.
fn google(lines: &[&str], start: usize, section: Section, said: &mut Said) -> usize {
    let outer = indent(lines[start]);
    let mut end = start + 1;
    while end < lines.len() && (lines[end].trim().is_empty() || indent(lines[end]) > outer) {
        end += 1;
    }
    let inner = lines[start + 1..end].iter().filter(|line| !line.trim().is_empty()).map(|line| indent(line)).min();
    let Some(inner) = inner else { return start + 1 };
    // A sentence that ends with such a word and a colon is no heading without entries.
    let mut found = false;
    for (line, at) in lines[start + 1..end].iter().zip(start + 1..) {
        if line.trim().is_empty() || indent(line) != inner {
            continue;
        }
        let number = u32::try_from(at).unwrap_or(u32::MAX);
        match section {
            Section::Parameters => {
                let Some(head) = head_of(line.trim()) else { continue };
                for name in head.split(',') {
                    let name = name.trim().trim_start_matches(['*', '\\', '`']).trim_end_matches('`');
                    if is_name(name) {
                        found = true;
                        said.parameters.push((name.to_owned(), number));
                    }
                }
            }
            Section::Raises => {
                let head = line.trim().split([':', ' ']).next().unwrap_or_default();
                let name = last_part(head);
                if line.contains(':') && is_name(&name) {
                    found = true;
                    said.raises.push((name, number));
                }
            }
            Section::Returns => {
                found = true;
                if said.gives.is_none() && !is_nothing(line) {
                    said.gives = Some(number);
                }
                break;
            }
            Section::Keys => found = true,
            Section::Other => break,
        }
    }
    if found {
        said.style.get_or_insert(Style::Google);
    }
    end
}

/// The part of an entry before its colon, without a type in brackets.
fn head_of(line: &str) -> Option<&str> {
    let mut depth = 0_i32;
    for (at, c) in line.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ':' if depth <= 0 => {
                let head = &line[..at];
                return Some(head.split('(').next().unwrap_or(head).trim());
            }
            _ => {}
        }
    }
    None
}

/// A section of NumPy's convention: up to the next underlined heading. Returns the line behind it.
fn numpy(lines: &[&str], start: usize, section: Section, said: &mut Said) -> usize {
    said.style.get_or_insert(Style::Numpy);
    let outer = indent(lines[start]);
    let mut at = start + 2;
    while at < lines.len() {
        let line = lines[at];
        let next = lines.get(at + 1).map(|next| next.trim()).unwrap_or_default();
        if !line.trim().is_empty() && next.len() >= 3 && next.chars().all(|c| c == '-' || c == '=') {
            return at;
        }
        let number = u32::try_from(at).unwrap_or(u32::MAX);
        if !line.trim().is_empty() && indent(line) <= outer {
            let head = line.split(" :").next().unwrap_or(line).trim();
            let head = head.split(": ").next().unwrap_or(head).trim_end_matches(':');
            match section {
                Section::Parameters => {
                    let names = head.split(',').map(|name| name.trim().trim_start_matches(['*', '\\', '`']));
                    let names: Vec<&str> = names.map(|name| name.trim_end_matches('`')).collect();
                    if names.iter().all(|name| is_name(name)) {
                        said.parameters.extend(names.into_iter().map(|name| (name.to_owned(), number)));
                    }
                }
                Section::Raises => {
                    let name = last_part(head);
                    if is_name(&name) {
                        said.raises.push((name, number));
                    }
                }
                Section::Returns if said.gives.is_none() && !is_nothing(line) => said.gives = Some(number),
                _ => {}
            }
        }
        at += 1;
    }
    at
}
