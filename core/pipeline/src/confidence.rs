//! What the probabilities of an answer's tokens say of it. Most tokens of an edit copy the original and are nearly certain,
//! so those that do not are counted apart.

use deepcoder_edit::line_spans;
use deepcoder_types::TokenEvent;

/// The log-probabilities of all answers of one candidate.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Confidence {
    pub(crate) tokens: u32,
    sum: f32,
    pub(crate) changed: u32,
    changed_sum: f32,
    least: Option<f32>,
}

impl Confidence {
    /// Adds an answer. `tokens` are the byte at which each token begins and its log-probability, `draft` is the text that
    /// the answer was expected to repeat.
    pub(crate) fn add(&mut self, answer: &str, tokens: &[(usize, f32)], draft: Option<&str>) {
        let changed = draft.map(|draft| changed_lines(draft, answer));
        let (mut line, mut line_end) = (0, line_end(answer, 0));
        for &(at, logprob) in tokens {
            while at >= line_end && line_end < answer.len() {
                line += 1;
                line_end = self::line_end(answer, line_end);
            }
            self.tokens += 1;
            self.sum += logprob;
            self.least = Some(self.least.map_or(logprob, |least| least.min(logprob)));
            if changed.as_ref().is_none_or(|changed| changed.get(line).copied().unwrap_or(true)) {
                self.changed += 1;
                self.changed_sum += logprob;
            }
        }
    }

    pub(crate) fn mean(&self) -> Option<f32> {
        mean(self.sum, self.tokens)
    }

    pub(crate) fn changed_mean(&self) -> Option<f32> {
        mean(self.changed_sum, self.changed)
    }

    pub(crate) const fn least(&self) -> Option<f32> {
        self.least
    }
}

/// Collects the tokens of an answer as they come.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    at: usize,
    pub(crate) seen: Vec<(usize, f32)>,
}

impl Tokens {
    pub(crate) fn see(&mut self, token: &TokenEvent) {
        if let Some(logprob) = token.logprob {
            self.seen.push((self.at, logprob));
        }
        self.at += token.text.len();
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of tokens, far below 2^24")]
fn mean(sum: f32, count: u32) -> Option<f32> {
    (count > 0).then(|| sum / count as f32)
}

fn line_end(text: &str, from: usize) -> usize {
    text.get(from..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| from + at + 1)
}

/// For each line of `new`, whether it is not one of `old`, or follows lines of `old` that are gone: there the model decided.
fn changed_lines(old: &str, new: &str) -> Vec<bool> {
    let (old, new): (Vec<&str>, Vec<&str>) =
        (old.lines().map(str::trim_end).collect(), new.lines().map(str::trim_end).collect());
    let mut changed = vec![false; new.len()];
    for span in line_spans(&old, &new).into_iter().filter(|span| !span.equal) {
        // Of lines that are only gone, the first one behind them.
        let behind = usize::from(span.new.is_empty());
        changed.iter_mut().skip(span.new.start).take(span.new.len() + behind).for_each(|line| *line = true);
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the measure that edits are judged by: copied lines, however certain, do not dilute what was decided.
    #[test]
    fn only_changed_lines_count_as_changed() {
        let answer = "a = 1\nb = 3\nc = 4\n";
        let tokens = [(0, -0.1), (6, -2.0), (10, -4.0), (12, -0.1)];
        let mut confidence = Confidence::default();
        confidence.add(answer, &tokens, Some("a = 1\nb = 2\nc = 4\n"));
        assert_eq!((confidence.tokens, confidence.changed), (4, 2));
        assert_eq!(confidence.changed_mean(), Some(-3.0));
        assert_eq!(confidence.least(), Some(-4.0));
    }

    /// Protects deletions: the line behind what is gone is where the model decided to leave it out.
    #[test]
    fn the_line_behind_a_deletion_is_a_decision() {
        assert_eq!(changed_lines("a\nb\nc\nd\n", "a\nc\nd\n"), [false, true, false]);
        assert_eq!(changed_lines("a\n", "a\n"), [false]);
    }

    /// Protects new files: all of them is a decision.
    #[test]
    fn without_a_draft_every_token_counts() {
        let mut confidence = Confidence::default();
        confidence.add("x\ny\n", &[(0, -1.0), (2, -3.0)], None);
        assert_eq!((confidence.changed, confidence.changed_mean()), (2, Some(-2.0)));
        assert_eq!(Confidence::default().mean(), None);
    }
}
