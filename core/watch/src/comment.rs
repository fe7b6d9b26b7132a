//! Comments that ask for something: one line that begins or ends with `AI!` or `AI?`, in any case.

use deepcoder_syntax::{Language, comments};

/// The request of a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Mark {
    /// `AI!`: the change that it describes.
    Edit,
    /// `AI?`: an answer.
    Ask,
    /// `AI`: nothing by itself; it belongs to the next `AI!`.
    Note,
}

/// A comment with a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comment {
    pub(crate) mark: Mark,
    /// As it stands in the file, with its signs.
    pub(crate) text: String,
    /// Its text, without signs and mark.
    pub(crate) said: String,
    /// Its line, from 1.
    pub(crate) line: usize,
    /// How many comments with the same text stand before it.
    pub(crate) nth: usize,
}

/// The comments of `text` that have a mark.
pub(crate) fn marked(language: Language, text: &str) -> Vec<Comment> {
    // Nearly every file has none, and need not be parsed.
    if !text.as_bytes().windows(2).any(|two| two.eq_ignore_ascii_case(b"ai")) {
        return Vec::new();
    }
    let mut found: Vec<Comment> = Vec::new();
    for range in comments(language, text) {
        let Some(comment) = text.get(range.as_range()).map(str::trim_end) else { continue };
        let Some((mark, said)) = read(comment) else { continue };
        let nth = found.iter().filter(|before| before.text == comment).count();
        let line = text.as_bytes()[..range.start as usize].iter().filter(|&&b| b == b'\n').count() + 1;
        found.push(Comment { mark, text: comment.to_owned(), said: said.to_owned(), line, nth });
    }
    found
}

fn read(comment: &str) -> Option<(Mark, &str)> {
    if comment.contains('\n') {
        return None;
    }
    let comment = comment.strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->")).unwrap_or(comment).trim();
    let body = comment.trim_start_matches(['/', '#', '*', '!']).trim_start();
    let body = if comment.starts_with("/*") { body.trim_end().trim_end_matches(['/', '*']) } else { body }.trim();
    let first = body.split_whitespace().next()?;
    let last = body.split_whitespace().next_back()?;
    let of = |word: &str, ends: &[char]| {
        let word = word.trim_matches(ends);
        match word.get(..2)? {
            ai if ai.eq_ignore_ascii_case("ai") => match &word[2..] {
                "!" => Some(Mark::Edit),
                "?" => Some(Mark::Ask),
                "" => Some(Mark::Note),
                _ => None,
            },
            _ => None,
        }
    };
    let at_end = of(last, &[':', ',', '-', '(', ')']).map(|mark| (mark, &body[..body.len() - last.len()]));
    let at_start = of(first, &[':', ',', '-']).map(|mark| (mark, &body[first.len()..]));
    // A mark that asks for something beats one that does not.
    let (mark, said) = match (at_end, at_start) {
        (Some((Mark::Note, _)), Some(start)) => start,
        (end, start) => end.or(start)?,
    };
    Some((mark, said.trim_matches([' ', '\t', ':', ',', '-', '—'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(comment: &str) -> Option<(Mark, &str)> {
        read(comment)
    }

    /// Protects what people know from other tools: a mark at either end, in any case, in each language's comments, and
    /// no word that merely looks like one.
    #[test]
    fn marks_are_read_at_either_end() {
        assert_eq!(said("# add a docstring AI!"), Some((Mark::Edit, "add a docstring")));
        assert_eq!(said("// ai! add a check"), Some((Mark::Edit, "add a check")));
        assert_eq!(said("//! AI: be brief AI!"), Some((Mark::Edit, "AI: be brief")));
        assert_eq!(said("/* what is this, Ai? */"), Some((Mark::Ask, "what is this")));
        assert_eq!(said("<!-- add a title AI! -->"), Some((Mark::Edit, "add a title")));
        assert_eq!(said("#AI? why"), Some((Mark::Ask, "why")));
        assert_eq!(said("// keep the order, AI"), Some((Mark::Note, "keep the order")));
        assert_eq!(said("# AI!"), Some((Mark::Edit, "")));
        for none in ["# AI-made", "# said", "# the AIs", "# AI!!", "/* a\nAI! */", "# xAI!", "#", "# é"] {
            assert_eq!(said(none), None, "{none}");
        }
    }

    /// Protects strings: text that only looks like a comment asks for nothing; and comments that are the same are told
    /// apart.
    #[test]
    fn only_comments_count() {
        let text = "x = '# no AI!'\n# f AI!\ndef f(): pass\n\"\"\"\n# no AI!\n\"\"\"\ny = 1  # f AI!\n# hail\n";
        let found = marked(Language::Python, text);
        let lines: Vec<_> = found.iter().map(|c| (c.line, c.nth, c.text.as_str())).collect();
        assert_eq!(lines, [(2, 0, "# f AI!"), (7, 1, "# f AI!")]);
    }
}
