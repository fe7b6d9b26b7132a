//! The system calls that a sandboxed program may not make.

use super::Profile;
use super::group::GroupId;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The instruction that ends a filter with a verdict.
const RETURN: u16 = 0x06;

/// The filters, to be installed in this order; each that is installed is asked about every call. An error where this
/// kernel takes none.
pub(super) fn filters(profile: Profile, group: GroupId) -> Result<Vec<BpfProgram>, String> {
    static TAKEN: OnceLock<bool> = OnceLock::new();
    // A filter holds for the thread that installs it, so a thread is spent on a filter that allows everything.
    let taken = *TAKEN.get_or_init(|| {
        let nothing = [sock_filter { code: RETURN, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW }];
        std::thread::spawn(move || seccompiler::apply_filter(&nothing).is_ok()).join().unwrap_or(false)
    });
    if !taken {
        return Err("it takes no seccomp filter".to_owned());
    }
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|e| e.to_string())?;
    let compile = |rules, errno: i32| {
        let action = SeccompAction::Errno(errno.unsigned_abs());
        SeccompFilter::new(rules, SeccompAction::Allow, action, arch)
            .and_then(BpfProgram::try_from)
            .map_err(|e| e.to_string())
    };
    let mut filters = Vec::new();
    // The flags of clone3 lie in memory, where a filter cannot look; libc falls back to clone when it is missing.
    filters.push(compile(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)?);
    filters.push(compile(denied(profile, group).map_err(|e| e.to_string())?, libc::EPERM)?);
    if cfg!(target_arch = "x86_64") {
        filters.push(no_x32());
    }
    Ok(filters)
}

fn denied(profile: Profile, group: GroupId) -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = NEVER.iter().map(|call| (*call, Vec::new())).collect();
    let mut clone = Vec::new();
    for flag in NAMESPACES {
        clone.push(masked(*flag, *flag)?);
    }
    if profile == Profile::Program {
        rules.extend(PROGRAM_NEVER.iter().map(|call| (*call, Vec::new())));
        // A thread is welcome. So is `posix_spawn`, by which the program itself is started; a fork is not.
        clone.push(masked(libc::CLONE_THREAD | libc::CLONE_VFORK, 0)?);
    }
    rules.insert(libc::SYS_clone, clone);
    // Leaving the process group would survive the deadline; joining it is how the program gets there.
    let group = u64::from(group.raw().cast_unsigned());
    let is_not = |arg, value| SeccompRule::new(vec![SeccompCondition::new(arg, Len::Dword, Op::Ne, value)?]);
    rules.insert(libc::SYS_setpgid, vec![is_not(0, 0)?, is_not(1, group)?]);
    Ok(rules)
}

/// `clone` with `flags & mask == value`.
fn masked(mask: i32, value: i32) -> Result<SeccompRule, seccompiler::BackendError> {
    let (mask, value) = (u64::from(mask.cast_unsigned()), u64::from(value.cast_unsigned()));
    SeccompRule::new(vec![SeccompCondition::new(0, Len::Dword, Op::MaskedEq(mask), value)?])
}

/// The x32 calls share the architecture word of x86-64 and have numbers of their own, which would pass every rule.
fn no_x32() -> BpfProgram {
    const LOAD_WORD: u16 = 0x20;
    const JUMP_GE: u16 = 0x35;
    let op = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    vec![
        op(LOAD_WORD, 0, 0, 0),
        op(JUMP_GE, 0, 1, 0x4000_0000),
        op(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs()),
        op(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

const NAMESPACES: &[i32] = &[
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Denied to all. `socketpair` stays: it reaches nobody, and event loops need it.
const NEVER: &[i64] = &[
    // Talking to anyone: sockets of every family, and io_uring, which makes sockets past every filter.
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_setsid,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_process_madvise,
    // The system.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_open_by_handle_at,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_fanotify_init,
    libc::SYS_personality,
    libc::SYS_setpriority,
    libc::SYS_mknodat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mknod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
];

/// Denied to a single program as well: forks, the metadata of files, which Landlock does not guard, and signals, which
/// Landlock keeps inside only since version 6. (A program that aborts still dies, by the instruction after the signal.)
const PROGRAM_NEVER: &[i64] = &[
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_tgkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_pidfd_send_signal,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    libc::SYS_utimensat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utime,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utimes,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_futimesat,
];
