//! What a rename costs in a large tree: with no index of its words (cold), with the one that the first rename left (warm),
//! and after an edit of a few files.
//!
//!     cargo bench -p deepcoder-context --bench refactor [-- [--files N] [--rename NAME NEW_NAME] [DIR]]
//!
//! Without DIR a tree of 100,000 files in five languages is made, with about 30 references in each. A DIR that is empty or
//! not there is filled and kept for the next run. Nothing is changed by the renames: what is measured ends with the proposal.
#![expect(clippy::print_stdout, reason = "a report")]
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a bench on a repository of its own")]

use deepcoder_context::Context;
use deepcoder_plugin_api::{ErrorCode, Host, Level, Plugin as _, PluginError};
use deepcoder_plugin_refactor::RefactorPlugin;
use deepcoder_types::{
    Cancel, Change, ContextBundle, GenerateRequest, Generation, Instruction, Likelihood, ModelInfo, NameAnswer,
    NameQuestion, Outcome, Prompt, RepoPath, Snippet, Symbol, TokenEvent,
};
use deepcoder_workspace::Workspace;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Files of one package: they use each other's names.
const PACKAGE: usize = 20;

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let (mut files, mut given, mut only) = (100_000, None, None);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--files" => files = args.next().unwrap().parse().unwrap(),
            "--rename" => only = Some((args.next().unwrap(), args.next().unwrap())),
            dir => given = Some(PathBuf::from(dir)),
        }
    }
    let scratch = tempfile::tempdir().unwrap();
    let root = given.unwrap_or_else(|| scratch.path().join("tree"));
    if !root.join(".git").exists() {
        generate(&root, files);
    }
    let index = scratch.path().join("index");
    let workspace = Workspace::open(&root).unwrap().with_cache(&index);
    println!("{:<44} {:>8} {:>8} {:>8}  result", "", "s", "files", "places");
    let renames = |when: &str, names: &[(&str, &str)]| {
        for (name, new) in names {
            let started = Instant::now();
            let told = rename(&workspace, name, new);
            println!("{:<44} {:>8.2} {told}", format!("{when}: {name}"), started.elapsed().as_secs_f64());
        }
    };
    if let Some((name, new)) = only {
        return renames("cold and warm", &[(name.as_str(), new.as_str()); 2]);
    }
    renames("cold", &[("mod_20.compute_20", "settled")]);
    let of_each: Vec<String> = (0..5).map(|language| format!("compute_{}", 100 + language * PACKAGE)).collect();
    let of_each: Vec<(&str, &str)> = of_each.iter().map(|name| (name.as_str(), "settled")).collect();
    renames("warm", &of_each);
    renames(
        "warm, a name of many files",
        &[("mod_100.Holder100", "Keeper"), ("base.shared_total", "overall"), ("mod_100.Holder100.process", "treat")],
    );
    for number in 0..10 {
        let file = root.join(format!("py/g0/p0/mod_{number}.py"));
        let mut text = fs::read_to_string(&file).unwrap();
        text.push('\n');
        fs::write(&file, text).unwrap();
    }
    renames("warm, ten files changed", &of_each[..1]);
}

/// Makes the proposal, and tells what it says.
fn rename(workspace: &Workspace, name: &str, new: &str) -> String {
    let instruction = Instruction {
        id: "bench".into(),
        verb: "refactor".into(),
        prompt: format!("rename {name} {new}"),
        targets: Vec::new(),
        reads: Vec::new(),
        selection: None,
        options: serde_json::Value::Object(serde_json::Map::new()),
        seed: 0,
    };
    let host = Reading { context: Context::new(workspace), cancel: Cancel::new() };
    let bundle = ContextBundle { snapshot: String::new(), snippets: Vec::new(), token_budget: 0 };
    match RefactorPlugin::new().run(&instruction, &bundle, &host) {
        Ok(Outcome::Proposals(proposals)) => {
            let places = |change: &Change| match change {
                Change::Modify(edit) => edit.edits.len(),
                _ => 0,
            };
            let changes: Vec<&Change> = proposals.iter().flat_map(|proposal| &proposal.changes).collect();
            let places: usize = changes.iter().map(|change| places(change)).sum();
            format!("{:>8} {places:>8}  {:?}", changes.len(), proposals[0].applicability)
        }
        Ok(other) => format!("{other:?}"),
        Err(error) => format!("{:>8} {:>8}  {}", "", "", error.message),
    }
}

