//! Why an import fails.

use crate::gguf::GgufError;
use deepcoder_types::{Cancelled, Hint};
use std::path::{Path, PathBuf};

/// Why a source could not be inspected or imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The operating system refused.
    #[error("cannot {what} `{}`", path.display())]
    Io {
        /// The operation, such as `read`.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The source is neither a GGUF file nor a folder of safetensors.
    #[error("`{}` is neither a GGUF file nor a folder with safetensors", .0.display())]
    UnknownFormat(PathBuf),
    /// A damaged or unsupported GGUF file.
    #[error("`{}`: {source}", path.display())]
    Gguf {
        /// The file.
        path: PathBuf,
        /// The error, in words.
        source: GgufError,
    },
    /// A damaged or unsupported file of a safetensors folder.
    #[error("`{}`: {reason}", path.display())]
    Folder {
        /// The file.
        path: PathBuf,
        /// The error, in words.
        reason: String,
    },
    /// A model of a kind that is not built here.
    #[error("the architecture `{0}` is not supported")]
    Architecture(String),
    /// Something about the model that the graph cannot express.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// A setting that the model's metadata must have, and has not, or with an impossible value.
    #[error("the setting `{key}` {problem}")]
    Setting {
        /// Its name.
        key: String,
        /// `is missing`, or what is wrong with it.
        problem: String,
    },
    /// A tensor that the architecture needs.
    #[error("the tensor `{0}` is missing")]
    MissingTensor(String),
    /// A tensor that the architecture does not know; to leave it out would give a wrong model.
    #[error("the tensor `{0}` is not part of this architecture as it is known here")]
    UnknownTensor(String),
    /// A tensor with another shape than the settings say.
    #[error("the tensor `{name}` has the shape {found:?} where {expected:?} is needed")]
    Shape {
        /// Its name.
        name: String,
        /// Slowest axis first.
        found: Vec<u64>,
        /// Slowest axis first.
        expected: Vec<u64>,
    },
    /// Weights that are infinite or not a number.
    #[error("the tensor `{0}` holds values that are not finite")]
    NotFinite(String),
    /// A vocabulary that cannot be turned into `tokenizer.json`.
    #[error("the tokenizer cannot be read: {0}")]
    Tokenizer(String),
    /// The engine would refuse the model, whatever its weights are.
    #[error("the model could not be used: {0}")]
    Unusable(String),
    /// Options that contradict each other or are out of range.
    #[error("{0}")]
    Options(String),
    /// Too little space where the model would be written.
    #[error("the model needs {} MiB in `{}`, and {} MiB are free", need >> 20, folder.display(), free >> 20)]
    DiskFull {
        /// Bytes needed.
        need: u64,
        /// Bytes free.
        free: u64,
        /// Where.
        folder: PathBuf,
    },
    /// There is something at the destination.
    #[error("`{}` exists already", .0.display())]
    Exists(PathBuf),
    /// Another process is importing to the same destination.
    #[error("another import into `{}` is running", .0.display())]
    Running(PathBuf),
    /// The import was cancelled; nothing is left of it.
    #[error("cancelled")]
    Cancelled,
}

impl From<Cancelled> for ImportError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl Hint for ImportError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownFormat(_) => {
                "give a .gguf file, or a folder that holds config.json, tokenizer.json and *.safetensors".to_owned()
            }
            Self::Gguf { source: GgufError::TensorType { .. }, .. } => {
                "use a variant of the model in F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, or Q2_K to Q6_K".to_owned()
            }
            Self::Gguf { source: GgufError::NotGguf, .. } => {
                "check that the download is complete and is not a web page or a pointer file".to_owned()
            }
            Self::Gguf { .. } | Self::MissingTensor(_) | Self::NotFinite(_) | Self::Shape { .. } => {
                "the file may be damaged or incomplete: compare its size and checksum with the publisher's".to_owned()
            }
            Self::Folder { .. } | Self::Setting { .. } | Self::Unusable(_) => {
                "take all files of the model's repository, unchanged".to_owned()
            }
            Self::Architecture(_) | Self::UnknownTensor(_) => {
                "supported are models of the Llama family (Llama, DeepSeek-Coder, …) and Qwen2 (Qwen2.5-Coder, …)"
                    .to_owned()
            }
            Self::DiskFull { .. } => "free some space, or choose another folder for models".to_owned(),
            Self::Exists(_) => "remove the model first, or give another name".to_owned(),
            Self::Running(_) => "wait for it to end".to_owned(),
            Self::Tokenizer(_) => {
                "take the model's own tokenizer.json, or a GGUF file of it that others use as well".to_owned()
            }
            Self::Unsupported(_) | Self::Options(_) | Self::Io { .. } | Self::Cancelled => {
                return None;
            }
        })
    }
}

impl ImportError {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { what, path: path.to_owned(), source }
    }

    pub(crate) fn missing(key: impl Into<String>) -> Self {
        Self::Setting { key: key.into(), problem: "is missing".to_owned() }
    }

    pub(crate) fn setting(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Setting { key: key.into(), problem: problem.into() }
    }

    pub(crate) fn folder(path: &Path, reason: impl Into<String>) -> Self {
        Self::Folder { path: path.to_owned(), reason: reason.into() }
    }
}
