//! The place and the grammar of the documentation of one definition.

use super::Hole;
use crate::units::{Unit, units};
use deepcoder_syntax::{DocStyle, Docs, Language, documentation, symbols};
use deepcoder_types::{Form, RepoPath};

/// Lines of a documentation at most.
const LINES: usize = 14;

/// What a documentation may say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Letters {
    /// Whether letters beyond ASCII may be in it: those of another script are no answer to English about English code.
    foreign: bool,
    /// Whether it may have examples, which nothing proves and some tools run as tests.
    examples: bool,
}

impl Letters {
    pub(super) fn of(instruction: &str, text: &str) -> Self {
        let examples = instruction.to_lowercase().contains("example") || instruction.to_lowercase().contains("doctest");
        Self { foreign: !(instruction.is_ascii() && text.is_ascii()), examples }
    }

    /// A class of characters: all of a line but `not`, which are ASCII.
    fn but(self, not: &str) -> String {
        if self.foreign {
            let escaped: String =
                not.chars().map(|c| if c == '\\' { "\\\\".to_owned() } else { c.to_string() }).collect();
            return format!("[^{escaped}\\n]");
        }
        let hex = |c: u8| format!("\\x{c:02x}");
        let allowed = (b' '..=b'~').filter(|c| !not.contains(char::from(*c))).map(hex).collect::<String>();
        format!("[{allowed}]")
    }

    /// The characters that a line may begin with, so that it begins no example.
    fn first(self, not: &str) -> String {
        self.but(&format!("{not} \t{}", if self.examples { "" } else { "`>" }))
    }
}

/// Where the documentation of `unit` goes, if it has none.
pub(super) fn hole(language: Language, text: &str, unit: &Unit, letters: Letters) -> Option<Hole> {
    let symbols = symbols(language, text);
    let symbol = symbols.iter().find(|s| s.signature_start as usize == unit.signature.start)?;
    if documentation(language, text, symbol).is_some() {
        return None;
    }
    if language.docs() == Docs::Docstring {
        docstring(text, unit, letters)
    } else {
        comment(language, text, unit, letters)
    }
}

/// Behind the line that ends the signature, indented as the body.
fn docstring(text: &str, unit: &Unit, letters: Letters) -> Option<Hole> {
    let end = unit.signature.end;
    let body = text[end..].find('\n').map(|at| end + at + 1)?;
    let rest = text[end..body].trim();
    if !(rest.is_empty() || rest.starts_with('#')) {
        return None;
    }
    let first =
        text[body..unit.range.end].lines().find(|l| !l.trim().is_empty() && !l.trim_start().starts_with('#'))?;
    let indent = &first[..first.len() - first.trim_start().len()];
    let start = text[..unit.signature.start].rfind('\n').map_or(0, |at| at + 1);
    let lead = &text[start..unit.signature.start];
    if indent.len() <= lead.len() {
        return None;
    }
    // The first line stands for itself; a text in several has the closing quotes on a line of their own.
    let (start, any) = (letters.first("\"\\`"), letters.but("\"\\"));
    let line = letters.first("\"\\");
    let more = format!("(\\n?{indent} *{line}{any}*\\n){{1,{LINES}}}");
    let regex = format!("{start}{any}{{3,120}}(\"\"\"|\\n{more}{indent}\"\"\")");
    let prefill = format!("{}{}\n{indent}\"\"\"", lead, text[unit.signature.clone()].replace("\r\n", "\n"));
    let short = Form::Regex(format!("{start}{any}{{3,120}}\"\"\""));
    Some(Hole { range: body..body, prefill, form: Form::Regex(regex), short })
}

/// A comment in front of the definition, if it has none there.
pub(super) fn above(language: Language, text: &str, unit: &Unit, letters: Letters) -> Option<Hole> {
    let lead = text.get(unit.range.start..unit.signature.start)?;
    let marked = lead.lines().any(|line| language.comment_marks().any(|mark| line.trim_start().starts_with(mark)));
    (!marked).then(|| comment(language, text, unit, letters)).flatten()
}

