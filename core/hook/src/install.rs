//! Putting a script where git looks for hooks, and taking it away so that everything is as it was.
//!
//! A hook that is there is kept under another name in the same folder, as the same file, and is run first. At no moment
//! is there no hook: the old one gets its second name before ours takes the first.

use crate::config::{Config, ConfigError, HookType, Mode};
use crate::error::{HookError, InstallError};
use crate::git::{Git, os};
use crate::place::{Place, trust};
use crate::script::{BEFORE, Ours, recognise, script};
use deepcoder_apply::{NoSteps, Steps};
use deepcoder_checks::file::read_bytes;
use rustix::fs::{AtFlags, CWD, RenameFlags, linkat, renameat_with};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Which hook of which repository.
#[derive(Debug, Clone)]
pub struct Target {
    /// A folder of the repository.
    pub cwd: PathBuf,
    /// When it runs.
    pub hook: HookType,
    /// Also in a folder that all repositories of this user share.
    pub global: bool,
    /// Where the user's decisions are kept.
    pub state_dir: PathBuf,
}

/// A hook that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The script.
    pub path: PathBuf,
    /// It was there already.
    pub already: bool,
    /// The hook from before, which is run first.
    pub chained: Option<PathBuf>,
    /// A note for the user.
    pub note: Option<String>,
}

/// The state of the place where git looks for a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookState {
    /// Nothing.
    Nothing,
    /// The hook of another tool, with its name where it is known, or one that the user wrote.
    Foreign(Option<&'static str>),
    /// Ours.
    Ours,
    /// Ours, edited since.
    Changed,
}

/// A hook of a repository as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// When it runs.
    pub hook: HookType,
    /// Where git looks for it.
    pub path: PathBuf,
    /// Its state.
    pub state: HookState,
    /// The hook from before, which is run first.
    pub chained: Option<PathBuf>,
}

/// Where hooks are, and whose folder that is.
struct Folder {
    path: PathBuf,
    /// The tool that writes it.
    tool: Option<&'static str>,
    /// It is for all repositories.
    shared: bool,
    /// The repository's own configuration or links lead out of it.
    outside: bool,
}

impl Folder {
    /// Whether something may be written to it.
    fn check(&self, target: &Target) -> Result<(), InstallError> {
        if self.outside {
            return Err(InstallError::Outside(self.path.clone()));
        }
        if self.shared && !target.global {
            return Err(InstallError::Shared(self.path.clone()));
        }
        Ok(())
    }
}

/// Install the script that runs `executable`.
pub fn install(target: &Target, executable: &Path) -> Result<Installed, InstallError> {
    let place = Place::find(&target.cwd, false, None)?;
    let folder = folder(&place)?;
    let name = target.hook.name();
    let path = folder.path.join(name);
    folder.check(target)?;
    if let Some(tool) = folder.tool {
        let how = format!("add to .husky/{name} the line: deepcoder hook run --type {name} -- \"$@\"");
        return Err(InstallError::Managed { path: folder.path, tool, how });
    }
    let before = folder.path.join(format!("{name}{BEFORE}"));
    let old = read(&path)?;
    let ours = old.as_deref().map_or(Ours::No, recognise);
    if ours == Ours::Changed {
        return Err(InstallError::Changed(path));
    }
    let kept = read(&before)?;
    let first = if ours == Ours::Intact { kept.as_deref() } else { old.as_deref() };
    let tool = first.and_then(tool_of);
    let note = tool.and_then(|tool| note(tool, name));
    if ours == Ours::No && old.is_some() {
        if tool == Some("Overcommit") {
            let how = format!("add a hook to .overcommit.yml that runs: deepcoder hook run --type {name}");
            return Err(InstallError::Managed { path, tool: "Overcommit", how });
        }
        if path.strip_prefix(&place.root).is_ok_and(|inside| is_tracked(&place.git, inside)) {
            return Err(InstallError::Tracked(path, name));
        }
        if kept.is_some() || before.symlink_metadata().is_ok() {
            return Err(InstallError::InTheWay(before));
        }
    }
    let text = script(target.hook, executable, matches!(tool, Some("pre-commit" | "prek")));
    let already = ours == Ours::Intact;
    if old.as_ref() != Some(&text) {
        DirBuilder::new().recursive(true).create(&folder.path).map_err(|e| io(&folder.path, e))?;
        put(&path, &text, (ours == Ours::No && old.is_some()).then_some(before.as_path()))?;
    }
    let chained = before.symlink_metadata().is_ok().then_some(before);
    Ok(Installed { path, already, chained, note })
}

