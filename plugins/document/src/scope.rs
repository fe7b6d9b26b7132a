//! Which definitions of the files a request is about.

use crate::units::Unit;
use deepcoder_plugin_api::{ErrorCode, PluginError};
use deepcoder_types::{Instruction, RepoPath, TextRange};

/// The definitions that a request is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Scope {
    /// Private ones as well.
    pub all: bool,
    /// Only those of these names.
    names: Vec<String>,
    /// Only those that this part of this file touches.
    selection: Option<(RepoPath, TextRange)>,
}

impl Scope {
    /// The scope of an instruction, whose words are names.
    pub(crate) fn of(instruction: &Instruction, all: bool) -> Self {
        let words = instruction.prompt.split(|c: char| c.is_whitespace() || c == ',');
        let names = words.map(|word| word.trim_matches('`').replace("::", ".")).filter(|word| !word.is_empty());
        let selection = instruction.selection.zip(instruction.targets.first());
        Self { all, names: names.collect(), selection: selection.map(|(range, path)| (path.clone(), range)) }
    }

    /// Whether it is about all that the files hold, and so about the files themselves.
    pub(crate) fn is_whole(&self) -> bool {
        self.names.is_empty() && self.selection.is_none()
    }

    /// Whether a definition is in it. A person who names one means it, private or not.
    pub(crate) fn has(&self, path: &RepoPath, unit: &Unit) -> bool {
        if !self.names.is_empty() {
            return self.names.iter().any(|name| is_named(unit, name));
        }
        match &self.selection {
            Some((file, range)) if file == path => {
                let head = unit.symbol.signature_start..unit.symbol.signature_end.max(unit.symbol.signature_start + 1);
                let inside = unit.symbol.range;
                let touches = head.start < range.end.max(range.start + 1) && range.start < head.end;
                // A place inside of a body means its definition, and not those around.
                touches || (unit.is_function() && inside.start <= range.start && range.end <= inside.end)
            }
            _ => unit.is_public || self.all,
        }
    }

    /// The first name that no definition has.
    pub(crate) fn unknown<'s>(&'s self, units: &[&Unit]) -> Option<&'s str> {
        let known = |name: &String| units.iter().any(|unit| is_named(unit, name));
        self.names.iter().find(|name| !known(name)).map(String::as_str)
    }

    /// The error of a name that no definition has.
    pub(crate) fn missing(name: &str) -> PluginError {
        PluginError::new(ErrorCode::NotFound, format!("no function, class or type is named `{name}`"))
            .with_hint("name a definition and its file: deepcoder document Book.transfer src/bank.py")
    }
}

/// Whether a name is that of a definition, with as much of what is around it as it says.
fn is_named(unit: &Unit, name: &str) -> bool {
    let qualified = unit.symbol.qualified.as_str();
    qualified == name || qualified.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))
}
