//! The filter of system calls: what `calls.txt` lists is allowed, and nothing else.

use super::Profile;
use super::group::GroupId;
use seccompiler::{BpfProgram, sock_filter};
use std::sync::OnceLock;

/// The list of all calls, for people and for the filter.
pub(super) const LIST: &str = include_str!("calls.txt");

/// A processor that there is a column for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arch {
    X86_64,
    Aarch64,
}

/// The rule of the list for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    Tools,
    Args,
    No(i32),
}

/// A line of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) name: &'static str,
    pub(super) x86_64: Option<u32>,
    pub(super) aarch64: Option<u32>,
    pub(super) answer: Answer,
}

/// The filter for `profile` in `group`. An error where this kernel takes none.
pub(super) fn filter(profile: Profile, group: GroupId) -> Result<BpfProgram, String> {
    static TAKEN: OnceLock<bool> = OnceLock::new();
    // A filter holds for the thread that installs it, so a thread is spent on a filter that allows everything.
    let taken = *TAKEN.get_or_init(|| {
        let nothing = [op(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW)];
        std::thread::spawn(move || seccompiler::apply_filter(&nothing).is_ok()).join().unwrap_or(false)
    });
    if !taken {
        return Err("it takes no seccomp filter".to_owned());
    }
    let arch = Arch::here().ok_or("there is no list of system calls for this processor")?;
    program(arch, profile, group.raw())
}

impl Arch {
    /// This machine's.
    pub(super) fn here() -> Option<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Some(Self::X86_64),
            "aarch64" => Some(Self::Aarch64),
            _ => None,
        }
    }

    /// `AUDIT_ARCH_*`: what the kernel calls it.
    pub(super) fn word(self) -> u32 {
        match self {
            Self::X86_64 => 0xc000_003e,
            Self::Aarch64 => 0xc000_00b7,
        }
    }

    /// The number of `call`.
    pub(super) fn number(self, call: &Call) -> Option<u32> {
        match self {
            Self::X86_64 => call.x86_64,
            Self::Aarch64 => call.aarch64,
        }
    }
}

/// Every line of the list. It is ours, and a test reads it.
pub(super) fn calls() -> Result<&'static [Call], String> {
    static CALLS: OnceLock<Result<Vec<Call>, String>> = OnceLock::new();
    let read = CALLS.get_or_init(|| {
        let lines = LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| call(line).ok_or_else(|| format!("the list of system calls is damaged at `{line}`"))).collect()
    });
    read.as_ref().map(Vec::as_slice).map_err(Clone::clone)
}

fn call(line: &'static str) -> Option<Call> {
    let mut words = line.split_whitespace();
    let name = words.next()?;
    let mut number = || match words.next()? {
        "-" => Some(None),
        digits => digits.parse().ok().map(Some),
    };
    let (x86_64, aarch64) = (number()?, number()?);
    let answer = match (words.next()?, words.next()) {
        ("yes", None) => Answer::Yes,
        ("tools", None) => Answer::Tools,
        ("args", None) => Answer::Args,
        ("no", Some("EPERM")) => Answer::No(libc::EPERM),
        ("no", Some("ENOSYS")) => Answer::No(libc::ENOSYS),
        ("no", Some("EOPNOTSUPP")) => Answer::No(libc::EOPNOTSUPP),
        _ => return None,
    };
    words.next().is_none().then_some(Call { name, x86_64, aarch64, answer })
}

/// Holds when `argument & mask == value`.
#[derive(Debug, Clone, Copy)]
struct Test {
    argument: u8,
    mask: u64,
    value: u64,
}

/// An argument that is an `int` to the kernel, which ignores the upper half of the register.
fn int(argument: u8, value: i32) -> Test {
    masked(argument, -1, value)
}

fn masked(argument: u8, mask: i32, value: i32) -> Test {
    Test { argument, mask: u64::from(mask.cast_unsigned()), value: u64::from(value.cast_unsigned()) }
}

