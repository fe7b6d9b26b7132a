//! Which definitions an instruction that names none is likely about: those whose names and texts share its rare words.

use crate::units::Unit;
use std::collections::{BTreeMap, BTreeSet};

/// How much a word in the name of a definition counts; a word of its text counts 1.
const OF_NAME: f32 = 3.0;
/// Shorter words say nothing.
const SHORT: usize = 3;

/// The functions from the likeliest to the least likely, each with its score. Words that many have count little.
pub(super) fn ranked<'u>(instruction: &str, text: &str, functions: &[&'u Unit]) -> Vec<(&'u Unit, f32)> {
    let asked = stems(instruction);
    let bags: Vec<(BTreeSet<String>, BTreeSet<String>, f32)> = functions
        .iter()
        .map(|unit| {
            let own = text.get(unit.range.clone()).unwrap_or_default();
            #[expect(clippy::cast_precision_loss, reason = "a weight")]
            let length = own.len() as f32;
            (stems(&unit.qualified), stems(own), length)
        })
        .collect();
    let mut having: BTreeMap<&str, usize> = BTreeMap::new();
    for word in &asked {
        let count = bags.iter().filter(|(name, own, _)| name.contains(word) || own.contains(word)).count();
        having.insert(word, count);
    }
    #[expect(clippy::cast_precision_loss, reason = "a weight")]
    let count = functions.len().max(1) as f32;
    let mean = bags.iter().map(|(_, _, length)| length).sum::<f32>() / count;
    let mut out: Vec<(&Unit, f32)> = Vec::new();
    for (unit, (name, own, length)) in functions.iter().zip(&bags) {
        // A long text has many words by chance.
        let of_text = 1.0 / (1.0 + 0.3 * length / mean.max(1.0));
        let score = having.iter().map(|(word, having)| {
            #[expect(clippy::cast_precision_loss, reason = "a weight")]
            let rare = (1.0 + count / (*having).max(1) as f32).ln();
            let weight =
                if name.contains(*word) { OF_NAME } else { 0.0 } + if own.contains(*word) { of_text } else { 0.0 };
            rare * weight
        });
        out.push((unit, score.sum()));
    }
    out.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    out
}

/// The words of a text, those in names too, without their endings.
fn stems(text: &str) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    let mut word = String::new();
    let mut before = ' ';
    for c in text.chars().chain([' ']) {
        let hump = c.is_uppercase() && before.is_lowercase();
        if !c.is_alphanumeric() || hump {
            if word.chars().count() >= SHORT {
                out.insert(stem(&word).to_owned());
            }
            word.clear();
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    out
}

fn stem(word: &str) -> &str {
    let stem = ["ing", "ies", "ed", "es", "s", "e", "y"].iter().find_map(|ending| word.strip_suffix(ending));
    stem.filter(|stem| stem.chars().count() >= SHORT).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::units;
    use deepcoder_types::RepoPath;

    /// Protects long files: the definition that an instruction is about comes first although it does not name it.
    #[test]
    fn rare_words_find_the_definition() {
        let text = "def load_rows(path):\n    return read(path)\n\n\ndef fee(days):\n    \"\"\"What a late loan costs.\"\"\"\n    return \
                    days * 10\n\n\ndef sortByAge(rows):\n    return sorted(rows)\n\n\ndef mail(rows):\n    return send(rows)\n";
        let units = units(&RepoPath::new("a.py").expect("a path"), text);
        let functions: Vec<&Unit> = units.iter().collect();
        for (instruction, first) in [
            ("late loans should cost 20 for each day", "fee"),
            ("the rows should be sorted by age, oldest first", "sortByAge"),
            ("loading should skip empty rows", "load_rows"),
        ] {
            assert_eq!(ranked(instruction, text, &functions)[0].0.name, first, "{instruction}");
        }
        assert!(ranked("nothing here", text, &functions).iter().all(|(_, score)| *score == 0.0));
    }
}
