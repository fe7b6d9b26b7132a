//! From what was typed to files, lines and positions.

use crate::{Repo, RepoError, TaskError};
use deepcoder_pipeline::{Policy, RunError, verb};
use deepcoder_plugin_api::{ErrorCode, PluginError, Takes};
use deepcoder_types::{Instruction, Position, Request, TextRange};
use deepcoder_workspace::{ReadError, Workspace};
use std::path::Path;

/// A request whose files are known.
#[derive(Debug)]
pub struct Resolved {
    /// For the plugin.
    pub instruction: Instruction,
    /// The limits of the result.
    pub policy: Policy,
    /// Targets that are left out: they are no text.
    pub unreadable: Vec<ReadError>,
}

/// The files, lines and position that `request` names in `repo`, checked before a model is loaded for them. `id` names the
/// request.
pub fn resolve(repo: &Repo, request: &Request, id: &str) -> Result<Resolved, TaskError> {
    check(request)?;
    let directory = &request.directory;
    let mut instruction = instruction(request, id);
    if verb(&request.verb).is_some_and(|verb| verb.manifest.takes == Takes::Command) {
        instruction.prompt = from_root(repo.workspace(), directory, &request.prompt);
    }
    if let (Some(position), [typed, ..]) = (request.position, request.paths.as_slice()) {
        let (path, offset) = repo.find_position(directory, typed, position)?;
        instruction.targets = vec![path];
        instruction.selection = Some(TextRange::new(offset, offset));
        return Ok(Resolved { instruction, policy: Policy::default(), unreadable: Vec::new() });
    }
    let (paths, selection) = select(&request.paths, repo, directory)?;
    instruction.selection = selection;
    // A picture in a directory does not cost the rest of it.
    let (targets, unreadable) = repo.readable(repo.targets(directory, &paths, request.new_files)?)?;
    let mut reads = repo.targets(directory, &request.reads, false)?;
    repo.check_readable(&reads)?;
    reads.retain(|path| !targets.contains(path));
    let mut policy = Policy::default();
    if !targets.is_empty() {
        policy = policy.writing_only(&targets);
    }
    instruction.targets = targets;
    instruction.reads = reads;
    Ok(Resolved { instruction, policy, unreadable })
}

/// A command with the files and directories that it names as paths from the root of the repository: a word whose part before
/// the first `:` is a file, seen from `directory`, or a directory with a `/` behind it. A bare word may be a name as well.
#[must_use]
pub fn from_root(workspace: &Workspace, directory: &Path, command: &str) -> String {
    let path = |word: &str| {
        let (file, place) = word.split_once(':').map_or((word, ""), |(file, _)| (file, &word[file.len()..]));
        let directories = file == "." || file.contains('/');
        let is = |found: std::fs::Metadata| found.is_file() || directories && found.is_dir();
        let there = directory.join(file).symlink_metadata().is_ok_and(is);
        let resolved = workspace.resolve(directory, file).ok().filter(|_| there)?;
        Some(format!("{resolved}{place}"))
    };
    let mut quoted = false;
    let parts = command.split('`').map(|part| {
        let words = || part.split_inclusive(char::is_whitespace);
        let mut one = |word: &str| {
            let bare = word.trim_end();
            path(bare).map_or_else(|| word.to_owned(), |path| path + &word[bare.len()..])
        };
        let out = if quoted { one(part) } else { words().map(&mut one).collect() };
        quoted = !quoted;
        out
    });
    parts.collect::<Vec<String>>().join("`")
}

/// Refuses what makes no sense whatever the files are.
pub(crate) fn check(request: &Request) -> Result<(), TaskError> {
    let verb = verb(&request.verb).ok_or_else(|| RunError::NoPlugin(request.verb.clone()))?;
    match verb.manifest.takes {
        Takes::Words | Takes::Command if request.position.is_none() && request.prompt.trim().is_empty() => {
            return Err(RunError::EmptyInstruction.into());
        }
        Takes::OptionalWords
            if request.prompt.trim().is_empty()
                && request.paths.is_empty()
                && !verb.manifest.is_without_model(&request.params.clone().into()) =>
        {
            return Err(RunError::EmptyInstruction.into());
        }
        Takes::Position if request.position.is_none() || request.paths.is_empty() => {
            return Err(TaskError::NoPosition(request.verb.clone()));
        }
        _ => {}
    }
    Ok(verb.manifest.check(&request.params)?)
}

