//! Resolves the user's arguments: relative paths, folders, globs.

use crate::rules::RuleSource as _;
use crate::{ListError, Visibility, Workspace, beneath};
use deepcoder_types::{PathError, RepoPath};
use globset::GlobBuilder;
use rustix::fd::AsFd as _;
use rustix::fs::FileType;
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// Why what was typed is not a file of the work tree.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// It is not a path that can be inside a repository.
    #[error(transparent)]
    Path(#[from] PathError),
    /// It leads out of the work tree.
    #[error("`{typed}` is outside the repository `{}`", root.display())]
    Outside {
        /// The text that the user typed.
        typed: String,
        /// The root of the work tree.
        root: PathBuf,
    },
    /// It, or a folder on the way to it, is a symbolic link.
    #[error("`{typed}` is reached through the symbolic link `{link}`")]
    Symlink {
        /// The text that the user typed.
        typed: String,
        /// The link, from the root.
        link: String,
    },
    /// It belongs to a submodule or another repository inside this one.
    #[error("`{typed}` belongs to the repository in `{folder}`")]
    NestedRepository {
        /// The text that the user typed.
        typed: String,
        /// Where that repository is.
        folder: String,
    },
    /// Nothing is there, or no visible file matches.
    #[error("{}", nothing(typed))]
    NothingMatched {
        /// The text that the user typed, which matched nothing.
        typed: Vec<String>,
        /// Visible files with names like the first.
        similar: Vec<String>,
    },
    /// An ignore rule hides it.
    #[error("`{0}` is ignored")]
    Ignored(RepoPath),
    /// Its name says that it holds secrets.
    #[error("`{0}` looks like a file of secrets, which no model is shown")]
    Secret(RepoPath),
    /// It is not a glob.
    #[error("`{typed}` is not a pattern: {message}")]
    Glob {
        /// The text that the user typed.
        typed: String,
        /// The error, in words.
        message: String,
    },
    /// The tree cannot be listed.
    #[error(transparent)]
    List(#[from] ListError),
}

fn nothing(typed: &[String]) -> String {
    let names: Vec<_> = typed.iter().map(|t| format!("`{t}`")).collect();
    match names.as_slice() {
        [] => "there are no files that a model may see".to_owned(),
        [one] => format!("no visible file matches {one}"),
        many => format!("no visible file matches any of {}", many.join(", ")),
    }
}

impl deepcoder_types::Hint for ResolveError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Path(error) => error.hint(),
            Self::List(error) => error.hint(),
            Self::Outside { .. } => Some("use -C to work on another repository".into()),
            Self::Symlink { .. } => Some("give the path of the real file; links are never followed".into()),
            Self::NestedRepository { folder, .. } => Some(format!("use -C {folder} to work on that repository")),
            Self::NothingMatched { similar, .. } => crate::similar::hint(similar),
            Self::Ignored(_) => Some(
                "it is hidden by .gitignore, .aiignore or .deepcoderignore; `git check-ignore -v` names the line"
                    .into(),
            ),
            Self::Secret(_) => Some("edit it yourself, or rename it if it holds none".into()),
            Self::Glob { .. } => None,
        }
    }
}

impl Workspace {
    /// The path that `typed` means in the folder `base`. It need not exist, but may not be outside, in git's folder, in
    /// another repository, or behind a link.
    pub fn resolve(&self, base: &Path, typed: &str) -> Result<RepoPath, ResolveError> {
        let text = self.locate(base, typed)?;
        let path = RepoPath::new(text)?;
        self.check_way(typed, path.as_str())?;
        Ok(path)
    }

    /// The visible files that the paths, folders and globs in `typed` mean, sorted, each once. Every one of them must
    /// match something.
    pub fn expand(&self, base: &Path, typed: &[String]) -> Result<Vec<RepoPath>, ResolveError> {
        let mut listed = None;
        let mut found = BTreeSet::new();
        let mut unmatched = Vec::new();
        for one in typed {
            let matching = self.expand_one(base, one, &mut listed)?;
            if matching.is_empty() {
                unmatched.push(one.clone());
            }
            found.extend(matching);
        }
        match unmatched.first() {
            None => Ok(found.into_iter().collect()),
            Some(first) => {
                let similar = self.locate(base, first).map(|text| self.similar(&text)).unwrap_or_default();
                Err(ResolveError::NothingMatched { typed: unmatched, similar })
            }
        }
    }

