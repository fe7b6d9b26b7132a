//! Free text until a trigger, from which on the grammar holds.

use crate::GrammarError;
use crate::matcher::Matcher;
use crate::vocabulary::Vocabulary;
use llguidance::toktrie::SimpleVob;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Maximum number of cached masks.
const MAX_MASKS: usize = 64;

/// The trigger text, and the matcher of the text after it. A token may extend beyond the trigger if its rest begins a
/// match; the match then starts with that rest. If a token contains the trigger twice, the first occurrence counts.
pub(crate) struct Trigger {
    bytes: Vec<u8>,
    // For each prefix the length of the longest shorter one that it ends with (Knuth, Morris and Pratt 1977).
    borders: Vec<usize>,
    form: Mutex<Matcher>,
    masks: Mutex<HashMap<usize, Arc<SimpleVob>>>,
}

/// The result of a search for the trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TriggerMatch {
    /// The text ends with this many bytes of the trigger.
    Partial(usize),
    /// The trigger ends before this byte of the searched bytes.
    Complete(usize),
}

impl Trigger {
    pub(crate) fn new(text: &str, form: Matcher) -> Self {
        let bytes = text.as_bytes().to_vec();
        let mut borders = vec![0; bytes.len() + 1];
        let mut length = 0;
        for at in 1..bytes.len() {
            while length > 0 && bytes[at] != bytes[length] {
                length = borders[length];
            }
            length += usize::from(bytes[at] == bytes[length]);
            borders[at + 1] = length;
        }
        Self { bytes, borders, form: Mutex::new(form), masks: Mutex::default() }
    }

    /// Searches `bytes`, after a text that ends with `matched` bytes of the trigger.
    pub(crate) fn find(&self, mut matched: usize, bytes: &[u8]) -> TriggerMatch {
        for (at, byte) in bytes.iter().enumerate() {
            while matched > 0 && self.bytes[matched] != *byte {
                matched = self.borders[matched];
            }
            matched += usize::from(self.bytes[matched] == *byte);
            if matched == self.bytes.len() {
                return TriggerMatch::Complete(at + 1);
            }
        }
        TriggerMatch::Partial(matched)
    }

    /// Whether a token is allowed.
    pub(crate) fn allows(&self, vocabulary: &Vocabulary, matched: usize, token: u32) -> Result<bool, GrammarError> {
        let bytes = vocabulary.trie().token(token);
        match self.find(matched, bytes) {
            TriggerMatch::Complete(end) if end < bytes.len() => {
                self.form.lock().unwrap_or_else(PoisonError::into_inner).begins_with(&bytes[end..])
            }
            _ => Ok(true),
        }
    }

    /// The allowed tokens. They depend on `matched` only, and are cached.
    pub(crate) fn mask(&self, vocabulary: &Vocabulary, matched: usize) -> Result<Arc<SimpleVob>, GrammarError> {
        let mut masks = self.masks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mask) = masks.get(&matched) {
            return Ok(Arc::clone(mask));
        }
        let mut form = self.form.lock().unwrap_or_else(PoisonError::into_inner);
        let mut mask = vocabulary.text.clone();
        let mut known: HashMap<&[u8], bool> = HashMap::new();
        for token in vocabulary.text.iter() {
            let bytes = vocabulary.trie().token(token);
            let TriggerMatch::Complete(end) = self.find(matched, bytes) else { continue };
            let rest = &bytes[end..];
            let fits = match known.get(rest) {
                Some(fits) => *fits,
                None => rest.is_empty() || form.begins_with(rest)?,
            };
            known.insert(rest, fits);
            if !fits {
                mask.disallow_token(token);
            }
        }
        let mask = Arc::new(mask);
        if masks.len() >= MAX_MASKS {
            masks.clear();
        }
        masks.insert(matched, Arc::clone(&mask));
        Ok(mask)
    }
}
