//! Which texts are names, and which names are equal.

use unicode_normalization::{UnicodeNormalization, is_nfkc};

/// The reserved words. `match`, `case`, `type` and `_` are names in other places than their own.
const RESERVED: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// Whether a text is an identifier and no reserved word. `__debug__` cannot be given a value.
pub(super) fn is_name(name: &str) -> bool {
    let normal = normal(name);
    let mut letters = normal.chars();
    let first = letters.next().is_some_and(|c| c == '_' || unicode_ident::is_xid_start(c));
    first
        && letters.all(unicode_ident::is_xid_continue)
        && name.chars().all(|c| c == '_' || unicode_ident::is_xid_continue(c))
        && !RESERVED.contains(&normal.as_str())
        && normal != "__debug__"
}

/// A name as Python compares it: in the normal form NFKC.
pub(super) fn normal(name: &str) -> String {
    if name.is_ascii() || is_nfkc(name) { name.to_owned() } else { name.nfkc().collect() }
}

/// A name in the body of a class: `__x` is another name in each class.
pub(super) fn private(class: &str, name: &str) -> Option<String> {
    let class = class.trim_start_matches('_');
    let hidden = name.starts_with("__") && !name.ends_with("__") && !class.is_empty();
    hidden.then(|| format!("_{class}{name}"))
}
