//! Removes unrequested changes of a small model: leaves out differences that cause a finding where the rest is better
//! without them.

use deepcoder_edit::{apply_edits, edits_between};
use deepcoder_types::{EditSet, FileChange, TextEdit};
use deepcoder_verify::Verification;

/// Files with more differences are not taken apart: each costs a verification.
const MAX_EDITS: usize = 24;

/// A set with fewer findings than the one that it was made of.
pub(crate) struct Trimmed {
    pub(crate) set: EditSet,
    pub(crate) verification: Verification,
    /// The files of which something was left out.
    pub(crate) files: Vec<String>,
}

/// `set` without the differences that cause findings; `None` where that leaves nothing, or is no better.
pub(crate) fn trim(
    set: &EditSet,
    verification: &Verification,
    verify: &dyn Fn(&EditSet) -> Verification,
) -> Option<Trimmed> {
    let mut best = Trimmed { set: set.clone(), verification: verification.clone(), files: Vec::new() };
    for index in 0..set.files.len() {
        let path = set.files[index].path.clone();
        if !best.verification.mendable().any(|finding| finding.path == path) {
            continue;
        }
        if trim_file(&mut best, index, verify) {
            best.files.push(path.to_string());
        }
    }
    best.set.files.retain(|file| file.old != file.new);
    (!best.files.is_empty() && !best.set.files.is_empty()).then_some(best)
}

fn trim_file(best: &mut Trimmed, index: usize, verify: &dyn Fn(&EditSet) -> Verification) -> bool {
    let file = &best.set.files[index];
    let Some((before, after)) = texts(file) else { return false };
    let mut edits = edits_between(&before, &after);
    // A result that lost most of a file says nothing about the rest of it.
    let filled = |text: &str| text.lines().filter(|line| !line.trim().is_empty()).count();
    if edits.len() > MAX_EDITS || filled(&after) * 2 < filled(&before) {
        return false;
    }
    let mut trimmed = false;
    let mut at = edits.len();
    while at > 0 {
        at -= 1;
        let Some(edit) = edits.get(at).cloned() else { continue };
        for other in smaller(&before, &edit) {
            let mut tried = edits.clone();
            match other {
                Some(other) => tried[at] = other,
                None => _ = tried.remove(at),
            }
            if tried.is_empty() {
                continue;
            }
            let Ok(text) = apply_edits(&before, &tried) else { continue };
            let mut set = best.set.clone();
            let Some(new) = set.files.get_mut(index).and_then(|file| file.new.as_mut()) else { continue };
            new.bytes = text.into_bytes();
            let verification = verify(&set);
            if weight(&verification) < weight(&best.verification) {
                best.set = set;
                best.verification = verification;
                edits = tried;
                trimmed = true;
                break;
            }
        }
    }
    trimmed
}

/// Replacements for a difference: nothing, or the lines that it adds before or after those that it removes.
fn smaller(before: &str, edit: &TextEdit) -> Vec<Option<TextEdit>> {
    let old = before.get(edit.range.as_range()).unwrap_or_default();
    let mut out = vec![None];
    if !old.trim().is_empty() && !edit.replacement.trim().is_empty() {
        let both = |first: &str, second: &str| {
            let between = if first.ends_with('\n') { "" } else { "\n" };
            Some(TextEdit { replacement: format!("{first}{between}{second}"), ..edit.clone() })
        };
        out.push(both(&edit.replacement, old));
        out.push(both(old, &edit.replacement));
    }
    out
}

/// Errors weigh more than what needs a review.
fn weight(verification: &Verification) -> (usize, usize) {
    (verification.errors().count(), verification.reviews().count())
}

fn texts(file: &FileChange) -> Option<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    Some((text(&file.old.as_ref()?.bytes)?, text(&file.new.as_ref()?.bytes)?))
}
