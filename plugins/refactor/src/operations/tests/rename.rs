//! Renames in trees of files: what is safe is right, and what a language can hide is no safe answer.

mod go;
mod java;
mod javascript;
mod python;
mod rust;

use crate::{Request, Target, Verdict};
use deepcoder_resolve::{Memory, Project};
use deepcoder_types::{RepoPath, TextRange};
use std::sync::Arc;

/// What a rename comes to, in a tree that is written as one text: `== path` begins a file, and `‸` is the cursor. The answer
/// is `safe`, `review` or `refused`, and the tree after it in the same form.
fn renamed(tree: &str, new: &str) -> (&'static str, String) {
    let mut texts = std::collections::BTreeMap::new();
    let mut target = None;
    for part in format!("\n{tree}").split("\n== ").skip(1) {
        let (name, text) = part.split_once('\n').expect("a line with the path");
        let path = RepoPath::new(name.trim()).expect("a path");
        let text = format!("{}\n", text.trim_end_matches('\n'));
        if let Some(at) = text.find('‸') {
            let at = u32::try_from(at).expect("a short text");
            target = Some(Target { path: path.clone(), range: TextRange::new(at, at) });
        }
        texts.insert(path, Arc::from(text.replace('‸', "")));
    }
    let files = Memory::new(texts.clone());
    let project = Project::new(&files);
    let request = Request::Rename { target: target.expect("a cursor"), new_name: new.to_owned() };
    match crate::run(&project, &request) {
        Err(refusal) => ("refused", refusal.message),
        Ok(changes) => {
            for (from, _) in &changes.renamed {
                texts.remove(from);
            }
            texts.extend(changes.apply(&files).expect("fits").into_iter().map(|(path, text)| (path, Arc::from(text))));
            let safe = changes.verdict() == Verdict::Safe;
            let doubts: String = changes.doubts.iter().map(|doubt| format!("# {}\n", doubt.why)).collect();
            let after: String = texts.iter().map(|(path, text)| format!("== {path}\n{text}")).collect();
            (if safe { "safe" } else { "review" }, doubts + &after)
        }
    }
}

/// A table of trees, new names and what is wanted: the answer, or several that are right, and a part of the tree that must be
/// there after; of several answers only *safe* needs it.
fn answers(rows: &[(&str, &str, &str)]) {
    let mut wrong = Vec::new();
    for (tree, new, wanted) in rows {
        let (answer, after) = renamed(tree, new);
        let (verdict, part) = wanted.split_once(' ').unwrap_or((wanted, ""));
        let several = verdict.contains('|');
        let there = after.contains(part) || several && answer != "safe";
        if !verdict.split('|').any(|one| one == answer) || !there {
            wrong.push(format!("--- before\n{tree}--- wanted {new}: {wanted}\n--- found {answer}\n{after}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
