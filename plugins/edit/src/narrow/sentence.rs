//! The grammar of instructions about documentation, comments and type hints: a subject or a verb, the noun that it is
//! about, and the definition that it is for. `f needs a docstring`, `write a comment above f`, `type hints for f`.

use super::{CONNECTORS, DOCUMENTATION, FILLERS, NAMED, PREPOSITIONS, QUOTE, VERBS, unquoted};
use deepcoder_types::Constraint;

/// What a sentence is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noun {
    /// The documentation of definitions.
    Documentation,
    /// A comment in front of a definition.
    Above,
    /// Comments in whatever place.
    Comments,
    /// Type annotations.
    Hints,
}

/// An instruction that is about one thing only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sentence {
    /// What it is about.
    pub noun: Noun,
    /// The definition that it names: `f`, `C.f`.
    pub name: Option<String>,
    /// Whether it asks for something that is not there yet.
    pub adds: bool,
    /// Whether it is narrow even where nothing of that name is defined: `document f` may be about anything else.
    pub certain: bool,
}

impl Sentence {
    /// All that it may change.
    pub(crate) fn constraint(&self) -> Constraint {
        if self.noun == Noun::Hints { Constraint::Annotations } else { Constraint::Comments }
    }
}

const ADDING: [&str; 9] = ["add", "write", "insert", "put", "include", "generate", "create", "provide", "give"];
/// What a subject does that has no documentation.
const LACKS: [&[&str]; 19] = [
    &["needs"],
    &["lacks"],
    &["misses"],
    &["wants"],
    &["requires"],
    &["deserves"],
    &["has", "no"],
    &["is", "missing"],
    &["is", "lacking"],
    &["is", "without"],
    &["should", "have"],
    &["should", "get"],
    &["must", "have"],
    &["could", "use"],
    &["ought", "to", "have"],
    &["does", "not", "have"],
    &["doesn't", "have"],
    &["still", "needs"],
    &["still", "lacks"],
];
/// Words that are no name of a definition, where one could stand.
const NO_NAMES: [&str; 27] = [
    "it",
    "them",
    "this",
    "that",
    "these",
    "those",
    "all",
    "every",
    "each",
    "any",
    "everything",
    "anything",
    "public",
    "private",
    "exported",
    "code",
    "file",
    "module",
    "package",
    "functions",
    "methods",
    "classes",
    "what",
    "how",
    "why",
    "its",
    "a",
];
/// Parts of a signature.
const SIGNATURE: [&str; 14] = [
    "parameters",
    "parameter",
    "arguments",
    "argument",
    "params",
    "args",
    "signature",
    "result",
    "results",
    "return",
    "type",
    "types",
    "value",
    "inputs",
];

/// The instruction, if it is certainly a sentence of this grammar.
pub(crate) fn sentence(instruction: &str) -> Option<Sentence> {
    let text = unquoted(instruction);
    let text = text.trim().trim_end_matches(['.', '!']).trim_end();
    // A second sentence, a list or code may ask for anything.
    let qualified = text.replace("::", ".");
    if qualified.contains(['\n', ';', ':']) || qualified.contains(". ") {
        return None;
    }
    // What follows such a word is left out, and the sentence says of what.
    if qualified.split_whitespace().any(|word| is(word, &["except", "excluding", "unless", "besides", "apart", "but"]))
    {
        return None;
    }
    let clauses: Vec<Vec<&str>> = qualified.split(", ").map(words).collect();
    match clauses.as_slice() {
        [only] => lacking(only).or_else(|| clause(only)),
        // `in f, add a comment`
        [place, rest] if place.first().is_some_and(|word| is(word, &["in", "for"])) => {
            let (name, []) = name(&place[1..])? else { return None };
            clause(rest).filter(|found| found.name.is_none()).map(|found| Sentence { name: Some(name), ..found })
        }
        // `f has no documentation, add a comment`
        [lack, remedy] if is_remedy(remedy) => lacking(lack),
        _ => None,
    }
}

/// Without what is there for politeness.
fn words(text: &str) -> Vec<&str> {
    let mut out: Vec<&str> = text.split_whitespace().collect();
    if let [can, you, ..] = out[..]
        && is(can, &["can", "could", "would"])
        && is(you, &["you"])
    {
        out.drain(..2);
    }
    out.retain(|word| !is(word, &["please", "kindly"]));
    out
}

fn is(word: &str, of: &[&str]) -> bool {
    of.iter().any(|other| word.eq_ignore_ascii_case(other))
}

/// `add a comment`, `write one`: no more than the clause before it says.
fn is_remedy(words: &[&str]) -> bool {
    let Some((verb, rest)) = words.split_first() else { return false };
    let rest =
        if rest.first().is_some_and(|word| is(word, &["it", "them"])) && rest.len() > 1 { &rest[1..] } else { rest };
    is(verb, &ADDING)
        && (matches!(rest, [one] if is(one, &["one", "it", "some", "them"])) || matches!(object(rest), Some((_, []))))
}

