//! Settings: flag over environment over the user's file over default.

use crate::Vars;
use deepcoder_queue::{OpenQueueError, QueuePlace};
use deepcoder_types::{Hint, env_var};
use serde::Deserialize;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The model that is used when nobody has named one.
pub const DEFAULT_MODEL: &str = "qwen2.5-coder-0.5b-instruct";

/// How long the daemon keeps an unused model in memory.
const DEFAULT_IDLE_SECONDS: u64 = 300;
const DEFAULT_JOBS_KEEP_DAYS: u64 = 90;

/// The most bytes of `config.toml`.
const MAX_FILE: u64 = 1 << 20;

/// In seconds.
const DAY: u64 = 24 * 60 * 60;

/// How long a daemon that was started on demand stays without a model in memory.
const DEFAULT_EXIT_SECONDS: u64 = 1800;

/// `config.toml`: every key may be absent, and an unknown one is an error, so that a misspelt setting does not pass
/// for a set one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// The model to use.
    pub model: Option<String>,
    /// Threads for inference.
    pub threads: Option<usize>,
    /// `cpu`, `cuda` or `auto`.
    pub device: Option<String>,
    /// `mapped` or `memory`: where a model's weights lie while it is loaded.
    pub weights: Option<String>,
    /// Path of the ONNX Runtime shared library.
    pub onnxruntime: Option<PathBuf>,
    /// Seconds without a request after which the daemon unloads the model.
    pub idle_seconds: Option<u64>,
    /// Seconds without a model in memory after which a daemon that was started on demand ends.
    pub exit_seconds: Option<u64>,
    /// The most memory that the daemon's process of a model may allocate, such as `8G`.
    pub worker_memory: Option<String>,
    /// `false` runs the model in the calling process.
    pub daemon: Option<bool>,
    /// The most tokens of prompt and answer together; less needs less memory.
    pub max_context: Option<u32>,
    /// `true` ends the messages of commits with a line that names deepcoder and the model.
    pub attribution: Option<bool>,
    /// The PostgreSQL database that holds the background jobs; without it they are in a file of the state folder.
    pub store: Option<Address>,
    /// Days after which jobs that are over are forgotten; 0 keeps them.
    pub jobs_keep_days: Option<u64>,
    /// Repositories that the daemon watches whenever it runs.
    pub watch: Option<Vec<PathBuf>>,
    /// `apply`, `review` or `off`: what becomes of what `AI!` comments ask for.
    pub watch_comments: Option<String>,
    /// The least seconds between two jobs that changes make of one template.
    pub watch_gap_seconds: Option<u64>,
    /// The most minutes of an hour that the model may work for the changes of one repository.
    pub watch_model_minutes: Option<u64>,
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

/// What the caller's flags say; what is absent comes from elsewhere.
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
    /// The model to use.
    pub model: String,
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
    /// Whether commits say that deepcoder had a part in them.
    pub attribution: bool,
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
        /// What it is.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The address of the jobs' database makes no sense.
    #[error("store: {0}")]
    Store(#[from] OpenQueueError),
}

