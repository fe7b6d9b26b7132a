/// The words of a text, in lower case.
pub fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .map(|word| word.to_lowercase())
        .collect()
}

pub fn is_stop_word(word: &str) -> bool {
    ["a", "an", "and", "of", "the", "to"].contains(&word)
}

pub fn stem(word: &str) -> &str {
    for ending in ["ing", "ed", "s"] {
        if let Some(s) = word.strip_suffix(ending) {
            if s.len() > 2 {
                return s;
            }
        }
    }
    word
}
