//! TypeScript's own checker as the judge: for every name of real files that is no member, the declaration that it means.

use crate::{Bindings, HazardKind, Target, bind};
use deepcoder_syntax::Language;
use deepcoder_test_support::skip;
use deepcoder_types::RepoPath;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const SCRIPT: &str = include_str!("symbols.js");

/// At most this many files of a folder are compared.
const MAX_FILES: usize = 400;

#[expect(clippy::disallowed_methods, reason = "the environment of a test says where its judge is")]
fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

/// The folder of the package `typescript`: `DEEPCODER_TEST_TYPESCRIPT`, or the one that npm has installed for all.
fn package() -> Option<PathBuf> {
    if let Some(told) = variable("DEEPCODER_TEST_TYPESCRIPT") {
        return Some(PathBuf::from(told));
    }
    let output = Command::new("npm").args(["root", "-g"]).output().ok()?;
    let folder = Path::new(String::from_utf8(output.stdout).ok()?.trim()).join("typescript");
    folder.is_dir().then_some(folder)
}

fn scripts(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            scripts(&path, found);
        } else if language(&path).is_some() && found.len() < MAX_FILES {
            found.push(path);
        }
    }
}

fn language(path: &Path) -> Option<Language> {
    let name = RepoPath::new(path.file_name()?.to_str()?).ok()?;
    Language::program(&name).filter(|language| language.is_related(Language::JavaScript))
}

#[derive(Default)]
struct Score {
    names: usize,
    agree: usize,
    wrong: Vec<String>,
}

fn compare(path: &str, text: &str, bindings: &Bindings, theirs: &[(u32, Vec<u32>)], score: &mut Score) {
    let mut ours: BTreeMap<u32, Vec<Option<u32>>> = BTreeMap::new();
    for found in &bindings.references {
        let declared = match found.target {
            Target::Declaration(id) => bindings.declaration(id).map(|declaration| declaration.at.start),
            _ => None,
        };
        if !matches!(found.target, Target::Member(_)) {
            ours.entry(found.at.start).or_default().push(declared);
        }
    }
    for (at, declared) in theirs {
        score.names += 1;
        let found = ours.get(at).map(Vec::as_slice).unwrap_or_default();
        let agrees = match declared.is_empty() {
            true => found.iter().all(Option::is_none),
            false => found.iter().flatten().any(|start| declared.contains(start)),
        };
        if agrees {
            score.agree += 1;
        } else {
            let line = text[..*at as usize].matches('\n').count() + 1;
            score.wrong.push(format!("{path}:{line}: {found:?}, and the checker says {declared:?}"));
        }
    }
}

/// The names of TypeScript's own libraries, and of the folders in `DEEPCODER_TEST_SCRIPTS`, mean what its checker says.
#[test]
fn real_files_mean_what_the_checker_says() {
    let Some(package) = package().filter(|_| Command::new("node").arg("--version").output().is_ok()) else {
        skip!("typescript", "node and its package are needed; hint: npm install -g typescript");
    };
    let mut folders = vec![package.join("lib")];
    folders.extend(variable("DEEPCODER_TEST_SCRIPTS").iter().flat_map(std::env::split_paths));
    let mut total = Score::default();
    for folder in folders {
        let mut paths = Vec::new();
        scripts(&folder, &mut paths);
        paths.retain(|path| path.metadata().is_ok_and(|file| file.len() < 400_000));
        let output = Command::new("node").args(["-e", SCRIPT]).arg(&package).args(&paths).output().expect("node runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer = String::from_utf8(output.stdout).expect("UTF-8");
        for block in answer.split("F ").skip(1) {
            let mut lines = block.lines();
            let path = lines.next().expect("a path");
            let text = std::fs::read_to_string(path).expect("a text");
            let theirs: Vec<(u32, Vec<u32>)> = lines
                .map(|line| {
                    let mut numbers = line.split(' ').skip(1).map(|number| number.parse().expect("an offset"));
                    (numbers.next().expect("a name"), numbers.collect())
                })
                .collect();
            let Some(bindings) = language(Path::new(path)).and_then(|language| bind(language, &text)) else { continue };
            // What the grammar does not understand is told as a hazard.
            if bindings.hazards.iter().all(|hazard| hazard.kind != HazardKind::Syntax) {
                compare(path, &text, &bindings, &theirs, &mut total);
            }
        }
    }
    let share = 100.0 * total.agree as f64 / total.names.max(1) as f64;
    let first: Vec<&String> = total.wrong.iter().take(60).collect();
    let told = format!("{share:.3} % of {} names agree\n", total.names);
    std::io::stderr().write_all(told.as_bytes()).expect("stderr");
    assert!(total.names > 1000 && share >= 99.8, "{share:.3} % of {} names agree: {first:#?}", total.names);
}
