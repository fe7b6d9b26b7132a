//! The scope of an edit: which units the model writes anew, and where a new definition goes.

mod rank;

use crate::guard::mentions;
use crate::place::{Place, made};
use crate::target::{Base, shown};
use crate::units::{Unit, is_small, named, signature, units};
use crate::work::Work;
use deepcoder_plugin_api::{ErrorCode, Level, PluginError, fill};
use deepcoder_types::{Message, Prompt, RepoPath};

const CHOOSE: &str = include_str!("../prompts/choose.md");
/// Units that the model chooses from at most.
const MAX_OPTIONS: usize = 64;
/// Definitions that the model chooses from in a long file, where words of the instruction point to some.
const FEW_OPTIONS: usize = 6;
/// Files of more lines are never written anew as a whole for want of a better scope.
const LONG_LINES: usize = 150;
/// A choice that is less likely than this is none.
const CERTAIN: f32 = 0.6;
/// The options beside the units.
const WHOLE: &str = "the whole file";
const NEW: &str = "a new definition";

/// What an edit may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The file as a whole.
    File,
    /// Some definitions, and a new one.
    Parts {
        /// The definitions that are written anew, in their order.
        units: Vec<Unit>,
        /// The place of a new definition.
        new: Option<Place>,
    },
}

/// Words of instructions that change how definitions lie in the file.
const STRUCTURE: [&str; 14] = [
    "rename",
    "move",
    "extract",
    "merge",
    "sort",
    "reorder",
    "split",
    "inline",
    "remove",
    "delete",
    "drop",
    "import",
    "copy",
    "duplicate",
];
/// Words of instructions about all of a file.
const ABOUT_FILE: [&str; 9] =
    ["file", "module", "script", "whole", "entire", "everywhere", "throughout", "program", "top-level"];

/// The scope of the instruction in a file that the model could write as a whole if `fits`.
pub(crate) fn choose(work: &Work<'_>, path: &RepoPath, base: &Base, fits: bool) -> Result<Scope, PluginError> {
    let (text, prompt) = (base.text.as_str(), work.instruction.prompt.as_str());
    let units = units(path, text);
    if (fits && is_small(text, &units)) || units.is_empty() || !base.parts.is_empty() {
        return Ok(Scope::File);
    }
    let meant: Vec<Unit> = named(prompt, &units).into_iter().cloned().collect();
    if let Some(made) = made(prompt, &units) {
        let place = Place::of(path, text, &units, &made);
        // Whoever uses the new definition is named after it.
        let users = named(made.rest, &units).into_iter().cloned().collect();
        return Ok(if made.used && fits && named(made.rest, &units).is_empty() {
            Scope::File
        } else {
            Scope::Parts { units: if made.used { users } else { Vec::new() }, new: Some(place) }
        });
    }
    if fits && (mentions(prompt, &STRUCTURE) || about_file(prompt)) {
        return Ok(Scope::File);
    }
    if !meant.is_empty() {
        return Ok(Scope::Parts { units: with_users(prompt, text, &units, meant), new: None });
    }
    let chosen = ask(work, path, base, &units, fits)?;
    if let Scope::Parts { units, .. } = &chosen {
        let names: Vec<String> = units.iter().map(|unit| format!("`{}`", unit.qualified)).collect();
        work.host.log(Level::Info, &format!("`{path}`: the model chose {}", names.join(", ")));
    }
    Ok(chosen)
}

fn about_file(prompt: &str) -> bool {
    let words = prompt.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')));
    words.map(str::to_lowercase).any(|word| ABOUT_FILE.contains(&word.as_str()))
}

/// With the definitions that use those that are meant, where the instruction speaks of them.
fn with_users(prompt: &str, text: &str, all: &[Unit], meant: Vec<Unit>) -> Vec<Unit> {
    if !mentions(prompt, &["caller", "call site", "usage", "wherever", "where it is used"]) {
        return meant;
    }
    let uses = |unit: &Unit| {
        let own = text.get(unit.range.clone()).unwrap_or_default();
        let mut words = own.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        words.any(|word| meant.iter().any(|m| m.name == word))
    };
    let is_inner = |unit: &&Unit| unit.is_function() && !meant.iter().any(|m| m.holds(unit) || unit.holds(m));
    all.iter().filter(is_inner).filter(|unit| uses(unit)).cloned().collect()
}

/// The unit that the model finds likeliest, if it is certain.
fn ask(work: &Work<'_>, path: &RepoPath, base: &Base, units: &[Unit], fits: bool) -> Result<Scope, PluginError> {
    let all: Vec<&Unit> = units.iter().filter(|unit| unit.is_function()).collect();
    let ranked = rank::ranked(&work.instruction.prompt, &base.text, &all);
    let long = base.text.lines().count() > LONG_LINES;
    let few = all.len() > FEW_OPTIONS && ranked.first().is_some_and(|(_, score)| *score > 0.0);
    let functions: Vec<&Unit> = if long && few {
        ranked.iter().filter(|(_, score)| *score > 0.0).take(FEW_OPTIONS).map(|(unit, _)| *unit).collect()
    } else {
        all.into_iter().take(MAX_OPTIONS).collect()
    };
    let fits = fits && (!long || functions.is_empty());
    let otherwise = || match (fits, functions.len()) {
        // Nothing else than one of these can be written.
        (false, 1..) => Ok(Scope::Parts { units: Vec::new(), new: None }),
        _ => Ok(Scope::File),
    };
    let outline: String =
        functions.iter().map(|unit| format!("- `{}`: {}\n", unit.qualified, signature(&base.text, unit))).collect();
    let file = if fits { format!("This is the file {}", shown(path, &base.text)) } else { String::new() };
    let values = [("file", file.as_str()), ("outline", &outline), ("instruction", work.instruction.prompt.trim())];
    let prompt = Prompt::Chat { messages: vec![Message::user(fill(CHOOSE, &values))], prefill: "`".to_owned() };
    let mut options: Vec<String> = functions.iter().map(|unit| format!("{}`", unit.qualified)).collect();
    options.extend([format!("{WHOLE}`"), format!("{NEW}`")]);
    let likely = match work.host.choose(&prompt, &options) {
        Ok(likely) => likely,
        Err(error) if error.code == ErrorCode::Cancelled => return Err(error),
        // A model that cannot compare, or a prompt that does not fit it.
        Err(error) => {
            work.host.log(Level::Info, &format!("`{path}`: the model chooses no part: {}", error.message));
            return otherwise();
        }
    };
    let best = likely.iter().max_by(|a, b| a.logprob.total_cmp(&b.logprob));
    let sum: f32 = best.map_or(1.0, |best| likely.iter().map(|l| (l.logprob - best.logprob).exp()).sum());
    let Some(best) = best.filter(|_| 1.0 / sum >= CERTAIN || !fits) else { return otherwise() };
    match functions.get(best.option as usize) {
        Some(unit) => Ok(Scope::Parts { units: vec![(*unit).clone()], new: None }),
        None if best.option as usize == functions.len() => otherwise(),
        None => Ok(Scope::Parts { units: Vec::new(), new: Some(Place::at_end(path, &base.text)) }),
    }
}
