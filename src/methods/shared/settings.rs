//! Settings of methods, declared once: a method's row lists them with their ranges and defaults, and from that list
//! come parsing, `unlearn list methods` and the reference pages.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::range::Range;
use crate::base::did_you_mean;
use crate::error::{Error, Result};
use crate::methods::{Method, MethodRow};
use crate::statistics::Estimator;

/// More steps or records than this are taken for a slip.
const MOST_COUNT: u64 = 1_000_000_000;

/// A setting without a default: where the key is absent, the method chooses, and the setting's `doc` says how.
pub const ABSENT: &str = "";

/// One setting of a method.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// What `--set` and `[forget.settings.METHOD]` call it.
    pub key: &'static str,
    /// As TOML has it, words without their quotes; [`ABSENT`] where there is none.
    default: &'static str,
    kind: Kind,
    /// The ends of what a search tries, where its default does not say.
    tried: Option<[f64; 2]>,
    /// What it means and where its default comes from.
    pub doc: &'static str,
}

/// What a search tries of a number: [`Setting::around`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Around {
    /// The smallest value.
    pub low: f64,
    /// The largest value.
    pub high: f64,
    /// Whole numbers alone.
    pub whole: bool,
}

/// What a setting may be.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Real(Range),
    Count {
        least: u64,
        most: u64,
    },
    Flag,
    /// Words, each with its meaning.
    Choice(&'static [(&'static str, &'static str)]),
    Estimator,
    /// Some texts.
    Texts,
    /// Methods with their settings, and what says what is wrong with them.
    Steps(fn(&toml::Value) -> Result<()>),
}

/// A real number.
pub const fn real(key: &'static str, default: &'static str, range: Range, doc: &'static str) -> Setting {
    Setting { key, default, kind: Kind::Real(range), tried: None, doc }
}

/// A whole number of at least `least`, and not absurdly many.
pub const fn count(key: &'static str, default: &'static str, least: u64, doc: &'static str) -> Setting {
    Setting { key, default, kind: Kind::Count { least, most: MOST_COUNT }, tried: None, doc }
}

/// A number of epochs, as many as a recipe may have.
pub const fn epochs(key: &'static str, default: &'static str, least: u64, doc: &'static str) -> Setting {
    Setting { key, default, kind: Kind::Count { least, most: 1_000_000 }, tried: None, doc }
}

/// A number of bytes.
pub const fn bytes(key: &'static str, default: &'static str, least: u64, doc: &'static str) -> Setting {
    Setting { key, default, kind: Kind::Count { least, most: 1 << 50 }, tried: None, doc }
}

/// `true` or `false`.
pub const fn flag(key: &'static str, default: &'static str, doc: &'static str) -> Setting {
    Setting { key, default, kind: Kind::Flag, tried: None, doc }
}

/// One of some words, each given with its meaning.
pub const fn choice(
    key: &'static str,
    default: &'static str,
    words: &'static [(&'static str, &'static str)],
    doc: &'static str,
) -> Setting {
    Setting { key, default, kind: Kind::Choice(words), tried: None, doc }
}

/// What is averaged to measure importance: an [`Estimator`].
pub const fn estimator(key: &'static str, default: &'static str, doc: &'static str) -> Setting {
    Setting { key, default, kind: Kind::Estimator, tried: None, doc }
}

/// One text or more, none of them empty.
pub const fn texts(key: &'static str, default: &'static str, doc: &'static str) -> Setting {
    Setting { key, default, kind: Kind::Texts, tried: None, doc }
}

/// Methods one after another: tables of a `method` and its `settings`.
pub const fn steps(
    key: &'static str,
    default: &'static str,
    check: fn(&toml::Value) -> Result<()>,
    doc: &'static str,
) -> Setting {
    Setting { key, default, kind: Kind::Steps(check), tried: None, doc }
}

/// Values of an [`Estimator`].
const ESTIMATORS: &[(&str, &str)] = &[
    ("per_sample", "mean of squared per-sample gradients, true labels"),
    ("model", "expectation over the model's own labels, a backward pass per class"),
    ("{ model_sampled = { samples = 1, seed = 0 } }", "the same with labels drawn from the model, so many a record"),
    ("batch_mean", "squared batch-mean gradients, averaged over batches"),
];

