//! The list of system calls against the filter, and against the kernel.

use super::super::seccomp::{Answer, Arch, Call, LIST, calls, program};
use super::*;
use std::collections::BTreeMap;

/// Calls that do not return, or not to the same state, and two that the kernel does not pass to a filter. The programs
/// that need them test their rules, and so does [`the_filter_is_the_list`].
const NO_RETURN: &[&str] = &[
    "exit",
    "exit_group",
    "pause",
    "rt_sigreturn",
    "fork",
    "vfork",
    "restart_syscall",
    "set_tid_address",
    "brk",
    "uretprobe",
    "uprobe",
];

/// The inmate's part: make every call with arguments that nothing can be done with, and say what came of it.
pub(super) fn walk(tools: bool) -> String {
    let arch = Arch::here().expect("a listed processor");
    let skipped: Vec<u32> = calls()
        .expect("list")
        .iter()
        .filter(|call| NO_RETURN.contains(&call.name) && (tools || call.answer != Answer::Tools))
        .filter_map(|call| arch.number(call))
        .collect();
    let futex = calls().expect("list").iter().find(|call| call.name == "futex").and_then(|call| arch.number(call));
    let mut text = String::new();
    for number in (0..=600).filter(|number| !skipped.contains(number)) {
        // An operation that it does not know is what `futex` says ENOSYS to.
        let second = if Some(number) == futex { 1 } else { -1 };
        #[expect(unsafe_code, reason = "the numbers are the point")]
        // SAFETY: -1 is no address, no descriptor and no process, so that the calls that are allowed fail or change what
        // this process does without; those that do not return are left out.
        let done = unsafe { libc::syscall(number.into(), -1, second, -1, -1, -1, -1) };
        let errno = if done == -1 { io::Error::last_os_error().raw_os_error().unwrap_or(0) } else { 0 };
        text += &format!("{number}:{errno} ");
    }
    text
}

/// Protects everything outside from what the list forgot: each number from 0 to 600 is tried inside the sandbox, and the
/// kernel answers what the list says. A number that is not listed is not there.
#[test]
fn the_kernel_answers_what_the_list_says() {
    let dir = tempfile::tempdir().expect("dir");
    if !walls(dir.path()) {
        skip!("sandbox", "this kernel has no Landlock 3 or no seccomp");
    }
    let arch = Arch::here().expect("a listed processor");
    for profile in [Profile::Program, Profile::Toolchain] {
        let tools = profile == Profile::Toolchain;
        let mut inmate = order(dir.path(), if tools { "calls tools" } else { "calls " });
        inmate.profile = profile;
        let output = run(&inmate, &Cancel::new()).expect("runs");
        let text = output.stdout.to_text();
        let line = text.lines().find_map(|l| l.split_once("RESULT ")).map(|(_, rest)| rest.to_owned());
        let line = line.unwrap_or_else(|| panic!("{:?} {text} {}", output.ended, output.stderr.to_text()));
        let said: BTreeMap<u32, i32> = line
            .split_whitespace()
            .filter_map(|pair| pair.split_once(':'))
            .map(|(number, errno)| (number.parse().expect("number"), errno.parse().expect("errno")))
            .collect();
        let listed: BTreeMap<u32, &Call> =
            calls().expect("list").iter().filter_map(|call| Some((arch.number(call)?, call))).collect();
        assert!(said.len() > 580, "{} were tried", said.len());
        for (number, errno) in said {
            let call = listed.get(&number);
            let name = call.map_or("?", |call| call.name);
            let refused = match call.map(|call| call.answer) {
                None => Some(libc::ENOSYS),
                Some(Answer::No(errno)) => Some(errno),
                Some(Answer::Tools) if !tools => Some(libc::EPERM),
                Some(Answer::Args) if name == "ioctl" => Some(libc::ENOTTY),
                // -1 is the question.
                Some(Answer::Args) if name == "personality" => None,
                Some(Answer::Args) => Some(libc::EPERM),
                Some(Answer::Yes | Answer::Tools) => None,
            };
            match refused {
                Some(expected) => assert_eq!(errno, expected, "{number} {name} under {profile:?}"),
                // An older kernel may lack what is new.
                None => assert!(errno != libc::ENOSYS || number >= 334, "{number} {name} under {profile:?}"),
            }
        }
    }
}

