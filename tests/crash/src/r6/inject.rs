//! An error at the n-th system call, for every n, by strace. It is attached when the program has started, so that the
//! calls of the loader are not among them.

use super::{Case, End, judge};
use crate::child::{Act, Doing};
use crate::options::Options;
use crate::settle::Round;
use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Calls, and what each may answer. With `+`, from then on.
const CALLS: &[(&str, &[&str])] = &[
    ("write", &["ENOSPC", "EIO", "ENOSPC+"]),
    ("pwrite64", &["ENOSPC", "EIO", "ENOSPC+"]),
    ("fsync", &["EIO", "ENOSPC", "EIO+"]),
    ("fdatasync", &["EIO", "EIO+"]),
    ("openat", &["EMFILE", "EIO", "EROFS", "EMFILE+", "EROFS+"]),
    ("openat2", &["EMFILE", "EIO", "EMFILE+", "ENOSYS+"]),
    ("renameat2", &["EIO", "ENOSPC", "EROFS", "EIO+", "ENOSYS+"]),
    ("renameat", &["EIO", "ENOSPC", "EROFS"]),
    ("rename", &["EIO", "ENOSPC", "EROFS"]),
    ("linkat", &["EIO", "ENOSPC", "EROFS"]),
    ("link", &["EIO", "ENOSPC", "EROFS"]),
    ("mkdirat", &["ENOSPC", "EROFS"]),
    ("mkdir", &["ENOSPC", "EROFS"]),
    ("unlinkat", &["EIO", "EROFS"]),
    ("unlink", &["EIO", "EROFS"]),
    ("ftruncate", &["EIO"]),
    ("fchmod", &["EIO", "EROFS"]),
    ("read", &["EIO"]),
    ("pread64", &["EIO"]),
    ("flock", &["EIO"]),
];
const FILES: (usize, usize) = (5, 5);

/// One for each call of each kind that an undisturbed run makes.
pub(super) fn cases(options: &Options, scratch: &Path) -> Result<Vec<(String, Case)>, String> {
    let names: Vec<&str> = CALLS.iter().map(|(call, _)| *call).collect();
    let round = round(options, scratch);
    let (output, log) = strace(&round.act, &[format!("trace={}", names.join(","))])?;
    if !output.status.success() {
        return Err(format!("strace does not let it run: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    // Each thread has a count of its own, and so has each case.
    let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
    for line in log.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let call = rest.trim_start().split('(').next().unwrap_or_default();
        *counts.entry((thread, call)).or_default() += 1;
    }
    let mut cases: Vec<(String, Case)> = Vec::new();
    for (call, errors) in CALLS {
        let most = counts.iter().filter(|((_, c), _)| c == call).map(|(_, n)| *n).max().unwrap_or(0);
        for error in *errors {
            for n in 1..=most {
                let (options, when) = (options.clone(), if error.ends_with('+') { "+" } else { "" });
                let inject = format!("inject={call}:error={}:when={n}{when}", error.trim_end_matches('+'));
                let trace = format!("trace={call}");
                cases.push((
                    inject.clone(),
                    Box::new(move |scratch| {
                        let round = self::round(&options, scratch);
                        let (output, log) = strace(&round.act, &[trace.clone(), inject.clone()])?;
                        let end = judge(&round, &output)?;
                        Ok(if log.contains("(INJECTED)") { end } else { End::Missed })
                    }),
                ));
            }
        }
    }
    Ok(cases)
}

fn round(options: &Options, scratch: &Path) -> Round {
    let mut round = Round::new(scratch, Doing::Apply, options.writer, options.seed, FILES);
    round.act.wait = true;
    round
}

/// The child, with strace attached to it; what strace wrote.
fn strace(act: &Act, expressions: &[String]) -> Result<(Output, String), String> {
    let log = act.state.with_extension("strace");
    let child = act.command().spawn().map_err(|e| e.to_string())?;
    let pid = child.id();
    let stat = |wanted: &str| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.lines().any(|line| line.starts_with(wanted))
    };
    wait_until(|| stat("State:\tT"))?;
    let mut strace = Command::new("strace");
    strace.args(["-f", "-q", "-o"]).arg(&log).args(["-p", &pid.to_string()]);
    for expression in expressions {
        strace.args(["-e", expression]);
    }
    let tracer = strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let signal = |signal| {
        if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    };
    let mut tracer = tracer.map_err(|e| {
        signal(rustix::process::Signal::KILL);
        format!("strace: {e}")
    })?;
    let attached = wait_until(|| !stat("TracerPid:\t0"));
    signal(if attached.is_ok() { rustix::process::Signal::CONT } else { rustix::process::Signal::KILL });
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    attached.map_err(|_| "strace cannot be attached".to_owned())?;
    tracer.wait().map_err(|e| e.to_string())?;
    Ok((output, std::fs::read_to_string(log).unwrap_or_default()))
}

fn wait_until(mut is_so: impl FnMut() -> bool) -> Result<(), String> {
    let started = Instant::now();
    while !is_so() {
        if started.elapsed() > Duration::from_secs(20) {
            return Err("the child does not stop".into());
        }
        std::thread::sleep(Duration::from_micros(300));
    }
    Ok(())
}
