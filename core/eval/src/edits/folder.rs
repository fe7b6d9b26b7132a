//! Tasks in directories: small repositories, and for each of them instructions with a judge. docs/lab/edits.md describes
//! the files.

use super::choice::Question;
use super::judge::{Judge, is_tool};
use super::{Changes, Files, Kind, Task};
use crate::EvalError;
use deepcoder_types::RepoPath;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// More than a small repository has, so that a wrong directory does not fill the memory.
const MAX_FILES: usize = 2000;

/// A task, as a file or as a row of a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// In a list; a file's name is that of the task.
    name: Option<String>,
    instruction: String,
    kind: Kind,
    /// The files that the user names.
    #[serde(default)]
    files: Vec<String>,
    expected_files: Vec<String>,
    #[serde(default)]
    tests: bool,
    /// Paths, or prefixes that end in `/`, that must stay as they are. A narrow task may change its expected files only.
    #[serde(default)]
    forbid: Vec<String>,
    #[serde(default)]
    run: Vec<Vec<String>>,
    #[serde(default)]
    hidden: BTreeMap<String, String>,
    #[serde(default, rename = "shape")]
    shapes: Vec<serde_json::Value>,
    #[serde(default, rename = "reference")]
    references: Vec<Replacement>,
}

/// A part of a right answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replacement {
    path: String,
    /// Text that the file has once; without it `new` is the whole file.
    old: Option<String>,
    new: String,
}

