//! What test runners print for people.

use super::{Raw, json, lines};

/// The short summary of pytest: `FAILED tests/test_a.py::test_b - AssertionError: …`
pub(super) fn pytest(text: &str) -> Option<Vec<Raw>> {
    let mut found = Vec::new();
    for line in text.lines() {
        let (kind, rest) = match line.split_once(' ') {
            Some(("FAILED", rest)) => ("failure", rest),
            Some(("ERROR", rest)) => ("error", rest),
            _ => continue,
        };
        let (id, message) = rest.split_once(" - ").unwrap_or((rest, ""));
        if id.contains(".py") {
            let path = id.split("::").next().unwrap_or(id);
            found.push(Raw::test(id, kind, message).at(path, 0, 0));
        }
    }
    (!found.is_empty()).then_some(found)
}

/// `FAIL: test_a (tests.test_b.Case.test_a)` with a traceback below, up to a ruler.
pub(super) fn unittest(text: &str) -> Option<Vec<Raw>> {
    let mut found: Vec<(String, &'static str, String)> = Vec::new();
    let mut open = false;
    let mut ran = false;
    for line in text.lines() {
        let head = line.strip_prefix("FAIL: ").map(|rest| ("failure", rest));
        if let Some((kind, name)) = head.or_else(|| line.strip_prefix("ERROR: ").map(|rest| ("error", rest))) {
            found.push((name.trim().to_owned(), kind, String::new()));
            open = true;
        } else if line.starts_with("======") || (line.starts_with("Ran ") && line.contains(" test")) {
            ran |= line.starts_with("Ran ");
            open = false;
        } else if open && !line.starts_with("------") && !line.trim().is_empty() && !line.starts_with(' ') {
            // The last line at the margin is the exception.
            if let Some((_, _, message)) = found.last_mut() {
                line.clone_into(message);
            }
        }
    }
    let found: Vec<_> = found.iter().map(|(name, kind, message)| Raw::test(name, kind, message)).collect();
    (ran || !found.is_empty()).then_some(found)
}

/// TAP, as `node --test` prints it: nested tests are indented and come before the test that they are in.
pub(super) fn tap(text: &str) -> Option<Vec<Raw>> {
    let mut found: Vec<Raw> = Vec::new();
    let mut known = false;
    let mut message = false;
    for line in text.lines() {
        let plain = line.trim_start();
        known |= plain.starts_with("TAP version") || plain.starts_with("ok ");
        if let Some(rest) = plain.strip_prefix("not ok ") {
            known = true;
            let name = rest.split_once(" - ").map_or(rest, |(_, name)| name);
            let lower = name.to_ascii_lowercase();
            let skipped = lower.contains(" # todo") || lower.contains(" # skip");
            message = !skipped;
            if !skipped {
                found.push(Raw::test(name.trim(), "failure", ""));
            }
        } else if let Some(error) = plain.strip_prefix("error: ").filter(|_| message) {
            let error = error.trim_matches(['\'', '"', '|', '-', ' ']);
            if let (Some(raw), false) = (found.last_mut(), error.is_empty()) {
                raw.message = format!("{}: {error}", raw.message);
            }
            message = false;
        } else if plain.starts_with("failureType: 'subtestsFailed'") {
            // What is in it has been told.
            found.pop();
        }
    }
    known.then_some(found)
}

/// `cargo test`: messages of the compiler in JSON or for people, then `test a::b ... FAILED` with the output of each below.
pub(super) fn cargo(stdout: &str, stderr: &str) -> Option<Vec<Raw>> {
    let mut found = json::any(stdout).unwrap_or_default();
    // Warnings of a test build are no failures of a test.
    found.retain(|raw| raw.severity == deepcoder_types::Severity::Error);
    if found.is_empty() {
        let errors = lines::read(stderr).into_iter();
        found.extend(errors.filter(|raw| raw.severity == deepcoder_types::Severity::Error));
    }
    let mut known = !found.is_empty();
    let mut failed: Vec<&str> = Vec::new();
    for line in stdout.lines() {
        known |= line.starts_with("test result: ") || line.starts_with("running ");
        if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            failed.push(name);
        }
    }
    for name in failed {
        let head = format!("---- {name} stdout ----");
        let output = stdout.split_once(&head).map(|(_, rest)| rest).unwrap_or_default();
        // `thread 'a::b' panicked at src/lib.rs:3:5:` and the message on the next line.
        let mut lines = output.lines().take(20).skip_while(|line| !line.contains(" panicked at ")).peekable();
        let place = lines.next().and_then(|line| line.split(" panicked at ").nth(1)).unwrap_or_default();
        let message = lines.next().unwrap_or_default();
        let mut raw = Raw::test(name, "failure", message);
        let mut parts = place.trim_end_matches(':').rsplitn(3, ':');
        let (column, line) = (parts.next().and_then(super::number), parts.next().and_then(super::number));
        if let (Some(column), Some(line), Some(file)) = (column, line, parts.next()) {
            raw = raw.at(file, line, column);
        }
        found.push(raw);
    }
    known.then_some(found)
}
