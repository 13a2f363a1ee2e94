//! Medians, and how far the numbers lie from them.

use crate::base::quantile;

/// The middle value; 0 of nothing.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5).unwrap_or(0.0)
}

/// Median absolute deviation from the median.
pub fn mad(values: &[f64]) -> f64 {
    let middle = median(values);
    median(&values.iter().map(|v| (v - middle).abs()).collect::<Vec<_>>())
}

/// Smallest and largest; 0 of nothing.
pub fn range(values: &[f64]) -> (f64, f64) {
    match values {
        [] => (0.0, 0.0),
        _ => values.iter().fold((f64::INFINITY, 0.0), |(low, high), v| (low.min(*v), high.max(*v))),
    }
}
