//! Comments that asked for the run: they are taken out before anybody reads the files, so that nobody has to be told to
//! take them out, and what stands next to them is what is meant.
//!
//! `options.comments = [{"path": …, "text": …}]`, with the comment as it stands in the file. A run that changes nothing
//! leaves them where they are.

use crate::error::RunError;
use deepcoder_syntax::{Language, comments, enclosing, symbols};
use deepcoder_types::{EditSet, FileChange, FileImage, Instruction, RepoPath, TextRange};
use deepcoder_workspace::Workspace;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The files without the comments.
#[derive(Default)]
pub(crate) struct Marks {
    files: BTreeMap<RepoPath, Marked>,
    /// What the only comment is about, in the first target.
    selection: Option<TextRange>,
    /// The line that the only comment stood behind.
    line: Option<String>,
}

struct Marked {
    /// As it is in the tree.
    real: FileImage,
    /// Without the comments.
    text: String,
}

#[derive(Deserialize)]
struct Mark {
    path: RepoPath,
    text: String,
}

/// Where a comment was.
struct Gap {
    /// In the text without it.
    at: usize,
    /// How far it was indented, where nothing else stood in its line.
    alone: Option<usize>,
}

impl Marks {
    /// Read the files that the options name.
    pub(crate) fn read(workspace: &Workspace, instruction: &Instruction) -> Result<Self, RunError> {
        let Some(named) = instruction.options.get("comments") else { return Ok(Self::default()) };
        let named: Vec<Mark> = serde_json::from_value(named.clone()).map_err(|e| RunError::Comments(e.to_string()))?;
        let mut marks = Self::default();
        let mut gap = None;
        for mark in &named {
            let gone = || RunError::NoComment { path: mark.path.clone(), text: mark.text.clone() };
            let language = Language::of(&mark.path).ok_or_else(gone)?;
            if !marks.files.contains_key(&mark.path) {
                let file = workspace.read_text(&mark.path).map_err(deepcoder_context::GatherError::from)?;
                let real = FileImage { bytes: file.text.clone().into_bytes(), mode: Some(file.mode) };
                marks.files.insert(mark.path.clone(), Marked { real, text: file.text });
            }
            let file = marks.files.get_mut(&mark.path).ok_or_else(gone)?;
            let (text, found) = without(language, &file.text, &mark.text).ok_or_else(gone)?;
            file.text = text;
            gap = Some((mark, language, found));
        }
        if let (1, Some((mark, language, gap))) = (named.len(), gap)
            && instruction.targets.first() == Some(&mark.path)
            && let Some(file) = marks.files.get(&mark.path)
        {
            marks.selection = meant(language, &file.text, &gap);
            if gap.alone.is_none() {
                let start = file.text[..gap.at].rfind('\n').map_or(0, |end| end + 1);
                marks.line = Some(file.text[start..gap.at].trim().to_owned()).filter(|line| !line.is_empty());
            }
        }
        Ok(marks)
    }

    /// The instruction, about what the comment is about.
    pub(crate) fn instruction(&self, instruction: &Instruction) -> Instruction {
        let mut instruction = instruction.clone();
        instruction.selection = instruction.selection.or(self.selection);
        if let Some(line) = &self.line {
            instruction.prompt.push_str(&format!(" (this is about the line `{line}`)"));
        }
        instruction
    }

    /// Whether no comment asked for the run.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The texts that take the place of those in the tree.
    pub(crate) fn texts(&self) -> BTreeMap<RepoPath, String> {
        self.files.iter().map(|(path, file)| (path.clone(), file.text.clone())).collect()
    }

    /// What a file holds for whoever works on it.
    pub(crate) fn image(&self, path: &RepoPath) -> Option<FileImage> {
        let file = self.files.get(path)?;
        Some(FileImage { bytes: file.text.clone().into_bytes(), mode: file.real.mode })
    }

    /// The same change for the files as they are in the tree.
    pub(crate) fn restore(self, set: &mut EditSet) {
        for (path, file) in self.files {
            match set.files.iter_mut().find(|change| change.path == path) {
                Some(change) => change.old = Some(file.real),
                None => {
                    let new = FileImage { bytes: file.text.into_bytes(), mode: file.real.mode };
                    set.files.push(FileChange { path, old: Some(file.real), new: Some(new) });
                }
            }
        }
        set.files.sort_by(|a, b| a.path.cmp(&b.path));
    }
}

