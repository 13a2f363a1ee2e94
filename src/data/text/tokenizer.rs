//! How a text becomes tokens, and tokens a text again.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::bpe;
use crate::error::{Error, Result};

/// Bytes, or word pieces; one token more marks the end of a text, and with it the beginning of the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Tokenizer {
    /// The 256 bytes of UTF-8.
    Bytes,
    /// Byte pair encoding over bytes (Sennrich et al., "Neural machine translation of rare words with subword units",
    /// ACL 2016), learned from the training documents.
    Bpe {
        /// Pairs of tokens in the order in which they were merged: pair i makes token 256 + i.
        merges: Vec<[u32; 2]>,
    },
}

/// Bytes.
const BYTES: usize = 256;

impl Tokenizer {
    /// Learns `vocabulary` tokens, the bytes and the end of text among them, from texts; fewer where no pair of tokens
    /// comes twice. The same texts in any order give the same tokens.
    ///
    /// # Errors
    /// A vocabulary that does not hold the bytes.
    pub(super) fn learn<'a>(texts: impl Iterator<Item = &'a str>, vocabulary: usize) -> Result<Tokenizer> {
        if vocabulary <= BYTES || vocabulary > MOST {
            return Err(Error::input(format!(
                "data.vocabulary: {vocabulary} tokens; expected {} to {MOST}: the 256 bytes, the end of text, and word \
                 pieces",
                BYTES + 1
            )));
        }
        Ok(Tokenizer::Bpe { merges: bpe::learn(texts, vocabulary - BYTES - 1) })
    }

    /// Number of tokens.
    pub fn size(&self) -> usize {
        self.end() as usize + 1
    }

    /// The token of the end of a text.
    pub fn end(&self) -> u32 {
        match self {
            Tokenizer::Bytes => BYTES as u32,
            Tokenizer::Bpe { merges } => (BYTES + merges.len()) as u32,
        }
    }

    /// Tokens of a text, without an end.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        match self {
            Tokenizer::Bytes => text.bytes().map(u32::from).collect(),
            Tokenizer::Bpe { merges } => {
                let rank: HashMap<[u32; 2], u32> = merges.iter().copied().zip(BYTES as u32..).collect();
                bpe::pieces(text).flat_map(|piece| bpe::encode(piece, &rank)).collect()
            }
        }
    }

    /// The bytes of a token; none of the end of text.
    pub fn bytes(&self, token: u32) -> Vec<u8> {
        match (self, u8::try_from(token)) {
            (_, Ok(byte)) => vec![byte],
            (Tokenizer::Bytes, Err(_)) => vec![],
            (Tokenizer::Bpe { merges }, Err(_)) => match merges.get(token as usize - BYTES) {
                Some(pair) => pair.iter().flat_map(|half| self.bytes(*half)).collect(),
                None => vec![],
            },
        }
    }

    /// The text of tokens; what is no UTF-8 is replaced.
    pub fn decode(&self, tokens: &[u32]) -> String {
        let bytes: Vec<u8> = tokens.iter().flat_map(|token| self.bytes(*token)).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Names of the tokens: what they say, their bytes in hexadecimal where that is no text or cannot be seen.
    pub(super) fn names(&self) -> Vec<String> {
        let name = |token: u32| {
            let bytes = self.bytes(token);
            match std::str::from_utf8(&bytes) {
                _ if token == self.end() => "end of text".to_owned(),
                Ok(text) if !text.chars().any(char::is_control) && text.trim() == text => text.to_owned(),
                _ => bytes.iter().map(|byte| format!("0x{byte:02x}")).collect::<Vec<_>>().join(" "),
            }
        };
        (0..self.size() as u32).map(name).collect()
    }
}

/// Larger vocabularies are not learned here: of each run's file they would be most.
const MOST: usize = 1 << 16;
