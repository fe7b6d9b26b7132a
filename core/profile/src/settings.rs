//! Settings: flag over environment over the user's file over default.

#[cfg(test)]
mod tests;

use crate::{Role, RoleModels, Vars};
use deepcoder_queue::{OpenQueueError, QueuePlace};
use deepcoder_types::{Effort, Hint, env_var};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The model that is used when neither the user nor a setting names one.
pub const DEFAULT_MODEL: &str = "qwen2.5-coder-0.5b-instruct";

/// How long the daemon keeps an unused model in memory.
const DEFAULT_IDLE_SECONDS: u64 = 300;
const DEFAULT_PREFIX_CACHE_MIB: u64 = 2048;
const DEFAULT_CONFIDENCE: u8 = 50;
const DEFAULT_JOBS_KEEP_DAYS: u64 = 90;

/// The most bytes of `config.toml`.
const MAX_FILE: u64 = 1 << 20;

/// In seconds.
const DAY: u64 = 24 * 60 * 60;

/// How long a daemon that was started on demand stays without a model in memory.
const DEFAULT_EXIT_SECONDS: u64 = 1800;

/// A setting, for the reference documentation.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its key in `config.toml`.
    pub key: &'static str,
    /// The environment variable that overrides the file.
    pub variable: Option<&'static str>,
    /// The default, written as in `config.toml`, or empty where the meaning says what happens without it.
    pub default: &'static str,
    /// Its effect.
    pub meaning: &'static str,
}

