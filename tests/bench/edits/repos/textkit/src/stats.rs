//! Statistics.

/// What is known of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    pub words: usize,
    pub lines: usize,
}

pub fn word_count(text: &str) -> usize {
    text.split(' ').filter(|word| !word.is_empty()).count()
}

pub fn summarize(text: &str) -> Summary {
    Summary { words: word_count(text), lines: text.lines().count() }
}

pub fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    Some(values.iter().sum::<f64>() / values.len() as f64)
}

pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words and lines are counted.
    #[test]
    fn words_and_lines() {
        assert_eq!(summarize("a b\nc"), Summary { words: word_count("a b\nc"), lines: 2 });
    }

    /// The mean and the median of a few numbers, and of none.
    #[test]
    fn middles() {
        assert_eq!(mean(&[1.0, 2.0]), Some(1.5));
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[]), None);
    }
}
