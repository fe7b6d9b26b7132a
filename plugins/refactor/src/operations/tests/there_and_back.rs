//! Extract, then inline: the same tokens.

use crate::grammar::source::{range, walk};
use crate::{Request, Target, VariableKind, Verdict};
use deepcoder_resolve::{Memory, Project};
use deepcoder_syntax::{Kept, Language, tokens, tree};
use deepcoder_types::{RepoPath, TextRange};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many expressions are tried, if `DEEPCODER_TEST_ROUNDS` does not say so.
const ROUNDS: u64 = 30;

/// Larger files cost much and show the same.
const LARGEST: u64 = 40_000;

/// Numbers that look random, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(count.max(1)).expect("fits")).expect("fits")
    }
}

/// The sources of this repository, and Python's standard library where `python3` says where it is.
fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders = vec![root.join("plugins"), root.join("core")];
    let asked =
        std::process::Command::new("python3").args(["-c", "import os; print(os.path.dirname(os.__file__))"]).output();
    match asked.ok().filter(|out| out.status.success()) {
        Some(out) => folders.push(PathBuf::from(String::from_utf8_lossy(&out.stdout).trim())),
        None => eprintln!("skipped: no python3, so its standard library is not tried"),
    }
    let mut found = Vec::new();
    for (index, folder) in folders.iter().enumerate() {
        let mut open = vec![folder.clone()];
        while let Some(folder) = open.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
            entries.sort();
            for path in entries {
                let size =
                    std::fs::symlink_metadata(&path).map_or(0, |data| if data.is_file() { data.len() } else { 0 });
                let wanted = if index < 2 { "rs" } else { "py" };
                match () {
                    () if path.is_dir() && index < 2 => open.push(path),
                    () if (500..LARGEST).contains(&size) && path.extension().is_some_and(|end| end == wanted) => {
                        found.push(path);
                    }
                    () => {}
                }
            }
        }
    }
    found
}

fn leaves(language: Language, text: &str) -> Vec<String> {
    let found = tokens(language, text, Kept::All).expect("parses");
    found
        .code
        .into_iter()
        .map(|token| text[token.range.as_range()].trim().to_owned())
        .filter(|t| !t.is_empty())
        .collect()
}

/// Protects both operations from each other: where an expression safely gets a name and that is safely inlined again, the tokens
/// are those of before.
#[test]
#[expect(clippy::disallowed_methods, reason = "the environment of a test says how long it may take")]
fn extract_then_inline_is_the_same() {
    let rounds = std::env::var("DEEPCODER_TEST_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let files = sources();
    let mut numbers = Numbers(19);
    let (mut tried, mut back) = (0, 0);
    let mut wrong = Vec::new();
    for _ in 0..rounds {
        let file = &files[numbers.below(files.len())];
        let Ok(text) = std::fs::read_to_string(file) else { continue };
        let name = if file.extension().is_some_and(|end| end == "rs") { "a.rs" } else { "a.py" };
        let path = RepoPath::new(name).expect("a path");
        let language = Language::program(&path).expect("a program");
        let Some(parsed) = tree(language, &text) else { continue };
        let table = crate::grammar::Grammar::of(language).expect("a table");
        let mut spots: Vec<TextRange> = Vec::new();
        walk(parsed.root_node(), |node| {
            if table.expressions.contains(&node.kind()) && node.child_count() > 0 {
                spots.push(range(node));
            }
            true
        });
        if spots.is_empty() {
            continue;
        }
        let at = spots[numbers.below(spots.len())];
        tried += 1;
        let memory = Memory::new([(path.clone(), Arc::from(text.as_str()))].into());
        let project = Project::new(&memory);
        let target = Target { path: path.clone(), range: at };
        let request = Request::ExtractVariable {
            target,
            name: Some("fresh_name".into()),
            all: false,
            kind: VariableKind::Variable,
        };
        let Ok(changes) = crate::run(&project, &request) else { continue };
        if changes.verdict() != Verdict::Safe {
            continue;
        }
        let after = changes.apply(&memory).expect("fits").remove(&path).expect("changed");
        // A place without braces keeps those that the declaration needed.
        if after.matches('{').count() != text.matches('{').count() {
            continue;
        }
        let place = u32::try_from(after.find("fresh_name").expect("the name")).expect("fits");
        let memory = Memory::new([(path.clone(), Arc::from(after.as_str()))].into());
        let project = Project::new(&memory);
        let request =
            Request::InlineVariable { target: Target { path: path.clone(), range: TextRange::new(place, place) } };
        let Ok(changes) = crate::run(&project, &request) else { continue };
        let again = changes.apply(&memory).expect("fits").remove(&path).expect("changed");
        back += 1;
        if leaves(language, &again) != leaves(language, &text) {
            wrong.push(format!("{}: {at:?}: {}", file.display(), &text[at.as_range()]));
        }
    }
    assert!(tried == 0 || rounds < 30 || back > 0, "nothing came back of {tried}");
    assert!(wrong.is_empty(), "{} of {back}:\n{}", wrong.len(), wrong.join("\n"));
}
