//! Whether the result of an edit is right.

use super::{Changes, Files, Task};
use crate::harness::{Harness, Judgement, Test};
use crate::tools::PROGRAMS;
use crate::{EvalError, Verdict};
use deepcoder_types::{Cancel, RepoPath};
use std::collections::BTreeMap;

const HOLE: &str = "{{Code}}";

/// Functions that the tests of HumanEvalPack use, as its authors include them.
const CPP: &str = "#include<stdlib.h>\n#include<algorithm>\n#include<math.h>\n#include<stdio.h>\n#include<vector>\n\
                   #include<string>\n#include<climits>\n#include<cstring>\n#include<iostream>\n#include<map>\n";

/// `console.assert` only prints, and the tests of HumanEvalPack rest on it.
const JAVASCRIPT: &str = "console.assert = (ok) => { if (!ok) throw new Error('assertion failed'); };\n";

/// A language whose single files can be tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Python.
    Python,
    /// JavaScript, by node.
    JavaScript,
    /// Java.
    Java,
    /// C.
    C,
    /// C++.
    Cpp,
    /// Rust.
    Rust,
}

impl Language {
    /// The language with this name, whichever case it has.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name.to_lowercase().as_str() {
            "python" | "py" => Self::Python,
            "javascript" | "js" => Self::JavaScript,
            "java" => Self::Java,
            "c" => Self::C,
            "c++" | "cpp" => Self::Cpp,
            "rust" | "rs" => Self::Rust,
            _ => return None,
        })
    }

    /// The language of a file.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        let (_, extension) = path.rsplit_once('.')?;
        Self::named(extension)
    }

    /// The file in which code is edited that has no file of its own.
    #[must_use]
    pub const fn code_file(self) -> &'static str {
        match self {
            Self::Python => "code.py",
            Self::JavaScript => "code.js",
            Self::Java => "Solution.java",
            Self::C => "code.c",
            Self::Cpp => "code.cpp",
            Self::Rust => "code.rs",
        }
    }

    /// The file of a whole program, what is put in front of it, and how it is built and run.
    fn build(self) -> (&'static str, &'static str, &'static [&'static [&'static str]]) {
        match self {
            Self::Python => ("main.py", "", &[&["python", "main.py"]]),
            Self::JavaScript => ("main.js", JAVASCRIPT, &[&["node", "main.js"]]),
            Self::Java => ("Main.java", "", &[&["javac", "-nowarn", "Main.java"], &["java", "-cp", ".", "Main"]]),
            Self::C => ("main.c", "", &[&["gcc", "-w", "-o", "main", "main.c", "-lm"], &["./main"]]),
            Self::Cpp => ("main.cpp", CPP, &[&["g++", "-w", "-std=c++17", "-o", "main", "main.cpp"], &["./main"]]),
            Self::Rust => (
                "main.rs",
                "",
                &[&["rustc", "-A", "warnings", "--edition=2021", "--test", "-o", "main", "main.rs"], &["./main"]],
            ),
        }
    }
}

/// How a result is judged.
#[derive(Debug, Clone, PartialEq)]
pub enum Judge {
    /// One file, put into a program with a test.
    Program {
        /// The language of all of it.
        language: Language,
        /// The file.
        path: RepoPath,
        /// The program that the code belongs into, with `{{Code}}` in its place; empty where the code is the program.
        context: String,
        /// Definitions and statements after it.
        test: String,
        /// A Python expression at the end; none if empty.
        call: &'static str,
    },
    /// A tree.
    Tree {
        /// The only files that may change, as paths or as prefixes that end in `/`; all if empty.
        only: Vec<String>,
        /// The same of files that must stay as they are.
        forbid: Vec<String>,
        /// What the text of the files must show: rows for `shapes.py`.
        shapes: Vec<serde_json::Value>,
        /// Files that the model does not see, put over the result.
        hidden: Files,
        /// Commands that must exit with 0, one after another.
        steps: Vec<Vec<String>>,
    },
}

