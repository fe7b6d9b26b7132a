//! What tools print, as [`Raw`] messages: pure functions of text. `diagnostic` makes diagnostics of them.

mod json;
mod junit;
mod lines;
mod runners;
mod sarif;

use crate::config::Parser;
use crate::tool::Tool;
use deepcoder_types::Severity;

/// At most this many messages of one run are kept.
const MAX_MESSAGES: usize = 2000;

/// A message as a tool gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raw {
    pub(crate) rule: String,
    pub(crate) severity: Severity,
    /// As printed: absolute, or relative to where the tool ran.
    pub(crate) path: Option<String>,
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) fixes: Vec<(Span, String)>,
    /// What names it across runs, where that is not its message: a test has a name.
    pub(crate) identity: Option<String>,
}

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: Place,
    pub(crate) end: Option<Place>,
    pub(crate) unit: Unit,
}

/// A line and a column, both from 1; 0 where there is none. Or an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) offset: Option<u32>,
}

/// What columns and offsets count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Unit {
    /// Bytes of UTF-8.
    Bytes,
    /// Characters.
    #[default]
    Chars,
    /// Units of UTF-16, as JavaScript counts.
    Utf16,
}

impl Raw {
    fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self {
            rule: String::new(),
            severity,
            path: None,
            span: Span::default(),
            message: message.into(),
            fixes: Vec::new(),
            identity: None,
        }
    }

    /// A failed test.
    fn test(name: &str, kind: &str, message: &str) -> Self {
        let first = message.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let text = if first.is_empty() { format!("{name} fails") } else { format!("{name} fails: {first}") };
        Self { rule: kind.to_owned(), identity: Some(name.to_owned()), ..Self::new(Severity::Error, text) }
    }

    fn at(mut self, path: &str, line: u32, column: u32) -> Self {
        self.path = Some(path.to_owned());
        self.span.start = Place { line, column, offset: None };
        self
    }
}

/// What a run printed.
pub(crate) struct Printed<'a> {
    pub(crate) stdout: &'a str,
    pub(crate) stderr: &'a str,
    /// The file that the tool was told to write.
    pub(crate) report: Option<&'a str>,
}

/// The messages in what a tool printed; `None` where it is not what the parser reads.
pub(crate) fn parse(parser: Parser, tool: Tool, printed: &Printed<'_>) -> Option<Vec<Raw>> {
    let Printed { stdout, stderr, report } = *printed;
    let mut found = match parser {
        Parser::Exit => Some(Vec::new()),
        Parser::Json => json::any(report.unwrap_or(stdout)),
        Parser::Sarif => sarif::read(report.unwrap_or(stdout)),
        Parser::Junit => junit::read(report.unwrap_or(stdout)),
        Parser::Text => Some([lines::read(stdout), lines::read(stderr)].concat()),
        Parser::Auto => match tool {
            Tool::Pytest => report.and_then(junit::read).or_else(|| runners::pytest(stdout)),
            Tool::Unittest => runners::unittest(stderr).or_else(|| runners::unittest(stdout)),
            Tool::NodeTest => runners::tap(stdout),
            Tool::CargoTest => runners::cargo(stdout, stderr),
            Tool::GoVet => json::go_vet(stderr).or_else(|| json::go_vet(stdout)).or_else(|| text(stdout, stderr)),
            Tool::GoTest => json::any(stdout).or_else(|| text(stdout, stderr)),
            Tool::Gcc | Tool::Make | Tool::Javac | Tool::Tsc | Tool::GoBuild => text(stdout, stderr),
            Tool::Mypy => json::any(stdout).or_else(|| text(stdout, stderr)),
            Tool::Cargo => json::any(stdout).or_else(|| text(stdout, stderr)),
            _ => guess(report.unwrap_or(stdout)).or_else(|| text(stdout, stderr)),
        },
    }?;
    found.truncate(MAX_MESSAGES);
    Some(found)
}

fn text(stdout: &str, stderr: &str) -> Option<Vec<Raw>> {
    let found = [lines::read(stdout), lines::read(stderr)].concat();
    (!found.is_empty()).then_some(found)
}

/// By its first character.
fn guess(text: &str) -> Option<Vec<Raw>> {
    match text.trim_start().as_bytes().first()? {
        b'<' => junit::read(text),
        b'{' | b'[' => sarif::read(text).or_else(|| json::any(text)),
        _ => json::any(text),
    }
}

fn number(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) { None } else { text.parse().ok() }
}

#[cfg(test)]
mod tests;
