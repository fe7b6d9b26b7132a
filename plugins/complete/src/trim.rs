//! Where a completion ends. Small models do not stop at the end of the hole: they go on with what stands after it.

/// Lines shorter than this are found everywhere, and say nothing alone.
const TELLING: usize = 8;

/// The beginnings of lines at the left margin, once the model has left an indented block. `trimmed` would cut there
/// anyway; this only saves the time until then.
const OUTSIDE: [&str; 14] = [
    "\ndef ",
    "\nclass ",
    "\n@",
    "\n# ",
    "\nif ",
    "\nprint(",
    "\nfn ",
    "\npub ",
    "\nimpl ",
    "\nfunction ",
    "\nexport ",
    "\nconst ",
    "\nfunc ",
    "\n// ",
];

/// The strings that show that the model has reached what stands after the hole, or has left the block of the cursor.
pub(crate) fn stops(prefix: &str, suffix: &str, line: bool) -> Vec<String> {
    if line {
        return vec!["\n".to_owned()];
    }
    let mut stops = resumption(suffix);
    stops.push("\n```".to_owned());
    if indent(cursor_line(prefix)) > 0 {
        stops.extend(OUTSIDE.map(str::to_owned));
    }
    stops
}

/// The first two lines after the hole.
fn resumption(suffix: &str) -> Vec<String> {
    let mut lines = suffix.lines().skip(1).filter(|l| !l.trim().is_empty());
    match (lines.next(), suffix.trim_start().lines().nth(1)) {
        (Some(first), Some(second)) if first.trim().len() + second.trim().len() >= TELLING && second != first => {
            vec![format!("\n{first}\n{second}")]
        }
        (Some(first), None) if first.trim().len() >= TELLING => vec![format!("\n{first}")],
        _ => Vec::new(),
    }
}

/// `prefix` without the blanks before the cursor, and these. A token of code mostly begins with the blanks before it:
/// a model that is shown them alone misses the likeliest continuations and indents once more.
pub(crate) fn without_blanks(prefix: &str) -> (&str, &str) {
    let shown = prefix.trim_end_matches([' ', '\t']);
    if shown.is_empty() { (prefix, "") } else { prefix.split_at(shown.len()) }
}

/// Whether what was written without the blanks does not fit behind them: it goes on with the word or the operator before
/// them, which the blanks end, or stands further left than the cursor.
pub(crate) fn misfits(shown: &str, blanks: &str, written: &str) -> bool {
    let fits = if shown.ends_with('\n') { written.starts_with(blanks) } else { written.starts_with([' ', '\t']) };
    !blanks.is_empty() && !fits
}

/// `written` without the blanks that stand before the cursor already.
pub(crate) fn after_blanks<'a>(blanks: &str, written: &'a str) -> &'a str {
    let same = blanks.bytes().zip(written.bytes()).take_while(|(a, b)| a == b).count();
    &written[same..]
}

/// Whether the line that the cursor is in ends where its first written line does: something stands before the cursor,
/// and nothing is left open. The next line would be another statement.
pub(crate) fn ends_in_line(prefix: &str, written: &str) -> bool {
    let first = written.split('\n').next().unwrap_or_default().trim_end();
    let open =
        first.is_empty() || first.ends_with(['(', '[', '{', ':', ',', '\\', '=', '+', '-', '*', '&', '|', '>', '.']);
    !cursor_line(prefix).trim().is_empty() && !open
}

/// The part of `written` that belongs into the hole between `prefix` and `suffix`.
pub(crate) fn trimmed(prefix: &str, written: &str, suffix: &str, line: bool, cut_off: bool) -> String {
    let mut text = written;
    if line {
        text = text.split('\n').next().unwrap_or_default();
    } else {
        text = &text[..block_end(prefix, text, suffix)];
        if cut_off {
            // A line that is not finished is worth nothing.
            text = text.rfind('\n').map_or(text, |at| &text[..at]);
        }
    }
    let rest = suffix.split('\n').next().unwrap_or_default();
    let text = without_overlap(prefix, until_closed(cursor_line(prefix), text, rest), rest);
    // The suffix brings its own line ending.
    if suffix.starts_with('\n') || suffix.is_empty() { text.trim_end_matches('\n').to_owned() } else { text.to_owned() }
}

