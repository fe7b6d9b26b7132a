//! The repository as the host shows it.

use deepcoder_plugin_api::{Host, PluginError};
use deepcoder_resolve::{Files, Paths};
use deepcoder_types::{ContentHash, RepoPath};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A file's text and its hash; `None` where the host shows none.
type Text = Option<(Arc<str>, ContentHash)>;

/// The files that a host shows, each read once.
pub(crate) struct HostFiles<'h> {
    host: &'h dyn Host,
    paths: Paths,
    texts: Mutex<BTreeMap<RepoPath, Text>>,
}

impl<'h> HostFiles<'h> {
    pub(crate) fn new(host: &'h dyn Host) -> Result<Self, PluginError> {
        Ok(Self { host, paths: Paths::new(host.list_files("", u32::MAX)?), texts: Mutex::default() })
    }

    /// The hash of a file that was read.
    pub(crate) fn hash(&self, path: &RepoPath) -> Option<ContentHash> {
        self.read(path).map(|(_, hash)| hash)
    }

    fn read(&self, path: &RepoPath) -> Text {
        if let Some(known) = self.texts.lock().unwrap_or_else(PoisonError::into_inner).get(path) {
            return known.clone();
        }
        // Calls of the host may take long, so that no lock is held meanwhile.
        let read = self.host.read_file(path).ok().map(|file| (Arc::from(file.text), file.file_hash));
        self.texts.lock().unwrap_or_else(PoisonError::into_inner).entry(path.clone()).or_insert(read).clone()
    }
}

impl Files for HostFiles<'_> {
    fn text(&self, path: &RepoPath) -> Option<Arc<str>> {
        self.read(path).map(|(text, _)| text)
    }

    fn paths(&self) -> &Paths {
        &self.paths
    }

    fn mentions(&self, word: &str) -> Vec<RepoPath> {
        self.host.files_with(word).unwrap_or_default()
    }
}