/// The calls of the host that read.
struct Reading<'c> {
    context: Context<'c>,
    cancel: Cancel,
}

fn none<T>() -> Result<T, PluginError> {
    Err(PluginError::new(ErrorCode::Unavailable, "there is no model here"))
}

impl Host for Reading<'_> {
    fn model(&self) -> Result<ModelInfo, PluginError> {
        none()
    }

    fn count_tokens(&self, _text: &str) -> Result<u32, PluginError> {
        none()
    }

    fn generate(&self, _: &GenerateRequest, _: &mut dyn FnMut(&TokenEvent)) -> Result<Generation, PluginError> {
        none()
    }

    fn choose(&self, _prompt: &Prompt, _options: &[String]) -> Result<Vec<Likelihood>, PluginError> {
        none()
    }

    fn read_file(&self, path: &RepoPath) -> Result<Snippet, PluginError> {
        self.context.read_any(path)
    }

    fn list_files(&self, glob: &str, limit: u32) -> Result<Vec<RepoPath>, PluginError> {
        self.context.list_files(glob, limit)
    }

    fn search_text(&self, pattern: &str, glob: &str, limit: u32) -> Result<Vec<Snippet>, PluginError> {
        self.context.search_text(pattern, glob, limit)
    }

    fn files_with(&self, word: &str) -> Result<Vec<RepoPath>, PluginError> {
        self.context.files_with(word, &self.cancel)
    }

    fn search_symbols(&self, query: &str, limit: u32) -> Result<Vec<Symbol>, PluginError> {
        self.context.search_symbols(query, limit)
    }

    fn ask_about_names(&self, _question: &NameQuestion) -> Result<Option<NameAnswer>, PluginError> {
        Ok(None)
    }

    fn run_check(&self, _id: &str) -> Result<String, PluginError> {
        none()
    }

    fn cancelled(&self) -> bool {
        false
    }

    fn progress(&self, _message: &str, _fraction: Option<f32>) {}

    fn log(&self, _level: Level, _message: &str) {}
}

