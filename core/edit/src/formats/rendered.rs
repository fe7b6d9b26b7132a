//! Whatever can be written in a format is read back as what it was.

use super::envelope::{self, Chunk, FileOp};
use super::search_replace::{self, Block};
use super::{fenced, lazy, patch};
use deepcoder_types::{FileChange, FileImage, RepoPath};
use proptest::prelude::*;

/// A line of code or prose, not empty; a few characters so that lines are often the same.
fn line() -> impl Strategy<Value = String> {
    "[ \t]{0,4}[a-dé(){}+@*#-]{1,5}[ a-d'\"`<>=]{0,6}".prop_filter("no delimiter", |l| {
        let l = l.trim();
        !(l.starts_with("<<<<<") || l.starts_with(">>>>>") || l.starts_with("***") || l.starts_with("```"))
    })
}

fn text(lines: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec(line(), lines).prop_map(|lines| lines.iter().map(|l| format!("{l}\n")).collect())
}

fn path() -> impl Strategy<Value = String> {
    "[a-z]{1,6}/[a-z_]{1,8}\\.(py|rs|md)"
}

fn written(block: &Block) -> String {
    let path = block.path.as_deref().unwrap_or_default();
    format!("{path}\n```\n<<<<<<< SEARCH\n{}=======\n{}>>>>>>> REPLACE\n```\n\n", block.search, block.replace)
}

fn written_op(op: &FileOp) -> String {
    let marked = |sign: char, text: &str| text.lines().map(|l| format!("{sign}{l}\n")).collect::<String>();
    match op {
        FileOp::Add { path, text } => format!("*** Add File: {path}\n{}", marked('+', text)),
        FileOp::Delete { path } => format!("*** Delete File: {path}\n"),
        FileOp::Update { path, moved, chunks } => {
            let moved = moved.as_ref().map(|m| format!("*** Move to: {m}\n")).unwrap_or_default();
            let chunk = |c: &Chunk| {
                let context: String = c.context.iter().map(|l| format!("@@ {l}\n")).collect();
                let context = if context.is_empty() { "@@\n".to_owned() } else { context };
                let end = if c.at_end { "*** End of File\n" } else { "" };
                context + &marked('-', &c.before) + &marked('+', &c.after) + end
            };
            format!("*** Update File: {path}\n{moved}{}", chunks.iter().map(chunk).collect::<String>())
        }
    }
}

fn op() -> impl Strategy<Value = FileOp> {
    let context = prop::collection::vec("[a-d]{1,3}( [a-d:()]{1,4})?", 0..3);
    let chunk = (context, text(1..4), text(1..4), any::<bool>()).prop_map(|(context, before, after, at_end)| Chunk {
        context,
        line_hint: None,
        before,
        after,
        at_end,
    });
    prop_oneof![
        (path(), text(0..4)).prop_map(|(path, text)| FileOp::Add { path, text }),
        path().prop_map(|path| FileOp::Delete { path }),
        (path(), prop::option::of(path()), prop::collection::vec(chunk, 1..4))
            .prop_map(|(path, moved, chunks)| FileOp::Update { path, moved, chunks }),
    ]
}

proptest! {
    /// Protects SEARCH/REPLACE: blocks that are written down are read as they were.
    #[test]
    fn blocks_are_read_as_written(blocks in prop::collection::vec((path(), text(1..5), text(0..5)), 1..4)) {
        let blocks: Vec<Block> = blocks
            .into_iter()
            .map(|(path, search, replace)| Block { path: Some(path), search, replace, line_hint: None })
            .collect();
        let reply: String = blocks.iter().map(written).collect();
        prop_assert_eq!(search_replace::parse(&reply), Ok(blocks));
    }

    /// Protects `apply_patch`: operations that are written down are read as they were, in a fence or a heredoc too.
    #[test]
    fn patches_are_read_as_written(ops in prop::collection::vec(op(), 0..4), wrap in 0..3usize) {
        let patch = format!("*** Begin Patch\n{}*** End Patch\n", ops.iter().map(written_op).collect::<String>());
        let (before, after) = [("", ""), ("Here:\n```\n", "```\nDone.\n"), ("apply_patch <<'EOF'\n", "EOF\n")][wrap];
        prop_assert_eq!(envelope::parse(&format!("{before}{patch}{after}")), Ok(ops));
    }

    /// Protects unified diffs: the one that turns a text into another does so when it is read, with the final newline as
    /// it says, though the same lines are there many times.
    #[test]
    fn diffs_do_what_they_say(old in text(0..14), new in text(0..14), ends in any::<[bool; 2]>()) {
        let end = |text: String, keep: bool| if keep { text } else { text.trim_end_matches('\n').to_owned() };
        let (old, new) = (end(old, ends[0]), end(new, ends[1]));
        let image = |text: &str| Some(FileImage { bytes: text.into(), mode: None });
        let change = FileChange { path: RepoPath::new("a.txt").expect("path"), old: image(&old), new: image(&new) };
        let diff = crate::file_diff(&change);
        if old != new {
            let files = patch::parse(&diff).expect("a diff");
            prop_assert_eq!(patch::apply(&old, &files[0].hunks).map(|a| a.text), Ok(new), "{}", diff);
        }
    }

    /// Protects whole files: a fenced text is read to the letter, and without markers nothing is filled in.
    #[test]
    fn fenced_texts_are_read_as_written(body in text(1..6), inner in "(```\n|````\n|~~~\n|\n)?", old in text(0..4)) {
        let body = body + &inner;
        let fence = fenced::fence_for(&body);
        let reply = format!("Some words:\n\n{fence}markdown\n{body}{fence}\nMore.\n");
        prop_assert_eq!(fenced::whole_file(&reply, "a.md"), Ok(body.clone()));
        prop_assert_eq!(lazy::expand(&old, &body), Ok(body));
    }
}
