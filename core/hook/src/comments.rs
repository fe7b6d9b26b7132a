//! Comments in program text, by its grammar: whether there is something to translate, and whether anything else was
//! changed.

use crate::merge::lines;
use crate::text::{Subject, program};
use deepcoder_syntax::{Kept, Language, TokenKind, comments, tokens};

/// Short words that English does not have, of languages in the Latin alphabet.
const WORDS: &[&str] = &[
    "der", "das", "und", "nicht", "ist", "für", "wird", "eine", "les", "des", "est", "une", "pour", "dans", "avec",
    "que", "el", "los", "las", "para", "una", "por", "não", "uma", "com", "della", "che", "per", "il", "het", "een",
    "niet", "voor", "och", "inte", "jest", "nie",
];

/// The added lines, from 1, whose comments seem not to be English.
pub(crate) fn foreign(subject: Subject<'_>) -> Vec<usize> {
    let Some((language, text)) = program(subject) else { return Vec::new() };
    let mut said = vec![String::new(); lines(text.as_bytes()).len()];
    for range in comments(language, text) {
        let first = text.as_bytes().iter().take(range.start as usize).filter(|b| **b == b'\n').count();
        let comment = text.get(range.as_range()).unwrap_or_default();
        for (line, part) in said.iter_mut().skip(first).zip(comment.split('\n')) {
            line.push_str(part);
            line.push(' ');
        }
    }
    let wanted = said.iter().zip(subject.added()).enumerate().filter(|(_, (comment, new))| *new && is_foreign(comment));
    wanted.map(|(at, _)| at + 1).collect()
}

/// Whether two texts say the same but for their comments: token for token as the grammar sees them, and letter for
/// letter outside of comments but for what stands at the end of a line. A comment that steers a tool is code. Texts
/// that do not parse are never the same.
pub(crate) fn same_code(language: Language, a: &str, b: &str) -> bool {
    let code =
        |text| Some((code_tokens(language, text, Kept::All)?, outside(language, text), steering(language, text)));
    code(a).is_some_and(|a| code(b).is_some_and(|b| a == b))
}

/// Whether two texts run the same: token for token without comments, docstrings and statements that do nothing.
pub(crate) fn runs_the_same(language: Language, a: &str, b: &str) -> bool {
    let code = |text| Some((code_tokens(language, text, Kept::Code)?, steering(language, text)));
    code(a).is_some_and(|a| code(b).is_some_and(|b| a == b))
}

fn code_tokens(language: Language, text: &str, kept: Kept) -> Option<Vec<(TokenKind, &str)>> {
    let all = tokens(language, text, kept)?.code;
    let of_code = all.into_iter().filter(|token| token.kind != TokenKind::Comment);
    Some(of_code.map(|token| (token.kind, text.get(token.range.as_range()).unwrap_or_default())).collect())
}

/// The lines without their comments.
fn outside(language: Language, text: &str) -> Vec<String> {
    let mut code = String::new();
    let mut at = 0;
    for range in comments(language, text) {
        code.push_str(text.get(at..range.start as usize).unwrap_or_default());
        at = range.end as usize;
    }
    code.push_str(text.get(at..).unwrap_or_default());
    code.lines().map(|l| l.trim_end().to_owned()).filter(|l| !l.is_empty()).collect()
}

fn steering(language: Language, text: &str) -> Vec<&str> {
    let all = comments(language, text).into_iter().filter_map(|range| text.get(range.as_range()));
    // The comment above `import "C"` is C.
    let cgo = language == Language::Go && text.contains("import \"C\"");
    let is_c =
        |comment: &str| cgo && (comment.starts_with("/*") || comment.contains("#include") || comment.contains("#cgo"));
    all.filter(|comment| language.is_directive(comment) || is_c(comment)).collect()
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

    /// Protects code that looks like a comment: in strings of several lines, raw ones and templates, and comments that
    /// steer a tool. A text that does not parse fails the comparison.
    #[test]
    fn code_in_strings_of_several_lines_is_code() {
        let differ = |language, a: &str, b: &str| {
            assert!(a != b && !same_code(language, a, b), "{a}");
            assert!(same_code(language, a, a), "{a}");
        };
        let go = "package a\n\nvar q = `\nselect 1 // one\n`\n";
        differ(Language::Go, go, &go.replace("// one", "// two"));
        let js = "const t = `\n${x} // one\n`;\n";
        differ(Language::JavaScript, js, &js.replace("// one", "// two"));
        differ(Language::JavaScript, js, &js.replace("${x}", "${x /* y */}${y}"));
        let rust = "const A: &str = \"one\n// two\";\nconst B: &str = r#\"a\n/* b */\"#;\n";
        differ(Language::Rust, rust, &rust.replace("// two", "// 2"));
        differ(Language::Rust, rust, &rust.replace("/* b */", "/* c */"));
        let python = "x = \"\"\"\n# one\n\"\"\"\ny = 'a\\\n# b'\n";
        differ(Language::Python, python, &python.replace("# one", "# two"));
        differ(Language::Python, python, &python.replace("# b", "# c"));
        let ts = "const a: string = /re\\/\\/ x/.source; // one\n";
        differ(Language::TypeScript, ts, &ts.replace("\\/ x", "\\/ y"));
        assert!(same_code(Language::TypeScript, ts, &ts.replace("// one", "// two")));
        let c = "#define A \"x\\\n// y\"\nint a;\n";
        differ(Language::C, c, &c.replace("// y", "// z"));
        let build = "//go:build linux\n\npackage a\n";
        differ(Language::Go, build, &build.replace("linux", "windows"));
        assert!(!same_code(Language::Python, "def f(:\n    # a\n", "def f(:\n    # b\n"));
        assert!(!same_code(Language::Python, "if a:\n    f()\ng()\n", "if a:\n    f()\n    g()\n"));
    }

    /// Protects from needless questions to the model: English comments and old lines are none of its business.
    #[test]
    fn foreign_comments_are_found() {
        let path = RepoPath::new("a.py").expect("a path");
        let new = "# der Rest ist nicht fertig\nx = 1  # a naïve count\n# 変数\ny = 2  # old и да\n";
        let subject = Subject::plain(&path, Some(b"y = 2  # old \xd0\xb8 \xd0\xb4\xd0\xb0\n"), new.as_bytes());
        assert_eq!(foreign(subject), [1, 3]);
    }
}