impl Setting {
    /// The default as it is written; none where the method chooses.
    pub fn default(&self) -> Option<&'static str> {
        Some(self.default).filter(|text| *text != ABSENT)
    }

    /// What it may be, in words that follow "must be".
    pub fn takes(&self) -> String {
        match self.kind {
            Kind::Real(range) => range.said.to_owned(),
            Kind::Count { least, most } => format!("{least} to {most}"),
            Kind::Flag => "true or false".to_owned(),
            Kind::Texts => "a list of one text or more, none of them empty".to_owned(),
            Kind::Steps(_) => "a list of tables with a `method` and its `settings` each".to_owned(),
            Kind::Choice(_) | Kind::Estimator => {
                format!("one of {}", self.words().iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// Its words with their meanings; empty where it takes no words.
    pub fn words(&self) -> &'static [(&'static str, &'static str)] {
        match self.kind {
            Kind::Choice(words) => words,
            Kind::Estimator => ESTIMATORS,
            Kind::Real(_) | Kind::Count { .. } | Kind::Flag | Kind::Texts | Kind::Steps(_) => &[],
        }
    }

    /// The unit of a number: what its key ends in, or 1.
    fn unit(&self) -> &'static str {
        let units = ["bytes", "epochs", "steps"];
        units.into_iter().find(|unit| self.key.ends_with(unit)).unwrap_or("1")
    }

    /// The same, with the ends of what a search tries.
    pub(crate) const fn tried(self, low: f64, high: f64) -> Setting {
        Setting { tried: Some([low, high]), ..self }
    }

    /// What a search tries of it where nobody says what: what the row says, or else a factor around a default above 0
    /// of a rate, a weight or an amount of work. None of other settings.
    pub fn around(&self) -> Option<Around> {
        let whole = matches!(self.kind, Kind::Count { .. });
        if let Some([low, high]) = self.tried {
            return Some(Around { low, high, whole });
        }
        let default = match self.value().ok()?? {
            toml::Value::Float(v) => v,
            toml::Value::Integer(v) => v as f64,
            _ => return None,
        };
        let counts_work = ["epochs", "steps", "iterations"].iter().any(|what| self.key.ends_with(what));
        let (low, high) = match self.kind {
            // A share has no neighbours by a factor.
            Kind::Real(range) if default > 0.0 && range.is_open() => (default / 100.0, 100.0 * default),
            Kind::Count { least, most } if counts_work && default > 0.0 => {
                ((default / 4.0).round().max(least.max(1) as f64), (4.0 * default).min(most as f64))
            }
            _ => return None,
        };
        Some(Around { low, high, whole })
    }

    /// What it means, may be and is where the key is absent, as JSON Schema; an estimator's values lie in
    /// `#/$defs/Estimator`.
    pub fn schema(&self) -> Value {
        let mut schema = match self.kind {
            Kind::Real(range) => {
                let mut number = json!({ "type": "number", "unit": self.unit() });
                range.words().into_iter().for_each(|(word, at)| number[word] = at.into());
                number
            }
            Kind::Count { least, most } => {
                json!({ "type": "integer", "minimum": least, "maximum": most, "unit": self.unit() })
            }
            Kind::Flag => json!({ "type": "boolean" }),
            Kind::Choice(words) => {
                let words = words.iter().map(|(word, meaning)| json!({ "const": word, "description": meaning }));
                json!({ "type": "string", "oneOf": words.collect::<Value>() })
            }
            Kind::Estimator => json!({ "$ref": "#/$defs/Estimator" }),
            Kind::Texts => json!({ "type": "array", "minItems": 1, "items": {
                "type": "string", "minLength": 1, "description": "A text.",
            } }),
            Kind::Steps(_) => json!({ "type": "array", "minItems": 1, "items": {
                "type": "object", "description": "A method and its settings.", "additionalProperties": false,
                "required": ["method"], "properties": {
                    "method": { "type": "string", "description": "An approximate method, by its name." },
                    "settings": { "type": "object", "description": "Its settings; its defaults where absent." },
                },
            } }),
        };
        schema["description"] = self.doc.into();
        if let Some(default) = self.value().ok().flatten().and_then(|value| serde_json::to_value(value).ok()) {
            schema["default"] = default;
        }
        schema
    }

    /// The default as a value.
    fn value(&self) -> Result<Option<toml::Value>> {
        let Some(text) = self.default() else { return Ok(None) };
        if !self.words().is_empty() {
            return Ok(Some(text.into()));
        }
        let table: toml::Table = format!("value = {text}")
            .parse()
            .map_err(|e| Error::internal(format!("the default {text} of `{}` is not TOML: {e}", self.key)))?;
        Ok(table.get("value").cloned())
    }

    /// Whether it may be this value.
    fn allows(&self, value: &toml::Value) -> bool {
        let word = |word: &str| self.words().iter().any(|(known, _)| *known == word);
        match (self.kind, value) {
            (Kind::Real(range), toml::Value::Float(v)) => range.contains(*v),
            (Kind::Real(range), toml::Value::Integer(v)) => range.contains(*v as f64),
            (Kind::Count { least, most }, toml::Value::Integer(v)) => {
                u64::try_from(*v).is_ok_and(|v| (least..=most).contains(&v))
            }
            (Kind::Flag, toml::Value::Boolean(_)) => true,
            (Kind::Choice(_), toml::Value::String(text)) => word(text),
            (Kind::Estimator, value) => serde_json::to_value(value)
                .and_then(serde_json::from_value::<Estimator>)
                .is_ok_and(|estimator| estimator.check().is_ok()),
            (Kind::Texts, toml::Value::Array(texts)) => {
                !texts.is_empty() && texts.iter().all(|text| text.as_str().is_some_and(|text| !text.is_empty()))
            }
            (Kind::Steps(check), steps) => check(steps).is_ok(),
            _ => false,
        }
    }

    /// # Errors
    /// The value is out of range, or of another kind.
    fn check(&self, method: &str, value: &toml::Value) -> Result<()> {
        if self.allows(value) {
            return Ok(());
        }
        let (key, takes) = (self.key, self.takes());
        if let Kind::Steps(check) = self.kind {
            let why = check(value).err().map(|e| format!(": {e}")).unwrap_or_default();
            return Err(Error::input(format!("method {method}: {key} = {value}: {key} must be {takes}{why}")));
        }
        let near = value.as_str().map(|text| did_you_mean(text, self.words().iter().map(|(word, _)| *word)));
        let near = near.unwrap_or_default();
        Err(Error::input(format!("method {method}: {key} = {value}: {key} must be {takes}{near}")))
    }
}

/// What a `MethodRow` has for `build`: the method with its defaults overlaid by `table`. Keys, kinds and ranges are
/// held to the row alone, so that the method's struct is plain data.
///
/// # Errors
/// An unknown key, with the near one; a value that the row does not allow, with what it does.
pub fn build<T: Method + DeserializeOwned + 'static>(row: &MethodRow, table: toml::Table) -> Result<Box<dyn Method>> {
    let mut all = toml::Table::new();
    for setting in row.settings() {
        all.extend(setting.value()?.map(|value| (setting.key.to_owned(), value)));
    }
    for (key, value) in table {
        let Some(setting) = row.settings().find(|setting| setting.key == key) else {
            return Err(unknown(row, &key));
        };
        setting.check(row.name, &value)?;
        all.insert(key, value);
    }
    let method: T = serde_json::to_value(all)
        .and_then(serde_json::from_value)
        .map_err(|e| Error::internal(format!("the settings of {} are not what its row declares: {e}", row.name)))?;
    Ok(Box::new(method))
}

fn unknown(row: &MethodRow, key: &str) -> Error {
    let known: Vec<&str> = row.settings().map(|setting| setting.key).collect();
    let near = did_you_mean(key, known.iter().copied());
    let known = if known.is_empty() { "no settings".into() } else { known.join(", ") };
    Error::input(format!("method {} has no setting `{key}`{near}; it takes {known}", row.name))
}

/// What every method can say of its settings, since it is plain data.
pub trait Reported {
    /// The settings with every default filled in; null where the method chooses.
    fn settings(&self) -> Value;
}

impl<T: Serialize> Reported for T {
    fn settings(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}

#[cfg(test)]
mod tests;
