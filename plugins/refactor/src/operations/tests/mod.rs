//! Before and after, as marked texts: `«` and `»` hold the selection, `‸` is a cursor.

mod codemods;
mod compilers;
mod convert;
mod functions;
mod imports;
mod inlined;
mod moves;
mod others;
mod properties;
mod python;
mod rename;
mod signatures;
mod there_and_back;

use crate::{Refusal, Request, Target, VariableKind, Verdict};
use deepcoder_resolve::{Memory, Project};
use deepcoder_types::{RepoPath, TextRange};
use std::sync::Arc;

/// What a marked text comes to: the text after, `?` before it where there are doubts, or `!` and the refusal.
fn outcome(file: &str, marked: &str, request: impl Fn(Target) -> Request) -> String {
    let path = RepoPath::new(file).expect("a path");
    let at = |mark: char| marked.split(['«', '»', '‸']).next().zip(marked.find(mark)).map(|(before, _)| before.len());
    let start = at('‸').or(at('«')).expect("a mark");
    let end = marked.find('»').map_or(start, |end| end - '«'.len_utf8());
    let text = marked.replace(['«', '»', '‸'], "");
    let files = Memory::new([(path.clone(), Arc::from(text.as_str()))].into());
    let project = Project::new(&files);
    let offset = |at: usize| u32::try_from(at).expect("a short text");
    let target = Target { path: path.clone(), range: TextRange::new(offset(start), offset(end)) };
    match crate::run(&project, &request(target)) {
        Err(Refusal { message, .. }) => format!("!{message}"),
        Ok(changes) => {
            let after = changes.apply(&files).expect("fits").remove(&path).unwrap_or(text);
            if changes.verdict() == Verdict::Safe { after } else { format!("?{after}") }
        }
    }
}

/// A table of marked texts and what they come to. `!` and a part of the message is enough for a refusal.
fn table(file: &str, request: impl Fn(Target) -> Request, rows: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (before, expected) in rows {
        let found = outcome(file, before, &request);
        let right = match expected.strip_prefix('!') {
            Some(part) => found.starts_with('!') && found.contains(part),
            None => found == *expected,
        };
        if !right {
            wrong.push(format!("--- before\n{before}--- expected\n{expected}\n--- found\n{found}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn extract(name: &str, all: bool) -> impl Fn(Target) -> Request {
    let name = name.to_owned();
    move |target| Request::ExtractVariable { target, name: Some(name.clone()), all, kind: VariableKind::Variable }
}

fn inline(target: Target) -> Request {
    Request::InlineVariable { target }
}

fn function(name: &str) -> impl Fn(Target) -> Request {
    let name = name.to_owned();
    move |target| Request::ExtractFunction { target, name: Some(name.clone()), visibility: None, method: false }
}
