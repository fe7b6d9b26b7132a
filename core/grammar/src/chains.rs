//! Grammars with long literal parts: a chain of literals and regular expressions, or a choice of chains.
//!
//! The [`automaton`](crate::automaton) stores no states for the bytes of a literal, so a file of 100,000 bytes costs no
//! more than its text.

use crate::GrammarError;
use crate::automaton::{Automaton, Part, Position, State, Walk};
use crate::parser::classify;
use crate::vocabulary::Vocabulary;
use llguidance::panic_utils::catch_unwind;
use llguidance::toktrie::SimpleVob;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

/// Where forced bytes are cut off, the tokens of so many last bytes depend on the bytes that follow.
const MARGIN: usize = 64;

/// The positions of one sequence in an automaton. A clone shares the automaton.
#[derive(Clone)]
pub(crate) struct ChainMatcher {
    vocabulary: Arc<Vocabulary>,
    automaton: Arc<Mutex<Automaton>>,
    positions: Arc<[Position]>,
    last: Option<u32>,
}

impl ChainMatcher {
    /// Matches a text that is one of `chains`.
    pub(crate) fn new(vocabulary: &Arc<Vocabulary>, chains: &[Vec<Part>]) -> Result<Self, GrammarError> {
        let (automaton, positions) = Automaton::new(chains)?;
        let automaton = Arc::new(Mutex::new(automaton));
        Ok(Self { vocabulary: Arc::clone(vocabulary), automaton, positions, last: None })
    }

    /// As [`ParserMatcher::isolated`](crate::parser::ParserMatcher::isolated).
    pub(crate) fn isolated(&self) -> Self {
        let automaton = self.automaton.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self { automaton: Arc::new(Mutex::new(automaton)), ..self.clone() }
    }

    /// Calls `work` with the automaton and the current state, within the limits. A panic of the library is an error.
    fn work<T>(&self, work: impl FnOnce(&mut Automaton, State) -> T) -> Result<T, GrammarError> {
        let mut automaton = self.automaton.lock().unwrap_or_else(PoisonError::into_inner);
        if automaton.broken {
            return Err(GrammarError::Failed("it failed before".into()));
        }
        automaton.begin();
        let state = automaton.state_of(&self.positions);
        let result = catch_unwind(AssertUnwindSafe(|| Ok(work(&mut automaton, state))));
        automaton.broken = result.is_err();
        let result = result.map_err(|e| classify(&e.to_string()))?;
        automaton.check()?;
        Ok(result)
    }

    /// The positions after `bytes`; `None` if they are not allowed.
    fn behind(&self, bytes: &[u8]) -> Result<Option<Arc<[Position]>>, GrammarError> {
        self.work(|automaton, state| {
            let state = bytes.iter().try_fold(state, |state, byte| automaton.step(state, *byte));
            state.map(|state| automaton.positions(state))
        })
    }

    pub(crate) fn mask(&mut self) -> Result<SimpleVob, GrammarError> {
        self.work(|automaton, state| {
            if let Some(mask) = automaton.cached_mask(state) {
                return mask;
            }
            let mut mask = self.vocabulary.empty_set();
            let mut walk = Walk::new(automaton, state);
            self.vocabulary.trie().add_bias(&mut walk, &mut mask, &[]);
            automaton.cache_mask(state, &mask);
            mask
        })
    }

    pub(crate) fn allows_bytes(&self, bytes: &[u8]) -> Result<bool, GrammarError> {
        Ok(self.behind(bytes)?.is_some())
    }

    /// Advances by `bytes`; false if they are not allowed. `last` is the token that ends with them.
    pub(crate) fn accept(&mut self, bytes: &[u8], last: u32) -> Result<bool, GrammarError> {
        let Some(positions) = self.behind(bytes)? else { return Ok(false) };
        self.positions = positions;
        self.last = Some(last);
        Ok(true)
    }

    pub(crate) fn complete(&self) -> bool {
        self.positions.iter().any(|position| position.is_end())
    }

    pub(crate) fn done(&self) -> Result<bool, GrammarError> {
        let more = |automaton: &mut Automaton, state| (0..=u8::MAX).any(|byte| automaton.step(state, byte).is_some());
        Ok(self.complete() && !self.work(more)?)
    }

    /// The tokens of the bytes that must follow, without the last ones, which may depend on the bytes after them.
    pub(crate) fn forced(&mut self) -> Result<Vec<u32>, GrammarError> {
        let (env, trie) = (&self.vocabulary.env, self.vocabulary.trie());
        self.work(|automaton, state| {
            let (bytes, end, cut) = automaton.forced(state);
            if bytes.is_empty() {
                return Vec::new();
            }
            // Tokenisation depends on the token before: tokenise both together, and fall back to the bytes alone if
            // that token would change.
            let before = self.last.map(|last| env.tokenize_bytes(&[trie.token(last), &bytes].concat()));
            let before = before.filter(|tokens| tokens.first() == self.last.as_ref());
            let mut tokens = before.map_or_else(|| env.tokenize_bytes(&bytes), |tokens| tokens[1..].to_vec());
            if cut {
                let mut margin = 0;
                while margin < MARGIN
                    && let Some(token) = tokens.pop()
                {
                    margin += trie.token(token).len();
                }
            } else {
                let (chopped, _) = trie.chop_tokens(&mut Walk::new(automaton, end), &tokens);
                tokens.truncate(tokens.len() - chopped);
            }
            tokens
        })
    }
}
