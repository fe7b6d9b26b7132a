//! GGUF models in several files: `NAME-00001-of-00003.gguf` and so on, the first of which has all metadata.

use crate::error::ImportError;
use crate::gguf::Gguf;
use crate::source::SourceFile;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// The most files of one model; the largest published ones have a few dozen.
const MOST_FILES: u64 = 999;

/// Opens the model that `path` is, or is one file of: its files in order, and one header with the tensors of all.
pub(crate) fn open(path: &Path) -> Result<(Vec<SourceFile>, Gguf), ImportError> {
    let (file, header) = read(path)?;
    let count = header.unsigned("split.count").unwrap_or(1);
    if count <= 1 {
        return Ok((vec![file], header));
    }
    let wrong = |path: &Path, reason: String| ImportError::folder(path, reason);
    if count > MOST_FILES {
        return Err(wrong(path, format!("it says that it is one of {count} files")));
    }
    let (mut files, mut whole) = (Vec::new(), None::<Gguf>);
    for number in 0..count {
        let part = name(path, number, count).ok_or_else(|| {
            wrong(path, format!("it is one of {count} files and not named like one (`…-00001-of-{count:05}.gguf`)"))
        })?;
        let (file, mut header) = read(&part).map_err(|error| match error {
            ImportError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                wrong(path, format!("it is one of {count} files, and `{}` is missing", part.display()))
            }
            error => error,
        })?;
        if (header.unsigned("split.no"), header.unsigned("split.count")) != (Some(number), Some(count)) {
            return Err(wrong(&part, format!("it does not say that it is file {} of {count}", number + 1)));
        }
        header.tensors.values_mut().flat_map(|info| &mut info.parts).for_each(|part| part.file = files.len());
        files.push(file);
        let Some(all) = &mut whole else {
            whole = Some(header);
            continue;
        };
        for (name, info) in header.tensors {
            if all.tensors.insert(name.clone(), info).is_some() {
                return Err(wrong(&part, format!("the tensor `{name}` is in another file too")));
            }
        }
    }
    let whole = whole.ok_or_else(|| ImportError::UnknownFormat(path.to_owned()))?;
    let (found, told) = (whole.tensors.len() as u64, whole.unsigned("split.tensors.count"));
    if told.is_some_and(|told| told != found) {
        return Err(wrong(path, format!("the {count} files hold {found} tensors, not {}", told.unwrap_or(0))));
    }
    Ok((files, whole))
}

fn read(path: &Path) -> Result<(SourceFile, Gguf), ImportError> {
    let file = SourceFile::open(path)?;
    let wrong = |source| ImportError::Gguf { path: path.to_owned(), source };
    let gguf = Gguf::read(BufReader::with_capacity(1 << 20, &file.file), file.len).map_err(wrong)?;
    Ok((file, gguf))
}

/// The name of file `number` (from 0) beside `path`, which is one of `count`.
fn name(path: &Path, number: u64, count: u64) -> Option<PathBuf> {
    let stem = path.file_name()?.to_str()?.strip_suffix(&format!("-of-{count:05}.gguf"))?;
    let (model, own) = stem.rsplit_once('-')?;
    let digits = own.len() == 5 && own.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| path.with_file_name(format!("{model}-{:05}-of-{count:05}.gguf", number + 1)))
}
