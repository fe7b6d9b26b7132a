//! The parts that all surfaces share: folders ([`Folders`]), the user's settings ([`Settings`]), models ready to be
//! asked ([`Profile::model`]) and installed ([`Profile::pull`]).
//!
//! **Invariant:** nothing here reads the environment, the clock or the terminal; callers pass [`Vars`], times and
//! callbacks.

mod access;
mod folders;
mod install;
mod machine;
mod roles;
mod settings;
mod vars;

pub use access::{ClientError, Launcher, ModelError, build_version};
pub use folders::{Folders, NoHome};
pub use install::{InstallError, InstallProgress, Installed, PullOptions};
pub use machine::{Memory, memory};
pub use roles::{Role, RoleModels, fits, suggested};
pub use settings::{ConfigFile, DEFAULT_MODEL, LanguageServers, Overrides, SETTINGS, Setting, Settings, SettingsError};
pub use vars::Vars;

use deepcoder_hub::ModelStore;
use deepcoder_model::runtime::RuntimeSearch;
use deepcoder_types::{CALIBRATION_FILE, Calibration, Hint, env_var};
use deepcoder_workspace::{OpenError, Workspace};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The most bytes of a calibration.
const MAX_CALIBRATION: u64 = 1 << 20;

/// One user's folders and settings.
#[derive(Debug, Clone)]
pub struct Profile {
    folders: Folders,
    settings: Settings,
    vars: Vars,
    cwd: PathBuf,
    launcher: Option<Launcher>,
    prefixes: Vec<PathBuf>,
}

/// Why a profile cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// No folder to use.
    #[error(transparent)]
    NoHome(#[from] NoHome),
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

impl Hint for ProfileError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoHome(e) => e.hint(),
            Self::Settings(e) => e.hint(),
        }
    }
}

impl Profile {
    /// Resolve folders and settings; touches nothing. `launcher` says how the daemon is started; without one, models
    /// run in this process.
    pub fn open(
        vars: Vars,
        cwd: &Path,
        overrides: &Overrides,
        launcher: Option<Launcher>,
    ) -> Result<Self, ProfileError> {
        let (profile, wrong) = Self::open_anyway(vars, cwd, overrides, launcher)?;
        wrong.map_or(Ok(profile), |error| Err(error.into()))
    }

    /// As [`Profile::open`], but where the user's settings are wrong, with the default ones and the error: commands
    /// that only report, such as `deepcoder doctor`, must still run.
    pub fn open_anyway(
        vars: Vars,
        cwd: &Path,
        overrides: &Overrides,
        launcher: Option<Launcher>,
    ) -> Result<(Self, Option<SettingsError>), NoHome> {
        let folders = Folders::resolve(&vars, cwd)?;
        let settings =
            ConfigFile::read(&folders.config_file).and_then(|file| Settings::resolve(overrides, &vars, file));
        let (settings, wrong) = match settings {
            Ok(settings) => (settings, None),
            Err(error) => (Settings::default(), Some(error)),
        };
        Ok((Self { folders, settings, vars, cwd: cwd.to_owned(), launcher, prefixes: Vec::new() }, wrong))
    }

    /// The work tree that `start` is in. As for git, one that `GIT_DIR` and `GIT_WORK_TREE` name together comes first, in
    /// a process that serves its caller only.
    pub fn workspace(&self, start: &Path) -> Result<Workspace, OpenError> {
        let named = self.vars.get(env_var::GIT_DIR).zip(self.vars.get(env_var::GIT_WORK_TREE));
        let opened = match named.filter(|_| !deepcoder_git::outlives_caller()) {
            Some((git_dir, work_tree)) => {
                Workspace::open_named(start, &self.cwd.join(git_dir), &self.cwd.join(work_tree))
            }
            None => Workspace::open(start),
        };
        opened.map(|workspace| workspace.with_cache(&self.folders.index))
    }

    /// The work tree that `start` is in, for what the daemon does there: it finds repositories by their path only.
    pub fn daemon_workspace(&self, start: &Path) -> Result<Workspace, OpenError> {
        match Workspace::open(start) {
            Err(OpenError::NotARepository(folder)) => match self.workspace(start) {
                Ok(named) => Err(OpenError::OnlyNamed(named.root().to_owned())),
                Err(_) => Err(OpenError::NotARepository(folder)),
            },
            opened => opened.map(|workspace| workspace.with_cache(&self.folders.index)),
        }
    }

