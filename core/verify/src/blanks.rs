//! Blanks at the end of lines that an edit adds.

use deepcoder_edit::line_spans;
use deepcoder_syntax::{Language, multiline_strings};
use deepcoder_types::RepoPath;

/// Formats other than programs in which a blank at the end of a line says nothing.
const PLAIN: &[&str] = &["json", "jsonc", "toml", "css", "scss", "less", "html", "rst", "sql", "swift"];

/// Formats in which two blanks at the end of a line break it.
const MARKDOWN: &[&str] = &["md", "mdx", "markdown"];

/// `new` without the blanks at the end of the lines that it adds to `old` (all of them for a new file). Lines that were there
/// keep their bytes, and so do lines of strings that the program sees, Markdown's line breaks, and formats in which blanks
/// may mean something.
#[must_use]
pub fn without_added_blanks(path: &RepoPath, old: Option<&str>, new: &str) -> String {
    let language = Language::program(path);
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    let markdown = MARKDOWN.contains(&extension.as_str());
    if language.is_none() && !markdown && !PLAIN.contains(&extension.as_str()) {
        return new.to_owned();
    }
    let lines: Vec<&str> = new.split_inclusive('\n').collect();
    let old_lines: Vec<&str> = old.unwrap_or_default().split_inclusive('\n').collect();
    if !lines.iter().any(|line| content(line).len() != content(line).trim_end_matches([' ', '\t']).len()) {
        return new.to_owned();
    }
    let strings = match language {
        Some(language) => match multiline_strings(language, new) {
            Some(strings) => strings,
            // The strings of a text that does not parse cannot be located, and a blank too many harms less than one that
            // a string loses.
            None => return new.to_owned(),
        },
        None => Vec::new(),
    };
    let mut out = String::with_capacity(new.len());
    let mut read = 0;
    for span in line_spans(&old_lines, &lines) {
        for line in &lines[span.new] {
            let kept = content(line);
            let bare = kept.trim_end_matches([' ', '\t']);
            let breaks = markdown && !bare.is_empty() && kept[bare.len()..] == *"  ";
            let end = read + kept.len();
            let in_string = strings.iter().any(|string| string.as_range().contains(&end));
            if span.equal || breaks || in_string {
                out.push_str(line);
            } else {
                out.push_str(bare);
                out.push_str(&line[kept.len()..]);
            }
            read += line.len();
        }
    }
    out
}

/// A line without what ends it.
fn content(line: &str) -> &str {
    line.trim_end_matches(['\r', '\n'])
}
