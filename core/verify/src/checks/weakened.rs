//! Tests that check less than before, and messages of tools and errors of programs that an edit silences.

use super::prompt::is_word;
use super::{Context, File, line_of, list};
use crate::policy::Finding;
use deepcoder_syntax::{Language, RawSymbol, comments, is_test};
use std::collections::{BTreeSet, HashMap};

/// At most this many silenced places of a file are told.
const MOST: usize = 3;

/// Calls that compare a value with another one.
const STRICT: &[&str] = &[
    "assertEqual",
    "assertEquals",
    "assert_equal",
    "assert_eq!",
    "assertDictEqual",
    "assertListEqual",
    "assertRaises",
    ".toBe(",
    ".toEqual(",
    ".toStrictEqual(",
    ".deepEqual(",
    ".strictEqual(",
    ".deepStrictEqual(",
    "assert.equal(",
    "assert.Equal(",
    "require.Equal(",
    ".isEqualTo(",
    "assert.Exactly(",
    "assertSame(",
    "assertThrows(",
];

/// Go's tests fail by saying so.
const GO: &[&str] = &["t.Error(", "t.Errorf(", "t.Fatal(", "t.Fatalf("];

/// How a test is switched off, in some framework.
const SKIPS: &[&str] = &[
    "@pytest.mark.skip",
    "@pytest.mark.xfail",
    "pytest.skip(",
    "pytest.xfail(",
    "@unittest.skip",
    "@skip(",
    "self.skipTest(",
    "it.skip(",
    "test.skip(",
    "describe.skip(",
    "xit(",
    "xtest(",
    "xdescribe(",
    "it.only(",
    "test.only(",
    "describe.only(",
    "fit(",
    "fdescribe(",
    "test.todo(",
    "#[ignore",
    "t.Skip(",
    "t.Skipf(",
    "t.SkipNow(",
    "@Disabled",
    "@Ignore",
];

/// Comments and attributes that keep a tool from speaking.
const SILENCERS: &[&str] = &[
    "# noqa",
    "#noqa",
    "# type: ignore",
    "# pylint: disable",
    "# pyright: ignore",
    "# mypy: ignore-errors",
    "# nosec",
    "# pragma: no cover",
    "# ruff: noqa",
    "# flake8: noqa",
    "eslint-disable",
    "@ts-ignore",
    "@ts-nocheck",
    "@ts-expect-error",
    "tslint:disable",
    "biome-ignore",
    "istanbul ignore",
    "c8 ignore",
    "#[\u{61}llow(",
    "#![\u{61}llow(",
    "@SuppressWarnings",
    "//nolint",
    "// nolint",
    "NOLINT",
    "rubocop:disable",
    "#pragma warning disable",
    "@phpstan-ignore",
    "shellcheck disable",
];

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    tests(context, findings);
    for file in &context.files {
        if let (Some(_), Some(new)) = (file.language, file.new) {
            silenced(context, file, new, findings);
            swallowed(file, new, findings);
        }
    }
}

/// The part of a file that tests, before or after the edit.
struct Tested {
    asserts: usize,
    strict: usize,
    names: BTreeSet<String>,
    skips: usize,
}

impl Tested {
    fn of(file: &File<'_>, text: Option<&str>, symbols: &[RawSymbol]) -> Self {
        let mut found = Self { asserts: 0, strict: 0, names: BTreeSet::new(), skips: 0 };
        let Some(text) = text else { return found };
        let code = without_comments(file.language, text);
        found.asserts = count(&code, "assert") + calls(&code, &["expect(", ".raises(", ".warns("]) + calls(&code, GO);
        found.strict = STRICT.iter().map(|call| code.matches(call).count()).sum::<usize>() + equalities(&code);
        found.skips = SKIPS.iter().map(|mark| begun(&code, mark)).sum();
        found.names = test_names(file.language, text, &code, symbols);
        found
    }
}

fn calls(code: &str, names: &[&str]) -> usize {
    names.iter().map(|name| code.matches(name).count()).sum()
}

/// `assert a == b`.
fn equalities(code: &str) -> usize {
    code.lines().map(str::trim).filter(|line| line.starts_with("assert ") && line.contains("==")).count()
}

/// How often `word` begins a word.
fn count(code: &str, word: &str) -> usize {
    code.match_indices(word).filter(|(at, _)| !code[..*at].ends_with(is_word)).count()
}