/// Take our script away again; what was there before is back, the same file. Returns where it was.
pub fn uninstall(target: &Target) -> Result<PathBuf, InstallError> {
    let place = Place::find(&target.cwd, false, None)?;
    let folder = folder(&place)?;
    let path = folder.path.join(target.hook.name());
    match look(&path)?.as_deref().map_or(Ours::No, recognise) {
        Ours::No => return Err(InstallError::NotInstalled),
        Ours::Changed => return Err(InstallError::Changed(path)),
        Ours::Intact => folder.check(target)?,
    }
    take_away(&path, &folder.path.join(format!("{}{BEFORE}", target.hook.name())))?;
    Ok(path)
}

/// Whether the user trusts `deepcoder.toml`: `None` where there is none, an error where it cannot be read.
pub type Trusted = Result<Option<bool>, ConfigError>;

/// The hooks that are installed, and whether the user trusts `deepcoder.toml`.
pub fn status(cwd: &Path, state_dir: &Path) -> Result<(Vec<Status>, Trusted), InstallError> {
    let place = Place::find(cwd, false, None)?;
    if place.sweep() {
        // The error is dropped: commands that need the applier report it.
        let steps: Arc<dyn Steps> = Arc::new(NoSteps);
        let _ = crate::run::open(&place, state_dir, &steps);
    }
    let folder = folder(&place)?;
    let mut all = Vec::new();
    for hook in HookType::ALL {
        let path = folder.path.join(hook.name());
        let text = look(&path)?;
        let state = match text.as_deref().map(|text| (recognise(text), text)) {
            None => HookState::Nothing,
            Some((Ours::Intact, _)) => HookState::Ours,
            Some((Ours::Changed, _)) => HookState::Changed,
            Some((Ours::No, text)) => HookState::Foreign(folder.tool.or_else(|| tool_of(text))),
        };
        let before = folder.path.join(format!("{}{BEFORE}", hook.name()));
        let chained = before.symlink_metadata().is_ok().then_some(before);
        all.push(Status { hook, path, state, chained });
    }
    let is_trusted = |config: Vec<u8>| trust(state_dir, &place.root).covers(&config);
    // A file that cannot be read hides no hook.
    Ok((all, read_bytes(&place.root).map(|config| config.map(is_trusted))))
}

/// Trust `deepcoder.toml` as it is. Returns what it does: the names of the actions, and whether each changes files.
pub fn trust_config(cwd: &Path, state_dir: &Path) -> Result<Option<Vec<(&'static str, bool)>>, InstallError> {
    let place = Place::find(cwd, false, None)?;
    let (config, text) = Config::read(&place.root).map_err(HookError::from)?;
    let Some(text) = text else { return Ok(None) };
    trust(state_dir, &place.root).record(&text).map_err(HookError::from)?;
    Ok(Some(config.actions.iter().map(|action| (action.kind.name(), action.mode == Mode::Fix)).collect()))
}

/// The directory where git looks for hooks. The repository's own configuration may lead anywhere; the user's and the
/// machine's are trusted.
fn folder(place: &Place) -> Result<Folder, InstallError> {
    let Some((scope, value)) = place.git.config("core.hooksPath") else {
        let path = place.common_dir.join("hooks");
        let outside = !is_inside(place, &path);
        return Ok(Folder { path, tool: None, shared: false, outside });
    };
    let path = place.root.join(&value);
    if value.is_empty() || path == Path::new("/dev/null") {
        return Err(InstallError::Off(value.to_string_lossy().into_owned()));
    }
    let husky = path.components().any(|part| part.as_os_str() == ".husky");
    let shared = matches!(scope.as_str(), "global" | "system");
    // Configuration from the command line or the environment is the user's own, too.
    let outside = matches!(scope.as_str(), "local" | "worktree") && !is_inside(place, &path);
    Ok(Folder { path, tool: husky.then_some("husky"), shared, outside })
}

