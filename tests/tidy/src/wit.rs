//! `plugin.wit` is normative; this holds the Rust contract to it: the same records, fields, cases and functions, with the
//! same types. The differences that are meant are listed, and one that is no longer there must leave the list.

use crate::tree;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};

/// `name` in WIT, and why Rust differs.
const MEANT: &[(&str, &str)] = &[
    ("instruction.options-json", "a JSON value in Rust, its text in WIT"),
    ("instruction.options", "see options-json"),
    ("generate-request.temperature", "one field of `Sampling` in Rust"),
    ("generate-request.seed", "one field of `Sampling` in Rust"),
    ("generate-request.sampling", "WIT has only what plugins need of it"),
    ("generate-request.client", "for whoever runs a plugin to say"),
    ("generate-request.logprobs", "for evaluation, not for plugins"),
    ("generate-request.priority", "for whoever runs a plugin to say"),
    ("free.start", "`usize` in Rust"),
    ("free.end", "`usize` in Rust"),
    ("generation.tokens", "`Usage` in Rust"),
    ("generation.usage", "WIT has only the number of tokens"),
    ("generation.timing", "a sandboxed plugin gets no clock"),
    ("symbol.start", "`range` in Rust"),
    ("symbol.end", "`range` in Rust"),
    ("symbol.range", "two numbers in WIT"),
    ("outcome.answer", "a struct in Rust, so that it can grow"),
    ("host.generate.on-token", "a callback cannot cross the boundary of a component"),
    ("plugin.run.host", "a component imports the host"),
    ("plugin.manifest", "a component's manifest is a file beside it"),
];

/// Names of records, enumerations, variants and interfaces, with their members and the members' types, in WIT's spelling.
type Contract = BTreeMap<String, BTreeMap<String, String>>;

fn kebab(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.chars().enumerate() {
        if c == '_' {
            out.push('-');
        } else if c.is_uppercase() {
            if i > 0 {
                out.push('-');
            }
            out.extend(c.to_lowercase());
        } else {
            out.push(c);
        }
    }
    out
}

fn without_comments(text: &str) -> String {
    Regex::new(r"(?m)^\s*//.*$").expect("pattern").replace_all(text, "").into_owned()
}

/// Splits at commas that are outside of all brackets.
fn split(list: &str) -> Vec<String> {
    let (mut depth, mut part, mut parts) = (0, String::new(), Vec::new());
    for c in list.chars() {
        match c {
            '<' | '(' | '{' => depth += 1,
            '>' | ')' | '}' => depth -= 1,
            _ => {}
        }
        if c == ',' && depth == 0 {
            parts.push(std::mem::take(&mut part));
        } else {
            part.push(c);
        }
    }
    parts.push(part);
    parts.iter().map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()).collect()
}

