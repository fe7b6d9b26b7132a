//! Paths inside a work tree.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A path relative to the root of a work tree: UTF-8, `/`-separated, never empty, never absolute, without `.`, `..`,
/// empty components, NUL or backslash, and never inside `.git` (compared case-folded, as some file systems do).
///
/// Holding one proves that the *text* is harmless. That it does not pass through a symbolic link is checked when it is
/// opened, by `workspace` and `apply`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoPath(String);

/// Why a text is not a [`RepoPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing was given.
    #[error("the path is empty")]
    Empty,
    /// It starts at the root of the file system.
    #[error("`{0}` is an absolute path")]
    Absolute(String),
    /// It leaves the repository.
    #[error("`{0}` leads outside the repository")]
    Outside(String),
    /// It has an empty or `.` component, a NUL byte, a backslash, or a component over 255 bytes.
    #[error("`{0}` is not a plain relative path")]
    Malformed(String),
    /// It is git's own folder.
    #[error("`{0}` is inside .git")]
    Git(String),
    /// It is not UTF-8.
    #[error("the path is not valid UTF-8")]
    NotUtf8,
}

impl crate::Hint for PathError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Absolute(_) | Self::Outside(_) | Self::Malformed(_) | Self::Empty => {
                Some("give a path relative to the root of the repository, such as src/main.py".into())
            }
            Self::Git(_) => Some("deepcoder never reads or edits git's own files".into()),
            Self::NotUtf8 => Some("rename the file".into()),
        }
    }
}

impl RepoPath {
    /// Check `text` and take it.
    pub fn new(text: impl Into<String>) -> Result<Self, PathError> {
        let text = text.into();
        if text.is_empty() {
            return Err(PathError::Empty);
        }
        if text.starts_with('/') {
            return Err(PathError::Absolute(text));
        }
        if text.contains(['\0', '\\']) {
            return Err(PathError::Malformed(text));
        }
        for part in text.split('/') {
            match part {
                ".." => return Err(PathError::Outside(text)),
                "" | "." => return Err(PathError::Malformed(text)),
                _ if part.len() > 255 => return Err(PathError::Malformed(text)),
                // `.git ` and `.git.` are the same folder on some file systems; `git~1` is its short name.
                _ if part.trim_end_matches([' ', '.']).eq_ignore_ascii_case(".git")
                    || part.eq_ignore_ascii_case("git~1") =>
                {
                    return Err(PathError::Git(text));
                }
                _ => {}
            }
        }
        Ok(Self(text))
    }

    /// The text, `/`-separated.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The text after the last dot of the file name, unless the name begins with it.
    #[must_use]
    pub fn extension(&self) -> Option<&str> {
        self.file_name().rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, ext)| ext)
    }
}

impl TryFrom<String> for RepoPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<RepoPath> for String {
    fn from(path: RepoPath) -> Self {
        path.0
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<std::path::Path> for RepoPath {
    fn as_ref(&self) -> &std::path::Path {
        self.0.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects rule 1: no text that leads out of the tree, or into git's own folder, becomes a path.
    #[test]
    fn hostile_paths_are_refused() {
        for text in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a//b",
            "./a",
            "a/.",
            "a\0b",
            "a\\b",
            ".git/config",
            "sub/.GIT/x",
            ".git./x",
            "GIT~1/x",
        ] {
            assert!(RepoPath::new(text).is_err(), "{text:?} was accepted");
        }
        for text in ["a", "src/lib.rs", ".github/x.yml", ".gitignore", "ünï/ço de.py", "a/..b"] {
            assert!(RepoPath::new(text).is_ok(), "{text:?} was refused");
        }
    }

    /// Protects language detection, which goes by the extension.
    #[test]
    fn extension_is_what_follows_the_last_dot() {
        let ext = |t: &str| RepoPath::new(t).ok().and_then(|p| p.extension().map(str::to_owned));
        assert_eq!(ext("a/b.tar.gz").as_deref(), Some("gz"));
        assert_eq!(ext("a/.bashrc"), None);
        assert_eq!(ext("Makefile"), None);
    }
}
