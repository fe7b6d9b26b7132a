//! The new text of some lines of a file.

use super::shift::shift_between;
use super::{FormatError, lazy};
use crate::adopt::{Adoption, adopt_block};
use crate::lines::{indent_of, to_lf};
use std::ops::Range;

/// `file` with the lines `range` rewritten as `written`. The new lines are indented as the old ones were when the model
/// has moved them as a whole, and what it left out with a marker is filled in where that is certain.
pub fn replace(file: &str, range: Range<usize>, written: &str, keep: Adoption) -> Result<String, FormatError> {
    let old = &file[range.clone()];
    let written = lazy::expand(&to_lf(old), &reindented(old, &to_lf(written)))?;
    let new = adopt_block(file, range.clone(), &written, keep);
    Ok([&file[..range.start], &new, &file[range.end..]].concat())
}

/// `written` shifted so that its first line is indented as that of `old`, if no line of it then sticks out.
#[must_use]
pub fn reindented(old: &str, written: &str) -> String {
    let first = |text: &'_ str| text.lines().find(|l| !l.trim().is_empty()).map(|l| indent_of(l).to_owned());
    let (Some(to), Some(from)) = (first(old), first(written)) else { return written.to_owned() };
    match shift_between(&from, &to) {
        Some(shift) if from != to && written.lines().all(|l| l.trim().is_empty() || l.starts_with(&from)) => {
            shift.apply_all(written)
        }
        _ => written.to_owned(),
    }
}
