//! The actions that need no model. Pure functions of the file before and after.

use crate::config::Kind;
use crate::decode;
use crate::merge::{added, lines};
use deepcoder_syntax::{Language, documentation, errors, multiline_strings, parses, symbols};
use deepcoder_types::RepoPath;
use deepcoder_verify::broken_data;
use deepcoder_workspace::{find_secrets, is_secret_path};
use std::collections::HashSet;
use std::ops::Range;

/// The file that an action looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) path: &'a RepoPath,
    /// As it was in the commit before; `None` for a new one, or when all of it is to be looked at.
    pub(crate) old: Option<&'a [u8]>,
    /// As it was on the other sides of a merge.
    pub(crate) others: &'a [Vec<u8>],
    /// It has not had this name before.
    pub(crate) renamed: bool,
    pub(crate) new: &'a [u8],
}

impl<'a> Subject<'a> {
    /// A file that one commit changes.
    pub(crate) const fn plain(path: &'a RepoPath, old: Option<&'a [u8]>, new: &'a [u8]) -> Self {
        Self { path, old, others: &[], renamed: false, new }
    }

    /// For each line, whether it is on none of the sides that the file comes from.
    pub(crate) fn added(&self) -> Vec<bool> {
        let mut all = added(self.old, self.new);
        for other in self.others {
            for (is_new, here) in all.iter_mut().zip(added(Some(other), self.new)) {
                *is_new &= here;
            }
        }
        all
    }
}

/// Something that an action found: a line from 1, where it is about one, and what it is.
pub(crate) type Found = (Option<usize>, String);

/// The findings of a check of this kind. Those that need a model in order to fix say what they would ask it for.
pub(crate) fn check(kind: Kind, subject: Subject<'_>) -> Vec<Found> {
    match kind {
        Kind::RefuseSecrets => secrets(subject),
        Kind::Parse | Kind::Fix => syntax(subject),
        Kind::ConflictMarkers => markers(subject),
        Kind::TrailingSpace | Kind::FinalNewline => match fix(kind, subject) {
            Some(_) if kind == Kind::FinalNewline => vec![(None, "the last line has no line end".into())],
            Some(fixed) => {
                let new = lines(subject.new);
                let changed = new.iter().zip(lines(&fixed)).enumerate().filter(|(_, (a, b))| **a != *b);
                changed.map(|(at, _)| (Some(at + 1), "white space at the end of the line".into())).collect()
            }
            None => Vec::new(),
        },
        Kind::Document => {
            let bare = undocumented(subject);
            bare.into_iter().map(|(line, name)| (Some(line), format!("`{name}` has no documentation"))).collect()
        }
        Kind::TranslateComments => crate::comments::foreign(subject)
            .into_iter()
            .map(|line| (Some(line), "the comment is in another language".into()))
            .collect(),
        Kind::Edit => Vec::new(),
    }
}

/// The bytes as an action of this kind wants them; `None` when they are so already.
pub(crate) fn fix(kind: Kind, subject: Subject<'_>) -> Option<Vec<u8>> {
    if is_binary(subject.new) {
        return None;
    }
    match kind {
        Kind::TrailingSpace => trailing_space(subject),
        Kind::FinalNewline => final_newline(subject.new),
        _ => None,
    }
}

/// As git sees it: a NUL near the beginning.
pub(crate) fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(8000).any(|b| *b == 0)
}

/// Secrets that begin, end or go on in an added line. The whole text is looked at: what a line is about is often said
/// above it.
fn secrets(subject: Subject<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    if (subject.old.is_none() || subject.renamed) && is_secret_path(subject.path) {
        found.push((None, "a file of this name holds secrets".into()));
    }
    let new = decode::text(subject.new);
    let old = subject.old.map(decode::text);
    let others: Vec<Vec<u8>> = subject.others.iter().map(|other| decode::text(other).as_bytes().to_vec()).collect();
    let decoded =
        Subject { old: old.as_ref().map(|old| old.as_bytes()), others: &others, new: new.as_bytes(), ..subject };
    let mut added = None;
    for secret in find_secrets(&new) {
        let added = added.get_or_insert_with(|| decoded.added());
        let lines = added.get(secret.line - 1..secret.last_line).unwrap_or_default();
        if lines.contains(&true) {
            found.push((Some(secret.line), format!("this looks like {}", secret.what)));
        }
    }
    found
}

