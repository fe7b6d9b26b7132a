//! Functions that others may call and that an edit makes callable in another way.

use super::{Context, File, line_of};
use crate::policy::{Finding, Severity};
use deepcoder_syntax::{Kept, Language, RawSymbol, TokenKind, is_test, tokens};
use std::collections::HashMap;

/// Words of instructions about how functions are called.
const SPEAKS: &[&str] = &[
    "parameter",
    "parameters",
    "param",
    "params",
    "argument",
    "arguments",
    "arg",
    "args",
    "signature",
    "keyword",
    "api",
];

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    // Which functions an instruction about parameters means, another check asks.
    if SPEAKS.iter().any(|word| context.prompt.has_word(word)) {
        return;
    }
    for file in context.files.iter().filter(|file| file.sound() && !is_test(file.path)) {
        let (Some(language), Some(old), Some(new)) = (file.language, file.old, file.new) else { continue };
        // A file that is reviewed anyway needs no weaker reason.
        let told = findings.iter().any(|f| f.path == *file.path && f.severity != Severity::Warning);
        if old == new || told {
            continue;
        }
        if let (Some(before), Some(after)) =
            (signatures(language, old, file.before()), signatures(language, new, file.after()))
        {
            compare(context, file, language, (&before, &after), findings);
        }
    }
}

fn compare(
    context: &Context<'_>,
    file: &File<'_>,
    language: Language,
    (before, after): (&Signatures<'_>, &Signatures<'_>),
    findings: &mut Vec<Finding>,
) {
    for (name, was) in before {
        let ([was], Some([is])) = (was.as_slice(), after.get(name).map(Vec::as_slice)) else { continue };
        if was.symbol.qualified.split('.').any(|part| context.prompt.names(part)) {
            continue;
        }
        if let Some(what) = misfit(language, &was.parameters, &is.parameters)
            && !context.prompt.speaks_of(&what.name)
        {
            let line = line_of(file.new.unwrap_or_default(), is.symbol.signature_start);
            let message = format!("line {line}: callers of `{name}` break, since it {}", what.how);
            findings.push(Finding::review(file.path, message));
        }
    }
}

/// What callers can no longer do.
struct Misfit {
    /// The parameter.
    name: String,
    how: String,
}

fn misfit(language: Language, was: &[Parameter<'_>], is: &[Parameter<'_>]) -> Option<Misfit> {
    let told = |parameter: &Parameter<'_>, how: &str| {
        let name = parameter.name.to_owned();
        Misfit { how: format!("{how} `{name}`"), name }
    };
    let by_name = language == Language::Python;
    let collects = is.iter().any(|p| p.collects);
    for (at, parameter) in was.iter().enumerate() {
        let there = if by_name { is.iter().any(|p| p.name == parameter.name) } else { at < is.len() };
        if !there && !collects && !parameter.collects {
            return Some(told(parameter, "no longer takes"));
        }
    }
    let added = is.iter().enumerate().find(|(at, p)| {
        let old = if by_name { was.iter().any(|old| old.name == p.name) } else { *at < was.len() };
        !old && !p.optional && !p.collects && !was.iter().any(|old| old.collects)
    });
    added.map(|(_, parameter)| told(parameter, "now needs"))
}

struct Parameter<'t> {
    name: &'t str,
    optional: bool,
    /// Takes any number of arguments.
    collects: bool,
}

struct Signature<'t> {
    symbol: &'t RawSymbol,
    parameters: Vec<Parameter<'t>>,
}

type Signatures<'t> = HashMap<&'t str, Vec<Signature<'t>>>;

/// The public functions and methods, with their parameters.
fn signatures<'t>(language: Language, text: &'t str, symbols: &'t [RawSymbol]) -> Option<Signatures<'t>> {
    let code = tokens(language, text, Kept::Code)?.code;
    let mut found = Signatures::new();
    for symbol in symbols.iter().filter(|symbol| matches!(symbol.kind, "function" | "method")) {
        let signature = text.get(symbol.signature_start as usize..symbol.signature_end as usize)?;
        let lead = text.get(symbol.range.start as usize..symbol.signature_end as usize).unwrap_or_default();
        let owners_hidden = symbol.qualified.split('.').any(|part| part.starts_with('_') && !part.starts_with("__"));
        let inside = symbols.iter().any(|outer| {
            matches!(outer.kind, "function" | "method")
                && outer.range != symbol.range
                && outer.range.start <= symbol.range.start
                && symbol.range.end <= outer.range.end
        });
        // A decorator may give a function other parameters.
        let decorated = language == Language::Python && lead.contains('@');
        let public = language.is_public(&symbol.name, signature);
        if !public || owners_hidden || inside || decorated || lead.contains("pub(") {
            continue;
        }
        let from = code.partition_point(|token| token.range.start < symbol.signature_start);
        let inside = code[from..].iter().take_while(|token| token.range.start < symbol.signature_end);
        let words: Vec<&str> = inside
            .filter(|token| matches!(token.kind, TokenKind::Code | TokenKind::Quote))
            .filter_map(|token| text.get(token.range.as_range()))
            .collect();
        let parameters = parameters(language, &symbol.name, &words).unwrap_or_default();
        found.entry(symbol.qualified.as_str()).or_default().push(Signature { symbol, parameters });
    }
    Some(found)
}

fn parameters<'t>(language: Language, name: &str, words: &[&'t str]) -> Option<Vec<Parameter<'t>>> {
    let named = words.iter().position(|word| *word == name)?;
    let open = named + words.get(named..)?.iter().position(|word| *word == "(")?;
    let mut depth = 0i32;
    let mut found: Vec<Vec<&'t str>> = vec![Vec::new()];
    for word in words.get(open + 1..)? {
        match *word {
            "(" | "[" | "{" | "<" => depth += 1,
            ")" if depth == 0 => break,
            ")" | "]" | "}" | ">" => depth -= 1,
            "," if depth == 0 => {
                found.push(Vec::new());
                continue;
            }
            _ => {}
        }
        found.last_mut()?.push(word);
    }
    let of_words = |part: &Vec<&'t str>| -> Option<Parameter<'t>> {
        let identifier = |word: &&&str| word.starts_with(|c: char| c.is_alphabetic() || c == '_');
        let own =
            |word: &&&str| !matches!(**word, "mut" | "final" | "const" | "readonly" | "private" | "public" | "this");
        let typed_first = matches!(language, Language::Java | Language::CSharp | Language::C | Language::Cpp);
        let names: Vec<&&str> = part.iter().take_while(|word| **word != "=").filter(identifier).filter(own).collect();
        let name = if typed_first { names.last() } else { names.first() }?;
        if matches!(**name, "self" | "cls") {
            return None;
        }
        let collects = part.iter().any(|word| matches!(*word, "*" | "**" | "..."))
            && (language == Language::Python || part.contains(&"..."));
        Some(Parameter { name, optional: part.iter().any(|word| matches!(*word, "=" | "?" | "?:")), collects })
    };
    Some(found.iter().filter_map(of_words).collect())
}
