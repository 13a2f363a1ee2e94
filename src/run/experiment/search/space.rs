//! What a search tries: an axis for each setting, and points in the unit cube over them.

use serde::{Deserialize, Serialize};

use crate::base::splitmix::SplitMix64;
use crate::error::{Error, Result};
use crate::methods::MethodRow;
use crate::run::config::settings;

/// Values of one setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Axis {
    /// The setting.
    pub key: String,
    /// The smallest value and the largest one; on a logarithmic scale where they lie a factor of ten apart.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub between: Option<[f64; 2]>,
    /// Whole numbers alone.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub whole: bool,
    /// Values one by one, in the place of `between`.
    #[cfg_attr(feature = "cli", schemars(with = "Vec<serde_json::Value>"))]
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub among: Vec<toml::Value>,
}

impl Axis {
    /// `lr=0.001..0.1` or `estimator=per_sample,batch_mean`.
    fn parse(text: &str, row: &MethodRow) -> Result<Axis> {
        let fail = |why: &str| Err(Error::input(format!("--over {text}: {why}")));
        let Some((key, values)) = text.split_once('=') else {
            return fail("expected KEY=LOW..HIGH or KEY=A,B,C, for example lr=0.001..0.1");
        };
        let key = key.trim().to_owned();
        if !row.settings().any(|setting| setting.key == key) {
            let near = crate::base::did_you_mean(&key, row.settings().map(|setting| setting.key));
            return fail(&format!("method {} has no setting {key}{near}", row.name));
        }
        let Some((low, high)) = values.split_once("..") else {
            let among = values.split(',').map(|value| value_of(&key, value)).collect::<Result<_>>()?;
            return Ok(Axis { key, between: None, whole: false, among });
        };
        let (low, high) = (low.trim(), high.trim());
        let whole = low.parse::<u64>().is_ok() && high.parse::<u64>().is_ok();
        match (low.parse::<f64>(), high.parse::<f64>()) {
            (Ok(low), Ok(high)) if low < high && low.is_finite() && high.is_finite() => {
                Ok(Axis { key, between: Some([low, high]), whole, among: vec![] })
            }
            _ => fail("the ends must be two numbers, the smaller one first"),
        }
    }

    /// The value at a place in [0, 1).
    fn at(&self, place: f64) -> toml::Value {
        let Some([low, high]) = self.between else {
            return self.among[((place * self.among.len() as f64) as usize).min(self.among.len() - 1)].clone();
        };
        let value = if logarithmic(low, high) { low * (high / low).powf(place) } else { low + (high - low) * place };
        match self.whole {
            true => toml::Value::Integer(value.round() as i64),
            false => toml::Value::Float(legible(value).clamp(low, high)),
        }
    }

    /// Where a value lies; the middle where it lies nowhere.
    fn place(&self, value: Option<&toml::Value>) -> f64 {
        let number = value.and_then(|value| value.as_float().or(value.as_integer().map(|v| v as f64)));
        let place = match (self.between, number) {
            (Some([low, high]), Some(v)) if logarithmic(low, high) => (v / low).ln() / (high / low).ln(),
            (Some([low, high]), Some(v)) => (v - low) / (high - low),
            (Some(_), None) => 0.5,
            (None, _) => {
                let at = self.among.iter().position(|known| Some(known) == value).unwrap_or(0);
                (at as f64 + 0.5) / self.among.len() as f64
            }
        };
        if place.is_finite() { place.clamp(0.0, LAST) } else { 0.5 }
    }
}

/// The last place before 1.
const LAST: f64 = 1.0 - f64::EPSILON;

fn logarithmic(low: f64, high: f64) -> bool {
    low > 0.0 && high / low >= 10.0
}

/// Three digits: nobody can tell more apart, and settings are read by people.
fn legible(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

fn value_of(key: &str, text: &str) -> Result<toml::Value> {
    let mut table = settings(&[format!("{key}={text}")])?;
    table.remove(key).ok_or_else(|| Error::input(format!("--over {key}: `{text}` is no value")))
}

/// The axes of a search.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Space {
    pub axes: Vec<Axis>,
}

impl Space {
    /// What `over` says, or else what [`crate::methods::Setting::around`] has of each setting that is not `fixed`.
    ///
    /// # Errors
    /// An axis that is none; a setting that is given twice; a method without numbers to try.
    pub fn of(row: &MethodRow, over: &[String], fixed: &toml::Table) -> Result<Space> {
        let mut axes = over.iter().map(|text| Axis::parse(text, row)).collect::<Result<Vec<_>>>()?;
        if axes.is_empty() {
            let free = row.settings().filter(|setting| !fixed.contains_key(setting.key));
            axes.extend(free.filter_map(|setting| {
                let around = setting.around()?;
                let key = setting.key.to_owned();
                Some(Axis { key, between: Some([around.low, around.high]), whole: around.whole, among: vec![] })
            }));
        }
        for (i, axis) in axes.iter().enumerate() {
            let twice = axes[..i].iter().any(|other| other.key == axis.key) || fixed.contains_key(&axis.key);
            if twice {
                return Err(Error::input(format!("{}: the setting is given twice; leave one of them out", axis.key)));
            }
            for end in [0.0, LAST] {
                // A value that the method refuses is refused before anything is trained.
                (row.build)(toml::Table::from_iter([(axis.key.clone(), axis.at(end))]))?;
            }
        }
        match axes.is_empty() {
            true => Err(Error::input(format!(
                "method {} has no number to try; name settings by --over KEY=LOW..HIGH",
                row.name
            ))),
            false => Ok(Space { axes }),
        }
    }

