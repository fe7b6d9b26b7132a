//! New definitions: which instruction asks for one, and where it goes.

use crate::guard::names;
use crate::units::Unit;
use deepcoder_syntax::Language;
use deepcoder_types::RepoPath;

/// Words that ask for something that is not there.
const MAKES: [&str; 7] = ["add", "write", "create", "implement", "define", "introduce", "provide"];
/// What is made.
const KINDS: [&str; 9] = ["function", "method", "class", "struct", "helper", "enum", "interface", "trait", "test"];
/// Words after a kind that make it another thing.
const OF_ANOTHER: [&str; 14] = [
    "call",
    "calls",
    "argument",
    "arguments",
    "parameter",
    "parameters",
    "docstring",
    "docstrings",
    "comment",
    "comments",
    "signature",
    "body",
    "name",
    "decorator",
];
/// Words after `and` that begin with the use of what was made.
const USES: [&str; 14] = [
    "use", "call", "make", "let", "replace", "change", "update", "have", "reuse", "apply", "invoke", "refactor",
    "rewrite", "test",
];
/// Words between the verb and the kind at most.
const BETWEEN: usize = 6;

/// A definition that the instruction asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Made<'i> {
    /// The word that says what it is.
    pub kind: &'i str,
    /// The instruction after that.
    pub rest: &'i str,
    /// Whether other code is to use it.
    pub used: bool,
}

/// The new definition that the instruction begins with, unless the file has it.
pub(crate) fn made<'i>(instruction: &'i str, units: &[Unit]) -> Option<Made<'i>> {
    let mut words = instruction.split_whitespace().peekable();
    words.next_if(|word| word.eq_ignore_ascii_case("please"));
    let verb = words.next()?.to_lowercase();
    if !MAKES.contains(&verb.as_str()) {
        return None;
    }
    let bare = |word: &str| word.trim_matches(|c: char| !(c.is_alphanumeric() || c == '_')).to_lowercase();
    let kind = words.by_ref().take(BETWEEN).find(|word| KINDS.contains(&bare(word).as_str()))?;
    if words.peek().is_some_and(|next| OF_ANOTHER.contains(&bare(next).as_str())) {
        return None;
    }
    let at = kind.as_ptr() as usize - instruction.as_ptr() as usize;
    let (lead, rest) = (&instruction[..at], &instruction[at + kind.len()..]);
    // `add a docstring to the function`, `add logging in every method`: something else is made there.
    let elsewhere = ["to", "in", "of", "for", "with", "every", "each", "all", "this"];
    if lead.split_whitespace().skip(1).any(|word| elsewhere.contains(&bare(word).as_str())) {
        return None;
    }
    // A definite one is there already.
    if lead.split_whitespace().last().is_some_and(|word| word.eq_ignore_ascii_case("the")) && first_named(rest, units) {
        return None;
    }
    if first_named(rest, units) && !rest.trim_start().starts_with(|c: char| c.is_lowercase()) {
        return None;
    }
    let lower = rest.to_lowercase();
    let used = lower.match_indices(" and ").any(|(at, and)| {
        let mut next = lower[at + and.len()..].split_whitespace().skip_while(|word| matches!(*word, "then" | "also"));
        next.next().is_some_and(|word| USES.contains(&word))
    });
    Some(Made { kind, rest, used })
}

/// Whether the next name in the text is that of a unit.
fn first_named(rest: &str, units: &[Unit]) -> bool {
    let word = rest.split_whitespace().find(|word| !matches!(*word, "called" | "named"));
    let name = word.map(|word| {
        word.split('(').next().unwrap_or_default().trim_matches(|c: char| !(c.is_alphanumeric() || c == '_'))
    });
    name.is_some_and(|name| units.iter().any(|unit| unit.name == name))
}

/// Where a new definition goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The byte in front of which it goes.
    pub at: usize,
    /// Blanks before its first line.
    pub indent: String,
    /// The type that it goes into.
    pub within: Option<String>,
    /// Empty lines between it and its neighbours.
    pub apart: usize,
}

