//! What the machine has.

/// Bytes of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// All that is built in.
    pub total: u64,
    /// What could be had now.
    pub available: u64,
}

/// The machine's memory; `None` where the system does not say.
#[must_use]
pub fn memory() -> Option<Memory> {
    parse(&std::fs::read_to_string("/proc/meminfo").ok()?)
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
}