/// Declares [`ConfigFile`] and documents each key in [`SETTINGS`], so that no setting lacks documentation.
macro_rules! settings {
    ($($(#[doc = $meaning:literal])+ $key:ident: $type:ty, $variable:expr, $default:literal;)+) => {
        /// `config.toml`. Every key may be absent. An unknown key is an error, so that a misspelt setting is noticed.
        #[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct ConfigFile {
            $($(#[doc = $meaning])+ pub $key: Option<$type>,)+
        }

        /// Every key of `config.toml`, in the order of the documentation.
        pub const SETTINGS: &[Setting] = &[
            $(Setting { key: stringify!($key), variable: $variable, default: $default, meaning: concat!($($meaning),+) },)+
        ];

        impl ConfigFile {
            /// Replaces the keys that `other` has.
            fn merge(&mut self, other: Self) {
                $(if other.$key.is_some() {
                    self.$key = other.$key;
                })+
            }
        }
    };
}

/// A TiB: more than any machine that this runs on has, and within the addresses of a process.
const MAX_CACHE_MIB: u64 = 1 << 20;

settings! {
    /// Model for everything that `models` does not name. By default, edits get the largest installed model that fits the
    /// memory, and code at the cursor the smallest; without any, `qwen2.5-coder-0.5b-instruct`.
    model: String, Some(env_var::MODEL), "";
    /// Models by role: a table with `complete` (code at the cursor), `edit` (edits and questions) and `agent`.
    models: RoleModels, None, "";
    /// Work that an edit is worth: `quick` (one answer), `normal` (a few answers, compared) or `thorough` (as many as
    /// pay, each through the project's checks).
    effort: String, None, "\"normal\"";
    /// Percentage of right results, among those like it in the calibration of its model, below which an edit waits for a
    /// review. From 0 to 100; `deepcoder models show` prints what each line would apply.
    confidence: u64, None, "50";
    /// Threads for inference, from 1 to 1024. By default the physical cores that the process may use.
    threads: usize, Some(env_var::THREADS), "";
    /// Device that computes: `cpu`, `cuda` (untested) or `auto`.
    device: String, Some(env_var::DEVICE), "\"auto\"";
    /// Place of the weights of a loaded model. `mapped` leaves them in their file, so that a model loads at once.
    /// `memory` reads them into large pages: each step is a few percent faster, and loading takes as long as reading.
    weights: String, None, "\"mapped\"";
    /// Path of the ONNX Runtime library, version 1.32 or newer. By default that of the `onnxruntime` Python package.
    onnxruntime: PathBuf, Some(env_var::ORT), "";
    /// Seconds without a request after which the daemon unloads the model.
    idle_seconds: u64, Some(env_var::IDLE_SECONDS), "300";
    /// Seconds without a loaded model after which a daemon that was started on demand exits.
    exit_seconds: u64, None, "1800";
    /// Memory limit of the daemon's model process, such as `8G`; at least `64M`. No limit by default.
    worker_memory: String, Some(env_var::WORKER_MEMORY), "";
    /// Whether commands use the daemon. `false` runs the model in the calling process.
    daemon: bool, Some(env_var::NO_DAEMON), "true";
    /// Maximum number of tokens of prompt and answer together. Fewer tokens need less memory. By default that of the
    /// model.
    max_context: u32, None, "";
    /// Maximum number of MiB on the disk for computed prefixes of prompts, which a restarted daemon does not compute
    /// again; never more than a tenth of the free disk. `0` stores none and reads none; `deepcoder models forget`
    /// deletes them.
    prefix_cache_mib: u64, None, "2048";
    /// Maximum number of MiB of memory for the keys and values of all requests together. By default enough for one
    /// request of the whole context and 1 GiB of finished requests, but no more than half of the memory that is free
    /// when the model is loaded. From 1 to 1048576.
    cache_mib: u64, None, "";
    /// Whether commit messages end with a line that names deepcoder and the model.
    attribution: bool, None, "false";
    /// Language servers that refactorings ask about what the text does not tell: `true` finds those that are installed,
    /// `false` asks none. A table names commands by language, such as `{ python = "/opt/pyright/pyright-langserver --stdio",
    /// go = "" }`; an empty command asks none.
    language_servers: LanguageServers, None, "true";
    /// PostgreSQL database of the background jobs, such as `postgres://me@host/deepcoder`. By default the jobs are in
    /// the file `jobs.db` in the state directory.
    store: Address, Some(env_var::STORE), "";
    /// Days to keep finished jobs; `0` keeps them forever.
    jobs_keep_days: u64, None, "90";
    /// Repositories that the daemon always watches.
    watch: Vec<PathBuf>, None, "[]";
    /// Delivery of what `AI!` comments ask for: `apply`, `review` or `off`.
    watch_comments: String, None, "\"apply\"";
    /// Minimum number of seconds between two jobs that changes start from one `--on-change` job.
    watch_gap_seconds: u64, None, "10";
    /// Maximum number of minutes per hour that the model works for the changes of one repository, up to 60.
    watch_model_minutes: u64, None, "15";
}

/// The setting `language_servers`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum LanguageServers {
    /// Whether those that are installed are asked.
    Installed(bool),
    /// Their commands by language; languages that it does not name are asked as they are installed.
    Commands(BTreeMap<String, String>),
}

impl Default for LanguageServers {
    fn default() -> Self {
        Self::Installed(true)
    }
}

/// An address that may hold a password, and so is not shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Address(pub String);

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The values of the caller's flags; absent ones come from the environment, the file or the default.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// The model to use.
    pub model: Option<String>,
    /// Threads for inference.
    pub threads: Option<usize>,
    /// Run the model in the calling process.
    pub no_daemon: bool,
    /// `key=value` pairs for keys of `config.toml`.
    pub config: Vec<String>,
}

/// The settings of one invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The model for what has no role of its own.
    pub model: String,
    /// The models that the user has named, by role.
    pub models: RoleModels,
    /// How much work an edit is worth.
    pub effort: Effort,
    /// The percentage of right results below which an edit waits for a review.
    pub confidence: u8,
    /// Threads for inference; `None` lets the engine choose.
    pub threads: Option<usize>,
    /// `cpu`, `cuda` or `auto`.
    pub device: String,
    /// `mapped` or `memory`: where a model's weights lie while it is loaded.
    pub weights: String,
    /// Path of the ONNX Runtime shared library, where the user has set one.
    pub onnxruntime: Option<PathBuf>,
    /// When the daemon unloads an unused model.
    pub idle: Duration,
    /// When a daemon that was started on demand ends, counted from when it has no model in memory.
    pub exit: Duration,
    /// The most bytes that the daemon's process of a model may allocate; `None` sets no limit.
    pub worker_memory: Option<u64>,
    /// Whether models are run by the daemon.
    pub daemon: bool,
    /// The most tokens of prompt and answer together.
    pub max_context: Option<u32>,
    /// Maximum number of bytes of computed prefixes on the disk; `None` neither stores nor reads any.
    pub prefix_cache: Option<u64>,
    /// Maximum number of bytes of the KV cache, if the user set it.
    pub cache: Option<u64>,
    /// Whether commits say that deepcoder had a part in them.
    pub attribution: bool,
    /// The language servers that refactorings ask.
    pub language_servers: LanguageServers,
    /// The PostgreSQL database that holds the background jobs, where the user has set one.
    pub store: Option<QueuePlace>,
    /// How long jobs that are over are remembered; `None` keeps them.
    pub jobs_keep: Option<Duration>,
    /// Repositories that the daemon watches whenever it runs.
    pub watch: Vec<PathBuf>,
    /// `apply`, `review` or `off`: what becomes of what `AI!` comments ask for.
    pub watch_comments: String,
    /// The least time between two jobs that changes make of one template.
    pub watch_gap: Duration,
    /// The most time of an hour that the model may work for the changes of one repository.
    pub watch_model: Duration,
}

