//! The installed models: one folder each, with a manifest.

use crate::catalogue::Catalogue;
use crate::name::{check_name, suggest};
use crate::store_error::StoreError;
use deepcoder_types::{Cancel, ContentHash, MANIFEST_FILE, MANIFEST_FORMAT, Manifest};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

const TRASH: &str = ".trash-";

/// Larger than any manifest; a damaged one is not read into memory whole.
const MAX_MANIFEST: u64 = 8 << 20;

/// The folder of models. Making one touches nothing.
#[derive(Debug, Clone)]
pub struct ModelStore {
    dir: PathBuf,
}

/// A model that can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct InstalledModel {
    /// Its folder.
    pub path: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// Bytes of all its files.
    pub size: u64,
}

/// A folder of the store, usable or not.
#[derive(Debug)]
pub struct ListedModel {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// The model, or what is wrong with it.
    pub model: Result<InstalledModel, StoreError>,
}

/// How far [`ModelStore::verify_with`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyProgress {
    /// The file being read.
    pub file: String,
    /// Bytes read of all files.
    pub done: u64,
    /// Bytes of all files.
    pub total: u64,
}

impl ModelStore {
    /// The store in `dir`, which need not exist yet.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The folder of all models.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the model `name` is or would be: the destination of an import.
    pub fn folder(&self, name: &str) -> Result<PathBuf, StoreError> {
        check_name(name)?;
        Ok(self.dir.join(name))
    }

