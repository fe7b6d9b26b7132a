//! Attempts of a hostile program to escape, each of which must fail.

use super::*;
use std::os::fd::AsRawFd as _;

/// The inmate's part.
pub(super) fn attack(verb: &str, rest: &str) -> Option<io::Result<String>> {
    let pid = || rest.parse::<i32>().expect("pid");
    let code = |done: i64| if done == -1 { Err(io::Error::last_os_error()) } else { Ok(done.to_string()) };
    #[expect(unsafe_code, reason = "calls that libraries have no safe form of")]
    // SAFETY: the structures that are pointed to live as long as the call, and are as large as it reads.
    let outcome = unsafe {
        match verb {
            "prlimit" => {
                let limit = libc::rlimit { rlim_cur: 1, rlim_max: 1 };
                code(libc::prlimit(pid(), libc::RLIMIT_CORE, &raw const limit, std::ptr::null_mut()).into())
            }
            "affinity" => code(libc::syscall(libc::SYS_sched_setaffinity, pid(), 8, &raw const FIRST_PROCESSOR)),
            "scheduler" => {
                let parameter = libc::sched_param { sched_priority: 0 };
                code(libc::sched_setscheduler(pid(), libc::SCHED_BATCH, &raw const parameter).into())
            }
            "ioprio" => code(libc::syscall(libc::SYS_ioprio_set, 1, pid(), 3 << 13)),
            "nice" => code(libc::syscall(libc::SYS_setpriority, 0, pid(), 19)),
            "own-limits" => {
                let limit = libc::rlimit { rlim_cur: 100, rlim_max: 100 };
                code(libc::prlimit(0, libc::RLIMIT_NOFILE, &raw const limit, std::ptr::null_mut()).into())
            }
            "raise" => {
                let limit = libc::rlimit { rlim_cur: 1 << 20, rlim_max: 1 << 20 };
                code(libc::prlimit(0, libc::RLIMIT_NOFILE, &raw const limit, std::ptr::null_mut()).into())
            }
            "shm" => code(libc::shmget(libc::IPC_PRIVATE, 4096, libc::IPC_CREAT | 0o600).into()),
            "memfd" => code(libc::syscall(libc::SYS_memfd_create, c"x".as_ptr(), 0)),
            "owner" => {
                let file = std::fs::File::open("/dev/zero").expect("zero");
                code(libc::fcntl(file.as_raw_fd(), libc::F_SETOWN, pid()).into())
            }
            "lease" => {
                let file = std::fs::File::open(rest).expect("readable");
                code(libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_RDLCK).into())
            }
            "flags" => {
                let file = std::fs::File::open(rest).expect("readable");
                // FS_IOC_SETFLAGS with "no dump".
                code(libc::ioctl(file.as_raw_fd(), 0x4008_6602, &raw const NO_DUMP).into())
            }
            "datagram" => {
                let mut pair = [0; 2];
                code(libc::socketpair(libc::AF_UNIX, libc::SOCK_DGRAM, 0, pair.as_mut_ptr()).into())
            }
            "allocate" => {
                let file = std::fs::File::create("allocated").expect("file");
                code(libc::fallocate(file.as_raw_fd(), 0, 0, 1 << 20).into())
            }
            "descriptor" => code(libc::write(pid(), c"gone".as_ptr().cast(), 4) as i64),
            "fill" => (0..)
                .try_for_each(|number| {
                    let mut file = std::fs::File::create(format!("file-{number}"))?;
                    (0..16).try_for_each(|_| file.write_all(&[1; 1 << 16]))
                })
                .map(|()| String::new()),
            "fill-deleted" => {
                let mut files = Vec::new();
                (0..)
                    .try_for_each(|_| {
                        let mut file = std::fs::File::create("deleted")?;
                        std::fs::remove_file("deleted")?;
                        (0..16).try_for_each(|_| file.write_all(&[1; 1 << 16]))?;
                        files.push(file);
                        Ok(())
                    })
                    .map(|()| String::new())
            }
            "fill-names" => (0..)
                .try_for_each(|number| std::fs::File::create(format!("file-{number}")).map(drop))
                .map(|()| String::new()),
            _ => return None,
        }
    };
    Some(outcome)
}

static FIRST_PROCESSOR: u64 = 1;
static NO_DUMP: i64 = 0x40;

/// A process outside, for as long as the test runs.
struct Victim(std::process::Child);

impl Victim {
    fn start() -> Self {
        let mut command = Command::new("sleep");
        Self(command.arg("60").env("VICTIMS_SECRET", "precious").spawn().expect("sleep"))
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.0.kill().expect("kill");
        self.0.wait().expect("wait");
    }
}