/// With which arguments `name` is allowed (all tests of any one set hold), and the error otherwise.
fn conditions(name: &str, profile: Profile, group: i32) -> Option<(Vec<Vec<Test>>, i32)> {
    let one_of = |argument, values: &[i32]| values.iter().map(|value| vec![int(argument, *value)]).collect();
    let kind = |argument| {
        let kinds = [0, libc::S_IFREG, libc::S_IFIFO].map(u32::cast_signed);
        kinds.map(|kind| vec![masked(argument, libc::S_IFMT.cast_signed(), kind)]).to_vec()
    };
    let itself: Vec<Vec<Test>> = vec![vec![int(0, 0)]];
    let sets = match name {
        // A thread is welcome to a single program. So is `posix_spawn`, by which the program itself is started; a fork
        // is not.
        "clone" if profile == Profile::Program => {
            [libc::CLONE_THREAD, libc::CLONE_VFORK].map(|flag| vec![masked(0, NEVER_CLONED | flag, flag)]).to_vec()
        }
        "clone" => vec![vec![masked(0, NEVER_CLONED, 0)]],
        // Leaving the process group would survive the deadline; joining it is how the program gets there.
        "setpgid" => vec![vec![int(0, 0), int(1, group)]],
        "ioctl" => return Some((one_of(1, IOCTLS), libc::ENOTTY)),
        "fcntl" => one_of(1, FCNTLS),
        "prctl" => one_of(0, PRCTLS),
        // A datagram can be addressed to any socket of the system's, connected or not; these two kinds cannot.
        "socketpair" => [libc::SOCK_STREAM, libc::SOCK_SEQPACKET]
            .map(|kind| vec![int(0, libc::AF_UNIX), masked(1, 0xf, kind)])
            .to_vec(),
        "sendto" => vec![vec![Test { argument: 4, mask: u64::MAX, value: 0 }]],
        // Process 0 is the caller. Its own number is not known here.
        "prlimit64" | "sched_setaffinity" | "sched_setscheduler" | "sched_setparam" | "sched_setattr" => itself,
        "setpriority" => vec![vec![int(0, 0), int(1, 0)]],
        "ioprio_set" => vec![vec![int(0, 1), int(1, 0)]],
        // Only the question.
        "personality" => one_of(0, &[-1]),
        "mknod" => kind(1),
        "mknodat" => kind(2),
        _ => return None,
    };
    Some((sets, libc::EPERM))
}

/// New namespaces, and a child of the caller's own parent, which does not expect it.
const NEVER_CLONED: i32 = libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_PARENT;

/// Questions to terminals and files, and what `fcntl` does as well. Not among them: `FS_IOC_SETFLAGS`, which changes
/// files that are open for reading, and everything that types into a terminal.
const IOCTLS: &[i32] = &[
    0x5401,                 // TCGETS
    0x802c_542a_u32 as i32, // TCGETS2
    0x540f,                 // TIOCGPGRP
    0x5413,                 // TIOCGWINSZ
    0x541b,                 // FIONREAD
    0x5421,                 // FIONBIO
    0x5450,                 // FIONCLEX
    0x5451,                 // FIOCLEX
    0x5460,                 // FIOQSIZE
    0x0002,                 // FIGETBSZ
    0x8008_6601_u32 as i32, // FS_IOC_GETFLAGS
    0xc020_660b_u32 as i32, // FS_IOC_FIEMAP
];

/// Not among them: `F_SETOWN` and `F_SETSIG`, which send any signal to any process of the user's, and leases, which
/// hold up a process that wants to write to a file that the program reads.
const FCNTLS: &[i32] = &[
    libc::F_DUPFD,
    libc::F_GETFD,
    libc::F_SETFD,
    libc::F_GETFL,
    libc::F_SETFL,
    libc::F_GETLK,
    libc::F_SETLK,
    libc::F_SETLKW,
    libc::F_OFD_GETLK,
    libc::F_OFD_SETLK,
    libc::F_OFD_SETLKW,
    libc::F_DUPFD_CLOEXEC,
    libc::F_SETPIPE_SZ,
    libc::F_GETPIPE_SZ,
    libc::F_GET_SEALS,
];

/// Not among them: `PR_SET_PTRACER`, `PR_SET_MM`, `PR_SCHED_CORE` and capabilities, and `PR_SET_DUMPABLE`, which hides
/// what a process has open.
const PRCTLS: &[i32] = &[
    libc::PR_SET_PDEATHSIG,
    libc::PR_GET_PDEATHSIG,
    libc::PR_GET_DUMPABLE,
    libc::PR_GET_KEEPCAPS,
    libc::PR_SET_NAME,
    libc::PR_GET_NAME,
    libc::PR_GET_SECCOMP,
    libc::PR_CAPBSET_READ,
    libc::PR_GET_SECUREBITS,
    libc::PR_SET_TIMERSLACK,
    libc::PR_GET_TIMERSLACK,
    libc::PR_GET_CHILD_SUBREAPER,
    libc::PR_SET_NO_NEW_PRIVS,
    libc::PR_GET_NO_NEW_PRIVS,
    libc::PR_GET_TID_ADDRESS,
    libc::PR_SET_THP_DISABLE,
    libc::PR_GET_THP_DISABLE,
    libc::PR_SET_VMA,
    50, // PR_SVE_SET_VL, and what else aarch64 sets for a thread of its own
    51, // PR_SVE_GET_VL
    54, // PR_PAC_RESET_KEYS
    55, // PR_SET_TAGGED_ADDR_CTRL
    56, // PR_GET_TAGGED_ADDR_CTRL
    63, // PR_SME_SET_VL
    64, // PR_SME_GET_VL
];