/// Tasks about one repository in one file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    /// The directory of the repository, relative to this file.
    repository: String,
    #[serde(rename = "task")]
    tasks: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Questions {
    #[serde(rename = "question")]
    questions: Vec<QuestionRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuestionRow {
    instruction: String,
    expected_files: Vec<String>,
}

type Result<T> = std::result::Result<T, EvalError>;

fn wrong(path: &Path, place: impl Into<String>, message: impl ToString) -> EvalError {
    EvalError::Edit { path: path.to_owned(), place: place.into(), message: message.to_string() }
}

/// The tasks below `path`, in the order of their names.
pub(super) fn load(path: &Path) -> Result<Vec<Task>> {
    let mut tasks = Vec::new();
    for repository in repositories(path)? {
        let files = read_tree(&repository.join("files"))?;
        let name = name_of(&repository);
        for file in entries(&repository.join("tasks"))?.into_iter().filter(|file| is_toml(file)) {
            let row: Row = parse(&file)?;
            let id = format!("{name}/{}", stem(&file));
            tasks.push(task(id, row, &files).map_err(|message| wrong(&file, "it", message))?);
        }
    }
    for file in entries(path)?.into_iter().filter(|file| is_toml(file)) {
        let list: List = parse(&file)?;
        let files = read_tree(&path.join(&list.repository).join("files"))?;
        for (index, row) in list.tasks.into_iter().enumerate() {
            let place = format!("task {}", index + 1);
            let name = row.name.clone().ok_or_else(|| wrong(&file, &place, "missing field `name`"))?;
            let id = format!("{}/{name}", stem(&file));
            tasks.push(task(id, row, &files).map_err(|message| wrong(&file, &place, message))?);
        }
    }
    if tasks.is_empty() {
        return Err(wrong(path, "the content", "no directory in it has `files` and `tasks`, and no .toml file a list"));
    }
    Ok(tasks)
}

/// The questions about the choice of files below `path`: `questions.toml` of each repository.
pub fn questions(path: &Path) -> Result<Vec<Question>> {
    let mut all = Vec::new();
    for repository in repositories(path)? {
        let file = repository.join("questions.toml");
        if !file.is_file() {
            continue;
        }
        let files = read_tree(&repository.join("files"))?;
        let Questions { questions } = parse(&file)?;
        for (index, row) in questions.into_iter().enumerate() {
            let expected = paths(&row.expected_files)
                .and_then(|expected| known(expected, &files))
                .map_err(|message| wrong(&file, format!("question {}", index + 1), message))?;
            let id = format!("{}/question-{}", name_of(&repository), index + 1);
            all.push(Question { id, instruction: row.instruction, files: files.clone(), expected });
        }
    }
    Ok(all)
}

fn task(id: String, row: Row, files: &Files) -> std::result::Result<Task, String> {
    if row.instruction.trim().is_empty() {
        return Err("`instruction` is empty".to_owned());
    }
    if row.expected_files.is_empty() || (row.run.is_empty() && row.shapes.is_empty()) {
        return Err("it has no `expected_files`, or neither `run` nor `shape`".to_owned());
    }
    for step in &row.run {
        match step.first() {
            Some(name) if is_tool(name) || name.starts_with("./") => {}
            name => return Err(format!("`{}` cannot be run", name.map_or("", |name| name))),
        }
    }
    let hidden = row.hidden.into_iter().map(|(path, text)| Ok((repo_path(&path)?, text.into_bytes())));
    let expected = paths(&row.expected_files)?;
    let targets = known(paths(&row.files)?, files)?;
    let reference = reference(&row.references, files)?;
    let only = if row.kind == Kind::Narrow { row.expected_files } else { Vec::new() };
    Ok(Task {
        id,
        instruction: row.instruction,
        files: files.clone(),
        targets,
        expected,
        kind: Some(row.kind),
        tests: row.tests,
        judge: Judge::Tree {
            only,
            forbid: row.forbid,
            shapes: row.shapes,
            hidden: hidden.collect::<std::result::Result<_, String>>()?,
            steps: row.run,
        },
        reference,
    })
}

fn reference(rows: &[Replacement], files: &Files) -> std::result::Result<Option<Changes>, String> {
    let mut changes = Changes::new();
    for row in rows {
        let path = repo_path(&row.path)?;
        let Some(old) = &row.old else {
            changes.insert(path, Some(row.new.clone().into_bytes()));
            continue;
        };
        let before = changes.get(&path).and_then(Option::as_ref).or_else(|| files.get(&path));
        let text = before.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let text = text.ok_or_else(|| format!("the reference changes {path}, which is not there"))?;
        if text.matches(old.as_str()).count() != 1 {
            return Err(format!("{path} does not have `{old}` once"));
        }
        changes.insert(path, Some(text.replacen(old.as_str(), &row.new, 1).into_bytes()));
    }
    Ok(Some(changes).filter(|changes| !changes.is_empty()))
}

fn repo_path(path: &str) -> std::result::Result<RepoPath, String> {
    RepoPath::new(path).map_err(|error| format!("`{path}` is no path in a repository: {error}"))
}

fn paths(paths: &[String]) -> std::result::Result<Vec<RepoPath>, String> {
    paths.iter().map(|path| repo_path(path)).collect()
}

fn known(paths: Vec<RepoPath>, files: &Files) -> std::result::Result<Vec<RepoPath>, String> {
    match paths.iter().find(|path| !files.contains_key(*path)) {
        Some(path) => Err(format!("the repository has no file {path}")),
        None => Ok(paths),
    }
}

fn repositories(path: &Path) -> Result<Vec<PathBuf>> {
    Ok(entries(path)?.into_iter().filter(|entry| entry.join("files").is_dir()).collect())
}

/// What is in a directory, sorted; nothing where it is not there.
fn entries(path: &Path) -> Result<Vec<PathBuf>> {
    let failed = |source| EvalError::Read { path: path.to_owned(), source };
    let entries = match std::fs::read_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut entries = entries.map(|entry| entry.map(|e| e.path()).map_err(failed)).collect::<Result<Vec<_>>>()?;
    entries.sort();
    Ok(entries)
}

fn read_tree(root: &Path) -> Result<Files> {
    let (mut files, mut waiting) = (Files::new(), vec![root.to_owned()]);
    while let Some(directory) = waiting.pop() {
        for path in entries(&directory)? {
            if path.is_symlink() {
                return Err(wrong(&path, "the link", "repositories have no links"));
            }
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            let name = repo_path(&name).map_err(|message| wrong(&path, "the name", message))?;
            let bytes = std::fs::read(&path).map_err(|source| EvalError::Read { path: path.clone(), source })?;
            files.insert(name, bytes);
            if files.len() > MAX_FILES {
                return Err(wrong(root, "the content", format!("there are more than {MAX_FILES} files")));
            }
        }
    }
    if files.is_empty() { Err(wrong(root, "the content", "there are no files")) } else { Ok(files) }
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).map_err(|source| EvalError::Read { path: path.to_owned(), source })?;
    toml::from_str(&text).map_err(|error| wrong(path, "the text", error.to_string().trim_end()))
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml") && path.is_file()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
