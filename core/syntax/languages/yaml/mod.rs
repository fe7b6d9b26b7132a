use crate::language::{LanguageKind, Spec};

pub(crate) const SPEC: Spec = Spec {
    aliases: &["yml"],
    extensions: &["yaml", "yml"],
    file_names: &[".clang-format", ".clang-tidy"],
    kind: LanguageKind::Data,
    line_comments: &["#"],
    block_comments: &[],
    directives: &["# yaml-language-server", "# yamllint"],
    name_characters: "-",
    refuses: Some(is_too_deep),
    tags: &[include_str!("tags.scm")],
    ..Spec::new("yaml", || tree_sitter_yaml::LANGUAGE.into())
};

/// The scanner of the grammar keeps four bytes for each open block, and its buffer holds 1024: more of them abort the process.
const MAX_DEPTH: usize = 100;

/// Whether so many blocks may be open at once. Every indicator of a line counts, in strings too, and one more for a list
/// that stands in the column of its key.
fn is_too_deep(text: &str) -> bool {
    let mut open: Vec<(usize, usize)> = Vec::new();
    text.split(['\n', '\r']).any(|line| {
        let indent = line.len() - line.trim_start().len();
        while open.last().is_some_and(|(column, _)| *column >= indent) {
            open.pop();
        }
        let bytes = line.as_bytes();
        let ends = |at: usize| bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace);
        let own = (0..bytes.len()).filter(|at| matches!(bytes[*at], b'-' | b'?' | b':') && ends(*at)).count();
        let depth = open.last().map_or(0, |(_, depth)| *depth) + own + 1;
        open.push((indent, depth));
        depth > MAX_DEPTH
    })
}

#[cfg(test)]
mod tests;
