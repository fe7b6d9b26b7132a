//! The text of a documentation: sections, wrapping, indentation, quotes and comment marks.

use super::Descriptions;
use super::clean::escaped;
use super::place::Place;
use crate::said::Style;
use crate::units::Unit;
use deepcoder_syntax::{DocStyle, Docs, Language};

/// The columns of a documentation, within what the lines of the file take.
const WIDTH: std::ops::RangeInclusive<usize> = 79..=100;
/// A documentation has at least this many columns, however deep it stands.
const LEAST: usize = 32;

/// How documentation looks in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub language: Language,
    /// The convention of its sections; `None` for none.
    pub style: Option<Style>,
    marks: DocStyle,
    width: usize,
}

impl Layout {
    pub(crate) fn new(language: Language, text: &str, style: Option<Style>) -> Self {
        let javadoc = DocStyle { open: "/**\n", each: " * ", close: " */\n", single: false };
        let of_file = DocStyle::of(language, text);
        let marks = match language {
            Language::Rust | Language::Go => of_file,
            // A comment in one line has no room for sections.
            language if language.is_c() && !of_file.single => of_file,
            _ => javadoc,
        };
        let longest = text.lines().map(|line| line.chars().count()).filter(|length| *length <= *WIDTH.end()).max();
        let width = longest.unwrap_or(0).clamp(*WIDTH.start(), *WIDTH.end());
        Self { language, style, marks, width }
    }

    /// Whether parameters and results get a section of their own.
    pub(crate) fn has_sections(&self) -> bool {
        self.style.is_some()
    }
}

/// A line of a documentation: how far it is indented, and by how much more where it goes on.
struct Line {
    indent: usize,
    hanging: usize,
    text: String,
}

fn line(indent: usize, text: impl Into<String>) -> Line {
    Line { indent, hanging: indent, text: text.into() }
}

/// The whole text, with `\n` line endings, ready to be inserted at `place`.
pub(crate) fn rendered(layout: &Layout, unit: &Unit, place: &Place, descriptions: &Descriptions) -> String {
    let mut lines = vec![line(0, descriptions.summary.clone())];
    if let (Some(style), true) = (layout.style, unit.is_function()) {
        match style {
            Style::Google => google(descriptions, &mut lines),
            Style::Numpy => numpy(unit, descriptions, &mut lines),
            Style::Sphinx => fields(":param ", ":returns", ":raises ", descriptions, &mut lines),
            Style::Tags | Style::Doxygen => tags(layout, style, unit, descriptions, &mut lines),
            Style::Markdown => markdown(descriptions, &mut lines),
        }
    }
    let marks = if layout.language.docs() == Docs::Docstring { 0 } else { layout.marks.each.len() };
    let width = layout.width.saturating_sub(place.indent.chars().count() + marks).max(LEAST);
    let lines: Vec<String> =
        lines.into_iter().flat_map(|line| wrapped(&line, width)).map(|line| escaped(layout.language, &line)).collect();
    if layout.language.docs() == Docs::Docstring { docstring(&lines, place) } else { comment(layout, &lines, place) }
}

fn docstring(lines: &[String], Place { indent, .. }: &Place) -> String {
    if let [only] = lines {
        return format!("{indent}\"\"\"{only}\"\"\"\n");
    }
    let mut out = format!("{indent}\"\"\"");
    for (at, line) in lines.iter().enumerate() {
        if at > 0 && !line.is_empty() {
            out.push_str(indent);
        }
        out.push_str(line);
        out.push('\n');
    }
    out.push_str(indent);
    out.push_str("\"\"\"\n");
    out
}

fn comment(layout: &Layout, lines: &[String], Place { indent, .. }: &Place) -> String {
    let DocStyle { open, each, close, .. } = layout.marks;
    let mut out = String::new();
    for part in open.lines() {
        out.push_str(&format!("{indent}{part}\n"));
    }
    for line in lines {
        let whole = format!("{indent}{each}{line}");
        out.push_str(whole.trim_end());
        out.push('\n');
    }
    for part in close.lines() {
        out.push_str(&format!("{indent}{part}\n"));
    }
    out
}

fn google(said: &Descriptions, lines: &mut Vec<Line>) {
    let mut section = |heading: &str, entries: Vec<String>| {
        if !entries.is_empty() {
            lines.push(line(0, ""));
            lines.push(line(0, heading));
            lines.extend(entries.into_iter().map(|text| Line { indent: 4, hanging: 8, text }));
        }
    };
    section("Args:", entries(&said.parameters));
    section("Returns:", said.gives.iter().cloned().collect());
    section("Raises:", entries(&said.raises));
}

