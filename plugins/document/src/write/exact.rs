//! Whether a description can be true, as far as names tell: those in it are in the code, and it tells of no result or error
//! that there is not.

use crate::signature::{Gives, Signature};

/// Why a description is not used; `None` where nothing speaks against it.
pub(crate) fn wrong(text: &str, code: &str, signature: Option<&Signature>) -> Option<String> {
    if let Some(name) = names(text).into_iter().find(|name| !has_word(code, name)) {
        return Some(format!("the model speaks of `{name}`, which is not in the code"));
    }
    let signature = signature?;
    let first = text.split_whitespace().next().unwrap_or_default().to_lowercase();
    if signature.gives == Gives::Nothing && !signature.yields && matches!(first.as_str(), "return" | "returns") {
        return Some("the model speaks of a result, and there is none".to_owned());
    }
    let raises = text.split(|c: char| !c.is_alphanumeric()).any(|word| {
        matches!(word.to_lowercase().as_str(), "raises" | "throws")
            || word.ends_with("Error")
            || word.ends_with("Exception")
    });
    let certain = signature.has_code && !signature.may_raise_more && signature.raises.is_empty();
    (raises && certain).then(|| "the model speaks of an error, and none is raised".to_owned())
}

/// The words that can only be names of code.
fn names(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    // In backquotes, but for what is no name at all.
    for quoted in text.split('`').skip(1).step_by(2) {
        let name: String = quoted.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if !name.is_empty() && name.len() == quoted.trim_end_matches("()").len() {
            found.push(name);
        }
    }
    for word in text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '('))) {
        let name = word.split('(').next().unwrap_or_default();
        let called = word.strip_prefix(name).is_some_and(|rest| rest.starts_with('(')) && !name.is_empty();
        let snake = name.trim_matches('_').contains('_');
        let camel = name.starts_with(char::is_lowercase) && name.chars().any(char::is_uppercase);
        let error = (name.ends_with("Error") || name.ends_with("Exception"))
            && name.len() > 9
            && name.starts_with(char::is_uppercase);
        if (called && text.contains(&format!("{name}()"))) || snake || camel || error {
            found.push(name.to_owned());
        }
    }
    found
}

fn has_word(code: &str, name: &str) -> bool {
    let of_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name)
        .any(|(at, _)| !code[..at].ends_with(of_name) && !code[at + name.len()..].starts_with(of_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects readers from names that the model makes up, and descriptions in plain words from being dropped.
    #[test]
    fn names_are_in_the_code() {
        let code = "def pay(self, amount):\n    self.total_sum += amount\n    raise LateError(amount)\n";
        for fine in [
            "Pays an amount.",
            "Adds `amount` to total_sum.",
            "Raises LateError.",
            "Calls pay() on GitHub.",
            "Uses JSON.",
        ] {
            assert_eq!(wrong(fine, code, None), None, "{fine}");
        }
        for bad in ["Adds `sum`.", "Adds to total_sums.", "Raises ValueError.", "Calls payAll().", "Reads theFile."] {
            assert!(wrong(bad, code, None).is_some(), "{bad}");
        }
        let nothing = Signature { gives: Gives::Nothing, has_code: true, ..Signature::default() };
        assert!(wrong("Returns the sum.", code, Some(&nothing)).is_some());
        assert!(wrong("Adds and raises an error.", code, Some(&nothing)).is_some());
        assert_eq!(wrong("Adds.", code, Some(&nothing)), None);
    }
}
