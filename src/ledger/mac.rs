//! A keyed hash under any key.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::hex;
use crate::error::{Error, Result};

/// HMAC-SHA-256 (RFC 2104) of a message, in hexadecimal.
///
/// # Errors
/// None that is known: a key may have any length.
pub fn mac(key: &[u8], message: &[u8]) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|e| Error::internal(format!("HMAC: {e}")))?;
    mac.update(message);
    Ok(hex(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    /// Test cases 1 and 2 of RFC 4231.
    #[test]
    fn known_answers() {
        let of = |key: &[u8], message: &str| super::mac(key, message.as_bytes()).unwrap();
        let want = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
        assert_eq!(of(&[0x0b; 20], "Hi There"), want);
        let want = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(of(b"Jefe", "what do ya want for nothing?"), want);
    }
}