/// Why the settings are refused.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// A `key=value` of the command line is wrong.
    #[error("`{0}` is not a setting: {1}")]
    Override(String, String),
    /// A variable or key has a value that makes no sense.
    #[error("{name} is `{value}`, but must be {expected}")]
    Value {
        /// The variable or key.
        name: String,
        /// Its value.
        value: String,
        /// The values that it may have.
        expected: &'static str,
    },
    /// The address of the jobs' database makes no sense.
    #[error("store: {0}")]
    Store(#[from] OpenQueueError),
}

impl Hint for SettingsError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Syntax { .. } | Self::Override(..) => {
                let keys: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
                Some(format!("the keys are {}", keys.join(", ")))
            }
            Self::Store(error) => error.hint(),
            Self::Unreadable { .. } | Self::Value { .. } => None,
        }
    }
}

impl ConfigFile {
    /// Read the file at `path`; one that does not exist says nothing.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        match deepcoder_files::read_text(path, MAX_FILE) {
            Ok(text) => toml::from_str(&text)
                .map_err(|e| SettingsError::Syntax { path: path.to_owned(), message: one_line(&text, &e) }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(SettingsError::Unreadable { path: path.to_owned(), error }),
        }
    }

    /// Set one key as `key=value` says. A value that is not TOML is taken as a string.
    fn set(&mut self, pair: &str) -> Result<(), SettingsError> {
        let wrong = |message: &str| SettingsError::Override(pair.to_owned(), message.to_owned());
        let (key, value) = pair.split_once('=').ok_or_else(|| wrong("it has no `=`"))?;
        let quoted = format!("{key} = {}", toml::Value::String(value.to_owned()));
        let parse = |text: &str| toml::from_str::<Self>(text);
        let set = parse(&format!("{key} = {value}")).or_else(|_| parse(&quoted));
        let mut set = set.map_err(|e| wrong(short(e.message())))?;
        // `models.edit=…` leaves what an earlier pair says of another role.
        set.models = match (set.models, self.models.take()) {
            (Some(new), Some(old)) => Some(new.or(&old)),
            (new, old) => new.or(old),
        };
        self.merge(set);
        Ok(())
    }
}

impl Default for Settings {
    /// The values of settings that the user has not set.
    fn default() -> Self {
        Self {
            model: DEFAULT_MODEL.into(),
            models: RoleModels::default(),
            effort: Effort::default(),
            confidence: DEFAULT_CONFIDENCE,
            threads: None,
            device: "auto".into(),
            weights: "mapped".into(),
            onnxruntime: None,
            idle: Duration::from_secs(DEFAULT_IDLE_SECONDS),
            exit: Duration::from_secs(DEFAULT_EXIT_SECONDS),
            worker_memory: None,
            daemon: true,
            max_context: None,
            prefix_cache: Some(DEFAULT_PREFIX_CACHE_MIB << 20),
            cache: None,
            attribution: false,
            language_servers: LanguageServers::default(),
            store: None,
            jobs_keep: Some(Duration::from_secs(DEFAULT_JOBS_KEEP_DAYS * DAY)),
            watch: Vec::new(),
            watch_comments: "apply".into(),
            watch_gap: Duration::from_secs(10),
            watch_model: Duration::from_secs(15 * 60),
        }
    }
}

