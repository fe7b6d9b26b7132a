//! Tree-sitter grammars: which language a file is in, where its definitions are, where it does not parse.
//!
//! **Invariant:** pure functions on text. Every walk uses a cursor and never recursion, and the work of a parse is
//! capped, so that hostile nesting or size costs a bounded time and no stack.

mod calls;
mod comments;
mod definition;
mod doc_style;
mod docs;
mod formats;
mod generated;
mod language;
#[path = "../languages/mod.rs"]
mod languages;
mod names;
mod parse;
mod strings;
mod symbols;
mod tags;
#[cfg(test)]
mod tests;
mod tokens;

pub use calls::{Call, Callable, Calls, Parameter, calls};
pub use comments::comments;
pub use doc_style::DocStyle;
pub use docs::{docstring, documentation, module_documentation};
pub use formats::{comment_marks, fence_tag, is_file_extension};
pub use generated::{is_generated, is_minified};
pub use language::{Docs, Language, LanguageKind, is_test};
pub use names::{
    FreeName, Import, Surface, free_names, imports, is_python_standard, missing_exports, python_builtin, surface,
};
pub use parse::{MAX_PARSE, SyntaxError, errors, parses, tree, tree_within};
pub use strings::{StringRange, multiline_strings, strings};
pub use symbols::{RawSymbol, enclosing, import_statements, symbols};
pub use tokens::{Kept, Token, TokenKind, Tokens, tokens};
pub use tree_sitter::{Node, Tree, TreeCursor};
