//! Instructions that give one thing another name.

/// A name that becomes another one.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Renaming {
    /// The name that it has.
    pub name: String,
    /// The name that it will have.
    pub new_name: String,
}

/// What an instruction that only renames says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedRenaming {
    /// The name, perhaps with the modules and types around it: `Book.total`.
    pub name: String,
    /// The function or the type that has it in it, where the instruction says so.
    pub within: Option<String>,
    /// The file that it is in, where the instruction says so.
    pub file: Option<String>,
    /// The name that it will have.
    pub new_name: String,
}

/// Kinds of things that have a name.
const KINDS: [&str; 22] = [
    "function",
    "method",
    "variable",
    "class",
    "parameter",
    "argument",
    "attribute",
    "field",
    "member",
    "constant",
    "struct",
    "enum",
    "trait",
    "interface",
    "type",
    "property",
    "local",
    "macro",
    "module",
    "symbol",
    "identifier",
    "name",
];

/// Words that stand for no particular thing.
const VAGUE: [&str; 19] = [
    "it",
    "the",
    "something",
    "them",
    "this",
    "that",
    "everything",
    "every",
    "each",
    "all",
    "both",
    "any",
    "comments",
    "comment",
    "strings",
    "docs",
    "documentation",
    "tests",
    "everywhere",
];

/// Those of them that are names too where a renaming says what it is in: `rename all to pairs in top`.
const NAMES_WITHIN: [&str; 9] = ["all", "any", "each", "every", "both", "comments", "comment", "strings", "tests"];

/// Words that say when or how often something is called.
const ADVERBS: [&str; 27] = [
    "once",
    "twice",
    "thrice",
    "first",
    "last",
    "only",
    "before",
    "after",
    "always",
    "never",
    "now",
    "later",
    "again",
    "here",
    "there",
    "everywhere",
    "often",
    "early",
    "late",
    "together",
    "then",
    "too",
    "also",
    "inside",
    "outside",
    "async",
    "instead",
];

/// Words that say that the whole repository is meant, which it is anyway.
const WHOLE: [&str; 11] =
    ["all", "the", "whole", "entire", "this", "repository", "repo", "project", "codebase", "tree", "files"];

/// What follows a renaming anyway.
const USERS: [&str; 12] = [
    "all",
    "its",
    "the",
    "callers",
    "calls",
    "usages",
    "uses",
    "references",
    "imports",
    "call",
    "sites",
    "accordingly",
];

/// One word, and whether it is in quotes, so that it is a name whatever it means.
#[derive(Clone)]
struct Word {
    text: String,
    lower: String,
    quoted: bool,
}

impl Word {
    fn is(&self, words: &[&str]) -> bool {
        !self.quoted && words.contains(&self.lower.as_str())
    }

    /// Whether it can be no name: `it`, `everything`.
    fn stands_for_none(&self) -> bool {
        self.is(&VAGUE) && !self.is(&NAMES_WITHIN)
    }
}

impl AskedRenaming {
    /// What `instruction` asks for, if every word of it belongs to one renaming: `rename the variable a in f to b`, `in f, call a
    /// b instead`, `a should be called b`. `None` where it may ask for more.
    #[must_use]
    pub fn read(instruction: &str) -> Option<Self> {
        let all = words(instruction)?;
        let mut rest = all.as_slice();
        while let Some((first, tail)) =
            rest.split_first().filter(|(first, _)| first.is(&["please", "can", "could", "you"]))
        {
            let _ = first;
            rest = tail;
        }
        while let Some((last, head)) = rest.split_last().filter(|(last, _)| last.is(&["please", ","])) {
            let _ = last;
            rest = head;
        }
        let mut around = Around::default();
        // `in f, …`
        if rest.first()?.is(&IN) {
            let comma = rest.iter().position(|word| word.is(&[","]))?;
            around.place(rest.get(1..comma)?)?;
            rest = rest.get(comma + 1..)?;
        }
        let calls = rest.iter().any(|word| word.is(&["call", "called"]));
        let (subject, new_name, tail) = parts(rest)?;
        let (name, behind) = named(subject)?;
        around.places(behind)?;
        let (new, behind) = match new_name {
            [kind, new, behind @ ..]
                if kind.is(&KINDS) && !behind.first().is_some_and(|word| word.is(&KINDS)) && !new.is(&IN) =>
            {
                (new, behind)
            }
            [new, behind @ ..] => (new, behind),
            [] => return None,
        };
        around.places(behind)?;
        around.places(tail)?;
        let vague = [subject, std::slice::from_ref(new)].concat().iter().any(|word| word.is(&NAMES_WITHIN));
        if vague && around.within.is_none() {
            return None;
        }
        let last = name.rsplit(['.', ':', '#']).next()?;
        let owner = &name[..name.len() - last.len()];
        // `rename A.x to A.y`
        let bare = match new.text.strip_prefix(owner).filter(|_| !owner.is_empty()) {
            Some(rest) => Word { text: rest.to_owned(), ..new.clone() },
            None => new.clone(),
        };
        let new_name = identifier(&bare)?;
        // `clean should be called once`, `call f safely instead`: when, and not what.
        let shaped =
            |text: &str| text.contains(['_', '$']) || text.chars().skip(1).any(|c| c.is_uppercase() || c.is_numeric());
        let how = ADVERBS.contains(&bare.lower.as_str()) || bare.lower.ends_with("ly");
        let clear = bare.quoted || shaped(&new_name) || (!how && (around.within.is_some() || subject.len() > 1));
        if calls && !clear {
            return None;
        }
        (last != new_name).then_some(Self { within: around.within, file: around.file, name, new_name })
    }

