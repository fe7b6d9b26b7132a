//! A file that an edit makes into another one: a small model that sees two files may answer with the wrong one.

use super::{Context, File};
use crate::policy::Finding;
use deepcoder_types::RepoPath;
use std::collections::HashSet;

/// At most this many other files are looked at.
const MAX_FILES: usize = 400;
/// Shorter files say where their lines are from only where all of them are another file's.
const SHORT: usize = 4;

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for file in &context.files {
        let (Some(old), Some(new)) = (file.old, file.new) else { continue };
        let (before, after) = (lines(old), lines(new));
        let own = shared(&after, &before);
        // What keeps most of its lines is itself still.
        if after.len() < 2 || shared(&before, &after) * 2 >= before.len() {
            continue;
        }
        let short = before.len() < SHORT || after.len() < SHORT;
        // Only lines that it had not before tell.
        let resembles = |text: &str| {
            let other = lines(text);
            if short {
                return other == after;
            }
            let alike = shared(&after, &other);
            alike * 5 >= after.len() * 3 && alike > own && alike * 2 >= other.len()
        };
        let twin = others(context, file).find(|(_, text)| resembles(text)).map(|(path, _)| path);
        if let Some(twin) = twin {
            let message = format!("this makes it a copy of `{twin}`, and little of its own text is left");
            findings.push(Finding::error(file.path, message));
        }
    }
}

/// The other files with the same ending, nearest first, as they were before the edit.
fn others<'c>(context: &'c Context<'_>, file: &'c File<'_>) -> impl Iterator<Item = (RepoPath, String)> + 'c {
    let in_set = context.files.iter().filter(|other| other.path != file.path);
    let in_set = in_set.filter_map(|other| Some((other.path.clone(), other.old?.to_owned())));
    let folder = super::tree::folder_of(file.path);
    let alike = |path: &&RepoPath| path.extension() == file.path.extension() && !context.tree.in_set(path);
    let mut paths: Vec<&RepoPath> = context.tree.files().iter().filter(alike).collect();
    paths.sort_by_key(|path| super::tree::folder_of(path) != folder);
    let paths = paths.into_iter().take(MAX_FILES);
    in_set.chain(paths.filter_map(|path| Some((path.clone(), context.tree.text(path)?.to_string()))))
}

/// The lines that say something.
fn lines(text: &str) -> HashSet<&str> {
    text.lines().map(str::trim).filter(|line| line.chars().filter(|c| c.is_alphanumeric()).count() > 3).collect()
}

fn shared(of: &HashSet<&str>, with: &HashSet<&str>) -> usize {
    of.iter().filter(|line| with.contains(*line)).count()
}
