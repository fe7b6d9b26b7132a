//! Limits on a template's source. minijinja's parser, its compiler and the drop of its tree recurse once for every
//! operator of a chain, and only nested brackets and blocks have a limit there. So a chain is bounded before the parser
//! sees it, and the stack is sized for the longest.

/// Bytes of a template. The longest published ones have some 30 thousand.
const MOST_BYTES: usize = 256 << 10;

/// Tags (`{{ … }}` and `{% … %}`) of a template; `elif`s nest.
const MOST_TAGS: usize = 4096;

/// Words and signs of one tag.
const MOST_PARTS: usize = 2048;

/// Whether the template is small enough to be parsed; what is wrong with it otherwise.
pub(super) fn check(source: &str) -> Result<(), String> {
    if source.len() > MOST_BYTES {
        return Err(format!("it has {} bytes, and at most {MOST_BYTES} are read", source.len()));
    }
    let mut rest = source.as_bytes();
    let mut tags = 0;
    while let Some(at) = rest.windows(2).position(|pair| matches!(pair, b"{{" | b"{%" | b"{#")) {
        let comment = rest[at + 1] == b'#';
        rest = &rest[at + 2..];
        if comment {
            let end = rest.windows(2).position(|pair| pair == b"#}").map_or(rest.len(), |end| end + 2);
            rest = &rest[end..];
            continue;
        }
        tags += 1;
        if tags > MOST_TAGS {
            return Err(format!("it has more than {MOST_TAGS} tags"));
        }
        let (length, parts) = tag(rest);
        if parts > MOST_PARTS {
            return Err(format!("tag {tags} has {parts} words and signs, and at most {MOST_PARTS} are read"));
        }
        rest = &rest[length..];
    }
    Ok(())
}

/// Bytes of the tag that `rest` is the inside and the rest of, and its words and signs. Where it has no end, all counts.
fn tag(rest: &[u8]) -> (usize, usize) {
    let (mut at, mut parts, mut open) = (0, 0, 0usize);
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    while at < rest.len() {
        let byte = rest[at];
        if open == 0 && matches!(rest.get(at..at + 2), Some(b"}}" | b"%}")) {
            return (at + 2, parts);
        }
        match byte {
            b'"' | b'\'' => {
                at += 1;
                while at < rest.len() && rest[at] != byte {
                    at += if rest[at] == b'\\' { 2 } else { 1 };
                }
            }
            b'{' | b'(' | b'[' => open += 1,
            b'}' | b')' | b']' => open = open.saturating_sub(1),
            _ => {}
        }
        if is_word(byte) {
            at += rest[at..].iter().take_while(|byte| is_word(**byte)).count();
        } else {
            at += 1;
        }
        parts += usize::from(!byte.is_ascii_whitespace());
    }
    (rest.len(), parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects real templates from the limits: what looks like code in strings, comments and text does not count, and
    /// neither does what stands in other tags.
    #[test]
    fn only_long_chains_are_refused() {
        let minus = "-".repeat(3000);
        for good in [
            minus.clone(),
            format!("{{# {minus} #}}"),
            format!("{{{{ '{minus}' }}}}{minus}"),
            format!("{{{{ '}}}} \\' {minus}' }}}}"),
            "{{ 1 + 2 }}".repeat(4096),
            "{% if a %}{% elif b %}{% endif %}".repeat(1000),
        ] {
            assert_eq!(check(&good), Ok(()), "{good:.40}");
        }
        for (bad, says) in [
            (format!("{{{{ {minus}1 }}}}"), "words and signs"),
            (format!("{{% if {} a %}}{{% endif %}}", "not ".repeat(3000)), "words and signs"),
            (format!("{{{{ {{'a': {{}}}} {minus}1 }}}}"), "words and signs"),
            (format!("{{{{ {minus}"), "words and signs"),
            ("{{ 1 }}".repeat(4097), "tags"),
            (" ".repeat((256 << 10) + 1), "bytes"),
        ] {
            assert!(check(&bad).is_err_and(|e| e.contains(says)), "{bad:.40}");
        }
    }
}