/// How often `mark` is there as itself and not as the end of a longer word.
fn begun(code: &str, mark: &str) -> usize {
    let inside = |at: usize| mark.starts_with(is_word) && code[..at].ends_with(|c| is_word(c) || c == '.');
    code.match_indices(mark).filter(|(at, _)| !inside(*at)).count()
}

fn without_comments(language: Option<Language>, text: &str) -> String {
    let ranges = language.map(|language| comments(language, text)).unwrap_or_default();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for range in ranges.iter().map(|range| range.as_range()) {
        out.push_str(text.get(at..range.start).unwrap_or_default());
        at = at.max(range.end);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// The names of the tests: of functions by the conventions, of scripts by what they are called with.
fn test_names(language: Option<Language>, text: &str, code: &str, symbols: &[RawSymbol]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for symbol in symbols.iter().filter(|s| matches!(s.kind, "function" | "method")) {
        let lead = text.get(symbol.range.start as usize..symbol.signature_end as usize).unwrap_or_default();
        let marked = lead.contains("#[test]") || lead.contains("::test]") || lead.contains("@Test");
        if marked || symbol.name.starts_with("test") || symbol.name.starts_with("Test") {
            names.insert(symbol.name.clone());
        }
    }
    if language.is_some_and(Language::is_script) {
        for lead in ["it(", "test("] {
            for (at, _) in code.match_indices(lead) {
                let mut rest = code[at + lead.len()..].trim_start().chars();
                let Some(quote @ ('"' | '\'' | '`')) = rest.next() else { continue };
                if !code[..at].ends_with(|c| is_word(c) || c == '.') {
                    names.insert(rest.take_while(|c| *c != quote).collect());
                }
            }
        }
    }
    names
}

/// Whether a file tests, or has tests in it.
fn has_tests(file: &File<'_>) -> bool {
    is_test(file.path)
        || (file.language == Some(Language::Rust) && file.old.is_some_and(|old| old.contains("#[cfg(test)]")))
}

fn tests(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let files: Vec<&File<'_>> = context.files.iter().filter(|file| has_tests(file)).collect();
    // Tests that move to another file of the set are not lost.
    let pairs: Vec<(Tested, Tested)> = files
        .iter()
        .map(|file| (Tested::of(file, file.old, file.before()), Tested::of(file, file.new, file.after())))
        .collect();
    let sum = |value: &dyn Fn(&(Tested, Tested)) -> usize| pairs.iter().map(value).sum::<usize>();
    let (asserts_before, asserts) = (sum(&|p| p.0.asserts), sum(&|p| p.1.asserts));
    let (tests_before, tests) = (sum(&|p| p.0.names.len()), sum(&|p| p.1.names.len()));
    let (skips_before, skips) = (sum(&|p| p.0.skips), sum(&|p| p.1.skips));
    let now: BTreeSet<&String> = pairs.iter().flat_map(|p| &p.1.names).collect();
    let speaks = ["test", "spec", "assertion", "assert"].iter().any(|word| context.prompt.speaks_of(word));
    let gone_definitions = gone_definitions(context);
    for (file, (before, after)) in files.iter().zip(&pairs) {
        let Some(old) = file.old else { continue };
        let new = file.new.unwrap_or_default();
        // The test of what is gone goes with it; that it is gone is another finding.
        let has = |text: &str, name: &str| text.split(|c| !is_word(c)).any(|word| word == name);
        if gone_definitions.iter().any(|name| has(old, name) && !has(new, name)) {
            continue;
        }
        let gone: Vec<&String> = before.names.iter().filter(|name| !now.contains(name)).collect();
        let mut tell = |message: String, certain: bool| {
            let refused = certain && !speaks;
            findings.push(match refused {
                true => Finding::error(file.path, message),
                false => Finding::review(file.path, message),
            });
        };
        // A new test may be for some systems only.
        let new_tests = after.names.len().saturating_sub(before.names.len());
        if after.skips > before.skips + new_tests && skips > skips_before {
            tell("a test is switched off that ran before".to_owned(), true);
        }
        if !gone.is_empty() && tests < tests_before {
            tell(format!("tests are gone: {}", list(&gone)), true);
        } else if asserts < asserts_before && after.asserts < before.asserts {
            let (was, is) = (before.asserts, after.asserts);
            tell(format!("the tests have fewer assertions than before: {is} instead of {was}"), true);
        } else if before.asserts <= after.asserts && after.strict < before.strict && gone.is_empty() {
            let (was, is) = (before.strict, after.strict);
            tell(format!("fewer assertions of the tests compare values: {is} instead of {was}"), false);
        }
    }
}

/// The definitions outside of tests that no file of the set has any more.
fn gone_definitions<'c>(context: &'c Context<'_>) -> BTreeSet<&'c str> {
    let code = || context.files.iter().filter(|file| !is_test(file.path));
    let mut gone: BTreeSet<&str> = code().flat_map(|f| f.before()).map(|s| s.name.as_str()).collect();
    for symbol in code().flat_map(|file| file.after()) {
        gone.remove(symbol.name.as_str());
    }
    // Names of local variables are too common to explain anything.
    gone.retain(|name| name.len() > 2);
    gone
}

/// Messages of tools that the edit keeps from being seen.
fn silenced(context: &Context<'_>, file: &File<'_>, new: &str, findings: &mut Vec<Finding>) {
    let old = file.old.unwrap_or_default();
    // What moves from one file to another is not new.
    let in_set = |text: fn(&File<'_>) -> Option<String>, mark: &str| -> usize {
        context.files.iter().filter_map(text).map(|text| text.matches(mark).count()).sum()
    };
    for mark in SILENCERS {
        let (was, is) = (old.matches(mark).count(), new.matches(mark).count());
        let word = mark.trim_matches(|c: char| !c.is_alphanumeric());
        let before = in_set(|file| file.old.map(str::to_owned), mark);
        let after = in_set(|file| file.new.map(str::to_owned), mark);
        if is <= was || after <= before || context.prompt.text().contains(word) {
            continue;
        }
        let mut had: HashMap<&str, usize> = HashMap::new();
        for line in old.lines().filter(|line| line.contains(mark)) {
            *had.entry(line.trim()).or_default() += 1;
        }
        let added = new.lines().enumerate().filter(|(_, line)| line.contains(mark)).filter(|(_, line)| {
            had.get_mut(line.trim()).filter(|count| **count > 0).map(|count| *count -= 1).is_none()
        });
        for (index, _) in added.take((is - was).min(MOST)) {
            let line = index + 1;
            findings.push(Finding::review(file.path, format!("line {line} silences a tool with `{mark}`")));
        }
    }
}

/// Errors that the edit catches and forgets.
fn swallowed(file: &File<'_>, new: &str, findings: &mut Vec<Finding>) {
    let find: fn(&str) -> Vec<usize> = match file.language {
        Some(Language::Python) => bare_excepts,
        Some(language) if language.is_script() => empty_catches,
        Some(Language::Java | Language::CSharp | Language::Cpp | Language::Php | Language::Kotlin) => empty_catches,
        _ => return,
    };
    let (was, is) = (file.old.map(find).unwrap_or_default(), find(new));
    if let Some(at) = is.last().filter(|_| is.len() > was.len()) {
        let line = line_of(new, u32::try_from(*at).unwrap_or(u32::MAX));
        findings.push(Finding::review(file.path, format!("line {line} catches every error and does nothing with it")));
    }
}

/// Handlers of every exception that do nothing.
fn bare_excepts(text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = 0;
    let mut open: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let said = line.trim();
        if let Some(start) = open
            && !said.is_empty()
            && !said.starts_with('#')
        {
            if matches!(said, "pass" | "...") {
                found.push(start);
            }
            open = None;
        }
        if let Some((head, body)) = said.strip_prefix("except").and_then(|rest| rest.split_once(':')) {
            let head = head.split(" as ").next().unwrap_or_default().trim();
            if matches!(head, "" | "Exception" | "BaseException") {
                match body.trim() {
                    "" => open = Some(at),
                    "pass" | "..." => found.push(at),
                    _ => {}
                }
            }
        }
        at += line.len();
    }
    found
}

/// `catch` with a block that has nothing in it, not even a comment.
fn empty_catches(text: &str) -> Vec<usize> {
    let catches = |(at, _): (usize, &str)| {
        let rest = text[at + "catch".len()..].trim_start();
        let block = match rest.strip_prefix('(') {
            Some(rest) => rest.split_once(')').map(|(_, rest)| rest.trim_start())?,
            None => rest,
        };
        let inside = block.strip_prefix('{')?.trim_start();
        (inside.starts_with('}') && !text[..at].ends_with(is_word)).then_some(at)
    };
    text.match_indices("catch").filter_map(catches).collect()
}
