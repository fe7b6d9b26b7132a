//! What an instruction names.

/// The user's instruction.
pub(crate) struct Prompt<'a> {
    text: &'a str,
}

/// Words of instructions that are also names of definitions. They name one only where they are written as code, or beside a
/// word such as `function`.
const COMMON: &[&str] = &[
    "a", "add", "all", "an", "and", "any", "apply", "args", "argument", "as", "at", "base", "body", "build", "by",
    "call", "case", "change", "check", "class", "clean", "clear", "close", "code", "comment", "config", "convert",
    "copy", "count", "create", "data", "date", "default", "delete", "do", "document", "each", "edit", "else", "empty",
    "error", "every", "extract", "fetch", "field", "file", "fill", "filter", "find", "fix", "for", "format", "from",
    "function", "get", "handle", "help", "if", "import", "in", "index", "init", "inline", "insert", "into", "is", "it",
    "item", "items", "key", "keys", "length", "line", "lines", "list", "load", "log", "main", "make", "map", "merge",
    "message", "method", "move", "name", "new", "no", "not", "number", "object", "of", "on", "open", "option",
    "options", "or", "order", "output", "parse", "path", "point", "print", "process", "put", "raise", "read",
    "refactor", "remove", "rename", "replace", "report", "reset", "result", "return", "rewrite", "run", "save",
    "search", "send", "set", "setup", "show", "simplify", "size", "sort", "split", "start", "state", "stop", "string",
    "strip", "sum", "test", "tests", "text", "that", "the", "then", "time", "to", "type", "types", "update", "use",
    "user", "validate", "value", "values", "wait", "when", "with", "word", "words", "wrap", "write",
];

/// What stands beside a name that is a common word.
const KINDS: &[&str] = &[
    "function",
    "functions",
    "method",
    "methods",
    "class",
    "classes",
    "def",
    "fn",
    "func",
    "struct",
    "enum",
    "trait",
    "interface",
    "type",
    "constant",
    "variable",
    "field",
    "module",
    "named",
    "called",
    "helper",
    "constructor",
    "property",
];

impl<'a> Prompt<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text }
    }

    /// The text.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// Whether `name` is in the instruction as a name: as a word, and not only as the verb or noun that it also is.
    pub(crate) fn names(&self, name: &str) -> bool {
        !name.is_empty() && self.text.match_indices(name).any(|(at, _)| self.is_name(at, name))
    }

    /// Whether the instruction has `word` as a word, in whatever case.
    pub(crate) fn has_word(&self, word: &str) -> bool {
        let (text, word) = (self.text.to_lowercase(), word.to_lowercase());
        text.match_indices(&word).any(|(at, _)| {
            !text[..at].chars().next_back().is_some_and(is_word)
                && !text[at + word.len()..].chars().next().is_some_and(is_word)
        })
    }

    fn is_name(&self, at: usize, name: &str) -> bool {
        let (before, after) = (&self.text[..at], &self.text[at + name.len()..]);
        let (last, next) = (before.chars().next_back(), after.chars().next());
        if last.is_some_and(is_word) || next.is_some_and(is_word) {
            return false;
        }
        if is_identifier(name) || !COMMON.contains(&name.to_lowercase().as_str()) {
            return true;
        }
        // As code: `add`, 'add', add(), Class.add
        if matches!(last, Some('`' | '"' | '\'')) || next == Some('(') {
            return true;
        }
        let mut words = before.chars();
        if words.next_back() == Some('.') && words.next_back().is_some_and(is_word) {
            return true;
        }
        if next == Some('.') && after.chars().nth(1).is_some_and(is_word) {
            return true;
        }
        let beside = |word: Option<&str>| {
            word.is_some_and(|w| KINDS.contains(&w.trim_matches(|c: char| !is_word(c)).to_lowercase().as_str()))
        };
        let first = before.trim().is_empty();
        beside(before.split_whitespace().next_back()) || (!first && beside(after.split_whitespace().next()))
    }
}

/// Whether a name can hardly be a word of a sentence: `snake_case`, `camelCase`, `x2`.
pub(crate) fn is_identifier(name: &str) -> bool {
    name.contains(['_', '$', '.']) || name.chars().skip(1).any(|c| c.is_uppercase() || c.is_numeric())
}

/// Whether a character is part of a name.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

#[cfg(test)]
mod tests {
    use super::Prompt;

    /// Protects the guard against lost definitions: the verb of an instruction is no name of a function that has the same.
    #[test]
    fn verbs_are_no_names() {
        for (prompt, name, named) in [
            ("rewrite total with sum()", "total", true),
            ("rewrite total with sum()", "tota", false),
            ("add type hints", "add", false),
            ("Add type hints", "Add", false),
            ("remove the add function", "add", true),
            ("add function foo", "add", false),
            ("remove function add", "add", true),
            ("delete `run`", "run", true),
            ("drop Account.close", "close", true),
            ("drop Account.close", "Account", true),
            ("close the file.", "close", false),
            ("inline main()", "main", true),
            ("split get_total in two", "get_total", true),
            ("split get_totals in two", "get_total", false),
            ("", "a", false),
        ] {
            assert_eq!(Prompt::new(prompt).names(name), named, "{prompt}: {name}");
        }
    }
}
