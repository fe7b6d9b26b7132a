//! Bounds of globs, before anything is made of them.

/// The most bytes of a glob. A path may have 4096, and three times as many once it is escaped.
const MAX_GLOB: usize = 16_384;

/// How deep braces may be nested: the compiler of globs recurses as deep.
const MAX_BRACES: usize = 8;

/// Whether `glob` is short and flat enough to be compiled; what is wrong with it otherwise. Asked before every compilation:
/// a deep or a long one would end in a panic or at the end of the stack.
pub fn check_glob(glob: &str) -> Result<(), String> {
    if glob.len() > MAX_GLOB {
        return Err(format!("it has {} bytes, and the most is {MAX_GLOB}", glob.len()));
    }
    let (mut depth, mut escaped) = (0usize, false);
    let mut chars = glob.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            // In a class nothing has a meaning but its end, and that not at its beginning.
            '[' => {
                _ = chars.next_if(|c| matches!(c, '!' | '^'));
                _ = chars.next();
                _ = chars.by_ref().find(|c| *c == ']');
            }
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_BRACES {
            return Err(format!("its braces are nested more than {MAX_BRACES} deep"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the stack: nesting is counted whatever stands between, and escapes and what is closed do not count.
    #[test]
    fn only_flat_and_short_globs_are_compiled() {
        for good in [
            "src/**/*.{py,rs}",
            "{a,{b,{c,d}}}",
            &"{a,b}".repeat(100),
            &r"\{".repeat(100),
            &"[{]".repeat(99),
            "}}}}",
            "",
        ] {
            assert_eq!(check_glob(good), Ok(()), "{good}");
        }
        for bad in ["{".repeat(200), format!("{}x{}", "{a,".repeat(9), "}".repeat(9)), "?".repeat(20_000)] {
            assert!(check_glob(&bad).is_err(), "{bad}");
        }
    }
}
