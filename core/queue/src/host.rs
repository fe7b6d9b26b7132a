//! This process, as the leases that it holds name it, and the clock that does not jump.

use rustix::time::{ClockId, clock_gettime};
use std::sync::LazyLock;

/// Milliseconds on a monotonic clock, which counts the time of suspension where the system has such a clock.
pub(super) fn boot_ms() -> i64 {
    #[cfg(target_os = "linux")]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    const CLOCK: ClockId = ClockId::Monotonic;
    let now = clock_gettime(CLOCK);
    now.tv_sec.saturating_mul(1000).saturating_add(now.tv_nsec / 1_000_000)
}

/// Names this start of the machine; empty where the system does not say.
pub(super) fn boot() -> &'static str {
    static BOOT: LazyLock<String> = LazyLock::new(|| read("/proc/sys/kernel/random/boot_id"));
    &BOOT
}

/// Names this process, so that others on the machine can tell whether it is there: the boot, the name space of its
/// number, the number, and when it was started. Empty where the system does not say.
pub(super) fn holder() -> &'static str {
    static HOLDER: LazyLock<String> = LazyLock::new(|| {
        let pid = std::process::id();
        match (boot(), namespace(), started(pid)) {
            (boot, Some(namespace), Some(started)) if !boot.is_empty() => format!("{boot} {namespace} {pid} {started}"),
            _ => String::new(),
        }
    });
    &HOLDER
}

/// Whether `holder` is a process that would be seen from here, and is not there any more.
pub(super) fn is_gone(holder: &str) -> bool {
    let mut parts = holder.split(' ');
    let mut next = || parts.next().unwrap_or_default();
    let (boot_of, namespace_of, pid, started_at) = (next(), next(), next(), next());
    let Ok(pid) = pid.parse() else { return false };
    let here = boot_of == boot() && namespace().is_some_and(|n| n == namespace_of);
    here && started(pid).is_none_or(|started| started != started_at)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
}

fn namespace() -> Option<String> {
    let link = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(link.to_string_lossy().into_owned())
}

/// When the process was started, in ticks since the boot; `None` when there is none, or none that could go on.
fn started(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program may hold anything, but ends at the last bracket.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    // The 22nd field of all; the state is the third.
    let started = fields.nth(18)?;
    (!matches!(state, "Z" | "X" | "x")).then(|| started.to_owned())
}

/// The name of this machine.
pub(super) fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    /// Protects jobs from being taken from a worker that is there, and from waiting for one that is not.
    #[test]
    fn the_dead_are_told_from_the_living() {
        let own = super::holder();
        assert!(own.split(' ').count() == 4 && !super::is_gone(own), "{own}");
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let parts: Vec<&str> = own.split(' ').collect();
        let started = super::started(child.id()).unwrap();
        let of_child = format!("{} {} {} {started}", parts[0], parts[1], child.id());
        assert!(!super::is_gone(&of_child));
        child.kill().unwrap();
        while !super::is_gone(&of_child) {
            // A zombie counts as gone, so this does not rest on `wait`.
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(super::is_gone(&own.replace(parts[3], "1")), "another process with the same number");
        assert!(!super::is_gone(&own.replace(parts[0], "elsewhere")), "another machine cannot be judged from here");
        assert!(!super::is_gone(&own.replace(parts[1], "pid:[1]")), "nor another container");
        assert!(!super::is_gone(""));
    }
}
