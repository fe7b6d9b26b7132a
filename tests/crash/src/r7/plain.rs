//! A watcher as people write it: recursive, and every event is looked at. It knows nothing of lost events, which come
//! without a path.

use super::watcher::{Told, content};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

pub(crate) struct Plain {
    /// Watches until it is dropped.
    _watcher: Option<RecommendedWatcher>,
    /// Said once, and then it goes on with what it has.
    pub(crate) failure: Option<String>,
}

impl Plain {
    pub(crate) fn start(root: &Path, told: &Arc<Mutex<Told>>) -> Self {
        let (told, at) = (Arc::clone(told), root.to_owned());
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let Ok(event) = event else { return };
            if matches!(event.kind, EventKind::Access(_)) {
                return;
            }
            let mut told = told.lock().expect("nobody panics in between");
            event
                .paths
                .iter()
                .filter_map(|path| path.strip_prefix(&at).ok())
                .for_each(|path| look(&mut told, &at, path));
            told.last = Some(Instant::now());
        });
        match watcher.and_then(|mut watcher| watcher.watch(root, RecursiveMode::Recursive).map(|()| watcher)) {
            Ok(watcher) => Self { _watcher: Some(watcher), failure: None },
            Err(error) => Self { _watcher: None, failure: Some(error.to_string()) },
        }
    }
}

fn look(told: &mut Told, root: &Path, path: &Path) {
    let full = root.join(path);
    let Some(name) = path.to_str().filter(|name| !name.split('/').any(|part| part == ".git")) else { return };
    if full.is_dir() && !full.is_symlink() {
        for entry in std::fs::read_dir(&full).into_iter().flatten().flatten() {
            look(told, root, &path.join(entry.file_name()));
        }
    } else if let Some(bytes) = content(&full) {
        told.files.insert(name.to_owned(), bytes);
    } else {
        told.files.remove(name);
        let below = format!("{name}/");
        let gone: Vec<String> = told
            .files
            .range(below.clone()..)
            .map(|(path, _)| path.clone())
            .take_while(|path| path.starts_with(&below))
            .collect();
        gone.iter().for_each(|path| _ = told.files.remove(path));
    }
}
