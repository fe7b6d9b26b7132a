//! Which texts are names.

/// Words that the language keeps for itself; contextual ones (`of`, `get`, `type`, …) can be names.
const RESERVED: &[&str] = &[
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "undefined",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// Whether a text has the form of a name; reserved words have it too.
pub(super) fn is_word(text: &str) -> bool {
    let plain = text.strip_prefix('#').unwrap_or(text);
    let mut letters = plain.chars();
    let first = letters.next().is_some_and(|c| c == '_' || c == '$' || unicode_ident::is_xid_start(c));
    let rest = |c: char| c == '$' || c == '\u{200c}' || c == '\u{200d}' || unicode_ident::is_xid_continue(c);
    first && letters.all(rest)
}

/// Whether a text can be the name of a variable, or of a private member (`#name`).
pub(super) fn is_name(name: &str) -> bool {
    is_word(name) && !RESERVED.contains(&name)
}