/// Where the block that is being filled ends: where the suffix begins again, or where a line stands further left than
/// what follows the hole.
fn block_end(prefix: &str, text: &str, suffix: &str) -> usize {
    let after: Vec<&str> = suffix.lines().skip(1).filter(|l| !l.trim().is_empty()).take(2).collect();
    let base = base(cursor_line(prefix), text);
    let floor = after.first().map_or(0, |l| indent(l)).min(base);
    let mut at = 0;
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for (index, line) in lines.iter().enumerate() {
        let content = line.trim_end();
        if index > 0 && !content.trim().is_empty() {
            let next = lines[index + 1..].iter().map(|l| l.trim_end()).find(|l| !l.is_empty());
            let apart = lines[index - 1].trim().is_empty();
            if resumes(content, next, &after, base)
                || leaves(content, floor, base, after.is_empty())
                || (apart && indent(content) < base.max(1) && !closes(content))
            {
                return at;
            }
        }
        at += line.len();
    }
    text.len()
}

fn cursor_line(prefix: &str) -> &str {
    prefix.rsplit('\n').next().unwrap_or_default()
}

/// How deep the block is that is being filled: where nothing stands before the cursor, the first line that was written
/// says it.
fn base(cursor: &str, text: &str) -> usize {
    let first = text.lines().next().unwrap_or_default();
    if !cursor.trim().is_empty() && !first.trim().is_empty() {
        return indent(cursor);
    }
    if !first.trim().is_empty() {
        return cursor.len() + indent(first);
    }
    text.lines().find(|line| !line.trim().is_empty()).map_or_else(|| indent(cursor), indent)
}

/// Whether this line is the first one after the hole.
fn resumes(line: &str, next: Option<&str>, after: &[&str], base: usize) -> bool {
    let Some(first) = after.first() else { return false };
    if line != first.trim_end() {
        return false;
    }
    // The bracket that ends the block stands there already.
    if closes(line) && indent(line) < base {
        return true;
    }
    match (next, after.get(1)) {
        (Some(next), Some(second)) => next == second.trim_end(),
        (None, _) => true,
        (Some(_), None) => line.trim().len() >= TELLING,
    }
}

/// Whether this line is outside of the block.
fn leaves(line: &str, floor: usize, base: usize, at_end: bool) -> bool {
    let depth = indent(line);
    if depth < floor {
        return !(closes(line) && at_end);
    }
    base > 0 && depth == 0 && !closes(line)
}

fn closes(line: &str) -> bool {
    line.trim_start().starts_with(['}', ')', ']']) || line.trim() == "end"
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

/// `text` up to the bracket that stands after the cursor already: models go on with what they expect there, `);` say.
fn until_closed<'a>(before: &str, text: &'a str, rest: &str) -> &'a str {
    let Some(closer) = rest.trim_start().chars().next().filter(|c| matches!(c, ')' | ']' | '}')) else { return text };
    let wanted = rest.chars().filter(|c| *c == closer).count();
    let opener = match closer {
        ')' => '(',
        ']' => '[',
        _ => '{',
    };
    let (mut open, mut quote) = (0usize, None);
    let written = before.len();
    for (at, c) in before.char_indices().chain(text.char_indices().map(|(at, c)| (written + at, c))) {
        match quote {
            Some(q) if q == c => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            None if c == opener => open += 1,
            None if c == closer => {
                if at >= written && open <= wanted {
                    return &text[..at - written];
                }
                open = open.saturating_sub(1);
            }
            None => {}
        }
    }
    text
}

/// `text` without an end that the rest of the line repeats, where the repetition would close more brackets than are open.
fn without_overlap<'a>(prefix: &str, text: &'a str, rest: &str) -> &'a str {
    let rest = rest.trim_end();
    let before = prefix.rsplit('\n').next().unwrap_or_default();
    let sizes = (1..=text.len().min(rest.len())).rev();
    let repeated = sizes.filter(|&n| rest.is_char_boundary(n) && text.ends_with(&rest[..n])).max();
    match repeated {
        Some(size) if size == rest.len() && size > 1 => &text[..text.len() - size],
        Some(size) if surplus(&[before, text, rest]) > surplus(&[before, &text[..text.len() - size], rest]) => {
            &text[..text.len() - size]
        }
        _ => text,
    }
}

