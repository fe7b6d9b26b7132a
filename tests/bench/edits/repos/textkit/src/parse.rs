//! Numbers in texts.

pub fn parse_numbers(text: &str) -> Vec<f64> {
    text.split(',').filter_map(|part| part.trim().parse().ok()).collect()
}

pub fn parse_pair(text: &str) -> Option<(String, String)> {
    let (key, value) = text.split_once('=')?;
    Some((key.trim().to_string(), value.trim().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is no number is left out.
    #[test]
    fn numbers_and_pairs() {
        assert_eq!(parse_numbers("1, 2,x"), [1.0, 2.0]);
        assert_eq!(parse_pair("a = b"), Some(("a".to_string(), "b".to_string())));
    }
}
