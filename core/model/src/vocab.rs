//! Text ↔ tokens.
//!
//! **Invariant:** text never becomes a control token. The crate `tokenizers` finds added tokens anywhere in what it
//! encodes, so its stages are called here without that one; only [`Vocabulary::encode_marked`] makes control tokens,
//! from what a template wrote itself.

use crate::folder::LoadError;
use deepcoder_types::Manifest;
use std::collections::HashMap;
use std::panic::catch_unwind;
use std::path::Path;
use tokenizers::{
    DecoderWrapper, Model as _, NormalizedString, Normalizer as _, OffsetType, PreTokenizedString, PreTokenizer as _,
    Tokenizer,
};

/// Stands inside the text of a control token that a user wrote, so that it is none. A noncharacter of Unicode: it
/// means nothing in any text and is taken out again before encoding.
const BREAK: char = '\u{FDD0}';

/// Control tokens: each is looked for where a text has its first byte.
const MOST_CONTROL: usize = 1 << 17;

/// Added tokens that are text: each text is searched for each of them.
const MOST_ADDED: usize = 4096;

/// A tokenizer and what its tokens are.
pub(crate) struct Vocabulary {
    tokenizer: Tokenizer,
    // Texts of control tokens, longest first, with their ids.
    control: Vec<(String, u32)>,
    // Whether each control token is marked so by the vocabulary itself.
    control_ids: HashMap<u32, bool>,
    // First bytes that control tokens begin with, to skip over text fast.
    first: [bool; 256],
    // Added tokens that are ordinary text, such as runs of spaces.
    plain_added: Vec<(String, u32)>,
    // The bytes of all tokens, one after the other, and where each begins.
    bytes: Vec<u8>,
    starts: Vec<u32>,
}

/// The most bytes of a `tokenizer.json`: the largest that are published have 35 MB.
const MAX_VOCABULARY: u64 = 512 << 20;

impl Vocabulary {
    pub(crate) fn load(path: &Path, manifest: &Manifest) -> Result<Self, LoadError> {
        let data = deepcoder_files::read(path, MAX_VOCABULARY).map_err(|e| LoadError::Damaged {
            name: manifest.name.clone(),
            reason: format!("the tokenizer cannot be read: {e}"),
        })?;
        Self::parse(&data, manifest)
    }

    /// The vocabulary in the bytes of a `tokenizer.json`.
    pub(crate) fn parse(data: &[u8], manifest: &Manifest) -> Result<Self, LoadError> {
        let damaged = |reason: String| LoadError::Damaged { name: manifest.name.clone(), reason };
        // The file comes from elsewhere, and the crate that reads it does not promise to bear anything.
        let tokenizer = catch_unwind(|| Tokenizer::from_bytes(data).map_err(|e| e.to_string()))
            .unwrap_or_else(|_| Err("its reader failed".into()))
            .map_err(|e| damaged(format!("the tokenizer cannot be read: {e}")))?;
        let mut vocabulary = Self {
            tokenizer,
            control: Vec::new(),
            control_ids: HashMap::new(),
            first: [false; 256],
            plain_added: Vec::new(),
            bytes: Vec::new(),
            starts: vec![0],
        };
        let tokens = vocabulary.tokenizer.get_model().get_vocab_size();
        if tokens > manifest.vocab_size as usize {
            return Err(damaged(format!(
                "its tokenizer has {tokens} tokens, and the model knows {}",
                manifest.vocab_size
            )));
        }
        vocabulary.sort_added(manifest);
        for (kind, tokens, most) in
            [("control", vocabulary.control.len(), MOST_CONTROL), ("added", vocabulary.plain_added.len(), MOST_ADDED)]
        {
            if tokens > most {
                return Err(damaged(format!("its tokenizer has {tokens} {kind} tokens, and at most {most} are read")));
            }
        }
        vocabulary.fill_bytes(manifest.vocab_size);
        for id in manifest.eos_ids.iter().chain(&manifest.bos_id) {
            if *id >= manifest.vocab_size {
                return Err(damaged(format!("token {id} is beyond its vocabulary of {}", manifest.vocab_size)));
            }
        }
        Ok(vocabulary)
    }

    /// The tokens of `text` as plain text.
    pub(crate) fn encode(&self, text: &str) -> Result<Vec<u32>, String> {
        let mut ids = Vec::new();
        let mut rest = text;
        while let Some((at, token, id)) = find_first(rest, &self.plain_added) {
            self.encode_piece(&rest[..at], &mut ids)?;
            ids.push(id);
            rest = &rest[at + token..];
        }
        self.encode_piece(rest, &mut ids)?;
        Ok(ids)
    }