fn entries(all: &[(String, String)]) -> Vec<String> {
    all.iter().map(|(name, text)| format!("{name}: {text}")).collect()
}

fn numpy(unit: &Unit, said: &Descriptions, lines: &mut Vec<Line>) {
    let signature = unit.signature.as_ref();
    let heading = |lines: &mut Vec<Line>, text: &str| {
        lines.push(line(0, ""));
        lines.push(line(0, text));
        lines.push(line(0, "-".repeat(text.len())));
    };
    if !said.parameters.is_empty() {
        heading(lines, "Parameters");
        for (name, text) in &said.parameters {
            let parameter = signature.and_then(|s| s.parameters.iter().find(|p| p.name == *name));
            let kind = parameter.and_then(|p| p.annotation.as_deref());
            lines.push(line(0, kind.map_or_else(|| name.clone(), |kind| format!("{name} : {kind}"))));
            lines.push(line(4, text.clone()));
        }
    }
    if let Some(text) = &said.gives {
        heading(lines, "Returns");
        // The convention has a type here; without an annotation this is all that is certain.
        lines.push(line(0, signature.and_then(|s| s.result.clone()).unwrap_or_else(|| "object".to_owned())));
        lines.push(line(4, text.clone()));
    }
    if !said.raises.is_empty() {
        heading(lines, "Raises");
        for (name, text) in &said.raises {
            lines.push(line(0, name.clone()));
            lines.push(line(4, text.clone()));
        }
    }
}

fn fields(parameter: &str, gives: &str, raises: &str, said: &Descriptions, lines: &mut Vec<Line>) {
    let hanging = |text: String| Line { indent: 0, hanging: 4, text };
    let start = lines.len();
    lines.extend(said.parameters.iter().map(|(name, text)| hanging(format!("{parameter}{name}: {text}"))));
    lines.extend(said.gives.iter().map(|text| hanging(format!("{gives}: {text}"))));
    lines.extend(said.raises.iter().map(|(name, text)| hanging(format!("{raises}{name}: {text}"))));
    if lines.len() > start {
        lines.insert(start, line(0, ""));
    }
}

fn tags(layout: &Layout, style: Style, unit: &Unit, said: &Descriptions, lines: &mut Vec<Line>) {
    let mark = if style == Style::Doxygen { '\\' } else { '@' };
    let script = layout.language.is_script();
    let (dash, gives) = if script { ("- ", "returns") } else { ("", "return") };
    let start = lines.len();
    let hanging = |text: String| Line { indent: 0, hanging: 4, text };
    let raises: &[(String, String)] = if unit.is_function() { &said.raises } else { &[] };
    lines.extend(said.parameters.iter().map(|(name, text)| hanging(format!("{mark}param {name} {dash}{text}"))));
    lines.extend(said.gives.iter().map(|text| hanging(format!("{mark}{gives} {text}"))));
    lines.extend(raises.iter().map(|(name, text)| {
        let name = if script { format!("{{{name}}}") } else { name.clone() };
        hanging(format!("{mark}throws {name} {text}"))
    }));
    if lines.len() > start {
        lines.insert(start, line(0, ""));
    }
}

fn markdown(said: &Descriptions, lines: &mut Vec<Line>) {
    if !said.parameters.is_empty() {
        lines.extend([line(0, ""), line(0, "# Arguments"), line(0, "")]);
        let entry =
            |(name, text): &(String, String)| Line { indent: 0, hanging: 2, text: format!("* `{name}` - {text}") };
        lines.extend(said.parameters.iter().map(entry));
    }
    if let Some(text) = &said.gives {
        lines.extend([line(0, ""), line(0, "# Returns"), line(0, ""), line(0, text.clone())]);
    }
}

/// A line in as many as the width takes. A word is never broken.
fn wrapped(line: &Line, width: usize) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut current = String::new();
    for word in line.text.split_whitespace() {
        let indent = if out.is_empty() { line.indent } else { line.hanging };
        let fits = indent + current.chars().count() + 1 + word.chars().count() <= width;
        if !current.is_empty() && !fits {
            out.push(format!("{}{current}", " ".repeat(indent)));
            current.clear();
        }
        if !current.is_empty() {
            current.push(' ');
        }
        current.push_str(word);
    }
    let indent = if out.is_empty() { line.indent } else { line.hanging };
    out.push(if current.is_empty() { String::new() } else { format!("{}{current}", " ".repeat(indent)) });
    out
}
