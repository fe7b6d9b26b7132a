//! Code in Markdown fences.

use super::FormatError;

/// A fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fenced {
    /// The word after the opening fence, such as `python`.
    pub info: String,
    /// The file that the lines before the block or its info name, if any looks like a file name.
    pub path: Option<String>,
    /// The text between the fences, its last line finished.
    pub text: String,
    /// Whether the block is closed. One that is not was cut off.
    pub closed: bool,
}

/// A fence that no line of `text` closes: longer than every run of backticks that stands where a fence may stand (after at
/// most three blanks).
#[must_use]
pub fn fence_for(text: &str) -> String {
    let longest = text.lines().map(|line| fence(line, '`').0).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// All fenced blocks of a reply. A block ends at a fence of the same character that is at least as long.
#[must_use]
pub fn parse(reply: &str) -> Vec<Fenced> {
    let mut out: Vec<Fenced> = Vec::new();
    let mut open: Option<(char, usize, Fenced)> = None;
    let mut above = Vec::new();
    for line in reply.lines() {
        if let Some((mark, size, block)) = &mut open {
            let (run, rest) = fence(line, *mark);
            if run >= *size && rest.trim().is_empty() {
                block.closed = true;
                out.extend(open.take().map(|o| o.2));
                above.clear();
            } else {
                block.text.push_str(line);
                block.text.push('\n');
            }
            continue;
        }
        let opening = ['`', '~'].into_iter().map(|m| (m, fence(line, m))).find(|(m, (run, rest))| {
            // An info string has no backticks, or else it is code in a sentence.
            *run >= 3 && (*m == '~' || !rest.contains('`'))
        });
        match opening {
            Some((mark, (run, rest))) => {
                let info = rest.trim().to_owned();
                let path = info
                    .split([' ', ':'])
                    .find_map(file_name)
                    .or_else(|| above.iter().rev().take(2).find_map(|l: &&str| file_name(l)));
                open = Some((mark, run, Fenced { info, path, text: String::new(), closed: false }));
            }
            None if !line.trim().is_empty() => above.push(line),
            None => {}
        }
    }
    out.extend(open.map(|o| o.2));
    out
}

/// The one block that is the new text of `path`: the one that names it, or the only one there is.
pub fn whole_file(reply: &str, path: &str) -> Result<String, FormatError> {
    let blocks = parse(reply);
    let named: Vec<&Fenced> = blocks.iter().filter(|b| b.path.as_deref().is_some_and(|p| same_file(p, path))).collect();
    let candidates = if named.is_empty() { blocks.iter().collect() } else { named };
    match candidates.as_slice() {
        [] => Err(FormatError::Nothing { wanted: "code block" }),
        [one] if one.closed => Ok(one.text.clone()),
        [_] => Err(FormatError::Unfinished { line: 1, wanted: "```" }),
        several => Err(FormatError::SeveralBlocks { count: several.len() }),
    }
}

/// Whether a name that a model wrote means `path`: the path itself, or its last components.
#[must_use]
pub fn same_file(written: &str, path: &str) -> bool {
    let written = written.trim_start_matches("./").trim_start_matches('/');
    written == path || path.strip_suffix(written).is_some_and(|rest| rest.ends_with('/'))
}

/// A line's text without the decoration that models put around file names, if it looks like one.
pub(crate) fn file_name(line: &str) -> Option<String> {
    let mut name = line.trim();
    for prefix in ["//", "#", "File:", "file:", "Filename:", "filename:", "Path:", "path:", "filename=", "path="] {
        name = name.strip_prefix(prefix).unwrap_or(name).trim_start_matches('#').trim();
    }
    let name = name.trim_matches(['*', '`', '"', '\'', ':', ' ', '(', ')']).trim();
    let last = name.rsplit('/').next().unwrap_or(name);
    let dotted = last.rsplit_once('.').is_some_and(|(_, ext)| {
        !ext.is_empty() && ext.len() <= 10 && ext.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
    });
    let plain = !name.is_empty() && name.len() < 256 && !name.contains([' ', '\t', '`', '<', '>', '(', '=', ',', ';']);
    let bare = matches!(last, "Makefile" | "Dockerfile" | "LICENSE" | "README" | "Jenkinsfile" | "CMakeLists.txt");
    (plain && (dotted || bare || (name.contains('/') && !name.ends_with('/') && !name.contains("://"))))
        .then(|| name.to_owned())
}

/// How many `mark`s the line begins with (after at most three blanks), and the rest.
fn fence(line: &str, mark: char) -> (usize, &str) {
    let inner = line.trim_start_matches(' ');
    if line.len() - inner.len() > 3 {
        return (0, line);
    }
    let rest = inner.trim_start_matches(mark);
    (inner.len() - rest.len(), rest)
}