fn markers(subject: Subject<'_>) -> Vec<Found> {
    let is_marker = |line: &[u8]| {
        [&b"<<<<<<<"[..], b">>>>>>>", b"|||||||"].iter().any(|mark| {
            line.strip_prefix(*mark).is_some_and(|rest| matches!(rest.first(), None | Some(b' ' | b'\n' | b'\r')))
        })
    };
    let new = lines(subject.new);
    let wrong = new.iter().zip(subject.added()).enumerate();
    let wrong = wrong.filter(|(_, (line, is_new))| *is_new && is_marker(line));
    wrong.map(|(at, _)| (Some(at + 1), "this is a conflict marker".into())).collect()
}

/// A file that parsed, or is new, has to parse.
fn syntax(subject: Subject<'_>) -> Vec<Found> {
    let old = subject.old.and_then(|old| std::str::from_utf8(old).ok());
    let Some((language, new)) = program(subject) else {
        let broken = std::str::from_utf8(subject.new).ok().and_then(|new| broken_data(subject.path, old, new));
        return broken.map(|b| (b.line, format!("this is not {}: {}", b.format, b.message))).into_iter().collect();
    };
    // A grammar that rejects what the language accepts says nothing of a new file.
    if !language.is_exact() && old.is_none() {
        return Vec::new();
    }
    if old.is_some_and(|old| parses(language, old) == Some(false)) {
        return Vec::new();
    }
    let found = errors(language, new).into_iter().take(1);
    found.map(|e| (Some(e.line as usize), format!("this is not valid {}", language.name()))).collect()
}

/// The language and the text of a subject that is program text; by its first line, where its name does not tell.
pub(crate) fn program(subject: Subject<'_>) -> Option<(Language, &str)> {
    let text = std::str::from_utf8(subject.new).ok()?;
    let unnamed = || Language::of_shebang(text).filter(|_| subject.path.extension().is_none());
    Some((Language::program(subject.path).or_else(unnamed)?, text))
}

fn trailing_space(subject: Subject<'_>) -> Option<Vec<u8>> {
    // Two spaces at the end of a line of Markdown are a line break.
    let markdown = subject.path.extension().is_some_and(|e| matches!(e, "md" | "markdown" | "mdx"));
    // The strings of a program that does not parse cannot be told from its code, so that it stays as it is.
    let strings = match program(subject) {
        Some((language, new)) => multiline_strings(language, new)?,
        None => Vec::new(),
    };
    let mut fixed = Vec::with_capacity(subject.new.len());
    let mut read = 0;
    for (line, is_new) in lines(subject.new).into_iter().zip(subject.added()) {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let end = &line[text.len()..];
        let kept = text.iter().rposition(|b| !matches!(b, b' ' | b'\t')).map_or(0, |at| at + 1);
        let is_break = markdown && kept > 0 && &text[kept..] == b"  ";
        let in_string = strings.iter().any(|string| string.as_range().contains(&(read + text.len())));
        fixed.extend_from_slice(if is_new && !is_break && !in_string { &text[..kept] } else { text });
        fixed.extend_from_slice(end);
        read += line.len();
    }
    (fixed != subject.new).then_some(fixed)
}

fn final_newline(new: &[u8]) -> Option<Vec<u8>> {
    if new.is_empty() || new.ends_with(b"\n") {
        return None;
    }
    let crlf = new.windows(2).filter(|pair| pair == b"\r\n").count();
    let all = new.iter().filter(|b| **b == b'\n').count();
    let end: &[u8] = if crlf > 0 && crlf * 2 > all { b"\r\n" } else { b"\n" };
    Some([new, end].concat())
}

