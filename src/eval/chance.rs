//! What is worth nothing: the accuracy of always giving the most frequent class, or the same number for every record.

use std::collections::BTreeMap;

use super::{Goals, Outputs, Sort};

/// The most frequent class among some records.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chance {
    /// Its share of the records.
    pub share: f64,
    /// Number of records.
    pub records: usize,
    /// Records have targets in place of a class: what is compared is [`super::skill`], and `share` 0.
    pub targets: bool,
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
        Some(Chance { share: *most as f64 / records as f64, records, targets: false })
    }

    /// Of records with targets in place of a class: the same answer for each.
    pub fn of_targets(records: usize) -> Option<Chance> {
        (records > 0).then_some(Chance { share: 0.0, records, targets: true })
    }

    /// Of what some records should be, as evaluation has it.
    pub fn of_outputs(outputs: &Outputs) -> Option<Chance> {
        match &outputs.goals {
            None => Chance::of(outputs.labels.iter().copied()),
            Some(Goals { sort: Sort::Tokens { common }, .. }) => Chance::of_texts(*common, outputs.len()),
            Some(_) => Chance::of_targets(outputs.len()),
        }
    }

    /// Of texts, by the share of their commonest token.
    pub fn of_texts(common: f64, records: usize) -> Option<Chance> {
        (records > 0).then_some(Chance { share: common, records, targets: false })
    }

    /// Whether accuracy fell from above chance to what chance cannot be told from (95 %, one-sided).
    pub fn fell_to(&self, before: f64, after: f64) -> bool {
        let se = (self.share * (1.0 - self.share) / self.records as f64).sqrt();
        let bound = self.share + Z * se;
        before > bound && after <= bound
    }
}
