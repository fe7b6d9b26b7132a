//! The matcher of a grammar: the library's parser, or an automaton of this crate.

use crate::GrammarError;
use crate::chains::ChainMatcher;
use crate::parser::ParserMatcher;
use crate::vocabulary::Vocabulary;
use llguidance::toktrie::SimpleVob;

/// The matcher of one sequence.
#[derive(Clone)]
pub(crate) enum Matcher {
    Parser(Box<ParserMatcher>),
    Chains(ChainMatcher),
}

impl Matcher {
    pub(crate) fn isolated(&self) -> Self {
        match self {
            Self::Parser(guided) => Self::Parser(Box::new(guided.isolated())),
            Self::Chains(chains) => Self::Chains(chains.isolated()),
        }
    }

    /// Bytes of memory, roughly.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Parser(guided) => guided.bytes,
            Self::Chains(_) => 0,
        }
    }

    /// Whether `bytes` may come.
    pub(crate) fn begins_with(&mut self, bytes: &[u8]) -> Result<bool, GrammarError> {
        match self {
            Self::Parser(guided) => guided.begins_with(bytes),
            Self::Chains(chains) => chains.allows_bytes(bytes),
        }
    }

    pub(crate) fn allows(&mut self, vocabulary: &Vocabulary, token: u32) -> Result<bool, GrammarError> {
        match self {
            Self::Parser(guided) => guided.allows(token),
            Self::Chains(chains) => chains.allows_bytes(vocabulary.trie().token(token)),
        }
    }

    pub(crate) fn mask(&mut self) -> Result<SimpleVob, GrammarError> {
        match self {
            Self::Parser(guided) => guided.mask(),
            Self::Chains(chains) => chains.mask(),
        }
    }

    /// Advances by the bytes of a token from `from` on; false if they are not allowed.
    pub(crate) fn accept(&mut self, vocabulary: &Vocabulary, token: u32, from: usize) -> Result<bool, GrammarError> {
        let bytes = &vocabulary.trie().token(token)[from..];
        match self {
            Self::Parser(guided) if from == 0 => guided.accept(&[token]),
            Self::Parser(guided) => guided.accept(&vocabulary.greedy_tokens(bytes).unwrap_or_default()),
            Self::Chains(chains) => chains.accept(bytes, token),
        }
    }

    pub(crate) fn complete(&mut self) -> Result<bool, GrammarError> {
        match self {
            Self::Parser(guided) => guided.complete(),
            Self::Chains(chains) => Ok(chains.complete()),
        }
    }

    pub(crate) fn done(&self) -> Result<bool, GrammarError> {
        match self {
            Self::Parser(guided) => Ok(guided.done()),
            Self::Chains(chains) => chains.done(),
        }
    }

    pub(crate) fn forced(&mut self) -> Result<Vec<u32>, GrammarError> {
        match self {
            Self::Parser(guided) => Ok(guided.forced()),
            Self::Chains(chains) => chains.forced(),
        }
    }
}
