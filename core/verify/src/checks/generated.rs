//! Changes in files that programs write: the next run of the program undoes them.

use super::Context;
use super::tree::folder_of;
use crate::policy::Finding;
use deepcoder_syntax::{is_generated, is_minified};
use deepcoder_types::RepoPath;

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for file in &context.files {
        let (Some(old), Some(new)) = (file.old, file.new) else { continue };
        if old == new {
            continue;
        }
        let what = if is_minified(file.path, old) {
            "the file is minified, so that what it is made from should change"
        } else if is_generated(old) && !follows(context, file.path) {
            "a program writes this file, so that its next run undoes the change"
        } else {
            continue;
        };
        findings.push(Finding::review(file.path, what));
    }
}

/// Whether a lock file changes along with the manifest beside it.
fn follows(context: &Context<'_>, path: &RepoPath) -> bool {
    let lock = path.extension() == Some("lock") || path.file_name().contains("-lock.");
    lock && context.files.iter().any(|other| other.path != path && folder_of(other.path) == folder_of(path))
}