    /// The tokens of what a template rendered: control tokens where it wrote them, plain text where
    /// [`Vocabulary::mark`] broke them.
    pub(crate) fn encode_marked(&self, text: &str) -> Result<Vec<u32>, String> {
        let mut ids = Vec::new();
        let mut plain_from = 0;
        let mut at = 0;
        while at < text.len() {
            match self.control_at(text, at) {
                Some((token, id)) => {
                    ids.extend(self.encode(&unmark(&text[plain_from..at]))?);
                    ids.push(id);
                    at += token;
                    plain_from = at;
                }
                None => at += 1,
            }
        }
        ids.extend(self.encode(&unmark(&text[plain_from..]))?);
        Ok(ids)
    }

    /// `text` with every control token in it broken, for use inside a template.
    pub(crate) fn mark(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let clean: String;
        // A mark in the user's text would vanish. U+FFFD is what decoding makes of such a character.
        let text = if text.contains(BREAK) {
            clean = text.replace(BREAK, "\u{FFFD}");
            &clean
        } else {
            text
        };
        let mut copied = 0;
        for at in 0..text.len() {
            if self.control_at(text, at).is_some() {
                let first = text[at..].chars().next().map_or(1, char::len_utf8);
                out.push_str(&text[copied..at + first]);
                out.push(BREAK);
                copied = at + first;
            }
        }
        out.push_str(&text[copied..]);
        out
    }

    /// The id of a token that is written `text` in the vocabulary.
    pub(crate) fn id_of(&self, text: &str) -> Option<u32> {
        self.tokenizer.token_to_id(text)
    }

    /// The text of a control token.
    pub(crate) fn control_text(&self, id: u32) -> Option<&str> {
        self.control.iter().find(|c| c.1 == id).map(|c| c.0.as_str())
    }

    /// Whether a token has no text at all: marked as control by the vocabulary, or named so by the manifest.
    pub(crate) fn is_special(&self, id: u32) -> bool {
        self.control_ids.get(&id).copied().unwrap_or(false)
    }

    /// Whether a token only means something to the model: it is never made from a user's text.
    pub(crate) fn is_control(&self, id: u32) -> bool {
        self.control_ids.contains_key(&id)
    }

    /// The bytes that a token stands for; none for ids beyond the vocabulary.
    pub(crate) fn bytes_of(&self, id: u32) -> &[u8] {
        let id = id as usize;
        match (self.starts.get(id), self.starts.get(id + 1)) {
            (Some(from), Some(to)) => &self.bytes[*from as usize..*to as usize],
            _ => &[],
        }
    }

    fn control_at(&self, text: &str, at: usize) -> Option<(usize, u32)> {
        let bytes = text.as_bytes();
        if !self.first[usize::from(bytes[at])] || !text.is_char_boundary(at) {
            return None;
        }
        self.control.iter().find(|(c, _)| bytes[at..].starts_with(c.as_bytes())).map(|(c, id)| (c.len(), *id))
    }

    fn encode_piece(&self, text: &str, ids: &mut Vec<u32>) -> Result<(), String> {
        if text.is_empty() {
            return Ok(());
        }
        let mut normalized = NormalizedString::from(text);
        if let Some(normalizer) = self.tokenizer.get_normalizer() {
            normalizer.normalize(&mut normalized).map_err(|e| e.to_string())?;
        }
        let mut pieces = PreTokenizedString::from(normalized);
        if let Some(pre) = self.tokenizer.get_pre_tokenizer() {
            pre.pre_tokenize(&mut pieces).map_err(|e| e.to_string())?;
        }
        pieces.tokenize(|piece| self.tokenizer.get_model().tokenize(piece.get())).map_err(|e| e.to_string())?;
        let encoding = pieces.into_encoding(None, 0, OffsetType::None).map_err(|e| e.to_string())?;
        ids.extend_from_slice(encoding.get_ids());
        Ok(())
    }