/// A request for `verb` from what a program hands over, with the parameters as one JSON object. Refused where the manifest
/// of the verb says otherwise. The caller adds the directory, the model and the delivery.
pub fn request_for(
    verb: &str,
    words: &str,
    paths: Vec<String>,
    position: Option<Position>,
    params: serde_json::Value,
) -> Result<Request, TaskError> {
    let params = match params {
        serde_json::Value::Null => serde_json::Map::new(),
        serde_json::Value::Object(params) => params,
        other => {
            let error =
                PluginError::new(ErrorCode::Invalid, format!("the options of `{verb}` are not an object: {other}"));
            return Err(error.into());
        }
    };
    let (verb, prompt) = (verb.to_owned(), words.trim().to_owned());
    let request = Request { verb, prompt, paths, position, params, ..Request::default() };
    check(&request)?;
    Ok(request)
}

/// `request` for the plugin, without files.
pub(crate) fn instruction(request: &Request, id: &str) -> Instruction {
    Instruction {
        id: id.to_owned(),
        verb: request.verb.clone(),
        prompt: request.prompt.clone(),
        targets: Vec::new(),
        reads: Vec::new(),
        selection: None,
        options: request.params.clone().into(),
        seed: request.seed,
    }
}

/// The paths, and the lines that are named with the first of them.
fn select(paths: &[String], repo: &Repo, directory: &Path) -> Result<(Vec<String>, Option<TextRange>), TaskError> {
    let Some(first) = paths.first() else { return Ok((Vec::new(), None)) };
    // A file may have a name that looks like a range.
    if directory.join(first).symlink_metadata().is_ok() {
        return Ok((paths.to_vec(), None));
    }
    let (file, Some(lines)) = lines_of(first) else {
        let range = first.rsplit_once(':').filter(|(file, lines)| {
            let numbers = !lines.is_empty() && lines.chars().all(|c| c.is_ascii_digit() || c == '-');
            numbers && directory.join(file).symlink_metadata().is_ok()
        });
        if let Some((file, lines)) = range {
            return Err(TaskError::NotLines { file: file.to_owned(), lines: lines.to_owned() });
        }
        return Ok((paths.to_vec(), None));
    };
    let path = repo.workspace().resolve(directory, file).map_err(RepoError::from)?;
    let text = repo.workspace().read_text(&path).map_err(RepoError::from)?.text;
    let count = text.lines().count();
    let line = if lines.0 > count { lines.0 } else { lines.1 };
    let no_such = || TaskError::NoSuchLine { file: file.to_owned(), count, line };
    let range = range_of(&text, lines).ok_or_else(no_such)?;
    let mut files = paths.to_vec();
    if let Some(first) = files.first_mut() {
        file.clone_into(first);
    }
    Ok((files, Some(range)))
}

/// Splits `FILE:START-END` or `FILE:LINE` into the file and its first and last line, from 1, where there are any.
#[must_use]
pub fn lines_of(typed: &str) -> (&str, Option<(usize, usize)>) {
    let parsed = typed.rsplit_once(':').and_then(|(file, lines)| {
        let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (first > 0 && first <= last && !file.is_empty()).then_some((file, (first, last)))
    });
    parsed.map_or((typed, None), |(file, lines)| (file, Some(lines)))
}

/// The bytes of the lines `first` to `last` of `text`; `None` where it has fewer lines: a range that is cut down in silence is
/// not the one that was meant.
fn range_of(text: &str, (first, last): (usize, usize)) -> Option<TextRange> {
    if last > text.lines().count() {
        return None;
    }
    let mut at = 0;
    let mut start = None;
    for (i, line) in text.split_inclusive('\n').enumerate() {
        if i + 1 == first {
            start = Some(at);
        }
        if i < last {
            at += line.len();
        }
    }
    let (start, end) = (u32::try_from(start?).ok()?, u32::try_from(at).ok()?);
    Some(TextRange::new(start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects selections: lines count from 1, the range is inclusive, a colon in a name is no range.
    #[test]
    fn lines_are_named_behind_the_file() {
        assert_eq!(lines_of("a.py:3-5"), ("a.py", Some((3, 5))));
        assert_eq!(lines_of("a.py:3"), ("a.py", Some((3, 3))));
        assert_eq!(lines_of("a.py:5-3"), ("a.py:5-3", None));
        assert_eq!(lines_of("a:b.py"), ("a:b.py", None));
        assert_eq!(range_of("a\nbb\nc", (2, 3)), Some(TextRange::new(2, 6)));
        assert_eq!(range_of("a\nbb\nc", (2, 4)), None);
        assert_eq!(range_of("a\n", (2, 2)), None);
    }
}
