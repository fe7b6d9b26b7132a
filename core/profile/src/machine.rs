//! The memory of the machine.

use std::path::Path;

/// Bytes of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// All that is built in.
    pub total: u64,
    /// The memory that a process can get now.
    pub available: u64,
}

/// The memory that this process may have: the machine's, or what a container has of it. `None` where the system does not
/// say.
#[must_use]
pub fn memory() -> Option<Memory> {
    let all = parse(&std::fs::read_to_string("/proc/meminfo").ok()?)?;
    let group = std::fs::read_to_string("/proc/self/cgroup").ok();
    // `0::/user.slice/…`, as in the second version of control groups.
    let group = group.as_deref().and_then(|text| text.lines().find_map(|line| line.strip_prefix("0::")));
    Some(group.map_or(all, |group| within(all, Path::new("/sys/fs/cgroup"), group)))
}

/// The part of `all` that the limits of `group` and of its parents leave, below `root`.
fn within(all: Memory, root: &Path, group: &str) -> Memory {
    let groups = Path::new(group.trim_start_matches('/')).ancestors();
    groups.fold(all, |memory, group| {
        let read = |name: &str| std::fs::read_to_string(root.join(group).join(name)).ok();
        let number = |name: &str| read(name)?.trim().parse::<u64>().ok();
        // `max` where there is no limit.
        let (Some(most), Some(used)) = (number("memory.max"), number("memory.current")) else { return memory };
        let cached = |stat: String| {
            let field = |line: &str| line.strip_prefix("inactive_file ")?.trim().parse::<u64>().ok();
            stat.lines().find_map(field)
        };
        let cached = read("memory.stat").and_then(cached).unwrap_or(0);
        let available = most.saturating_sub(used.saturating_sub(cached));
        Memory { total: memory.total.min(most), available: memory.available.min(available) }
    })
}

fn parse(text: &str) -> Option<Memory> {
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        kib.checked_mul(1024)
    };
    Some(Memory { total: field("MemTotal:")?, available: field("MemAvailable:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the warning of too little memory: the kernel's table is read right, and a broken one says nothing.
    #[test]
    fn the_kernels_table_is_read() {
        let text = "MemTotal:       24689344 kB\nMemFree:         1000000 kB\nMemAvailable:   20000000 kB\n";
        let memory = Memory { total: 24_689_344 << 10, available: 20_000_000 << 10 };
        assert_eq!(parse(text), Some(memory));
        assert_eq!(parse("MemTotal: many kB\nMemAvailable: 1 kB\n"), None);
    }

    /// Protects containers: a limit of any group that the process is in counts, and what it could have back of the cache is
    /// not used.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "a temporary folder")]
    fn limits_of_groups_count() {
        let root = tempfile::tempdir().unwrap();
        let all = Memory { total: 1000, available: 900 };
        assert_eq!(within(all, root.path(), "/a/b"), all);
        let inner = root.path().join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(inner.join("memory.max"), "max\n").unwrap();
        std::fs::write(inner.join("memory.current"), "50\n").unwrap();
        assert_eq!(within(all, root.path(), "/a/b"), all);
        std::fs::write(root.path().join("a/memory.max"), "400\n").unwrap();
        std::fs::write(root.path().join("a/memory.current"), "300\n").unwrap();
        std::fs::write(root.path().join("a/memory.stat"), "anon 1\nfile 200\ninactive_file 100\n").unwrap();
        assert_eq!(within(all, root.path(), "/a/b"), Memory { total: 400, available: 200 });
        assert_eq!(within(all, root.path(), "/"), all);
    }
}
