//! Normalisation: fitted on the training part, applied to every part, its numbers kept.

use serde::{Deserialize, Serialize};

/// The key `normalize`.
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
}

/// The numbers that were applied: `x' = (x − offset) / scale`.
///
/// `offset` and `scale` hold one number for all values, one per channel, or one per feature; they are empty for `row`
/// and `none`. A feature that is constant in the training part has scale 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Normalization {
    /// How offset and scale were found.
    pub kind: Normalize,
    /// Subtracted first: one number, or one for each feature or channel.
    pub offset: Vec<f32>,
    /// Divided by then; as many as offsets.
    pub scale: Vec<f32>,
}

impl Normalization {
    /// Normalises `x`, row-major with `width` values per record, in place.
    pub fn apply(&self, x: &mut [f32], width: usize) {
        match self.kind {
            Normalize::None => {}
            Normalize::Row => {
                for record in x.chunks_exact_mut(width) {
                    let sum: f64 = record.iter().map(|&v| f64::from(v)).sum();
                    if sum != 0.0 {
                        record.iter_mut().for_each(|v| *v = (f64::from(*v) / sum) as f32);
                    }
                }
            }
            Normalize::Unit | Normalize::Standard => {
                let run = width / self.offset.len();
                for record in x.chunks_exact_mut(width) {
                    for (values, (offset, scale)) in
                        record.chunks_exact_mut(run).zip(self.offset.iter().zip(&self.scale))
                    {
                        values.iter_mut().for_each(|v| *v = (*v - offset) / scale);
                    }
                }
            }
        }
    }
}

/// The numbers for `kind`, from the training values `x`, `[n, shape…]`, in f64.
pub(crate) fn fit(
    kind: Normalize,
    x: &[f32],
    shape: &[usize],
    full_scale: Option<f32>,
    fixed: &[bool],
) -> Normalization {
    let (mut offset, mut scale) = match (kind, full_scale) {
        (Normalize::Row | Normalize::None, _) => (vec![], vec![]),
        (Normalize::Unit, Some(full)) => (vec![0.0], vec![full]),
        (Normalize::Unit, None) => range(x, shape),
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

fn usable(scale: f64) -> f32 {
    let scale = scale as f32;
    if scale > 0.0 && scale.is_finite() { scale } else { 1.0 }
}

fn range(x: &[f32], shape: &[usize]) -> (Vec<f32>, Vec<f32>) {
    let (count, run) = groups(shape);
    let (mut low, mut high) = (vec![f32::INFINITY; count], vec![f32::NEG_INFINITY; count]);
    for (at, values) in x.chunks_exact(run).enumerate() {
        let group = at % count;
        for &value in values {
            low[group] = low[group].min(value);
            high[group] = high[group].max(value);
        }
    }
    let scale = low.iter().zip(&high).map(|(&low, &high)| usable(f64::from(high) - f64::from(low))).collect();
    (low, scale)
}

fn moments(x: &[f32], shape: &[usize]) -> (Vec<f32>, Vec<f32>) {
    let (count, run) = groups(shape);
    let per_group = (x.len() / count) as f64;
    // Two passes: the deviation is taken from the mean, so large offsets do not cancel.
    let mean = sums(x, count, run, |_, value| value).map(|sum| sum / per_group).collect::<Vec<f64>>();
    let scale = sums(x, count, run, |group, value| (value - mean[group]).powi(2))
        .map(|sum| usable((sum / per_group).sqrt()))
        .collect();
    (mean.iter().map(|&mean| mean as f32).collect(), scale)
}

fn sums(x: &[f32], count: usize, run: usize, term: impl Fn(usize, f64) -> f64) -> impl Iterator<Item = f64> {
    let mut sums = vec![0.0; count];
    for (at, values) in x.chunks_exact(run).enumerate() {
        let group = at % count;
        sums[group] += values.iter().map(|&value| term(group, f64::from(value))).sum::<f64>();
    }
    sums.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_divides_by_the_full_scale_or_spans_the_range() {
        let pixels = fit(Normalize::Unit, &[0.0, 51.0], &[1, 1, 2], Some(255.0), &[]);
        assert_eq!((pixels.offset, pixels.scale), (vec![0.0], vec![255.0]));
        let mut x = [1.0, 5.0, 3.0, 5.0];
        let table = fit(Normalize::Unit, &x, &[2], None, &[]);
        table.apply(&mut x, 2);
        assert_eq!(x, [0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn standard_is_per_feature_or_per_channel_and_leaves_fixed_columns() {
        let x = [1.0, 10.0, 3.0, 30.0];
        let table = fit(Normalize::Standard, &x, &[2], None, &[false, true]);
        assert_eq!((table.offset, table.scale), (vec![2.0, 0.0], vec![1.0, 1.0]));
        let image = fit(Normalize::Standard, &x, &[2, 1, 1], None, &[]);
        assert_eq!((image.offset, image.scale), (vec![2.0, 20.0], vec![1.0, 10.0]));
        let channel = fit(Normalize::Standard, &x, &[1, 1, 2], None, &[]);
        assert_eq!(channel.offset, [11.0]);
    }

    #[test]
    fn row_makes_rows_sum_to_one_and_leaves_empty_rows() {
        let mut x = [1.0, 3.0, 0.0, 0.0];
        fit(Normalize::Row, &x, &[2], None, &[]).apply(&mut x, 2);
        assert_eq!(x, [0.25, 0.75, 0.0, 0.0]);
    }
}