    /// Settings at a point.
    pub fn at(&self, point: &[f64]) -> toml::Table {
        self.axes.iter().zip(point).map(|(axis, place)| (axis.key.clone(), axis.at(*place))).collect()
    }

    /// Where settings lie.
    pub fn point(&self, settings: &toml::Table) -> Vec<f64> {
        self.axes.iter().map(|axis| axis.place(settings.get(&axis.key))).collect()
    }

    /// Point number `i` of a spread over the whole cube: Halton's sequence, each axis moved by a draw of its own
    /// (Cranley & Patterson 1976).
    pub fn spread(&self, seed: u64, i: usize) -> Vec<f64> {
        let mut rng = SplitMix64::new(seed);
        let shift = |base: usize, by: f64| (halton(base, i + 1) + by).fract();
        self.axes.iter().zip(primes()).map(|(_, base)| shift(base, rng.uniform())).collect()
    }

    /// A point near another: normal draws of this width on each axis, held in the cube.
    pub fn near(&self, point: &[f64], width: f64, rng: &mut SplitMix64) -> Vec<f64> {
        point.iter().map(|place| (place + width * rng.normal()).clamp(0.0, LAST)).collect()
    }
}

fn primes() -> impl Iterator<Item = usize> {
    (2..).filter(|n| (2..*n).all(|d| n % d != 0))
}

/// The radical inverse of `i` in a base.
fn halton(base: usize, mut i: usize) -> f64 {
    let (mut value, mut part) = (0.0, 1.0);
    while i > 0 {
        part /= base as f64;
        value += part * (i % base) as f64;
        i /= base;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::{METHODS, Role, find};

    fn axis(text: &str) -> Axis {
        Axis::parse(text, find("ssd").unwrap()).unwrap()
    }

    #[test]
    fn ranges_are_walked_on_a_logarithmic_scale_where_they_are_wide() {
        let (wide, narrow) = (axis("alpha=0.1..1000"), axis("alpha=2..3.5"));
        assert_eq!((wide.at(0.0), wide.at(0.5)), (toml::Value::Float(0.1), toml::Value::Float(10.0)));
        assert_eq!(narrow.at(0.5), toml::Value::Float(2.75));
        for place in [0.0, 0.25, 0.5] {
            assert!((wide.place(Some(&wide.at(place))) - place).abs() < 1e-3);
        }
    }

    #[test]
    fn words_and_whole_numbers_stay_what_they_are() {
        let words = axis("estimator=per_sample,batch_mean");
        assert_eq!(words.at(0.49), toml::Value::from("per_sample"));
        assert_eq!(words.at(LAST), toml::Value::from("batch_mean"));
        let epochs = Axis::parse("epochs=1..20", find("finetune").unwrap()).unwrap();
        assert_eq!((epochs.at(0.0), epochs.at(LAST)), (toml::Value::Integer(1), toml::Value::Integer(20)));
    }

    #[test]
    fn what_is_no_axis_is_refused_with_what_was_expected() {
        let row = find("ssd").unwrap();
        for (text, says) in [
            ("alpha", "expected KEY=LOW..HIGH"),
            ("alhpa=1..2", "did you mean `alpha`"),
            ("alpha=5..1", "the smaller one first"),
            ("alpha=-1..4", "alpha"),
        ] {
            let why = Space::of(row, &[text.to_owned()], &toml::Table::new()).unwrap_err().to_string();
            assert!(why.contains(says), "{text}: {why}");
        }
        let fixed = settings(&["alpha=3".to_owned()]).unwrap();
        let why = Space::of(row, &["alpha=1..4".to_owned()], &fixed).unwrap_err().to_string();
        assert!(why.contains("given twice"), "{why}");
    }

    #[test]
    fn what_is_tried_by_itself_is_allowed_for_every_method() {
        for row in METHODS.iter().filter(|row| row.role == Role::Method) {
            let Ok(space) = Space::of(row, &[], &toml::Table::new()) else { continue };
            let defaults = (row.build)(toml::Table::new()).unwrap().settings();
            let defaults = toml::Table::try_from(defaults.as_object().unwrap().clone()).unwrap_or_default();
            for i in 0..20 {
                let tried = space.at(&space.spread(1, i));
                (row.build)(tried.clone()).unwrap_or_else(|e| panic!("{}: {e}", row.name));
                assert_eq!(tried.len(), space.axes.len());
            }
            assert!(space.point(&defaults).iter().all(|place| (0.0..1.0).contains(place)), "{}", row.name);
        }
    }

    #[test]
    fn a_spread_covers_each_axis_evenly() {
        let space = Space { axes: vec![axis("alpha=0..1"), axis("lambda=0..1")] };
        for axis in 0..2 {
            let mut counts = [0; 4];
            (0..32).for_each(|i| counts[(4.0 * space.spread(7, i)[axis]) as usize] += 1);
            assert!(counts.iter().all(|n| (6..=10).contains(n)), "{counts:?}");
        }
        assert_ne!(space.spread(7, 0), space.spread(8, 0));
    }
}
