//! Where models run: in the daemon that keeps them in memory, or in this process.

use crate::{Profile, env_for_daemon};
use deepcoder_hub::StoreError;
use deepcoder_model::{Engine, EngineOptions, LoadError, PrefixCache, WeightPlace, runtime};
use deepcoder_protocol::client::{self, CallError, Client, ConnectError, EnsureError, RemoteModel, RemoteTasks, Start};
use deepcoder_protocol::{Failure, ModelLoader, WorkerCommand};
use deepcoder_types::{Cancel, Cancelled, GenerateError, Hint, LanguageModel, ModelInfo, env_var};
use deepcoder_workspace::process::{self, Pipes};
use rustix::fs::OFlags;
use std::ffi::OsString;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a daemon that was just started may take until it listens. It loads no model before it is asked to.
const START_TIMEOUT: Duration = Duration::from_secs(15);

/// The program that this process runs.
const ITSELF: &str = "/proc/self/exe";

/// How long a model's process may be silent before it counts as hung: it answers at once, unless the machine has no
/// memory left to speak of.
const PATIENCE: Duration = Duration::from_secs(30);

/// A log longer than this is begun anew.
const MAX_LOG: u64 = 4 << 20;

/// The variables that say where things are, where [`env_var::HOME`] does not.
const FOLDERS: &[&str] = &[
    env_var::XDG_CONFIG_HOME,
    env_var::XDG_DATA_HOME,
    env_var::XDG_STATE_HOME,
    env_var::XDG_CACHE_HOME,
    env_var::XDG_RUNTIME_DIR,
];

/// The variables that set something for a daemon.
const SETTINGS: &[&str] =
    &[env_var::MODEL, env_var::THREADS, env_var::DEVICE, env_var::IDLE_SECONDS, env_var::STORE, env_var::WORKER_MEMORY];

/// How to start this program as the daemon.
#[derive(Debug, Clone)]
pub struct Launcher {
    argv: Vec<OsString>,
}

impl Launcher {
    /// The program `executable` with the verbs of the command line.
    #[must_use]
    pub fn new(executable: impl Into<PathBuf>) -> Self {
        Self { argv: vec![executable.into().into_os_string()] }
    }

    /// With arguments before the verb, such as `-m deepcoder` for a Python interpreter.
    #[must_use]
    pub fn with_args<T: Into<OsString>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.argv.extend(args.into_iter().map(Into::into));
        self
    }

    /// The version of the daemon that this starts: see [`build_version`].
    fn version(&self) -> String {
        build_version(Path::new(self.argv.first().map_or_else(|| std::ffi::OsStr::new(""), OsString::as_os_str)))
    }

    /// How the daemon starts a process for a model, with the settings of `profile`.
    fn worker(&self, profile: &Profile) -> Option<WorkerCommand> {
        let (program, before) = self.argv.split_first()?;
        let settings = &profile.settings;
        let mut args = before.to_vec();
        args.push("worker".into());
        let pairs = [
            Some(format!("device={}", settings.device)),
            Some(format!("weights={}", settings.weights)),
            settings.threads.map(|n| format!("threads={n}")),
            settings.max_context.map(|n| format!("max_context={n}")),
            Some(format!("prefix_cache_mib={}", settings.prefix_cache.map_or(0, |bytes| bytes >> 20))),
            settings.cache.map(|bytes| format!("cache_mib={}", bytes >> 20)),
            settings.worker_memory.map(|n| format!("worker_memory={n}")),
        ];
        args.extend(pairs.into_iter().flatten().flat_map(|pair| ["-c".into(), pair.into()]));
        // This very program, also where another version has been installed in its place since.
        let itself = Path::new(ITSELF);
        let (program, name) = match before.is_empty() && itself.exists() {
            true => (itself.to_owned(), Some(program.clone())),
            false => (program.into(), None),
        };
        Some(WorkerCommand { program, name, args, env: env_for_daemon(profile), patience: PATIENCE })
    }

    /// The prefix of the installation: the parent of the `bin` that the program is in.
    pub(crate) fn prefix(&self) -> Option<PathBuf> {
        let bin = Path::new(self.argv.first()?).parent()?;
        if bin.file_name()? == "bin" { bin.parent().map(Path::to_owned) } else { None }
    }
}

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// It is not installed, or damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No ONNX Runtime that could run it.
    #[error(transparent)]
    Locate(#[from] runtime::LocateError),
    /// The runtime does not start.
    #[error(transparent)]
    Init(#[from] runtime::InitError),
    /// It does not load.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The daemon cannot be used.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The daemon cannot be started.
    #[error(transparent)]
    Ensure(#[from] EnsureError),
    /// The daemon does not answer, or refuses.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The daemon or the model refuses.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// The user cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Hint for ModelError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(e) => e.hint(),
            Self::Locate(e) => e.hint(),
            Self::Init(e) => e.hint(),
            Self::Load(e) => e.hint(),
            Self::Connect(e) => e.hint(),
            Self::Ensure(e) => e.hint(),
            Self::Call(e) => e.hint(),
            Self::Generate(e) => e.hint(),
            Self::Cancelled(_) => None,
        }
    }
}