/// Whether `path`, or what will be there, is in the work tree or in git's folders, with every link followed.
fn is_inside(place: &Place, path: &Path) -> bool {
    // Of what is not there yet nothing can be a link.
    let there = path.ancestors().find(|ancestor| ancestor.symlink_metadata().is_ok());
    let Some((there, real)) = there.and_then(|there| Some((there, there.canonicalize().ok()?))) else { return false };
    let plain = |rest: &Path| rest.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    let homes = [&place.root, &place.common_dir, &place.git_dir];
    path.strip_prefix(there).is_ok_and(plain) && homes.into_iter().any(|home| real.starts_with(home))
}

/// Whose hook this is, by what its maker writes into it.
fn tool_of(text: &[u8]) -> Option<&'static str> {
    const MARKS: &[(&str, &str)] = &[
        ("File generated by pre-commit", "pre-commit"),
        ("File generated by prek", "prek"),
        ("lefthook", "lefthook"),
        ("overcommit", "Overcommit"),
        ("husky", "husky"),
    ];
    let text = String::from_utf8_lossy(text);
    MARKS.iter().find(|(mark, _)| text.contains(mark)).map(|(_, tool)| *tool)
}

fn note(tool: &str, hook: &str) -> Option<String> {
    match tool {
        "pre-commit" | "prek" => Some(format!(
            "{tool} runs first; or let it run deepcoder, with an entry in .pre-commit-config.yaml (docs/guides/hooks.md)"
        )),
        "lefthook" => Some(format!(
            "lefthook writes its hooks anew now and then; an entry in lefthook.yml that runs `deepcoder hook run --type {hook}` \
             lasts"
        )),
        _ => None,
    }
}

fn is_tracked(git: &Git, path: &Path) -> bool {
    let args = [os(b"ls-files"), os(b"--error-unmatch"), os(b"--"), path.as_os_str().to_owned()];
    git.run(&args).is_ok()
}

/// Write `text` to `path`, whose file is kept as `before` if that is given.
#[expect(clippy::disallowed_methods, reason = "writes a hook, which the user has asked for")]
fn put(path: &Path, text: &[u8], before: Option<&Path>) -> Result<(), InstallError> {
    let temporary = path.with_extension(format!("deepcoder-{}", std::process::id()));
    let mut options = OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o777).open(&temporary).and_then(|mut file| {
        file.write_all(text)?;
        file.sync_all()
    });
    let exchanged = made.map_err(|e| io(&temporary, e)).and_then(|()| {
        if let Some(before) = before {
            // A second name, also for a link itself; where there are none, a move.
            linkat(CWD, path, CWD, before, AtFlags::empty())
                .or_else(|_| renameat_with(CWD, path, CWD, before, RenameFlags::NOREPLACE))
                .map_err(|e| io(before, e.into()))?;
        }
        std::fs::rename(&temporary, path).map_err(|e| io(path, e))
    });
    if exchanged.is_err() {
        let _ = std::fs::remove_file(&temporary);
    } else if let Some(folder) = path.parent() {
        // A hook that a power cut takes away can be installed again.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    exchanged
}

#[expect(clippy::disallowed_methods, reason = "removes a hook of ours, which the user has asked for")]
fn take_away(path: &Path, before: &Path) -> Result<(), InstallError> {
    if before.symlink_metadata().is_ok() {
        std::fs::rename(before, path).map_err(|e| io(path, e))
    } else {
        std::fs::remove_file(path).map_err(|e| io(path, e))
    }
}

/// The most bytes of a hook that is looked at; some are programs.
const MAX_HOOK: u64 = 256 << 20;

/// The bytes of the hook at `path`. Refuses what is no regular file: the chained hook could not run it.
fn read(path: &Path) -> Result<Option<Vec<u8>>, InstallError> {
    match deepcoder_files::read(path, MAX_HOOK) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            // A link to nothing is something that is there.
            Ok(path.symlink_metadata().is_ok().then(Vec::new))
        }
        Err(e) => Err(io(path, e)),
    }
}

/// The same for those who only look: something that is no regular file is there, and not ours.
fn look(path: &Path) -> Result<Option<Vec<u8>>, InstallError> {
    match read(path) {
        Err(_) if path.symlink_metadata().is_ok_and(|meta| !meta.is_file()) => Ok(Some(Vec::new())),
        outcome => outcome,
    }
}

fn io(path: &Path, source: std::io::Error) -> InstallError {
    InstallError::Io { path: path.to_owned(), source }
}
