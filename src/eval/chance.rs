//! What accuracy is worth nothing: that of always giving the most frequent class.

use std::collections::BTreeMap;

/// The most frequent class among some records.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chance {
    /// Its share of the records.
    pub share: f64,
    /// Number of records.
    pub records: usize,
}

/// One-sided 95 % point of the normal distribution.
const Z: f64 = 1.645;

impl Chance {
    /// Of the records' labels; `None` for no records.
    pub fn of(labels: impl IntoIterator<Item = u32>) -> Option<Chance> {
        let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
        labels.into_iter().for_each(|label| *counts.entry(label).or_default() += 1);
        let records: usize = counts.values().sum();
        let most = counts.values().max()?;
        Some(Chance { share: *most as f64 / records as f64, records })
    }

    /// Whether accuracy fell from above chance to what chance cannot be told from (95 %, one-sided).
    pub fn fell_to(&self, before: f64, after: f64) -> bool {
        let se = (self.share * (1.0 - self.share) / self.records as f64).sqrt();
        let bound = self.share + Z * se;
        before > bound && after <= bound
    }
}