/// Why there is no connection to the daemon.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The settings or the caller do without one.
    #[error("this needs the daemon, which is switched off")]
    NoDaemon,
    /// It cannot be used.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It cannot be started.
    #[error(transparent)]
    Ensure(#[from] EnsureError),
}

impl Hint for ClientError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoDaemon => Some(
                "do without --no-daemon, DEEPCODER_NO_DAEMON, `daemon = false` and settings for this call only".into(),
            ),
            Self::Connect(e) => e.hint(),
            Self::Ensure(e) => e.hint(),
        }
    }
}

impl Profile {
    /// The model `name`: through the daemon, started when it is needed, or in this process, as the settings say.
    pub fn model(&self, name: &str, cancel: &Cancel) -> Result<Arc<dyn LanguageModel>, ModelError> {
        cancel.check()?;
        match (&self.launcher, self.settings.daemon) {
            (Some(launcher), true) => {
                let connect = || {
                    let client = self.daemon(launcher, name)?;
                    Ok(RemoteModel::with_client(client, &self.folders.socket, name, cancel)?)
                };
                match connect() {
                    // It was ending just when it was reached: the next one is there at once.
                    Err(ModelError::Call(CallError::Refused(Failure::Stopping))) => connect(),
                    model => model,
                }
                .map(|model| Arc::new(model) as Arc<dyn LanguageModel>)
            }
            _ => Ok(Arc::new(self.engine(name)?)),
        }
    }

    /// The model `name`, loaded into this process.
    pub fn engine(&self, name: &str) -> Result<Engine, ModelError> {
        self.engine_at(&self.store().path(name)?)
    }

    /// The model folder `folder`, wherever it is, loaded into this process.
    pub fn engine_at(&self, folder: &Path) -> Result<Engine, ModelError> {
        self.engine_with(folder, &self.engine_options())
    }

    /// Load the model in a directory with `options` in place of the user's settings.
    pub fn engine_with(&self, folder: &Path, options: &EngineOptions) -> Result<Engine, ModelError> {
        self.start_runtime()?;
        Ok(Engine::load(folder, options)?)
    }

    /// Find ONNX Runtime and start it in this process.
    pub fn start_runtime(&self) -> Result<runtime::RuntimeLibrary, ModelError> {
        let library = runtime::locate(&self.runtime_search())?;
        runtime::init(&library)?;
        Ok(library)
    }

    /// How the daemon starts a process for a model, which may die without the daemon.
    #[must_use]
    pub fn worker_command(&self) -> Option<WorkerCommand> {
        self.launcher.as_ref()?.worker(self)
    }

    /// The loader of such a process.
    #[must_use]
    pub fn engines(&self) -> Arc<dyn ModelLoader> {
        Arc::new(EngineLoader(self.clone()))
    }

