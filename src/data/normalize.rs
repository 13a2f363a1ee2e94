//! Normalisation: fitted on the training part, applied to every part, its numbers kept.

use serde::{Deserialize, Serialize};

use super::values::Values;
use crate::error::{Error, Result};

/// The key `normalize`: a way of finding the numbers, or the numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Scaling {
    /// How they are found.
    Word(Normalize),
    /// The numbers.
    Given(MeanStd),
}

/// Means and standard deviations as torchvision's `Normalize` has them: of values that are 0…1 over the format's full
/// scale, where it has one. Nothing is fitted on records then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MeanStd {
    /// Subtracted: one number, or one for each channel of a picture or feature of a table.
    pub mean: Vec<f64>,
    /// Divided by then; as many.
    #[cfg_attr(feature = "cli", schemars(inner(range(min = 0))))]
    pub std: Vec<f64>,
}

impl Scaling {
    /// How the numbers are found.
    pub(super) fn kind(&self) -> Normalize {
        match self {
            Scaling::Word(kind) => *kind,
            Scaling::Given(_) => Normalize::Given,
        }
    }

    /// # Errors
    /// Numbers that are none, or too few or too many of one kind; the word for them without them.
    pub(super) fn check(&self) -> Result<()> {
        let fail = |want: &str| Err(Error::input(format!("data.normalize {want}")));
        match self {
            Scaling::Word(Normalize::Given) => fail("must be a table: { mean = [0.5], std = [0.25] }"),
            Scaling::Word(_) => Ok(()),
            Scaling::Given(MeanStd { mean, std }) if mean.is_empty() || mean.len() != std.len() => {
                fail(&format!("has {} means and {} deviations; give as many of each", mean.len(), std.len()))
            }
            Scaling::Given(MeanStd { mean, std }) => {
                let good = mean.iter().all(|v| v.is_finite()) && std.iter().all(|v| *v > 0.0 && v.is_finite());
                if good { Ok(()) } else { fail("must have numbers for means, and positive ones for deviations") }
            }
        }
    }
}

impl MeanStd {
    /// What is applied to records of this shape.
    ///
    /// # Errors
    /// Neither one number nor one for each channel or feature.
    pub(super) fn of(&self, shape: &[usize], full_scale: Option<f32>, origin: &str) -> Result<Normalization> {
        let (count, full) = (groups(shape).0, full_scale.map_or(1.0, f64::from));
        if ![1, count].contains(&self.mean.len()) {
            return Err(Error::input(format!(
                "{origin}: data.normalize has {} means, and a record {shape:?} takes 1 or {count}",
                self.mean.len()
            )));
        }
        let times = |all: &[f64]| all.iter().map(|v| v * full).collect();
        Ok(Normalization { kind: Normalize::Given, offset: times(&self.mean), scale: times(&self.std) })
    }
}

/// How the numbers are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Normalize {
    /// To 0…1: values over the format's full scale (8-bit pixels / 255, digits / 16). Where the format has none
    /// (tables, float arrays): (x − min) / (max − min) per feature, or per channel for pictures.
    Unit,
    /// (x − mean) / standard deviation (population) per feature, or per channel for pictures.
    Standard,
    /// Each record over the sum of its features (bag-of-words rows); a record whose sum is 0 stays.
    Row,
    /// Features as the file has them.
    None,
    /// By numbers that the configuration gives: `{ mean = […], std = […] }`.
    Given,
}

/// The numbers that were applied: `x' = (x − offset) / scale`, in f64.
///
/// `offset` and `scale` hold one number for all values, one per channel, or one per feature; they are empty for `row`
/// and `none`. A feature that is constant in the training part has scale 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Normalization {
    /// How offset and scale were found.
    pub kind: Normalize,
    /// Subtracted first: one number, or one for each feature or channel.
    pub offset: Vec<f64>,
    /// Divided by then; as many as offsets.
    pub scale: Vec<f64>,
}

impl Normalization {
    /// Of what is not scaled, or each record by itself.
    pub(crate) fn plain(kind: Normalize) -> Normalization {
        Normalization { kind, offset: vec![], scale: vec![] }
    }

    /// Normalises row-major values, `width` a record. They are rounded to f32 last: the difference of two large numbers
    /// is then as good as the file's.
    pub(crate) fn apply(&self, x: Values, width: usize) -> Vec<f32> {
        match self.kind {
            Normalize::None => match x {
                Values::Single(x) => x,
                Values::Double(x) => x.into_iter().map(|value| value as f32).collect(),
            },
            Normalize::Row => {
                let mut out = Vec::with_capacity(x.len());
                for record in 0..x.len() / width {
                    let values = || (record * width..(record + 1) * width).map(|at| x.get(at));
                    let sum: f64 = values().sum();
                    out.extend(values().map(|value| if sum == 0.0 { value } else { value / sum } as f32));
                }
                out
            }
            Normalize::Unit | Normalize::Standard | Normalize::Given => {
                let run = width / self.offset.len();
                let scaled = |at: usize, value: f64| {
                    let group = at % width / run;
                    ((value - self.offset[group]) / self.scale[group]) as f32
                };
                x.iter().enumerate().map(|(at, value)| scaled(at, value)).collect()
            }
        }
    }
}

