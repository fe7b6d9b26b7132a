//! Where weights lie: in the mapped file, or in memory of our own.
//!
//! A step of decoding reads all weights that it uses once, so that it takes as long as reading takes. The runtime maps the
//! file, which on most file systems is in pages of 4 KiB; memory of our own can be in pages of 2 MiB, which are read faster:
//! the processor looks up a page five hundred times less often, and what it reads ahead does not end every 4 KiB.
//!
//! The runtime has no way to be given weights without making a copy of them. So it maps the file as ever, and then pages
//! of our own take the place of the file's, under the same addresses and with the same bytes, a piece at a time. Each piece
//! is exchanged at once, and one that cannot be had stays what it was; the runtime unmaps them as it would have the file.

#[cfg(target_os = "linux")]
mod exchange;

use crate::folder::LoadError;
use deepcoder_types::Manifest;
use std::path::Path;

/// Where the weights of a model lie while it is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WeightPlace {
    /// In the file, which is mapped: loading takes no time, and the memory is the system's to take back.
    #[default]
    Mapped,
    /// In memory of the process, in large pages where the system has them: steps are faster, and loading takes the time to
    /// read the file. An error where the memory cannot be had.
    InMemory,
}

/// Call `load`, which has the runtime map the files of `folder`, and put the weights where they are wanted. Other operators
/// than our own make copies of their own, in another order: for them it would only take time and memory.
pub(crate) fn load_into<T>(
    place: WeightPlace,
    folder: &Path,
    manifest: &Manifest,
    threads: usize,
    load: impl FnOnce() -> Result<T, LoadError>,
) -> Result<T, LoadError> {
    if place == WeightPlace::Mapped || !manifest.graph.own_operators {
        return load();
    }
    let files = manifest.files.keys().filter(|name| name.ends_with(".data"));
    let paths: Vec<_> = files.map(|name| folder.join(name)).collect();
    let (loaded, moved) = move_files(&paths, threads, load)?;
    let failed = |error: std::io::Error| LoadError::Memory { name: manifest.name.clone(), reason: error.to_string() };
    moved.map(|()| loaded).map_err(failed)
}

#[cfg(target_os = "linux")]
use exchange::move_files;

#[cfg(not(target_os = "linux"))]
fn move_files<T, E>(
    _: &[std::path::PathBuf],
    _: usize,
    load: impl FnOnce() -> Result<T, E>,
) -> Result<(T, std::io::Result<()>), E> {
    Ok((load()?, Err(std::io::ErrorKind::Unsupported.into())))
}
