//! The order of modules and names, as TypeScript's server finds and applies it.

use crate::request::{Collation, ImportStyle, TypeOrder};
use std::cmp::Ordering;

/// How words are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) ignore_case: bool,
    pub(super) collation: Collation,
}

/// A name of an import or an export as it is compared.
pub(super) struct Name<'a> {
    pub(super) name: &'a str,
    pub(super) is_type: bool,
}

/// The order of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) modules: Words,
    pub(super) names: Words,
    pub(super) types: TypeOrder,
}

impl Words {
    pub(super) fn compare(self, a: &str, b: &str) -> Ordering {
        match self.collation {
            Collation::Ordinal if self.ignore_case => a.to_lowercase().cmp(&b.to_lowercase()),
            Collation::Ordinal => a.encode_utf16().cmp(b.encode_utf16()),
            Collation::Unicode { numeric, upper_first, accents } => {
                let first = natural(a, numeric).cmp(&natural(b, numeric));
                let marks =
                    |text: &str| -> Vec<char> { text.to_lowercase().chars().filter(|c| base(*c) != *c).collect() };
                let first = if accents { first.then_with(|| marks(a).cmp(&marks(b))) } else { first };
                let case =
                    |text: &str| -> Vec<bool> { text.chars().map(|c| c.is_uppercase() != upper_first).collect() };
                if self.ignore_case { first } else { first.then_with(|| case(a).cmp(&case(b))) }
            }
        }
    }

    /// Modules of others come before those of the project.
    pub(super) fn compare_modules(self, a: Option<&str>, b: Option<&str>) -> Ordering {
        let relative = |module: &str| module.starts_with('.') || module.starts_with('/');
        match (a, b) {
            (Some(a), Some(b)) => relative(a).cmp(&relative(b)).then_with(|| self.compare(a, b)),
            _ => a.is_none().cmp(&b.is_none()),
        }
    }

    pub(super) fn compare_names(self, types: TypeOrder, a: &Name<'_>, b: &Name<'_>) -> Ordering {
        let kinds = match types {
            TypeOrder::First => b.is_type.cmp(&a.is_type),
            TypeOrder::Last => a.is_type.cmp(&b.is_type),
            TypeOrder::Inline => Ordering::Equal,
        };
        kinds.then_with(|| self.compare(a.name, b.name))
    }
}

/// A text as dictionaries order it: marks, then digits, then letters whatever their case.
fn natural(text: &str, numeric: bool) -> Vec<(u8, u64, char)> {
    let mut out = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if !c.is_ascii_digit() {
            out.push((if c.is_alphabetic() { 2 } else { 0 }, 0, base(c.to_lowercase().next().unwrap_or(c))));
            continue;
        }
        let mut value = u64::from(c.to_digit(10).unwrap_or(0));
        while let Some(digit) = rest.peek().filter(|_| numeric).and_then(|c| c.to_digit(10)) {
            value = value.saturating_mul(10).saturating_add(u64::from(digit));
            rest.next();
        }
        out.push((1, value, '0'));
    }
    out
}

/// A small letter of western Europe without its accent.
const fn base(c: char) -> char {
    match c {
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' | 'ø' => 'o',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        c => c,
    }
}

/// How often a list leaves an order.
fn disorder<T>(list: &[T], compare: impl Fn(&T, &T) -> Ordering) -> usize {
    list.windows(2).filter(|pair| compare(&pair[0], &pair[1]) == Ordering::Greater).count()
}

/// The first of some orders that lists leave least often.
fn best<T: Copy>(orders: &[T], disorder: impl Fn(T) -> usize) -> Option<T> {
    orders.iter().copied().min_by_key(|order| disorder(*order))
}

/// The order that a style asks for, or else the one that the file keeps best: `modules` are the groups of imports by their
/// modules, `names` the lists of names in braces.
pub(super) fn found(style: &ImportStyle, modules: &[Vec<&str>], names: &[Vec<Name<'_>>]) -> Order {
    let of = |ignore_case| Words { ignore_case, collation: style.collation };
    let words: Vec<Words> = match style.ignore_case {
        Some(ignore_case) => vec![of(ignore_case)],
        None => vec![of(true), of(false)],
    };
    let types: Vec<TypeOrder> = match style.types {
        Some(types) => vec![types],
        None => vec![TypeOrder::Last, TypeOrder::Inline, TypeOrder::First],
    };
    let by_modules = |words: Words| modules.iter().map(|list| disorder(list, |a, b| words.compare(a, b))).sum();
    let modules = best(&words, by_modules).unwrap_or(of(true));
    let both = names.iter().any(|list| list.iter().any(|n| n.is_type) && list.iter().any(|n| !n.is_type));
    if !both {
        let by_names =
            |words: Words| names.iter().map(|list| disorder(list, |a, b| words.compare(a.name, b.name))).sum();
        let names = best(&words, by_names).unwrap_or(of(true));
        return Order { modules, names, types: style.types.unwrap_or(TypeOrder::Last) };
    }
    let pairs: Vec<(Words, TypeOrder)> =
        types.iter().flat_map(|types| words.iter().map(|words| (*words, *types))).collect();
    let by_both = |(words, types): (Words, TypeOrder)| {
        names.iter().map(|list| disorder(list, |a, b| words.compare_names(types, a, b))).sum()
    };
    let (names, types) = best(&pairs, by_both).unwrap_or((of(true), TypeOrder::Last));
    Order { modules, names, types }
}
