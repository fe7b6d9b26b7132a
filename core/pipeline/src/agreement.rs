//! How far candidates agree: answers that a model gives again and again are right more often (self-consistency, Wang et
//! al. 2022).

use deepcoder_edit::line_spans;
use deepcoder_syntax::{Kept, Language, tokens};
use deepcoder_types::{EditSet, FileImage, RepoPath};
use std::collections::BTreeMap;

/// Files with more tokens are compared line by line.
const MAX_TOKENS: usize = 20_000;

/// A result as its tokens, without comments, docstrings and layout where the language is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    files: BTreeMap<RepoPath, [Vec<String>; 2]>,
}

impl Program {
    pub(crate) fn of(set: &EditSet) -> Self {
        let part = |path: &RepoPath, image: &Option<FileImage>| match image {
            Some(image) => words(path, &String::from_utf8_lossy(&image.bytes)),
            None => Vec::new(),
        };
        let files = set.files.iter().map(|file| {
            let sides = [part(&file.path, &file.old), part(&file.path, &file.new)];
            (file.path.clone(), sides)
        });
        Self { files: files.collect() }
    }

    /// Whether both come to the same program.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.files.iter().all(|(path, [_, new])| other.files.get(path).is_some_and(|[_, theirs]| theirs == new))
            && self.files.len() == other.files.len()
    }

    /// How similar the changes are, in `0..=1`: 1 for the same result, 0 for changes with nothing in common. With the
    /// distance `d` of token sequences (insertions and deletions) it is `1 - d(a, b) / (d(old, a) + d(old, b))`.
    pub(crate) fn similarity(&self, other: &Self) -> f32 {
        let (mut apart, mut changed) = (0, 0);
        let empty = Vec::new();
        for path in self.files.keys().chain(other.files.keys().filter(|path| !self.files.contains_key(*path))) {
            let (mine, theirs) = (self.files.get(path), other.files.get(path));
            let old = mine.or(theirs).map_or(&empty, |[old, _]| old);
            let a = mine.map_or(old, |[_, new]| new);
            let b = theirs.map_or(old, |[_, new]| new);
            apart += distance(a, b);
            changed += distance(old, a) + distance(old, b);
        }
        if changed == 0 {
            return 1.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "numbers of tokens, far below 2^24")]
        let similarity = 1.0 - apart as f32 / changed as f32;
        similarity.clamp(0.0, 1.0)
    }
}

fn distance(a: &[String], b: &[String]) -> usize {
    let spans = line_spans(a, b);
    spans.iter().filter(|span| !span.equal).map(|span| span.old.len() + span.new.len()).sum()
}

fn words(path: &RepoPath, text: &str) -> Vec<String> {
    let parsed = Language::program(path).and_then(|language| tokens(language, text, Kept::Code));
    let words: Vec<String> = match parsed {
        Some(found) => {
            let code = found.code.iter().filter(|token| token.range.start < token.range.end);
            code.filter_map(|token| text.get(token.range.as_range())).map(str::to_owned).collect()
        }
        None => text.split_whitespace().map(str::to_owned).collect(),
    };
    if words.len() > MAX_TOKENS { text.lines().map(|line| line.trim().to_owned()).collect() } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deepcoder_types::FileChange;

    fn program(old: &str, new: &str) -> Program {
        let image = |text: &str| Some(FileImage { bytes: text.as_bytes().to_vec(), mode: Some(0o644) });
        let path = RepoPath::new("a.py").expect("a path");
        let files = vec![FileChange { path, old: image(old), new: image(new) }];
        Program::of(&EditSet { id: "x".into(), title: "t".into(), files })
    }

    /// Protects agreement from layout and comments, and shows differences of code as differences.
    #[test]
    fn programs_are_compared_by_their_code() {
        let old = "def f(x):\n    return x\n";
        let a = program(old, "def f(x):\n    return x + 1\n");
        let b = program(old, "def f( x ):\n    # one more\n    return x+1\n");
        let c = program(old, "def f(x):\n    return x - 2\n");
        assert!(a.same(&b) && !a.same(&c));
        assert!((a.similarity(&b) - 1.0).abs() < 1e-6);
        assert!(a.similarity(&c) < 0.01);
        let d = program(old, "def f(x):\n    return x + 2\n");
        assert!(a.similarity(&d) > 0.3 && a.similarity(&d) < 0.9);
    }

    /// Protects a candidate that changes nothing: it agrees with no change.
    #[test]
    fn no_change_agrees_with_no_change_only() {
        let old = "x = 1\n";
        let (none, some) = (program(old, old), program(old, "x = 2\n"));
        assert!(none.similarity(&some) < 1e-6);
        assert!((none.similarity(&none) - 1.0).abs() < 1e-6);
    }
}