/// Closing brackets and quotes without a partner.
fn surplus(parts: &[&str]) -> usize {
    let mut open: Vec<char> = Vec::new();
    let mut extra = 0;
    let mut quotes = [('"', 0usize), ('\'', 0)];
    for c in parts.iter().flat_map(|p| p.chars()) {
        match c {
            // Brackets of a text are no brackets of the code.
            '(' | '[' | '{' | ')' | ']' | '}' if quotes[0].1 % 2 == 1 => {}
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' if open.last() == Some(&c) => {
                open.pop();
            }
            ')' | ']' | '}' => extra += 1,
            _ => quotes.iter_mut().filter(|(q, _)| *q == c).for_each(|(_, n)| *n += 1),
        }
    }
    extra + quotes.iter().map(|(_, n)| n % 2).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects files from doubled lines: a model that runs on into what stands after the cursor is cut there.
    #[test]
    fn a_run_on_is_cut_where_the_suffix_begins() {
        let prefix = "def area(w, h):\n    ";
        let suffix = "\n    return result\n\ndef other():\n    pass\n";
        let written = "result = w * h\n    return result\n\ndef other():\n    pass\n\nprint(1)\n";
        assert_eq!(trimmed(prefix, written, suffix, false, false), "result = w * h");
    }

    /// Protects the end of a file: a new top-level definition is not part of the body that is being written.
    #[test]
    fn a_line_outside_of_the_block_ends_it() {
        let written = "return a + b\n\n\ndef sub(a, b):\n    return a - b\n";
        assert_eq!(trimmed("def add(a, b):\n    ", written, "", false, false), "return a + b");
        let sub = "    return a - b\n\n\ndef mul(a, b):\n    return a * b\n";
        assert_eq!(trimmed("def sub(a, b):\n", sub, "", false, false), "    return a - b");
        assert_eq!(trimmed("def sub(a, b):", &format!("\n{sub}"), "", false, false), "\n    return a - b");
        let written = "import os\nimport re\n\nprint(1)\n";
        assert_eq!(trimmed("import io\n", written, "", false, false), "import os\nimport re");
        let written = "return a;\n}\n\nfn next() {}\n";
        assert_eq!(trimmed("fn f() {\n    ", written, "\n}\n\nfn other() {}\n", false, false), "return a;");
        assert_eq!(trimmed("fn f() {\n    ", written, "", false, false), "return a;\n}");
    }

    /// Protects calls: the bracket that stands after the cursor is not doubled, and one that is needed is kept.
    #[test]
    fn brackets_after_the_cursor_are_not_doubled() {
        assert_eq!(trimmed("print(", "x)", ")\n", true, false), "x");
        assert_eq!(trimmed("print(len(", "x)", ")\n", true, false), "x)");
        assert_eq!(trimmed("s = \"", "a\"", "\"\n", true, false), "a");
        assert_eq!(trimmed("    assert!(", "is_even(2) == true);", ")\n", true, false), "is_even(2) == true");
        assert_eq!(trimmed("print(", "\")\", f(1)", ")\n", true, false), "\")\", f(1)");
    }

    /// Protects indentation and spaces: the model sees the text without the blanks before the cursor, and those that it
    /// writes are not doubled; what it joins to the word or operator before them is not the answer.
    #[test]
    fn blanks_before_the_cursor_are_the_models_to_write() {
        assert_eq!(without_blanks("def f():\n    "), ("def f():\n", "    "));
        assert_eq!(without_blanks("  "), ("  ", ""));
        assert_eq!(after_blanks("    ", "    return 1\n"), "return 1\n");
        assert_eq!(after_blanks("    ", "        deeper"), "    deeper");
        assert_eq!(after_blanks(" ", "x"), "x");
        assert!(misfits("    return", " ", "ed x") && misfits("return", " ", "\n"));
        assert!(misfits("def f():\n", "    ", "  a"));
        assert!(misfits("n *", " ", "* fact(n - 1)"));
        assert!(!misfits("return", " ", " x") && !misfits("return", "", "x"));
    }

    /// Protects from unwanted statements: a line that was begun is ended, and a block that it opens is filled.
    #[test]
    fn a_line_that_was_begun_is_ended() {
        assert!(ends_in_line("    return ", "a + b\n    print(a)"));
        assert!(!ends_in_line("    ", "a = 1\n    b = 2") && !ends_in_line("def f(a):", "\n    return a"));
        assert!(!ends_in_line("if a", " > 1:\n    return") && !ends_in_line("x = ", "f(\n    1,\n)"));
    }

    /// Protects from half a line: what was cut off by the token limit ends with the last whole line.
    #[test]
    fn an_unfinished_line_is_dropped() {
        assert_eq!(trimmed("def f():\n    ", "a = 1\n    b = 2\n    c =", "", false, true), "a = 1\n    b = 2");
    }

    /// Protects blocks: lines that the code has twice do not end a completion early.
    #[test]
    fn a_line_that_also_follows_is_kept_when_more_comes() {
        let suffix = "\n    total += 1\n    return total\n";
        let written = "total += 1\n    total += 1\n    log()\n    total += 1\n    return total";
        assert_eq!(
            trimmed("def f(total):\n    ", written, suffix, false, false),
            "total += 1\n    total += 1\n    log()"
        );
    }
}