/// The numbers for `kind`, from the training values `x`, `[n, shape…]`.
pub(crate) fn fit(
    kind: Normalize,
    x: &Values,
    shape: &[usize],
    full_scale: Option<f32>,
    fixed: &[bool],
) -> Normalization {
    let (mut offset, mut scale) = match (kind, full_scale) {
        (Normalize::Row | Normalize::None | Normalize::Given, _) => (vec![], vec![]),
        (Normalize::Unit, Some(full)) => (vec![0.0], vec![f64::from(full)]),
        (Normalize::Unit, None) => {
            let (low, high) = range(x, shape);
            let scale = low.iter().zip(&high).map(|(low, high)| usable(high - low)).collect();
            (low, scale)
        }
        (Normalize::Standard, _) => moments(x, shape),
    };
    for (group, _) in fixed.iter().enumerate().filter(|(_, fixed)| **fixed) {
        if offset.len() == fixed.len() {
            (offset[group], scale[group]) = (0.0, 1.0);
        }
    }
    Normalization { kind, offset, scale }
}

/// Runs of values that share their numbers: channels of a picture, features of a table.
fn groups(shape: &[usize]) -> (usize, usize) {
    let width: usize = shape.iter().product();
    if shape.len() == 3 { (shape[0], width / shape[0]) } else { (width, 1) }
}

fn usable(scale: f64) -> f64 {
    if scale > 0.0 && scale.is_finite() { scale } else { 1.0 }
}

/// Smallest and largest value of each group.
fn range(x: &Values, shape: &[usize]) -> (Vec<f64>, Vec<f64>) {
    let (count, run) = groups(shape);
    let (mut low, mut high) = (vec![f64::INFINITY; count], vec![f64::NEG_INFINITY; count]);
    for (at, value) in x.iter().enumerate() {
        let group = at / run % count;
        low[group] = low[group].min(value);
        high[group] = high[group].max(value);
    }
    (low, high)
}

fn moments(x: &Values, shape: &[usize]) -> (Vec<f64>, Vec<f64>) {
    let (count, run) = groups(shape);
    let per_group = (x.len() / count) as f64;
    let (low, high) = range(x, shape);
    // The mean of equal numbers is that number and not what is left of a rounded sum: else a constant column would be
    // divided by the rounding of its mean. Sums are of differences, so that large offsets do not cancel.
    let rest = sums(x, count, run, |group, value| value - low[group]);
    let mean: Vec<f64> = rest.zip(&low).map(|(sum, low)| low + sum / per_group).collect();
    let squares = sums(x, count, run, |group, value| (value - mean[group]).powi(2));
    let scale = squares.zip(low.iter().zip(&high)).map(|(sum, (low, high))| match low < high {
        true => usable((sum / per_group).sqrt()),
        false => 1.0,
    });
    let scale = scale.collect();
    (mean, scale)
}

fn sums(x: &Values, count: usize, run: usize, term: impl Fn(usize, f64) -> f64) -> impl Iterator<Item = f64> {
    let mut sums = vec![0.0; count];
    for (at, value) in x.iter().enumerate() {
        let group = at / run % count;
        sums[group] += term(group, value);
    }
    sums.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(kind: Normalize, x: &[f64], shape: &[usize], fixed: &[bool]) -> Normalization {
        fit(kind, &Values::Double(x.to_vec()), shape, None, fixed)
    }

    #[test]
    fn unit_divides_by_the_full_scale_or_spans_the_range() {
        let pixels = fit(Normalize::Unit, &Values::Single(vec![0.0, 51.0]), &[1, 1, 2], Some(255.0), &[]);
        assert_eq!((pixels.offset, pixels.scale), (vec![0.0], vec![255.0]));
        let x = [1.0, 5.0, 3.0, 5.0];
        let table = fitted(Normalize::Unit, &x, &[2], &[]);
        assert_eq!(table.apply(Values::Double(x.to_vec()), 2), [0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn standard_is_per_feature_or_per_channel_and_leaves_fixed_columns() {
        let x = [1.0, 10.0, 3.0, 30.0];
        let table = fitted(Normalize::Standard, &x, &[2], &[false, true]);
        assert_eq!((table.offset, table.scale), (vec![2.0, 0.0], vec![1.0, 1.0]));
        let image = fitted(Normalize::Standard, &x, &[2, 1, 1], &[]);
        assert_eq!((image.offset, image.scale), (vec![2.0, 20.0], vec![1.0, 10.0]));
        let channel = fitted(Normalize::Standard, &x, &[1, 1, 2], &[]);
        assert_eq!(channel.offset, [11.0]);
    }

    #[test]
    fn large_offsets_leave_what_differs_and_a_constant_column_is_no_noise() {
        let times: Vec<f64> = (0..40).map(|second| 1_700_000_000.0 + f64::from(second)).collect();
        let table = fitted(Normalize::Standard, &times, &[1], &[]);
        let x = table.apply(Values::Double(times), 1);
        let deviation = ((40.0f64 * 40.0 - 1.0) / 12.0).sqrt();
        let first = f64::from(x[0]);
        assert!((first + 19.5 / deviation).abs() < 1e-6 && (first + 1.6893).abs() < 1e-4, "{first}");
        // Forty times 0.1 do not add up to 4.
        let constant = vec![0.1; 40];
        let table = fitted(Normalize::Standard, &constant, &[1], &[]);
        assert_eq!((table.scale[0], table.apply(Values::Double(constant), 1)), (1.0, vec![0.0; 40]));
    }

    #[test]
    fn row_makes_rows_sum_to_one_and_leaves_empty_rows() {
        let x = Values::Single(vec![1.0, 3.0, 0.0, 0.0]);
        assert_eq!(fit(Normalize::Row, &x, &[2], None, &[]).apply(x, 2), [0.25, 0.75, 0.0, 0.0]);
    }
}
