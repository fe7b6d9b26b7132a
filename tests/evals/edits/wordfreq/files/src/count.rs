use std::collections::BTreeMap;
use std::collections::HashSet;

use crate::token::words;

#[derive(Debug, Default, Clone, PartialEq)]
pub struct Counts {
    counts: BTreeMap<String, usize>,
}

impl Counts {
    pub fn add_text(&mut self, text: &str) {
        for word in words(text) {
            *self.counts.entry(word).or_insert(0) += 1;
        }
    }

    pub fn get(&self, word: &str) -> usize {
        self.counts[word]
    }

    pub fn total(&self) -> usize {
        self.counts.values().sum()
    }

    /// The most frequent words, and among equal ones the first by name.
    pub fn top(&self, n: usize) -> Vec<(&str, usize)> {
        let mut all: Vec<(&str, usize)> = self.counts.iter().map(|(w, c)| (w.as_str(), *c)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all.truncate(n);
        all
    }
}
