//! What has one door: verbs, JSON, the applier, and the rule for what lands.

use crate::tree;
use regex::Regex;
use std::collections::BTreeSet;

/// What serves callers from outside. None of them builds on another one.
const SURFACES: &[&str] = &["deepcoder-daemon", "deepcoder-watch", "deepcoder-jobs", "deepcoder-hook"];

/// The programs and the module of Python, which put surfaces together and on which nothing builds.
const ENDS: &[&str] = &["deepcoder-cli", "deepcoder-python"];

/// The crates that speak JSON: with clients, or with people who asked for it.
const SPEAK_JSON: &[&str] = &["core/protocol/", "core/daemon/", "core/cli/", "python/"];

/// Elsewhere: what is stored, and what others define as JSON.
const STORE_JSON: &[(&str, &str)] = &[
    ("core/app/src/carry_out.rs", "what a person says of a result, as an option of the plugin"),
    ("core/app/src/held.rs", "a task that waits, in a file"),
    ("core/app/src/kept.rs", "a result that waits, in a file"),
    ("core/apply/src/preimage.rs", "an edit in git's refs, from which a lost history is rebuilt"),
    ("core/checks/src/copy.rs", "the files of a scratch copy, in a file"),
    ("core/checks/src/results.rs", "results of checks, in files"),
    ("core/edit/src/formats/scored.rs", "a test, compiled for tests only"),
    ("core/eval/src/harness.rs", "a task for the program that runs it"),
    ("core/eval/src/runner.rs", "results of a benchmark, a line each"),
    ("core/export/src/import.rs", "the manifest of a model"),
    ("core/export/src/tokenizer.rs", "the tokenizer of a model, in the format of its library"),
    ("core/history/src/write.rs", "files of an edit, in a column"),
    ("core/hub/src/pull/partial.rs", "the state of a download, in a file"),
    ("core/lsp-client/src/talk.rs", "messages of the Language Server Protocol"),
    ("core/pipeline/src/attempt.rs", "findings, as an option of the plugin; what an id is made of"),
    ("core/pipeline/src/run.rs", "the record of an edit, in the history"),
    ("core/queue/src/state.rs", "a job, in a column"),
    ("core/watch/src/ask.rs", "comments, as an option of the plugin"),
    ("core/hook/src/ask.rs", "the options of the plugin, which are none"),
];

/// Where a result's applicability is made, shown or decided on.
const APPLICABILITY: &[(&str, &str)] = &[
    ("core/pipeline/src/verdict.rs", "the rule"),
    ("core/pipeline/src/attempt.rs", "made: a finding lowers it"),
    ("core/pipeline/src/each.rs", "made: of several targets"),
    ("core/pipeline/src/run.rs", "made: of the part that is safe"),
    ("core/app/src/result.rs", "shown: the doubts among the notes"),
    ("core/cli/src/verbs/edit.rs", "shown: loudly or not"),
];

/// The callers of the applier.
const WRITERS: &[(&str, &str)] = &[
    ("core/pipeline/src/run.rs", "a verified result, with its record"),
    ("core/app/src/repo.rs", "into the work tree"),
    ("core/app/src/commit.rs", "into a work tree that is made for it"),
    ("core/hook/src/tree.rs", "what a hook fixed, beside changes that are not staged"),
    ("core/hook/src/run.rs", "opens it for that"),
];

/// Words that happen to be verbs.
const NO_VERBS: &[(&str, &str)] = &[
    ("core/checks/src/parse/json.rs", "a field of tools' JSON"),
    ("core/cli/src/verbs/hook.rs", "what an action of hooks does"),
    ("core/eval/src/fix/mod.rs", "an operation of cases"),
    ("core/types/src/renaming.rs", "words of an instruction"),
    ("core/types/src/instruction.rs", "the verbs that others mean without naming one"),
    ("core/cli/src/verbs/history.rs", "a field of JSON"),
    ("core/profile/src/roles.rs", "the roles of models, as settings name them"),
    ("core/hook/src/config.rs", "an action of hooks"),
    ("core/resolve/src/languages/javascript/hints.rs", "a global of browsers"),
    ("core/verify/src/checks/asked.rs", "words of an instruction"),
    ("core/verify/src/checks/docs.rs", "words of an instruction"),
    ("core/verify/src/checks/prompt.rs", "words of an instruction"),
    ("core/verify/src/checks/prose.rs", "words of an instruction"),
];

