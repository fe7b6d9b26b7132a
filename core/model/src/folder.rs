//! Reading a model folder: the manifest is checked against the files before the runtime sees any of them.

use deepcoder_types::{Hint, MANIFEST_FILE, MANIFEST_FORMAT, Manifest};
use std::path::{Path, PathBuf};

/// The chat template inside a model folder, where the model has one.
pub(crate) const TEMPLATE_FILE: &str = "chat_template.jinja";
/// The vocabulary inside a model folder.
pub(crate) const TOKENIZER_FILE: &str = "tokenizer.json";

/// Larger manifests, templates and graphs are not ours.
const MAX_TEXT: u64 = 64 << 20;

/// Why a model cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no model folder.
    #[error("there is no model at `{path}`")]
    NotFound {
        /// The folder.
        path: PathBuf,
    },
    /// The manifest cannot be read.
    #[error("`{path}` is no model manifest: {reason}")]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// The error, in words.
        reason: String,
    },
    /// The folder was written by a later version.
    #[error("the model `{name}` has format {format}, and this version reads up to {MANIFEST_FORMAT}")]
    Format {
        /// The model.
        name: String,
        /// Its format.
        format: u32,
    },
    /// The folder was written by an earlier version, whose operators are gone.
    #[error("the model `{0}` was imported by an earlier version, whose operators this one does not have")]
    Outdated(String),
    /// A file is missing, has another size, or is not what the manifest says.
    #[error("the model `{name}` is damaged: {reason}")]
    Damaged {
        /// The model.
        name: String,
        /// The error, in words.
        reason: String,
    },
    /// The model needs a later runtime.
    #[error("the model `{name}` needs ONNX Runtime {needs}, and {has} is loaded")]
    RuntimeTooOld {
        /// The model.
        name: String,
        /// The least version.
        needs: String,
        /// The version that is loaded.
        has: String,
    },
    /// [`crate::runtime::init`] has not been called.
    #[error("ONNX Runtime has not been started")]
    NoRuntime,
    /// A setting is out of range.
    #[error("{0}")]
    Invalid(String),
    /// The weights were to be in memory of the process, and cannot be.
    #[error("the weights of the model `{name}` cannot be read into memory: {reason}")]
    Memory {
        /// The model.
        name: String,
        /// The message of the system.
        reason: String,
    },
    /// CUDA was asked for and is not there.
    #[error("CUDA cannot be used: {0}")]
    Cuda(String),
    /// CUDA was asked for, and the model's graph is for the processor.
    #[error(
        "the model `{0}` is made of deepcoder's own operators, which are for the processor, and CUDA was asked for"
    )]
    NotForCuda(String),
    /// The runtime refuses the model.
    #[error("the model `{name}` cannot be loaded: {reason}")]
    Runtime {
        /// The model.
        name: String,
        /// The message of the runtime.
        reason: String,
    },
}

impl Hint for LoadError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { .. } => Some("`deepcoder models list` shows the installed models, `deepcoder pull` downloads one".into()),
            Self::Damaged { name, .. } | Self::Runtime { name, .. } => Some(format!(
                "`deepcoder models verify {name}` checks every byte; `deepcoder models rm {name}` and `deepcoder pull \
                 {name}` get it again"
            )),
            Self::Manifest { .. } => Some(
                "import the model again: `deepcoder models rm`, then `deepcoder pull` or `deepcoder import`".into(),
            ),
            Self::Outdated(name) => {
                Some(format!("`deepcoder models rm {name}` and `deepcoder pull {name}` import it again"))
            }
            Self::Format { .. } => Some("use a later deepcoder, or import the model again with this one".into()),
            Self::RuntimeTooOld { needs, .. } => Some(format!("`pip install 'onnxruntime>={needs}'`")),
            Self::NoRuntime => Some("`deepcoder doctor` says which ONNX Runtime is used".into()),
            Self::Cuda(_) => Some("`pip install onnxruntime-gpu`, or choose the processor with `-c device=cpu`".into()),
            Self::NotForCuda(_) => Some(
                "`deepcoder import --portable` makes a graph of ONNX Runtime's operators, or choose the processor with \
                 `-c device=cpu`"
                    .into(),
            ),
            Self::Memory { .. } => Some("`-c weights=mapped` leaves them in the file".into()),
            Self::Invalid(_) => None,
        }
    }
}

