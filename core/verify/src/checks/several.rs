//! Results that hold several files in one: the model wrote each file's path as a comment and its text below.

use super::{Context, File};
use crate::policy::Finding;
use deepcoder_syntax::{comment_marks, comments};
use deepcoder_types::RepoPath;
use std::collections::HashMap;

/// Words that may stand before a path.
const LEADS: &[&str] = &["file:", "filename:", "file name:", "path:", "file path:"];

/// How a line begins that takes something from the file that the comment above it names.
const TAKES: &[&str] =
    &["import", "from", "use ", "pub use", "mod ", "pub mod", "#include", "@import", "export *", "export {", "source"];

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for file in &context.files {
        let Some(new) = file.new else { continue };
        if let Some((line, other)) = of_file(context, file, new) {
            let message = format!("line {line} names another file, `{other}`: the answer may hold several files");
            findings.push(Finding::review(file.path, message));
        }
    }
}

fn of_file(context: &Context<'_>, file: &File<'_>, new: &str) -> Option<(usize, String)> {
    let all: Vec<&str> = new.lines().map(str::trim).collect();
    let alone = comment_lines(file, new, &all);
    let is_comment = |line: usize| alone.contains_key(&line);
    let name_at = |line: usize| alone.get(&line).copied().and_then(file_name);
    let had = |text: &str| context.files.iter().filter_map(|f| f.old).flat_map(str::lines).any(|l| l.trim() == text);
    let mut lines: Vec<usize> = alone.keys().copied().collect();
    lines.sort_unstable();
    lines.into_iter().find_map(|line| {
        let name = name_at(line)?;
        let text = *all.get(line - 1)?;
        // Within a longer comment a path is a reference.
        if is_comment(line - 1) || name_at(line + 1).is_some() || is_of(file.path, name) {
            return None;
        }
        let next = all.iter().skip(line).find(|next| !next.is_empty()).copied().unwrap_or_default();
        if TAKES.iter().any(|lead| next.starts_with(lead)) && next.contains(stem(name)) {
            return None;
        }
        // A line that was there, or that moves with its code, is the author's.
        other(context, file, name).filter(|_| !had(text)).map(|other| (line, other))
    })
}

/// The file that `name` means: one of the tree, or one that the instruction asks for.
fn other(context: &Context<'_>, file: &File<'_>, name: &str) -> Option<String> {
    let found = context.tree.files().iter().find(|path| *path != file.path && is_of(path, name));
    let known = found.is_some() || context.files.iter().any(|f| is_of(f.path, name));
    let asked = || context.prompt.text().split_whitespace().any(|word| word.trim_matches(is_frame) == name);
    (known || asked()).then(|| name.to_owned())
}

/// Whether `name` is the path of a file or its end.
fn is_of(path: &RepoPath, name: &str) -> bool {
    let path = path.as_str();
    path.strip_suffix(name).is_some_and(|folder| folder.is_empty() || folder.ends_with('/'))
        || name.strip_suffix(path).is_some_and(|folder| folder.ends_with('/'))
}

fn stem(name: &str) -> &str {
    let name = name.rsplit('/').next().unwrap_or(name);
    name.split('.').next().unwrap_or(name)
}

/// The lines that are only a comment, from 1, with what the comment says.
fn comment_lines<'t>(file: &File<'_>, new: &'t str, all: &[&'t str]) -> HashMap<usize, &'t str> {
    let said = |text: &'t str| {
        let marks: &[(&str, &str)] = &[("/*", "*/"), ("<!--", "-->"), ("//", ""), ("#", ""), ("--", ""), (";", "")];
        marks.iter().find_map(|(begin, end)| text.strip_prefix(begin)?.strip_suffix(end))
    };
    if let Some(language) = file.language {
        let starts: Vec<usize> = std::iter::once(0).chain(new.match_indices('\n').map(|(at, _)| at + 1)).collect();
        return comments(language, new)
            .into_iter()
            .filter_map(|range| {
                let text = new.get(range.as_range())?.trim();
                let line = starts.partition_point(|start| *start <= range.start as usize);
                (all.get(line - 1) == Some(&text)).then_some(())?;
                Some((line, said(text)?))
            })
            .collect();
    }
    let mark = comment_marks(file.path);
    let mut fenced = false;
    let mut lines = HashMap::new();
    for (index, text) in all.iter().enumerate() {
        fenced ^= mark.as_slice() == ["<!--"] && (text.starts_with("```") || text.starts_with("~~~"));
        if !fenced
            && mark.iter().any(|mark| text.starts_with(mark))
            && let Some(said) = said(text)
        {
            lines.insert(index + 1, said);
        }
    }
    lines
}

/// The path or name of a file that a comment consists of.
fn file_name(comment: &str) -> Option<&str> {
    let mut name = comment.trim_matches(is_frame);
    for lead in LEADS {
        if let Some(head) = name.get(..lead.len()).filter(|head| head.eq_ignore_ascii_case(lead)) {
            name = name[head.len()..].trim_matches(is_frame);
            break;
        }
    }
    let name = name.trim_start_matches("./");
    let (stem, extension) = name.rsplit_once('.')?;
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '.' | '@' | '+');
    let ending = (1..=8).contains(&extension.len()) && extension.chars().all(|c| c.is_ascii_alphanumeric());
    (ending && stem.chars().any(char::is_alphanumeric) && name.chars().all(plain)).then_some(name)
}

/// Characters that may stand around a path.
fn is_frame(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '=' | '*' | '#' | '~' | '`' | '"' | '\'' | ':' | '/' | '!' | ',' | ';')
}

#[cfg(test)]
mod unit {
    use super::file_name;

    /// Protects from taking a sentence or a directive for a path.
    #[test]
    fn paths_in_comments() {
        for (comment, name) in [
            (" src/lib.rs", Some("src/lib.rs")),
            (" File: `src/lib.rs`", Some("src/lib.rs")),
            (" ---- ./a.py ----", Some("a.py")),
            (" see a.py", None),
            (" noqa", None),
            (" 1.", None),
            (" …", None),
            ("", None),
        ] {
            assert_eq!(file_name(comment), name, "{comment}");
        }
    }
}
