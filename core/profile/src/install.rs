//! Getting models: download, import, store.

use crate::Profile;
use deepcoder_export::{ImportError, ImportOptions, ImportProgress, WORKING_MEMORY, Words};
use deepcoder_hub::pull::{FetchError, FetchOptions, FetchProgress, fetch};
use deepcoder_hub::{Catalogue, CatalogueError, Entry, SourceFormat, StoreError};
use deepcoder_model::LoadError;
use deepcoder_types::{Cancel, Cancelled, Hint, MANIFEST_FORMAT, Manifest, env_var};
use std::os::unix::fs::MetadataExt as _;
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
    /// A warning to the user before the work begins.
    Warning(String),
    /// Downloading.
    Fetch(FetchProgress),
    /// Importing.
    Import(ImportProgress),
}

/// A model that is ready.
#[derive(Debug, Clone)]
pub struct Installed {
    /// The model.
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
    /// The catalogue does not have it.
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

impl Profile {
    /// Download and import the model `name` of the catalogue, unless it is installed. One that an earlier version imported is
    /// imported anew: its graph is slower, or cannot be loaded any more.
    pub fn pull(
        &self,
        name: &str,
        options: &PullOptions,
        progress: &mut dyn FnMut(InstallProgress),
        cancel: &Cancel,
    ) -> Result<Installed, InstallError> {
        if !options.force
            && let Ok(model) = self.store().show(name)
            && model.manifest.format >= MANIFEST_FORMAT
        {
            return Ok(Installed { manifest: model.manifest, folder: model.path, already: true, source: None });
        }
        let catalogue = Catalogue::builtin();
        let entry = catalogue.entry(name)?;
        let mut fetching = FetchOptions::new(&self.folders.downloads);
        fetching.pip = self.pip();
        let disk = imported_size(entry, &options.recipe);
        warn_of_memory(disk.saturating_add(WORKING_MEMORY), progress);
        fetching.reserve = self.room_beside_the_download(disk)?;
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
        warn_of_memory(deepcoder_export::needs(source, &options)?.memory, progress);
        self.replace(source, &options, progress, cancel)
    }

    /// A name for the model in `source`: the file's, without its ending, in lower case.
    pub fn name_for(source: &Path) -> Result<String, InstallError> {
        let name = source.canonicalize().ok().unwrap_or_else(|| source.to_owned());
        let stem = if name.is_dir() { name.file_name() } else { name.file_stem() };
        let name = stem.and_then(|s| s.to_str()).map(str::to_lowercase);
        name.filter(|n| deepcoder_hub::check_name(n).is_ok()).ok_or_else(|| InstallError::NoName(source.to_owned()))
    }

    /// Bytes that a download must leave for an import of `disk` bytes: none where models have a disk of their own,
    /// which must then have the room.
    fn room_beside_the_download(&self, disk: u64) -> Result<u64, InstallError> {
        let (models, downloads) = (self.store().dir().to_owned(), &self.folders.downloads);
        let device = |folder: &Path| {
            std::fs::create_dir_all(folder)?;
            Ok(std::fs::metadata(folder)?.dev())
        };
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| InstallError::Store(StoreError::Io { path, source })
        };
        if device(&models).map_err(io(&models))? == device(downloads).map_err(io(downloads))? {
            return Ok(disk);
        }
        let stat = rustix::fs::statvfs(&models).map_err(|e| io(&models)(e.into()))?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        if free < disk { Err(ImportError::DiskFull { need: disk, free, folder: models }.into()) } else { Ok(0) }
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
        warn_of_operators(options.portable, deepcoder_export::has_own_operators(), progress);
        // The store does not list hidden names.
        let beside = store.dir().join(format!(".replacing-{}", options.name));
        let dest = if folder.symlink_metadata().is_ok() { &beside } else { &folder };
        remove_left_over(&beside).map_err(io(&beside))?;
        let mut told = |p| progress(InstallProgress::Import(p));
        let usable = |words: &Words<'_>| {
            deepcoder_model::check_words(words.manifest, words.tokenizer, words.template).map_err(|e| match e {
                // The name of a model that there is not yet says nothing.
                LoadError::Damaged { reason, .. } => reason,
                other => other.to_string(),
            })
        };
        let manifest = deepcoder_export::import_checked(source, dest, options, &usable, &mut told, cancel)?;
        if dest == &beside {
            store.remove(&options.name)?;
            #[expect(clippy::disallowed_methods, reason = "the models' folder is ours")]
            std::fs::rename(&beside, &folder).map_err(io(&folder))?;
        }
        Ok(Installed { manifest, folder, already: false, source: None })
    }
}

