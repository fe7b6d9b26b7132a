//! The files of a request, read for their documentation, and the answer of the check.

use crate::check::{Problem, bare_packages, problems};
use crate::options::Options;
use crate::scope::Scope;
use crate::units::{Source, Unit, read, supports};
use deepcoder_plugin_api::{ErrorCode, Host, Level, PluginError};
use deepcoder_syntax::{Language, is_generated, is_minified, is_test};
use deepcoder_types::{Answer, ContentHash, Instruction, RepoPath};
use std::collections::{BTreeMap, BTreeSet};

/// A file that was read.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub path: RepoPath,
    pub text: String,
    pub hash: ContentHash,
    pub source: Source,
}

/// Whether a file of C is read by others.
pub(crate) fn is_header(path: &RepoPath) -> bool {
    matches!(path.extension(), Some("h" | "hh" | "hpp" | "hxx" | "h++" | "inl" | "ipp"))
}

/// The files that the request names, or all of the repository. What a program wrote is left out, and tests where they are
/// not named by themselves.
pub(crate) fn files(instruction: &Instruction, options: &Options, host: &dyn Host) -> Result<Vec<File>, PluginError> {
    let (paths, named) = match instruction.targets.as_slice() {
        [] => (host.list_files("", u32::MAX)?, false),
        targets => (targets.to_vec(), targets.len() == 1),
    };
    let mut files = Vec::new();
    let programs: Vec<RepoPath> =
        paths.into_iter().filter(|path| Language::program(path).is_some_and(supports)).collect();
    for (at, path) in programs.iter().enumerate() {
        if host.cancelled() {
            return Err(PluginError::cancelled());
        }
        if is_test(path) && !options.all && !named {
            continue;
        }
        #[expect(clippy::cast_precision_loss, reason = "a fraction for a progress bar")]
        let fraction = at as f32 / programs.len() as f32;
        host.progress(&format!("reading {path}"), Some(fraction));
        match open(path, host) {
            Ok(Some(file)) => files.push(file),
            Ok(None) => {}
            Err(error) if error.code == ErrorCode::Cancelled => return Err(error),
            Err(error) => host.log(Level::Warn, &format!("left out: `{path}`: {}", error.message)),
        }
    }
    Ok(files)
}

/// A file; `None` where a program wrote it, or where it cannot be parsed.
fn open(path: &RepoPath, host: &dyn Host) -> Result<Option<File>, PluginError> {
    let Some(language) = Language::program(path) else { return Ok(None) };
    let read_file = host.read_file(path)?;
    let text = read_file.text;
    if is_generated(&text) || is_minified(path, &text) {
        return Ok(None);
    }
    let source = read(language, &text, is_header(path));
    Ok(source.map(|source| File { path: path.clone(), hash: read_file.file_hash, text, source }))
}

/// The functions that headers declare, by the files beside them.
pub(crate) fn declared(files: &[File], host: &dyn Host) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    let known: BTreeSet<&RepoPath> = files.iter().map(|file| &file.path).collect();
    names.extend(files.iter().filter(|file| is_header(&file.path)).flat_map(|file| file.source.declared.clone()));
    for file in files.iter().filter(|file| file.source.language.is_c() && !is_header(&file.path)) {
        let Some((bare, _)) = file.path.as_str().rsplit_once('.') else { continue };
        for ending in ["h", "hpp", "hh"] {
            let Ok(beside) = RepoPath::new(format!("{bare}.{ending}")) else { continue };
            if !known.contains(&beside)
                && let Ok(Some(header)) = open(&beside, host)
            {
                names.extend(header.source.declared);
            }
        }
    }
    names
}

/// The files that the request is about, and which of their definitions. An error where there are none.
pub(crate) fn asked(
    instruction: &Instruction,
    options: &Options,
    host: &dyn Host,
) -> Result<(Scope, Vec<File>), PluginError> {
    let scope = Scope::of(instruction, options.all);
    let files = files(instruction, options, host)?;
    if files.is_empty() {
        return Err(nothing());
    }
    let units: Vec<&Unit> = files.iter().flat_map(|file| &file.source.units).collect();
    if let Some(name) = scope.unknown(&units) {
        return Err(Scope::missing(name));
    }
    Ok((scope, files))
}

/// The list of all that is wrong.
pub(crate) fn check(instruction: &Instruction, options: &Options, host: &dyn Host) -> Result<Answer, PluginError> {
    let (scope, files) = asked(instruction, options, host)?;
    let declared = declared(&files, host);
    let mut found: BTreeMap<&RepoPath, Vec<Problem>> = BTreeMap::new();
    for file in &files {
        found.insert(&file.path, problems(&file.path, &file.text, &file.source, &scope, &declared));
    }
    if scope.is_whole() && instruction.targets.len() != 1 {
        let texts: Vec<(RepoPath, String)> = files.iter().map(|file| (file.path.clone(), file.text.clone())).collect();
        let bare = bare_packages(&texts);
        for (path, problem) in bare {
            if let Some((_, problems)) = found.iter_mut().find(|(known, _)| ***known == path) {
                problems.insert(0, problem);
            }
        }
    }
    let (mut lines, mut diagnostics) = (Vec::new(), Vec::new());
    for (path, problem) in found.iter().flat_map(|(path, problems)| problems.iter().map(move |p| (*path, p))) {
        let doubt = if problem.is_doubt { "doubtful: " } else { "" };
        let (kind, name, message) = (problem.kind, &problem.name, &problem.message);
        lines.push(format!("{path}:{}: {doubt}{kind} `{name}`: {message} [{}]", problem.line, problem.rule));
        diagnostics.push(problem.diagnostic(path));
    }
    if lines.is_empty() {
        lines.push("everything is documented, and the documentation fits the signatures".to_owned());
    }
    Ok(Answer { text: lines.join("\n"), actions: Vec::new(), diagnostics })
}

/// The error where no file can be documented.
pub(crate) fn nothing() -> PluginError {
    PluginError::new(ErrorCode::NotFound, "no file here is in a language whose documentation is understood").with_hint(
        "these are Python, JavaScript, TypeScript, Rust, Go, Java, C and C++: deepcoder document --check src",
    )
}
