//! A model's answer for one unit, taken apart: the unit itself, helpers and imports that it needs, and what belongs to
//! units that are not to change.

use crate::guard::names;
use crate::place::Place;
use crate::units::Unit;
use crate::units::whole_lines;
use deepcoder_edit::formats::{FormatError, region};
use deepcoder_edit::{Adoption, LineEnding, adopt_block};
use deepcoder_syntax::{Language, RawSymbol, import_statements, parses, symbols};
use deepcoder_types::RepoPath;
use std::ops::Range;

/// The parts of an answer.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    /// The lines of its imports.
    pub imports: Vec<String>,
    /// New constants, which go in front of the unit.
    before: Vec<String>,
    /// The unit.
    own: String,
    /// New definitions, which go behind it.
    after: Vec<String>,
    /// Notes for the user on what is left out.
    pub notes: Vec<String>,
}

/// A definition of an answer.
struct Item {
    range: Range<usize>,
    name: String,
    kind: &'static str,
}

/// The parts of an answer that is to be `wanted`, or something new. `None` where the answer cannot be taken apart with
/// certainty: it does not parse, or has the unit twice or never.
pub(crate) fn sorted(
    path: &RepoPath,
    units: &[Unit],
    wanted: Option<&Unit>,
    owner: Option<&str>,
    instruction: &str,
    answer: &str,
) -> Option<Sorted> {
    let language = Language::program(path)?;
    let text = dedented(answer);
    let text = readable(language, text, owner)?;
    let all = symbols(language, &text);
    let owner_name = owner.map(|owner| owner.rsplit('.').next().unwrap_or(owner));
    let mut items: Vec<Item> = Vec::new();
    let mut shell = 0..0;
    for symbol in &all {
        let Some(range) = whole_lines(&text, symbol.range) else { continue };
        if owner_name == Some(symbol.name.as_str()) && wanted.is_none_or(|w| w.name != symbol.name) && is_shell(symbol)
        {
            // The type around the unit: what counts is what is in it.
            shell = range;
            continue;
        }
        let inner = items.iter().any(|item| item.range.end > range.start);
        if !inner && symbol.kind != "field" && (symbol.qualified == symbol.name || shell.contains(&range.start)) {
            items.push(Item { range, name: symbol.name.clone(), kind: symbol.kind });
        }
    }
    let known = |name: &str| units.iter().any(|unit| unit.name == name);
    let mut out = Sorted::default();
    let own = match wanted {
        Some(wanted) => {
            let mut same = items.iter().filter(|item| item.name == wanted.name);
            let own = match (same.next(), same.next()) {
                (Some(own), None) => own,
                (Some(_), Some(_)) => return None,
                (None, _) => {
                    // Another name, which the instruction gives.
                    let mut others = items.iter().filter(|item| !known(&item.name) && !is_value(item));
                    let other = others.next().filter(|item| names(instruction, &item.name))?;
                    others.next().is_none().then_some(other)?
                }
            };
            out.own = text.get(own.range.clone())?.to_owned();
            Some(own.range.clone())
        }
        None => None,
    };
    let mut kept = Vec::new();
    for item in items.iter().filter(|item| own.as_ref() != Some(&item.range)) {
        let body = text.get(item.range.clone())?;
        match (known(&item.name), is_value(item)) {
            // Of values only constants that the unit uses are no part of an example.
            (false, true) if item.kind == "constant" && uses(&out.own, &item.name) => out.before.push(dedented(body)),
            (false, true) => {}
            (false, false) => out.after.push(dedented(body)),
            (true, _) => kept.push(format!("`{}`", item.name)),
        }
    }
    kept.dedup();
    if !kept.is_empty() && wanted.is_some() {
        out.notes.push(format!("{}, which the answer has as well, stays as it is", kept.join(", ")));
    }
    out.imports = import_statements(language, &text)
        .into_iter()
        .filter(|range| !items.iter().any(|item| item.range.contains(&(range.start as usize))))
        .filter_map(|range| text.get(whole_lines(&text, range)?))
        .map(|line| line.trim_end().to_owned())
        .collect();
    (wanted.is_some() || !out.after.is_empty()).then_some(out)
}

fn is_shell(symbol: &RawSymbol) -> bool {
    matches!(symbol.kind, "class" | "struct" | "trait" | "impl" | "interface" | "enum")
}

fn is_value(item: &Item) -> bool {
    matches!(item.kind, "constant" | "variable")
}