/// `f needs a docstring`
fn lacking(words: &[&str]) -> Option<Sentence> {
    let (name, rest) = name(words)?;
    let lack = LACKS.iter().find(|lack| {
        rest.len() > lack.len() && rest.iter().zip(lack.iter()).all(|(word, lack)| word.eq_ignore_ascii_case(lack))
    })?;
    let (noun, tail) = object(&rest[lack.len()..])?;
    let tail = if tail.first().is_some_and(|word| is(word, &["above", "before"])) { &tail[1..] } else { tail };
    let alone = tail.is_empty() || matches!(tail, [it] if is(it, &["it"])) || says(tail);
    alone.then_some(Sentence { noun, name: Some(name), adds: true, certain: true })
}

/// A clause with a verb, or with none.
fn clause(words: &[&str]) -> Option<Sentence> {
    let (verb, rest) = words.split_first()?;
    if is(verb, &["annotate"]) {
        return annotate(rest);
    }
    if words.iter().any(|word| is(word, &CONNECTORS)) {
        return None;
    }
    if is(verb, &["document"]) {
        return document(rest);
    }
    if !is(verb, &VERBS) {
        // `type hints for f`
        let (noun, tail) = object(words)?;
        let (prep, tail) = tail.split_first()?;
        let (name, tail) = name(tail).filter(|_| is(prep, &["for", "of", "to", "on", "above"]))?;
        return (tail.is_empty() || says(tail)).then_some(Sentence {
            noun,
            name: Some(name),
            adds: true,
            certain: true,
        });
    }
    let adds = is(verb, &ADDING);
    // `give f a docstring`
    if is(verb, &["give"])
        && let Some((name, tail)) = name(rest)
        && let Some((noun, [])) = object(tail)
    {
        return Some(Sentence { noun, name: Some(name), adds, certain: true });
    }
    let (mut noun, tail) = object(rest)?;
    // `write the comments to the file`, `add annotations to the plot`: what the program has, and not what its text has.
    let data = match noun {
        Noun::Comments => {
            rest.first().is_some_and(|word| is(word, &["the"])) && tail.first() != Some(&QUOTE) && !lacks(rest)
        }
        Noun::Hints => !rest.iter().any(|word| word.to_lowercase().contains("type")) && is_thing(tail),
        _ => false,
    };
    if adds && data {
        return None;
    }
    // The text of the comment may follow.
    let tail = if tail.first() == Some(&QUOTE) { &tail[1..] } else { tail };
    if !tail.first().is_none_or(|word| is(word, &PREPOSITIONS)) {
        return None;
    }
    let place =
        tail.split_first().filter(|(prep, _)| is(prep, &["to", "for", "of", "on", "above", "before", "in", "from"]));
    let named = place.and_then(|(prep, rest)| name(rest).map(|(name, rest)| (*prep, name, rest)));
    let named =
        named.filter(|(_, _, rest)| rest.is_empty() || says(rest) || is(rest[0], &["in", "of", "at", "from", "to"]));
    let name = named.map(|(prep, name, _)| {
        if noun == Noun::Comments && is(prep, &["above", "before"]) && rest.iter().any(|word| is(word, &["comment"])) {
            noun = Noun::Above;
        }
        name
    });
    Some(Sentence { noun, name, adds, certain: true })
}

fn lacks(words: &[&str]) -> bool {
    words.iter().any(|word| is(word, &["missing", "necessary", "needed", "lacking"]))
}

/// `to the plot`, which is no part of a program.
fn is_thing(words: &[&str]) -> bool {
    const PARTS: [&str; 9] =
        ["file", "module", "code", "functions", "methods", "classes", "signature", "signatures", "project"];
    match words {
        [_, the, thing, ..] if is(the, &["the", "a", "an", "its"]) => {
            !is(thing, &NAMED) && !is(thing, &PARTS) && !is(thing, &SIGNATURE) && !is(thing, &["public", "private"])
        }
        _ => false,
    }
}

/// `document f`, `document all functions`
fn document(words: &[&str]) -> Option<Sentence> {
    let found = |name, certain| Some(Sentence { noun: Noun::Documentation, name, adds: true, certain });
    let first = words.iter().find(|word| !is(word, &FILLERS) && !is(word, &["public"]));
    if first.is_none_or(|word| is(word, &["functions", "methods", "classes", "in"])) {
        return found(None, true);
    }
    let (name, rest) = name(words)?;
    match rest.split_first() {
        None => {
            let certain = name.contains(['_', '.']) || name.chars().skip(1).any(char::is_uppercase);
            found(Some(name), certain)
        }
        Some((with, rest)) if is(with, &["with", "by", "using"]) => match object(rest)? {
            (Noun::Hints, _) => None,
            (_, []) => found(Some(name), true),
            _ => None,
        },
        Some((within, path)) if is(within, &["in"]) && path.len() == 1 => found(Some(name), false),
        _ => None,
    }
}

