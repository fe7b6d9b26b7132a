//! The repository as the host shows it.

use deepcoder_plugin_api::{Host, PluginError};
use deepcoder_resolve::{Files, Paths};
use deepcoder_types::{ContentHash, RepoPath};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A file's text and its hash; `None` where the host shows none.
type Text = Option<(Arc<str>, ContentHash)>;

/// The files that a host shows, each read once.
pub(crate) struct HostFiles<'h> {
    host: &'h dyn Host,
    paths: Paths,
    texts: Mutex<BTreeMap<RepoPath, Text>>,
    words: Mutex<BTreeMap<String, Vec<RepoPath>>>,
}

impl<'h> HostFiles<'h> {
    pub(crate) fn new(host: &'h dyn Host) -> Result<Self, PluginError> {
        let paths = Paths::new(host.list_files("", u32::MAX)?);
        Ok(Self { host, paths, texts: Mutex::default(), words: Mutex::default() })
    }

    /// The hash of a file that was read.
    pub(crate) fn hash(&self, path: &RepoPath) -> Option<ContentHash> {
        self.read(path).map(|(_, hash)| hash)
    }

    fn read(&self, path: &RepoPath) -> Text {
        if let Some(known) = lock(&self.texts).get(path) {
            return known.clone();
        }
        // Calls of the host may take long, so that no lock is held meanwhile.
        let read = self.host.read_file(path).ok().map(|file| (Arc::from(file.text), file.file_hash));
        lock(&self.texts).entry(path.clone()).or_insert(read).clone()
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
        if let Some(known) = lock(&self.words).get(word) {
            return known.clone();
        }
        // An error here is that of the whole run: it is cancelled, or the files cannot be listed.
        let found = self.host.files_with(word).unwrap_or_default();
        lock(&self.words).entry(word.to_owned()).or_insert(found).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
