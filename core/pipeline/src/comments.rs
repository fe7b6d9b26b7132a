//! Comments that ask for the run. The plugin works on a tree without them, so that the model need not be told to remove
//! them, and so that the selection is what stands next to them. The result is rebased onto the tree with the comments.
//!
//! `options.comments = [{"path": …, "text": …}]`, with the comment as it stands in the file. A run that changes nothing
//! leaves them where they are.

use crate::error::RunError;
use deepcoder_context::GatherError;
use deepcoder_syntax::{Language, comments, enclosing, symbols};
use deepcoder_types::{Instruction, RepoPath, TextRange};
use deepcoder_workspace::{Overlay, Tree};
use serde::Deserialize;

/// The tree without the comments.
pub(crate) struct AiComments<'t> {
    pub(crate) tree: Overlay<&'t dyn Tree>,
    /// The definition that the only comment is about, in the first target.
    selection: Option<TextRange>,
    /// The line that the only comment stood behind.
    line: Option<String>,
}

#[derive(Deserialize)]
struct Comment {
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

impl<'t> AiComments<'t> {
    /// Takes the comments that the options name out of `tree`.
    pub(crate) fn new(tree: &'t dyn Tree, instruction: &Instruction) -> Result<Self, RunError> {
        let mut without = Self { tree: Overlay::new(tree), selection: None, line: None };
        let Some(named) = instruction.options.get("comments") else { return Ok(without) };
        let named: Vec<Comment> =
            serde_json::from_value(named.clone()).map_err(|e| RunError::Comments(e.to_string()))?;
        for comment in &named {
            let gone = || RunError::NoComment { path: comment.path.clone(), text: comment.text.clone() };
            let language = Language::of(&comment.path).ok_or_else(gone)?;
            without.tree.pin(&comment.path).map_err(GatherError::from)?;
            let file = without.tree.read_text(&comment.path).map_err(GatherError::from)?;
            let (text, gap) = without_comment(language, &file.text, &comment.text).ok_or_else(gone)?;
            if named.len() == 1 && instruction.targets.first() == Some(&comment.path) {
                without.selection = meant(language, &text, &gap);
                if gap.alone.is_none() {
                    let start = text[..gap.at].rfind('\n').map_or(0, |end| end + 1);
                    without.line = Some(text[start..gap.at].trim().to_owned()).filter(|line| !line.is_empty());
                }
            }
            without.tree.write(&comment.path, text).map_err(GatherError::from)?;
        }
        Ok(without)
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
}

/// `text` without the first comment that reads `wanted`, with its line where nothing else stands there.
fn without_comment(language: Language, text: &str, wanted: &str) -> Option<(String, Gap)> {
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

/// The definition that a comment is about: the one right below it, unless that is further out, or the one that it is
/// in.
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
        let (out, gap) = without_comment(language, text, comment).expect("it is there");
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
        assert!(without_comment(Language::Python, "x = '# x AI!'\n", "# x AI!").is_none());
    }
}
