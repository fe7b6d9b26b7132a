//! Markdown cases: what a plugin is asked, what the model says, and what must come of it.
//!
//! ````text
//! # A title
//!
//! ## Instruction
//! add a docstring
//!
//! ## Options
//! {"format": "whole"}
//!
//! ## Targets
//! a.py
//!
//! ## Tree
//! ### `a.py`
//! ```
//! def f(): pass
//! ```
//!
//! ## Model
//! ``` cut-off
//! the first answer
//! ```
//!
//! ## Expected
//! needs-review
//! ### `a.py`
//! ```
//! …
//! ```
//! ````
//!
//! Words after a fence's language say what Markdown cannot show: `crlf`, `bom`, `no-newline`; `cut-off` for an answer that
//! ran out of tokens. `## Expected` begins with `unchanged`, `answer`, `error CODE`, `needs-review` or nothing, and a
//! word `says TEXT` asks for a piece of the message, the rationale or the answer. `## Second` scripts a second run on the
//! result, which must be `unchanged`. `## Prompt` is the last message of the first request, to the letter.

use deepcoder_edit::formats::fenced::{self, Fenced};
use deepcoder_test_support::{FakeModel, Reply};
use deepcoder_types::{Instruction, RepoPath, TextRange};
use std::collections::BTreeMap;
use std::path::Path;

/// Files by path.
pub type Files = BTreeMap<RepoPath, Vec<u8>>;

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its file and title.
    pub name: String,
    /// What is asked.
    pub instruction: Instruction,
    /// The tree.
    pub tree: Files,
    /// What the model says.
    pub replies: Vec<Reply>,
    /// Tokens of the model's context.
    pub context: Option<u32>,
    /// What must come of it.
    pub expected: Expected,
    /// The files that differ afterwards.
    pub after: Files,
    /// A piece of what the user is told.
    pub says: Option<String>,
    /// The last message of the first request.
    pub prompt: Option<String>,
    /// What the model says when asked again for the result.
    pub second: Option<Vec<Reply>>,
}

/// The kind of an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// A proposal that may be applied without a look.
    Safe,
    /// A proposal that needs a look.
    NeedsReview,
    /// Nothing to do.
    Unchanged,
    /// An answer in words.
    Answer,
    /// An error with this code, in kebab-case.
    Error(String),
}

impl Case {
    /// All cases of a folder (`*.md`), sorted by name.
    ///
    /// # Panics
    /// When the folder has none, or one cannot be read: a test over no cases must not pass.
    #[must_use]
    pub fn all(folder: &Path) -> Vec<Self> {
        let entries = std::fs::read_dir(folder).expect("folder of cases");
        let mut paths: Vec<_> = entries.map(|e| e.expect("entry").path()).collect();
        paths.retain(|p| p.extension().is_some_and(|e| e == "md"));
        paths.sort();
        assert!(!paths.is_empty(), "no cases in {}", folder.display());
        let read = |path: &std::path::PathBuf| {
            let name = path.file_stem().expect("name").to_string_lossy().into_owned();
            Self::parse(&name, &std::fs::read_to_string(path).expect("case"))
        };
        paths.iter().map(read).collect()
    }

