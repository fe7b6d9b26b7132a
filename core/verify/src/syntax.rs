//! Whether the result still parses.

use crate::policy::Finding;
use deepcoder_syntax::{Language, MAX_PARSE, errors, parses};
use deepcoder_types::RepoPath;

pub(crate) fn check(path: &RepoPath, old: Option<&str>, new: &str, findings: &mut Vec<Finding>) {
    let Some(language) = Language::program(path) else { return };
    if parses(language, new).is_none() {
        // Small enough, and the parser gave up: the original, which it could read, has been turned into something else.
        let worse = new.len() <= MAX_PARSE && old.is_none_or(|text| parses(language, text) == Some(true));
        findings.push(if worse {
            Finding::error(path, format!("the result is too contorted to be read as {}", language.name()))
        } else {
            Finding::warning(path, "the file is too large to be parsed, so its syntax is not checked")
        });
        return;
    }
    let after = errors(language, new);
    let before = old.map(|text| errors(language, text).len());
    if let Some(first) = after.first() {
        let name = language.name();
        // Some grammars reject what the language accepts, so that a person decides.
        let wrong = if language.is_exact() { Finding::error } else { Finding::review };
        match before {
            None => findings.push(wrong(path, format!("line {} is not valid {name}", first.line))),
            Some(0) => {
                findings
                    .push(wrong(path, format!("line {} is not valid {name}, and the file parsed before", first.line)));
            }
            Some(count) if after.len() > count => findings.push(Finding::warning(
                path,
                format!("the file has more syntax errors than before: {} instead of {count}", after.len()),
            )),
            Some(_) => {}
        }
    }
}
