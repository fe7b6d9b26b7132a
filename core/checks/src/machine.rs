//! The programs of this machine: where they are, and what each must be able to read to run. A sandbox reads the system's own
//! directories; a tool that is installed elsewhere brings the directory of its installation, and nothing else of the home
//! directory.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The parts of the user's environment that tools need.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    /// The absolute directories of `PATH`.
    pub path: Vec<PathBuf>,
    /// The home directory.
    pub home: Option<PathBuf>,
    /// The virtual environment that is active.
    pub virtual_env: Option<PathBuf>,
}

/// What a sandbox can read anyway.
const SYSTEM: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt", "/nix/store", "/gnu/store"];

/// Directories below the home directory that are the installation of a tool, whole.
const INSTALLATIONS: &[&str] = &[
    ".rustup",
    ".pyenv",
    ".nvm",
    ".volta",
    ".asdf",
    ".bun",
    ".deno",
    ".sdkman",
    ".rbenv",
    ".fnm",
    "go",
    "miniconda3",
    "anaconda3",
    "miniforge3",
    "mambaforge",
];

/// Directories below the home directory that nothing is read from.
const PRIVATE: &[&str] =
    &[".ssh", ".gnupg", ".aws", ".config", ".kube", ".docker", ".password-store", ".mozilla", ".git"];

/// Programs that others start without a path.
const INTERPRETERS: &[&str] = &["python3", "python", "node", "cargo", "rustc", "go", "java"];

/// The most bytes of a file that says where an environment comes from.
const MAX_TEXT: u64 = 1 << 20;

impl Machine {
    /// The file that `program` means when it is started in the directory `cwd`, with `first` before the path.
    #[must_use]
    pub fn find(&self, program: &str, first: &[PathBuf], cwd: &Path) -> Option<PathBuf> {
        let runs = |file: &Path| file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
        if program.contains('/') {
            return Some(cwd.join(program)).filter(|file| runs(file));
        }
        first.iter().chain(&self.path).map(|folder| folder.join(program)).find(|file| runs(file))
    }

    /// What the sandbox must let `program`, a file that was found, read besides the system; also the programs that it may
    /// start by their names.
    #[must_use]
    pub fn readable(&self, program: &Path, first: &[PathBuf]) -> Vec<PathBuf> {
        let mut found = BTreeSet::new();
        self.add_program(program, 0, &mut found);
        for name in INTERPRETERS {
            if let Some(file) = self.find(name, first, Path::new("/")) {
                self.add_program(&file, 0, &mut found);
            }
        }
        if let Some(environment) = &self.virtual_env {
            self.add_environment(environment, &mut found);
        }
        if let Some(home) = &self.home {
            // Packages of `pip install --user`, and what cargo and go have downloaded.
            let python = std::fs::read_dir(home.join(".local/lib")).into_iter().flatten().filter_map(Result::ok);
            found.extend(python.map(|entry| entry.path()).filter(|path| name_of(path).starts_with("python")));
            let cargo = [".cargo/bin", ".cargo/registry", ".cargo/git", ".cargo/config.toml", ".cargo/config"];
            found.extend(cargo.iter().chain(&[".rustup", "go/pkg/mod"]).map(|path| home.join(path)));
        }
        found.retain(|path| path.exists());
        found.into_iter().collect()
    }

    /// Adds the installation of `program`: the directory above its `bin`, the file itself where that says too much, its
    /// interpreter, and the environment that it belongs to.
    fn add_program(&self, program: &Path, depth: usize, found: &mut BTreeSet<PathBuf>) {
        let Ok(file) = program.canonicalize() else { return };
        // The path that it is called by may be a link in a virtual environment.
        for place in [program, &file] {
            let folder = place.parent().filter(|folder| matches!(name_of(folder), "bin" | "shims" | "Scripts"));
            if let Some(prefix) = folder.and_then(Path::parent).and_then(|prefix| prefix.canonicalize().ok()) {
                if prefix.join("pyvenv.cfg").exists() {
                    self.add_environment(&prefix, found);
                } else if place == file && self.is_installation(&prefix) {
                    found.insert(prefix);
                }
            }
        }
        if !is_system(&file) {
            found.insert(file.clone());
        }
        if let Some(interpreter) = interpreter(&file).filter(|_| depth < 3) {
            self.add_program(&interpreter, depth + 1, found);
        }
    }

