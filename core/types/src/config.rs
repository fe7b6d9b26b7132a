//! The names of every environment variable that deepcoder reads. Only cli, daemon and python read them.

/// Environment variables, all in one place so that they can be documented and found.
pub mod env_var {
    /// Overrides every XDG folder: models, state, configuration and socket live below it.
    pub const HOME: &str = "DEEPCODER_HOME";
    /// The model used when `--model` is absent.
    pub const MODEL: &str = "DEEPCODER_MODEL";
    /// Path of the ONNX Runtime shared library (deepcoder's own setting; wins over [`ORT_DYLIB_PATH`]).
    pub const ORT: &str = "DEEPCODER_ONNXRUNTIME";
    /// Path of the ONNX Runtime shared library, the name that the `ort` crate established.
    pub const ORT_DYLIB_PATH: &str = "ORT_DYLIB_PATH";
    /// Number of threads for inference; default: the physical cores that this process may use.
    pub const THREADS: &str = "DEEPCODER_THREADS";
    /// `cpu` (default where no CUDA provider is found), `cuda` or `auto`.
    pub const DEVICE: &str = "DEEPCODER_DEVICE";
    /// A virtual environment whose `onnxruntime` wheel is used.
    pub const VIRTUAL_ENV: &str = "VIRTUAL_ENV";
    /// Seconds without a request after which the daemon unloads the model.
    pub const IDLE_SECONDS: &str = "DEEPCODER_IDLE_SECONDS";
    /// The PostgreSQL database that holds the background jobs; without it they are in a file of the state folder.
    pub const STORE: &str = "DEEPCODER_STORE";
    /// The most memory that the process of a model may allocate, such as `8G`.
    pub const WORKER_MEMORY: &str = "DEEPCODER_WORKER_MEMORY";
    /// Set to anything to forbid starting or using the daemon: the model then runs in the calling process.
    pub const NO_DAEMON: &str = "DEEPCODER_NO_DAEMON";
    /// A token for the model hub, for repositories that ask for one.
    pub const HF_TOKEN: &str = "HF_TOKEN";
    /// The user's home folder, where the XDG variables below are not set.
    pub const USER_HOME: &str = "HOME";
    /// Parent of the configuration folder (default `~/.config`).
    pub const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";
    /// Parent of the folder for models (default `~/.local/share`).
    pub const XDG_DATA_HOME: &str = "XDG_DATA_HOME";
    /// Parent of the folder for the history and the logs (default `~/.local/state`).
    pub const XDG_STATE_HOME: &str = "XDG_STATE_HOME";
    /// Parent of the folder for unfinished downloads (default `~/.cache`).
    pub const XDG_CACHE_HOME: &str = "XDG_CACHE_HOME";
    /// Parent of the daemon's socket.
    pub const XDG_RUNTIME_DIR: &str = "XDG_RUNTIME_DIR";
    /// Where programs are looked for: the `python3` whose `onnxruntime` wheel may be used.
    pub const PATH: &str = "PATH";
    /// Debug builds only, for tests: what is to go wrong at which step of applying an edit.
    pub const STEP: &str = "DEEPCODER_STEP";
    /// Git's own: which repository a hook runs for, where that is not the one of its folder.
    pub const GIT_DIR: &str = "GIT_DIR";
    /// Git's own: the work tree that goes with [`GIT_DIR`].
    pub const GIT_WORK_TREE: &str = "GIT_WORK_TREE";
    /// Git's own: the index that a commit is made of.
    pub const GIT_INDEX_FILE: &str = "GIT_INDEX_FILE";
    /// Set to anything to switch colours off (no-color.org).
    pub const NO_COLOR: &str = "NO_COLOR";
    /// `dumb` switches colours and progress bars off.
    pub const TERM: &str = "TERM";
}