    fn expand_one(
        &self,
        base: &Path,
        typed: &str,
        listed: &mut Option<Vec<RepoPath>>,
    ) -> Result<Vec<RepoPath>, ResolveError> {
        // Names may have `[` in them, so that what exists wins over what it would match.
        let located = self.locate(base, typed);
        let kind = located.as_ref().ok().map(|text| self.kind(text));
        match (located, kind) {
            (Ok(text), Some(Ok(FileType::Directory))) if text.is_empty() => Ok(all(self, listed)?.to_vec()),
            (Ok(text), Some(Ok(FileType::Directory))) => {
                let prefix = format!("{}/", RepoPath::new(text.as_str())?);
                self.check_way(typed, &text)?;
                Ok(all(self, listed)?.iter().filter(|p| p.as_str().starts_with(&prefix)).cloned().collect())
            }
            (Ok(text), Some(Ok(_) | Err(Errno::LOOP))) => {
                let path = RepoPath::new(text)?;
                self.check_way(typed, path.as_str())?;
                match self.visibility(&path) {
                    Visibility::Visible => Ok(vec![path]),
                    Visibility::Ignored => Err(ResolveError::Ignored(path)),
                    Visibility::Secret => Err(ResolveError::Secret(path)),
                }
            }
            _ if is_glob(typed) => {
                let matcher = self.glob(base, typed)?;
                Ok(all(self, listed)?.iter().filter(|p| matcher.is_match(p.as_str())).cloned().collect())
            }
            (Ok(text), _) => {
                self.check_way(typed, RepoPath::new(text)?.as_str())?;
                Ok(Vec::new())
            }
            (Err(error), _) => Err(error),
        }
    }

    /// `typed` as a path from the root; empty for the root itself. Purely by its text, but for links above the root.
    fn locate(&self, base: &Path, typed: &str) -> Result<String, ResolveError> {
        if typed.is_empty() {
            return Err(PathError::Empty.into());
        }
        let outside = || ResolveError::Outside { typed: typed.to_owned(), root: self.root().to_owned() };
        let base =
            if base.is_absolute() { base.to_owned() } else { std::fs::canonicalize(base).map_err(|_| outside())? };
        let mut full = PathBuf::new();
        for component in base.join(typed).components() {
            match component {
                Component::CurDir => {}
                Component::ParentDir => {
                    full.pop();
                }
                other => full.push(other),
            }
        }
        let rest = self.strip_root(&full).ok_or_else(outside)?;
        rest.to_str().map(str::to_owned).ok_or_else(|| PathError::NotUtf8.into())
    }

    /// The part of `full` below the root, also when it is written through links above the root.
    fn strip_root(&self, full: &Path) -> Option<PathBuf> {
        if let Ok(rest) = full.strip_prefix(self.root()) {
            return Some(rest.to_owned());
        }
        let mut prefixes: Vec<&Path> = full.ancestors().collect();
        prefixes.reverse();
        // The outermost one: a link inside the tree that leads back to the root stays visible as a link.
        let at = prefixes.into_iter().find(|p| std::fs::canonicalize(p).is_ok_and(|c| c == self.root()))?;
        full.strip_prefix(at).ok().map(Path::to_owned)
    }

    fn check_way(&self, typed: &str, path: &str) -> Result<(), ResolveError> {
        if let Some(link) = beneath::first_link(self.inner.root_fd.as_fd(), path) {
            return Err(ResolveError::Symlink { typed: typed.to_owned(), link: link.to_owned() });
        }
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        let nested =
            ends.map(|end| &path[..end]).find(|folder| !folder.is_empty() && self.is_nested_repository(folder));
        match nested {
            Some(folder) => Err(ResolveError::NestedRepository { typed: typed.to_owned(), folder: folder.to_owned() }),
            None => Ok(()),
        }
    }

    fn glob(&self, base: &Path, typed: &str) -> Result<globset::GlobMatcher, ResolveError> {
        // The folders before the first wildcard are a path like any other; what follows is the pattern.
        let first = typed.find(['*', '?', '[', '{']).unwrap_or(typed.len());
        let (folder, pattern) = match typed[..first].rfind('/') {
            Some(0) => ("/", &typed[1..]),
            Some(at) => (&typed[..at], &typed[at + 1..]),
            None => (".", typed),
        };
        let folder = self.locate(base, folder)?;
        let full =
            if folder.is_empty() { pattern.to_owned() } else { format!("{}/{pattern}", globset::escape(&folder)) };
        let wrong = |message: String| ResolveError::Glob { typed: shortened(typed), message };
        deepcoder_types::check_glob(&full).map_err(wrong)?;
        let glob = GlobBuilder::new(&full).literal_separator(true).build();
        glob.map(|g| g.compile_matcher()).map_err(|e| wrong(e.kind().to_string()))
    }
}

fn all<'l>(workspace: &Workspace, listed: &'l mut Option<Vec<RepoPath>>) -> Result<&'l [RepoPath], ListError> {
    if listed.is_none() {
        *listed = Some(workspace.files()?);
    }
    Ok(listed.as_deref().unwrap_or_default())
}

/// Enough of what was typed to know it again.
fn shortened(typed: &str) -> String {
    match typed.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &typed[..end]),
        None => typed.to_owned(),
    }
}

fn is_glob(typed: &str) -> bool {
    typed.contains(['*', '?', '[', '{'])
}
