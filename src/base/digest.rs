//! A hash over named fields: two lists of fields never give the same bytes to hash.

use sha2::{Digest as _, Sha256};

/// SHA-256 over fields, each with its name and length before it.
pub struct Digest(Sha256);

impl Digest {
    /// Begins with a word that says what is hashed, and in which version of its layout.
    pub fn new(what: &str) -> Digest {
        let mut digest = Digest(Sha256::new());
        digest.length(what.len());
        digest.0.update(what.as_bytes());
        digest
    }

    /// Adds a field.
    pub fn field(&mut self, name: &str, bytes: &[u8]) -> &mut Digest {
        self.length(name.len());
        self.0.update(name.as_bytes());
        self.length(bytes.len());
        self.0.update(bytes);
        self
    }

    /// SHA-256 in lower-case hexadecimal.
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }

    fn length(&mut self, len: usize) {
        self.0.update((len as u64).to_le_bytes());
    }
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// The bytes that hexadecimal digits of lower case spell; none for any other text.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f').then(|| char::from(*b).to_digit(16)).flatten();
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some((digit(high)? << 4 | digit(low)?) as u8),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_run_into_each_other() {
        let of = |fields: &[(&str, &[u8])]| {
            let mut digest = Digest::new("test/1");
            for (name, bytes) in fields {
                digest.field(name, bytes);
            }
            digest.finish()
        };
        assert_ne!(of(&[("a", b"bc")]), of(&[("ab", b"c")]));
        assert_ne!(of(&[("a", b"b"), ("c", b"")]), of(&[("a", b""), ("c", b"b")]));
        assert_eq!(of(&[("a", b"b")]), of(&[("a", b"b")]));
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unhex(&hex(&all)), Some(all));
        assert!(["0", "0G", "AB", "é"].into_iter().all(|other| unhex(other).is_none()));
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
