//! How a text becomes tokens, and tokens a text again.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::bpe;
#[cfg(feature = "tokenizers")]
use super::byte_level;
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
    /// Byte-level BPE of a `tokenizer.json`, GPT-2's kind (Radford et al. 2019).
    #[cfg(feature = "tokenizers")]
    ByteLevel {
        /// Tokens in the order of their numbers, in GPT-2's printable characters for bytes; empty where one was added.
        pieces: Vec<String>,
        /// Two tokens and what they make, in the order in which pairs are merged.
        merges: Vec<[u32; 3]>,
        /// The token that ends a text.
        end: u32,
        /// A text is given a space before it.
        space_first: bool,
    },
}

/// A tokenizer with what it needs to cut many texts.
pub struct Encoder<'t> {
    tokenizer: &'t Tokenizer,
    /// Which merge a pair is, and what it makes.
    merges: HashMap<[u32; 2], (u32, u32)>,
    #[cfg(feature = "tokenizers")]
    pattern: Option<regex::Regex>,
    /// Tokens of single bytes.
    #[cfg(feature = "tokenizers")]
    bytes: Vec<u32>,
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

    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// A file that cannot be read; one of another kind than byte-level BPE, by what it is.
    #[cfg(feature = "tokenizers")]
    pub fn read(path: &Path) -> Result<Tokenizer> {
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        let byte_level::Read { pieces, merges, end, space_first } = byte_level::read(&text, MOST)
            .map_err(|what| Error::input(format!("data.tokenizer {}: {what}", path.display())))?;
        Ok(Tokenizer::ByteLevel { pieces, merges, end, space_first })
    }

    /// Reads no `tokenizer.json`.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(feature = "tokenizers"))]
    pub fn read(path: &Path) -> Result<Tokenizer> {
        Err(Error::input(format!(
            "data.tokenizer {}: this build reads no tokenizer.json; build it with the feature `tokenizers`",
            path.display()
        )))
    }

    /// Number of tokens.
    pub fn size(&self) -> usize {
        match self {
            Tokenizer::Bytes | Tokenizer::Bpe { .. } => self.end() as usize + 1,
            #[cfg(feature = "tokenizers")]
            Tokenizer::ByteLevel { pieces, .. } => pieces.len(),
        }
    }

    /// The token of the end of a text.
    pub fn end(&self) -> u32 {
        match self {
            Tokenizer::Bytes => BYTES as u32,
            Tokenizer::Bpe { merges } => (BYTES + merges.len()) as u32,
            #[cfg(feature = "tokenizers")]
            Tokenizer::ByteLevel { end, .. } => *end,
        }
    }

    /// What cuts texts; for many it is made once.
    pub fn encoder(&self) -> Encoder<'_> {
        let merges = match self {
            Tokenizer::Bytes => HashMap::new(),
            Tokenizer::Bpe { merges } => {
                merges.iter().zip(0..).map(|(pair, at)| (*pair, (at, BYTES as u32 + at))).collect()
            }
            #[cfg(feature = "tokenizers")]
            Tokenizer::ByteLevel { merges, .. } => {
                merges.iter().zip(0..).map(|([a, b, made], at)| ([*a, *b], (at, *made))).collect()
            }
        };
        #[cfg(feature = "tokenizers")]
        let (pattern, bytes) = match self {
            Tokenizer::ByteLevel { .. } => {
                let mut bytes = vec![0; BYTES];
                for token in 0..self.size() as u32 {
                    if let [byte] = self.bytes(token)[..] {
                        bytes[usize::from(byte)] = token;
                    }
                }
                (byte_level::pattern(), bytes)
            }
            _ => (None, Vec::new()),
        };
        Encoder {
            tokenizer: self,
            merges,
            #[cfg(feature = "tokenizers")]
            pattern,
            #[cfg(feature = "tokenizers")]
            bytes,
        }
    }

    /// Tokens of a text, without an end.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        self.encoder().encode(text)
    }

    /// The bytes of a token; none of the end of text, and of what a file added.
    pub fn bytes(&self, token: u32) -> Vec<u8> {
        match (self, u8::try_from(token)) {
            #[cfg(feature = "tokenizers")]
            (Tokenizer::ByteLevel { pieces, .. }, _) => {
                let piece = pieces.get(token as usize).map(|piece| byte_level::bytes_of(piece));
                piece.and_then(Result::ok).unwrap_or_default()
            }
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

impl Encoder<'_> {
    /// Tokens of a text, without an end.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        match self.tokenizer {
            Tokenizer::Bytes => text.bytes().map(u32::from).collect(),
            Tokenizer::Bpe { .. } => {
                let merged = |piece: &str| bpe::encode(piece.bytes().map(u32::from).collect(), &self.merges);
                bpe::pieces(text).flat_map(merged).collect()
            }
            #[cfg(feature = "tokenizers")]
            Tokenizer::ByteLevel { space_first, .. } => {
                let spaced = (*space_first && !text.starts_with(' ')).then(|| format!(" {text}"));
                let of = |byte: u8| self.bytes.get(usize::from(byte)).copied().unwrap_or_default();
                let merged = |piece: &str| bpe::encode(piece.bytes().map(of).collect(), &self.merges);
                let text = spaced.as_deref().unwrap_or(text);
                let cut = self.pattern.as_ref().map(|pattern| byte_level::pieces(pattern, text));
                cut.unwrap_or_default().into_iter().flat_map(merged).collect()
            }
        }
    }
}

/// Larger vocabularies are not learned here, nor read: of each run's file they would be most.
const MOST: usize = 1 << 16;