impl Settings {
    /// Flags, then the environment, then `file`, then the defaults.
    pub fn resolve(overrides: &Overrides, vars: &Vars, file: ConfigFile) -> Result<Self, SettingsError> {
        let mut flags = ConfigFile::default();
        for pair in &overrides.config {
            flags.set(pair)?;
        }
        let device = flags.device.clone().or_else(|| vars.text(env_var::DEVICE)).or(file.device);
        let default = Self::default();
        let device = device.unwrap_or(default.device);
        if !matches!(device.as_str(), "cpu" | "cuda" | "auto") {
            return Err(SettingsError::Value { name: "device".into(), value: device, expected: "cpu, cuda or auto" });
        }
        let weights = flags.weights.clone().or(file.weights).unwrap_or(default.weights);
        if !matches!(weights.as_str(), "mapped" | "memory") {
            let expected = "mapped or memory";
            return Err(SettingsError::Value { name: "weights".into(), value: weights, expected });
        }
        let threads = match overrides.threads.or(flags.threads) {
            Some(threads) => Some(threads),
            None => number(vars, env_var::THREADS)?.or(file.threads),
        };
        if threads.is_some_and(|n| n == 0 || n > 1024) {
            let value = threads.unwrap_or_default().to_string();
            return Err(SettingsError::Value { name: "threads".into(), value, expected: "from 1 to 1024" });
        }
        let cache_mib = flags.cache_mib.or(file.cache_mib);
        // The engine reserves addresses for all of it, and a reservation that fails looks like a damaged model.
        if let Some(mib) = cache_mib.filter(|mib| !(1..=MAX_CACHE_MIB).contains(mib)) {
            let value = mib.to_string();
            return Err(SettingsError::Value { name: "cache_mib".into(), value, expected: "from 1 to 1048576" });
        }
        let idle = match flags.idle_seconds {
            Some(seconds) => Some(seconds),
            None => number(vars, env_var::IDLE_SECONDS)?.or(file.idle_seconds),
        };
        let store = flags.store.or_else(|| vars.text(env_var::STORE).map(Address)).or(file.store);
        let store = store.filter(|address| !address.0.is_empty());
        let exit = flags.exit_seconds.or(file.exit_seconds);
        let comments = flags.watch_comments.or(file.watch_comments).unwrap_or(default.watch_comments);
        if !matches!(comments.as_str(), "apply" | "review" | "off") {
            let expected = "apply, review or off";
            return Err(SettingsError::Value { name: "watch_comments".into(), value: comments, expected });
        }
        let gap = flags.watch_gap_seconds.or(file.watch_gap_seconds);
        let model_minutes = flags.watch_model_minutes.or(file.watch_model_minutes);
        let worker_memory =
            match flags.worker_memory.or_else(|| vars.text(env_var::WORKER_MEMORY)).or(file.worker_memory) {
                Some(text) => Some(bytes(&text).ok_or(SettingsError::Value {
                    name: "worker_memory".into(),
                    value: text,
                    expected: "a size such as 8G, and not below 64M",
                })?),
                None => None,
            };
        let effort = flags.effort.or(file.effort).unwrap_or_else(|| default.effort.name().to_owned());
        let Some(effort) = Effort::named(&effort) else {
            let expected = "quick, normal or thorough";
            return Err(SettingsError::Value { name: "effort".into(), value: effort, expected });
        };
        let confidence = flags.confidence.or(file.confidence).unwrap_or(u64::from(default.confidence));
        let Some(confidence) = u8::try_from(confidence).ok().filter(|percent| *percent <= 100) else {
            let (value, expected) = (confidence.to_string(), "a percentage from 0 to 100");
            return Err(SettingsError::Value { name: "confidence".into(), value, expected });
        };
        let (by_flag, by_file) = (flags.models.unwrap_or_default(), file.models.unwrap_or_default());
        let variable = vars.text(env_var::MODEL);
        let role = |role: Role| {
            let named = overrides.model.as_ref().or(by_flag.get(role)).or(flags.model.as_ref()).or(variable.as_ref());
            named.or(by_file.get(role)).or(file.model.as_ref()).cloned()
        };
        let models = RoleModels { complete: role(Role::Complete), edit: role(Role::Edit), agent: role(Role::Agent) };
        // A running daemon has the settings that it was started with: what is asked for this call only runs here.
        let only_here = overrides.threads.is_some()
            || flags.threads.is_some()
            || flags.device.is_some()
            || flags.weights.is_some()
            || flags.onnxruntime.is_some()
            || flags.max_context.is_some()
            || flags.prefix_cache_mib.is_some()
            || flags.cache_mib.is_some();
        let no_daemon = overrides.no_daemon || only_here || vars.get(env_var::NO_DAEMON).is_some();
        Ok(Self {
            model: overrides.model.clone().or(flags.model).or(variable).or(file.model).unwrap_or(default.model),
            models,
            effort,
            confidence,
            threads,
            device,
            weights,
            onnxruntime: flags.onnxruntime.or_else(|| vars.get(env_var::ORT).map(PathBuf::from)).or(file.onnxruntime),
            idle: idle.map_or(default.idle, Duration::from_secs),
            exit: exit.map_or(default.exit, Duration::from_secs),
            worker_memory,
            daemon: !no_daemon && flags.daemon.or(file.daemon).unwrap_or(true),
            max_context: flags.max_context.or(file.max_context),
            prefix_cache: match flags.prefix_cache_mib.or(file.prefix_cache_mib) {
                Some(0) => None,
                Some(mib) => Some(mib.saturating_mul(1 << 20)),
                None => default.prefix_cache,
            },
            cache: cache_mib.map(|mib| mib << 20),
            attribution: flags.attribution.or(file.attribution).unwrap_or(false),
            language_servers: flags.language_servers.or(file.language_servers).unwrap_or_default(),
            store: store.map(|address| QueuePlace::server(&address.0)).transpose()?,
            jobs_keep: match flags.jobs_keep_days.or(file.jobs_keep_days) {
                Some(0) => None,
                Some(days) => Some(Duration::from_secs(days.saturating_mul(DAY))),
                None => default.jobs_keep,
            },
            watch: flags.watch.or(file.watch).unwrap_or_default(),
            watch_comments: comments,
            watch_gap: gap.map_or(default.watch_gap, Duration::from_secs),
            watch_model: model_minutes.map_or(default.watch_model, |minutes| Duration::from_secs(minutes.min(60) * 60)),
        })
    }
}