impl Hint for SettingsError {
    fn hint(&self) -> Option<String> {
        const KEYS: &str = "the keys are model, threads, device, weights, onnxruntime, idle_seconds, exit_seconds, worker_memory, daemon, max_context, attribution, store, jobs_keep_days, watch, \
                            watch_comments, watch_gap_seconds, watch_model_minutes";
        match self {
            Self::Syntax { .. } | Self::Override(..) => Some(KEYS.into()),
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
        let set = set.map_err(|e| wrong(short(e.message())))?;
        self.model = set.model.or(self.model.take());
        self.threads = set.threads.or(self.threads);
        self.device = set.device.or(self.device.take());
        self.weights = set.weights.or(self.weights.take());
        self.onnxruntime = set.onnxruntime.or(self.onnxruntime.take());
        self.idle_seconds = set.idle_seconds.or(self.idle_seconds);
        self.exit_seconds = set.exit_seconds.or(self.exit_seconds);
        self.worker_memory = set.worker_memory.or(self.worker_memory.take());
        self.daemon = set.daemon.or(self.daemon);
        self.max_context = set.max_context.or(self.max_context);
        self.attribution = set.attribution.or(self.attribution);
        self.store = set.store.or(self.store.take());
        self.jobs_keep_days = set.jobs_keep_days.or(self.jobs_keep_days);
        self.watch = set.watch.or(self.watch.take());
        self.watch_comments = set.watch_comments.or(self.watch_comments.take());
        self.watch_gap_seconds = set.watch_gap_seconds.or(self.watch_gap_seconds);
        self.watch_model_minutes = set.watch_model_minutes.or(self.watch_model_minutes);
        Ok(())
    }
}

impl Default for Settings {
    /// What holds where nobody has said anything.
    fn default() -> Self {
        Self {
            model: DEFAULT_MODEL.into(),
            threads: None,
            device: "auto".into(),
            weights: "mapped".into(),
            onnxruntime: None,
            idle: Duration::from_secs(DEFAULT_IDLE_SECONDS),
            exit: Duration::from_secs(DEFAULT_EXIT_SECONDS),
            worker_memory: None,
            daemon: true,
            max_context: None,
            attribution: false,
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
        // A running daemon has the settings that it was started with: what is asked for this call only runs here.
        let only_here = overrides.threads.is_some()
            || flags.threads.is_some()
            || flags.device.is_some()
            || flags.weights.is_some()
            || flags.onnxruntime.is_some()
            || flags.max_context.is_some();
        let no_daemon = overrides.no_daemon || only_here || vars.get(env_var::NO_DAEMON).is_some();
        Ok(Self {
            model: overrides
                .model
                .clone()
                .or(flags.model)
                .or_else(|| vars.text(env_var::MODEL))
                .or(file.model)
                .unwrap_or(default.model),
            threads,
            device,
            weights,
            onnxruntime: flags.onnxruntime.or_else(|| vars.get(env_var::ORT).map(PathBuf::from)).or(file.onnxruntime),
            idle: idle.map_or(default.idle, Duration::from_secs),
            exit: exit.map_or(default.exit, Duration::from_secs),
            worker_memory,
            daemon: !no_daemon && flags.daemon.or(file.daemon).unwrap_or(true),
            max_context: flags.max_context.or(file.max_context),
            attribution: flags.attribution.or(file.attribution).unwrap_or(false),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(pairs: &[(&str, &str)]) -> Vars {
        Vars::new(pairs.iter().map(|(k, v)| (k.into(), v.into())))
    }

    /// Protects the order that every user relies on: flag, environment, file, default.
    #[test]
    fn flag_beats_environment_beats_file_beats_default() {
        let file = ConfigFile { model: Some("file".into()), threads: Some(3), ..ConfigFile::default() };
        let env = vars(&[("DEEPCODER_MODEL", "env"), ("DEEPCODER_IDLE_SECONDS", "7")]);
        let flags = Overrides { model: Some("flag".into()), ..Overrides::default() };
        let none = Overrides::default();
        let model = |o: &Overrides, v: &Vars, f: &ConfigFile| Settings::resolve(o, v, f.clone()).expect("valid").model;
        assert_eq!(model(&flags, &env, &file), "flag");
        assert_eq!(model(&none, &env, &file), "env");
        assert_eq!(model(&none, &vars(&[]), &file), "file");
        assert_eq!(model(&none, &vars(&[]), &ConfigFile::default()), DEFAULT_MODEL);
        let pairs = Overrides { config: vec!["model=pair".into(), "idle_seconds=5".into()], ..Overrides::default() };
        let settings = Settings::resolve(&pairs, &env, file).expect("valid");
        assert_eq!((settings.model.as_str(), settings.idle.as_secs(), settings.threads), ("pair", 5, Some(3)));
    }

    /// Protects passwords: the address of the jobs' database is used whole, and shown without.
    #[test]
    fn an_address_is_not_shown_with_its_password() {
        let file: ConfigFile = toml::from_str("store = 'postgres://me:secret@file/db'").expect("valid");
        let none = Overrides::default();
        let settings = Settings::resolve(&none, &vars(&[]), file.clone()).expect("valid");
        assert_eq!(settings.store, Some(QueuePlace::Postgres("postgres://me:secret@file/db".into())));
        let shown = format!("{file:?} {settings:?} {}", settings.store.as_ref().expect("set"));
        assert!(shown.contains("postgres://me@file/db") && !shown.contains("secret"), "{shown}");
        let env = vars(&[("DEEPCODER_STORE", "postgres://env/db")]);
        assert_eq!(
            Settings::resolve(&none, &env, file.clone()).expect("valid").store,
            Some(QueuePlace::Postgres("postgres://env/db".into()))
        );
        let empty = Overrides { config: vec!["store=".into()], ..Overrides::default() };
        assert_eq!(Settings::resolve(&empty, &env, file).expect("valid").store, None, "set to nothing");
    }

    /// Protects the limit of memory from being a thousand times too small or too large.
    #[test]
    fn sizes_have_units() {
        for (text, want) in [
            ("8G", Some(8 << 30)),
            (" 512 MiB ", Some(512 << 20)),
            ("100000000", Some(100_000_000)),
            ("1T", Some(1 << 40)),
            ("8", None),
            ("G", None),
            ("-1G", None),
            ("99999999999T", None),
            ("", None),
        ] {
            assert_eq!(bytes(text), want, "{text}");
        }
    }

    /// Protects users from settings that silently do nothing: misspelt keys and senseless values are errors that say
    /// where.
    #[test]
    fn wrong_settings_are_refused_with_their_place() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("config.toml");
        #[expect(clippy::disallowed_methods, reason = "a temporary folder")]
        std::fs::write(&path, "model = 'a'\nthreds = 2\n").expect("written");
        let message = ConfigFile::read(&path).expect_err("refused").to_string();
        assert!(message.contains("line 2: unknown field `threds`"), "{message}");
        let resolve = |o: &Overrides, v: &[(&str, &str)]| {
            Settings::resolve(o, &vars(v), ConfigFile::default()).expect_err("refused").to_string()
        };
        let none = Overrides::default();
        assert_eq!(
            resolve(&none, &[("DEEPCODER_THREADS", "many")]),
            "DEEPCODER_THREADS is `many`, but must be a number"
        );
        assert_eq!(resolve(&none, &[("DEEPCODER_DEVICE", "tpu")]), "device is `tpu`, but must be cpu, cuda or auto");
        let secret = "postgresq://me:secret@host/db";
        let said = resolve(&none, &[("DEEPCODER_STORE", secret)]);
        assert!(said.starts_with("store: ") && said.contains("me@host/db") && !said.contains("secret"), "{said}");
        let pair = Overrides { config: vec!["worker_memory=8X".into()], ..Overrides::default() };
        assert!(resolve(&pair, &[]).starts_with("worker_memory is `8X`, but must be a size"));
        let pair = Overrides { config: vec!["modle=x".into()], ..Overrides::default() };
        assert!(resolve(&pair, &[]).starts_with("`modle=x` is not a setting: unknown field"));
    }
}