    /// Adds a virtual environment of Python, and the installation that it comes from.
    pub(crate) fn add_environment(&self, environment: &Path, found: &mut BTreeSet<PathBuf>) {
        let Ok(environment) = environment.canonicalize() else { return };
        let Ok(config) = deepcoder_files::read_text(&environment.join("pyvenv.cfg"), MAX_TEXT) else { return };
        if self.is_installation(&environment) {
            found.insert(environment.clone());
        }
        let home = config.lines().filter_map(|line| line.split_once('=')).find(|(key, _)| key.trim() == "home");
        let bin = home.map(|(_, bin)| PathBuf::from(bin.trim()));
        let python = environment.join("bin/python").canonicalize().ok();
        for prefix in bin.iter().map(PathBuf::as_path).chain(python.iter().filter_map(|file| file.parent())) {
            let prefix = prefix.parent().and_then(|prefix| prefix.canonicalize().ok());
            // A repository may have made the file: it is an installation of Python or it is nothing.
            let is_python =
                |prefix: &PathBuf| prefix.join("bin/python3").exists() || prefix.join("bin/python").exists();
            found.extend(prefix.filter(is_python).filter(|prefix| !is_system(prefix) && self.is_installation(prefix)));
        }
    }

    /// Whether `prefix` is a directory of programs and of nothing else.
    fn is_installation(&self, prefix: &Path) -> bool {
        if prefix.components().count() < 3 || is_system(prefix) {
            return false;
        }
        let Some(home) = self.home.as_ref().map(|home| home.canonicalize().unwrap_or_else(|_| home.clone())) else {
            return true;
        };
        if home.starts_with(prefix) {
            return false;
        }
        let Ok(inside) = prefix.strip_prefix(&home) else { return true };
        let parts: Vec<&OsStr> = inside.iter().collect();
        let first = parts.first().and_then(|part| part.to_str()).unwrap_or_default();
        match first {
            ".cargo" => false,
            first if PRIVATE.contains(&first) => false,
            first if INSTALLATIONS.contains(&first) => true,
            // `~/.local/share/uv/tools/ruff`, and not `~/.local` with the keys in it.
            ".local" => parts.len() >= 4,
            _ => parts.len() >= 2,
        }
    }

    /// The variables that tell tools where their installations are, since their home directory is another one.
    #[must_use]
    pub fn variables(&self) -> Vec<(OsString, OsString)> {
        let Some(home) = &self.home else { return Vec::new() };
        let places = [
            ("CARGO_HOME", ".cargo"),
            ("RUSTUP_HOME", ".rustup"),
            ("PYTHONUSERBASE", ".local"),
            ("PYENV_ROOT", ".pyenv"),
            ("GOMODCACHE", "go/pkg/mod"),
        ];
        let there = places.iter().filter(|(_, path)| home.join(path).exists());
        there.map(|(name, path)| ((*name).into(), home.join(path).into_os_string())).collect()
    }
}

fn name_of(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

fn is_system(path: &Path) -> bool {
    SYSTEM.iter().any(|system| path.starts_with(system))
}

/// The program that the script `file` names in its first line.
fn interpreter(file: &Path) -> Option<PathBuf> {
    use std::io::Read as _;
    let mut start = Vec::new();
    deepcoder_files::open(file, u64::MAX).ok()?.take(256).read_to_end(&mut start).ok()?;
    let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let program = std::str::from_utf8(line).ok()?.split_whitespace().next()?;
    program.starts_with('/').then(|| PathBuf::from(program))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests write to temporary folders")]
mod tests {
    use super::*;

    fn program(path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(path, text).expect("written");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("mode");
    }

    /// Protects the secrets of the home directory: a tool brings its own installation, never the directories that keys are
    /// in, wherever it is installed and whatever an environment claims.
    #[test]
    fn a_tool_brings_its_installation_only() {
        let dir = tempfile::tempdir().expect("a folder");
        let home = dir.path().canonicalize().expect("a path").join("home/user");
        let machine = Machine {
            path: vec![home.join(".local/bin"), home.join("bin")],
            home: Some(home.clone()),
            virtual_env: None,
        };
        program(&home.join(".local/bin/ruff"), "ruff");
        program(&home.join("bin/own"), "own");
        program(&home.join(".ssh/bin/evil"), "evil");
        program(&home.join(".local/share/uv/tools/mypy/bin/python"), "python");
        let tool = home.join(".local/share/uv/tools/mypy");
        program(&tool.join("bin/mypy"), &format!("#!{}\n", tool.join("bin/python").display()));
        program(&tool.join("pyvenv.cfg"), &format!("home = {}\n", home.join(".ssh/bin").display()));
        std::os::unix::fs::symlink(tool.join("bin/mypy"), home.join(".local/bin/mypy")).expect("a link");
        let read = |name: &str| {
            let file = machine.find(name, &[], Path::new("/")).expect("found");
            machine.readable(&file, &[])
        };
        assert_eq!(read("ruff"), [home.join(".local/bin/ruff")]);
        assert_eq!(read("own"), [home.join("bin/own")]);
        assert!(read("mypy").contains(&tool));
        let evil = machine.readable(&home.join(".ssh/bin/evil"), &[]);
        for path in read("mypy").iter().chain(&evil) {
            for secret in [".ssh/id", ".local/share/keyrings/k", ".cargo/credentials.toml", ".config/gh/hosts.yml"] {
                assert!(!home.join(secret).starts_with(path), "{} is open", path.display());
            }
        }
        assert_eq!(machine.find("no-such", &[], Path::new("/")), None);
    }
}
