//! The walls of the kernel: Landlock, seccomp, resource limits.

use super::group::{self, GroupId};
use super::{Limits, Profile, SandboxError, Sandboxed, seccomp};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _, RulesetCreated,
    RulesetCreatedAttr as _, RulesetError, Scope, path_beneath_rules,
};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, nice, prlimit};
use seccompiler::BpfProgram;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// The oldest Landlock that guards everything that can change a file's content (truncation came with version 3).
const NEEDED: ABI = ABI::V3;
/// The newest that is asked for; what the kernel lacks of it is left out.
const WANTED: ABI = ABI::V6;

/// What every program may read and execute.
const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc",
    "/opt",
    "/nix/store",
    "/proc",
    "/sys/devices/system",
    "/sys/fs/cgroup",
    "/dev/urandom",
    "/dev/random",
    "/dev/zero",
];

/// All that a program will be surrounded with.
pub(super) struct Walls {
    ruleset: Option<RulesetCreated>,
    files_guarded: bool,
    filters: Vec<BpfProgram>,
    limits: Vec<(Resource, u64)>,
    polite: bool,
}

impl Walls {
    /// The walls for `program` in `group`.
    pub(super) fn build(program: &Sandboxed, scratch: &Path, group: GroupId) -> Result<Self, SandboxError> {
        let (ruleset, files_guarded, why) = match ruleset(&program.readable, scratch) {
            Ok(ruleset) if landlock_suffices() => (Some(ruleset), true, String::new()),
            Ok(ruleset) => (Some(ruleset), false, "its Landlock is absent or too old".to_owned()),
            Err(error) => (None, false, error.to_string()),
        };
        let (filters, no_filter) = match seccomp::filters(program.profile, group) {
            Ok(filters) => (filters, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        if program.require_confinement && (!files_guarded || no_filter.is_some()) {
            return Err(SandboxError::Unconfined(no_filter.unwrap_or(why)));
        }
        Ok(Self {
            ruleset,
            files_guarded,
            filters,
            limits: limits(&program.limits),
            polite: program.profile == Profile::Toolchain,
        })
    }

    /// Whether files and system calls will both be guarded. A filter that the kernel refuses makes the start fail, so
    /// there is no third case.
    pub(super) fn confined(&self) -> bool {
        self.files_guarded && !self.filters.is_empty()
    }

    /// Start `command` inside, held at its gate (see [`super::GATE`]), with its resource limits.
    ///
    /// Landlock, seccomp and priority belong to a thread and pass on to what it starts, so they are put on a thread that
    /// does nothing else. Nothing runs between fork and exec that way, hence the standard library can use `posix_spawn`,
    /// which takes a millisecond where a fork of a process that holds a model takes a hundred.
    pub(super) fn start(self, command: &mut Command) -> io::Result<Child> {
        let Self { ruleset, files_guarded: _, filters, limits, polite } = self;
        let mut child = std::thread::scope(|scope| {
            let inside = scope.spawn(move || {
                if polite {
                    // A thousand children of a bomb together must weigh less than their watcher, and a compiler less
                    // than the user's editor.
                    nice(10)?;
                }
                if let Some(ruleset) = ruleset {
                    ruleset.restrict_self().map_err(io::Error::other)?;
                }
                for filter in &filters {
                    seccompiler::apply_filter(filter).map_err(io::Error::other)?;
                }
                command.spawn()
            });
            inside.join().unwrap_or_else(|_| Err(io::Error::other("the starting thread died")))
        })?;
        let pid = Pid::from_child(&child);
        let limited = limits.iter().try_for_each(|(resource, value)| {
            let limit = Rlimit { current: Some(*value), maximum: Some(*value) };
            prlimit(Some(pid), *resource, limit).map(drop)
        });
        if let Err(errno) = limited {
            _ = child.kill().and_then(|()| child.wait());
            return Err(errno.into());
        }
        Ok(child)
    }
}

fn limits(limits: &Limits) -> Vec<(Resource, u64)> {
    let mut list = vec![
        (Resource::Core, 0),
        (Resource::Cpu, limits.cpu_seconds),
        (Resource::As, limits.memory_bytes),
        (Resource::Fsize, limits.file_bytes),
        (Resource::Nofile, limits.open_files),
    ];
    // The kernel counts all that the user runs, so what runs now is added. It does not hold root back, for whom the
    // watcher counts.
    let others = group::tasks_of_the_system() as u64;
    list.push((Resource::Nproc, others.saturating_add(u64::from(limits.processes))));
    // Only root may raise a limit that is set already.
    for (resource, value) in &mut list {
        *value = getrlimit(*resource).maximum.unwrap_or(u64::MAX).min(*value);
    }
    list
}

/// Whether the kernel has all that is [`NEEDED`].
fn landlock_suffices() -> bool {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(NEEDED))
        .and_then(Ruleset::create)
        .is_ok()
}

fn ruleset(readable: &[PathBuf], scratch: &Path) -> Result<RulesetCreated, RulesetError> {
    let system = SYSTEM.iter().map(Path::new).chain(readable.iter().map(PathBuf::as_path));
    let read = AccessFs::from_read(WANTED);
    Ruleset::default()
        .handle_access(AccessFs::from_all(WANTED))?
        .handle_access(AccessNet::from_all(WANTED))?
        .scope(Scope::from_all(WANTED))?
        .create()?
        .add_rules(path_beneath_rules(system, read))?
        .add_rules(path_beneath_rules(["/dev/null", "/dev/full"], AccessFs::ReadFile | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules([scratch], AccessFs::from_all(WANTED)))
}
