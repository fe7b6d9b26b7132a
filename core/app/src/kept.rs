//! A result as it is stored and sent: everything that applying it needs, so that the model runs once.

use deepcoder_edit::unified_diff;
use deepcoder_pipeline::{Record, Run};
use deepcoder_types::{Applicability, EditSet, FileChange, FileImage, RepoPath};
use deepcoder_verify::Verification;
use serde::{Deserialize, Serialize};

/// The format below.
const VERSION: u32 = 1;

/// A result that has not landed.
#[derive(Debug)]
pub struct Kept {
    /// The run, which has an edit set.
    pub run: Run,
    /// The commit that it was made on, where that is not a work tree of the user's.
    pub base: Option<String>,
}

/// A stored result cannot be read: another version wrote it, or it is damaged.
#[derive(Debug, thiserror::Error)]
#[error("the kept result cannot be read: {0}")]
pub struct KeptError(String);

/// In front of the bytes of all files, as one line of JSON.
#[derive(Serialize, Deserialize)]
struct Head {
    version: u32,
    id: String,
    title: String,
    base: Option<String>,
    files: Vec<HeadFile>,
    verification: Option<Verification>,
    applicability: Applicability,
    rationale: String,
    record: Record,
}

#[derive(Serialize, Deserialize)]
struct HeadFile {
    path: RepoPath,
    old: Option<HeadImage>,
    new: Option<HeadImage>,
}

#[derive(Serialize, Deserialize)]
struct HeadImage {
    bytes: usize,
    mode: Option<u32>,
}

/// `run` as bytes; nothing where there is nothing to land.
pub fn to_bytes(run: &Run, base: Option<&str>) -> Option<Vec<u8>> {
    let set = run.edit_set.as_ref()?;
    let image = |image: &FileImage| HeadImage { bytes: image.bytes.len(), mode: image.mode };
    let file = |file: &FileChange| HeadFile {
        path: file.path.clone(),
        old: file.old.as_ref().map(image),
        new: file.new.as_ref().map(image),
    };
    let head = Head {
        version: VERSION,
        id: set.id.clone(),
        title: set.title.clone(),
        base: base.map(str::to_owned),
        files: set.files.iter().map(file).collect(),
        verification: run.verification.clone(),
        applicability: run.applicability,
        rationale: run.rationale.clone(),
        record: run.record.clone(),
    };
    // Plain data with text keys: it always serialises.
    let mut bytes = serde_json::to_vec(&head).ok()?;
    bytes.push(b'\n');
    for image in set.files.iter().flat_map(|file| [&file.old, &file.new]).flatten() {
        bytes.extend_from_slice(&image.bytes);
    }
    Some(bytes)
}

/// Back from bytes.
pub fn from_bytes(bytes: &[u8]) -> Result<Kept, KeptError> {
    let short = || KeptError("it is cut short".into());
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(short)?;
    let head: Head = serde_json::from_slice(&bytes[..end]).map_err(|error| KeptError(error.to_string()))?;
    if head.version != VERSION {
        return Err(KeptError(format!("it has version {}", head.version)));
    }
    let mut rest = &bytes[end + 1..];
    let mut image = |head: HeadImage| {
        let (own, others) = rest.split_at_checked(head.bytes).ok_or_else(short)?;
        rest = others;
        Ok::<_, KeptError>(FileImage { bytes: own.to_vec(), mode: head.mode })
    };
    let mut files = Vec::with_capacity(head.files.len());
    for file in head.files {
        let (old, new) = (file.old.map(&mut image).transpose()?, file.new.map(&mut image).transpose()?);
        files.push(FileChange { path: file.path, old, new });
    }
    if !rest.is_empty() {
        return Err(KeptError("it is longer than it says".into()));
    }
    let set = EditSet { id: head.id, title: head.title, files };
    let run = Run {
        diff: unified_diff(&set),
        edit_set: Some(set),
        verification: head.verification,
        applicability: head.applicability,
        rationale: head.rationale,
        safe_part: None,
        partial: false,
        answer: None,
        record: head.record,
    };
    Ok(Kept { run, base: head.base })
}
