//! Results that wait for a person, in files of our own, so that neither a closed terminal nor a daemon that ends loses them.

use crate::kept::{self, Kept};
use deepcoder_types::Task;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// How long a result waits.
const KEEP_MS: u64 = 14 * 24 * 3600 * 1000;

/// The largest file that is read.
const MAX: u64 = 256 << 20;

/// Behind an id, in the name of a file.
const SUFFIX: &str = ".task";

/// The directory of the results.
#[derive(Debug, Clone)]
pub(crate) struct Held(PathBuf);

impl Held {
    pub(crate) fn new(state: &Path) -> Self {
        Self(state.join("tasks"))
    }

    fn path(&self, id: &str) -> PathBuf {
        self.0.join(format!("{id}{SUFFIX}"))
    }

    /// Keep `task` and its result. A reader finds all of it or nothing.
    #[expect(clippy::disallowed_methods, reason = "the directory of results in our own state")]
    pub(crate) fn save(&self, task: &Task, kept: &[u8]) -> std::io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        let mut bytes = serde_json::to_vec(task)?;
        bytes.push(b'\n');
        bytes.extend_from_slice(kept);
        let part = self.0.join(format!("{}.part", task.id));
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(&bytes)?;
        std::fs::rename(&part, self.path(&task.id))
    }

    /// The task `id` and its result.
    pub(crate) fn load(&self, id: &str) -> Option<(Task, Kept)> {
        let bytes = deepcoder_files::read(&self.path(id), MAX).ok()?;
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let task: Task = serde_json::from_slice(&bytes[..end]).ok()?;
        let kept = kept::from_bytes(&bytes[end + 1..]).ok()?;
        (task.id == id).then_some((task, kept))
    }

    /// The ids of all that wait.
    pub(crate) fn ids(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries.filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(SUFFIX)?.to_owned())).collect()
    }

    #[expect(clippy::disallowed_methods, reason = "the directory of results in our own state")]
    pub(crate) fn forget(&self, id: &str) {
        _ = std::fs::remove_file(self.path(id));
    }

    /// Forget what has waited too long. A clock that is behind forgets nothing.
    pub(crate) fn sweep(&self, now_ms: u64) {
        for id in self.ids() {
            if self.load(&id).is_some_and(|(task, _)| task.created_ms.saturating_add(KEEP_MS) < now_ms) {
                self.forget(&id);
            }
        }
    }
}
