//! Names of models.

use deepcoder_types::Hint;

/// The text cannot name a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be the name of a model")]
pub struct NameError(pub String);

impl Hint for NameError {
    fn hint(&self) -> Option<String> {
        Some("a name has 1 to 100 letters, digits, `.`, `-` or `_`, and begins with a letter or digit".into())
    }
}

/// A name is one harmless path component: it is joined to the models' folder as it stands.
pub fn check_name(name: &str) -> Result<(), NameError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if starts_well && name.len() <= 100 && name.chars().all(plain) {
        Ok(())
    } else {
        Err(NameError(name.chars().take(120).collect()))
    }
}

/// Up to three of `known` that `typed` may have meant, the likeliest first.
#[must_use]
pub fn suggest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let typed = typed.to_lowercase();
    let mut scored: Vec<(f64, &str)> = known
        .into_iter()
        .map(|name| {
            let lower = name.to_lowercase();
            // People leave out parts of long names (`coder-1.5b`), which an edit distance alone punishes.
            let part = if typed.len() >= 3 && lower.contains(&typed) { 1.0 } else { 0.0 };
            (strsim::normalized_damerau_levenshtein(&typed, &lower).max(part), name)
        })
        .filter(|(score, _)| *score >= 0.5)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    scored.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the file system: a name never leads out of the models' folder nor names a hidden file.
    #[test]
    fn only_plain_names() {
        for good in ["qwen2.5-coder-0.5b-instruct", "a", "A_b.c"] {
            assert_eq!(check_name(good), Ok(()));
        }
        let long = "a".repeat(101);
        for bad in ["", ".", "..", "../x", "a/b", "/a", ".hidden", "-x", "a b", "a\0", "ä", "a\\b", long.as_str()] {
            assert!(check_name(bad).is_err(), "{bad:?} was accepted");
        }
    }

    /// Protects the hint: a slip of the finger and a part of a name find the model, noise finds nothing.
    #[test]
    fn suggestions() {
        let known = ["qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct", "deepseek-coder-v2-lite-base"];
        assert_eq!(suggest("qwen2.5-coder-1.5b-instuct", known)[0], "qwen2.5-coder-1.5b-instruct");
        assert_eq!(suggest("deepseek", known), ["deepseek-coder-v2-lite-base"]);
        assert!(suggest("xyz", known).is_empty());
    }
}
