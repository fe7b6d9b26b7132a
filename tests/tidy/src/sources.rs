//! How the sources look.

use crate::tree;
use regex::Regex;

/// The most lines of a module.
const MAX_LINES: usize = 500;

/// The lines of a source with their numbers, without those that are only a comment.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(i, l)| (i + 1, l)).filter(|(_, l)| !l.trim_start().starts_with("//"))
}

/// Whether a file holds nothing but tests.
fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.ends_with("/tests.rs") || path.contains("/tests/") || path.contains("/examples/")
}

/// Protects readers: a module fits into one head.
#[test]
fn modules_are_short() {
    let long: Vec<String> = tree::sources()
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(path, lines)| format!("{path} has {lines} lines"))
        .collect();
    assert!(long.is_empty(), "over {MAX_LINES} lines:\n{}", long.join("\n"));
}

/// Protects against what is left behind for later, and against lints that are switched off without a reason.
#[test]
fn nothing_is_left_for_later() {
    // Spelled in pieces, since this file is searched as well.
    let words = ["TO_DO", "FIX_ME", "X_XX", "HA_CK"].map(|w| w.replace('_', ""));
    let left = Regex::new(&format!(r"\b({})\b", words.join("|"))).expect("pattern");
    let macros =
        Regex::new(&["todo", "unimplemented", "dbg"].map(|m| format!(r"\b{m}!\s*[(\[{{]")).join("|")).expect("pattern");
    let allow = Regex::new(&format!(r"#!?\[{}\(", "allow")).expect("pattern");
    let mut found = Vec::new();
    for (path, text) in tree::sources() {
        found.extend(
            text.lines()
                .enumerate()
                .filter(|(_, l)| left.is_match(l))
                .map(|(i, l)| (path.clone(), i + 1, l.to_owned())),
        );
        found.extend(
            code(&text)
                .filter(|(_, l)| macros.is_match(l) || allow.is_match(l))
                .map(|(i, l)| (path.clone(), i, l.to_owned())),
        );
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Protects memory safety: every unsafe block says why it is sound, right before it.
#[test]
fn unsafe_code_says_why() {
    let keyword = Regex::new(r"\bunsafe\s*(\{|impl\b|fn\b|extern\b)").expect("pattern");
    for (path, text) in tree::sources() {
        let lines: Vec<&str> = text.lines().collect();
        for (number, _) in code(&text).filter(|(_, l)| keyword.is_match(l)) {
            // The comment ends on the line before, but for the rest of the statement that the block is in.
            let before = &lines[number.saturating_sub(12)..number];
            let said = before.iter().any(|l| l.contains("// SAFETY:") || l.contains("/// # Safety"));
            assert!(said, "{path}:{number}: unsafe without a SAFETY comment");
        }
    }
}

/// Protects the suite: a test without a reason cannot be judged when it fails.
#[test]
fn every_test_says_what_it_protects() {
    let mut bare = Vec::new();
    for (path, text) in tree::sources() {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (index, _) in lines.iter().enumerate().filter(|(_, l)| **l == "#[test]") {
            let above = lines[..index].iter().rev().find(|l| !l.starts_with("#[") && !l.starts_with(')'));
            if !above.is_some_and(|l| l.starts_with("///")) {
                bare.push(format!("{path}:{}", index + 1));
            }
        }
    }
    assert!(bare.is_empty(), "tests without a doc comment:\n{}", bare.join("\n"));
}

/// Protects rule 9: the environment is read in cli, daemon and python only, and the names of its variables are in one
/// file, where they can be found and documented.
#[test]
fn the_environment_has_one_door() {
    let read = Regex::new(r"\benv::(var|var_os|vars|vars_os|remove_var|set_var)\s*\(").expect("pattern");
    let name = Regex::new(r#""DEEPCODER_[A-Z_]+""#).expect("pattern");
    let mut found = Vec::new();
    for (path, text) in tree::sources().into_iter().filter(|(path, _)| !is_test(path)) {
        let may_read = ["core/cli/", "core/daemon/", "python/"].iter().any(|f| path.starts_with(f));
        // What follows is unit tests.
        let own = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (number, line) in code(own) {
            if (read.is_match(line) && !may_read) || (name.is_match(line) && path != "core/types/src/config.rs") {
                found.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Protects the boundary that only `apply` writes to a work tree: an exception from the lint names its reason and is as
/// narrow as a function.
#[test]
fn exceptions_are_narrow() {
    let wide = Regex::new(r"#!\[expect\([^)]*disallowed_methods").expect("pattern");
    let found: Vec<String> = tree::sources()
        .into_iter()
        .filter(|(path, _)| !is_test(path) && path != "core/apply/src/lib.rs")
        .filter(|(_, text)| {
            let own = text.split("mod tests {").next().unwrap_or_default();
            wide.is_match(own)
        })
        .map(|(path, _)| path)
        .collect();
    assert!(found.is_empty(), "a whole module may write: {found:?}");
}

/// The tests of a source that the runner starts by itself: the number of the first line of each, and its lines.
fn tests_of(text: &str) -> Vec<(usize, Vec<&str>)> {
    let lines: Vec<&str> = text.lines().collect();
    let starts = lines.iter().enumerate().filter(|(_, line)| line.trim() == "#[test]");
    let body = |(start, line): (usize, &&str)| {
        let end = format!("{}}}", &line[..line.len() - line.trim_start().len()]);
        let length = lines[start..].iter().position(|line| *line == end)?;
        Some((start + 1, lines[start..start + length].to_vec()))
    };
    starts.filter_map(body).filter(|(_, body)| !body.iter().any(|line| line.trim().starts_with("#[ignore"))).collect()
}

/// Protects the suite from tests that cannot fail: one that returns early is skipped by `skip!`, which strict runs refuse.
/// A test that starts itself again as another process may end there (it reads a variable, or asks for its `Place`).
#[test]
fn tests_do_not_end_in_silence() {
    let early = Regex::new(r"\breturn\s*(;|\}|$)").expect("pattern");
    let again = Regex::new(r"env::var|Place::Passed => return").expect("pattern");
    let mut found = Vec::new();
    for (path, text) in tree::sources() {
        for (first, body) in tests_of(&text) {
            let silent = body.iter().enumerate().filter(|(_, line)| early.is_match(line) && !line.contains("skip!"));
            if !body.iter().any(|line| again.is_match(line)) {
                found.extend(silent.map(|(n, line)| format!("{path}:{}: {}", first + n, line.trim())));
            }
        }
    }
    assert!(found.is_empty(), "use skip! of deepcoder-test-support:\n{}", found.join("\n"));
}

/// Protects the list of allowed skips: each entry is used by a test.
#[test]
fn allowed_skips_are_used() {
    let list = tree::read("tests/skips.txt");
    let names = list.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(": ").next());
    let sources: Vec<String> = tree::sources().into_iter().map(|(_, text)| text).collect();
    let python = tree::files("python", &[".py"]);
    for name in names {
        let rust = sources.iter().any(|text| text.contains(&format!("skip!(\"{name}\"")));
        let used = rust || python.iter().any(|(_, text)| text.contains(&format!("\"{name}: ")));
        assert!(used, "nothing is skipped for {name}");
    }
}

/// Protects authors and repositories from a caller's variables: git is started in one place, which knows them all.
#[test]
fn git_has_one_runner() {
    let starts = Regex::new(r#"Command::new\(\s*"git"\s*\)"#).expect("pattern");
    let mut found = Vec::new();
    for (path, text) in tree::sources().into_iter().filter(|(path, _)| !is_test(path) && !path.starts_with("core/git/"))
    {
        let own = text.split("mod tests {").next().unwrap_or_default();
        let here = path.starts_with("core/cli/tests/") || path.starts_with("python/tests/");
        found.extend(code(own).filter(|(_, l)| starts.is_match(l) && !here).map(|(n, l)| format!("{path}:{n}: {l}")));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Protects the stack and every process that takes globs from outside: what compiles one asks first whether it is short
/// and flat enough.
#[test]
fn globs_are_looked_at_before_they_are_compiled() {
    let mut found = Vec::new();
    for (path, text) in tree::sources().into_iter().filter(|(path, _)| !is_test(path) && !path.starts_with("tests/")) {
        let own = text.split("mod tests {").next().unwrap_or_default();
        let compiles = own.contains("GlobBuilder::new(") || own.contains("Glob::new(");
        // Those are constants.
        if compiles && !own.contains("check_glob(") && path != "core/workspace/src/secrets/names.rs" {
            found.push(path);
        }
    }
    assert!(found.is_empty(), "compiled without `check_glob`: {found:?}");
}