    /// All folders, sorted by name; broken ones are listed with what is wrong.
    pub fn list(&self) -> Result<Vec<ListedModel>, StoreError> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(failed(&self.dir)(e)),
        };
        let mut listed = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed(&self.dir))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            // Hidden names are imports and removals under way.
            if check_name(&name).is_ok() && entry.path().is_dir() {
                listed.push(ListedModel { model: self.show(&name), path: entry.path(), name });
            }
        }
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(listed)
    }

    /// The model `name`, with its manifest read and its files present in the right sizes.
    pub fn show(&self, name: &str) -> Result<InstalledModel, StoreError> {
        let path = self.existing(name)?;
        let damaged = |problem: String| StoreError::Damaged { name: name.to_owned(), problem };
        let manifest = read_manifest(&path).map_err(damaged)?;
        let mut size = 0u64;
        for (file, expected) in &manifest.files {
            if Path::new(file).file_name().is_none_or(|f| f != file.as_str()) {
                return Err(damaged(format!("its manifest names the file `{}`", file.escape_debug())));
            }
            match fs::metadata(path.join(file)) {
                Ok(meta) if !meta.is_file() => return Err(damaged(format!("`{file}` is not a file"))),
                Ok(meta) if meta.len() != expected.size => {
                    return Err(damaged(format!("`{file}` has {} bytes instead of {}", meta.len(), expected.size)));
                }
                Ok(meta) => size = size.saturating_add(meta.len()),
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(damaged(format!("`{file}` is missing"))),
                Err(e) => return Err(damaged(format!("`{file}`: {e}"))),
            }
        }
        Ok(InstalledModel { path, manifest, size })
    }

    /// The folder of the model `name`, checked as by [`ModelStore::show`].
    pub fn path(&self, name: &str) -> Result<PathBuf, StoreError> {
        self.show(name).map(|model| model.path)
    }

    /// Compare every file with its SHA-256.
    pub fn verify(&self, name: &str, cancel: &Cancel) -> Result<(), StoreError> {
        self.verify_with(name, &mut |_| {}, cancel)
    }

    /// [`ModelStore::verify`] that tells how far it is.
    pub fn verify_with(
        &self,
        name: &str,
        progress: &mut dyn FnMut(VerifyProgress),
        cancel: &Cancel,
    ) -> Result<(), StoreError> {
        let model = self.show(name)?;
        let mut done = 0u64;
        let mut buffer = vec![0u8; 1 << 20];
        for (file, expected) in &model.manifest.files {
            let path = model.path.join(file);
            let mut reader = deepcoder_files::open(&path, u64::MAX).map_err(failed(&path))?;
            let mut hasher = Sha256::new();
            loop {
                cancel.check()?;
                let n = match reader.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(n) => n,
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                    Err(e) => return Err(failed(&path)(e)),
                };
                hasher.update(&buffer[..n]);
                done += n as u64;
                progress(VerifyProgress { file: file.clone(), done, total: model.size });
            }
            if ContentHash::from_digest(hasher.finalize().into()) != expected.sha256 {
                let problem = format!("`{file}` is not what was imported (its sha256 differs)");
                return Err(StoreError::Damaged { name: name.to_owned(), problem });
            }
        }
        Ok(())
    }

    /// Remove the model `name`, also a broken one; returns the bytes that became free. A folder that does not look like
    /// a model is left alone.
    pub fn remove(&self, name: &str) -> Result<u64, StoreError> {
        let path = self.existing(name)?;
        let not_ours = |why| StoreError::NotOurs { path: path.clone(), why };
        if fs::symlink_metadata(&path).map_err(failed(&path))?.is_symlink() {
            return Err(not_ours("it is a symbolic link"));
        }
        let mut size = 0u64;
        let mut ours = false;
        let mut empty = true;
        for entry in fs::read_dir(&path).map_err(failed(&path))? {
            let entry = entry.map_err(failed(&path))?;
            let meta = entry.metadata().map_err(failed(&entry.path()))?;
            size = size.saturating_add(meta.len());
            empty = false;
            ours |= meta.is_file() && (entry.file_name() == MANIFEST_FILE || entry.file_name() == "model.onnx");
        }
        if !ours && !empty {
            return Err(not_ours("it holds neither a manifest nor model.onnx"));
        }
        // First out of sight in one step: a removal that is killed half-way leaves no half model under its name.
        let trash = self.dir.join(format!("{TRASH}{name}-{}", std::process::id()));
        remove_tree(&trash)?;
        #[expect(clippy::disallowed_methods, reason = "the models' folder is ours")]
        fs::rename(&path, &trash).map_err(failed(&path))?;
        remove_tree(&trash)?;
        self.empty_trash();
        Ok(size)
    }

    /// The leftovers of earlier removals that were killed. Best effort: the next removal tries again.
    fn empty_trash(&self) {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        for entry in entries.filter(|e| e.file_name().to_string_lossy().starts_with(TRASH)) {
            remove_tree(&entry.path()).unwrap_or_default();
        }
    }

    fn existing(&self, name: &str) -> Result<PathBuf, StoreError> {
        let path = self.folder(name)?;
        match fs::metadata(&path) {
            Ok(meta) if meta.is_dir() => Ok(path),
            Ok(_) => Err(StoreError::NotOurs { path, why: "it is not a folder" }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(self.absent(name)),
            Err(e) => Err(failed(&path)(e)),
        }
    }

    fn absent(&self, name: &str) -> StoreError {
        let catalogue = Catalogue::builtin();
        if catalogue.entry(name).is_ok() {
            return StoreError::NotInstalled { name: name.to_owned() };
        }
        let mut known: Vec<String> = catalogue.names().map(str::to_owned).collect();
        known.extend(self.list().into_iter().flatten().map(|m| m.name));
        StoreError::Unknown { name: name.to_owned(), nearest: suggest(name, known.iter().map(String::as_str)) }
    }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> StoreError + '_ {
    move |source| StoreError::Io { path: path.to_owned(), source }
}

fn remove_tree(path: &Path) -> Result<(), StoreError> {
    #[expect(clippy::disallowed_methods, reason = "the trash in the models' folder is ours")]
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failed(path)(e)),
        _ => Ok(()),
    }
}

fn read_manifest(folder: &Path) -> Result<Manifest, String> {
    let text = deepcoder_files::read_text(&folder.join(MANIFEST_FILE), MAX_MANIFEST).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => format!("`{MANIFEST_FILE}` is missing"),
        _ => format!("`{MANIFEST_FILE}`: {e}"),
    })?;
    // The version first: a newer layout may not parse, and the message should say why.
    let version = serde_json::from_str::<serde_json::Value>(&text).ok().and_then(|v| v.get("format")?.as_u64());
    if let Some(newer) = version.filter(|v| *v > u64::from(MANIFEST_FORMAT)) {
        return Err(format!("it has layout {newer}, this deepcoder knows up to {MANIFEST_FORMAT}"));
    }
    serde_json::from_str(&text).map_err(|e| format!("`{MANIFEST_FILE}`: {e}"))
}

#[cfg(test)]
mod tests;