fn member(text: &str) -> (String, String) {
    // A case with a payload, or a name with a type, which may itself have parentheses.
    if let Some((name, payload)) = text.split_once('(').filter(|(name, _)| !name.contains(':')) {
        return (name.trim().to_owned(), payload.trim_end_matches(')').trim().to_owned());
    }
    let (name, kind) = text.split_once(':').unwrap_or((text, ""));
    (name.trim().to_owned(), kind.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn wit() -> Contract {
    let text = without_comments(&tree::read("core/plugin-api/wit/plugin.wit"));
    let mut contract = Contract::new();
    let block = Regex::new(r"(?s)\b(?:record|variant|enum) ([a-z-]+) \{(.*?)\}").expect("pattern");
    for (_, [name, body]) in block.captures_iter(&text).map(|c| c.extract()) {
        contract.insert(name.to_owned(), split(body).iter().map(|m| member(m)).collect());
    }
    let function = Regex::new(r"(?m)^    ([a-z-]+): func\((.*?)\)(?: -> (.*?))?;").expect("pattern");
    for interface in ["host", "plugin"] {
        let start = text.find(&format!("interface {interface} {{")).expect("interface");
        let body = &text[start..start + text[start..].find("\n}").expect("end")];
        for found in function.captures_iter(body) {
            let result = found.get(3).map_or("", |m| m.as_str());
            add_function(
                &mut contract,
                interface,
                &found[1],
                split(&found[2]).iter().map(|p| member(p)).collect(),
                result,
            );
        }
    }
    contract
}

fn add_function(contract: &mut Contract, interface: &str, name: &str, parameters: Vec<(String, String)>, result: &str) {
    let entry = contract.entry(interface.to_owned()).or_default();
    entry.insert(name.to_owned(), result.to_owned());
    entry.extend(parameters.into_iter().map(|(parameter, kind)| (format!("{name}.{parameter}"), kind)));
}

fn rust() -> Contract {
    let sources = ["core/types/src", "core/plugin-api/src"].iter().flat_map(|f| tree::files(f, &[".rs"]));
    let text = without_comments(&sources.map(|(_, t)| t + "\n").collect::<String>());
    let text = Regex::new(r"(?m)^\s*#\[.*\]$").expect("pattern").replace_all(&text, "").into_owned();
    let mut contract = Contract::new();
    let block = Regex::new(r"(?s)pub (struct|enum) (\w+) \{(.*?)\n\}").expect("pattern");
    for (_, [what, name, body]) in block.captures_iter(&text).map(|c| c.extract()) {
        let mut members = BTreeMap::new();
        for part in split(body) {
            // `Chat { messages: …, prefill: … }` is a record of its own in WIT.
            if let (true, Some((case, fields))) = (what == "enum", part.split_once('{')) {
                let record = split(fields.trim_end().trim_end_matches('}'));
                contract.insert(kebab(case.trim()), record.iter().map(|m| rust_member(m)).collect());
                members.insert(kebab(case.trim()), kebab(case.trim()));
            } else {
                let (name, kind) = rust_member(&part);
                members.insert(name, kind);
            }
        }
        contract.insert(kebab(name), members);
    }
    let function = Regex::new(r"(?s)\n    fn (\w+)\(\s*&self,?\s*(.*?)\)(?: -> ([^;]*?))?;").expect("pattern");
    for (interface, head) in [("host", "pub trait Host"), ("plugin", "pub trait Plugin")] {
        let start = text.find(&format!("{head}:")).expect("trait");
        let body = &text[start..start + text[start..].find("\n}").expect("end")];
        for found in function.captures_iter(body) {
            let result = found.get(3).map_or("", |m| m.as_str());
            let parameters = split(&found[2]).iter().map(|p| rust_member(p)).collect();
            add_function(&mut contract, interface, &kebab(&found[1]), parameters, &rust_type(result));
        }
    }
    contract
}

fn rust_member(text: &str) -> (String, String) {
    let (name, kind) = member(text.trim().trim_start_matches("pub "));
    (kebab(&name), rust_type(&kind))
}

/// A Rust type in WIT's words.
fn rust_type(kind: &str) -> String {
    let kind = kind.trim().trim_start_matches('&').trim_start_matches("dyn ");
    for (open, wit) in [("Vec<", "list"), ("Option<", "option"), ("Result<", "result")] {
        if let Some(inner) = kind.strip_prefix(open).and_then(|k| k.strip_suffix('>')) {
            let parts: Vec<String> = split(inner).iter().map(|p| rust_type(p)).collect();
            return format!("{wit}<{}>", parts.join(", "));
        }
    }
    if let Some(inner) = kind.strip_prefix('[').and_then(|k| k.strip_suffix(']')) {
        return format!("list<{}>", rust_type(inner));
    }
    match kind {
        // Checked texts; their check is the receiver's business on the other side.
        "str" | "String" | "RepoPath" | "ContentHash" => "string".to_owned(),
        "u32" | "u64" | "f32" | "bool" | "" => kind.to_owned(),
        other => kebab(other),
    }
}

fn differences(wit: &Contract, rust: &Contract) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (name, members) in wit {
        let Some(ours) = rust.get(name) else {
            found.insert(name.clone(), "is missing in Rust".to_owned());
            continue;
        };
        let all: BTreeSet<&String> = members.keys().chain(ours.keys()).collect();
        for member in all {
            let what = match (members.get(member), ours.get(member)) {
                (Some(theirs), Some(ours)) if theirs == ours => continue,
                (Some(theirs), Some(ours)) => format!("is `{theirs}` in WIT and `{ours}` in Rust"),
                (Some(_), None) => "is missing in Rust".to_owned(),
                (None, _) => "is missing in WIT".to_owned(),
            };
            found.insert(format!("{name}.{member}"), what);
        }
    }
    found
}

/// Protects plugins in other languages: what they are promised by `plugin.wit` is what the program does.
#[test]
fn wit_and_rust_say_the_same() {
    let (wit, rust) = (wit(), rust());
    // Should the file's style change so that nothing is read any more, this must not pass.
    assert!(
        wit.len() >= 20 && wit["host"].len() >= 20 && wit["instruction"].len() == 8,
        "plugin.wit is not read: {wit:#?}"
    );
    let found = differences(&wit, &rust);
    let meant: BTreeSet<&str> = MEANT.iter().map(|(name, _)| *name).collect();
    let unmeant: Vec<String> =
        found.iter().filter(|(n, _)| !meant.contains(n.as_str())).map(|(n, what)| format!("{n} {what}")).collect();
    assert!(unmeant.is_empty(), "plugin.wit and Rust have drifted apart:\n{}", unmeant.join("\n"));
    let gone: Vec<&&str> = meant.iter().filter(|n| !found.contains_key(**n)).collect();
    assert!(gone.is_empty(), "no longer different, so not to be listed: {gone:?}");
}

/// Protects the test above: it sees a field that is renamed, retyped, added or taken away on either side.
#[test]
fn drift_is_seen() {
    let base = wit();
    assert_eq!(differences(&base, &base), BTreeMap::new());
    let mut changed = base.clone();
    let snippet = changed.get_mut("snippet").expect("snippet");
    snippet.remove("origin");
    snippet.insert("extra".to_owned(), "u32".to_owned());
    snippet.insert("text".to_owned(), "u32".to_owned());
    changed.remove("level");
    assert_eq!(differences(&base, &changed).len(), 4);
}
