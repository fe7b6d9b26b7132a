//! The walls of the kernel: privileges, Landlock, seccomp, resource limits.

use super::group::{self, GroupId};
use super::{Limits, Profile, SandboxError, Sandboxed, privileges, reads, seccomp};
use deepcoder_workspace::process::{self, Pipes, Started};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _, RulesetCreated,
    RulesetCreatedAttr as _, RulesetError, Scope, path_beneath_rules,
};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, nice, prlimit};
use rustix::thread::{CapabilitySet, UnshareFlags, capabilities, unshare_unsafe};
use seccompiler::BpfProgram;
use std::ffi::CString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The oldest Landlock that guards everything that can change a file's content (truncation came with version 3).
const NEEDED: ABI = ABI::V3;
/// The newest that is asked for; what the kernel lacks of it is left out.
const WANTED: ABI = ABI::V6;

/// All that a program will be surrounded with.
pub(super) struct Walls<'a> {
    program: &'a Sandboxed,
    scratch: &'a Path,
    files_guarded: bool,
    filter: Option<BpfProgram>,
    limits: Vec<(Resource, u64)>,
}

impl<'a> Walls<'a> {
    /// The walls for `program` in `group`.
    pub(super) fn build(program: &'a Sandboxed, scratch: &'a Path, group: GroupId) -> Result<Self, SandboxError> {
        let files_guarded = landlock_suffices();
        let filter = seccomp::filter(program.profile, group);
        if program.require_confinement {
            if !files_guarded {
                return Err(SandboxError::Unconfined("its Landlock is absent or too old".to_owned()));
            }
            if let Err(why) = filter {
                return Err(SandboxError::Unconfined(why));
            }
        }
        Ok(Self { program, scratch, files_guarded, filter: filter.ok(), limits: limits(&program.limits) })
    }

    /// Whether files and system calls will both be guarded. Walls that the kernel refuses make the start fail, so there is
    /// no third case.
    pub(super) fn confined(&self) -> bool {
        self.files_guarded && self.filter.is_some()
    }

    /// Start `command` inside, held at its gate (see [`super::GATE`]), with its resource limits.
    ///
    /// Descriptors, mounts, privileges, Landlock, seccomp and priority belong to a thread and pass on to what it starts,
    /// so they are put on a thread that does nothing else. Nothing runs between fork and exec that way, hence the
    /// standard library can use `posix_spawn`, which takes a millisecond where a fork of a process that holds a model
    /// takes a hundred.
    pub(super) fn start(&self, command: Command) -> io::Result<Started> {
        let mut started = process::start_with(command, Pipes::ALL, || self.surround())?;
        let pid = Pid::from_child(&started.child);
        let limited = self.limits.iter().try_for_each(|(resource, value)| {
            let limit = Rlimit { current: Some(*value), maximum: Some(*value) };
            prlimit(Some(pid), *resource, limit).map(drop)
        });
        if let Err(errno) = limited {
            _ = started.child.kill().and_then(|()| started.child.wait());
            return Err(errno.into());
        }
        Ok(started)
    }

    /// Put the calling thread inside. The order matters: each step needs what a later one takes.
    fn surround(&self) -> io::Result<()> {
        process::private_descriptors()?;
        if self.program.profile == Profile::Toolchain {
            // A thousand children of a bomb together must weigh less than their watcher, and a compiler less than the
            // user's editor.
            nice(10)?;
        }
        if self.program.ephemeral {
            // Where it is not allowed, the watcher holds the program to its quota.
            _ = mount_memory(self.scratch, self.program.limits.scratch_bytes);
        }
        privileges::drop_all()?;
        // Made here, since its descriptors belong to this thread's table.
        match ruleset(self.program, self.scratch) {
            Ok(ruleset) => _ = ruleset.restrict_self().map_err(io::Error::other)?,
            // Without any Landlock; `confined` says so.
            Err(_) if !self.files_guarded => {}
            Err(error) => return Err(io::Error::other(error)),
        }
        self.filter.as_ref().map_or(Ok(()), |filter| seccompiler::apply_filter(filter)).map_err(io::Error::other)
    }
}

/// Mount a file system in memory of `bytes` over `scratch`, for the calling thread and the processes that it starts: no
/// other process sees it, and it is gone with the last of them.
fn mount_memory(scratch: &Path, bytes: u64) -> io::Result<()> {
    if !capabilities(None)?.effective.contains(CapabilitySet::SYS_ADMIN) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    #[expect(unsafe_code, reason = "the library has no safe form of it")]
    // SAFETY: the table of descriptors is not touched, only the mounts that this thread sees.
    unsafe {
        unshare_unsafe(UnshareFlags::NEWNS)?;
    }
    // Nothing that is mounted here shows elsewhere.
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    let files = bytes / 4096;
    let options = CString::new(format!("size={bytes},nr_inodes={files},mode=0700"))?;
    mount("deepcoder", scratch, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str())?;
    Ok(())
}

fn limits(limits: &Limits) -> Vec<(Resource, u64)> {
    let mut list = vec![
        (Resource::Core, 0),
        (Resource::Cpu, limits.cpu_seconds),
        (Resource::As, limits.memory_bytes),
        (Resource::Fsize, limits.file_bytes),
        (Resource::Nofile, limits.open_files),
        // Neither real time nor a better priority than it begins with.
        (Resource::Rtprio, 0),
        (Resource::Nice, 0),
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
    static SUFFICES: OnceLock<bool> = OnceLock::new();
    *SUFFICES.get_or_init(|| {
        Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(NEEDED))
            .and_then(Ruleset::create)
            .is_ok()
    })
}

fn ruleset(program: &Sandboxed, scratch: &Path) -> Result<RulesetCreated, RulesetError> {
    let readable = reads::paths(program.profile).chain(program.readable.iter().map(PathBuf::as_path));
    let devices = AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev;
    Ruleset::default()
        .handle_access(AccessFs::from_all(WANTED))?
        .handle_access(AccessNet::from_all(WANTED))?
        .scope(Scope::from_all(WANTED))?
        .create()?
        .add_rules(path_beneath_rules(readable, AccessFs::from_read(WANTED)))?
        .add_rules(path_beneath_rules(["/dev/null", "/dev/full"], AccessFs::ReadFile | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules([scratch], AccessFs::from_all(WANTED) & !devices))
}
