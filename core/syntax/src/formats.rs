//! The properties of files by their extension alone, also of those without a grammar.

use crate::Language;
use deepcoder_types::RepoPath;

/// A format without a grammar.
struct Format {
    extensions: &'static [&'static str],
    /// The word that models write after a fence; empty where models differ.
    fence: &'static str,
    /// The signs that begin a comment.
    comments: &'static [&'static str],
}

const fn format(extensions: &'static [&'static str], fence: &'static str, comments: &'static [&'static str]) -> Format {
    Format { extensions, fence, comments }
}

const FORMATS: &[Format] = &[
    format(&["md", "markdown"], "markdown", &["<!--"]),
    format(&["xml", "svg"], "xml", &["<!--"]),
    format(&["vue", "svelte"], "", &["<!--"]),
    format(&["scss", "less"], "", &["//", "/*"]),
    format(&["swift"], "swift", &["//", "/*"]),
    format(&["scala", "dart", "proto"], "", &["//", "/*"]),
    format(&["pl", "r", "cfg", "ini", "cmake", "mk"], "", &["#"]),
    format(&["sql"], "sql", &["--"]),
    format(&["lua", "hs"], "", &["--"]),
    format(&["rst", "txt", "csv"], "", &[]),
];

fn of(path: &RepoPath) -> Option<&'static Format> {
    let extension = path.extension()?.to_ascii_lowercase();
    FORMATS.iter().find(|format| format.extensions.contains(&extension.as_str()))
}

/// The word that models write after the fence for such a file; empty where that is unknown.
#[must_use]
pub fn fence_tag(path: &RepoPath) -> &'static str {
    let Some(language) = Language::of(path) else { return of(path).map_or("", |format| format.fence) };
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    let own = language.spec().fences.iter().find(|(of, _)| *of == extension);
    own.map_or_else(|| language.name(), |(_, tag)| tag)
}

/// The signs that begin a comment in such a file, as far as they are known.
#[must_use]
pub fn comment_marks(path: &RepoPath) -> Vec<&'static str> {
    match Language::of(path) {
        Some(language) => language.comment_marks().collect(),
        None => of(path).map(|format| format.comments.to_vec()).unwrap_or_default(),
    }
}

/// Whether a word with this ending is the name of a file, and not a member of something: `self.items` is none.
#[must_use]
pub fn is_file_extension(extension: &str) -> bool {
    Language::of_extension(extension).is_some() || FORMATS.iter().any(|format| format.extensions.contains(&extension))
}
