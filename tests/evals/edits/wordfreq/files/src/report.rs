use crate::count::Counts;

/// One line for each of the top words.
pub fn table(counts: &Counts, n: usize) -> String {
    counts
        .top(n)
        .iter()
        .map(|(word, count)| format!("{count:>5} {word}"))
        .collect::<Vec<_>>()
        .join("\n")
}

pub fn percent(part: usize, total: usize) -> f64 {
    part as f64 / total as f64 * 100.0
}