/// Protects the other processor, and calls that cannot be tried: the filter, interpreted, answers for every number what
/// the list says, on both processors and for both profiles.
#[test]
fn the_filter_is_the_list() {
    for arch in [Arch::X86_64, Arch::Aarch64] {
        for profile in [Profile::Program, Profile::Toolchain] {
            let filter = program(arch, profile, 77).expect("filter");
            assert!(filter.len() < 1000, "{}", filter.len());
            let ask = |number: u32, arguments: [u64; 6]| interpret(&filter, arch.word(), number, arguments);
            for number in (0..=600).chain([0x4000_0000, 0x4000_0001, u32::MAX]) {
                let call = calls().expect("list").iter().find(|call| arch.number(call) == Some(number));
                let expected = match call.map(|call| call.answer) {
                    None => Err(libc::ENOSYS),
                    Some(Answer::Args) => continue,
                    Some(Answer::No(errno)) => Err(errno),
                    Some(Answer::Tools) if profile == Profile::Program => Err(libc::EPERM),
                    Some(Answer::Yes | Answer::Tools) => Ok(()),
                };
                assert_eq!(ask(number, [0; 6]), expected, "{number} {call:?} {profile:?}");
            }
            let named = |name: &str, arguments: [u64; 6]| {
                let call = calls().expect("list").iter().find(|call| call.name == name).expect("listed");
                arch.number(call).map(|number| ask(number, arguments).is_ok())
            };
            let (thread, vfork, new_user, parent) = (0x10000, 0x4000, 0x1000_0000, 0x8000);
            let fork = profile == Profile::Toolchain;
            assert_eq!(named("clone", [17, 0, 0, 0, 0, 0]), Some(fork));
            assert_eq!(named("clone", [thread, 0, 0, 0, 0, 0]), Some(true));
            assert_eq!(named("clone", [vfork | 0x100, 0, 0, 0, 0, 0]), Some(true));
            assert_eq!(named("clone", [thread | new_user, 0, 0, 0, 0, 0]), Some(false));
            assert_eq!(named("clone", [thread | parent, 0, 0, 0, 0, 0]), Some(false));
            assert_eq!(named("setpgid", [0, 77, 0, 0, 0, 0]), Some(true));
            assert_eq!(named("setpgid", [0, 0, 0, 0, 0, 0]), Some(false));
            assert_eq!(named("setpgid", [5, 77, 0, 0, 0, 0]), Some(false));
            for name in ["prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr"] {
                assert_eq!(named(name, [0; 6]), Some(true), "{name}");
                assert_eq!(named(name, [1, 0, 0, 0, 0, 0]), Some(false), "{name}");
            }
            assert_eq!(named("ioprio_set", [1, 0, 0, 0, 0, 0]), Some(true));
            assert_eq!(named("ioprio_set", [1, 5, 0, 0, 0, 0]), Some(false));
            assert_eq!(named("ioprio_set", [3, 0, 0, 0, 0, 0]), Some(false));
            assert_eq!(named("setpriority", [0, 0, 5, 0, 0, 0]), Some(true));
            assert_eq!(named("setpriority", [2, 0, 5, 0, 0, 0]), Some(false));
            assert_eq!(named("sendto", [3, 1, 1, 0, 0, 0]), Some(true));
            assert_eq!(named("sendto", [3, 1, 1, 0, 1 << 32, 16]), Some(false));
            assert_eq!(named("socketpair", [1, 0o2_000_001, 0, 0, 0, 0]), Some(true));
            assert_eq!(named("socketpair", [1, 2, 0, 0, 0, 0]), Some(false));
            assert_eq!(named("socketpair", [2, 1, 0, 0, 0, 0]), Some(false));
            assert_eq!(named("mknodat", [0, 0, 0o010_644, 0, 0, 0]), Some(true));
            assert_eq!(named("mknodat", [0, 0, 0o020_644, 0, 0, 0]), Some(false));
            assert_eq!(named("ioctl", [0, 0x5401, 0, 0, 0, 0]), Some(true));
            assert_eq!(named("ioctl", [0, 0x5412, 0, 0, 0, 0]), Some(false));
            // Another processor's numbers mean other calls.
            let foreign = interpret(&filter, 0x4000_0003, 0, [0; 6]);
            assert_eq!(foreign, Err(-1), "a 32-bit call is the end of the process");
        }
    }
}

/// Protects the list itself: each line can be read, each number is there once, and libc knows the calls by these numbers.
#[test]
fn the_list_is_sound() {
    let calls = calls().expect("list");
    assert!(calls.len() > 380, "{}", calls.len());
    let lines = LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count();
    assert_eq!(lines, calls.len());
    for arch in [Arch::X86_64, Arch::Aarch64] {
        let mut numbers: Vec<u32> = calls.iter().filter_map(|call| arch.number(call)).collect();
        let all = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), all, "{arch:?} has a number twice");
    }
    let here = Arch::here().expect("a listed processor");
    let number = |name: &str| calls.iter().find(|call| call.name == name).and_then(|call| here.number(call));
    for (name, known) in [
        ("read", libc::SYS_read),
        ("openat", libc::SYS_openat),
        ("execve", libc::SYS_execve),
        ("futex", libc::SYS_futex),
        ("clone", libc::SYS_clone),
        ("prlimit64", libc::SYS_prlimit64),
        ("shmget", libc::SYS_shmget),
        ("socketpair", libc::SYS_socketpair),
        ("mknodat", libc::SYS_mknodat),
        ("sched_setattr", libc::SYS_sched_setattr),
        ("close_range", libc::SYS_close_range),
        ("mseal", libc::SYS_mseal),
    ] {
        assert_eq!(number(name).map(i64::from), Some(known), "{name}");
    }
}

/// The filter's answer: allowed, an error, or -1 for the end of the process.
fn interpret(filter: &[seccompiler::sock_filter], arch: u32, number: u32, arguments: [u64; 6]) -> Result<(), i32> {
    let mut data = [0u32; 16];
    (data[0], data[1]) = (number, arch);
    for (index, argument) in arguments.iter().enumerate() {
        data[4 + 2 * index] = (argument & 0xffff_ffff) as u32;
        data[5 + 2 * index] = (argument >> 32) as u32;
    }
    let (mut accumulator, mut at) = (0u32, 0usize);
    loop {
        let op = &filter[at];
        at += 1;
        let jump = match op.code {
            0x06 => {
                return match op.k & 0xffff_0000 {
                    libc::SECCOMP_RET_ALLOW => Ok(()),
                    libc::SECCOMP_RET_ERRNO => Err((op.k & 0xffff) as i32),
                    _ => Err(-1),
                };
            }
            0x20 => {
                accumulator = data[op.k as usize / 4];
                continue;
            }
            0x54 => {
                accumulator &= op.k;
                continue;
            }
            0x15 => accumulator == op.k,
            0x35 => accumulator >= op.k,
            code => panic!("instruction {code:#x}"),
        };
        at += usize::from(if jump { op.jt } else { op.jf });
    }
}
