//! What words say about the parameters of a function.

use super::{Command, of_file, subject_of};
use crate::parameters::{NewParameter, ParameterChange, Which};
use deepcoder_syntax::Language;
use deepcoder_types::RepoPath;

/// Words that say nothing about which parameter is meant.
const FILLER: &[&str] =
    &["the", "a", "an", "new", "unused", "parameter", "parameters", "argument", "function", "method"];

/// What an instruction asks for parameters, if it is about nothing else.
pub(super) fn parse(words: &[String]) -> Option<Command> {
    let (first, rest) = words.split_first()?;
    // `from bank.pay` names a function, and `in bank.py` a file.
    let is_file = |file: &String| RepoPath::new(file.as_str()).is_ok_and(|path| Language::program(&path).is_some());
    let (rest, file) = match of_file(rest) {
        (shorter, Some(file)) if is_file(&file) => (shorter, Some(file)),
        _ => (rest, None),
    };
    let (subject, changes) = match first.to_lowercase().as_str() {
        "change-signature" => {
            let (subject, steps) = rest.split_first()?;
            (subject.as_str(), step(steps)?)
        }
        verb => sentence(verb, rest)?,
    };
    let subject = Some(subject_of(subject)?);
    Some(Command { operation: "change-signature", subject, name: None, file, all: false, imports: None, changes })
}

/// `add fee=0`, `remove fee`, `order b a`, …
fn step(words: &[String]) -> Option<Vec<ParameterChange>> {
    let (verb, rest) = words.split_first()?;
    let which = |word: &String| Which::Name(word.clone());
    let one = || match rest {
        [] => Some(Which::AtTarget),
        [name] => Some(which(name)),
        _ => None,
    };
    Some(vec![match (verb.to_lowercase().as_str(), rest) {
        ("add", [parameter]) => ParameterChange::Add(new(parameter, None)?),
        ("add", [parameter, value]) => ParameterChange::Add(new(parameter, Some(value))?),
        ("add", [parameter, at, position]) if at == "at" => {
            ParameterChange::Add(NewParameter { index: Some(index(position)?), ..new(parameter, None)? })
        }
        ("add", [parameter, value, at, position]) if at == "at" => {
            ParameterChange::Add(NewParameter { index: Some(index(position)?), ..new(parameter, Some(value))? })
        }
        ("remove" | "delete" | "drop", _) => ParameterChange::Remove(one()?),
        ("order" | "reorder", [_, ..]) => {
            let parameters = names(rest).map(Which::Name).collect();
            ParameterChange::Order { parameters, default: None }
        }
        ("rename", [old, name]) => ParameterChange::Rename { which: which(old), name: name.clone() },
        ("left", _) => ParameterChange::Move { which: one()?, right: false },
        ("right", _) => ParameterChange::Move { which: one()?, right: true },
        ("normalise" | "normalize", []) => ParameterChange::Normalise,
        ("inline-default", _) => ParameterChange::InlineDefault(one()?),
        ("object", []) => ParameterChange::Object,
        _ => return None,
    }])
}

/// `add the parameter fee=0 to pay`, `remove the parameter fee from pay`, `reorder the parameters of pay to b, a`.
fn sentence<'w>(verb: &str, words: &'w [String]) -> Option<(&'w str, Vec<ParameterChange>)> {
    let about = words
        .iter()
        .take(4)
        .any(|word| matches!(word.to_lowercase().as_str(), "parameter" | "parameters" | "argument"));
    // Behind `to` stand the names of parameters, in an order.
    let names_from = words.iter().position(|word| verb == "reorder" && word == "to").unwrap_or(words.len());
    let filler = |at: usize, word: &String| at < names_from && FILLER.contains(&word.to_lowercase().as_str());
    let said: Vec<&String> =
        words.iter().enumerate().filter(|(at, word)| !filler(*at, word)).map(|(_, word)| word).collect();
    match (verb, said.as_slice()) {
        _ if !about => None,
        // Without a default or an argument it is not said what the calls give.
        ("add", [parameter, to, function]) if *to == "to" && parameter.contains('=') => {
            Some((function.as_str(), vec![ParameterChange::Add(new(parameter, None)?)]))
        }
        ("remove" | "delete" | "drop", [name, of, function]) if matches!(of.as_str(), "from" | "of" | "in") => {
            Some((function.as_str(), vec![ParameterChange::Remove(Which::Name((*name).clone()))]))
        }
        ("reorder", [of, function, to, order @ ..]) if *of == "of" && *to == "to" && !order.is_empty() => {
            let order: Vec<String> = order.iter().map(|word| (*word).clone()).collect();
            let parameters = names(&order).map(Which::Name).collect();
            Some((function.as_str(), vec![ParameterChange::Order { parameters, default: None }]))
        }
        _ => None,
    }
}

/// `a, b` and `a,b` and `a b`.
fn names(words: &[String]) -> impl Iterator<Item = String> {
    words.iter().flat_map(|word| word.split(',')).map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned)
}

/// A position from 1.
fn index(word: &str) -> Option<usize> {
    word.parse::<usize>().ok()?.checked_sub(1)
}

/// `name`, `name: type`, `name = default`, `name: type = default`.
fn new(text: &str, value: Option<&String>) -> Option<NewParameter> {
    let (head, default) = match text.split_once('=') {
        Some((head, default)) => (head.trim(), Some(default.trim().to_owned())),
        None => (text.trim(), None),
    };
    let (name, of_type) = match head.split_once(':') {
        Some((name, of_type)) => (name.trim(), Some(of_type.trim().to_owned())),
        None => (head, None),
    };
    let named = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'));
    named.then(|| NewParameter { name: name.to_owned(), of_type, default, value: value.cloned(), index: None })
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use crate::parameters::{NewParameter, ParameterChange, Which};

    /// Protects people from syntax: each change of parameters has a command and, where it says all, a sentence.
    #[test]
    fn a_change_of_parameters_has_many_forms() {
        let name = |name: &str| Which::Name(name.to_owned());
        let fee = |of_type: Option<&str>, default: Option<&str>, value: Option<&str>| {
            ParameterChange::Add(NewParameter {
                name: "fee".to_owned(),
                of_type: of_type.map(str::to_owned),
                default: default.map(str::to_owned),
                value: value.map(str::to_owned),
                index: None,
            })
        };
        let order = ParameterChange::Order { parameters: vec![name("b"), name("a")], default: None };
        for (text, change) in [
            ("change-signature bank.pay add fee=0", fee(None, Some("0"), None)),
            ("change-signature bank.pay add 'fee: int = 0' 1", fee(Some("int"), Some("0"), Some("1"))),
            ("add the parameter `fee = 0` to bank.pay", fee(None, Some("0"), None)),
            ("change-signature bank.pay remove fee", ParameterChange::Remove(name("fee"))),
            ("change-signature a.py:1:9 remove", ParameterChange::Remove(Which::AtTarget)),
            ("remove the unused parameter fee from bank.pay", ParameterChange::Remove(name("fee"))),
            ("change-signature bank.pay order b,a", order.clone()),
            ("reorder the parameters of bank.pay to b, a", order),
            ("change-signature a.go:1:9 right", ParameterChange::Move { which: Which::AtTarget, right: true }),
            ("change-signature a.ts:1:9 object", ParameterChange::Object),
        ] {
            let command = parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((command.operation, command.changes), ("change-signature", vec![change]), "{text}");
        }
        for other in
            ["add a parameter to pay", "add the parameter fee to pay", "change-signature pay", "add fee=0 to pay"]
        {
            assert!(parse(other).is_none_or(|command| command.operation != "change-signature"), "{other}");
        }
    }
}