/// The text as one that parses: as it is, or within the type that it belongs to.
fn readable(language: Language, text: String, owner: Option<&str>) -> Option<String> {
    if parses(language, &text) == Some(true) {
        return Some(text);
    }
    let name = owner?.rsplit('.').next()?;
    let open = match language {
        Language::Python => return None,
        Language::Rust => format!("impl {name} {{\n"),
        _ => format!("class {name} {{\n"),
    };
    let wrapped = format!("{open}{text}\n}}\n");
    (parses(language, &wrapped) == Some(true)).then_some(wrapped)
}

/// The lines without the blanks that all of them begin with.
fn dedented(text: &str) -> String {
    let lead = |line: &'_ str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let first = text.lines().find(|line| !line.trim().is_empty());
    let indent = first.map_or("", |line| &line[..lead(line)]);
    let all = text.lines().all(|line| line.trim().is_empty() || line.starts_with(indent));
    if indent.is_empty() || !all {
        return text.to_owned();
    }
    text.split_inclusive('\n').map(|line| line.strip_prefix(indent).unwrap_or(line)).collect()
}

impl Sorted {
    /// `file` with the unit at `range` as the answer has it, and with its helpers beside it.
    pub(crate) fn in_place(
        &self,
        path: &RepoPath,
        file: &str,
        unit: &Unit,
        outer: Option<&Unit>,
        keep: Adoption,
    ) -> Result<String, FormatError> {
        let new = region::replace(file, unit.range.clone(), &self.own, keep)?;
        let end = new.len() - (file.len() - unit.range.end);
        let mut out = new;
        let python = Language::of(path) == Some(Language::Python);
        let is_member = |helper: &&String| outer.is_some() && (!python || takes_self(helper));
        let (members, helpers): (Vec<&String>, Vec<&String>) = self.after.iter().partition(is_member);
        let outer_end = outer.map_or(end, |outer| (outer.range.end + out.len()).saturating_sub(file.len()));
        let apart = if python { 2 } else { 1 };
        for helper in helpers.into_iter().rev() {
            out = inserted(&out, &Place { at: outer_end, indent: String::new(), within: None, apart }, helper);
        }
        let first = file[unit.range.clone()].lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let indent = first[..first.len() - first.trim_start().len()].to_owned();
        for helper in members.into_iter().rev() {
            out = inserted(&out, &Place { at: end, indent: indent.clone(), within: None, apart: 1 }, helper);
        }
        let start = outer.map_or(unit.range.start, |outer| outer.range.start);
        let ending = LineEnding::dominant(file).as_str();
        if !self.before.is_empty() {
            let lines: String = self.before.iter().map(|line| line.trim_end().replace('\n', ending) + ending).collect();
            out.insert_str(start, &(lines + &ending.repeat(apart)));
        }
        Ok(out)
    }

    /// `file` with the new definitions at `place`.
    pub(crate) fn at(&self, file: &str, place: &Place) -> String {
        let written: Vec<&str> = self.before.iter().chain(&self.after).map(|text| text.trim_end()).collect();
        let between = "\n".repeat(place.apart + 1);
        inserted(file, place, &(written.join(&between) + "\n"))
    }
}

fn uses(text: &str, name: &str) -> bool {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == name)
}

/// Whether a Python function is a method.
fn takes_self(text: &str) -> bool {
    text.contains("(self") || text.contains("(cls") || text.trim_start().starts_with("@staticmethod")
}

/// `file` with a definition at a place, with empty lines around it.
fn inserted(file: &str, place: &Place, written: &str) -> String {
    let (above, below) = file.split_at(place.at);
    let indent = |line: &str| if line.trim().is_empty() { line.to_owned() } else { place.indent.clone() + line };
    let body: String = dedented(written.trim_matches('\n')).split_inclusive('\n').map(indent).collect();
    let body = body.trim_end().to_owned() + "\n";
    let body = adopt_block(file, place.at..place.at, &body, Adoption::default());
    let ending = LineEnding::dominant(file).as_str();
    let blank = |lines: &mut dyn Iterator<Item = &str>| lines.take_while(|line| line.trim().is_empty()).count();
    let mut out = above.to_owned();
    if !above.is_empty() {
        if !above.ends_with('\n') {
            out.push_str(ending);
        }
        let has = blank(&mut above.lines().rev());
        out.push_str(&ending.repeat(place.apart.saturating_sub(has)));
    }
    out.push_str(&body);
    let closes = below.trim_start().starts_with(['}', ')']) || below.trim_start().starts_with("end");
    if !below.trim().is_empty() && !closes {
        let has = blank(&mut below.lines());
        out.push_str(&ending.repeat(place.apart.saturating_sub(has)));
    }
    out.push_str(below);
    out
}
