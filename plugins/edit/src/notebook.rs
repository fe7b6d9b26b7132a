//! Notebooks: the model edits the source of cells and sees nothing else of the file. Outputs, metadata and the layout of the
//! JSON stay to the byte.

mod cells;

use crate::regions::every_word;
use crate::target::{Base, shown};
use crate::units::{named, units};
use crate::work::{Edited, Work};
use cells::{Cell, Notebook, with_source};
use deepcoder_plugin_api::{ErrorCode, PluginError, fill};
use deepcoder_syntax::Language;
use deepcoder_types::{Message, Prompt, RepoPath};

const CHOOSE: &str = include_str!("../prompts/choose-cell.md");
/// Characters of earlier cells that the model sees beside one.
const BESIDE: usize = 8_000;
/// Cells that the model chooses from at most.
const MAX_OPTIONS: usize = 64;

/// Whether a file is a notebook.
pub(crate) fn is_notebook(path: &RepoPath) -> bool {
    path.extension() == Some("ipynb")
}

/// The notebook with the cells edited that the instruction is about.
pub(crate) fn edit(work: &Work<'_>, path: &RepoPath, base: &Base) -> Result<Edited, PluginError> {
    let notebook = Notebook::read(&base.text).map_err(|why| {
        PluginError::new(ErrorCode::Invalid, format!("`{path}` is not a notebook: {why}"))
            .with_hint(format!("`python3 -m json.tool {path}` shows where the JSON breaks"))
    })?;
    let first = work.instruction.targets.first().is_none_or(|first| first == path);
    let selection = work.instruction.selection.filter(|_| first).map(|s| s.as_range());
    let chosen = match selection {
        Some(selected) => {
            let touched = |cell: &Cell| {
                cell.range.start < selected.end.max(selected.start + 1) && selected.start < cell.range.end
            };
            (0..notebook.cells.len()).filter(|at| touched(&notebook.cells[*at])).collect()
        }
        None => choose(work, path, &notebook)?,
    };
    if chosen.is_empty() {
        return Err(PluginError::new(ErrorCode::NotFound, format!("no cell of `{path}` is certainly meant"))
            .with_hint("name the cell by its number from 1, as in: deepcoder edit \"in cell 3, …\" FILE"));
    }
    let mut result = Edited { text: base.text.clone(), notes: Vec::new(), doubt: None };
    let numbers: Vec<String> = chosen.iter().map(|at| (at + 1).to_string()).collect();
    result.notes.push(format!("only the source of cell {} may change", numbers.join(", ")));
    let work = if chosen.len() > 1 { work.for_each() } else { work.about(path) };
    // From the last to the first: the places of earlier cells stay what they are.
    for &at in chosen.iter().rev() {
        let cell = &notebook.cells[at];
        let Some(own) = path_of(path, &notebook, cell) else { continue };
        let edited = crate::whole::cell(&work, &own, &cell.text, &beside(&own, &notebook, at))?;
        if edited.text != cell.text {
            result.text = with_source(&result.text, &notebook.cells, cell, &edited.text);
        }
        result.notes.extend(edited.notes);
        result.doubt = result.doubt.or(edited.doubt);
    }
    Ok(result)
}

/// A path that says what a cell holds.
fn path_of(path: &RepoPath, notebook: &Notebook, cell: &Cell) -> Option<RepoPath> {
    let ending = match (cell.code, notebook.language.as_str()) {
        (false, _) => "md",
        (true, "r") => "r",
        (true, "julia") => "jl",
        (true, "javascript") => "js",
        (true, "typescript") => "ts",
        (true, "rust") => "rs",
        (true, _) => "py",
    };
    let stem = path.as_str().strip_suffix(".ipynb").unwrap_or(path.as_str());
    RepoPath::new(format!("{stem}.{ending}")).ok()
}