/// Bytes of the model that a recipe makes of an entry of the catalogue, about.
fn imported_size(entry: &Entry, recipe: &ImportOptions) -> u64 {
    match (entry.format, recipe.exact, recipe.bits) {
        // Blocks stay about as large as they are; weights of 16 bits become twice as large, half, or less.
        (SourceFormat::Safetensors, true, _) => entry.size.saturating_mul(2),
        (SourceFormat::Safetensors, false, Some(8)) => entry.size / 8 * 5,
        (SourceFormat::Gguf, true, _) | (SourceFormat::Gguf, _, Some(8)) => entry.imported.saturating_mul(2),
        _ => entry.imported,
    }
}

/// Says so where the machine has not the memory that a model needs to run.
fn warn_of_memory(need: u64, progress: &mut dyn FnMut(InstallProgress)) {
    let Some(memory) = crate::machine::memory().filter(|memory| memory.total < need) else { return };
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let [need, has] = [need, memory.total].map(|bytes| bytes as f64 / f64::from(1 << 30));
    progress(InstallProgress::Warning(format!(
        "this model needs about {need:.1} GiB of memory to run, and this machine has {has:.1} GiB"
    )));
}

/// Warns when a model gets ONNX Runtime's operators because this processor cannot run deepcoder's own.
fn warn_of_operators(portable: bool, own: bool, progress: &mut dyn FnMut(InstallProgress)) {
    if !portable && !own {
        let text = "this processor has no AVX2: the model is imported for ONNX Runtime's operators, as with --portable";
        progress(InstallProgress::Warning(text.to_owned()));
    }
}