    /// With a Python prefix (`sys.prefix`) whose `onnxruntime` wheel is looked for before others.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<PathBuf>) -> Self {
        self.prefixes.push(prefix.into());
        self
    }

    /// Where things live.
    #[must_use]
    pub const fn folders(&self) -> &Folders {
        &self.folders
    }

    /// The environment variables.
    #[must_use]
    pub const fn vars(&self) -> &Vars {
        &self.vars
    }

    /// The user's settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How often the edits of `model` are right: what was measured with it here, or else what is known of models of its
    /// name. A file that cannot be read counts as none.
    #[must_use]
    pub fn calibration(&self, model: &str) -> Option<Calibration> {
        let own = self.store().path(model).ok().map(|folder| folder.join(CALIBRATION_FILE));
        let text = own.and_then(|path| deepcoder_files::read_text(&path, MAX_CALIBRATION).ok());
        let own = text.and_then(|text| serde_json::from_str(&text).ok());
        own.or_else(|| Calibration::builtin(model))
    }

    /// The installed models.
    #[must_use]
    pub fn store(&self) -> ModelStore {
        ModelStore::new(&self.folders.models)
    }

    /// Where ONNX Runtime is looked for: the setting, `ORT_DYLIB_PATH`, the Python that runs us, the active virtual
    /// environment, the `python3` on the path, the user's own packages; the system comes last.
    #[must_use]
    pub fn runtime_search(&self) -> RuntimeSearch {
        let absolute = |path: &Path| self.cwd.join(path);
        let mut prefixes = self.prefixes.clone();
        prefixes.extend(self.launcher.iter().filter_map(Launcher::prefix));
        prefixes.extend(self.vars.get(env_var::VIRTUAL_ENV).map(|p| absolute(Path::new(p))));
        prefixes.extend(self.python_on_path());
        prefixes.extend(self.vars.folder(env_var::USER_HOME).map(|home| home.join(".local")));
        RuntimeSearch {
            setting: self.settings.onnxruntime.as_deref().map(absolute),
            ort_dylib_path: self.vars.get(env_var::ORT_DYLIB_PATH).map(|p| absolute(Path::new(p))),
            prefixes,
        }
    }

    /// The command that is pip: of the Python beside this program, or of the path.
    #[must_use]
    pub fn pip(&self) -> Vec<OsString> {
        vec![self.python().into_os_string(), "-m".into(), "pip".into()]
    }

    /// The Python beside this program, or the path's.
    #[must_use]
    pub fn python(&self) -> PathBuf {
        let beside = self.launcher.iter().filter_map(Launcher::prefix);
        let mut pythons = self.prefixes.iter().cloned().chain(beside).map(|prefix| prefix.join("bin/python"));
        let on_path = || self.python_on_path().map(|prefix| prefix.join("bin/python3")).filter(|p| p.exists());
        pythons.find(|p| p.exists()).or_else(on_path).unwrap_or_else(|| "python3".into())
    }

    /// The prefix of the first `python3` on the path, found without running it.
    fn python_on_path(&self) -> Option<PathBuf> {
        let path = self.vars.get(env_var::PATH)?;
        let folder = std::env::split_paths(path).find(|folder| folder.join("python3").exists())?;
        folder.parent().map(Path::to_owned)
    }
}

/// The variables that a daemon lacks in its environment, or that mean something else in its folder.
fn env_for_daemon(profile: &Profile) -> Vec<(OsString, OsString)> {
    let mut env = Vec::new();
    let mut set = |name: &str, value: &Path| env.push((OsString::from(name), value.as_os_str().to_owned()));
    if let Some(home) = profile.vars.get(env_var::HOME) {
        set(env_var::HOME, &profile.cwd.join(home));
    }
    let search = profile.runtime_search();
    if let Some(setting) = &search.setting {
        set(env_var::ORT, setting);
    }
    if let Some(path) = &search.ort_dylib_path {
        set(env_var::ORT_DYLIB_PATH, path);
    }
    if let Some(venv) = profile.vars.get(env_var::VIRTUAL_ENV) {
        set(env_var::VIRTUAL_ENV, &profile.cwd.join(venv));
    }
    env
}