    /// Which added tokens are control: those marked so, those that the manifest names, and those that look like it. The
    /// rest are pieces of text that the vocabulary happens to list there.
    fn sort_added(&mut self, manifest: &Manifest) {
        for (id, token) in self.tokenizer.get_added_tokens_decoder() {
            let text = token.content;
            let named = manifest.eos_ids.contains(&id)
                || manifest.bos_id == Some(id)
                || manifest.fim.as_ref().is_some_and(|f| [&f.prefix, &f.suffix, &f.middle].contains(&&text));
            let bracketed = text.starts_with(['<', '[']) && text.ends_with(['>', ']']) && text.len() > 2;
            // One without a row in the model is text like any other.
            if text.is_empty() || id >= manifest.vocab_size {
                continue;
            } else if token.special || named || bracketed {
                self.first[usize::from(text.as_bytes()[0])] = true;
                self.control_ids.insert(id, token.special || named);
                self.control.push((text, id));
            } else {
                self.plain_added.push((text, id));
            }
        }
        let longest = |a: &(String, u32), b: &(String, u32)| b.0.len().cmp(&a.0.len()).then(a.1.cmp(&b.1));
        self.control.sort_by(longest);
        self.plain_added.sort_by(longest);
    }

    fn fill_bytes(&mut self, vocab_size: u32) {
        let byte_level = is_byte_level(self.tokenizer.get_decoder());
        let table = byte_table();
        let added: HashMap<u32, &String> =
            self.control.iter().chain(&self.plain_added).map(|(t, id)| (*id, t)).collect();
        let mut bytes = Vec::with_capacity(vocab_size as usize * 7);
        for id in 0..vocab_size {
            if let Some(text) = added.get(&id) {
                bytes.extend_from_slice(text.as_bytes());
            } else if let Some(text) = self.tokenizer.get_model().id_to_token(id) {
                if byte_level {
                    push_byte_level(&text, &table, &mut bytes);
                } else {
                    push_sentencepiece(&text, &mut bytes);
                }
            }
            self.starts.push(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        }
        self.bytes = bytes;
    }
}

fn unmark(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains(BREAK) { text.replace(BREAK, "").into() } else { text.into() }
}

fn find_first(text: &str, tokens: &[(String, u32)]) -> Option<(usize, usize, u32)> {
    // Tokens are sorted longest first, and `min_by_key` keeps the first of equals.
    let found = tokens.iter().filter_map(|(t, id)| text.find(t.as_str()).map(|at| (at, t.len(), *id)));
    found.min_by_key(|f| f.0)
}

fn is_byte_level(decoder: Option<&DecoderWrapper>) -> bool {
    match decoder {
        Some(DecoderWrapper::ByteLevel(_)) => true,
        Some(DecoderWrapper::Sequence(s)) => s.get_decoders().iter().any(|d| matches!(d, DecoderWrapper::ByteLevel(_))),
        _ => false,
    }
}

/// GPT-2's table from the characters of a vocabulary to bytes (Radford et al. 2019): printable ones stand for
/// themselves, the others for the next free code points from 256 on.
fn byte_table() -> HashMap<char, u8> {
    let printable = |b: &u8| matches!(*b, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let shifted = (0..=u8::MAX).filter(|b| !printable(b)).zip(256u32..);
    let shifted = shifted.filter_map(|(b, c)| char::from_u32(c).map(|c| (c, b)));
    (0..=u8::MAX).filter(printable).map(|b| (char::from(b), b)).chain(shifted).collect()
}

fn push_byte_level(text: &str, table: &HashMap<char, u8>, out: &mut Vec<u8>) {
    for c in text.chars() {
        match table.get(&c) {
            Some(b) => out.push(*b),
            None => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn push_sentencepiece(text: &str, out: &mut Vec<u8>) {
    let byte = text.strip_prefix("<0x").and_then(|t| t.strip_suffix('>')).filter(|t| t.len() == 2);
    match byte.and_then(|t| u8::from_str_radix(t, 16).ok()) {
        Some(b) => out.push(b),
        None => out.extend_from_slice(text.replace('\u{2581}', " ").as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects streaming: every byte has exactly one character in byte-level vocabularies, and the known ones are
    /// right.
    #[test]
    fn bytes_of_tokens() {
        let table = byte_table();
        let mut all: Vec<u8> = table.values().copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..=255).collect::<Vec<u8>>());
        let mut out = Vec::new();
        push_byte_level("\u{120}a\u{10A}\u{109}", &table, &mut out);
        push_sentencepiece("\u{2581}b<0xE2>", &mut out);
        push_sentencepiece("<0xE2>", &mut out);
        assert_eq!(out, b" a\n\t b<0xE2>\xE2");
    }
}
