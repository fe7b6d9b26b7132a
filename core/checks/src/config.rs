//! `[check.NAME]` of `deepcoder.toml`.

use crate::file::{ConfigError, Text, everything};
use crate::tool::{self, Found};
use deepcoder_types::{CheckKind, ContentHash, RepoPath};
use globset::GlobSet;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;
use toml::Spanned;

/// How long a check may take where the file does not say.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The most seconds that a check may take.
const MAX_TIMEOUT: f64 = 3600.0;

/// The most words of a command.
const MAX_WORDS: usize = 256;

/// A name that stands in a command for the file that the parser reads.
pub(crate) const REPORT: &str = "{report}";

const FIELDS: &str = "[check.NAME] has command, kind, files, timeout and parser: command = [\"pytest\", \"-q\"]";

/// How the output of a check is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parser {
    /// By the tool's name.
    Auto,
    /// JSON of one of the known tools.
    Json,
    /// SARIF 2.1.
    Sarif,
    /// JUnit XML.
    Junit,
    /// Lines such as `FILE:LINE:COLUMN: MESSAGE`.
    Text,
    /// Not at all: only the exit code counts.
    Exit,
}

impl Parser {
    const ALL: [(&str, Self); 6] = [
        ("auto", Self::Auto),
        ("json", Self::Json),
        ("sarif", Self::Sarif),
        ("junit", Self::Junit),
        ("text", Self::Text),
        ("exit", Self::Exit),
    ];

    /// Its name in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, parser)| *parser == self).map_or("auto", |(name, _)| name)
    }
}

/// One check.
#[derive(Debug, Clone)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// What kind of check it is.
    pub kind: CheckKind,
    /// The program and its arguments; never a shell's line.
    pub command: Vec<String>,
    /// The globs of the files whose change makes it run, as they are written.
    pub files: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
    /// How its output is read.
    pub parser: Parser,
    /// The tool in the command.
    pub tool: Found,
    globs: GlobSet,
}

impl Check {
    /// Whether a change of `path` makes it run.
    #[must_use]
    pub fn is_about(&self, path: &RepoPath) -> bool {
        self.globs.is_match(path)
    }

    /// Names everything that decides its result.
    pub(crate) fn hash(&self) -> ContentHash {
        // A word has no NUL.
        let words = [&self.command.join("\0"), "\0\0", &format!("{:?}{:?}{:?}", self.kind, self.parser, self.timeout)];
        ContentHash::of(words.concat().as_bytes())
    }
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    check: BTreeMap<Spanned<String>, RawCheck>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCheck {
    command: Spanned<Vec<Spanned<String>>>,
    kind: Option<Spanned<String>>,
    files: Option<Vec<Spanned<String>>>,
    timeout: Option<Spanned<f64>>,
    parser: Option<Spanned<String>>,
}

/// The checks in the text of a `deepcoder.toml`, in its order.
pub fn parse(text: &str) -> Result<Vec<Check>, ConfigError> {
    let at = Text(text);
    let table: toml::Table = text.parse().map_err(|error| at.wrong_toml(&error, FIELDS))?;
    at.known_tables(&table)?;
    let file: File = toml::from_str(text).map_err(|error| at.wrong_toml(&error, FIELDS))?;
    let mut checks: Vec<(usize, Check)> = Vec::new();
    for (name, raw) in file.check {
        let start = raw.command.span().start;
        checks.push((start, read(at, &name, raw)?));
    }
    checks.sort_by_key(|(start, _)| *start);
    Ok(checks.into_iter().map(|(_, check)| check).collect())
}

fn read(text: Text<'_>, name: &Spanned<String>, raw: RawCheck) -> Result<Check, ConfigError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.get_ref().is_empty() || name.get_ref().len() > 64 || !name.get_ref().chars().all(plain) {
        let hint = "a name has letters, digits, `-` and `_`, 64 at most: [check.unit-tests]";
        return Err(text.wrong(name.span().start, "this is not a name of a check", hint));
    }
    let name = name.get_ref().clone();
    let start = raw.command.span().start;
    let command: Vec<String> = raw.command.into_inner().into_iter().map(Spanned::into_inner).collect();
    let wrong_command = |message: &str| {
        text.wrong(
            start,
            message,
            "it is the program and its arguments, without a shell: command = [\"pytest\", \"-q\"]",
        )
    };
    match command.first() {
        None => return Err(wrong_command(&format!("the command of `{name}` is empty"))),
        Some(program) if program.trim().is_empty() => {
            return Err(wrong_command(&format!("the command of `{name}` names no program")));
        }
        Some(program) if command.len() == 1 && program.contains(' ') => {
            return Err(wrong_command(&format!("the command of `{name}` is one word with blanks in it")));
        }
        Some(_) if command.len() > MAX_WORDS => {
            return Err(wrong_command(&format!("the command of `{name}` has more than {MAX_WORDS} words")));
        }
        Some(_) if command.iter().any(|word| word.contains('\0')) => {
            return Err(wrong_command(&format!("the command of `{name}` has a NUL in it")));
        }
        Some(_) => {}
    }
    let tool = tool::find(&command);
    let kind = match raw.kind {
        Some(kind) => match kind.get_ref().as_str() {
            "lint" => CheckKind::Lint,
            "types" => CheckKind::Types,
            "build" => CheckKind::Build,
            "test" => CheckKind::Test,
            other => {
                let message = format!("there is no kind `{other}`");
                return Err(text.wrong(kind.span().start, &message, "the kinds are lint, types, build and test"));
            }
        },
        None => tool.kind().ok_or_else(|| {
            let message = format!("`{}` is not a tool that deepcoder knows, so that `{name}` needs a kind", tool.name);
            text.wrong(start, &message, "kind = \"lint\", \"types\", \"build\" or \"test\"")
        })?,
    };
    let timeout = match raw.timeout {
        None => TIMEOUT,
        Some(seconds) if (0.1..=MAX_TIMEOUT).contains(seconds.get_ref()) => Duration::from_secs_f64(*seconds.get_ref()),
        Some(seconds) => {
            let hint = "it is in seconds, from 0.1 to 3600";
            return Err(text.wrong(seconds.span().start, &format!("the timeout of `{name}` makes no sense"), hint));
        }
    };
    let parser = match raw.parser {
        None => Parser::Auto,
        Some(parser) => {
            let known = Parser::ALL.iter().find(|(known, _)| known == parser.get_ref());
            known.map(|(_, parser)| *parser).ok_or_else(|| {
                let names: Vec<_> = Parser::ALL.iter().map(|(name, _)| *name).collect();
                let message = format!("there is no parser `{}`", parser.get_ref());
                text.wrong(parser.span().start, &message, &format!("the parsers are {}", names.join(", ")))
            })?
        }
    };
    if raw.files.as_ref().is_some_and(Vec::is_empty) {
        let message = format!("`{name}` is about no file, so that it never runs");
        return Err(text.wrong(start, &message, "leave `files` out for every file: files = [\"src/**/*.py\"]"));
    }
    let globs = raw.files.as_deref().map_or_else(|| Ok(everything()), |files| text.globs(files))?;
    let files = raw.files.unwrap_or_default().into_iter().map(Spanned::into_inner).collect();
    Ok(Check { name, kind, command, files, timeout, parser, tool, globs })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> (usize, String, String) {
        match parse(text) {
            Err(ConfigError::Wrong { line, message, hint }) => (line, message, hint),
            other => panic!("{text:?}: {other:?}"),
        }
    }