    /// The name with what is around it: `f.x`.
    #[must_use]
    pub fn qualified(&self) -> String {
        match &self.within {
            Some(within) => format!("{within}.{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// Words before a place.
const IN: [&str; 5] = ["in", "of", "inside", "within", "from"];

/// What is renamed, its new name with what follows, and the words behind both.
fn parts(words: &[Word]) -> Option<(&[Word], &[Word], &[Word])> {
    let (verb, rest) = words.split_first()?;
    let to = |rest: &[Word], at: &[&str]| rest.iter().position(|word| word.is(at)).filter(|at| *at > 0);
    if verb.is(&["rename"]) {
        let at = to(rest, &["to", "into", "as", "->", "=>"])?;
        return Some((&rest[..at], strip(rest.get(at + 1..)?), &[]));
    }
    if verb.is(&["change"]) {
        // `change the name of a to b`
        let skip = rest.iter().take_while(|word| word.is(&["the"])).count();
        let [name, of, rest @ ..] = rest.get(skip..)? else { return None };
        if !(name.is(&["name"]) && of.is(&["of"])) {
            return None;
        }
        let at = to(rest, &["to", "into"])?;
        return Some((&rest[..at], strip(rest.get(at + 1..)?), &[]));
    }
    if verb.is(&["call", "name"]) {
        // `call a b instead`; `call f first` is something else.
        let at = to(rest, &["instead"])?;
        let (subject, new_name) = rest[..at].split_at_checked(at.checked_sub(1)?)?;
        return Some((subject, new_name, rest.get(at + 1..)?));
    }
    // `a should be called b`
    let at = to(words, &["should", "must"])?;
    let [be, verb, new_name @ ..] = words.get(at + 1..)? else { return None };
    let new_name = match new_name {
        [to, rest @ ..] if verb.is(&["renamed"]) && to.is(&["to", "into", "as"]) => rest,
        [to, ..] if to.is(&["to", "into"]) => return None,
        rest => rest,
    };
    (be.is(&["be"]) && verb.is(&["called", "named", "renamed"])).then_some((&words[..at], new_name, &[]))
}

/// Without `the name` before it.
fn strip(words: &[Word]) -> &[Word] {
    match words {
        [the, name, rest @ ..] if the.is(&["the"]) && name.is(&["name"]) && !rest.is_empty() => rest,
        words => words,
    }
}

/// `the variable a in f`: the name, and the words behind it.
fn named(words: &[Word]) -> Option<(String, &[Word])> {
    let end = words.iter().position(|word| word.is(&IN)).unwrap_or(words.len());
    let (mut head, behind) = words.split_at_checked(end)?;
    while head.len() > 1 && head.first()?.is(&["the", "local", "global", "private", "public"]) {
        head = &head[1..];
    }
    let name = match head {
        [name] => name,
        [kind, name] if kind.is(&KINDS) => name,
        [name, kind] if kind.is(&KINDS) => name,
        [kind, named, name] if kind.is(&KINDS) && named.is(&["named", "called", "name"]) => name,
        _ => return None,
    };
    Some((qualified(name)?, behind))
}

/// Where the name is.
#[derive(Default)]
struct Around {
    within: Option<String>,
    file: Option<String>,
}

impl Around {
    /// `in f everywhere`, `of the class A in a.py`
    fn places(&mut self, words: &[Word]) -> Option<()> {
        let mut rest = words;
        while let Some((first, tail)) = rest.split_first() {
            if first.is(&[",", "everywhere", "globally"]) {
                rest = tail;
            } else if first.is(&["throughout", "across", "over"]) {
                return (!tail.is_empty() && tail.iter().all(|word| word.is(&WHOLE))).then_some(());
            } else if first.is(&["and"]) {
                let (verb, users) = tail.split_first()?;
                let all = !users.is_empty() && users.iter().all(|word| word.is(&USERS));
                return (verb.is(&["update", "fix", "adjust", "change"]) && all).then_some(());
            } else if first.is(&IN) {
                let ends = |word: &Word| word.is(&IN) || word.is(&[",", "and", "everywhere", "throughout", "across"]);
                let end = tail.iter().position(ends).unwrap_or(tail.len());
                let (place, behind) = tail.split_at_checked(end)?;
                self.place(place)?;
                rest = behind;
            } else {
                return None;
            }
        }
        Some(())
    }

    fn place(&mut self, words: &[Word]) -> Option<()> {
        // `this file` is one that is named elsewhere.
        let whole = words.last().is_some_and(|last| last.is(&WHOLE[5..]));
        if whole && words.iter().all(|word| word.is(&WHOLE)) {
            return Some(());
        }
        if words.iter().any(|word| word.is(&VAGUE) && !word.is(&["the"])) {
            return None;
        }
        let word = match words {
            [word] => word,
            [the, word] if the.is(&["the"]) || the.is(&KINDS) || the.is(&["file"]) => word,
            [word, kind] if kind.is(&KINDS) => word,
            [the, kind, word] if the.is(&["the"]) && (kind.is(&KINDS) || kind.is(&["file"])) => word,
            [the, word, kind] if the.is(&["the"]) && kind.is(&KINDS) => word,
            _ => return None,
        };
        let slot = if is_file(&word.text) { &mut self.file } else { &mut self.within };
        let text = if is_file(&word.text) { word.text.clone() } else { qualified(word)? };
        // The outer one comes second: `of f in the class A`.
        *slot = Some(match slot.take() {
            None => text,
            Some(inner) if !is_file(&text) => format!("{text}.{inner}"),
            Some(_) => return None,
        });
        Some(())
    }
}

/// `src/a.py`, `a.py`; `Book.total` is none.
fn is_file(text: &str) -> bool {
    text.contains('/')
        || text.rsplit_once('.').is_some_and(|(stem, ending)| {
            let known =
                ["py", "pyi", "js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "rs", "go", "java", "c", "h", "cc"];
            let more = ["cpp", "cxx", "hpp", "hh", "rb", "php", "kt", "swift", "cs", "scala", "sh", "ipynb"];
            !stem.is_empty() && (known.contains(&ending) || more.contains(&ending))
        })
}

fn qualified(word: &Word) -> Option<String> {
    let text = word.text.strip_suffix("()").unwrap_or(&word.text);
    let parts = text.split("::").flat_map(|part| part.split(['.', '#']));
    let valid = !is_file(text) && parts.clone().all(is_name);
    (valid && !word.stands_for_none()).then(|| text.to_owned())
}

fn identifier(word: &Word) -> Option<String> {
    let text = word.text.strip_suffix("()").unwrap_or(&word.text);
    (is_name(text) && !word.stands_for_none()).then(|| text.to_owned())
}

fn is_name(text: &str) -> bool {
    let first = text.chars().next();
    first.is_some_and(|c| c.is_alphabetic() || c == '_' || c == '$')
        && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$')
}

/// The words, with commas of their own; what is in quotes is one word. `None` where the text has several sentences or code.
fn words(text: &str) -> Option<Vec<Word>> {
    let text = text.trim().trim_end_matches(['.', '!', '?']);
    if text.contains(['\n', ';']) || text.contains(". ") {
        return None;
    }
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let quote = Some(first).filter(|c| matches!(c, '`' | '"' | '\''));
        let quoted = quote.and_then(|quote| rest.get(1..)?.split_once(quote)).filter(|(word, _)| !word.is_empty());
        let (word, tail, is_quoted) = match quoted {
            Some((word, tail)) => (word, tail, true),
            None => {
                let end = rest.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(rest.len());
                let end = if end == 0 { 1 } else { end };
                (&rest[..end], &rest[end..], false)
            }
        };
        out.push(Word { text: word.to_owned(), lower: word.to_lowercase(), quoted: is_quoted });
        rest = tail.trim_start();
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects people from syntax: a renaming of one thing is understood in the words that people use, with the function, the
    /// type and the file that it is in.
    #[test]
    fn renamings_are_read() {
        for (text, name, within, file, new) in [
            ("rename transfer to move_money", "transfer", "", "", "move_money"),
            ("Please rename the function `transfer` to `move_money` everywhere.", "transfer", "", "", "move_money"),
            ("rename start to first in capitalize", "start", "capitalize", "", "first"),
            ("Rename the variable lines in statement to rows", "lines", "statement", "", "rows"),
            ("rename the lines variable in statement to rows", "lines", "statement", "", "rows"),
            ("rename the parameter x of f to count", "x", "f", "", "count"),
            ("in median, call ordered in_order instead", "ordered", "median", "", "in_order"),
            ("In the function f, rename a to b", "a", "f", "", "b"),
            ("call total sum_of_lines instead in place", "total", "place", "", "sum_of_lines"),
            ("rename x to y in src/a.py", "x", "", "src/a.py", "y"),
            ("rename x in f to y in a.py", "x", "f", "a.py", "y"),
            ("rename the local variable x to y in f of the class A", "x", "A.f", "", "y"),
            ("change the name of Book.total to sum across the repository", "Book.total", "", "", "sum"),
            ("the variable a in f should be called b", "a", "f", "", "b"),
            ("a should be renamed to b", "a", "", "", "b"),
            ("total should be renamed as result", "total", "", "", "result"),
            ("rename class Store to class Shop", "Store", "", "", "Shop"),
            ("rename Store.close to Store.shut", "Store.close", "", "", "shut"),
            ("total should be called sum_of_all", "total", "", "", "sum_of_all"),
            ("f should be called `once`", "f", "", "", "once"),
            ("rename crate::bank::Book as Ledger", "crate::bank::Book", "", "", "Ledger"),
            ("rename `to` to source in the whole project", "to", "", "", "source"),
            ("rename f to g and update all its callers", "f", "", "", "g"),
            ("could you rename f() to g() please", "f", "", "", "g"),
            ("rename a to name", "a", "", "", "name"),
            ("rename all to pairs in top", "all", "top", "", "pairs"),
            ("in f, rename x to any", "x", "f", "", "any"),
        ] {
            let read = AskedRenaming::read(text).unwrap_or_else(|| panic!("{text}"));
            let some = |text: &str| Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
            let wanted =
                AskedRenaming { name: name.into(), within: some(within), file: some(file), new_name: new.into() };
            assert_eq!(read, wanted, "{text}");
        }
    }

    /// Protects instructions that say more, or something else, from being cut down to a renaming.
    #[test]
    fn other_sentences_are_no_renamings() {
        for text in [
            "",
            "rename",
            "rename x",
            "rename x to y and z to w",
            "rename x to y and make it faster",
            "rename x to y as a property",
            "rename x in f to y as a property",
            "rename x to something better",
            "rename it to y",
            "rename a.py to b.py",
            "rename f(x) to g(x)",
            "rename f to f",
            "rename f to g. Then call it twice",
            "in main, call setup first",
            "call transfer instead",
            "call f with 3 instead of 4",
            "change the name to Bob",
            "change a to b",
            "a should be sorted",
            "the file should be named b.py",
            "rename the title to 'New-Title'",
            "in f, add a docstring",
            "cleanup should be called once",
            "cleanup() must be called first",
            "Store.close must be called automatically",
            "validate should be called everywhere",
            "log should be called only in main",
            "call cleanup safely instead",
            "in main, call cleanup twice instead",
            "rename setup() to init() but keep an alias",
            "rename log to entry in every function",
            "rename all to pairs",
            "rename tests to checks in the whole repository",
            "rename both to x",
            "rename x to y in all",
            "rename log to entry in the comments",
            "rename cleanup to tidy and the file",
            "rename cleanup to tidy in this file",
            "rename cleanup to tidy in both files",
        ] {
            assert_eq!(AskedRenaming::read(text), None, "{text}");
        }
    }
}