/// `text` without the first comment that reads `wanted`, with its line where nothing else stands there.
fn without(language: Language, text: &str, wanted: &str) -> Option<(String, Gap)> {
    let reads = |range: &TextRange| text.get(range.as_range()).is_some_and(|t| t.trim_end() == wanted.trim_end());
    let range = comments(language, text).into_iter().find(reads)?.as_range();
    let line = text[..range.start].rfind('\n').map_or(0, |end| end + 1);
    let before = &text[line..range.start];
    let rest = &text[range.end..];
    let end = rest.find('\n').map_or(text.len(), |end| range.end + end + 1);
    let alone = before.trim().trim_start_matches('\u{feff}').is_empty() && text[range.end..end].trim().is_empty();
    let cut = if alone {
        // A byte order mark stays.
        line + before.len() - before.trim_start_matches('\u{feff}').len()..end
    } else {
        line + before.trim_end().len()..range.end
    };
    let mut out = text.to_owned();
    out.replace_range(cut.clone(), "");
    let indent = before.chars().filter(|c| c.is_whitespace()).count();
    Some((out, Gap { at: cut.start, alone: alone.then_some(indent) }))
}

/// What a comment is about: the definition right below it, unless that is further out, or the one that it is in.
fn meant(language: Language, text: &str, gap: &Gap) -> Option<TextRange> {
    let below = gap.alone.and_then(|indent| {
        let follows = |start: usize| text.get(gap.at..start).is_some_and(|between| between.trim().is_empty());
        let body = |kind: &str| !matches!(kind, "variable" | "field" | "constant");
        let mut found = symbols(language, text).into_iter().filter(|s| body(s.kind)).map(|s| s.range);
        let found = found.find(|range| follows(range.start as usize))?;
        let start = found.start as usize;
        let column = start - text[..start].rfind('\n').map_or(0, |end| end + 1);
        (column >= indent).then_some(found)
    });
    // The end of a definition is not in it any more: what stands before the comment is.
    let before = text[..gap.at].trim_end().len().saturating_sub(1);
    let around = |at: usize| enclosing(language, text, u32::try_from(at).ok()?).map(|symbol| symbol.range);
    let inside = || match gap.alone {
        Some(0) => None,
        Some(_) => around(gap.at).or_else(|| around(before)),
        None => around(before),
    };
    below.or_else(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(language: Language, text: &str, comment: &str) -> (String, Option<String>) {
        let (out, gap) = without(language, text, comment).expect("it is there");
        let meant = meant(language, &out, &gap).map(|range| out[range.as_range()].to_owned());
        (out, meant)
    }

    /// Protects what stands around a comment: its line goes with it where nothing else is in it, line endings and the
    /// code before it stay, and what it is about is the definition below or around it.
    #[test]
    fn a_comment_goes_and_its_neighbour_is_meant() {
        let python = |text, comment| cut(Language::Python, text, comment);
        let f = "def f():\n    return 1";
        let (out, meant) = python("x = 1\r\n# doc AI!\ndef f():\n    return 1\n", "# doc AI!");
        assert_eq!((out.as_str(), meant.as_deref()), ("x = 1\r\ndef f():\n    return 1\n", Some(f)));
        let (out, meant) = python("def f():\n    # doc AI!\n    return 1\n", "# doc AI!");
        assert_eq!((out.as_str(), meant.as_deref()), ("def f():\n    return 1\n", Some(f)));
        let (out, meant) = python("def f():\n    return 1  # two AI!\n", "# two AI!");
        assert_eq!((out.as_str(), meant.as_deref()), ("def f():\n    return 1\n", Some(f)));
        let (_, meant) = python("def f():\n    return 1\n    # more AI!\n\ndef g(): pass\n", "# more AI!");
        assert_eq!(meant.as_deref(), Some(f));
        let (out, meant) = python("\u{feff}# x AI!\nx = 1  # y AI!", "# x AI!");
        assert_eq!((out.as_str(), meant), ("\u{feff}x = 1  # y AI!", None));
        let class = "class A {\n  int a; /* x AI! */ int b;\n  // m AI!\n  void m() {}\n}\n";
        let (out, meant) = cut(Language::Java, class, "// m AI!");
        assert_eq!(meant.as_deref(), Some("void m() {}"));
        let (out, _) = cut(Language::Java, &out, "/* x AI! */");
        assert_eq!(out, "class A {\n  int a; int b;\n  void m() {}\n}\n");
        assert!(without(Language::Python, "x = '# x AI!'\n", "# x AI!").is_none());
    }
}
