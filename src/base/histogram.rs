//! Counts of numbers in bins of one width.

use serde::{Deserialize, Serialize};

/// Counts in bins of one width. What lies outside is counted in the first or the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Histogram {
    /// Where the first bin begins.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "1")))]
    pub low: f64,
    /// Where the last bin ends.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "1")))]
    pub high: f64,
    /// In each bin.
    pub counts: Vec<u32>,
}

impl Histogram {
    /// Counts finite numbers in `bins` bins from `low` to `high`.
    pub fn of(values: impl IntoIterator<Item = f64>, (low, high): (f64, f64), bins: usize) -> Histogram {
        let mut counts = vec![0; bins];
        let last = bins.saturating_sub(1) as f64;
        for value in values.into_iter().filter(|value| value.is_finite()) {
            let at = ((value - low) / (high - low) * bins as f64).floor().clamp(0.0, last);
            if let Some(count) = counts.get_mut(at as usize) {
                *count += 1;
            }
        }
        Histogram { low, high, counts }
    }

    /// The numbers counted.
    pub fn total(&self) -> u32 {
        self.counts.iter().sum()
    }

    /// Edges of the bins, one more than bins.
    pub fn edges(&self) -> Vec<f64> {
        let bins = self.counts.len();
        let width = (self.high - self.low) / bins.max(1) as f64;
        (0..=bins).map(|i| self.low + i as f64 * width).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_outside_is_counted_at_the_ends_and_an_edge_belongs_to_the_bin_above() {
        let histogram = Histogram::of([-9.0, -1.0, 0.0, 0.5, 1.0, 7.0, f64::NAN], (-1.0, 1.0), 4);
        assert_eq!(histogram.counts, [2, 0, 1, 3]);
        assert_eq!((histogram.total(), histogram.edges()), (6, vec![-1.0, -0.5, 0.0, 0.5, 1.0]));
    }
}
