//! The tokens of a model, as bytes.

use crate::GrammarError;
use llguidance::earley::SlicedBiasComputer;
use llguidance::toktrie::{InferenceCapabilities, SimpleVob, TokEnv, TokRxInfo, TokTrie, TokenId, TokenizerEnv};
use llguidance::{ParserFactory, api::ParserLimits};
use std::sync::Arc;

/// Tokenises a text with the model's own tokeniser; `None` if that fails.
pub type Encode = Box<dyn Fn(&str) -> Option<Vec<u32>> + Send + Sync>;

/// The limits of a grammar: in the worst case, compiling takes a second and 50 MB, and a step takes some tens of
/// milliseconds. A unit of fuel is about 20 ns when compiling and 70 ns in a step; the cost of rows and symbols is
/// quadratic.
pub(crate) const LIMITS: ParserLimits = ParserLimits {
    max_items_in_row: 600,
    initial_lexer_fuel: 500_000,
    step_lexer_fuel: 200_000,
    step_max_items: 20_000,
    // One or two kilobytes each.
    max_lexer_states: 25_000,
    max_grammar_size: 30_000,
    precompute_large_lexemes: false,
    verbose_errors: false,
};

/// The vocabulary of a model, as a trie. Build it once for each model, which takes a few hundred milliseconds, and
/// share it.
pub struct Vocabulary {
    pub(crate) env: TokEnv,
    pub(crate) factory: ParserFactory,
    /// Tokens that are text.
    pub(crate) text: SimpleVob,
    pub(crate) ends: Vec<u32>,
}

impl std::fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vocabulary({} tokens)", self.len())
    }
}

struct Tokens {
    trie: TokTrie,
    encode: Option<Encode>,
}

impl TokenizerEnv for Tokens {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<TokenId> {
        let encode = |text: &str| {
            let own = self.encode.as_ref().and_then(|encode| encode(text));
            // A tokeniser may normalise the text, such as its combining characters: such tokens are not those bytes.
            let own = own.filter(|tokens| self.trie.decode_raw(tokens) == text.as_bytes());
            own.unwrap_or_else(|| self.trie.greedy_tokenize(text.as_bytes()))
        };
        self.trie.tokenize_with_greedy_fallback(bytes, encode)
    }

    fn tokenize_is_canonical(&self) -> bool {
        self.encode.is_some()
    }
}

impl Vocabulary {
    /// A vocabulary. `tokens` has the bytes of each token, empty for ids without text. `special` says which ids are
    /// control tokens: no grammar allows them. `ends` are the ids that end an answer. Without `encode` no tokens are
    /// forced.
    ///
    /// # Errors
    /// No end token, two million tokens or more, or a token of more than 1000 bytes.
    pub fn new(
        tokens: &[impl AsRef<[u8]>],
        special: impl Fn(u32) -> bool,
        ends: &[u32],
        encode: Option<Encode>,
    ) -> Result<Self, GrammarError> {
        let wrong = |reason: String| GrammarError::Failed(format!("the vocabulary cannot be used: {reason}"));
        let count = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
        let Some(first) = ends.first().filter(|_| ends.iter().all(|id| *id < count)) else {
            return Err(wrong("it has no end token".into()));
        };
        let is_text = |id: u32, bytes: &[u8]| {
            // The library marks control tokens by this byte, which is not in any text.
            !special(id) && !ends.contains(&id) && !bytes.contains(&TokTrie::SPECIAL_TOKEN_MARKER)
        };
        let words: Vec<Vec<u8>> = (0..count)
            .zip(tokens)
            .map(|(id, bytes)| Some(bytes.as_ref()).filter(|b| is_text(id, b)).unwrap_or_default().to_vec())
            .collect();
        if words.iter().map(Vec::len).max().unwrap_or_default() > 1000 || count >= 1 << 21 {
            return Err(wrong("it has more than two million tokens, or one of more than 1000 bytes".into()));
        }
        let trie = TokTrie::from(&TokRxInfo::new(count, *first), &words).with_eos_tokens(ends);
        let mut text = trie.alloc_token_set();
        for (id, bytes) in (0..count).zip(&words) {
            if !bytes.is_empty() {
                text.allow_token(id);
            }
        }
        let env: TokEnv = Arc::new(Tokens { trie, encode });
        let mut factory =
            ParserFactory::new(&env, InferenceCapabilities::default(), &SlicedBiasComputer::general_slices())
                .map_err(|e| wrong(e.to_string()))?;
        factory.set_stderr_log_level(0);
        *factory.limits_mut() = LIMITS;
        Ok(Self { env, factory, text, ends: ends.to_vec() })
    }

    /// A vocabulary of single bytes, to check a grammar without a model.
    pub(crate) fn bytes() -> Result<Self, GrammarError> {
        let tokens: Vec<Vec<u8>> = (0..=u8::MAX).map(|byte| vec![byte]).chain([Vec::new()]).collect();
        Self::new(&tokens, |_| false, &[256], None)
    }

    /// The number of tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.trie().vocab_size()
    }

    /// Never: there is an end token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn trie(&self) -> &TokTrie {
        self.env.tok_trie()
    }

    pub(crate) fn is_end(&self, id: u32) -> bool {
        self.ends.contains(&id)
    }

    pub(crate) fn is_text(&self, id: u32) -> bool {
        (id as usize) < self.len() && self.text.is_allowed(id)
    }

    pub(crate) fn canonical(&self) -> bool {
        self.env.tokenize_is_canonical()
    }

    pub(crate) fn empty_set(&self) -> SimpleVob {
        self.trie().alloc_token_set()
    }

    /// Any tokenisation of bytes; `None` if there is none. In practice every single byte is a token.
    pub(crate) fn greedy_tokens(&self, bytes: &[u8]) -> Option<Vec<u32>> {
        let tokens = self.trie().greedy_tokenize(bytes);
        let length: usize = tokens.iter().map(|id| self.trie().token(*id).len()).sum();
        (length == bytes.len()).then_some(tokens)
    }
}