/// The program of a task: its context with `code` in place.
fn program(context: &str, code: &str) -> String {
    if context.contains(HOLE) {
        context.replace(HOLE, code)
    } else if context.is_empty() {
        code.to_owned()
    } else {
        format!("{context}\n{code}")
    }
}

fn words(steps: &[&[&str]]) -> Vec<Vec<String>> {
    steps.iter().map(|step| step.iter().map(|word| (*word).to_owned()).collect()).collect()
}

impl Judge {
    fn commands(&self) -> Vec<Vec<String>> {
        match self {
            Self::Program { language: Language::Python, .. } => Vec::new(),
            Self::Program { language, .. } => words(language.build().2),
            Self::Tree { steps, .. } => steps.clone(),
        }
    }

    /// An error where a tool is missing that it needs.
    pub(super) fn ready(&self, task: &str, harness: &Harness) -> Result<(), EvalError> {
        for name in self.commands().iter().filter_map(|step| step.first()).filter(|name| is_tool(name)) {
            harness.tool(name, task)?;
        }
        Ok(())
    }

    /// The verdict on `changes`.
    pub(super) fn judge(
        &self,
        task: &Task,
        changes: &Changes,
        harness: &Harness,
        cancel: &Cancel,
    ) -> Result<Judgement, EvalError> {
        let no = |verdict, detail: String| Ok(Judgement { verdict, detail, confined: true });
        if changes.is_empty() {
            return no(Verdict::NoAnswer, "nothing is changed".to_owned());
        }
        match self {
            Self::Program { language, path, context, test, call } => {
                let after = task.after(changes);
                let Some(code) = after.get(path) else {
                    return no(Verdict::Failed, format!("{path} is deleted"));
                };
                let code = String::from_utf8_lossy(code);
                let program = program(context, &code);
                if *language == Language::Python {
                    return harness.judge(&Test::Program { program: &program, test, call }, cancel);
                }
                let (name, before, steps) = language.build();
                let text = format!("{before}{program}\n{test}\n");
                let files = RepoPath::new(name).map(|name| (name, text.into_bytes())).into_iter().collect();
                harness.steps(&task.id, &files, &words(steps), cancel)
            }
            Self::Tree { only, forbid, shapes, hidden, steps } => {
                let allowed = |path: &RepoPath| (only.is_empty() || listed(only, path)) && !listed(forbid, path);
                let changed = |(path, bytes): &(&RepoPath, &Option<Vec<u8>>)| task.files.get(*path) != bytes.as_ref();
                if let Some((path, _)) = changes.iter().filter(changed).find(|(path, _)| !allowed(path)) {
                    return no(Verdict::Failed, format!("{path} is changed"));
                }
                let mut files = task.after(changes);
                if !shapes.is_empty() {
                    let judged = harness
                        .judge(&Test::Shapes { before: texts(&task.files), after: texts(&files), shapes }, cancel)?;
                    if judged.verdict != Verdict::Passed {
                        return Ok(judged);
                    }
                }
                files.extend(hidden.iter().map(|(path, bytes)| (path.clone(), bytes.clone())));
                harness.steps(&task.id, &files, steps, cancel)
            }
        }
    }
}

/// Whether `path` is in `list`, or below a directory of it.
fn listed(list: &[String], path: &RepoPath) -> bool {
    let path = path.as_str();
    list.iter().any(|entry| path == entry || (entry.ends_with('/') && path.starts_with(entry.as_str())))
}

fn texts(files: &Files) -> BTreeMap<&str, String> {
    files.iter().map(|(path, bytes)| (path.as_str(), String::from_utf8_lossy(bytes).into_owned())).collect()
}

/// Whether `name`, the first word of a step, is a tool. Otherwise it is a file that a step made.
pub(super) fn is_tool(name: &str) -> bool {
    PROGRAMS.contains(&name)
}