/// A git work tree of this many files. Packages go round the languages, so that each has a fifth of them.
fn generate(root: &Path, files: usize) {
    for number in 0..files {
        let (path, text) = file(number);
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let base = "def shared_total(values):\n    total = 0\n    for value in values:\n        total += value\n    return total\n";
    fs::write(root.join("py/base.py"), base).unwrap();
    fs::write(root.join("go/go.mod"), "module example.com/tree\n\ngo 1.22\n").unwrap();
    assert!(Command::new("git").current_dir(root).args(["init", "-q"]).status().unwrap().success());
}

/// A file that declares `compute_N` and a class, and uses those of its neighbours.
fn file(n: usize) -> (String, String) {
    let package = n / PACKAGE;
    let group = package / 100;
    let first = package * PACKAGE;
    let other = |step: usize| first + (n - first + step) % PACKAGE;
    let (a, b, c) = (other(1), other(2), other(3));
    match package % 5 {
        0 => (
            format!("py/g{group}/p{package}/mod_{n}.py"),
            format!(
                "from base import shared_total\nfrom .mod_{a} import compute_{a}\nfrom .mod_{b} import Holder{b}\n\n\n\
                 class Holder{n}:\n    def __init__(self, value):\n        self.value = value\n        self.items = []\n\n    \
                 def process(self, item):\n        result = compute_{a}(item, self.value)\n        \
                 self.items.append(result)\n        return shared_total(self.items)\n\n\n\
                 def compute_{n}(left, right):\n    holder = Holder{b}(left)\n    result = holder.process(right)\n    \
                 if result > left:\n        return result\n    return left + right\n"
            ),
        ),
        1 => (
            format!("ts/g{group}/p{package}/mod_{n}.ts"),
            format!(
                "import {{ compute_{a} }} from './mod_{a}';\nimport {{ Holder{b} }} from './mod_{b}';\n\n\
                 export class Holder{n} {{\n  items: number[] = [];\n  constructor(private value: number) {{}}\n\n  \
                 process(item: number): number {{\n    const result = compute_{a}(item, this.value);\n    \
                 this.items.push(result);\n    return result;\n  }}\n}}\n\n\
                 export function compute_{n}(left: number, right: number): number {{\n  const holder = new Holder{b}(left);\n  \
                 const result = holder.process(right);\n  if (result > left) {{\n    return result;\n  }}\n  \
                 return left + right;\n}}\n"
            ),
        ),
        2 => (
            format!("go/g{group}/p{package}/mod_{n}.go"),
            format!(
                "package p{package}\n\nimport \"fmt\"\n\ntype Holder{n} struct {{\n\tvalue int\n\titems []int\n}}\n\n\
                 func (h *Holder{n}) Process(item int) int {{\n\tresult := compute_{a}(item, h.value)\n\t\
                 h.items = append(h.items, result)\n\tfmt.Println(result)\n\treturn result\n}}\n\n\
                 func compute_{n}(left int, right int) int {{\n\tholder := &Holder{b}{{value: left}}\n\t\
                 result := holder.Process(right)\n\tif result > left {{\n\t\treturn result\n\t}}\n\treturn left + right\n}}\n"
            ),
        ),
        3 => (
            format!("java/g{group}/src/org/tree/p{package}/Holder{n}.java"),
            format!(
                "package org.tree.p{package};\n\nimport java.util.ArrayList;\nimport java.util.List;\n\n\
                 public class Holder{n} {{\n    private final int value;\n    private final List<Integer> items = new ArrayList<>();\n\n    \
                 public Holder{n}(int value) {{\n        this.value = value;\n    }}\n\n    \
                 public int process(int item) {{\n        int result = Holder{a}.compute_{a}(item, this.value);\n        \
                 items.add(result);\n        return result;\n    }}\n\n    \
                 public static int compute_{n}(int left, int right) {{\n        Holder{b} holder = new Holder{b}(left);\n        \
                 int result = holder.process(right);\n        if (result > left) {{\n            return result;\n        }}\n        \
                 return left + right;\n    }}\n}}\n"
            ),
        ),
        _ => {
            let folder = format!("rs/g{group}/p{package}");
            if n == first {
                let modules: String = (first + 1..first + PACKAGE).map(|m| format!("pub mod mod_{m};\n")).collect();
                let text = format!(
                    "{modules}\nuse crate::mod_{b}::Holder{b};\n\npub fn compute_{n}(left: i64, right: i64) -> i64 {{\n    \
                     let mut holder = Holder{b}::new(left);\n    holder.process(right)\n}}\n"
                );
                return (format!("{folder}/src/lib.rs"), text);
            }
            if n == first + PACKAGE - 1 {
                let text = format!(
                    "[package]\nname = \"p{package}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n"
                );
                return (format!("{folder}/Cargo.toml"), text);
            }
            let near = |m: usize| if m == first || m == first + PACKAGE - 1 { first + 1 } else { m };
            let (a, b, c) = (near(a), near(b), near(c));
            let text = format!(
                "use crate::mod_{a}::compute_{a};\nuse crate::mod_{b}::Holder{b};\nuse std::collections::BTreeMap;\n\n\
                 pub struct Holder{n} {{\n    value: i64,\n    items: BTreeMap<i64, i64>,\n}}\n\n\
                 impl Holder{n} {{\n    pub fn new(value: i64) -> Self {{\n        Self {{ value, items: BTreeMap::new() }}\n    }}\n\n    \
                 pub fn process(&mut self, item: i64) -> i64 {{\n        let result = compute_{a}(item, self.value);\n        \
                 self.items.insert(item, result);\n        result\n    }}\n}}\n\n\
                 pub fn compute_{n}(left: i64, right: i64) -> i64 {{\n    let mut holder = Holder{b}::new(left);\n    \
                 let result = holder.process(right);\n    if result > left {{\n        return crate::mod_{c}::compute_{c}(result, left);\n    }}\n    \
                 left + right\n}}\n"
            );
            (format!("{folder}/src/mod_{n}.rs"), text)
        }
    }
}
