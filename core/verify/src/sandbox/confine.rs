//! Builds the walls in the parent, where there may be allocations and errors, and raises them in the child.

use super::{Limits, Profile, SandboxError, Sandboxed, seccomp};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _, RulesetCreated,
    RulesetCreatedAttr as _, RulesetError, Scope, path_beneath_rules,
};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, nice, set_parent_process_death_signal, setrlimit};
use seccompiler::BpfProgram;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// All that the child will put on itself.
pub(super) struct Walls {
    ruleset: Option<RulesetCreated>,
    files_guarded: bool,
    filters: Vec<BpfProgram>,
    limits: Vec<(Resource, u64)>,
    polite: bool,
}

impl Walls {
    pub(super) fn build(program: &Sandboxed, scratch: &Path) -> Result<Self, SandboxError> {
        let (ruleset, files_guarded, why) = match ruleset(&program.readable, scratch) {
            Ok(ruleset) if landlock_suffices() => (Some(ruleset), true, String::new()),
            Ok(ruleset) => (Some(ruleset), false, "its Landlock is absent or too old".to_owned()),
            Err(error) => (None, false, error.to_string()),
        };
        let (filters, no_filter) = match seccomp::filters(program.profile) {
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
            limits: limits(&program.limits, program.profile),
            polite: program.profile == Profile::Toolchain,
        })
    }

    /// Whether files and system calls will both be guarded. A filter that the kernel refuses makes the start fail, so
    /// there is no third case.
    pub(super) fn confined(&self) -> bool {
        self.files_guarded && !self.filters.is_empty()
    }

    /// Have `command` raise the walls between fork and exec.
    #[expect(unsafe_code, reason = "there is no safe way to limit one child and not this process")]
    pub(super) fn enforce_in(self, command: &mut Command) {
        let Self { mut ruleset, files_guarded: _, filters, limits, polite } = self;
        let raise = move || -> io::Result<()> {
            // Descriptors that some library left open across exec stay here. A kernel before 5.11 does not know the
            // flag; Rust's own are closed anyway.
            // SAFETY: the call takes three integers and touches no memory.
            _ = unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
            set_parent_process_death_signal(Some(Signal::KILL))?;
            if polite {
                // A thousand children of a bomb together must weigh less than their watcher, and a compiler less than the
                // user's editor.
                nice(10)?;
            }
            for (resource, value) in &limits {
                let limit = Rlimit { current: Some(*value), maximum: Some(*value) };
                setrlimit(*resource, limit)?;
            }
            if let Some(ruleset) = ruleset.take() {
                ruleset.restrict_self().map_err(|_| io::Error::last_os_error())?;
            }
            // Last: the filters deny some of what the lines above do.
            for filter in &filters {
                seccompiler::apply_filter(filter).map_err(|_| io::Error::last_os_error())?;
            }
            Ok(())
        };
        // SAFETY: between fork and exec in a process with threads only async-signal-safe calls are allowed. The closure
        // makes system calls (close_range, prctl, setpriority, setrlimit, landlock_restrict_self, close, seccomp) with arguments
        // that were allocated before the fork. It takes no lock, neither allocates nor frees (the ruleset's drop closes
        // a descriptor; the errors hold integers), and does not panic.
        unsafe { command.pre_exec(raise) };
    }
}

fn limits(limits: &Limits, profile: Profile) -> Vec<(Resource, u64)> {
    let mut list = vec![
        (Resource::Core, 0),
        (Resource::Cpu, limits.cpu_seconds),
        (Resource::As, limits.memory_bytes),
        (Resource::Fsize, limits.file_bytes),
        (Resource::Nofile, limits.open_files),
    ];
    // The kernel counts all that the user runs, so what runs now is added. It does not hold root back, for whom the
    // watcher counts.
    if profile == Profile::Toolchain {
        let others = super::group::tasks_of_the_system() as u64;
        list.push((Resource::Nproc, others.saturating_add(u64::from(limits.processes))));
    }
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
