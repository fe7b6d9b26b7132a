//! Instructions with one exact answer, which needs no model: blanks at line ends, the last line's end, tabs, blank lines,
//! the order of imports, imports that nothing uses.

mod order;
mod task;
mod unused;

pub(crate) use unused::without;

use task::{Task, task};

use crate::target::Base;
use crate::work::{Edited, Work};
use deepcoder_edit::{LineEnding, apply_edits, edits_between, split_bom};
use deepcoder_plugin_api::{ErrorCode, PluginError};
use deepcoder_syntax::{Language, multiline_strings, parses};
use deepcoder_types::{RepoPath, TextEdit, TextRange};

/// Whether the instruction has one exact answer, which a model would only spoil.
pub(crate) fn applies(instruction: &str) -> bool {
    task(instruction).is_some()
}

/// Whether the answer is exact for each of these files, so that no model is asked and no context is needed. Imports of some
/// languages are left to a model.
pub(crate) fn is_exact(instruction: &str, targets: &[RepoPath]) -> bool {
    let by_model = |path: &RepoPath| {
        Language::program(path).is_some_and(|language| !matches!(language, Language::Python | Language::Java))
    };
    match task(instruction) {
        Some(Task::SortImports | Task::UnusedImports(_)) => !targets.iter().any(by_model),
        Some(_) => true,
        None => false,
    }
}

/// The edit, where the instruction has an exact answer. An error where it has one, and the file does not let it be known.
pub(crate) fn edit(work: &Work<'_>, path: &RepoPath, base: &Base) -> Result<Option<Edited>, PluginError> {
    let prompt = &work.instruction.prompt;
    let Some(task) = task(prompt) else { return Ok(None) };
    let invalid = |message: String| PluginError::new(ErrorCode::Invalid, message);
    let named: Vec<&str> =
        prompt.split_whitespace().map(|w| w.trim_matches(['`', '.', ','])).filter(|w| task::is_path(w)).collect();
    if !named.is_empty() && !named.iter().any(|named| path.as_str().ends_with(named)) {
        return Err(invalid(format!("the instruction is about `{}`, and `{path}` is given", named.join("`, `")))
            .with_hint("give the file that it is about: deepcoder edit \"…\" FILE"));
    }
    if path.extension() == Some("ipynb") {
        return Err(invalid(format!("`{path}` is a notebook, whose cells have no such edit"))
            .with_hint("use a formatter for notebooks, such as nbqa or ruff"));
    }
    let text = base.text.as_str();
    let mut notes = Vec::new();
    let new = match &task {
        Task::TrailingSpace => trimmed(path, text),
        Task::FinalNewline if text.is_empty() || text.ends_with('\n') => Some(text.to_owned()),
        Task::FinalNewline => Some(text.to_owned() + LineEnding::dominant(text).as_str()),
        Task::Spaces(count) => spaces(path, text, *count),
        Task::BlankLines(most) => squeezed(path, text, *most),
        Task::SortImports => order::sorted(path, text, &|module| is_own(work, module)),
        Task::UnusedImports(name) => unused::removed(work, path, text, name.as_deref(), &mut notes)?,
    };
    let by_language = matches!(task, Task::SortImports | Task::UnusedImports(_));
    let Some(new) = new else {
        // Other languages have their imports ordered by a model.
        let known = !matches!(Language::program(path), Some(Language::Python | Language::Java));
        if by_language && known && Language::program(path).is_some_and(|language| parses(language, text) == Some(true))
        {
            return Ok(None);
        }
        return Err(invalid(format!("what is text in `{path}` and what is layout cannot be told"))
            .with_hint("the file does not parse, or blanks mean something in it; mend it first, or edit it by hand"));
    };
    let first = work.instruction.targets.first().is_none_or(|first| first == path);
    let text = match work.instruction.selection.filter(|_| first) {
        Some(selection) => within(text, &new, selection)
            .ok_or_else(|| invalid("such an edit is about a whole file".to_owned()).with_hint("leave out the lines"))?,
        None => new,
    };
    Ok(Some(Edited { text, notes, doubt: None }))
}

/// The text with those changes that are in the selected lines.
fn within(old: &str, new: &str, selection: TextRange) -> Option<String> {
    let inside = |edit: &TextEdit| selection.start <= edit.range.start && edit.range.end <= selection.end;
    let edits: Vec<TextEdit> = edits_between(old, new).into_iter().filter(inside).collect();
    apply_edits(old, &edits).ok()
}

/// Whether a module is one of the project.
fn is_own(work: &Work<'_>, module: &str) -> bool {
    let first = module.split('.').next().unwrap_or_default();
    let globs = [format!("{first}.py"), format!("{first}/**"), format!("src/{first}/**"), format!("src/{first}.py")];
    globs.iter().any(|glob| work.host.list_files(glob, 1).is_ok_and(|files| !files.is_empty()))
}

/// The strings of a program that have several lines; `None` where the program cannot be read.
fn strings(path: &RepoPath, text: &str) -> Option<Vec<TextRange>> {
    let blocks =
        || text.lines().any(|line| line.trim_end().ends_with(['|', '>', '-', '+']) && line.contains(['|', '>']));
    match Language::program(path) {
        // Blanks are columns there, and the value of texts in several lines.
        None if path.extension() == Some("tsv") => None,
        None if matches!(path.extension(), Some("yaml" | "yml")) && blocks() => None,
        None if path.extension() == Some("toml") && (text.contains("\"\"\"") || text.contains("'''")) => None,
        None => Some(Vec::new()),
        Some(language) if parses(language, text) == Some(true) => multiline_strings(language, text),
        Some(_) => None,
    }
}

