//! Getting models: download, import, store.

use crate::Session;
use deepcoder_export::{ImportError, ImportOptions, ImportProgress};
use deepcoder_hub::pull::{FetchError, FetchOptions, FetchProgress, fetch};
use deepcoder_hub::{Catalogue, CatalogueError, StoreError};
use deepcoder_types::{Cancel, Cancelled, Hint, Manifest, env_var};
use std::path::{Path, PathBuf};

/// How to pull.
#[derive(Debug, Clone)]
pub struct PullOptions {
    /// Although it is installed.
    pub force: bool,
    /// Keep what was downloaded.
    pub keep_source: bool,
    /// How to import what was downloaded. The licence is the catalogue's.
    pub recipe: ImportOptions,
}

impl PullOptions {
    /// The usual way, for the model `name`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let recipe = ImportOptions { name: name.to_owned(), ..ImportOptions::default() };
        Self { force: false, keep_source: false, recipe }
    }
}

/// How far it is.
#[derive(Debug)]
pub enum InstallProgress {
    /// Downloading.
    Fetch(FetchProgress),
    /// Importing.
    Import(ImportProgress),
}

/// A model that is ready.
#[derive(Debug, Clone)]
pub struct Installed {
    /// What it is.
    pub manifest: Manifest,
    /// Its folder.
    pub folder: PathBuf,
    /// It was there before.
    pub already: bool,
    /// Where the source is, if it was kept.
    pub source: Option<PathBuf>,
}

/// Why a model is not installed. Nothing half-made is left behind.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Nobody knows it.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be downloaded.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It cannot be imported.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// There is a model of that name.
    #[error("there is a model `{0}` already")]
    Exists(String),
    /// No name was given and none can be derived.
    #[error("`{}` gives no name for the model", .0.display())]
    NoName(PathBuf),
    /// The user cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Hint for InstallError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Catalogue(e) => e.hint(),
            Self::Store(e) => e.hint(),
            Self::Fetch(e) => e.hint(),
            Self::Import(e) => e.hint(),
            Self::Exists(_) => Some("--force replaces it, --name gives this one another name".into()),
            Self::NoName(_) => Some("give one with --name".into()),
            Self::Cancelled(_) => None,
        }
    }
}

impl Session {
    /// Download and import the model `name` of the catalogue, unless it is installed.
    pub fn pull(
        &self,
        name: &str,
        options: &PullOptions,
        progress: &mut dyn FnMut(InstallProgress),
        cancel: &Cancel,
    ) -> Result<Installed, InstallError> {
        if !options.force
            && let Ok(model) = self.store().show(name)
        {
            return Ok(Installed { manifest: model.manifest, folder: model.path, already: true, source: None });
        }
        let catalogue = Catalogue::builtin();
        let entry = catalogue.entry(name)?;
        let mut fetching = FetchOptions::new(&self.folders.downloads);
        fetching.pip = self.pip();
        // The import needs about as much again, beside the download.
        fetching.reserve = entry.size.saturating_add(entry.size / 2);
        fetching.hub_token = self.vars.text(env_var::HF_TOKEN);
        let fetched = fetch(entry, &fetching, &mut |p| progress(InstallProgress::Fetch(p)), cancel)?;
        cancel.check()?;
        let license = Some(entry.license.name.clone());
        let importing = ImportOptions { name: name.to_owned(), license, ..options.recipe.clone() };
        let installed = self.replace(&fetched.path, &importing, progress, cancel)?;
        let kept = fetched.path.clone();
        if options.keep_source {
            return Ok(Installed { source: Some(kept), ..installed });
        }
        // The model is ready; a download that cannot be deleted costs only space, and the caller can say where.
        let source = fetched.discard().err().map(|_| kept);
        Ok(Installed { source, ..installed })
    }

    /// Import the GGUF file or safetensors folder `source`. Without a name, it gets the file's.
    pub fn import(
        &self,
        source: &Path,
        options: ImportOptions,
        force: bool,
        progress: &mut dyn FnMut(InstallProgress),
        cancel: &Cancel,
    ) -> Result<Installed, InstallError> {
        if !force && self.store().folder(&options.name)?.exists() {
            return Err(InstallError::Exists(options.name));
        }
        self.replace(source, &options, progress, cancel)
    }

    /// A name for the model in `source`: the file's, without its ending, in lower case.
    pub fn name_for(source: &Path) -> Result<String, InstallError> {
        let name = source.canonicalize().ok().unwrap_or_else(|| source.to_owned());
        let stem = if name.is_dir() { name.file_name() } else { name.file_stem() };
        let name = stem.and_then(|s| s.to_str()).map(str::to_lowercase);
        name.filter(|n| deepcoder_hub::check_name(n).is_ok()).ok_or_else(|| InstallError::NoName(source.to_owned()))
    }

    /// Import into the store. An old model of the name is removed only when the new one is complete beside it.
    fn replace(
        &self,
        source: &Path,
        options: &ImportOptions,
        progress: &mut dyn FnMut(InstallProgress),
        cancel: &Cancel,
    ) -> Result<Installed, InstallError> {
        let store = self.store();
        let folder = store.folder(&options.name)?;
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io { path, source }
        };
        std::fs::create_dir_all(store.dir()).map_err(io(store.dir()))?;
        // The store does not list hidden names.
        let beside = store.dir().join(format!(".replacing-{}", options.name));
        let dest = if folder.symlink_metadata().is_ok() { &beside } else { &folder };
        remove_left_over(&beside).map_err(io(&beside))?;
        let mut told = |p| progress(InstallProgress::Import(p));
        let manifest = deepcoder_export::import(source, dest, options, &mut told, cancel)?;
        if dest == &beside {
            store.remove(&options.name)?;
            #[expect(clippy::disallowed_methods, reason = "the models' folder is ours")]
            std::fs::rename(&beside, &folder).map_err(io(&folder))?;
        }
        Ok(Installed { manifest, folder, already: false, source: None })
    }
}

/// What a replacement left that was killed.
#[expect(clippy::disallowed_methods, reason = "the models' folder is ours")]
fn remove_left_over(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