/// Read and check the manifest of a model folder and the presence, kind and size of every file that it lists.
/// Contents are not hashed: that takes seconds and is what `models verify` is for.
pub(crate) fn read_manifest(folder: &Path) -> Result<Manifest, LoadError> {
    if !folder.is_dir() {
        return Err(LoadError::NotFound { path: folder.to_path_buf() });
    }
    let path = folder.join(MANIFEST_FILE);
    let wrong = |reason: String| LoadError::Manifest { path: path.clone(), reason };
    let text = read_text(&path).map_err(&wrong)?;
    // The format comes first: a later one may hold what this version cannot read.
    #[derive(serde::Deserialize)]
    struct Head {
        format: u32,
        name: String,
    }
    let head: Head = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
    if head.format > MANIFEST_FORMAT {
        return Err(LoadError::Format { name: head.name, format: head.format });
    }
    let manifest: Manifest = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
    check_files(folder, &manifest)?;
    check_graph(&manifest)?;
    Ok(manifest)
}

/// A small text file of the folder.
pub(crate) fn read_text(path: &Path) -> Result<String, String> {
    deepcoder_files::read_text(path, MAX_TEXT).map_err(|e| e.to_string())
}

/// The chat template of the folder, where the manifest lists one.
pub(crate) fn read_template(folder: &Path, manifest: &Manifest) -> Result<Option<String>, LoadError> {
    if !manifest.files.contains_key(TEMPLATE_FILE) {
        return Ok(None);
    }
    let damaged = |reason: String| LoadError::Damaged {
        name: manifest.name.clone(),
        reason: format!("its chat template cannot be read: {reason}"),
    };
    read_text(&folder.join(TEMPLATE_FILE)).map(Some).map_err(damaged)
}

fn check_files(folder: &Path, manifest: &Manifest) -> Result<(), LoadError> {
    let damaged = |reason: String| LoadError::Damaged { name: manifest.name.clone(), reason };
    for needed in [manifest.graph.file.as_str(), TOKENIZER_FILE] {
        if !manifest.files.contains_key(needed) {
            return Err(damaged(format!("its manifest does not list `{needed}`")));
        }
    }
    for (name, entry) in &manifest.files {
        // A path would let a folder from elsewhere make the runtime read any file of the user.
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
            return Err(damaged(format!("`{name}` is not a plain file name")));
        }
        let file = std::fs::symlink_metadata(folder.join(name))
            .map_err(|e| damaged(format!("`{name}` cannot be read: {e}")))?;
        if !file.is_file() {
            return Err(damaged(format!("`{name}` is not a regular file")));
        }
        if file.len() != entry.size {
            return Err(damaged(format!("`{name}` has {} bytes instead of {}", file.len(), entry.size)));
        }
    }
    // The graph names its external data itself: anything in the folder that the manifest does not list is suspect.
    for entry in std::fs::read_dir(folder).map_err(|e| damaged(e.to_string()))? {
        let name = entry.map_err(|e| damaged(e.to_string()))?.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".data") && !manifest.files.contains_key(name.as_ref()) {
            return Err(damaged(format!("`{name}` is not in its manifest")));
        }
    }
    Ok(())
}

fn check_graph(manifest: &Manifest) -> Result<(), LoadError> {
    let damaged = |reason: String| LoadError::Damaged { name: manifest.name.clone(), reason };
    if manifest.vocab_size == 0 || manifest.context_length == 0 || manifest.graph.chunk == 0 {
        return Err(damaged("its manifest has a size of zero".into()));
    }
    if manifest.graph.cache.is_empty() != manifest.graph.pages.is_some() {
        return Err(damaged("its manifest must list either a cache or pages".into()));
    }
    // Latents were in one cache for each sequence.
    if manifest.graph.own_operators && manifest.graph.cache.iter().any(|c| c.dtype == "float16") {
        return Err(LoadError::Outdated(manifest.name.clone()));
    }
    for tensor in &manifest.graph.cache {
        let open = tensor.shape.iter().filter(|d| **d == -1).count();
        let fixed = tensor.shape.iter().filter(|d| **d > 0).count();
        if open != 1 || fixed + 1 != tensor.shape.len() {
            return Err(damaged(format!("the cache `{}` has the shape {:?}", tensor.input, tensor.shape)));
        }
        if crate::memory::Element::of(&tensor.dtype).is_none() {
            return Err(damaged(format!("the cache `{}` has the type `{}`", tensor.input, tensor.dtype)));
        }
    }
    Ok(())
}
