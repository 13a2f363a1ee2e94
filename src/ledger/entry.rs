//! One line of the chain.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::canonical;
use super::keys::{Keys, PublicKey};
use crate::error::{Error, Result};

/// What the first entry says of the one before it.
pub(super) const NONE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Something that happened. Its line in the file is the canonical JSON of all of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its number, which is its line: the first is 1.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "unit" = "1")))]
    pub seq: u64,
    /// When it was written, in UTC as RFC 3339 writes it, to the second.
    pub at: String,
    /// What happened, as two words with a dot between.
    pub kind: String,
    /// What is said of it. Ids are pseudonyms.
    pub body: Value,
    /// Hash of the entry before it; zeros for the first.
    pub prev: String,
    /// SHA-256 of the canonical JSON of the five fields above, in hexadecimal.
    pub hash: String,
    /// Ed25519 by the project's key over the 64 characters of `hash`, in hexadecimal.
    pub signature: String,
}

/// What an entry's hash is of.
#[derive(Serialize)]
struct Said<'a> {
    seq: u64,
    at: &'a str,
    kind: &'a str,
    body: &'a Value,
    prev: &'a str,
}

impl Entry {
    /// Makes the entry that follows `prev`.
    pub(super) fn sign(keys: &Keys, head: Option<&Head>, at: String, kind: &str, body: Value) -> Result<Entry> {
        let (seq, prev) = head.map_or((1, NONE.to_owned()), |h| (h.seq + 1, h.hash.clone()));
        let unsigned = Said { seq, at: &at, kind, body: &body, prev: &prev };
        let hash = canonical::hash(&unsigned)?;
        let signature = keys.sign(hash.as_bytes());
        Ok(Entry { seq, at, kind: kind.to_owned(), body, prev, hash, signature })
    }

    /// The hash that belongs to what it says.
    ///
    /// # Errors
    /// As [`canonical::canonical`].
    pub fn hash_of(&self) -> Result<String> {
        let Entry { seq, at, kind, body, prev, .. } = self;
        canonical::hash(&Said { seq: *seq, at, kind, body, prev })
    }

    /// Whether one of the keys signed its hash.
    pub fn signed_by(&self, keys: &[PublicKey]) -> bool {
        keys.iter().any(|key| key.verifies(self.hash.as_bytes(), &self.signature))
    }

    /// Its line, without the line's end.
    ///
    /// # Errors
    /// As [`canonical::canonical`].
    pub fn line(&self) -> Result<Vec<u8>> {
        canonical::canonical(self)
    }

    /// Number and hash.
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash.clone() }
    }
}

/// How far a chain has come. Whoever keeps one finds out that an older chain was put in the place of a newer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of the last entry.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for Head {
    type Err = Error;

    fn from_str(text: &str) -> Result<Head> {
        let parts = text.trim().split_once(':').and_then(|(seq, hash)| Some((seq.parse().ok()?, hash)));
        let whole = |hash: &&str| hash.len() == NONE.len() && hash.bytes().all(|b| b.is_ascii_hexdigit());
        parts
            .filter(|(_, hash)| whole(hash))
            .map(|(seq, hash)| Head { seq, hash: hash.to_ascii_lowercase() })
            .ok_or_else(|| {
                Error::input(format!(
                    "`{text}` is no head of a ledger; it is written NUMBER:SHA-256, as `unlearn ledger head` prints it"
                ))
            })
    }
}
