//! Settings of methods: a struct with defaults, overlaid key by key with what the user wrote.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::base::did_you_mean;
use crate::error::{Error, Result};

/// `T`'s defaults with the keys of `table` in their place. What `deny_unknown_fields` does cannot be combined with
/// settings that several methods share, so the keys are held against the defaults' own.
///
/// # Errors
/// An unknown key, with the near one; a value of the wrong kind, with its key.
pub(in crate::methods) fn parse<T: Serialize + DeserializeOwned + Default>(
    method: &str,
    table: toml::Table,
) -> Result<T> {
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
pub(in crate::methods) fn to_json<T: Serialize>(settings: &T) -> Value {
    serde_json::to_value(settings).unwrap_or(Value::Null)
}

/// Holds numbers to their ranges: (key, whether it is good, what is wanted).
pub(in crate::methods) fn check(method: &str, rules: &[(&str, bool, &str)]) -> Result<()> {
    match rules.iter().find(|(_, good, _)| !good) {
        Some((key, _, want)) => Err(Error::input(format!("method {method}: {key} must be {want}"))),
        None => Ok(()),
    }
}

/// A finite number above 0.
pub(in crate::methods) fn positive(v: f64) -> bool {
    v > 0.0 && v.is_finite()
}

/// A finite number of at least 0.
pub(in crate::methods) fn not_negative(v: f64) -> bool {
    v >= 0.0 && v.is_finite()
}

#[cfg(test)]
mod tests {
    use crate::methods::METHODS;

    fn refusal(method: &str, text: &str) -> String {
        let row = crate::methods::find(method).unwrap();
        match (row.build)(toml::from_str(text).unwrap()) {
            Ok(_) => panic!("{method} took {text}"),
            Err(e) => {
                assert_eq!(e.exit_code(), 2);
                e.to_string()
            }
        }
    }

    #[test]
    fn an_unknown_key_is_refused_by_every_method() {
        for row in METHODS {
            let said = refusal(row.name, "no_such_key = 1");
            assert!(said.contains("no_such_key") && said.contains(row.name), "{said}");
        }
        assert!(refusal("gradient_ascent", "max_step = 3").contains("did you mean `max_steps`"));
        assert!(refusal("fisher_ascent", "detla = 3").contains("did you mean `delta`"));
    }

    #[test]
    fn a_bad_value_is_refused_with_its_key() {
        for (method, text, key) in [
            ("finetune", "lr = \"fast\"", "lr"),
            ("finetune", "epochs = 0", "epochs"),
            ("finetune", "schedule = \"saw\"", "schedule"),
            ("gradient_ascent", "lr = -1", "lr"),
            ("gradient_ascent", "stop = \"never\"", "stop"),
            ("gradient_ascent", "lr = nan", "lr"),
            ("neg_grad_plus", "alpha = 1.5", "alpha"),
            ("ssd", "estimator = \"magic\"", "estimator"),
            ("fisher_ascent", "delta = 0", "delta"),
            ("ewc_ascent", "lambda = -2", "lambda"),
            ("fisher", "clamp = 0", "clamp"),
            ("fisher_removal", "steps = 0", "steps"),
            ("fisher_removal", "gamma = -1", "gamma"),
            ("fisher_forgetting", "delta = 0", "delta"),
            ("fisher_forgetting", "noise_cost = -1", "noise_cost"),
            ("certified_removal", "delta = 0", "delta"),
            ("certified_removal", "epsilon = -1", "epsilon"),
            ("delta_grad", "every = 0", "every"),
            ("salun", "share = 0", "share"),
            ("salun", "momentum = 1", "momentum"),
        ] {
            let said = refusal(method, text);
            assert!(said.contains(&format!("{key} ")) && said.contains(method), "{said}");
        }
    }

    #[test]
    fn settings_that_were_reported_can_be_given_back() {
        for row in METHODS {
            let Ok(method) = (row.build)(toml::Table::new()) else { panic!("{} has no defaults", row.name) };
            let mut said = method.settings();
            // TOML has no null: an absent key stands for it.
            said.as_object_mut().unwrap().retain(|_, v| !v.is_null());
            let again = (row.build)(toml::Table::try_from(&said).unwrap()).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(again.settings(), method.settings(), "{}", row.name);
        }
    }

    #[test]
    fn a_key_that_is_given_replaces_its_default_alone() {
        let build =
            (crate::methods::find("fisher_ascent").unwrap().build)(toml::from_str("delta = 1\nmax_steps = 7").unwrap());
        let said = build.unwrap_or_else(|e| panic!("{e}")).settings();
        assert_eq!(
            (said["delta"].as_f64(), said["max_steps"].as_u64(), said["lr"].as_f64()),
            (Some(1.0), Some(7), Some(0.02))
        );
    }
}
