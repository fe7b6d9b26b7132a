//! The definitions that an instruction names.

use deepcoder_syntax::is_file_extension;

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

/// Words beside a common word that make it a name.
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

    /// Whether the instruction is plainly about the definition `name`: it has it as code, as a word that no sentence has, or
    /// where only a name can stand (`total should …`, `fix median:`, `to total`).
    pub(crate) fn names_plainly(&self, name: &str) -> bool {
        !name.is_empty() && self.text.match_indices(name).any(|(at, _)| self.is_plain_name(at, name))
    }

    fn is_plain_name(&self, at: usize, name: &str) -> bool {
        let (before, after) = (&self.text[..at], &self.text[at + name.len()..]);
        let (last, next) = (before.chars().next_back(), after.chars().next());
        if last.is_some_and(is_word) || next.is_some_and(is_word) || matches!(last, Some('/' | '-' | '\\')) {
            return false;
        }
        // `util` of `util.py`, and what an option is called.
        let member = next == Some('.') && after.chars().nth(1).is_some_and(is_word);
        if member && extension_of(after) || next == Some('/') || next == Some('-') {
            return false;
        }
        if is_identifier(name) || last == Some('`') || next == Some('(') {
            return true;
        }
        if last == Some('.') && before.chars().rev().nth(1).is_some_and(is_word) {
            return true;
        }
        let mut words = before.split_whitespace().rev();
        let bare = |word: &str| word.trim_matches(|c: char| !is_word(c)).to_lowercase();
        let (previous, ends) =
            words.next().map_or((String::new(), true), |w| (bare(w), w.ends_with(['.', ':', ';', ','])));
        let following = after.split_whitespace().next().map(bare).unwrap_or_default();
        let parted = next.is_some_and(|c| matches!(c, '.' | ':' | ';' | ','));
        // A capital within a sentence is a type's.
        if name.starts_with(char::is_uppercase) && !ends && !name.chars().all(char::is_uppercase) {
            return true;
        }
        let kind = |word: &str| KINDS.contains(&word);
        if kind(&previous) && !ends || (!previous.is_empty() && !parted && kind(&following)) {
            return true;
        }
        let clause = ends || matches!(previous.as_str(), "and" | "so" | "that" | "make");
        if clause && !parted && MODALS.contains(&following.as_str()) {
            return true;
        }
        // `fix total`, `add … to total`; after an article it is a thing.
        let verb = self.text.split_whitespace().count() > 1 && before.split_whitespace().count() == 1;
        let ending =
            parted || matches!(following.as_str(), "" | "with" | "so" | "to" | "by" | "using" | "into" | "when");
        !COMMON.contains(&name.to_lowercase().as_str())
            && ending
            && !ends
            && ((verb && VERBS.contains(&previous.as_str())) || matches!(previous.as_str(), "to"))
    }

    /// Whether a sentence of the instruction says what `name` should do.
    pub(crate) fn is_subject(&self, name: &str) -> bool {
        self.text.match_indices(name).any(|(at, _)| {
            let after = self.text[at + name.len()..].trim_start_matches(['`', '(', ')']);
            let following = after.split_whitespace().next().unwrap_or_default().to_lowercase();
            self.is_plain_name(at, name) && after.starts_with(' ') && MODALS.contains(&following.as_str())
        })
    }

    /// Whether a sentence or clause of the instruction begins with the wish that something goes.
    pub(crate) fn removes(&self) -> bool {
        const REMOVALS: &[&str] = &[
            "remove", "removes", "removed", "delete", "drop", "clean", "cleanup", "shorten", "trim", "prune", "strip",
            "condense",
        ];
        self.clauses_begin_with(REMOVALS)
    }

    /// Whether a sentence or clause begins with one of these words.
    pub(crate) fn clauses_begin_with(&self, list: &[&str]) -> bool {
        let mut begins = true;
        self.text.split_whitespace().any(|word| {
            let bare = word.trim_matches(|c: char| !is_word(c)).to_lowercase();
            let found = begins && list.contains(&bare.as_str());
            begins = word.ends_with([',', ':', ';', '.']) || matches!(bare.as_str(), "and" | "then" | "please" | "");
            found
        })
    }

    /// Whether some word of the instruction is `word` but for its ending.
    pub(crate) fn speaks_of(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        self.words().any(|said| is_alike(&said, &word))
    }

    /// Its words in lower case, names in their parts too.
    pub(crate) fn words(&self) -> impl Iterator<Item = String> {
        self.text
            .split(|c: char| !is_word(c))
            .filter(|word| !word.is_empty())
            .flat_map(|word| parts(word).into_iter().chain([word.to_lowercase()]))
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

/// Verbs whose object may be a name without an article.
const VERBS: &[&str] = &[
    "fix",
    "rewrite",
    "refactor",
    "simplify",
    "optimize",
    "optimise",
    "change",
    "update",
    "improve",
    "modify",
    "convert",
    "extend",
    "rework",
    "vectorize",
    "memoize",
    "document",
    "harden",
    "debug",
    "correct",
    "implement",
    "speed",
    "make",
    "let",
];

/// Words that follow the subject of a sentence.
const MODALS: &[&str] = &[
    "should", "must", "shall", "needs", "has", "does", "may", "ought", "shouldn", "mustn", "doesn", "raises", "throws",
    "returns", "takes", "accepts", "fails", "crashes", "ignores", "gives",
];

/// Whether `after` begins like the ending of a file's name.
fn extension_of(after: &str) -> bool {
    let rest = after.trim_start_matches('.');
    let ending = rest.split(|c| !is_word(c)).next().unwrap_or_default();
    is_file_extension(ending)
}

/// The words of a name in lower case: `apply_discount` and `applyDiscount` are `apply` and `discount`.
pub(crate) fn parts(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() {
            lower = false;
            parts.push(String::new());
            continue;
        }
        if parts.is_empty() || (c.is_uppercase() && lower) {
            parts.push(String::new());
        }
        lower = c.is_lowercase() || c.is_numeric();
        if let Some(part) = parts.last_mut() {
            part.extend(c.to_lowercase());
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Whether two words in lower case differ in their endings only.
pub(crate) fn is_alike(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let common: usize = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum();
    let plural = |long: &str, short: &str| matches!(long.strip_prefix(short), Some("s" | "es" | "d" | "ed" | "ing"));
    let rest = |word: &str| word[common..].chars().count();
    plural(a, b) && b.len() > 2 || plural(b, a) && a.len() > 2 || (common >= 5 && rest(a) <= 3 && rest(b) <= 3)
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

    /// Protects the check of what changes beside: a name counts only where it is meant as one.
    #[test]
    fn names_that_are_plainly_meant() {
        for (prompt, name, named) in [
            ("remove should raise a ValueError when there are not enough pieces", "remove", true),
            ("parse should throw a TypeError when its argument is not a string", "parse", true),
            ("Cart.total should round the result", "total", true),
            ("rewrite total with sum()", "total", true),
            ("fix median: with an even number of values it fails", "median", true),
            ("add an optional parameter currency=\"EUR\" to format_total and write it", "format_total", true),
            ("add a docstring to the function total", "total", true),
            ("make `add` faster", "add", true),
            ("make Inventory hashable", "Inventory", true),
            ("fix the balance of accounts", "balance", false),
            ("write the total to a file", "total", false),
            ("write it to util.py", "util", false),
            ("remove the old code", "remove", false),
            ("Report errors", "Report", false),
            ("add --total to the command", "total", false),
        ] {
            assert_eq!(Prompt::new(prompt).names_plainly(name), named, "{prompt}: {name}");
        }
        for (a, b, alike) in [
            ("dependency", "dependencies", true),
            ("port", "ports", true),
            ("port", "portal", false),
            ("a", "as", false),
        ] {
            assert_eq!(super::is_alike(a, b), alike, "{a} {b}");
        }
        assert_eq!(super::parts("applyDiscount_HTTPServer2x"), ["apply", "discount", "httpserver2x"]);
    }

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
