//! That the documents are there and true.

use crate::tree;
use regex::Regex;

/// Protects newcomers: every crate has its place in the code map, and the map names no crate that does not exist.
#[test]
fn the_code_map_is_complete() {
    let map = tree::read("ARCHITECTURE.md");
    let folders: Vec<String> = tree::crates().into_iter().map(|c| c.folder).collect();
    for folder in &folders {
        assert!(map.contains(&format!("`{folder}`")), "ARCHITECTURE.md says nothing of `{folder}`");
    }
    let named = Regex::new(r"`((?:core|plugins|tests)/[a-z-]+)`").expect("pattern");
    for (_, [folder]) in named.captures_iter(&map).map(|c| c.extract()) {
        assert!(tree::root().join(folder).exists(), "ARCHITECTURE.md speaks of `{folder}`, which does not exist");
    }
    assert!(map.matches("**Invariant:**").count() >= 9, "the invariants are gone from ARCHITECTURE.md");
}

/// Protects the invariants from being words only: each names what holds it, and a test that is named exists.
#[test]
fn invariants_name_what_holds_them() {
    let map = tree::read("ARCHITECTURE.md");
    let sources: String = tree::sources().into_iter().map(|(_, text)| text).collect();
    let held = Regex::new(r"Held by ([^\n]+)").expect("pattern");
    let test = Regex::new(r"`([a-z0-9_]{12,})`").expect("pattern");
    let mut invariants = 0;
    for paragraph in map.split("\n\n").flat_map(|p| p.split("\n- ")).filter(|p| p.contains("**Invariant:**")) {
        invariants += 1;
        let flat = paragraph.replace('\n', " ");
        let by = held.captures(&flat).unwrap_or_else(|| panic!("nothing is said to hold this:\n{paragraph}"));
        for (_, [name]) in test.captures_iter(&by[1]).map(|c| c.extract()) {
            assert!(
                sources.contains(&format!("fn {name}("))
                    || tree::read("clippy.toml").contains(name)
                    || tree::read("Cargo.toml").contains(name),
                "there is no `{name}`, which is to hold:\n{paragraph}"
            );
        }
    }
    assert!(invariants >= 9);
}

/// Protects users: what changes for them is written down under a heading of its own, and the licences are there.
#[test]
fn changelog_and_licences_are_there() {
    let log = tree::read("CHANGELOG.md");
    assert!(log.contains("keepachangelog.com") && log.contains("## [Unreleased]"));
    assert!(tree::read("LICENSE-MIT").contains("Permission is hereby granted"));
    assert!(tree::read("LICENSE-APACHE").contains("Apache License"));
    assert!(tree::read("Cargo.toml").contains("license = \"MIT OR Apache-2.0\""));
    let deny: toml::Table = tree::read("deny.toml").parse().expect("deny.toml");
    assert_eq!(deny["sources"]["unknown-registry"].as_str(), Some("deny"));
}

/// Protects the first impression: every command that the README shows is one that the program has.
#[test]
fn the_readme_shows_commands_that_exist() {
    let readme = tree::read("README.md");
    // Made from the program, as a test of the command line checks; the verbs of plugins are in it.
    let commands = tree::read("docs/reference/commands.md");
    let shown = Regex::new(r"(?m)^\$ (?:\.venv/bin/)?deepcoder ((?:-\S+ )*)([a-z]+)").expect("pattern");
    for (_, [_, verb]) in shown.captures_iter(&readme).map(|c| c.extract()) {
        let known = Regex::new(&format!(r"(?m)^#+ `?deepcoder {verb}\b")).expect("pattern");
        assert!(known.is_match(&commands), "the README shows `deepcoder {verb}`, which the command line does not have");
    }
}

/// The anchor that a heading of a document gets.
fn anchor(heading: &str) -> String {
    let letters = heading.trim_start_matches('#').trim().to_lowercase();
    letters
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// Protects readers: every link in a document, and every document that a source names, is there.
#[test]
fn links_lead_somewhere() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").expect("pattern");
    let named = Regex::new(r"\bdocs/[a-z/-]+\.(?:md|svg)\b").expect("pattern");
    let mut broken = Vec::new();
    let top = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
    let top = top.map(|path| (path.to_owned(), tree::read(path)));
    let documents: Vec<_> = top.into_iter().chain(tree::files("docs", &[".md"])).collect();
    for (path, text) in &documents {
        for (_, [target]) in link.captures_iter(text).map(|c| c.extract()).filter(|(_, [to])| !to.contains("://")) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let folder = tree::root().join(path);
            let at = if file.is_empty() { folder } else { folder.parent().expect("a folder").join(file) };
            let there = std::fs::read_to_string(&at).ok();
            let has = there.is_some_and(|text| text.lines().any(|l| l.starts_with('#') && anchor(l) == heading));
            if !(at.exists() && (heading.is_empty() || has)) {
                broken.push(format!("{path}: {target}"));
            }
        }
    }
    let sources = tree::sources().into_iter().filter(|(path, _)| {
        // Their documents are those of made-up repositories.
        !path.contains("/tests") && !path.contains("/protect.rs") && !path.starts_with("tests/crash/")
    });
    for (path, text) in sources.chain(documents.iter().cloned()) {
        let own = text.split("mod tests {").next().unwrap_or_default();
        broken.extend(
            named
                .find_iter(own)
                .filter(|m| !tree::root().join(m.as_str()).exists())
                .map(|m| format!("{path}: {}", m.as_str())),
        );
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Protects readers of the documents: a sentence names its actor and uses the words of the glossary (docs/glossary.md).
#[test]
fn documents_are_in_plain_words() {
    let nameless = Regex::new(r"(?m)(?:^|[.:;|] |[-*] )(?:What|Whoever|Nobody|Somebody|Whatever) [^?|\n]*(?:[.|\n]|$)")
        .expect("pattern");
    let word = Regex::new(r"(?i)\b(?:whoever|nobody|somebody|work trees?|folders?)\b").expect("pattern");
    let top = ["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|path| (path.to_owned(), tree::read(path)));
    let code = Regex::new(r"`[^`]*`").expect("pattern");
    let mut found = Vec::new();
    for (path, text) in top.into_iter().chain(tree::files("docs", &[".md", ".1"])) {
        for (number, line) in text.lines().enumerate() {
            let line = code.replace_all(line, "`x`");
            found.extend(
                nameless
                    .find(&line)
                    .or_else(|| word.find(&line))
                    .map(|m| format!("{path}:{}: {}", number + 1, m.as_str())),
            );
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