/// Public functions that the change adds without saying what they are for: their line and their name.
pub(crate) fn undocumented(subject: Subject<'_>) -> Vec<(usize, String)> {
    let Some((language, new)) = program(subject) else { return Vec::new() };
    let old = subject.old.and_then(|old| std::str::from_utf8(old).ok()).unwrap_or_default();
    let known: HashSet<String> = symbols(language, old).into_iter().map(|s| s.qualified).collect();
    let mut found = Vec::new();
    let all = symbols(language, new);
    let in_function = |at: &Range<u32>| {
        all.iter()
            .any(|s| matches!(s.kind, "function" | "method") && s.signature_start < at.start && at.end <= s.range.end)
    };
    for symbol in &all {
        let (proper, end) = (symbol.signature_start, symbol.signature_end);
        let part = |range: Range<u32>| new.get(range.start as usize..range.end as usize).unwrap_or_default();
        if !matches!(symbol.kind, "function" | "method")
            || known.contains(&symbol.qualified)
            || in_function(&(proper..symbol.range.end))
            || !language.is_public(&symbol.name, part(proper..end))
        {
            continue;
        }
        if documentation(language, new, symbol).is_none() {
            let line = new.as_bytes().iter().take(proper as usize).filter(|b| **b == b'\n').count() + 1;
            found.push((line, symbol.qualified.clone()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: Kind, path: &str, old: Option<&str>, new: &str) -> Vec<Found> {
        let path = RepoPath::new(path).expect("a path");
        check(kind, Subject::plain(&path, old.map(str::as_bytes), new.as_bytes()))
    }

    fn fixed(kind: Kind, path: &str, old: Option<&str>, new: &str) -> Option<String> {
        let path = RepoPath::new(path).expect("a path");
        let subject = Subject::plain(&path, old.map(str::as_bytes), new.as_bytes());
        fix(kind, subject).map(|bytes| String::from_utf8(bytes).expect("text"))
    }

    fn at(found: &[Found]) -> Vec<usize> {
        found.iter().filter_map(|(line, _)| *line).collect()
    }

    /// Protects what leaves the machine: secrets in added lines are found, each with its line and never with its text;
    /// those that were committed long ago do not stop a commit that is about something else.
    #[test]
    fn added_secrets_are_refused() {
        let key = format!("AKIA{}", "QWERTYUIOPASDFGH");
        let old = format!("a\nkey = '{key}'\n");
        let new = format!("a\nkey = '{key}'\nb\ntoken = 'ghp_{}'\nc\n", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
        let some = found(Kind::RefuseSecrets, "a.py", Some(&old), &new);
        assert_eq!(at(&some), [4]);
        assert!(!some[0].1.contains("ghp_"));
        assert_eq!(at(&found(Kind::RefuseSecrets, "a.py", None, &new)), [2, 4]);
        assert_eq!(found(Kind::RefuseSecrets, ".env", None, "x=1\n").len(), 1);
        assert!(found(Kind::RefuseSecrets, "a.py", Some(&new), &new).is_empty());
    }

    /// Protects against half a merge, and against a rule that an underline of a heading breaks.
    #[test]
    fn added_conflict_markers_are_refused() {
        let text = "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> other\n";
        assert_eq!(at(&found(Kind::ConflictMarkers, "a.txt", Some("a\n"), text)), [2, 6]);
        assert!(found(Kind::ConflictMarkers, "a.md", None, "Title\n=======\n<<<<<<<x\n").is_empty());
        assert!(found(Kind::ConflictMarkers, "a.txt", Some(text), text).is_empty());
    }

    /// Protects commits from files that break: what parsed has to parse; what never did is not this commit's fault.
    #[test]
    fn a_file_has_to_parse() {
        assert_eq!(at(&found(Kind::Parse, "a.py", Some("x = 1\n"), "x = 1\ndef f(:\n")), [2]);
        assert_eq!(at(&found(Kind::Parse, "a.py", None, "def f(:\n")), [1]);
        assert!(found(Kind::Parse, "a.py", Some("def (\n"), "def (\nx\n").is_empty());
        assert!(found(Kind::Parse, "a.txt", None, "def f(:\n").is_empty());
        assert_eq!(at(&found(Kind::Parse, "a.json", Some("{}\n"), "{\n\"a\": 1,\n}\n")), [3]);
        assert_eq!(found(Kind::Parse, "a.yaml", None, "a: [1\n").len(), 1);
        assert!(found(Kind::Parse, "a.yaml", None, "a: {{ x }}\nb: [\n").is_empty());
        assert_eq!(at(&found(Kind::Parse, "bin/run", None, "#!/usr/bin/env python3\ndef f(:\n")), [2]);
        assert!(found(Kind::Parse, "tsconfig.json", None, "{ // as it is usual\n}\n").is_empty());
        assert!(found(Kind::Parse, "a.kt", None, "interface A { fun f(): Int }\n").is_empty());
    }

    /// Protects every byte that a fix is not about: line ends stay, untouched lines stay, a Markdown break stays.
    #[test]
    fn deterministic_fixes_touch_only_what_they_are_about() {
        let ts = |path, old, new| fixed(Kind::TrailingSpace, path, old, new);
        assert_eq!(ts("a.py", None, "a \r\nb\t\n\n  \nc").as_deref(), Some("a\r\nb\n\n\nc"));
        assert_eq!(ts("a.py", Some("a \n"), "a \nb \n").as_deref(), Some("a \nb\n"));
        assert_eq!(ts("a.md", None, "a  \nb \n").as_deref(), Some("a  \nb\n"));
        assert_eq!(ts("a.py", None, "a\n"), None);
        assert_eq!(ts("a.bin", None, "a \0\n"), None);
        let newline = |new| fixed(Kind::FinalNewline, "a", None, new);
        assert_eq!(newline("a\r\nb").as_deref(), Some("a\r\nb\r\n"));
        assert_eq!(newline("a\nb").as_deref(), Some("a\nb\n"));
        assert_eq!((newline("a\n"), newline("")), (None, None));
    }

    /// Protects the value of strings from the removal of blanks: heredocs and template literals are data.
    #[test]
    fn strings_keep_their_blanks() {
        let ts = |path, new| fixed(Kind::TrailingSpace, path, None, new);
        let shell = "x=1 \ncat <<EOF\na  \nb\t\nEOF\ny=2 \n";
        assert_eq!(ts("a.sh", shell).as_deref(), Some("x=1\ncat <<EOF\na  \nb\t\nEOF\ny=2\n"));
        assert_eq!(ts("a.ts", "const x = `a  \n\t\n${b} `; \n").as_deref(), Some("const x = `a  \n\t\n${b} `;\n"));
        assert_eq!(ts("a.py", "x = \"\"\"a  \n\"\"\"\n"), None);
        assert_eq!(ts("a.js", "const x = `a  \n"), None);
    }

    /// Protects from needless questions to the model: only new public functions without a word count.
    #[test]
    fn new_public_functions_without_a_word_are_found() {
        let names = |path, old, new| -> Vec<String> {
            let path = RepoPath::new(path).expect("a path");
            let subject = Subject::plain(&path, Some(str::as_bytes(old)), str::as_bytes(new));
            undocumented(subject).into_iter().map(|(_, name)| name).collect()
        };
        let python = "def old():\n    pass\n\ndef new(a):\n    return a\n\ndef _own():\n    pass\n\ndef said():\n    \"\"\"Yes.\"\"\"\n\nclass A:\n    def m(self):\n        def inner():\n            pass\n";
        assert_eq!(names("a.py", "def old():\n    pass\n", python), ["new", "A.m"]);
        assert_eq!(names("a.rs", "", "/// Yes.\npub fn a() {}\nfn b() {}\n#[inline]\npub fn c() {}\n"), ["c"]);
        assert_eq!(names("a.go", "", "package a\n\n// Yes.\nfunc A() {}\n\nfunc B() {}\nfunc c() {}\n"), ["B"]);
        assert!(names("a.py", python, python).is_empty());
    }
}
