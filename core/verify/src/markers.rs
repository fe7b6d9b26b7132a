//! Lines that models leave behind and that are never meant for the file: conflict markers, and comments that stand for
//! code which was left out.

use std::collections::HashMap;

/// A conflict marker or a block's delimiter of an edit format. `=======` alone is also an underline, so it does not
/// count: it never comes without one of these.
pub(crate) fn is_conflict(line: &str) -> bool {
    ["<<<<<<<", ">>>>>>>", "|||||||"]
        .iter()
        .any(|mark| line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')))
}

/// A comment that stands for code: `# ... existing code ...`, `// rest of the function unchanged`, `/* … */`.
pub(crate) fn is_placeholder(line: &str) -> bool {
    let Some(text) = comment_text(line) else { return false };
    let text = text.to_lowercase().replace('…', "...");
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|w| !w.is_empty()).collect();
    if words.is_empty() {
        // `# ...` and nothing else.
        return text.contains("...");
    }
    // Long comments are sentences by people.
    if words.len() > 12 {
        return false;
    }
    let has = |list: &[&str]| words.iter().any(|w| list.contains(w));
    let code = has(&[
        "code",
        "function",
        "functions",
        "method",
        "methods",
        "class",
        "classes",
        "implementation",
        "file",
        "logic",
        "imports",
        "body",
        "definitions",
        "rest",
        "lines",
        "content",
        "contents",
        "module",
        "script",
    ]);
    let kept = has(&["existing", "unchanged", "remaining", "rest", "omitted", "previous", "original", "same", "other"]);
    let dots = text.starts_with("...") || text.ends_with("...");
    let fixed = [
        "rest of the code",
        "rest of the file",
        "rest of the function",
        "rest of the method",
        "rest of the class",
        "rest of the implementation",
        "rest of code",
        "existing code here",
        "your code here",
        "code remains unchanged",
        "code remains the same",
        "remains unchanged",
        "code unchanged",
        "same as before",
        "unchanged code",
        "implementation omitted",
        "code omitted",
        "omitted for brevity",
    ];
    (dots && kept && (code || words.len() <= 3)) || fixed.iter().any(|p| text.contains(p))
}

/// A comment that leaves the work to someone else: `# implement this`, `# your code here`.
pub(crate) fn is_unwritten(line: &str) -> bool {
    let Some(text) = comment_text(line) else { return false };
    let text = text.to_lowercase();
    let todo = ["todo", "fixme"].iter().any(|mark| text.starts_with(mark));
    (todo && ["implement", "fill in", "complete this", "write this"].iter().any(|verb| text.contains(verb)))
        || ["implement this", "implement the rest", "implementation goes here", "add your code", "your logic here"]
            .iter()
            .any(|lead| text.starts_with(lead))
}

/// The lines of `new` that `wanted` selects and that occur more often than in `old`, with their numbers from 1.
pub(crate) fn introduced<'a>(old: &str, new: &'a str, wanted: impl Fn(&str) -> bool) -> Vec<(usize, &'a str)> {
    let mut had: HashMap<&str, usize> = HashMap::new();
    for line in old.lines().map(str::trim).filter(|l| wanted(l)) {
        *had.entry(line).or_default() += 1;
    }
    let mut found = Vec::new();
    for (index, line) in new.lines().enumerate() {
        let line = line.trim();
        if !wanted(line) {
            continue;
        }
        match had.get_mut(line) {
            Some(count) if *count > 0 => *count -= 1,
            _ => found.push((index + 1, line)),
        }
    }
    found
}

/// The text of a comment, for a line that is only a comment.
fn comment_text(line: &str) -> Option<&str> {
    let line = line.trim();
    for (open, close) in [("/*", "*/"), ("<!--", "-->"), ("{/*", "*/}")] {
        if let Some(rest) = line.strip_prefix(open) {
            return Some(rest.strip_suffix(close).unwrap_or(rest).trim());
        }
    }
    ["//", "#", "--", ";;"].iter().find_map(|lead| line.strip_prefix(lead)).map(str::trim)
}