/// The code of the cells before one, from the nearest, as much as there is room for.
fn beside(own: &RepoPath, notebook: &Notebook, at: usize) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut left = BESIDE;
    for (number, cell) in notebook.cells.iter().enumerate().take(at).rev().filter(|(_, cell)| cell.code) {
        if cell.text.len() > left {
            break;
        }
        left -= cell.text.len();
        texts.push(format!("# cell {}\n{}\n", number + 1, cell.text.trim_end()));
    }
    texts.reverse();
    if texts.is_empty() {
        return String::new();
    }
    format!("These cells of the notebook come before it. Do not write them.\n\n{}\n", shown(own, &texts.join("\n")))
}

/// The cells that the instruction is about.
fn choose(work: &Work<'_>, path: &RepoPath, notebook: &Notebook) -> Result<Vec<usize>, PluginError> {
    let prompt = &work.instruction.prompt;
    let count = notebook.cells.len();
    if let Some(numbers) = numbered(prompt, count) {
        let outside = numbers.iter().find(|number| **number == 0 || **number > count);
        return match outside {
            Some(number) => Err(PluginError::new(
                ErrorCode::NotFound,
                format!("`{path}` has no cell {number}; the last one is {count}"),
            )
            .with_hint("cells count from 1, texts among them")),
            None => Ok(numbers.into_iter().map(|number| number - 1).collect()),
        };
    }
    let code: Vec<usize> =
        (0..count).filter(|at| notebook.cells[*at].code && !notebook.cells[*at].text.trim().is_empty()).collect();
    if every_word(prompt, &["cell", "cells", "function", "functions"]) {
        return Ok(code);
    }
    let names = |at: &usize| {
        let cell = &notebook.cells[*at];
        path_of(path, notebook, cell)
            .filter(|own| Language::program(own).is_some())
            .is_some_and(|own| !named(prompt, &units(&own, &cell.text)).is_empty())
    };
    let meant: Vec<usize> = code.iter().copied().filter(names).collect();
    if !meant.is_empty() || code.len() == 1 {
        return Ok(if meant.is_empty() { code } else { meant });
    }
    let shown: String = code
        .iter()
        .take(MAX_OPTIONS)
        .map(|at| format!("# cell {}\n{}\n\n", at + 1, notebook.cells[*at].text.trim_end()))
        .collect();
    let values = [("cells", shown.as_str()), ("instruction", prompt.trim())];
    let question = Prompt::Chat {
        messages: vec![Message::user(fill(CHOOSE, &values).trim_end().to_owned())],
        prefill: "cell ".to_owned(),
    };
    let options: Vec<String> = code.iter().take(MAX_OPTIONS).map(|at| (at + 1).to_string()).collect();
    if options.is_empty() {
        return Ok(Vec::new());
    }
    match work.host.choose(&question, &options) {
        Ok(likely) => {
            let best = likely.iter().max_by(|a, b| a.logprob.total_cmp(&b.logprob));
            Ok(best.and_then(|best| code.get(best.option as usize)).copied().into_iter().collect())
        }
        Err(error) if error.code == ErrorCode::Cancelled => Err(error),
        Err(_) => Ok(Vec::new()),
    }
}

/// The numbers of cells that the instruction names: `cell 3`, `cells 2 and 4`, `the last cell`.
fn numbered(prompt: &str, count: usize) -> Option<Vec<usize>> {
    let lower = prompt.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if !matches!(*word, "cell" | "cells") {
            continue;
        }
        let after = words[at + 1..].iter().take_while(|word| **word == "and" || word.parse::<usize>().is_ok());
        found.extend(after.filter_map(|word| word.parse::<usize>().ok()));
        let before = at.checked_sub(1).map_or("", |before| words[before]);
        let ordinal = ["first", "second", "third", "fourth", "fifth"].iter().position(|ordinal| *ordinal == before);
        found.extend(ordinal.map(|at| at + 1).or((before == "last").then_some(count)));
    }
    found.sort_unstable();
    found.dedup();
    (!found.is_empty()).then_some(found)
}