    /// Settings of the engine.
    #[must_use]
    pub fn engine_options(&self) -> EngineOptions {
        EngineOptions {
            threads: self.settings.threads,
            max_context: self.settings.max_context,
            prefix_cache: self
                .settings
                .prefix_cache
                .map(|bytes| PrefixCache { folder: self.folders.prefixes.clone(), bytes }),
            cache_bytes: self.settings.cache.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            free_memory: crate::memory().map(|m| usize::try_from(m.available).unwrap_or(usize::MAX)),
            // The settings hold only names that parse.
            device: self.settings.device.parse().unwrap_or_default(),
            weights: match self.settings.weights.as_str() {
                "memory" => WeightPlace::InMemory,
                _ => WeightPlace::Mapped,
            },
            ..EngineOptions::default()
        }
    }

    /// A connection to the daemon, started when there is none: for what only it does, such as background jobs.
    pub fn client(&self) -> Result<Client, ClientError> {
        let launcher = self.launcher.as_ref().filter(|_| self.settings.daemon).ok_or(ClientError::NoDaemon)?;
        if let Some(client) = self.running(launcher)? {
            return Ok(client);
        }
        Ok(self.start(launcher)?)
    }

    /// The variables that a daemon of this profile needs and that another environment may lack: those that say where
    /// models, jobs and the socket are, and what is set for it. Without them a service would be another daemon than the
    /// one that commands look for.
    #[must_use]
    pub fn daemon_variables(&self) -> Vec<(OsString, OsString)> {
        let mut env = env_for_daemon(self);
        if self.vars.get(env_var::HOME).is_none() {
            let folders = FOLDERS.iter().filter_map(|name| Some((name, self.vars.folder(name)?)));
            env.extend(folders.map(|(name, path)| (OsString::from(name), path.into_os_string())));
        }
        let settings = SETTINGS.iter().filter_map(|name| Some((name, self.vars.get(name)?)));
        env.extend(settings.map(|(name, value)| (OsString::from(name), value.to_owned())));
        env
    }

    /// A connection to the daemon that runs, if one does that is to be used: see [`client::running`].
    fn running(&self, launcher: &Launcher) -> Result<Option<Client>, ConnectError> {
        client::running(&self.folders.socket, &launcher.version())
    }

    /// Whether there is a program to start as the daemon.
    #[must_use]
    pub const fn has_daemon(&self) -> bool {
        self.launcher.is_some()
    }

    /// The tasks of the daemon, if one runs that is to be used.
    pub fn running_tasks(&self) -> Result<Option<RemoteTasks>, ModelError> {
        let Some(launcher) = &self.launcher else { return Ok(None) };
        Ok(self.running(launcher)?.map(|client| self.tasks_of(launcher, client)))
    }

    /// The tasks of the daemon, which is started when there is none, for requests that want the model `name`.
    pub fn start_tasks(&self, name: &str) -> Result<RemoteTasks, ModelError> {
        let launcher = self.launcher.as_ref();
        let launcher = launcher.ok_or_else(|| GenerateError::Unavailable("nothing can start it".into()))?;
        Ok(self.tasks_of(launcher, self.daemon(launcher, name)?))
    }

