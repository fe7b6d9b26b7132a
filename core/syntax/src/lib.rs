//! Tree-sitter grammars: languages, parse errors, symbols.
