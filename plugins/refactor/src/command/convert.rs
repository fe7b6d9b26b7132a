//! Words that ask for a rewrite: `convert invert-if src/a.rs:12:5`, `invert if at src/a.rs:12:5`.

use super::{Command, Subject, subject_of};
use crate::operations::convert::kind;

/// The rewrite that an instruction asks for at a place, if it is about nothing else. Without a name the rewrites there are
/// listed.
pub(super) fn parse(words: &[String]) -> Option<Command> {
    let (first, rest) = words.split_first()?;
    let named = first.eq_ignore_ascii_case("convert");
    let rest = if named { rest } else { words };
    let place = |word: &&String| {
        word.contains(':') && matches!(subject_of(word), Some(Subject::Place(..) | Subject::Lines(..)))
    };
    let subject = subject_of(rest.iter().find(place)?)?;
    let filler = |word: &str| matches!(word, "the" | "a" | "an" | "at" | "in" | "to" | "into" | "please" | "this");
    let said: Vec<String> = rest
        .iter()
        .filter(|word| !place(word))
        .map(|word| word.to_lowercase())
        .filter(|word| kind(word).is_some() || !filler(word))
        .collect();
    let joined = said.join("-");
    let name = match (said.as_slice(), kind(&joined)) {
        ([], _) if named => None,
        (_, Some(kind)) => Some(kind.name.to_owned()),
        ([unknown], None) if named => Some(unknown.clone()),
        _ => return None,
    };
    Some(Command {
        operation: "convert",
        subject: Some(subject),
        name,
        file: None,
        all: false,
        imports: None,
        changes: Vec::new(),
    })
}
