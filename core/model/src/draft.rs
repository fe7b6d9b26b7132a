//! Drafting: guessing several tokens at once from text that the answer is likely to repeat.
//!
//! Prompt lookup decoding (Saxena 2023): where the last tokens of the answer also stand in the file being edited, in the
//! prompt or earlier in the answer, what follows there is proposed. One run of the model then checks all proposed
//! tokens, as in speculative decoding (Leviathan et al. 2023). A proposal is kept as far as it equals what the sampler
//! chooses from the model's own logits, with the random number that this position would get anyway: the choices are
//! those of decoding without drafts, greedy or not.

use std::collections::HashMap;

/// The most tokens of a proposal.
pub(crate) const MOST: usize = 15;
/// Tokens that are compared backwards to tell how well a place matches.
const MATCH: usize = 32;
/// Places that are compared, the latest first; a pair of tokens may be frequent.
const PLACES: usize = 48;
/// How far ahead the draft may go on after a change.
const AHEAD: usize = 40;
/// Stands between texts: no token.
const GAP: u32 = u32::MAX;
/// The cost of each pair of tokens beyond the first in a run, against a run of one pair, the least that there is.
/// Measured on the models of the catalogue; fixed rather than measured at run time, so that the same request always
/// takes the same steps.
const COST: f64 = 0.28;

/// Proposes and learns.
pub(crate) struct Drafter {
    // The draft, a gap, the prompt, a gap, the answer so far.
    corpus: Vec<u32>,
    draft_len: usize,
    // For each pair of tokens the place after its latest occurrence, and for each place the one before it.
    latest: HashMap<u64, u32>,
    earlier: Vec<u32>,
    // For each token the place after its latest occurrence.
    single: HashMap<u32, u32>,
    answer_from: usize,
    // Where in the corpus the last accepted proposal ended.
    cursor: usize,
    proposed_from: usize,
    bucket: usize,
    // Tokens agreed with and proposed tokens judged, for each class of matches: anywhere, and where the draft is being
    // followed.
    record: [(f64, f64); 14],
}

impl Drafter {
    pub(crate) fn new(draft: &[u32], prompt: &[u32]) -> Self {
        let mut drafter = Self {
            corpus: Vec::with_capacity(draft.len() + prompt.len() * 2 + 2),
            draft_len: draft.len(),
            latest: HashMap::new(),
            earlier: Vec::new(),
            single: HashMap::new(),
            answer_from: 0,
            cursor: 0,
            proposed_from: 0,
            bucket: 0,
            // Before anything is known: what prompt lookup reaches on edits, the better the longer the match.
            record: [
                (0.2, 1.0),
                (0.5, 1.0),
                (1.0, 2.0),
                (1.6, 2.5),
                (2.4, 3.0),
                (3.6, 4.0),
                (5.7, 6.0),
                (0.3, 1.0),
                (1.5, 2.0),
                (2.4, 3.0),
                (3.5, 4.0),
                (5.5, 6.0),
                (7.6, 8.0),
                (9.7, 10.0),
            ],
        };
        draft.iter().chain(&[GAP]).chain(prompt).chain(&[GAP]).for_each(|id| drafter.add(*id));
        drafter.answer_from = drafter.corpus.len();
        drafter
    }

    /// Note a token of the answer.
    pub(crate) fn push(&mut self, id: u32) {
        self.add(id);
    }

    /// Tokens that may follow, at most `room`; mostly none.
    pub(crate) fn propose(&mut self, room: usize, out: &mut Vec<u32>) {
        out.clear();
        let Some((place, matched)) = self.find() else { return };
        let class = match matched {
            0 => 0,
            1 => 1,
            2 => 2,
            3..=4 => 3,
            5..=8 => 4,
            9..=16 => 5,
            _ => 6,
        };
        let bucket = if self.is_near(place) { class + 7 } else { class };
        let (agreed, judged) = self.record[bucket];
        let count = worthwhile(agreed / judged, room.min(MOST));
        let available = self.corpus[place..].iter().take(count).take_while(|id| **id != GAP);
        out.extend(available);
        self.proposed_from = place;
        self.bucket = bucket;
    }

    /// Learn how many tokens of the last proposal were right.
    pub(crate) fn judged(&mut self, proposed: usize, accepted: usize) {
        let (agreed, judged) = &mut self.record[self.bucket];
        *agreed += f64::from(u32::try_from(accepted).unwrap_or(0));
        *judged += f64::from(u32::try_from((accepted + 1).min(proposed)).unwrap_or(0));
        // Old experience fades: a file may have a part that is copied and one that is rewritten.
        if *judged > 48.0 {
            *agreed /= 2.0;
            *judged /= 2.0;
        }
        self.cursor = self.proposed_from + accepted;
    }

    fn add(&mut self, id: u32) {
        let place = self.corpus.len();
        self.corpus.push(id);
        let before = place.checked_sub(1).map(|p| self.corpus[p]);
        let next = u32::try_from(place + 1).unwrap_or(0);
        let chained = match before.filter(|b| *b != GAP && id != GAP) {
            Some(before) => self.latest.insert(pair(before, id), next).unwrap_or(0),
            None => 0,
        };
        self.earlier.push(chained);
        if let Some(before) = before {
            self.single.insert(before, next - 1);
        }
    }