    /// The first call goes over `client`. Each later one looks again: the daemon may end in between.
    fn tasks_of(&self, launcher: &Launcher, client: Client) -> RemoteTasks {
        let (profile, launcher, first) = (self.clone(), launcher.clone(), Mutex::new(Some(client)));
        RemoteTasks::with(move |start| {
            if let Some(client) = first.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return Ok(client);
            }
            // It ends when it is idle, also while a person reads a diff; results that wait are in files.
            match profile.running(&launcher)? {
                Some(client) => Ok(client),
                None if start == Start::Not => Err(Failure::Unavailable("it does not run".into())),
                None => profile.start(&launcher).map_err(|error| Failure::Unavailable(error.to_string())),
            }
        })
    }

    /// As [`Profile::client`], for the model `name`.
    fn daemon(&self, launcher: &Launcher, name: &str) -> Result<Client, ModelError> {
        if let Some(client) = self.running(launcher)? {
            return Ok(client);
        }
        // Asked here, where the answers are quick and typed, before a process is started that would only say the same.
        self.store().path(name)?;
        runtime::locate(&self.runtime_search())?;
        Ok(self.start(launcher)?)
    }

    /// Start the daemon, and wait until it listens. Where it ends instead, its log says why.
    fn start(&self, launcher: &Launcher) -> Result<Client, EnsureError> {
        let log = self.folders.log_file();
        let before = std::fs::metadata(&log).map_or(0, |meta| meta.len()).min(MAX_LOG);
        client::ensure(&self.folders.socket, &mut || self.spawn(launcher).map(Some), START_TIMEOUT).map_err(|error| {
            match error {
                EnsureError::Ended { said, .. } => {
                    let (error, hint) = last_words(&log, before);
                    EnsureError::Ended { said: error.unwrap_or(said), hint }
                }
                error => error,
            }
        })
    }

    /// Start the daemon in a terminal session of its own (`--detached`). It inherits no open file of this process.
    fn spawn(&self, launcher: &Launcher) -> std::io::Result<Child> {
        let path = self.folders.log_file();
        let log = open_log(&path).map_err(|e| std::io::Error::new(e.kind(), format!("{}: {e}", path.display())))?;
        let Some((program, before)) = launcher.argv.split_first() else {
            return Err(std::io::Error::other("no program to start"));
        };
        let mut command = Command::new(program);
        // It serves others too, in other repositories: neither as this command's author nor in its make.
        deepcoder_git::forget_caller(&mut command);
        command
            .args(before)
            .args(["serve", "--detached", "--socket"])
            .arg(&self.folders.socket)
            .envs(env_for_daemon(self))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(process::start(command, Pipes::default())?.child)
    }
}

/// Loads models for the daemon.
struct EngineLoader(Profile);

impl ModelLoader for EngineLoader {
    fn load(&self, name: &str, _: &Cancel) -> Result<Arc<dyn LanguageModel>, GenerateError> {
        Ok(Arc::new(self.0.engine(name)?))
    }

    fn describe(&self, name: &str) -> Result<ModelInfo, GenerateError> {
        let folder = self.0.store().path(name).map_err(ModelError::from)?;
        Ok(Engine::describe(&folder, &self.0.engine_options()).map_err(ModelError::from)?)
    }
}

impl From<ModelError> for GenerateError {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::Generate(error) => error,
            error => Self::Load { message: error.to_string(), hint: error.hint() },
        }
    }
}

/// The version of the program in the file `executable`, and which build of it: after a new installation the daemon of
/// the old one must not go on answering.
#[must_use]
pub fn build_version(executable: &Path) -> String {
    use std::os::unix::fs::MetadataExt as _;
    let version = env!("CARGO_PKG_VERSION");
    match std::fs::metadata(executable) {
        Ok(file) => format!("{version}+{:x}.{:x}.{:x}", file.mtime(), file.mtime_nsec(), file.len()),
        Err(_) => version.to_owned(),
    }
}

/// The last error in what a log has behind `from`, and the hint that goes with it.
fn last_words(log: &Path, from: u64) -> (Option<String>, Option<String>) {
    let text = deepcoder_files::read(log, 2 * MAX_LOG).unwrap_or_default();
    // A log that was begun anew is shorter.
    let new = usize::try_from(from).ok().and_then(|from| text.get(from..)).unwrap_or(&text);
    let text = String::from_utf8_lossy(new);
    let last = |label: &str| text.lines().rev().find_map(|line| line.strip_prefix(label)).map(str::to_owned);
    (last("error: "), last("hint: "))
}

fn open_log(path: &Path) -> std::io::Result<std::fs::File> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let full = std::fs::metadata(path).is_ok_and(|meta| meta.len() > MAX_LOG);
    let how = if full { OFlags::TRUNC } else { OFlags::empty() };
    deepcoder_files::open_to_write(path, OFlags::CREATE | OFlags::APPEND | how)
}
