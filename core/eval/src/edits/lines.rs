//! Tasks as JSON lines. The format is known by the fields of a line.

use super::judge::{Judge, Language};
use super::{Files, Task};
use crate::{EvalError, data};
use deepcoder_types::RepoPath;
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;

/// EditEval: short instructed edits of Python code, 194 tasks (Hu et al. 2023). Other data in this format may name a path
/// or a language.
#[derive(Deserialize)]
struct EditEval {
    task_id: Id,
    instruction: String,
    /// The program that the code belongs into, with `{{Code}}` in its place; empty where the code is the program.
    context: Option<String>,
    input: String,
    output: Option<String>,
    test: String,
    path: Option<String>,
    language: Option<String>,
}

/// Some data has numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(u64),
}

/// HumanEvalFix of HumanEvalPack (Muennighoff et al. 2023): a function with one bug.
#[derive(Deserialize)]
struct HumanEvalFix {
    task_id: String,
    prompt: String,
    canonical_solution: String,
    buggy_solution: String,
    entry_point: String,
    test: String,
}

/// QuixBugs (Lin et al. 2017): a program with one line that is wrong.
#[derive(Deserialize)]
struct QuixBugs {
    name: String,
    buggy_program: String,
    docstring: String,
    solution: String,
    tests: String,
}

const FORMATS: &str = "EditEval's (task_id, instruction, context, input, output, test), HumanEvalPack's (declaration, \
                       buggy_solution, …) and QuixBugs' (buggy_program, …)";

pub(super) fn load(path: &Path) -> Result<Vec<Task>, EvalError> {
    let rows: Vec<Value> = data::load(path)?;
    rows.into_iter()
        .enumerate()
        .map(|(index, row)| {
            task(row).map_err(|message| EvalError::Edit {
                path: path.to_owned(),
                place: format!("task {}", index + 1),
                message,
            })
        })
        .collect()
}

fn task(row: Value) -> Result<Task, String> {
    let Value::Object(fields) = &row else { return Err("it is no object".to_owned()) };
    let has = |name: &str| fields.contains_key(name);
    if has("buggy_solution") {
        read(row).and_then(of_humaneval_fix)
    } else if has("buggy_program") {
        read(row).and_then(of_quixbugs)
    } else if has("instruction") && (has("input") || has("output") || has("context")) {
        read(row).and_then(of_editeval)
    } else {
        let found: Vec<&str> = fields.keys().map(String::as_str).take(12).collect();
        Err(format!("the fields are {}; the formats are {FORMATS}", found.join(", ")))
    }
}

fn read<T: serde::de::DeserializeOwned>(row: Value) -> Result<T, String> {
    serde_json::from_value(row).map_err(|error| error.to_string())
}

fn path(name: &str) -> Result<RepoPath, String> {
    RepoPath::new(name).map_err(|error| format!("`{name}` is no path in a repository: {error}"))
}

fn one(id: String, instruction: String, path: RepoPath, before: String, after: Option<String>, judge: Judge) -> Task {
    let files: Files = [(path.clone(), before.into_bytes())].into_iter().collect();
    let reference = after.map(|text| [(path.clone(), Some(text.into_bytes()))].into_iter().collect());
    let targets = vec![path.clone()];
    Task { id, instruction, files, targets, expected: vec![path], kind: None, tests: false, judge, reference }
}

fn of_editeval(row: EditEval) -> Result<Task, String> {
    let language = match &row.language {
        Some(name) => Language::named(name).ok_or_else(|| format!("the language `{name}` cannot be tested"))?,
        None => match &row.path {
            Some(path) => Language::of_path(path).unwrap_or(Language::Python),
            None => Language::Python,
        },
    };
    if row.test.trim().is_empty() {
        return Err("the field `test` is empty".to_owned());
    }
    if row.instruction.trim().is_empty() {
        return Err("the field `instruction` is empty".to_owned());
    }
    let id = match row.task_id {
        Id::Text(id) => id,
        Id::Number(id) => id.to_string(),
    };
    let path = path(row.path.as_deref().unwrap_or(language.code_file()))?;
    let judge = Judge::Program {
        language,
        path: path.clone(),
        context: row.context.unwrap_or_default(),
        // Tests define a function, and those of other data may be statements.
        call: if language == Language::Python && row.test.contains("def check(") { "check()" } else { "" },
        test: row.test,
    };
    let output = row.output.filter(|output| !output.is_empty());
    Ok(one(id, row.instruction, path, row.input, output, judge))
}

fn of_humaneval_fix(row: HumanEvalFix) -> Result<Task, String> {
    let (name, _) = row.task_id.split_once('/').unwrap_or((&row.task_id, ""));
    let language = Language::named(name).ok_or_else(|| format!("the language `{name}` cannot be tested"))?;
    let path = path(language.code_file())?;
    let prompt =
        if language == Language::Rust { rust_prompt(&row.prompt, &row.canonical_solution) } else { row.prompt };
    let judge = Judge::Program { language, path: path.clone(), context: String::new(), test: row.test, call: "" };
    let (before, after) = (format!("{prompt}{}", row.buggy_solution), format!("{prompt}{}", row.canonical_solution));
    Ok(one(row.task_id, format!("Fix the bug in `{}`.", row.entry_point), path, before, Some(after), judge))
}

/// Every prompt imports three crates and something that is deprecated, which few solutions use: without a registry only
/// programs without them compile.
fn rust_prompt(prompt: &str, solution: &str) -> String {
    const CRATES: [(&str, &str); 3] = [("use rand::Rng;", "rand"), ("use regex::Regex;", "Regex"), ("use md5;", "md5")];
    let unused = |line: &&str| CRATES.iter().any(|(import, name)| line.trim() == *import && !solution.contains(name));
    let lines: Vec<&str> = prompt.split('\n').filter(|line| !unused(line)).collect();
    lines.join("\n").replace(", ascii::AsciiExt", "")
}

fn of_quixbugs(row: QuixBugs) -> Result<Task, String> {
    let path = path(&format!("{}.py", row.name))?;
    let judge = Judge::Program {
        language: Language::Python,
        path: path.clone(),
        context: String::new(),
        test: row.tests,
        call: "",
    };
    let file = |program: &str| format!("{}\n\n\n{}\n", program.trim_end(), row.docstring.trim());
    let (before, after) = (file(&row.buggy_program), file(&row.solution));
    Ok(one(
        format!("QuixBugs/{}", row.name),
        format!("Fix the bug in `{}`.", row.name),
        path,
        before,
        Some(after),
        judge,
    ))
}
