//! Earlier results in which verification found something.

use crate::masks::{self, Masked};
use crate::options::Format;
use crate::target::Base;
use crate::units::{Unit, is_small, units};
use crate::whole::{self, Rewriting};
use crate::work::{Edited, Work};
use deepcoder_edit::{apply_edits, edits_between};
use deepcoder_plugin_api::PluginError;
use deepcoder_types::{RepoPath, TextEdit, TextRange};

/// Units that are written once more at most.
const MAX_UNITS: usize = 5;

/// The earlier result of a file without what was found in it. The scope stays what it was: where only some units changed,
/// only these are written once more.
pub(crate) fn repair(work: &Work<'_>, path: &RepoPath, base: &Base, previous: &str) -> Result<Edited, PluginError> {
    let unchanged = Edited { text: previous.to_owned(), notes: Vec::new(), doubt: None };
    if work.options.format == Format::Auto {
        let now = Base { text: previous.to_owned(), ..base.clone() };
        if let Masked::Done(edited) = masks::edit(work, path, &now)? {
            return Ok(edited);
        }
        if masks::apply(work, path) {
            return Ok(unchanged);
        }
        let all = units(path, &base.text);
        if !is_small(&base.text, &all) {
            return Ok(of_units(work, path, base, previous, &all)?.unwrap_or(unchanged));
        }
    }
    whole::repair(work, path, base, previous)
}

/// The result with the units corrected that it changes; `None` where it changes none or many. What it changes between them,
/// such as imports and new definitions, stays.
fn of_units(
    work: &Work<'_>,
    path: &RepoPath,
    base: &Base,
    previous: &str,
    all: &[Unit],
) -> Result<Option<Edited>, PluginError> {
    let mut between = Vec::new();
    let mut changed: Vec<(&Unit, Vec<TextEdit>)> = Vec::new();
    for edit in edits_between(&base.text, previous) {
        let range = edit.range.as_range();
        let within = |unit: &&Unit| {
            unit.range.start <= range.start && range.end <= unit.range.end && range.start < unit.range.end
        };
        match all.iter().filter(within).min_by_key(|unit| unit.range.len()) {
            None => between.push(edit),
            Some(unit) => match changed.last_mut().filter(|(last, _)| last.range == unit.range) {
                Some((_, edits)) => edits.push(edit),
                None => changed.push((unit, vec![edit])),
            },
        }
    }
    if changed.is_empty() || changed.len() > MAX_UNITS {
        return Ok(None);
    }
    let mut result = Edited { text: String::new(), notes: Vec::new(), doubt: None };
    let mut edits = between;
    for (unit, own) in changed {
        let shift = |at: u32| at.saturating_sub(u32::try_from(unit.range.start).unwrap_or(u32::MAX));
        let own: Vec<TextEdit> = own
            .into_iter()
            .map(|e| TextEdit { range: TextRange::new(shift(e.range.start), shift(e.range.end)), ..e })
            .collect();
        let Ok(written) = apply_edits(&base.text[unit.range.clone()], &own) else { return Ok(None) };
        let edited = Rewriting::of_unit(path, base, all.to_vec(), unit).correct(work, &written)?;
        edits.extend(edits_between(&base.text, &edited.text));
        result.notes.extend(edited.notes);
        result.doubt = result.doubt.or(edited.doubt);
    }
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    edits.dedup();
    Ok(apply_edits(&base.text, &edits).ok().map(|text| Edited { text, ..result }))
}
