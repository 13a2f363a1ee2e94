//! Settings of methods: a struct with defaults, overlaid key by key with what the user wrote.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::data::did_you_mean;
use crate::error::{Error, Result};

/// `T`'s defaults with the keys of `table` in their place. What `deny_unknown_fields` does cannot be combined with
/// settings that several methods share, so the keys are held against the defaults' own.
///
/// # Errors
/// An unknown key, with the near one; a value of the wrong kind, with its key.
pub(super) fn parse<T: Serialize + DeserializeOwned + Default>(method: &str, table: toml::Table) -> Result<T> {
    let Value::Object(mut all) = to_json(&T::default()) else {
        return Err(Error::internal(format!("the settings of {method} are not a table")));
    };
    let mut parsed = T::default();
    for (key, value) in table {
        if !all.contains_key(&key) {
            let known: Vec<&str> = all.keys().map(String::as_str).collect();
            let near = did_you_mean(&key, known.iter().copied());
            let known = if known.is_empty() { "no settings".into() } else { known.join(", ") };
            return Err(Error::input(format!("method {method} has no setting `{key}`{near}; it takes {known}")));
        }
        let shown = value.to_string();
        all.insert(key.clone(), to_json(&value));
        // Read after each key, so that the sentence can name the one that is wrong.
        parsed = serde_json::from_value(Value::Object(all.clone()))
            .map_err(|e| Error::input(format!("method {method}: {key} = {shown}: {e}")))?;
    }
    Ok(parsed)
}

/// The settings as they are reported.
pub(super) fn to_json<T: Serialize>(settings: &T) -> Value {
    serde_json::to_value(settings).unwrap_or(Value::Null)
}

/// Holds numbers to their ranges: (key, whether it is good, what is wanted).
pub(super) fn check(method: &str, rules: &[(&str, bool, &str)]) -> Result<()> {
    match rules.iter().find(|(_, good, _)| !good) {
        Some((key, _, want)) => Err(Error::input(format!("method {method}: {key} must be {want}"))),
        None => Ok(()),
    }
}

/// A finite number above 0.
pub(super) fn positive(v: f64) -> bool {
    v > 0.0 && v.is_finite()
}

/// A finite number of at least 0.
pub(super) fn not_negative(v: f64) -> bool {
    v >= 0.0 && v.is_finite()
}
