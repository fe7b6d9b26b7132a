//! Patterns from edits of the history, and from texts.

use crate::{Repo, RepoError};
use deepcoder_apply::{LogEntry, Side};
use deepcoder_codemod::{CodemodError, Example, LearnError, Learned, language_named, learn};
use deepcoder_syntax::Language;
use deepcoder_types::{Hint, RepoPath};

/// Edits of the log that an id is looked up in.
const MOST: usize = 10_000;

/// Why nothing is learned from an edit.
#[derive(Debug, thiserror::Error)]
pub enum LearnEditError {
    /// The history cannot be read.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// There is no such edit.
    #[error("there is no edit `{0}`")]
    NoEdit(String),
    /// The id is the beginning of several.
    #[error("`{0}` is the beginning of several ids")]
    Several(String),
    /// Nothing was edited yet.
    #[error("no edits were made in this repository yet")]
    NoEdits,
    /// None of the files is code.
    #[error("the edit changed no code in a known language")]
    NoCode,
    /// A language that is not known.
    #[error(transparent)]
    Language(#[from] CodemodError),
    /// The edit shows no pattern.
    #[error(transparent)]
    Learn(#[from] LearnError),
}

impl Hint for LearnEditError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Repo(error) => error.hint(),
            Self::NoEdit(_) | Self::Several(_) => Some("`deepcoder log` shows the ids".to_owned()),
            Self::NoEdits => Some("give two files: deepcoder codemod learn --before FILE --after FILE".to_owned()),
            Self::NoCode => Some("name it: --language python".to_owned()),
            Self::Language(error) => error.hint(),
            Self::Learn(error) => error.hint(),
        }
    }
}

impl Repo {
    /// The patterns of an edit, those of most changes first. `id` is a task's, an edit's or the beginning of an edit's; `None`
    /// means the last edit.
    pub fn learn(&self, id: Option<&str>) -> Result<Vec<Learned>, LearnEditError> {
        let entry = self.edit(id)?;
        let mut texts = Vec::new();
        for file in entry.files.iter().filter(|file| file.old.is_some() && file.new.is_some()) {
            let Some(language) = Language::of(&file.path) else { continue };
            let text = |side| -> Result<Option<String>, RepoError> {
                let image = self.image(&entry.id, &file.path, side)?;
                Ok(image.and_then(|image| String::from_utf8(image.bytes).ok()))
            };
            if let (Some(before), Some(after)) = (text(Side::Before)?, text(Side::After)?) {
                texts.push((language, before, after));
            }
        }
        if texts.is_empty() {
            return Err(LearnEditError::NoCode);
        }
        let examples: Vec<Example<'_>> =
            texts.iter().map(|(language, before, after)| Example { language: *language, before, after }).collect();
        Ok(learn(&examples)?)
    }

    fn edit(&self, id: Option<&str>) -> Result<LogEntry, LearnEditError> {
        let Some(id) = id else {
            return self.log(1)?.into_iter().next().ok_or(LearnEditError::NoEdits);
        };
        if let Some(entry) = self.applied(id)? {
            return Ok(entry);
        }
        let mut found = self.log(MOST)?.into_iter().filter(|entry| entry.id.starts_with(id));
        match (found.next(), found.next()) {
            (Some(entry), None) => Ok(entry),
            (None, _) => Err(LearnEditError::NoEdit(id.to_owned())),
            (Some(_), Some(_)) => Err(LearnEditError::Several(id.to_owned())),
        }
    }
}

/// The patterns that make `after` of `before`. The language is the named one, or that of the file.
pub fn learn_texts(
    file: &str,
    language: Option<&str>,
    before: &str,
    after: &str,
) -> Result<Vec<Learned>, LearnEditError> {
    let of_file = || RepoPath::new(file.rsplit('/').next().unwrap_or(file)).ok().and_then(|path| Language::of(&path));
    let language = match language {
        Some(name) => language_named(name)?,
        None => of_file().ok_or(LearnEditError::NoCode)?,
    };
    Ok(learn(&[Example { language, before, after }])?)
}
