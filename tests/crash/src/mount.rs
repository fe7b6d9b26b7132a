//! File systems of the suites' own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Whether this user may mount at all.
pub(crate) fn allowed() -> Result<(), String> {
    if rustix::process::geteuid().is_root() { Ok(()) } else { Err("needs root, to mount file systems".into()) }
}

/// Run a program for its effect.
pub(crate) fn tool(name: &str, args: &[&OsStr]) -> Result<(), String> {
    let output = Command::new(name).args(args).stdin(Stdio::null()).output().map_err(|e| format!("{name}: {e}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

/// A small file system in memory, gone when dropped.
pub(crate) struct Memory {
    at: PathBuf,
}

impl Memory {
    pub(crate) fn mount(at: &Path, kib: u64) -> Result<Self, String> {
        allowed()?;
        std::fs::create_dir_all(at).map_err(|e| e.to_string())?;
        let size = format!("size={kib}k");
        tool(
            "mount",
            &["-t".as_ref(), "tmpfs".as_ref(), "-o".as_ref(), size.as_ref(), "torture".as_ref(), at.as_os_str()],
        )?;
        Ok(Self { at: at.to_owned() })
    }

    pub(crate) fn read_only(&self, only: bool) -> Result<(), String> {
        let how = if only { "remount,ro" } else { "remount,rw" };
        tool("mount", &["-o".as_ref(), how.as_ref(), self.at.as_os_str()])
    }

    pub(crate) fn path(&self) -> &Path {
        &self.at
    }

    /// Leave `kib` of it free.
    pub(crate) fn fill(&self, kib: u64) -> std::io::Result<()> {
        let free = rustix::fs::statvfs(&self.at)?;
        let bytes = (free.f_bavail * free.f_bsize).saturating_sub(kib * 1024);
        std::fs::write(self.at.join("filler"), vec![1; usize::try_from(bytes).unwrap_or(0)])
    }

    pub(crate) fn empty(&self) {
        let _ = std::fs::remove_file(self.at.join("filler"));
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let _ = tool("umount", &["-l".as_ref(), self.at.as_os_str()]);
    }
}