/// Protects other processes of the user's: a program limits, slows down and signals none of them. Its own limits it may
/// lower, and not raise, root or not.
#[test]
fn other_processes_are_left_alone() {
    let dir = tempfile::tempdir().expect("dir");
    if !walls(dir.path()) {
        skip!("sandbox", "this kernel has no Landlock 3 or no seccomp");
    }
    let victim = Victim::start();
    for verb in ["prlimit", "affinity", "scheduler", "ioprio", "nice", "owner", "signal"] {
        let said = result(dir.path(), &format!("{verb} {}", victim.0.id()));
        assert_eq!(said, "failed PermissionDenied", "{verb}");
    }
    assert_eq!(result(dir.path(), "own-limits 0"), "did it 0");
    assert_eq!(result(dir.path(), "raise 0"), "failed PermissionDenied");
}

/// Protects memory: nothing is kept in shared memory or in files without a name, where no limit counts it and some of it
/// outlives the program.
#[test]
fn memory_outside_of_the_limits_is_refused() {
    let dir = tempfile::tempdir().expect("dir");
    if !walls(dir.path()) {
        skip!("sandbox", "this kernel has no Landlock 3 or no seccomp");
    }
    assert_eq!(result(dir.path(), "shm 0"), "failed Unsupported");
    assert_eq!(result(dir.path(), "memfd 0"), "failed Unsupported");
    assert_eq!(result(dir.path(), "allocate 0"), "failed Unsupported");
}

/// Protects files that a program may only read: neither their flags change nor do they get a lease, which would keep
/// their owner from writing.
#[test]
fn files_to_read_keep_their_flags() {
    let (dir, outside) = (tempfile::tempdir().expect("dir"), tempfile::tempdir().expect("dir"));
    if !walls(dir.path()) {
        skip!("sandbox", "this kernel has no Landlock 3 or no seccomp");
    }
    let file = outside.path().join("file");
    std::fs::write(&file, "").expect("file");
    for (verb, said) in [("flags", "failed Uncategorized"), ("lease", "failed PermissionDenied")] {
        let mut program = order(dir.path(), &format!("{verb} {}", file.display()));
        program.readable.push(file.clone());
        let output = run(&program, &Cancel::new()).expect("runs");
        assert!(output.stdout.to_text().contains(&format!("RESULT {said}")), "{verb}: {output:?}");
    }
}

/// Protects the sockets of the system: a datagram can be addressed to any of them, also from a pair.
#[test]
fn pairs_of_datagrams_are_refused() {
    let dir = tempfile::tempdir().expect("dir");
    if !walls(dir.path()) {
        skip!("sandbox", "this kernel has no Landlock 3 or no seccomp");
    }
    assert_eq!(result(dir.path(), "datagram 0"), "failed PermissionDenied");
}

/// Protects whatever the caller has open and did not mark: a write through it would pass all walls.
#[test]
fn inherited_descriptors_are_closed() {
    let (dir, outside) = (tempfile::tempdir().expect("dir"), tempfile::tempdir().expect("dir"));
    let path = outside.path().join("outside");
    let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CREATE;
    let inherited = rustix::fs::open(&path, flags, rustix::fs::Mode::RWXU).expect("file");
    let said = result(dir.path(), &format!("descriptor {}", inherited.as_raw_fd()));
    assert_eq!(said, "failed Uncategorized", "EBADF");
    assert_eq!(std::fs::read_to_string(&path).expect("file"), "");
    let flags = rustix::io::fcntl_getfd(&inherited).expect("open");
    assert!(flags.is_empty(), "it is inheritable here, where it is not ours");
}

