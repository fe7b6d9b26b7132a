//! The text that replaces a match: a template whose holes have been filled in.

use super::matcher::Environment;
use super::template::hole;

/// What may stand behind a hole in a replacement: `:[x].UPPERCASE`.
const ATTRIBUTES: &[&str] = &[
    "value",
    "length",
    "lines",
    "lowercase",
    "UPPERCASE",
    "Capitalize",
    "uncapitalize",
    "UpperCamelCase",
    "lowerCamelCase",
    "UPPER_SNAKE_CASE",
    "lower_snake_case",
];

/// `template` with the texts of the holes. A hole without one stays as it is written. `fresh` counts the names that
/// `:[id()]` makes.
pub(crate) fn fill(template: &str, environment: &Environment, fresh: &mut u32) -> String {
    let template = with_fresh_names(template, fresh);
    let mut out = String::with_capacity(template.len());
    let mut rest = template.as_str();
    while let Some(start) = rest.find(":[") {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let Ok(Some((found, length))) = hole(rest) else {
            out.push_str(&rest[..2]);
            rest = &rest[2..];
            continue;
        };
        let (written, tail) = rest.split_at(length);
        let named = |name: &&&str| {
            let tail = tail.strip_prefix('.').and_then(|tail| tail.strip_prefix(**name));
            tail.is_some_and(|tail| !tail.starts_with(|c: char| c.is_ascii_alphanumeric()))
        };
        let attribute = ATTRIBUTES.iter().find(named);
        match environment.get(&found.name) {
            Some(text) => out.push_str(&attribute.map_or_else(|| text.clone(), |name| changed(text, name))),
            None => {
                out.push_str(written);
                out.extend(attribute.map(|name| format!(".{name}")));
            }
        }
        rest = attribute.map_or(tail, |name| &tail[name.len() + 1..]);
    }
    out.push_str(rest);
    out
}

/// The names of the holes of a replacement.
pub(crate) fn names(template: &str) -> Vec<String> {
    template.match_indices(":[").filter_map(|(at, _)| Some(hole(&template[at..]).ok()??.0.name)).collect()
}

fn with_fresh_names(template: &str, fresh: &mut u32) -> String {
    let mut out = template.to_owned();
    while let Some(start) = out.find(":[id(") {
        let Some(length) = out[start..].find(")]") else { break };
        let hole = out[start..start + length + 2].to_owned();
        *fresh += 1;
        // The same label is the same name; without a label each is a new one.
        out = match hole.as_str() {
            ":[id()]" => out.replacen(&hole, &fresh.to_string(), 1),
            labelled => out.replace(labelled, &fresh.to_string()),
        };
    }
    out
}

fn changed(text: &str, attribute: &str) -> String {
    let capital = |text: &str, upper: bool| {
        let mut characters = text.chars();
        let first = characters.next().map(|c| if upper { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() });
        first.into_iter().chain(characters).collect::<String>()
    };
    let camel = || text.split('_').map(|part| capital(part, true)).collect::<String>();
    let snake = || {
        let mut out = String::new();
        for (at, c) in text.char_indices() {
            if c.is_ascii_uppercase() && at > 0 {
                out.push('_');
            }
            out.push(c.to_ascii_lowercase());
        }
        out
    };
    match attribute {
        "length" => text.len().to_string(),
        "lines" => text.matches('\n').count().max(1).to_string(),
        "lowercase" => text.to_ascii_lowercase(),
        "UPPERCASE" => text.to_ascii_uppercase(),
        "Capitalize" => capital(text, true),
        "uncapitalize" => capital(text, false),
        "UpperCamelCase" => capital(&camel(), true),
        "lowerCamelCase" => capital(&camel(), false),
        "UPPER_SNAKE_CASE" => snake().to_ascii_uppercase(),
        "lower_snake_case" => snake(),
        _ => text.to_owned(),
    }
}