// The instructions of a filter.
const RETURN: u16 = 0x06;
const LOAD_WORD: u16 = 0x20;
const AND: u16 = 0x54;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_AT_LEAST: u16 = 0x35;

// Where `struct seccomp_data` has what is asked.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const ARGUMENTS: u32 = 16;

fn op(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

fn verdict(errno: Option<i32>) -> u32 {
    errno.map_or(libc::SECCOMP_RET_ALLOW, |errno| libc::SECCOMP_RET_ERRNO | errno.unsigned_abs())
}

/// The filter as the kernel takes it: calls with conditions first, then the numbers in ascending order, in as few ranges
/// as there are changes of the answer. Numbers of x32 and of later kernels are above all ranges.
pub(super) fn program(arch: Arch, profile: Profile, group: i32) -> Result<BpfProgram, String> {
    let mut code = vec![
        op(LOAD_WORD, 0, 0, ARCH),
        op(JUMP_EQUAL, 1, 0, arch.word()),
        op(RETURN, 0, 0, libc::SECCOMP_RET_KILL_PROCESS),
        op(LOAD_WORD, 0, 0, NUMBER),
    ];
    let mut answers = Vec::new();
    for call in calls()? {
        let Some(number) = arch.number(call) else { continue };
        let errno = match (call.answer, profile) {
            (Answer::Yes, _) | (Answer::Tools, Profile::Toolchain) => None,
            (Answer::Tools, Profile::Program) => Some(libc::EPERM),
            (Answer::No(errno), _) => Some(errno),
            (Answer::Args, _) => {
                let (sets, errno) = conditions(call.name, profile, group)
                    .ok_or_else(|| format!("`{}` has no conditions", call.name))?;
                let block = block(&sets, errno).ok_or_else(|| format!("`{}` has too many conditions", call.name))?;
                code.push(op(JUMP_EQUAL, 0, u8::try_from(block.len()).map_err(|e| e.to_string())?, number));
                code.extend(block);
                // Decided above; in the ranges it may go with its neighbours.
                Some(libc::ENOSYS)
            }
        };
        answers.push((number, verdict(errno)));
    }
    answers.sort_unstable();
    let unknown = verdict(Some(libc::ENOSYS));
    // Where a range ends, and what it answers.
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    let mut next = 0;
    for (number, answer) in answers {
        let gap = (number > next).then_some((number, unknown));
        for (end, answer) in gap.into_iter().chain([(number + 1, answer)]) {
            match ranges.last_mut() {
                Some(last) if last.1 == answer => last.0 = end,
                _ => ranges.push((end, answer)),
            }
        }
        next = number + 1;
    }
    for (end, answer) in ranges {
        code.push(op(JUMP_AT_LEAST, 1, 0, end));
        code.push(op(RETURN, 0, 0, answer));
    }
    code.push(op(RETURN, 0, 0, unknown));
    Ok(code)
}

/// Allows a call when all tests of one set hold, and answers `errno` otherwise.
fn block(sets: &[Vec<Test>], errno: i32) -> Option<BpfProgram> {
    let mut code = Vec::new();
    for set in sets {
        let mut words = Vec::new();
        for test in set {
            let at = ARGUMENTS + 8 * u32::from(test.argument);
            let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(u32::MAX);
            // Both processors have the lower half first.
            words.push((at, half(test.mask), half(test.value)));
            words.push((at + 4, half(test.mask >> 32), half(test.value >> 32)));
        }
        words.retain(|(_, mask, _)| *mask != 0);
        for (index, (at, mask, value)) in words.iter().enumerate() {
            // Each takes three; the return follows the last.
            let to_next_set = u8::try_from(3 * (words.len() - index - 1) + 1).ok()?;
            code.extend([op(LOAD_WORD, 0, 0, *at), op(AND, 0, 0, *mask), op(JUMP_EQUAL, 0, to_next_set, *value)]);
        }
        code.push(op(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW));
    }
    code.push(op(RETURN, 0, 0, verdict(Some(errno))));
    Some(code)
}
