use crate::{Codemod, CodemodError, Source, TemplateError};
use deepcoder_syntax::Language;
use deepcoder_types::{Hint as _, RepoPath};

mod examples;
mod patterns;
mod templates;

fn path() -> RepoPath {
    RepoPath::new("src/a").expect("a path")
}

/// The text after a codemod.
fn after(codemod: &Codemod, language: Option<Language>, text: &str) -> String {
    let matches = codemod.matches(&path(), language, text).expect("it can be read");
    let mut out = text.to_owned();
    for one in matches.iter().rev() {
        out.replace_range(one.range.as_range(), &one.replacement);
    }
    out
}

fn pattern(pattern: &str, replacement: &str) -> Source {
    Source::Pattern { pattern: pattern.into(), replacement: replacement.into(), condition: None }
}

/// The text after a pattern and its replacement.
fn rewritten(from: &str, to: &str, language: Language, text: &str) -> String {
    let codemod = Codemod::new(&pattern(from, to), Some(language)).expect("a codemod");
    after(&codemod, Some(language), text)
}

fn error(source: &Source, language: Option<Language>) -> CodemodError {
    Codemod::new(source, language).map(|_| ()).expect_err("it is refused")
}
