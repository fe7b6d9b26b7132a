//! The machine that is measured, from Linux' own files; elsewhere what is not known is left out.

use serde::Serialize;
use std::path::Path;

/// The machine that the numbers are of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Machine {
    /// The processor's name.
    pub(crate) cpu: Option<String>,
    /// Processors that this process may use.
    pub(crate) cores: usize,
    /// Bytes of memory.
    pub(crate) memory: Option<u64>,
}

impl Machine {
    pub(crate) fn this() -> Self {
        let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            cpu: cpu.map(|(_, name)| name.trim().to_owned()),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory: deepcoder_profile::memory().map(|memory| memory.total),
        }
    }

    /// As a line of text.
    pub(crate) fn title(&self) -> String {
        let cpu = self.cpu.as_deref().unwrap_or("an unknown processor");
        let memory = self.memory.map_or_else(String::new, |bytes| format!(", {}", crate::time::bytes(bytes)));
        format!("{cpu}, {} cores{memory}", self.cores)
    }
}

/// Which file system `path` is on, and the bytes that may still be written there.
pub(crate) fn free_disk(path: &Path) -> std::io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let stat = rustix::fs::statvfs(path)?;
    Ok((std::fs::metadata(path)?.dev(), stat.f_bavail.saturating_mul(stat.f_frsize)))
}
