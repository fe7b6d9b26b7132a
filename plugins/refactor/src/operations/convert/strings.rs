//! Literals of texts and characters in other forms of the same value.

use super::site::{Draft, Site};
use super::{ConvertError, GO, Kind, PYTHON, RUST};
use deepcoder_syntax::Node;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "raw-string",
        title: "write the text as a raw one",
        languages: RUST,
        applies: escaped_at,
        rewrite: make_raw,
    },
    Kind {
        name: "usual-string",
        title: "write the raw text with escapes",
        languages: RUST,
        applies: raw_at,
        rewrite: make_usual,
    },
    Kind { name: "add-hash", title: "add a `#` to the raw text", languages: RUST, applies: raw_at, rewrite: add_hash },
    Kind {
        name: "remove-hash",
        title: "remove a `#` from the raw text",
        languages: RUST,
        applies: raw_at,
        rewrite: remove_hash,
    },
    Kind {
        name: "string-to-char",
        title: "make a character of the text",
        languages: RUST,
        applies: string_at,
        rewrite: to_char,
    },
    Kind {
        name: "char-to-string",
        title: "make a text of the character",
        languages: RUST,
        applies: char_at,
        rewrite: to_string,
    },
    Kind {
        name: "change-quotes",
        title: "change the quotes",
        languages: GO,
        applies: go_string_at,
        rewrite: go_quotes,
    },
    Kind {
        name: "change-quotes",
        title: "change the quotes",
        languages: PYTHON,
        applies: python_string_at,
        rewrite: python_quotes,
    },
];

fn escaped_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    site.around(&["string_literal"])
}

fn raw_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    site.around(&["raw_string_literal"])
}

fn string_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    site.around(&["string_literal", "raw_string_literal"])
}

fn char_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    site.around(&["char_literal"])
}

/// The parts of a literal of Rust: `b`, `c` or nothing, the hashes, the text as it is written, and a suffix.
struct Literal<'t> {
    prefix: &'t str,
    hashes: usize,
    written: &'t str,
    suffix: &'t str,
}

fn literal<'t>(text: &'t str, raw: bool) -> Option<Literal<'t>> {
    let open = text.find('"')?;
    let head = &text[..open];
    let hashes = head.matches('#').count();
    let close = text.rfind('"').filter(|close| *close > open)?;
    let tail = text.get(close + 1 + hashes..)?;
    let prefix = head.trim_end_matches('#');
    let prefix = if raw { prefix.strip_suffix('r')? } else { prefix };
    Some(Literal { prefix, hashes, written: &text[open + 1..close], suffix: tail })
}

/// The text that escapes stand for; `None`: bytes that are no text, or an escape that is not known.
fn unescaped(written: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = written;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let sign = rest.chars().next()?;
        rest = &rest[sign.len_utf8()..];
        match sign {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            '0' => out.push('\0'),
            '\\' | '"' | '\'' => out.push(sign),
            'x' => {
                let code = u8::from_str_radix(rest.get(..2)?, 16).ok().filter(u8::is_ascii)?;
                out.push(char::from(code));
                rest = rest.get(2..)?;
            }
            'u' => {
                let (code, tail) = rest.strip_prefix('{')?.split_once('}')?;
                out.push(char::from_u32(u32::from_str_radix(&code.replace('_', ""), 16).ok()?)?);
                rest = tail;
            }
            '\n' => rest = rest.trim_start_matches([' ', '\t', '\n', '\r']),
            _ => return None,
        }
    }
    out.push_str(rest);
    Some(out)
}

/// The fewest hashes that end no such text too early.
fn needed(text: &str) -> usize {
    let after = |(at, _): (usize, &str)| {
        let tail = &text[at + 1..];
        1 + tail.len() - tail.trim_start_matches('#').len()
    };
    text.match_indices('"').map(after).max().unwrap_or(0)
}

/// Whether a raw literal can hold a text: nothing in it is changed by editors or compilers, or cannot be seen.
fn plain(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) && !text.chars().any(hidden)
}

/// Marks that change the direction or are not seen.
fn hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn make_raw(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let literal = literal(site.text(node), false).ok_or(ConvertError::Broken)?;
    let text = unescaped(literal.written).filter(|text| plain(text));
    let text = text.ok_or(ConvertError::Because("a raw text cannot hold one of its escapes"))?;
    if literal.prefix == "b" && !text.is_ascii() {
        return Err(ConvertError::Because("a raw text cannot hold one of its escapes"));
    }
    let hashes = "#".repeat(needed(&text).max(1));
    let Literal { prefix, suffix, .. } = literal;
    let draft = Draft::of(node, format!("{prefix}r{hashes}\"{text}\"{hashes}{suffix}"));
    Ok(in_macro(draft, node))
}

/// A macro may read the characters of a literal and not its value.
fn in_macro(draft: Draft, node: Node<'_>) -> Draft {
    let mut at = node;
    while let Some(parent) = at.parent() {
        if matches!(parent.kind(), "token_tree" | "attribute") {
            return draft.doubted(node, "a macro may read how the text is written");
        }
        at = parent;
    }
    draft
}

fn make_usual(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let literal = literal(site.text(node), true).ok_or(ConvertError::Broken)?;
    let mut text = String::new();
    for c in literal.written.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    let Literal { prefix, suffix, .. } = literal;
    Ok(in_macro(Draft::of(node, format!("{prefix}\"{text}\"{suffix}")), node))
}

fn add_hash(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let literal = literal(site.text(node), true).ok_or(ConvertError::Broken)?;
    Ok(in_macro(Draft::of(node, hashed(&literal, literal.hashes + 1)), node))
}