/// Protects secrets from a program that root runs, and from any other: passwords, the environment and the command lines
/// of others, and the files of the user. It has no capability, and gets none back.
#[test]
fn nothing_is_read_by_privilege() {
    let (dir, outside) = (tempfile::tempdir().expect("dir"), tempfile::tempdir().expect("dir"));
    if !walls(dir.path()) {
        skip!("sandbox", "this kernel has no Landlock 3 or no seccomp");
    }
    let victim = Victim::start();
    let mut closed = vec![PathBuf::from("/etc/shadow"), outside.path().join("file")];
    std::fs::write(&closed[1], "precious").expect("file");
    closed.extend(["environ", "cmdline", "maps", "mem"].map(|n| PathBuf::from(format!("/proc/{}/{n}", victim.0.id()))));
    for file in closed {
        assert_eq!(result(dir.path(), &format!("read {}", file.display())), "failed PermissionDenied", "{file:?}");
    }
    assert!(result(dir.path(), "read /etc/passwd").contains("root"));
    // Tools see of other processes what any user does, and no more.
    for name in ["environ", "maps", "mem", "fd/0"] {
        let mut tool = order(dir.path(), &format!("read /proc/{}/{name}", victim.0.id()));
        tool.profile = Profile::Toolchain;
        let output = run(&tool, &Cancel::new()).expect("runs").stdout.to_text();
        assert!(output.contains("RESULT failed PermissionDenied"), "{name}: {output}");
    }
    // Reads `/proc` from outside while the process waits: it is closed inside.
    let program = shell(dir.path(), "sleep 30 & wait");
    let cancel = Cancel::new();
    let ender = cancel.clone();
    let running = std::thread::spawn(move || run(&program, &cancel).expect("runs"));
    let status = status_of_a_child(dir.path());
    ender.cancel();
    running.join().expect("thread");
    for line in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        let value = status.lines().find_map(|l| l.strip_prefix(line)).expect(line).trim_start_matches(':').trim();
        let root = rustix::process::geteuid().is_root();
        assert!(value.trim_matches('0').is_empty() || (line == "CapBnd" && !root), "{line} {value}");
    }
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    if rustix::process::geteuid().is_root() {
        let groups = status.lines().find_map(|l| l.strip_prefix("Groups:")).expect("groups").trim();
        assert_eq!(groups, "", "{status}");
    }
}

/// `/proc/PID/status` of the `sleep` whose home is `scratch`.
fn status_of_a_child(scratch: &Path) -> String {
    let home = [b"HOME=", scratch.canonicalize().expect("scratch").as_os_str().as_encoded_bytes()].concat();
    let started = Instant::now();
    loop {
        for entry in std::fs::read_dir("/proc").expect("proc").filter_map(Result::ok) {
            let name = std::fs::read(entry.path().join("comm")).unwrap_or_default();
            let environ = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            if name == b"sleep\n" && environ.split(|b| *b == 0).any(|variable| variable == home) {
                return std::fs::read_to_string(entry.path().join("status")).expect("status");
            }
        }
        assert!(started.elapsed() < Duration::from_secs(20), "it does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Protects the disk: a program that fills its folder is ended near the quota, whether the files have names or not, and
/// also when they are empty.
#[test]
fn the_scratch_folder_has_a_quota() {
    let dir = tempfile::tempdir().expect("dir");
    for (verb, quota) in [("fill", 32 << 20), ("fill-deleted", 32 << 20), ("fill-names", 2 << 20)] {
        let scratch = Scratch::new_in(dir.path()).expect("scratch");
        let mut program = order(scratch.path(), &format!("{verb} 0"));
        program.limits.scratch_bytes = quota;
        program.limits.open_files = 4096;
        let output = run(&program, &Cancel::new()).expect("runs");
        assert_eq!(output.ended, Ended::ScratchFull, "{verb}: {output:?}");
        assert!(output.elapsed < Duration::from_secs(10), "{verb}: {:?}", output.elapsed);
    }
    // A file counts once, however many names it has, and a quota that is kept harms nobody.
    let scratch = Scratch::new_in(dir.path()).expect("scratch");
    let mut program =
        shell(scratch.path(), "head -c 20000000 /dev/zero > a; ln a b; ln a c; ln a d; sleep 0.5; cat a > e");
    program.limits.scratch_bytes = 48 << 20;
    assert!(run(&program, &Cancel::new()).expect("runs").success());
}

/// Protects the disk and memory: where the folder may be a file system of its own the kernel holds the quota, to the
/// byte, and nothing of it is seen outside or left.
#[test]
fn an_ephemeral_folder_is_a_file_system() {
    let dir = tempfile::tempdir().expect("dir");
    let scratch = Scratch::new_in(dir.path()).expect("scratch");
    let mut program = order(scratch.path(), "fill 0");
    program.ephemeral = true;
    program.limits.scratch_bytes = 16 << 20;
    let output = run(&program, &Cancel::new()).expect("runs");
    let mounts = rustix::thread::capabilities(None)
        .is_ok_and(|held| held.effective.contains(rustix::thread::CapabilitySet::SYS_ADMIN));
    if mounts {
        assert!(output.stdout.to_text().contains("RESULT failed StorageFull"), "{output:?}");
        assert_eq!(std::fs::read_dir(scratch.path()).expect("folder").count(), 0);
        let seen = std::fs::read_to_string("/proc/self/mounts").expect("mounts");
        assert!(!seen.contains("deepcoder-scratch"), "{seen}");
    } else {
        assert_eq!(output.ended, Ended::ScratchFull, "{output:?}");
    }
}