/// The sources of the program and their code, without tests.
fn sources() -> Vec<(String, String)> {
    let test = |path: &str| path.ends_with("/tests.rs") || ["/tests/", "/examples/"].iter().any(|f| path.contains(f));
    let all = ["core", "python"].iter().flat_map(|folder| tree::files(folder, &[".rs"]));
    all.filter(|(path, _)| !test(path))
        .map(|(path, text)| {
            let own = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let code: Vec<&str> = own.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            (path, code.join("\n"))
        })
        .collect()
}

/// Fails where `pattern` is found outside of `allowed`, and where an exception is not needed any more.
fn only_in(pattern: &str, allowed: &[(&str, &str)], looked_at: impl Fn(&str) -> bool) {
    let pattern = Regex::new(pattern).expect("pattern");
    let found: BTreeSet<String> = sources()
        .into_iter()
        .filter(|(path, text)| looked_at(path) && pattern.is_match(text))
        .map(|(path, _)| path)
        .collect();
    let known: BTreeSet<String> = allowed.iter().map(|(path, _)| (*path).to_owned()).collect();
    let new: Vec<_> = found.difference(&known).collect();
    assert!(new.is_empty(), "`{pattern}` is not for {new:#?}");
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(gone.is_empty(), "these exceptions are not needed any more: {gone:#?}");
}

/// Protects surfaces from each other: each one can be left out or replaced.
#[test]
fn no_surface_depends_on_a_surface() {
    let crates = tree::crates();
    for name in SURFACES.iter().chain(ENDS) {
        assert!(crates.iter().any(|krate| krate.name == *name), "there is no {name}");
    }
    for krate in crates.iter().filter(|krate| !krate.folder.starts_with("tests/")) {
        for dependency in krate.dependencies() {
            let of_surface = SURFACES.contains(&krate.name.as_str()) && SURFACES.contains(&dependency.as_str());
            let of_end = ENDS.contains(&dependency.as_str());
            assert!(!of_surface && !of_end, "{} may not depend on {dependency}", krate.name);
        }
    }
}

/// Protects the inner crates from untyped values: JSON is made where it is sent, shown or stored.
#[test]
fn json_is_made_at_the_edges() {
    let inside = |path: &str| !SPEAK_JSON.iter().any(|folder| path.starts_with(folder));
    only_in(r"\bjson!\(|serde_json::to_(string|vec|value|writer)", STORE_JSON, inside);
}

/// Protects "one rule decides what lands": what else reads an applicability makes or shows it.
#[test]
fn one_rule_reads_applicability() {
    only_in(r"Applicability::(Safe|NeedsReview|DisplayOnly)\b", APPLICABILITY, |path| path.starts_with("core/"));
}

/// Protects work trees: results are written in one place, and by hooks.
#[test]
fn the_applier_has_few_callers() {
    let others = |path: &str| !path.starts_with("core/apply/");
    only_in(r"\bapplier\s*\.apply\(|pipeline::apply\(|Applier::open", WRITERS, others);
}

/// Protects authors of plugins: a verb is known by its manifest, and no code outside of its plugin names it.
#[test]
fn verbs_are_known_by_their_manifests() {
    let verbs: Vec<String> = tree::files("plugins", &["plugin.toml"])
        .iter()
        .flat_map(|(path, text)| {
            let manifest: toml::Table = text.parse().unwrap_or_else(|e| panic!("{path}: {e}"));
            let verbs = manifest["verbs"].as_array().expect("verbs").clone();
            verbs.into_iter().map(|verb| verb["name"].as_str().expect("name").to_owned())
        })
        .collect();
    assert!(verbs.len() >= 3, "{verbs:?}");
    only_in(&format!("\"({})\"", verbs.join("|")), NO_VERBS, |path| path.starts_with("core/"));
}