/// In front of the definition, indented as it is.
fn comment(language: Language, text: &str, unit: &Unit, letters: Letters) -> Option<Hole> {
    let start = unit.range.start;
    let first = text[start..unit.range.end].lines().next()?;
    let indent = &first[..first.len() - first.trim_start().len()];
    let DocStyle { open, each, close, single } = DocStyle::of(language, text);
    let lines = |text: &str| text.split_inclusive('\n').map(|line| format!("{indent}{line}")).collect::<String>();
    // The first word of a comment in Go is the name.
    let begin = if language == Language::Go { format!("{} ", unit.name) } else { String::new() };
    let prefill = format!("{}{indent}{each}{begin}", lines(open));
    let (form, short) = if single {
        let (first, any, last) = (letters.first("*`/"), letters.but("*"), letters.but("*/ \t"));
        let regex = format!("{first}{any}{{3,110}}{last}{}\\n", close.replace('*', "\\*"));
        (regex.clone(), regex)
    } else {
        let marked = format!("{indent}{each}").replace('*', "\\*");
        let close = lines(close).replace('*', "\\*");
        let (start, any) = (letters.first("*`/"), letters.but("*"));
        // Markdown has code where four blanks begin a line, headings of examples, and lists whose layout is linted.
        let code = language == Language::Rust && !letters.examples;
        let begins = if code { letters.first("*#-+0123456789") } else { format!(" *{}", letters.first("*")) };
        let line = format!("({begins}{any}*)?");
        (
            format!("{start}{any}{{3,160}}\\n({marked}{line}\\n){{0,{LINES}}}{close}"),
            format!("{start}{any}{{3,120}}\\n{close}"),
        )
    };
    Some(Hole { range: start..start, prefill, form: Form::Regex(form), short: Form::Regex(short) })
}

/// The text for the hole that an answer is: the rest of the documentation, or a definition that has one.
pub(super) fn fitting(path: &RepoPath, unit: &Unit, answer: &str, hole: &Hole) -> Option<String> {
    let language = Language::program(path)?;
    let begun = hole.prefill.rfind("\"\"\"").map(|at| hole.prefill[..at].rfind('\n').map_or(0, |n| n + 1));
    if let Some(begun) = begun.filter(|_| language.docs() == Docs::Docstring) {
        let begun = &hole.prefill[begun..];
        let indent = &begun[..begun.len() - 3];
        // A model without grammars writes the definition.
        let whole = units(path, answer).into_iter().find(|other| other.name == unit.name);
        if whole.is_some() {
            let symbols = symbols(language, answer);
            let symbol = symbols.iter().find(|s| s.name == unit.name)?;
            let doc = documentation(language, answer, symbol)?;
            let own =
                doc.lines().skip(1).filter(|l| !l.trim().is_empty()).map(|l| l.len() - l.trim_start().len()).min();
            let lines = doc.lines().enumerate().map(|(at, line)| match (at, line.trim().is_empty()) {
                (0, _) => line.to_owned(),
                (_, true) => String::new(),
                _ => format!("{indent}{}", line.get(own.unwrap_or(0)..).unwrap_or(line.trim_start())),
            });
            let doc = lines.collect::<Vec<_>>().join("\n");
            let doc = if doc.contains('\n') { format!("{}\n{indent}", doc.trim_end()) } else { doc };
            return plain(&doc).then(|| format!("{begun}{doc}\"\"\"\n"));
        }
        let doc = answer.trim_end().strip_suffix("\"\"\"")?;
        return plain(doc).then(|| format!("{begun}{doc}\"\"\"\n"));
    }
    let whole = hole.prefill.clone() + answer;
    let lead = hole.prefill.trim_start();
    // A comment of its own lines, or one that is closed once.
    let block = lead.starts_with("/*");
    let (marks, close): (&[&str], &str) = match lead.chars().next()? {
        '#' => (&["#"], ""),
        _ if block => (&["/*", "*"], "*/"),
        _ => (&["//"], if lead.starts_with("/// <") { "/// </summary>" } else { "" }),
    };
    let is_comment = |line: &str| marks.iter().any(|mark| line.trim_start().starts_with(mark));
    let closed = close.is_empty() || whole.trim_end().ends_with(close);
    let once = !block || whole.matches("*/").count() <= 1;
    (closed && once && whole.lines().all(is_comment)).then_some(whole)
}

/// Whether a text can stand between the quotes of a docstring.
fn plain(doc: &str) -> bool {
    !doc.trim().is_empty() && !doc.contains("\"\"\"") && !doc.contains('\\') && !doc.ends_with('"')
}
