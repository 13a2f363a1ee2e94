//! JSON with one spelling for each value, so that a hash is of what is said and not of how it is written: RFC 8785,
//! JSON Canonicalization Scheme.

use serde::Serialize;

use crate::base::sha256;
use crate::error::{Error, Result};

/// The canonical text of a value, in UTF-8.
///
/// # Errors
/// A number that is not finite, a map whose keys are no text.
pub fn canonical(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_jcs::to_vec(value).map_err(|e| Error::internal(format!("canonical JSON: {e}")))
}

/// SHA-256 of the canonical text, in lower-case hexadecimal.
///
/// # Errors
/// As [`canonical`].
pub fn hash(value: &impl Serialize) -> Result<String> {
    Ok(sha256(&canonical(value)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn text(value: &Value) -> String {
        String::from_utf8(canonical(value).unwrap()).unwrap()
    }

    /// The example of RFC 8785, section 3.2.2, and its bytes in 3.2.4.
    #[test]
    fn the_standards_example_has_the_standards_bytes() {
        let value: Value = serde_json::from_str(
            r#"{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
                "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"#,
        )
        .unwrap();
        let numbers = "[333333333.3333333,1e+30,4.5,0.002,1e-27]";
        let string = r#""€$\u000f\nA'B\"\\\\\"/""#;
        let want = format!(r#"{{"literals":[null,true,false],"numbers":{numbers},"string":{string}}}"#);
        assert_eq!(text(&value), want);
    }

    /// Section 3.2.3: keys are in the order of their UTF-16 units.
    #[test]
    fn keys_are_sorted_as_utf_16() {
        let value = json!({"\u{20ac}": 1, "\r": 2, "\u{fb33}": 3, "1": 4, "\u{1f600}": 5, "\u{80}": 6, "\u{f6}": 7});
        let want = "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}";
        assert_eq!(text(&value), want);
    }

    #[test]
    fn what_was_written_is_written_again_as_it_was() {
        let value = json!({"b": [1, 2.5, 1e-9, 123456789012345u64, -0.0], "a": {"z": "é", "y": null}});
        let once = text(&value);
        assert_eq!(text(&serde_json::from_str(&once).unwrap()), once);
        assert!(canonical(&f64::NAN).is_err());
    }
}
