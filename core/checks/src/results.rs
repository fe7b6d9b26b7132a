//! Results of runs, kept by everything that decides them: the check's text, the programs, and the state of the tree. The tree
//! as it is is checked once, and so is each canary.

use crate::copy::write_own;
use crate::exec::{End, Ran};
use deepcoder_types::ContentHash;
use std::path::PathBuf;

/// At most this many are kept.
const MAX_RESULTS: usize = 400;

/// The most bytes of one.
const MAX_RESULT: u64 = 16 << 20;

/// A reason that stays true: two runs on the same files differ.
pub(crate) const UNSTABLE: &str = "it is unstable: two runs on the same files differ";

/// The results of one repository.
pub(crate) struct Results {
    dir: PathBuf,
}

impl Results {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The result that `key` names.
    pub(crate) fn get(&self, key: &ContentHash) -> Option<Ran> {
        let bytes = deepcoder_files::read(&self.file(key), MAX_RESULT).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Keep `ran`, where the same run would come to the same again. Best effort: what is not kept is run again.
    pub(crate) fn keep(&self, key: &ContentHash, ran: &Ran) {
        let stays = match &ran.end {
            End::Passed | End::Failed(_) => true,
            End::Nothing(reason) => reason == UNSTABLE,
            // It may have been the load of the machine.
            End::Died(_) => false,
        };
        if !stays || std::fs::create_dir_all(&self.dir).is_err() {
            return;
        }
        let kept = std::fs::read_dir(&self.dir).map_or(0, Iterator::count);
        if kept >= MAX_RESULTS {
            _ = deepcoder_verify::sandbox::remove_scratch(&self.dir);
            _ = std::fs::create_dir_all(&self.dir);
        }
        if let Ok(text) = serde_json::to_string(ran) {
            _ = write_own(&self.file(key), text.as_bytes());
        }
    }

    fn file(&self, key: &ContentHash) -> PathBuf {
        self.dir.join(format!("{key}.json"))
    }
}