/// `annotate f`, `annotate the parameters and the result of f`
fn annotate(words: &[&str]) -> Option<Sentence> {
    let of_signature =
        words.iter().take_while(|word| is(word, &SIGNATURE) || is(word, &["the", "its", "all", "and"])).count();
    let (parts, rest) = words.split_at(of_signature);
    let parts = parts.iter().any(|word| is(word, &SIGNATURE));
    let rest = match rest {
        [of, rest @ ..] if parts && is(of, &["of", "in"]) => rest,
        _ if parts => return None,
        _ => words,
    };
    let (name, rest) = name(rest)?;
    let with = rest.first().is_some_and(|word| is(word, &["with"]));
    let typed = with
        && (matches!(object(&rest[1..]), Some((Noun::Hints, [])))
            || matches!(rest, [_, types] if is(types, &["types"])));
    (rest.is_empty() || typed).then_some(Sentence {
        noun: Noun::Hints,
        name: Some(name),
        adds: true,
        certain: parts || typed,
    })
}

/// The noun that the words begin with, and what follows.
fn object<'w, 'i>(words: &'w [&'i str]) -> Option<(Noun, &'w [&'i str])> {
    let at = words.iter().position(|w| !is(w, &FILLERS) && !is(w, &DOCUMENTATION)).unwrap_or(words.len());
    let fillers = &words[..at];
    let within = fillers.iter().any(|word| is(word, &["inline", "line", "block", "explanatory"]));
    let tail = &words[at..];
    let doc = fillers.last().is_some_and(|word| is(word, &DOCUMENTATION));
    let lower: Vec<String> = tail.iter().take(2).map(|word| word.to_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let found = match lower.as_slice() {
        // `add Javadoc to f`
        rest if doc && rest.first().is_none_or(|word| is(word, &PREPOSITIONS)) => (Noun::Documentation, 0),
        ["type", "hints" | "hint" | "annotations" | "annotation"] => (Noun::Hints, 2),
        ["type-hints" | "typehints" | "annotations", ..] => (Noun::Hints, 1),
        ["doc", "comments" | "comment" | "strings" | "string"] => (Noun::Documentation, 2),
        ["docstring" | "docstrings" | "documentation" | "doc-comments" | "doc-comment", ..] => (Noun::Documentation, 1),
        // `doc` and the names of its forms are among the words before it.
        ["comment" | "comments" | "string" | "strings", ..]
            if !within && fillers.iter().any(|word| is(word, &["doc"]) || is(word, &DOCUMENTATION)) =>
        {
            (Noun::Documentation, 1)
        }
        ["comment" | "comments", ..] => (Noun::Comments, 1),
        _ => return None,
    };
    Some((found.0, &tail[found.1..]))
}

/// The name of a definition that the words begin with, `f` or `the function f`, and what follows.
fn name<'w, 'i>(words: &'w [&'i str]) -> Option<(String, &'w [&'i str])> {
    let definite = words.first().is_some_and(|word| is(word, &["the"]));
    let mut rest = &words[usize::from(definite)..];
    let kind = rest.len() > 1 && is(rest[0], &NAMED) && !is_end(rest[1]);
    rest = &rest[usize::from(kind)..];
    let (word, mut after) = rest.split_first()?;
    let bare = word.trim_matches(['`', '\'', '"', ',']);
    let bare = bare.strip_suffix("()").unwrap_or(bare).trim_matches(['`', '\'', '"']);
    let of_name = |part: &str| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    if is(bare, &NO_NAMES) || !bare.split('.').all(of_name) {
        return None;
    }
    let kind_after = after.first().is_some_and(|word| is(word, &["function", "method", "class", "struct"]));
    after = &after[usize::from(kind_after)..];
    // `document the process`: a thing and not a name, unless it is written as one.
    let marked = bare != *word || bare.contains(['_', '.']) || bare.chars().skip(1).any(char::is_uppercase);
    (!definite || kind || kind_after || marked).then(|| (bare.to_owned(), after))
}

/// Whether a word ends the name of a definition: `the class needs a docstring`.
fn is_end(word: &str) -> bool {
    LACKS.iter().any(|lack| is(word, &lack[..1])) || is(word, &["in", "of", "to", "for", "that", "which", "with"])
}

/// Whether the words say what the documentation is to say.
fn says(words: &[&str]) -> bool {
    let of_text = ["that", "which", "explaining", "describing", "about", "saying", "stating"];
    match words {
        [first, ..] if is(first, &of_text) => true,
        [to, verb, ..] => is(to, &["to"]) && is(verb, &["explain", "describe", "say", "state", "tell", "document"]),
        _ => false,
    }
}
