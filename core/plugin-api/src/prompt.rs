//! Prompts that are kept in files.

/// `template` with every `{{name}}` replaced by its value, in one pass: what a value holds is never looked at again, so
/// that a file which contains `{{…}}` stays as it is. Unknown names stay as well, and a plugin's tests find them.
#[must_use]
pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(start) = rest.find("{{") {
        out.push_str(&rest[..start]);
        let tail = &rest[start + 2..];
        let value = tail.find("}}").and_then(|end| {
            let (_, value) = values.iter().find(|(name, _)| *name == &tail[..end])?;
            Some((value, end + 2))
        });
        match value {
            Some((value, used)) => {
                out.push_str(value);
                rest = &tail[used..];
            }
            None => {
                out.push_str("{{");
                rest = tail;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::fill;

    /// Protects the prompt from the files in it: a value that looks like a placeholder is text.
    #[test]
    fn values_are_not_filled_again() {
        assert_eq!(fill("{{a}} {{b}} {{c}} {{", &[("a", "{{b}}"), ("b", "2")]), "{{b}} 2 {{c}} {{");
    }
}
