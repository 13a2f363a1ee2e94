//! Metric values by dotted key, and their mean and spread over several models.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::spread::Spread;
use crate::error::{Error, Result};

/// Metric values by dotted key. Every value present is finite; what could not be computed is not there. In JSON the
/// keys are nested objects.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Stores a value; `None` stores nothing.
    ///
    /// # Errors
    /// `Internal` for a value that is not finite.
    pub fn put(&mut self, key: impl Into<String>, value: Option<f64>) -> Result<()> {
        let (key, Some(value)) = (key.into(), value) else { return Ok(()) };
        if !value.is_finite() {
            return Err(Error::internal(format!("metric {key} is {value}; expected a finite number")));
        }
        self.0.insert(key, value);
        Ok(())
    }

    /// The value under a dotted key.
    pub fn get(&self, key: &str) -> Option<f64> {
        self.0.get(key).copied()
    }

    /// Forgets a value.
    pub(super) fn remove(&mut self, key: &str) {
        self.0.remove(key);
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Key and value, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(key, &value)| (key.as_str(), value))
    }

    /// Nested JSON objects; keys that end in `count` are integers.
    pub fn to_json(&self) -> Value {
        let mut root = Value::Object(Map::new());
        for (key, value) in self.iter() {
            let (path, leaf) = key.rsplit_once('.').unwrap_or(("", key));
            let mut at = &mut root;
            for part in path.split('.').filter(|part| !part.is_empty()) {
                at = &mut at[part];
            }
            at[leaf] = if leaf == "count" && value.fract() == 0.0 { (value as u64).into() } else { value.into() };
        }
        root
    }

    fn flatten(prefix: &str, value: &Value, into: &mut BTreeMap<String, f64>) -> Result<(), String> {
        match value {
            Value::Object(children) => children.iter().try_for_each(|(name, child)| {
                let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                Self::flatten(&key, child, into)
            }),
            Value::Number(number) if !prefix.is_empty() => {
                into.insert(prefix.to_owned(), number.as_f64().ok_or_else(|| format!("metric {prefix} is no number"))?);
                Ok(())
            }
            other => Err(format!("metric `{prefix}` is {other}; expected a number (an absent metric is left out)")),
        }
    }
}

impl Serialize for Metrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Metrics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut flat = BTreeMap::new();
        Metrics::flatten("", &Value::deserialize(deserializer)?, &mut flat).map_err(serde::de::Error::custom)?;
        Ok(Metrics(flat))
    }
}

/// Mean and sample standard deviation (n − 1) of several models' metrics, key by key.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reference {
    /// A key is present where every model has it.
    pub mean: Metrics,
    /// Empty for fewer than two models.
    pub sd: Metrics,
    /// Number of models.
    pub runs: usize,
}

impl Reference {
    /// Mean and sample standard deviation of each value over retrained models.
    pub fn over(runs: &[Metrics]) -> Reference {
        let n = runs.len() as f64;
        let (mut mean, mut sd) = (Metrics::default(), Metrics::default());
        for (key, _) in runs.first().into_iter().flat_map(Metrics::iter) {
            let Some(values) = runs.iter().map(|run| run.get(key)).collect::<Option<Vec<f64>>>() else { continue };
            let centre = values.iter().sum::<f64>() / n;
            mean.0.insert(key.to_owned(), centre);
            if values.len() > 1 {
                let spread = values.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / (n - 1.0);
                sd.0.insert(key.to_owned(), spread.sqrt());
            }
        }
        Reference { mean, sd, runs: runs.len() }
    }

    /// Half the width of the 95 % confidence interval of each mean (Student's t); empty for fewer than two models.
    pub fn interval(&self) -> Metrics {
        let half = |sd: f64| Spread { mean: 0.0, sd, runs: self.runs }.half_interval();
        Metrics(self.sd.0.iter().map(|(key, sd)| (key.clone(), half(*sd))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(pairs: &[(&str, f64)]) -> Metrics {
        let mut metrics = Metrics::default();
        for &(key, value) in pairs {
            metrics.put(key, Some(value)).unwrap();
        }
        metrics
    }

    #[test]
    fn json_is_nested_counts_are_integers_and_it_reads_back() {
        let metrics = metrics(&[("splits.test.accuracy", 0.5), ("splits.test.count", 12.0), ("js.forget", 0.25)]);
        let text = serde_json::to_string(&metrics).unwrap();
        assert_eq!(text, r#"{"js":{"forget":0.25},"splits":{"test":{"accuracy":0.5,"count":12}}}"#);
        assert_eq!(serde_json::from_str::<Metrics>(&text).unwrap(), metrics);
    }

    #[test]
    fn absent_stays_absent_and_nan_is_refused() {
        let mut metrics = Metrics::default();
        metrics.put("a", None).unwrap();
        assert!(metrics.is_empty() && metrics.get("a").is_none());
        assert!(metrics.put("a", Some(f64::NAN)).is_err() && metrics.put("a", Some(f64::INFINITY)).is_err());
        for bad in [r#"{"a":null}"#, r#"{"a":"x"}"#, "3", "[1]"] {
            assert!(serde_json::from_str::<Metrics>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn reference_is_mean_and_sample_deviation_of_what_all_have() {
        let reference = Reference::over(&[metrics(&[("a", 1.0), ("b", 1.0)]), metrics(&[("a", 3.0)])]);
        assert_eq!((reference.mean.get("a"), reference.sd.get("a")), (Some(2.0), Some(2f64.sqrt())));
        assert_eq!((reference.mean.get("b"), reference.runs), (None, 2));
        let one = Reference::over(&[metrics(&[("a", 1.0)])]);
        assert!(one.mean.get("a") == Some(1.0) && one.sd.is_empty());
        assert_eq!(Reference::over(&[]), Reference::default());
    }
}