impl Place {
    /// The place of what the instruction asks for: the end of the type that it names, or else the end of the file.
    pub(crate) fn of(path: &RepoPath, text: &str, units: &[Unit], made: &Made<'_>) -> Self {
        let types: Vec<&Unit> = units.iter().filter(|unit| unit.is_type()).collect();
        let kind = made.kind.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        let is_member = kind == "method" || (kind == "function" && !made.rest.is_empty() && mentions_member(made.rest));
        let mut named = types.iter().filter(|unit| names(made.rest, &unit.name));
        let owner = match (named.next(), types.as_slice()) {
            (Some(unit), _) if is_member => Some(*unit),
            (None, [only]) if kind == "method" => Some(*only),
            _ => None,
        };
        owner.and_then(|owner| Self::in_type(path, text, units, owner)).unwrap_or_else(|| Self::at_end(path, text))
    }

    /// After the last member of a type, indented as that is.
    fn in_type(path: &RepoPath, text: &str, units: &[Unit], owner: &Unit) -> Option<Self> {
        let members = units.iter().filter(|unit| owner.holds(unit) && unit.is_function());
        let last = members.max_by_key(|unit| unit.range.end)?;
        let line = text.get(last.range.clone())?.lines().find(|line| !line.trim().is_empty())?;
        let indent = line[..line.len() - line.trim_start().len()].to_owned();
        let outer = line_indent(text, owner.signature.start);
        let apart = usize::from(Language::of(path) != Some(Language::Python) || indent.len() > outer);
        (indent.len() > outer).then(|| Self {
            at: last.range.end,
            indent,
            within: Some(owner.qualified.clone()),
            apart,
        })
    }

    /// After the last definition; in Python before the code that runs the file as a program.
    pub(crate) fn at_end(path: &RepoPath, text: &str) -> Self {
        let python = Language::of(path) == Some(Language::Python);
        let guard = text.find("\nif __name__").map(|at| at + 1).filter(|_| python);
        let at = guard.unwrap_or(text.len());
        let at = text[..at].trim_end().len();
        let at = text[at..].find('\n').map_or(text.len(), |end| at + end + 1);
        Self { at, indent: String::new(), within: None, apart: if python { 2 } else { 1 } }
    }
}

fn mentions_member(rest: &str) -> bool {
    let rest = rest.to_lowercase();
    [" to the class", " to class", "to `", " in the class", " of the class"].iter().any(|words| rest.contains(words))
}

fn line_indent(text: &str, at: usize) -> usize {
    let start = text[..at].rfind('\n').map_or(0, |n| n + 1);
    text[start..at].len() - text[start..at].trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::units;

    const TEXT: &str = "class Stack:\n    def push(self, x):\n        pass\n\n    def pop(self):\n        pass\n\n\ndef \
                        use(s):\n    s.pop()\n\n\nif __name__ == \"__main__\":\n    use(Stack())\n";

    fn place(instruction: &str) -> Option<(usize, Option<String>, bool)> {
        let path = RepoPath::new("a.py").expect("a path");
        let units = units(&path, TEXT);
        let made = made(instruction, &units)?;
        let place = Place::of(&path, TEXT, &units, &made);
        Some((TEXT[..place.at].lines().count(), place.within, made.used))
    }

    /// Protects what is there when something new is asked for: the new definition has a place of its own.
    #[test]
    fn new_definitions_have_a_place() {
        let stack = || Some("Stack".to_owned());
        assert_eq!(place("add a method `peek` to Stack"), Some((6, stack(), false)));
        assert_eq!(place("Add a size method that counts the items."), Some((6, stack(), false)));
        assert_eq!(place("write a function that empties a stack"), Some((10, None, false)));
        assert_eq!(place("add a helper `drain(s)` and call it in `use`"), Some((10, None, true)));
        assert_eq!(place("add a class Queue"), Some((10, None, false)));
        assert_eq!(place("add a docstring to the function `use`"), None);
        assert_eq!(place("add a function call to `use`"), None);
        assert_eq!(place("implement the method `pop`"), None);
        assert_eq!(place("add type hints to every function"), None);
        assert_eq!(place("let `pop` return None"), None);
    }
}
