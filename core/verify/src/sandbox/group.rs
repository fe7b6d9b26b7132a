//! The process group of a run: its leader, its size and its end.

use super::Ended;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout};

/// Kills its members when dropped.
pub(super) struct Group {
    leader: Child,
    reaped: bool,
}

impl Group {
    /// The group that `leader` leads.
    pub(super) fn new(leader: Child) -> Self {
        Self { leader, reaped: false }
    }

    pub(super) fn pipes(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>) {
        (self.leader.stdin.take(), self.leader.stdout.take(), self.leader.stderr.take())
    }

    /// Names the group, until the leader is reaped.
    pub(super) fn id(&self) -> GroupId {
        GroupId(Pid::from_child(&self.leader))
    }

    /// Kill every member and collect the leader.
    pub(super) fn kill_and_reap(&mut self) -> io::Result<Ended> {
        self.id().kill();
        let status = self.leader.wait()?;
        self.reaped = true;
        Ok(match (status.code(), status.signal()) {
            (Some(code), _) => Ended::Exited(code),
            (None, signal) => Ended::Signalled(signal.unwrap_or(0)),
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.reaped {
            _ = self.kill_and_reap();
        }
    }
}

/// A group by the id of its leader.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupId(Pid);

impl GroupId {
    /// Whether the leader has ended. It stays a zombie, so that its id, which names the group, is not given to others
    /// before the group is killed.
    pub(super) fn leader_ended(self) -> io::Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(self.0), options) {
            Ok(status) => Ok(status.is_some()),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Whether the group has more than `limit` processes and threads. Root is exempt from `RLIMIT_NPROC`, so they are
    /// counted here. Against a bomb every millisecond counts: it stops counting at the limit.
    pub(super) fn exceeds(self, limit: usize) -> bool {
        let Ok(entries) = std::fs::read_dir("/proc") else { return false };
        let group = self.0.to_string();
        let mut size = 0;
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name();
            if !name.as_encoded_bytes().first().is_some_and(u8::is_ascii_digit) {
                continue;
            }
            size += std::fs::read(entry.path().join("stat")).ok().and_then(|s| threads(&s, &group)).unwrap_or(0);
            if size > limit {
                return true;
            }
        }
        false
    }

    /// Kill every member. The kernel delivers to a whole group under one lock, and a fork with a signal pending fails, so
    /// nobody escapes by forking; members cannot leave the group, since seccomp denies it.
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
