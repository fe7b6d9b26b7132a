//! Comments in program text, as far as one line tells: enough to know whether there is something to translate, and
//! whether anything else was changed.

use crate::lines::added;
use crate::text::{Subject, program};
use deepcoder_syntax::Language;

/// Short words that English does not have, of languages in the Latin alphabet.
const WORDS: &[&str] = &[
    "der", "das", "und", "nicht", "ist", "für", "wird", "eine", "les", "des", "est", "une", "pour", "dans", "avec",
    "que", "el", "los", "las", "para", "una", "por", "não", "uma", "com", "della", "che", "per", "il", "het", "een",
    "niet", "voor", "och", "inte", "jest", "nie",
];

/// The added lines, from 1, whose comments seem not to be English.
pub(crate) fn foreign(subject: Subject<'_>) -> Vec<usize> {
    let Some((language, text)) = program(subject) else { return Vec::new() };
    let comments = Parts::of(language, text).comments;
    let added = added(subject.old, subject.new);
    let wanted = comments.iter().zip(added).enumerate().filter(|(_, (comment, is_new))| *is_new && is_foreign(comment));
    wanted.map(|(at, _)| at + 1).collect()
}

/// Whether two texts say the same but for their comments.
pub(crate) fn same_code(language: Language, a: &str, b: &str) -> bool {
    let code = |text| {
        let parts = Parts::of(language, text);
        parts.code.into_iter().map(|l| l.trim_end().to_owned()).filter(|l| !l.is_empty()).collect::<Vec<_>>()
    };
    code(a) == code(b)
}

/// Another script, or a word that gives the language away.
fn is_foreign(comment: &str) -> bool {
    let other_script = |c: &char| c.is_alphabetic() && *c > '\u{24f}';
    if comment.chars().filter(other_script).count() >= 2 {
        return true;
    }
    let lower = comment.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphabetic()).filter(|w| !w.is_empty()).collect();
    let hits = words.iter().filter(|word| WORDS.contains(word)).count();
    hits >= 2 || (hits == 1 && comment.chars().any(|c| c.is_alphabetic() && !c.is_ascii()))
}

/// Each line in two: code and comment.
struct Parts {
    code: Vec<String>,
    comments: Vec<String>,
}

impl Parts {
    fn of(language: Language, text: &str) -> Self {
        let mut parts = Self { code: Vec::new(), comments: Vec::new() };
        let hash = language.line_comment() == "#";
        let mut in_block = false;
        let mut triple: Option<&str> = None;
        for line in text.lines() {
            let (mut code, mut comment) = (String::new(), String::new());
            let mut quote: Option<char> = None;
            let mut rest = line;
            while let Some(c) = rest.chars().next() {
                let mut taken = c.len_utf8();
                if in_block {
                    if rest.starts_with("*/") {
                        (in_block, taken) = (false, 2);
                    }
                    comment.push_str(&rest[..taken]);
                } else if let Some(mark) = triple {
                    if rest.starts_with(mark) {
                        (triple, taken) = (None, 3);
                    }
                    code.push_str(&rest[..taken]);
                } else if let Some(open) = quote {
                    if c == '\\' {
                        taken += rest[taken..].chars().next().map_or(0, char::len_utf8);
                    } else if c == open {
                        quote = None;
                    }
                    code.push_str(&rest[..taken]);
                } else if (hash && c == '#') || (!hash && rest.starts_with("//")) {
                    comment.push_str(rest);
                    taken = rest.len();
                } else if !hash && rest.starts_with("/*") {
                    (in_block, taken) = (true, 2);
                    comment.push_str("/*");
                } else {
                    if let Some(mark) = ["\"\"\"", "'''"].into_iter().find(|mark| hash && rest.starts_with(mark)) {
                        (triple, taken) = (Some(mark), 3);
                    } else if c == '"' || c == '`' || (c == '\'' && language != Language::Rust) {
                        quote = Some(c);
                    }
                    code.push_str(&rest[..taken]);
                }
                rest = &rest[taken..];
            }
            parts.code.push(code);
            parts.comments.push(comment);
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deepcoder_types::RepoPath;

    /// Protects code from a model that was asked about comments only, and strings from being taken for comments.
    #[test]
    fn code_and_comments_are_told_apart() {
        let a = "x = \"# nicht\"  # das ist falsch\n\"\"\"\n# in a string\n\"\"\"\n";
        assert!(same_code(Language::Python, a, "x = \"# nicht\"  # that is wrong\n\"\"\"\n# in a string\n\"\"\"\n"));
        assert!(!same_code(Language::Python, a, "x = \"# not\"  # that is wrong\n\"\"\"\n# in a string\n\"\"\"\n"));
        assert!(same_code(Language::Rust, "let a = 'x'; /* 一\n 二 */ f();\n", "let a = 'x'; /* one\n two */ f();\n"));
        assert!(!same_code(Language::Rust, "f(); // a\n", "g(); // a\n"));
        assert!(same_code(Language::Go, "u := \"http://x\" // да\n", "u := \"http://x\" // yes\n"));
    }

    /// Protects from needless questions to the model: English comments and old lines are none of its business.
    #[test]
    fn foreign_comments_are_found() {
        let path = RepoPath::new("a.py").expect("a path");
        let new = "# der Rest ist nicht fertig\nx = 1  # a naïve count\n# 変数\ny = 2  # old и да\n";
        let subject =
            Subject { path: &path, old: Some(b"y = 2  # old \xd0\xb8 \xd0\xb4\xd0\xb0\n"), new: new.as_bytes() };
        assert_eq!(foreign(subject), [1, 3]);
    }
}
