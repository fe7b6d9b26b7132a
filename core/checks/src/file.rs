//! `deepcoder.toml`, the file in which a repository configures hooks and checks. Each reads its own table of it.

use deepcoder_types::Hint;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// The file, at the root of a repository.
pub const CONFIG_FILE: &str = "deepcoder.toml";

/// The most bytes of the file.
const MAX_CONFIG: u64 = 64 << 10;

/// The file is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It says something that makes no sense.
    #[error("{CONFIG_FILE}:{line}: {message}")]
    Wrong {
        /// Where.
        line: usize,
        /// The error, in words.
        message: String,
        /// The correction.
        hint: String,
    },
}

impl Hint for ConfigError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } => Some("it must be a text file of the repository, and yours to read".into()),
            Self::Wrong { hint, .. } => Some(hint.clone()),
        }
    }
}

/// The file as it is; `None` where there is none. A repository may hold a link to anywhere, or something that never ends.
pub fn read_bytes(root: &Path) -> Result<Option<Vec<u8>>, ConfigError> {
    let path = root.join(CONFIG_FILE);
    match deepcoder_files::read_no_link(&path, MAX_CONFIG) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::FileTooLarge) => {
            let source = std::io::Error::other("it is not a plain file of at most 64 KiB");
            Err(ConfigError::Unreadable { path, source })
        }
        Err(source) => Err(ConfigError::Unreadable { path, source }),
    }
}

/// The file as text; `None` where there is none.
pub fn read_text(root: &Path) -> Result<Option<String>, ConfigError> {
    let text = |bytes| {
        String::from_utf8(bytes).map_err(|_| {
            let source = std::io::Error::new(ErrorKind::InvalidData, "it is not UTF-8");
            ConfigError::Unreadable { path: root.join(CONFIG_FILE), source }
        })
    };
    read_bytes(root)?.map(text).transpose()
}

/// The globs of a table that names none.
#[must_use]
pub fn everything() -> GlobSet {
    let all = GlobBuilder::new("**").build();
    all.ok().and_then(|glob| GlobSetBuilder::new().add(glob).build().ok()).unwrap_or_default()
}

/// The tables of the file.
const TABLES: [&str; 2] = ["check", "hook"];

/// The least likeness of a name to a known one that is offered in its place, from 0 to 1.
const LIKE: f64 = 0.6;

/// The text of the file, for the lines that errors name.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a>(pub &'a str);

impl Text<'_> {
    /// The error about what begins at the byte `at`.
    #[must_use]
    pub fn wrong(self, at: usize, message: &str, hint: &str) -> ConfigError {
        let line = self.0.as_bytes().iter().take(at).filter(|b| **b == b'\n').count() + 1;
        ConfigError::Wrong { line, message: message.to_owned(), hint: hint.to_owned() }
    }

    /// The error of the reader of TOML.
    #[must_use]
    pub fn wrong_toml(self, error: &toml::de::Error, hint: &str) -> ConfigError {
        let at = error.span().map_or(0, |span| span.start);
        self.wrong(at, error.message().lines().next().unwrap_or_default(), hint)
    }

    /// An error where the file has a table that no part of the program reads: settings that are ignored in silence pass for
    /// settings that hold.
    pub fn known_tables(self, table: &toml::Table) -> Result<(), ConfigError> {
        const HINT: &str = "the tables are [hook], [[hook.action]] and [check.NAME]";
        let Some(key) = table.keys().find(|key| !TABLES.contains(&key.as_str())) else { return Ok(()) };
        let likeness = |known: &&str| strsim::jaro_winkler(known, &key.to_ascii_lowercase());
        let nearest = TABLES.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        let hint = match nearest.filter(|known| likeness(known) >= LIKE) {
            Some(known) => format!("is `{known}` meant? {HINT}"),
            None => HINT.to_owned(),
        };
        Err(self.wrong(self.line_of(key), &format!("`{key}` has no meaning here"), &hint))
    }

    /// Where the line begins that names `key` at the top of the file; the beginning where none does.
    fn line_of(self, key: &str) -> usize {
        let names = |line: &str| {
            let name = line.trim_start().trim_start_matches(['[', '"', '\'', ' ']);
            name.strip_prefix(key).is_some_and(|rest| rest.starts_with([']', '.', '=', '"', '\'', ' ', '\t']))
        };
        let mut at = 0;
        for line in self.0.split_inclusive('\n') {
            if names(line) {
                return at;
            }
            at += line.len();
        }
        0
    }

    /// The globs, compiled. `*` stays inside a directory, `**` crosses them.
    pub fn globs(self, globs: &[Spanned<String>]) -> Result<GlobSet, ConfigError> {
        const HINT: &str = "`*` stays in a folder, `**` crosses them: src/**/*.py";
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            let at = glob.span().start;
            deepcoder_types::check_glob(glob.get_ref())
                .map_err(|why| self.wrong(at, &format!("this is not a glob: {why}"), HINT))?;
            let glob = GlobBuilder::new(glob.get_ref()).literal_separator(true).build().map_err(|error| {
                let message = format!("`{}` is not a glob: {}", glob.get_ref(), error.kind());
                self.wrong(at, &message, HINT)
            })?;
            set.add(glob);
        }
        let at = globs.first().map_or(0, |glob| glob.span().start);
        set.build().map_err(|error| self.wrong(at, &format!("these globs make no sense: {}", error.kind()), HINT))
    }
}