/// The text without blanks at line ends, but for those within strings and for the line breaks of Markdown.
fn trimmed(path: &RepoPath, text: &str) -> Option<String> {
    let strings = strings(path, text)?;
    let markdown = matches!(path.extension(), Some("md" | "markdown"));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        let bare = content.trim_end_matches([' ', '\t']);
        let end = at + content.len();
        let within = strings.iter().any(|s| (s.start as usize) < end && end < s.end as usize);
        let breaks = markdown && !bare.is_empty() && content[bare.len()..].ends_with("  ");
        out.push_str(if within || breaks { content } else { bare });
        out.push_str(&line[content.len()..]);
        at += line.len();
    }
    Some(out)
}

/// The text with no more than `most` blank lines together, but for those within strings.
fn squeezed(path: &RepoPath, text: &str, most: usize) -> Option<String> {
    let strings = strings(path, text)?;
    let mut out = String::with_capacity(text.len());
    let (mut at, mut blank) = (0, 0);
    for line in text.split_inclusive('\n') {
        let within = strings.iter().any(|s| (s.start as usize) <= at && at < s.end as usize);
        blank = if line.trim().is_empty() && !within { blank + 1 } else { 0 };
        if blank <= most {
            out.push_str(line);
        }
        at += line.len();
    }
    Some(out)
}

/// The text with spaces for the tabs that its lines begin with. In a Makefile and in Go tabs mean something.
fn spaces(path: &RepoPath, text: &str, count: usize) -> Option<String> {
    let name = path.file_name().to_lowercase();
    if name.contains("makefile") || matches!(path.extension(), Some("mk" | "mak" | "make" | "go" | "tsv")) {
        return None;
    }
    let strings = strings(path, text)?;
    let (bom, body) = split_bom(text);
    let mut out = bom.to_owned();
    let mut at = bom.len();
    for line in body.split_inclusive('\n') {
        let rest = line.trim_start_matches([' ', '\t']);
        if strings.iter().any(|s| (s.start as usize) <= at && at < s.end as usize) {
            out.push_str(line);
        } else {
            let mut column = 0;
            for c in line[..line.len() - rest.len()].chars() {
                column = if c == '\t' { (column / count + 1) * count } else { column + 1 };
            }
            out.push_str(&" ".repeat(column));
            out.push_str(rest);
        }
        at += line.len();
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> RepoPath {
        RepoPath::new(name).expect("a path")
    }

    /// Protects exact answers from the limits of a model, and models from losing the context that they need.
    #[test]
    fn exact_answers_need_no_context() {
        assert!(is_exact("remove trailing whitespace", &[path("a.go")]));
        assert!(is_exact("sort the imports", &[path("a.py")]));
        assert!(!is_exact("sort the imports", &[path("a.py"), path("a.go")]));
        assert!(!is_exact("add docstrings", &[path("a.py")]));
    }

    /// Protects the value of strings and the breaks of Markdown from the removal of blanks.
    #[test]
    fn blanks_that_mean_something_stay() {
        let text = "x = 1  \ny = \"\"\"a  \n\tb \n\"\"\" \t\r\n\tz\n";
        assert_eq!(trimmed(&path("a.txt"), text).as_deref(), Some("x = 1\ny = \"\"\"a\n\tb\n\"\"\"\r\n\tz\n"));
        let python = "x = 1  \ny = \"\"\"a  \nb \n\"\"\" \t\r\n";
        assert_eq!(trimmed(&path("a.py"), python).as_deref(), Some("x = 1\ny = \"\"\"a  \nb \n\"\"\"\r\n"));
        assert_eq!(trimmed(&path("a.md"), "a  \nb   \n  \n").as_deref(), Some("a  \nb   \n\n"));
        assert_eq!(trimmed(&path("a.py"), "def ( \n"), None);
        assert_eq!(trimmed(&path("a.tsv"), "a\t\n"), None);
        assert_eq!(trimmed(&path("a.yaml"), "a: |\n  b  \n"), None);
        assert_eq!(trimmed(&path("a.yaml"), "a: b  \n").as_deref(), Some("a: b\n"));
    }

    /// Protects the blank lines of strings, and those that are few enough.
    #[test]
    fn blank_lines_are_few() {
        let python = "a = 1\n\n\n \n\nb = \"\"\"\n\n\n\nx\"\"\"\n\n\nc = 2\n";
        let squeezed_text = "a = 1\n\n\nb = \"\"\"\n\n\n\nx\"\"\"\n\n\nc = 2\n";
        assert_eq!(squeezed(&path("a.py"), python, 2).as_deref(), Some(squeezed_text));
        assert_eq!(squeezed(&path("a.txt"), "a\r\n\r\n\r\nb", 1).as_deref(), Some("a\r\n\r\nb"));
    }

    /// Protects strings and Makefiles from a new indentation.
    #[test]
    fn tabs_become_spaces_where_they_indent() {
        let python = "def f():\n\tx = 1\n \tif x:\n\t\treturn \"\"\"\n\ta\"\"\"\n";
        let new = "def f():\n    x = 1\n    if x:\n        return \"\"\"\n\ta\"\"\"\n";
        assert_eq!(spaces(&path("a.py"), python, 4).as_deref(), Some(new));
        assert_eq!(spaces(&path("Makefile"), "a:\n\tb\n", 4), None);
    }
}
