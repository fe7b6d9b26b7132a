//! The process group of a run: what keeps its name, its size and its end.

use deepcoder_workspace::process::{self, Pipes};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{self, PipeWriter};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Waits for the end of its input, which comes when the caller dies, however it dies, and then ends the group.
const GUARD: &str = "read -r _; kill -KILL 0";

/// A group, which a guard leads. The guard is outside of the sandbox and its id names the group for as long as it is not
/// reaped, so that a group is never mistaken for another that got the same number. Dropping it kills all members.
pub(super) struct Group {
    guard: Child,
    /// Closes when this process dies. Nothing is written to it.
    _alive: Option<PipeWriter>,
}

impl Group {
    /// A group with only its guard in it.
    pub(super) fn start() -> io::Result<Self> {
        let mut guard = Command::new("/bin/sh");
        guard.args(["-c", GUARD]).env_clear().current_dir("/").process_group(0);
        guard.stdout(Stdio::null()).stderr(Stdio::null());
        let started = process::start(guard, Pipes { stdin: true, ..Pipes::default() })?;
        Ok(Self { guard: started.child, _alive: started.stdin })
    }

    /// Names the group while it lives.
    pub(super) fn id(&self) -> GroupId {
        GroupId(Pid::from_child(&self.guard))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.id().kill();
        _ = self.guard.wait();
    }
}

/// A group by its number.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupId(Pid);

impl GroupId {
    /// The number, as system calls take it.
    pub(super) fn raw(self) -> i32 {
        self.0.as_raw_nonzero().get()
    }

    /// Whether the group has more than `limit` processes and threads besides its guard. Root is exempt from
    /// `RLIMIT_NPROC`, so they are counted here. Against a bomb every millisecond counts: it stops counting at the limit.
    pub(super) fn exceeds(self, limit: usize) -> bool {
        let mut size = 0;
        self.sizes().any(|(_, threads)| {
            size += threads;
            size > limit + 1
        })
    }

    /// The folders in `/proc` of the members.
    pub(super) fn members(self) -> impl Iterator<Item = PathBuf> {
        self.sizes().map(|(folder, _)| folder)
    }

    /// The folder of each member, and how many threads it has.
    fn sizes(self) -> impl Iterator<Item = (PathBuf, usize)> {
        let group = self.0.to_string();
        let entries = std::fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
        let processes = entries.filter(|e| e.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit));
        processes.filter_map(move |entry| {
            let folder = entry.path();
            let threads = threads(&std::fs::read(folder.join("stat")).ok()?, &group)?;
            Some((folder, threads))
        })
    }

    /// Kill every member. The kernel delivers to a whole group under one lock, and a fork with a signal pending fails,
    /// so no process escapes by forking; members cannot leave the group, since seccomp denies it.
    pub(super) fn kill(self) {
        _ = kill_process_group(self.0, Signal::KILL);
    }
}

/// The threads of the process that `stat` is about, if it is a member of `group`.
fn threads(stat: &[u8], group: &str) -> Option<usize> {
    // `pid (name) state ppid pgrp … num_threads`: the name may hold anything, so count from its last `)`.
    let stat = String::from_utf8_lossy(stat);
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    if *fields.get(2)? == group { fields.get(17)?.parse().ok() } else { None }
}

/// How many processes and threads the system has: the fourth word of `/proc/loadavg` is `running/all`. One cheap read
/// that tells whether counting is worth it.
pub(super) fn tasks_of_the_system() -> usize {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let all = text.split_whitespace().nth(3).and_then(|word| word.split_once('/')).map(|(_, all)| all.parse());
    match all {
        Some(Ok(count)) => count,
        // Unknown: count every time.
        _ => usize::MAX,
    }
}
