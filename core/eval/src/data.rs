//! Data files: JSON lines, gzipped or not.

use crate::EvalError;
use flate2::read::MultiGzDecoder;
use serde::de::DeserializeOwned;
use std::io::Read;
use std::path::Path;

/// More than any of these benchmarks has, so that a wrong file does not fill the memory.
const MAX_BYTES: u64 = 256 << 20;

pub(crate) fn load<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, EvalError> {
    let failed = |source| EvalError::Read { path: path.to_owned(), source };
    let bytes = std::fs::read(path).map_err(failed)?;
    let mut text = String::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        MultiGzDecoder::new(bytes.as_slice()).take(MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
    } else {
        bytes.as_slice().take(MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
    }
    let mut tasks = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        tasks.push(serde_json::from_str(line).map_err(|error| EvalError::Task {
            path: path.to_owned(),
            line: index + 1,
            message: error.to_string(),
        })?);
    }
    if tasks.is_empty() { Err(EvalError::NoTasks) } else { Ok(tasks) }
}