    /// Read one case.
    ///
    /// # Panics
    /// When it is not one.
    #[must_use]
    pub fn parse(name: &str, text: &str) -> Self {
        let sections = sections(text);
        let known = [
            "instruction",
            "options",
            "targets",
            "selection",
            "context",
            "tree",
            "model",
            "expected",
            "second",
            "prompt",
        ];
        for (heading, _) in &sections {
            assert!(known.contains(&heading.as_str()), "{name}: unknown section `{heading}`");
        }
        let section = |heading: &str| sections.iter().find(|(h, _)| h == heading).map(|(_, t)| t.as_str());
        let tree = tree(name, section("tree").unwrap_or_default());
        let targets = section("targets").map_or_else(
            || tree.keys().take(1).cloned().collect(),
            |t| t.split_whitespace().map(|p| RepoPath::new(p).expect("path")).collect(),
        );
        let numbers = |t: &str| t.split_whitespace().map(|n| n.parse::<u32>().expect("number")).collect::<Vec<_>>();
        let options = section("options").map_or(serde_json::json!({}), |t| serde_json::from_str(t).expect("options"));
        let wanted = section("expected").unwrap_or_else(|| panic!("{name}: no `## Expected`"));
        let before_files = wanted.split("\n###").next().unwrap_or_default();
        let words: Vec<&str> = before_files.lines().map(str::trim).collect();
        Self {
            name: name.to_owned(),
            instruction: Instruction {
                id: name.to_owned(),
                verb: String::new(),
                prompt: section("instruction").unwrap_or_default().trim().to_owned(),
                targets,
                reads: Vec::new(),
                selection: section("selection").map(|t| TextRange::new(numbers(t)[0], numbers(t)[1])),
                options,
                seed: 7,
            },
            after: self::tree(name, wanted),
            tree,
            replies: section("model").map(replies).unwrap_or_default(),
            context: section("context").map(|t| numbers(t)[0]),
            expected: expected(name, &words),
            says: words.iter().find_map(|w| w.strip_prefix("says ")).map(str::to_owned),
            prompt: section("prompt").map(|t| fenced::parse(t).remove(0).text),
            second: section("second").map(replies),
        }
    }

    /// The model of the first run.
    #[must_use]
    pub fn model(&self) -> FakeModel {
        self.with_replies(&self.replies)
    }

    pub(crate) fn with_replies(&self, replies: &[Reply]) -> FakeModel {
        let model = FakeModel::new(replies.to_vec());
        match self.context {
            Some(tokens) => model.with_context(tokens),
            None => model,
        }
    }
}

/// Headings of the second level, lower case, with what follows; a `## ` inside of a fence is text.
fn sections(text: &str) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    let mut fence: Option<usize> = None;
    for line in text.lines() {
        let ticks = line.bytes().take_while(|&b| b == b'`').count();
        match fence {
            Some(size) if ticks >= size && line.trim_end().len() == ticks => fence = None,
            None if ticks >= 3 => fence = Some(ticks),
            _ => {}
        }
        match line.strip_prefix("## ") {
            Some(heading) if fence.is_none() => out.push((heading.trim().to_lowercase(), String::new())),
            _ => {
                if let Some((_, body)) = out.last_mut() {
                    body.push_str(line);
                    body.push('\n');
                }
            }
        }
    }
    out
}

fn tree(name: &str, text: &str) -> Files {
    let file = |block: Fenced| {
        let path = block.path.as_deref().unwrap_or_else(|| panic!("{name}: a file without `### path`"));
        (RepoPath::new(path).expect("path"), decoded(&block).into_bytes())
    };
    fenced::parse(text).into_iter().map(file).collect()
}

fn decoded(block: &Fenced) -> String {
    let has = |word: &str| block.info.split_whitespace().any(|w| w == word);
    let mut text = block.text.clone();
    if has("no-newline") {
        text.truncate(text.trim_end_matches('\n').len());
    }
    if has("crlf") {
        text = text.replace('\n', "\r\n");
    }
    if has("bom") {
        text.insert_str(0, deepcoder_edit::BOM);
    }
    text
}

fn replies(text: &str) -> Vec<Reply> {
    let reply = |block: Fenced| match block.info.split_whitespace().any(|w| w == "cut-off") {
        true => Reply::CutOff(decoded(&block)),
        false => Reply::Text(decoded(&block)),
    };
    fenced::parse(text).into_iter().map(reply).collect()
}

fn expected(name: &str, words: &[&str]) -> Expected {
    let word = words.iter().find(|w| !w.is_empty() && !w.starts_with("says ")).copied().unwrap_or_default();
    match word.split_once(' ').unwrap_or((word, "")) {
        ("" | "###", _) => Expected::Safe,
        ("needs-review", _) => Expected::NeedsReview,
        ("unchanged", _) => Expected::Unchanged,
        ("answer", _) => Expected::Answer,
        ("error", code) => Expected::Error(code.to_owned()),
        _ => panic!("{name}: `{word}` is not an outcome"),
    }
}
