//! What words say about imports.

use super::{Command, of_file, split_at_to, subject_of};
use crate::request::Imports;

/// Words that say nothing about which imports are meant.
const FILLER: &[&str] =
    &["the", "all", "any", "of", "in", "from", "file", "its", "that", "are", "not", "used", "and", "please"];

/// What an instruction asks for imports, if it is about nothing else.
pub(super) fn parse(words: &[String]) -> Option<Command> {
    let (first, rest) = words.split_first()?;
    let verb = first.to_lowercase();
    let whole = matches!(verb.as_str(), "organise-imports" | "organize-imports");
    let (before, after) = split_at_to(rest);
    let (before, file) = of_file(before);
    let mut file = file.or_else(|| after.first().filter(|_| after.len() == 1).cloned());
    let mut subject = None;
    let mut said: Vec<&str> = Vec::new();
    let mut imports = whole;
    for word in before {
        let lower = word.to_lowercase();
        if matches!(lower.as_str(), "import" | "imports") {
            imports = true;
        } else if let Some(place) = subject_of(word).filter(|_| word.contains(':')) {
            subject = Some(place);
        } else if !FILLER.contains(&lower.as_str()) {
            said.push(word);
        }
    }
    // `organise-imports src/a.py`
    if let ([path], None) = (said.as_slice(), &file)
        && (path.contains('/') || path.contains('.'))
        && !path.contains(' ')
    {
        file = Some((*path).to_owned());
        said.clear();
    }
    let unused = said.first().is_some_and(|word| word.eq_ignore_ascii_case("unused"));
    let not_used = rest.iter().any(|word| word == "not") && rest.iter().any(|word| word == "used");
    let names = || said.iter().skip(usize::from(unused)).map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let work = match (verb.as_str(), said.as_slice()) {
        ("organise" | "organize" | "tidy" | "organise-imports" | "organize-imports", []) => Imports::All,
        ("sort" | "order" | "reorder", []) => Imports::Sort,
        ("remove" | "delete" | "drop" | "prune" | "clean", _) if (unused || not_used) && names().len() < 2 => {
            Imports::Unused(names())
        }
        ("add", [import]) if import.contains("import") => Imports::Add((*import).to_owned()),
        ("merge" | "join", []) if subject.is_some() => Imports::Merge,
        ("split" | "unmerge", []) if subject.is_some() => Imports::Split,
        _ => return None,
    };
    let operation = "organise-imports";
    imports.then_some(Command {
        operation,
        subject,
        name: None,
        file,
        all: false,
        imports: Some(work),
        changes: Vec::new(),
    })
}
