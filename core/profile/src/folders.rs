//! Where things live: the XDG folders, or everything below `DEEPCODER_HOME`.

use crate::Vars;
use deepcoder_types::{ContentHash, Hint, env_var};
use std::path::{Path, PathBuf};

/// The longest socket path that every kernel takes, with room for its terminating NUL.
const SOCKET_PATH_MAX: usize = 100;

/// The folders and files of one user. None of them need exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// The user's settings.
    pub config_file: PathBuf,
    /// The model folders.
    pub models: PathBuf,
    /// Unfinished downloads.
    pub downloads: PathBuf,
    /// Models that are only made to be measured.
    pub bench: PathBuf,
    /// Computed prefixes of prompts.
    pub prefixes: PathBuf,
    /// Copies of trees that checks run on.
    pub checks: PathBuf,
    /// Scratch folders of language servers.
    pub servers: PathBuf,
    /// Indexes of the words of repositories.
    pub index: PathBuf,
    /// The history and the pre-images of edits, and the daemon's log.
    pub state: PathBuf,
    /// The daemon's socket.
    pub socket: PathBuf,
}

/// No folder can be derived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither {} nor {} is set to an absolute path", env_var::HOME, env_var::USER_HOME)]
pub struct NoHome;

impl Hint for NoHome {
    fn hint(&self) -> Option<String> {
        Some(format!("set {} to a folder that deepcoder may use", env_var::HOME))
    }
}

impl Folders {
    /// As the variables say. `cwd` is what a relative `DEEPCODER_HOME` is relative to.
    pub fn resolve(vars: &Vars, cwd: &Path) -> Result<Self, NoHome> {
        if let Some(home) = vars.get(env_var::HOME) {
            let home = cwd.join(home);
            return Ok(Self {
                config_file: home.join("config.toml"),
                models: home.join("models"),
                downloads: home.join("downloads"),
                bench: home.join("bench"),
                prefixes: home.join("prefixes"),
                checks: home.join("checks"),
                servers: home.join("servers"),
                index: home.join("index"),
                state: home.join("state"),
                socket: short(home.join("run/deepcoder.sock"), vars),
            });
        }
        let user = vars.folder(env_var::USER_HOME);
        let below = |var: &str, default: &str| -> Result<PathBuf, NoHome> {
            let parent = vars.folder(var).or_else(|| user.as_ref().map(|user| user.join(default))).ok_or(NoHome)?;
            Ok(parent.join("deepcoder"))
        };
        let state = below(env_var::XDG_STATE_HOME, ".local/state")?;
        let run = vars.folder(env_var::XDG_RUNTIME_DIR).map_or_else(|| state.join("run"), |run| run.join("deepcoder"));
        Ok(Self {
            config_file: below(env_var::XDG_CONFIG_HOME, ".config")?.join("config.toml"),
            models: below(env_var::XDG_DATA_HOME, ".local/share")?.join("models"),
            downloads: below(env_var::XDG_CACHE_HOME, ".cache")?.join("downloads"),
            bench: below(env_var::XDG_CACHE_HOME, ".cache")?.join("bench"),
            prefixes: below(env_var::XDG_CACHE_HOME, ".cache")?.join("prefixes"),
            checks: below(env_var::XDG_CACHE_HOME, ".cache")?.join("checks"),
            servers: below(env_var::XDG_CACHE_HOME, ".cache")?.join("servers"),
            index: below(env_var::XDG_CACHE_HOME, ".cache")?.join("index"),
            socket: short(run.join("deepcoder.sock"), vars),
            state,
        })
    }

    /// The daemon's log.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.state.join("daemon.log")
    }
}

/// A socket's path may have some hundred bytes only: a longer one is replaced by a short one that stands for it.
fn short(socket: PathBuf, vars: &Vars) -> PathBuf {
    if socket.as_os_str().len() <= SOCKET_PATH_MAX {
        return socket;
    }
    let name = ContentHash::of(socket.as_os_str().as_encoded_bytes()).to_string();
    let folder = match vars.folder(env_var::XDG_RUNTIME_DIR) {
        Some(run) if run.as_os_str().len() < SOCKET_PATH_MAX - 40 => run.join("deepcoder"),
        _ => PathBuf::from(format!("/tmp/deepcoder-{}", rustix::process::getuid().as_raw())),
    };
    folder.join(format!("{}.sock", &name[..16]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(pairs: &[(&str, &str)]) -> Vars {
        Vars::new(pairs.iter().map(|(k, v)| (k.into(), v.into())))
    }

    fn resolve(pairs: &[(&str, &str)]) -> Result<Folders, NoHome> {
        Folders::resolve(&vars(pairs), Path::new("/cwd"))
    }

    /// Protects users' expectations: the XDG folders, their defaults, and one variable that overrides them all.
    #[test]
    fn folders_follow_xdg_and_the_override() {
        let plain = resolve(&[("HOME", "/h"), ("XDG_RUNTIME_DIR", "/run/user/7")]).expect("a home");
        assert_eq!(plain.config_file, Path::new("/h/.config/deepcoder/config.toml"));
        assert_eq!(plain.models, Path::new("/h/.local/share/deepcoder/models"));
        assert_eq!(plain.state, Path::new("/h/.local/state/deepcoder"));
        assert_eq!(plain.prefixes, Path::new("/h/.cache/deepcoder/prefixes"));
        assert_eq!(plain.socket, Path::new("/run/user/7/deepcoder/deepcoder.sock"));
        let xdg = resolve(&[("HOME", "/h"), ("XDG_DATA_HOME", "/d"), ("XDG_CONFIG_HOME", "relative")]).expect("a home");
        assert_eq!(xdg.models, Path::new("/d/deepcoder/models"));
        assert_eq!(xdg.config_file, plain.config_file, "a relative XDG folder is ignored");
        assert_eq!(xdg.socket, Path::new("/h/.local/state/deepcoder/run/deepcoder.sock"));
        let home = resolve(&[("DEEPCODER_HOME", "x"), ("XDG_DATA_HOME", "/d")]).expect("a home");
        assert_eq!(home.models, Path::new("/cwd/x/models"));
        assert_eq!(resolve(&[("HOME", "")]), Err(NoHome));
        // A service has no HOME; the system knows the user's.
        let known = Folders::resolve(&vars(&[]).or_home(Some("/known".into())), Path::new("/cwd")).expect("a home");
        assert_eq!(known.state, Path::new("/known/.local/state/deepcoder"));
        let said = Folders::resolve(&vars(&[("HOME", "/h")]).or_home(Some("/known".into())), Path::new("/cwd"));
        assert_eq!(said.expect("a home").state, plain.state);
    }

    /// Protects long home folders (of test runners, say): a socket path over the kernel's limit is replaced by the
    /// same short one each time, and another for another home.
    #[test]
    fn long_socket_paths_are_shortened_stably() {
        let of = |home: &str| resolve(&[("DEEPCODER_HOME", home)]).expect("a home").socket;
        let (one, two) = (of(&format!("/{}", "a".repeat(120))), of(&format!("/{}", "b".repeat(120))));
        assert!(one.as_os_str().len() <= SOCKET_PATH_MAX);
        assert_eq!(one, of(&format!("/{}", "a".repeat(120))));
        assert_ne!(one, two);
    }
}
