//! The files to edit, as whole texts, and what else the model may see.

use deepcoder_edit::formats::fenced::fence_for;
use deepcoder_plugin_api::{ErrorCode, Host, PluginError, fill};
use deepcoder_syntax::fence_tag;
use deepcoder_types::{ContentHash, ContextBundle, Instruction, RepoPath, Snippet, TextRange};

const FILE: &str = include_str!("../prompts/file.md");

/// A file that is to be edited or made.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// Where.
    pub path: RepoPath,
    /// The file that is there; `None` for a file that is to be made.
    pub base: Option<Base>,
}

/// A file as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    /// All of it.
    pub text: String,
    /// Its hash.
    pub hash: ContentHash,
    /// The parts that the context points to, when it did not give the whole file.
    pub parts: Vec<TextRange>,
    /// Signatures of the rest of the file, when it did not.
    pub outline: String,
}

/// The targets of the instruction, or the files that the context found for it.
pub(crate) fn targets(
    instruction: &Instruction,
    context: &ContextBundle,
    host: &dyn Host,
) -> Result<Vec<Target>, PluginError> {
    let mut paths: Vec<&RepoPath> = instruction.targets.iter().collect();
    if paths.is_empty() {
        paths.extend(context.snippets.iter().filter(|s| s.origin == "target").map(|s| &s.path));
    }
    let mut out: Vec<Target> = Vec::new();
    for path in paths {
        if out.iter().all(|t| t.path != *path) {
            out.push(Target { path: path.clone(), base: base(path, context, host)? });
        }
    }
    if out.is_empty() {
        return Err(PluginError::new(ErrorCode::NotFound, "no file was named, and none fits the instruction")
            .with_hint("name the files to edit: deepcoder edit \"…\" src/file.py"));
    }
    Ok(out)
}

fn base(path: &RepoPath, context: &ContextBundle, host: &dyn Host) -> Result<Option<Base>, PluginError> {
    let of_file: Vec<&Snippet> = context.snippets.iter().filter(|s| s.path == *path).collect();
    let is_whole = |s: &&&Snippet| s.range.start == 0 && ContentHash::of(s.text.as_bytes()) == s.file_hash;
    if let Some(whole) = of_file.iter().find(is_whole) {
        return Ok(Some(Base {
            text: whole.text.clone(),
            hash: whole.file_hash,
            parts: Vec::new(),
            outline: String::new(),
        }));
    }
    match host.read_file(path) {
        Ok(file) => {
            if of_file.iter().any(|s| s.file_hash != file.file_hash) {
                return Err(PluginError::new(ErrorCode::Stale, format!("`{path}` changed while it was read"))
                    .with_hint("run the command again"));
            }
            let outline = of_file.iter().filter(|s| s.origin == "outline").map(|s| ended(&s.text)).collect();
            let meant = |s: &&&Snippet| s.origin == "target" || s.origin.starts_with("symbol:");
            let parts = of_file.iter().filter(meant).map(|s| s.range).collect();
            Ok(Some(Base { text: file.text, hash: file.file_hash, parts, outline }))
        }
        Err(error) if error.code == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A file or a part of it, in a fence under its name.
#[must_use]
pub(crate) fn shown(path: &RepoPath, text: &str) -> String {
    let ended = ended(text);
    let fence = fence_for(&ended);
    let values = [("path", path.as_str()), ("fence", &fence), ("language", fence_tag(path)), ("text", ended.as_str())];
    fill(FILE, &values)
}

/// `text` as it stands in a fence: `\n` line endings, no byte order mark, the last line finished.
#[must_use]
pub(crate) fn ended(text: &str) -> String {
    let mut out = deepcoder_edit::split_bom(text).1.replace("\r\n", "\n");
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    out
}