/// The leftovers of a replacement that was killed.
#[expect(clippy::disallowed_methods, reason = "the models' folder is ours")]
fn remove_left_over(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Overrides, Vars};
    use deepcoder_test_support::{GgufWriter, tiny_model};

    /// Protects users of small machines: they are told before a long download or import, with both numbers, and only
    /// then.
    #[test]
    fn too_little_memory_is_said_first() {
        let said = |need| {
            let mut said = Vec::new();
            warn_of_memory(need, &mut |p| match p {
                InstallProgress::Warning(text) => said.push(text),
                other => panic!("{other:?}"),
            });
            said
        };
        assert!(said(1).is_empty());
        let warning = said(1 << 60);
        assert!(warning.len() == 1 && warning[0].starts_with("this model needs about 1073741824.0 GiB"), "{warning:?}");
    }

    /// Protects users of other processors: they are told why their model is slower, unless they asked for it.
    #[test]
    fn a_model_without_own_operators_is_said_to_be_one() {
        let said = |portable, own| {
            let mut said = 0;
            warn_of_operators(portable, own, &mut |p| match p {
                InstallProgress::Warning(text) => said += usize::from(text.contains("--portable")),
                other => panic!("{other:?}"),
            });
            said
        };
        assert_eq!([said(false, false), said(false, true), said(true, false), said(true, true)], [1, 0, 0, 0]);
    }

    /// Protects the disk: the room for the model that a recipe makes is asked for, not just that of the default.
    #[test]
    fn the_room_follows_the_recipe() {
        let catalogue = Catalogue::builtin();
        let size = |name, recipe: ImportOptions| imported_size(catalogue.entry(name).expect("it is there"), &recipe);
        let exact = ImportOptions { exact: true, ..ImportOptions::default() };
        let eight = ImportOptions { bits: Some(8), ..ImportOptions::default() };
        let (lite, small) = ("deepseek-coder-v2-lite-base", "qwen2.5-coder-0.5b-instruct");
        let default = size(lite, ImportOptions::default());
        assert!(default > 8_000_000_000 && default < 12_000_000_000, "4 bits of 16 billion weights: {default}");
        assert!(default < size(lite, eight.clone()) && size(lite, eight.clone()) < size(lite, exact.clone()));
        assert!(size(lite, exact.clone()) > 60_000_000_000, "32 bits each");
        assert!(size(small, ImportOptions::default()) < size(small, eight));
        assert!(size(small, ImportOptions::default()) < size(small, exact));
    }

    /// Protects users of models that an earlier version imported: `pull` imports them anew, and leaves those of today alone.
    #[test]
    fn a_model_of_an_earlier_version_is_pulled_again() {
        let dir = tempfile::tempdir().expect("dir");
        let home = [(env_var::HOME.into(), dir.path().join("home").into())];
        let profile = Profile::open(Vars::new(home), dir.path(), &Overrides::default(), None).expect("opened");
        let (name, source) = ("qwen2.5-coder-0.5b-instruct", dir.path().join("m.gguf"));
        #[expect(clippy::disallowed_methods, reason = "a test's folder")]
        std::fs::write(&source, tiny_model("qwen2", 3).finish()).expect("written");
        let options = ImportOptions { name: name.into(), ..ImportOptions::default() };
        let installed = profile.import(&source, options, true, &mut |_| {}, &Cancel::new()).expect("imported");
        // Nothing is downloaded.
        let cancel = Cancel::new();
        cancel.cancel();
        let pulled = || profile.pull(name, &PullOptions::new(name), &mut |_| {}, &cancel);
        assert!(pulled().expect("it is there").already);
        let manifest = installed.folder.join("deepcoder.json");
        let text = std::fs::read_to_string(&manifest).expect("read");
        let now = format!("\"format\": {MANIFEST_FORMAT},");
        assert!(text.contains(&now), "{text}");
        #[expect(clippy::disallowed_methods, reason = "a test's folder")]
        std::fs::write(&manifest, text.replacen(&now, "\"format\": 1,", 1)).expect("written");
        assert!(pulled().is_err());
    }

    /// Protects the word "ready": what loading a model checks of its vocabulary and template, its import has checked,
    /// and one that fails leaves nothing and says what to do.
    #[test]
    fn what_cannot_be_loaded_is_not_imported() {
        let dir = tempfile::tempdir().expect("dir");
        let home = [(env_var::HOME.into(), dir.path().join("home").into())];
        let profile = Profile::open(Vars::new(home), dir.path(), &Overrides::default(), None).expect("opened");
        let source = dir.path().join("m.gguf");
        let import = |change: &dyn Fn(&mut GgufWriter)| {
            let mut file = tiny_model("qwen2", 3);
            change(&mut file);
            #[expect(clippy::disallowed_methods, reason = "a test's folder")]
            std::fs::write(&source, file.finish()).expect("written");
            let options = ImportOptions { name: "m".into(), ..ImportOptions::default() };
            profile.import(&source, options, true, &mut |_| {}, &Cancel::new())
        };
        let template = |text: &str| {
            let text = text.to_owned();
            move |file: &mut GgufWriter| _ = file.text("tokenizer.chat_template", &text)
        };
        for (text, says) in [
            ("{% for m in messages %}{{ m.content }}", "unexpected end of input"),
            ("{{ messages|nothing }}", "nothing"),
            ("{{ raise_exception('not so') }}", "not so"),
            (&format!("{{{{ {}1 }}}}", "-".repeat(50_000)), "words and signs"),
            ("{{ messages|tojson(indent=1000000000) }}", "indentation"),
        ] {
            let error = import(&template(text)).expect_err("refused");
            assert!(error.to_string().contains(says) && error.hint().is_some(), "{error}");
            let left: Vec<_> = std::fs::read_dir(profile.store().dir()).expect("a folder").collect();
            assert!(left.is_empty(), "{left:?}");
        }
        let installed = import(&template("{% for m in messages %}{{ m.content }}{% endfor %}")).expect("imported");
        deepcoder_model::Engine::check(&installed.folder).expect("it can be loaded");
    }
}
