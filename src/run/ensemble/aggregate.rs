//! How what members say becomes one answer.

use crate::run::config::Aggregate;

/// Probabilities of several members added up, record by record.
pub(super) struct Sum {
    how: Aggregate,
    classes: usize,
    /// [records, classes] for each list of records.
    lists: Vec<Vec<f64>>,
    whole: f64,
}

impl Sum {
    pub fn new(how: Aggregate, classes: usize) -> Sum {
        Sum { how, classes, lists: Vec::new(), whole: 0.0 }
    }

    /// Adds what a member says: logits [records, classes] of each list.
    pub fn add(&mut self, weight: f64, said: &[Vec<f32>]) {
        self.whole += weight;
        self.lists.resize_with(said.len(), Vec::new);
        for (sum, said) in self.lists.iter_mut().zip(said) {
            sum.resize(said.len(), 0.0);
            let rows = sum.chunks_exact_mut(self.classes).zip(said.chunks_exact(self.classes));
            rows.for_each(|(sum, row)| add(self.how, weight, row, sum));
        }
    }

    /// Logarithms of the probabilities of all together.
    pub fn logits(mut self) -> Vec<Vec<f32>> {
        if self.how == Aggregate::Vote {
            // One more vote, spread over all classes, so that none has probability 0.
            let classes = self.classes as f64;
            self.lists.iter_mut().flatten().for_each(|votes| *votes += 1.0 / classes);
            self.whole += 1.0;
        }
        let log = |sum: f64| (sum / self.whole).max(f64::from(f32::MIN_POSITIVE)).ln() as f32;
        self.lists.into_iter().map(|sum| sum.into_iter().map(log).collect()).collect()
    }
}

/// Adds what a member says of a record.
fn add(how: Aggregate, weight: f64, row: &[f32], sum: &mut [f64]) {
    if how == Aggregate::Vote {
        let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let first = row.iter().position(|v| *v == top).unwrap_or(0);
        sum[first] += 1.0;
        return;
    }
    sum.iter_mut().zip(probabilities(row)).for_each(|(sum, p)| *sum += weight * p);
}

/// The softmax of a record's logits.
pub(super) fn probabilities(row: &[f32]) -> impl Iterator<Item = f64> + '_ {
    let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let each = move || row.iter().map(move |v| f64::from(*v - top).exp());
    let all: f64 = each().sum();
    each().map(move |e| e / all)
}
