//! The constraint of one answer.

use crate::GrammarError;
use crate::matcher::Matcher;
use crate::trigger::{Trigger, TriggerMatch};
use crate::vocabulary::Vocabulary;
use std::sync::Arc;

#[derive(Clone)]
enum Phase {
    /// Before the trigger, of which the last bytes so far match this many.
    BeforeTrigger(Arc<Trigger>, usize),
    InGrammar,
    Ended,
}

/// The constraint of one answer, at its current token. A clone continues from the same token independently.
#[derive(Clone)]
pub struct Constraint {
    vocabulary: Arc<Vocabulary>,
    machine: Matcher,
    phase: Phase,
    forced: Option<Vec<u32>>,
    done: bool,
}

impl std::fmt::Debug for Constraint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Constraint").field("done", &self.done).finish_non_exhaustive()
    }
}

impl Constraint {
    pub(crate) fn new(
        vocabulary: &Arc<Vocabulary>,
        machine: Matcher,
        trigger: Option<Arc<Trigger>>,
    ) -> Result<Self, GrammarError> {
        let done = trigger.is_none() && machine.done()?;
        let phase = trigger.map_or(Phase::InGrammar, |trigger| Phase::BeforeTrigger(trigger, 0));
        Ok(Self { vocabulary: Arc::clone(vocabulary), machine, phase, forced: None, done })
    }

    /// Sets the logits of disallowed tokens to negative infinity. `logits` has one number for each token, and may be
    /// longer than the vocabulary. End tokens are allowed where the grammar is complete, and everywhere before a
    /// trigger; other control tokens never are.
    ///
    /// # Errors
    /// [`GrammarError::Stuck`] if no token is allowed, and [`GrammarError::TooComplex`] beyond a limit.
    pub fn mask(&mut self, logits: &mut [f32]) -> Result<(), GrammarError> {
        let forced = self.forced_now()?.first().copied();
        let mut mask = match (&self.phase, forced) {
            (_, Some(token)) => self.vocabulary.trie().singleton_token_set(token),
            (Phase::BeforeTrigger(trigger, matched), None) => (*trigger.mask(&self.vocabulary, *matched)?).clone(),
            (Phase::InGrammar, None) => self.machine.mask()?,
            (Phase::Ended, None) => return Err(GrammarError::Stuck),
        };
        if forced.is_none() && self.complete()? {
            self.vocabulary.ends.iter().for_each(|id| mask.allow_token(*id));
        }
        if apply(mask.as_slice(), logits) { Ok(()) } else { Err(GrammarError::Stuck) }
    }

    /// Whether [`Constraint::mask`] allows a token: for drafts.
    pub fn allows(&mut self, token: u32) -> bool {
        let forced = self.forced_now().map(|forced| forced.first().copied());
        match forced {
            Ok(Some(forced)) => token == forced,
            Ok(None) => self.fits(token).unwrap_or(false),
            Err(_) => false,
        }
    }

    fn fits(&mut self, token: u32) -> Result<bool, GrammarError> {
        if self.vocabulary.is_end(token) {
            return self.complete();
        }
        if !self.vocabulary.is_text(token) {
            return Ok(false);
        }
        match &self.phase {
            Phase::BeforeTrigger(trigger, matched) => trigger.allows(&self.vocabulary, *matched, token),
            Phase::InGrammar => self.machine.allows(&self.vocabulary, token),
            Phase::Ended => Ok(false),
        }
    }

    /// Advances by a token.
    ///
    /// # Errors
    /// [`GrammarError::Refused`] if the token is not allowed; the constraint is unchanged then.
    pub fn accept(&mut self, token: u32) -> Result<(), GrammarError> {
        if !self.fits(token)? {
            return Err(GrammarError::Refused(token));
        }
        self.forced = None;
        if self.vocabulary.is_end(token) {
            self.phase = Phase::Ended;
            self.done = true;
            return Ok(());
        }
        let mut from = 0;
        if let Phase::BeforeTrigger(trigger, matched) = &mut self.phase {
            match trigger.find(*matched, self.vocabulary.trie().token(token)) {
                TriggerMatch::Partial(now) => {
                    *matched = now;
                    return Ok(());
                }
                TriggerMatch::Complete(end) => from = end,
            }
            self.phase = Phase::InGrammar;
        }
        if from < self.vocabulary.trie().token(token).len() && !self.machine.accept(&self.vocabulary, token, from)? {
            return Err(GrammarError::Refused(token));
        }
        self.done = self.machine.done()?;
        Ok(())
    }

    /// The tokens that must follow now, in the model's own tokenisation. They need no logits; the caller passes each to
    /// [`Constraint::accept`]. Empty without a tokeniser.
    pub fn forced(&mut self) -> Vec<u32> {
        self.forced_now().map(<[u32]>::to_vec).unwrap_or_default()
    }

    fn forced_now(&mut self) -> Result<&[u32], GrammarError> {
        if self.forced.is_none() {
            let forced = match self.phase {
                Phase::InGrammar if !self.done && self.vocabulary.canonical() => self.machine.forced()?,
                _ => Vec::new(),
            };
            self.forced = Some(forced);
        }
        Ok(self.forced.as_deref().unwrap_or_default())
    }

    /// Whether the grammar is complete and only an end token may follow.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Whether the answer may end here.
    pub fn is_complete(&mut self) -> bool {
        self.complete().unwrap_or(false)
    }

    fn complete(&mut self) -> Result<bool, GrammarError> {
        match self.phase {
            Phase::BeforeTrigger(..) => Ok(true),
            Phase::InGrammar => self.machine.complete(),
            Phase::Ended => Ok(false),
        }
    }
}

/// Applies a bit mask to logits; tokens beyond it are not allowed. Returns whether any token is allowed.
fn apply(mask: &[u32], logits: &mut [f32]) -> bool {
    let mut any = false;
    let mut chunks = logits.chunks_mut(32);
    for word in mask {
        let Some(chunk) = chunks.next() else { break };
        match *word {
            0 => chunk.fill(f32::NEG_INFINITY),
            u32::MAX => any = true,
            word => {
                for (bit, logit) in chunk.iter_mut().enumerate() {
                    let allowed = word >> bit & 1 == 1;
                    any |= allowed;
                    *logit = if allowed { *logit } else { f32::NEG_INFINITY };
                }
            }
        }
    }
    chunks.for_each(|chunk| chunk.fill(f32::NEG_INFINITY));
    any
}