/// A number of bytes: plain, or with K, M, G or T for powers of 1024.
fn bytes(text: &str) -> Option<u64> {
    const LEAST: u64 = 64 << 20;
    let text = text.trim().trim_end_matches(['B', 'b']).trim_end_matches('i');
    let (number, shift) = match text.char_indices().last()? {
        (at, 'k' | 'K') => (&text[..at], 10),
        (at, 'm' | 'M') => (&text[..at], 20),
        (at, 'g' | 'G') => (&text[..at], 30),
        (at, 't' | 'T') => (&text[..at], 40),
        _ => (text, 0),
    };
    let number: u64 = number.trim().parse().ok()?;
    number.checked_mul(1 << shift).filter(|bytes| *bytes >= LEAST)
}

/// A variable that holds a number.
fn number<T: std::str::FromStr>(vars: &Vars, name: &str) -> Result<Option<T>, SettingsError> {
    let Some(value) = vars.get(name) else { return Ok(None) };
    let parsed = value.to_str().and_then(|text| text.trim().parse().ok());
    parsed.map(Some).ok_or_else(|| SettingsError::Value {
        name: name.to_owned(),
        value: value.to_string_lossy().into_owned(),
        expected: "a number",
    })
}

/// Without the list of what was expected: the hint has it.
fn short(message: &str) -> &str {
    message.split(", expected one of").next().unwrap_or(message)
}

/// The parser's message with the line, without its drawing of the file.
fn one_line(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map(|span| text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1);
    let message = short(error.message()).replace('\n', " ");
    line.map_or_else(|| message.clone(), |line| format!("line {line}: {message}"))
}