fn hashed(literal: &Literal<'_>, count: usize) -> String {
    let Literal { prefix, written, suffix, .. } = literal;
    let hashes = "#".repeat(count);
    format!("{prefix}r{hashes}\"{written}\"{hashes}{suffix}")
}

fn remove_hash(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let literal = literal(site.text(node), true).ok_or(ConvertError::Broken)?;
    if literal.hashes == 0 {
        return Err(ConvertError::Because("there is no `#`"));
    }
    if needed(literal.written) > literal.hashes - 1 {
        return Err(ConvertError::Because("the text would end too early"));
    }
    Ok(in_macro(Draft::of(node, hashed(&literal, literal.hashes - 1)), node))
}

const TYPE: &str = "a text and a character are of different types";

fn to_char(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let raw = node.kind() == "raw_string_literal";
    let literal = literal(site.text(node), raw).ok_or(ConvertError::Broken)?;
    if !literal.prefix.is_empty() {
        return Err(ConvertError::Because("bytes are no characters"));
    }
    let value = if raw { Some(literal.written.to_owned()) } else { unescaped(literal.written) };
    let value = value.ok_or(ConvertError::Broken)?;
    let mut all = value.chars();
    let (Some(only), None) = (all.next(), all.next()) else {
        return Err(ConvertError::Because("the text is not one character"));
    };
    let written = match only {
        '\'' => "\\'".to_owned(),
        '"' => "\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        c if raw && c.is_control() => c.escape_default().to_string(),
        '\n' if !literal.written.starts_with('\\') => "\\n".to_owned(),
        '\t' | '\r' if !literal.written.starts_with('\\') => only.escape_default().to_string(),
        _ => literal.written.to_owned(),
    };
    Ok(Draft::of(node, format!("'{written}'{}", literal.suffix)).doubted(node, TYPE))
}

fn to_string(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let text = site.text(node);
    let written = text.strip_prefix('\'').and_then(|text| text.rsplit_once('\''));
    let (written, suffix) = written.ok_or(ConvertError::Because("bytes are no characters"))?;
    let written = match written {
        "\"" => "\\\"",
        "\\'" => "'",
        same => same,
    };
    Ok(Draft::of(node, format!("\"{written}\"{suffix}")).doubted(node, TYPE))
}

fn go_string_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    let kinds = ["interpreted_string_literal", "raw_string_literal"];
    site.around(&kinds).or_else(|| site.owner(&["\"", "`"], &kinds))
}

fn go_quotes(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let text = site.text(node);
    if node.parent().is_some_and(|parent| parent.kind() == "import_spec") {
        return Err(ConvertError::Because("imports are written with these quotes"));
    }
    if let Some(raw) = text.strip_prefix('`').and_then(|text| text.strip_suffix('`')) {
        if raw.contains('\r') {
            return Err(ConvertError::Because("a raw text of Go drops carriage returns"));
        }
        let mut out = String::from("\"");
        for c in raw.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                c if hidden(c) => return Err(ConvertError::Because("a character here cannot be seen")),
                c => out.push(c),
            }
        }
        out.push('"');
        return Ok(Draft::of(node, out));
    }
    let written = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).ok_or(ConvertError::Broken)?;
    // Escapes that Rust and Go have in common; Go's others stand for bytes.
    let shared = !written.contains("\\'") && !written.contains("\\0") && !written.contains("\\u");
    let value = Some(written).filter(|_| shared).and_then(unescaped);
    let value = value.filter(|value| plain(value) && !value.contains('`'));
    let value = value.ok_or(ConvertError::Because("a raw text cannot hold one of its escapes"))?;
    Ok(Draft::of(node, format!("`{value}`")))
}

fn python_string_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    site.around(&["string"])
}

fn python_quotes(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let mut up = node.parent();
    while let Some(parent) = up {
        if parent.kind() == "interpolation" {
            return Err(ConvertError::Because(
                "before Python 3.12 a text within an f-string needs other quotes than it",
            ));
        }
        up = parent.parent();
    }
    let text = site.text(node);
    let open = text.find(['"', '\'']).ok_or(ConvertError::Broken)?;
    let prefix = &text[..open];
    let body = &text[open..];
    let long = body.starts_with("\"\"\"") || body.starts_with("'''");
    let old = if body.starts_with('"') { '"' } else { '\'' };
    let new = if old == '"' { '\'' } else { '"' };
    let width = if long { 3 } else { 1 };
    let written = body.get(width..body.len().saturating_sub(width)).ok_or(ConvertError::Broken)?;
    if prefix.to_lowercase().contains(['f', 't']) && written.contains(['{', '}']) {
        return Err(ConvertError::Because("expressions in the text may have quotes of their own"));
    }
    if written.contains(new) {
        return Err(ConvertError::Because("the text has the other quotes in it"));
    }
    let raw = prefix.to_lowercase().contains('r');
    let escaped = format!("\\{old}");
    if raw && written.contains(&escaped) || long && written.contains(old) {
        return Err(ConvertError::Because("the text has escaped quotes in it"));
    }
    let mut out = String::new();
    let mut chars = written.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek().copied()) {
            ('\\', Some(next)) if !raw => {
                chars.next();
                if next != old {
                    out.push('\\');
                }
                out.push(next);
            }
            _ => out.push(c),
        }
    }
    let quotes = new.to_string().repeat(width);
    Ok(Draft::of(node, format!("{prefix}{quotes}{out}{quotes}")))
}