    /// The place that matches the end of the answer best, and how many tokens match.
    fn find(&self) -> Option<(usize, usize)> {
        let end = self.corpus.len();
        let answered = end - self.answer_from;
        if answered < 2 {
            // An answer that begins with the file itself has nothing to match yet.
            return self.begin(answered);
        }
        let key = pair(self.corpus[end - 2], self.corpus[end - 1]);
        let mut next = self.latest.get(&key).copied().unwrap_or(0) as usize;
        let mut best: Option<(usize, usize)> = None;
        for _ in 0..PLACES {
            if next == 0 {
                break;
            }
            if next < end && self.corpus[next] != GAP {
                let matched = self.matched(next);
                if best.is_none_or(|b| (matched, self.closeness(next)) > (b.1, self.closeness(b.0))) {
                    best = Some((next, matched));
                }
            }
            next = self.earlier[next - 1] as usize;
        }
        best.or_else(|| self.resume()).or_else(|| self.anything())
    }

    /// Whether a place is where the draft is being followed, or a little ahead.
    fn is_near(&self, place: usize) -> bool {
        place < self.draft_len && (self.cursor..=self.cursor + AHEAD).contains(&place)
    }

    fn begin(&self, answered: usize) -> Option<(usize, usize)> {
        let follows = answered == 0 || self.corpus[self.answer_from] == self.corpus[0];
        (self.draft_len > answered && follows).then_some((answered, 1))
    }

    /// After a change the last token alone may show where the draft goes on.
    fn resume(&self) -> Option<(usize, usize)> {
        let last = *self.corpus.last()?;
        let window = self.corpus.get(self.cursor..(self.cursor + AHEAD).min(self.draft_len))?;
        let at = window.iter().position(|id| *id == last)?;
        let place = self.cursor + at + 1;
        (place < self.draft_len).then_some((place, 1))
    }

    /// The token that last followed the last token. Right one time in five, and the first drafted token costs nothing.
    fn anything(&self) -> Option<(usize, usize)> {
        let place = *self.single.get(self.corpus.last()?)? as usize;
        (self.corpus.get(place)? != &GAP).then_some((place, 0))
    }

    /// How many tokens before `place` equal the end of the answer.
    fn matched(&self, place: usize) -> usize {
        let answer = self.corpus[self.answer_from..].iter().rev();
        self.corpus[..place].iter().rev().zip(answer).take(MATCH).take_while(|(a, b)| a == b).count()
    }

    /// Of equal matches, the one that goes on where the last proposal ended; then the earliest behind it.
    fn closeness(&self, place: usize) -> i64 {
        let (place, cursor) = (i64::try_from(place).unwrap_or(0), i64::try_from(self.cursor).unwrap_or(0));
        if place >= cursor { cursor - place } else { 2 * (place - cursor) - 1_000_000 }
    }
}

const fn pair(a: u32, b: u32) -> u64 {
    ((a as u64) << 32) | b as u64
}

/// How many tokens to propose when each is right with probability `p` if all before it are: as many as yield the most
/// tokens for their cost.
fn worthwhile(p: f64, room: usize) -> usize {
    let mut best = (0, 1.0);
    let (mut reach, mut tokens) = (1.0, 1.0);
    for count in 1..=room {
        reach *= p;
        tokens += reach;
        // The token that is certain comes before them.
        let pairs = u32::try_from((count + 1).div_ceil(2)).unwrap_or(u32::MAX);
        let cost = 1.0 + COST * f64::from(pairs - 1);
        if tokens / cost > best.1 {
            best = (count, tokens / cost);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays an answer against the drafter, with a model that is always sure; returns runs and tokens.
    fn play(draft: &[u32], prompt: &[u32], answer: &[u32]) -> (usize, usize) {
        let mut drafter = Drafter::new(draft, prompt);
        let (mut at, mut runs, mut proposal) = (0, 0, Vec::new());
        while at < answer.len() {
            drafter.propose(answer.len() - at, &mut proposal);
            let accepted = proposal.iter().zip(&answer[at..]).take_while(|(a, b)| a == b).count();
            if !proposal.is_empty() {
                drafter.judged(proposal.len(), accepted);
            }
            for id in answer[at..].iter().take(accepted + 1) {
                drafter.push(*id);
                at += 1;
            }
            runs += 1;
        }
        (runs, answer.len())
    }

    fn noise(n: u32, salt: u64) -> Vec<u32> {
        let mut rng = crate::sampler::Rng::new(salt);
        (0..n).map(|_| u32::try_from(rng.next_u64() % 50_000).unwrap()).collect()
    }

    /// Protects the speed of edits: a file that is repeated with a few changes takes a small part of the runs, with the
    /// draft or with the prompt alone.
    #[test]
    fn a_rewrite_is_mostly_copied() {
        let file = noise(600, 1);
        let mut answer = file.clone();
        answer.splice(200..205, noise(12, 2));
        answer.splice(400..400, noise(6, 3));
        let (runs, tokens) = play(&file, &noise(50, 4), &answer);
        assert!(runs * 5 < tokens, "{runs} runs for {tokens} tokens");
        let (runs, _) = play(&[], &file, &answer);
        assert!(runs * 4 < tokens, "{runs} runs for {tokens} tokens");
    }

    /// Protects everything else: where nothing repeats, no more is proposed than what costs nothing.
    #[test]
    fn new_text_is_left_alone() {
        let mut drafter = Drafter::new(&[], &noise(500, 1));
        let mut proposal = Vec::new();
        let mut costly = 0;
        for id in noise(500, 2) {
            drafter.propose(100, &mut proposal);
            costly += usize::from(proposal.len() > 1);
            if !proposal.is_empty() {
                drafter.judged(proposal.len(), 0);
            }
            drafter.push(id);
        }
        assert!(costly < 5, "{costly}");
        assert_eq!(worthwhile(0.1, 16), 1);
        assert_eq!(worthwhile(0.99, 15), 15);
    }
}