    /// Protects the author of the file: each mistake is named with its line and with the correction.
    #[test]
    fn mistakes_are_named_with_their_line() {
        let head = "[hook]\n\n[check.a]\n";
        let with = |rest: &str| format!("{head}command = [\"pytest\"]\n{rest}\n");
        for (text, line, part) in [
            ("[checks.a]\ncommand = [\"pytest\"]\n", 1, "`checks` has no meaning"),
            ("[check.a]\n", 1, "missing field `command`"),
            ("[check.\"a b\"]\ncommand = [\"pytest\"]\n", 1, "not a name of a check"),
            (&format!("{head}command = \"pytest -q\"\n"), 4, "invalid type: string"),
            (&format!("{head}command = [\"pytest -q\"]\n"), 4, "one word with blanks"),
            (&format!("{head}command = []\n"), 4, "is empty"),
            (&format!("{head}command = [\" \"]\n"), 4, "names no program"),
            (&format!("{head}command = [\"a\\u0000\"]\n"), 4, "NUL"),
            (&format!("{head}command = [\"./check.sh\"]\n"), 4, "needs a kind"),
            (&with("kind = \"tests\""), 5, "there is no kind `tests`"),
            (&with("timeout = 0"), 5, "the timeout of `a` makes no sense"),
            (&with("timeout = 1e9"), 5, "the timeout of `a` makes no sense"),
            (&with("parser = \"xml\""), 5, "there is no parser `xml`"),
            (&with("files = [\"[\"]"), 5, "is not a glob"),
            (&with("files = []"), 4, "`a` is about no file"),
            (&with("shell = true"), 5, "unknown field `shell`"),
            ("[hook]\n\n[chekc.a]\n", 3, "`chekc` has no meaning"),
            ("timeout = 3\n", 1, "`timeout` has no meaning"),
            ("[hook]\n[\"modles\"]\n", 2, "`modles` has no meaning"),
        ] {
            let (at, message, hint) = wrong(text);
            assert_eq!(at, line, "{text}: {message}");
            assert!(message.contains(part), "{text}: {message}");
            assert!(!hint.is_empty());
        }
    }

    /// Protects from a slip of the pen: the hint names the table that is meant.
    #[test]
    fn an_unknown_table_names_the_nearest_one() {
        assert!(wrong("[chekc.a]\n").2.starts_with("is `check` meant?"));
        assert!(wrong("[hooks]\n").2.starts_with("is `hook` meant?"));
        assert!(wrong("[xyz]\n").2.starts_with("the tables are"));
    }

    /// Protects the meaning of the file: the order stays, kinds come from known tools, and globs choose the files.
    #[test]
    fn checks_are_read_in_their_order() {
        let text = "[check.z]\ncommand = [\"mypy\", \"src\"]\nfiles = [\"src/**/*.py\"]\ntimeout = 2.5\n\
                    [hook]\nstrict = true\n[check.a]\ncommand = [\"./t\"]\nkind = \"test\"\nparser = \"junit\"\n";
        let checks = parse(text).expect("it parses");
        let [z, a] = checks.as_slice() else { panic!("{checks:?}") };
        assert_eq!((z.name.as_str(), z.kind, z.timeout), ("z", CheckKind::Types, Duration::from_millis(2500)));
        assert_eq!((a.name.as_str(), a.kind, a.parser, a.timeout), ("a", CheckKind::Test, Parser::Junit, TIMEOUT));
        let path = |text: &str| RepoPath::new(text).expect("a path");
        assert!(z.is_about(&path("src/a/b.py")) && !z.is_about(&path("b.py")) && a.is_about(&path("b.py")));
        assert_ne!(z.hash(), a.hash());
        assert!(parse("[hook]\n").expect("it parses").is_empty());
    }
}
