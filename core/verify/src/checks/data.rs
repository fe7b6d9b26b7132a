//! JSON, TOML and YAML that parsed and no longer does.

use super::Context;
use super::values::Value;
use crate::policy::Finding;
use deepcoder_types::RepoPath;
use saphyr_parser::{Event, Parser};
use serde::de::IgnoredAny;

/// Larger files are not parsed.
pub(crate) const MAX_PARSE: usize = 4 << 20;

/// How a file's data are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    /// JSON with comments and commas at the end of lists.
    CommentedJson,
    /// One value in each line.
    JsonLines,
    Notebook,
    Toml,
    Yaml,
}

impl Format {
    pub(crate) fn of(path: &RepoPath) -> Option<Self> {
        let name = path.file_name();
        Some(match name {
            "Cargo.lock" | "poetry.lock" | "uv.lock" | "pdm.lock" | "Pipfile" => Self::Toml,
            "composer.lock" | "Pipfile.lock" | ".babelrc" | "flake.lock" => Self::Json,
            ".clang-format" | ".clang-tidy" => Self::Yaml,
            _ => match path.extension()?.to_ascii_lowercase().as_str() {
                "json" if name.starts_with("tsconfig") || name.starts_with("jsconfig") || is_settings(path) => {
                    Self::CommentedJson
                }
                "json" | "webmanifest" | "geojson" | "har" | "avsc" => Self::Json,
                "jsonc" | "code-workspace" => Self::CommentedJson,
                "jsonl" | "ndjson" => Self::JsonLines,
                "ipynb" => Self::Notebook,
                "toml" => Self::Toml,
                "yml" | "yaml" => Self::Yaml,
                _ => return None,
            },
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Json | Self::CommentedJson | Self::JsonLines => "JSON",
            Self::Notebook => "a notebook",
            Self::Toml => "TOML",
            Self::Yaml => "YAML",
        }
    }
}

/// Files whose readers take comments.
fn is_settings(path: &RepoPath) -> bool {
    let in_folder = |folder: &str| path.as_str().split('/').rev().skip(1).any(|part| part == folder);
    in_folder(".vscode")
        || in_folder(".devcontainer")
        || in_folder(".zed")
        || path.file_name().starts_with(".eslintrc")
        || path.file_name() == "devcontainer.json"
        || path.file_name() == ".swcrc"
        || path.file_name().starts_with("api-extractor")
}

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for file in &context.files {
        let Some(new) = file.new else { continue };
        let Some(BrokenData { line, format, message }) = broken_data(file.path, file.old, new) else { continue };
        let place = line.map_or_else(String::new, |line| format!("line {line}: "));
        let before = if file.old.is_some() { ", and it was before" } else { "" };
        findings.push(Finding::error(file.path, format!("{place}the file is not {format}{before} ({message})")));
    }
}

/// Why a text is not in its format.
struct Broken {
    line: Option<usize>,
    message: String,
}

/// Data that cannot be read any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenData {
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// The format that it should be in.
    pub format: &'static str,
    /// The message of the reader.
    pub message: String,
}

/// How `new` is no data in the format of the file, if `old` was, or if the file is new. Templates are no data yet.
#[must_use]
pub fn broken_data(path: &RepoPath, old: Option<&str>, new: &str) -> Option<BrokenData> {
    let format = Format::of(path)?;
    if new.len() > MAX_PARSE || old.is_some_and(|old| old.len() > MAX_PARSE) {
        return None;
    }
    let Broken { line, message } = broken(old, format, new)?;
    Some(BrokenData { line, format: format.name(), message })
}

fn broken(old: Option<&str>, format: Format, new: &str) -> Option<Broken> {
    let Some(old) = old else {
        // Templates are no data yet.
        return if new.contains("{{") || new.contains("{%") || new.trim().is_empty() {
            None
        } else {
            parse(format, new).err()
        };
    };
    if old.trim().is_empty() {
        return parse(format, new).err().filter(|_| !new.trim().is_empty());
    }
    if parse(format, old).is_ok() {
        // An empty text is YAML and TOML, and it is told elsewhere.
        return parse(format, new).err();
    }
    // Where the file had comments, its reader takes them.
    (format == Format::Json && parse(Format::CommentedJson, old).is_ok())
        .then(|| parse(Format::CommentedJson, new).err())
        .flatten()
}

fn parse(format: Format, text: &str) -> Result<(), Broken> {
    let text = text.trim_start_matches('\u{feff}');
    let json = |text: &str| {
        serde_json::from_str::<IgnoredAny>(text).map_err(|error| {
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default().to_owned();
            Broken { line: Some(error.line()), message }
        })
    };
    match format {
        Format::Json => json(text).map(|_| ()),
        Format::CommentedJson => json(&without_comments(text)).map(|_| ()),
        Format::JsonLines => {
            for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                json(line).map_err(|broken| Broken { line: Some(index + 1), ..broken })?;
            }
            Ok(())
        }
        Format::Notebook => {
            json(text)?;
            let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
            if value.get("cells").is_some_and(serde_json::Value::is_array) && value.get("nbformat").is_some() {
                return Ok(());
            }
            Err(Broken { line: None, message: "it has no `cells` or no `nbformat`".into() })
        }
        Format::Toml => text.parse::<toml::Table>().map(|_| ()).map_err(|error| Broken {
            line: error
                .span()
                .map(|span| text.as_bytes()[..span.start.min(text.len())].iter().filter(|&&b| b == b'\n').count() + 1),
            message: error.message().replace('\n', "; "),
        }),
        Format::Yaml => {
            let mut parser = Parser::new_from_str(text);
            loop {
                match parser.next_event() {
                    None | Some(Ok((Event::StreamEnd, _))) => return Ok(()),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => {
                        return Err(Broken { line: Some(error.marker().line()), message: error.info().to_owned() });
                    }
                }
            }
        }
    }
}

/// The value of a text; `None` where it is not in its format, and for formats whose values are not compared.
pub(crate) fn value(format: Format, text: &str) -> Option<Value> {
    let text = text.trim_start_matches('\u{feff}');
    match format {
        Format::Json | Format::CommentedJson => Value::json(&without_comments(text)),
        Format::Toml => Value::toml(text),
        Format::Yaml => Value::yaml(text),
        Format::JsonLines | Format::Notebook => None,
    }
}

/// JSON with blanks for its comments and for commas in front of a closing bracket, so that places stay as they are.
fn without_comments(text: &str) -> String {
    let mut out: Vec<u8> = text.as_bytes().to_vec();
    let bytes = text.as_bytes();
    let mut comma: Option<usize> = None;
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let end = match bytes[at] {
            b'"' => at + string(rest),
            b'/' if rest.starts_with(b"//") => at + rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with(b"/*") => {
                at + rest.windows(2).skip(2).position(|w| w == b"*/").map_or(rest.len(), |p| p + 4)
            }
            _ => at + 1,
        };
        match bytes[at] {
            b'/' if end > at + 1 => {
                for byte in out[at..end].iter_mut().filter(|byte| **byte != b'\n') {
                    *byte = b' ';
                }
            }
            b',' => comma = Some(at),
            b']' | b'}' => {
                if let Some(comma) = comma.take() {
                    out[comma] = b' ';
                }
            }
            byte if byte.is_ascii_whitespace() => {}
            _ => comma = None,
        }
        at = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The length of the string that `rest` begins with.
fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            b'\n' => return at,
            _ => at += 1,
        }
    }
    rest.len()
}
