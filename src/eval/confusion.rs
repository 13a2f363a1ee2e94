//! Which class is taken for which.

use serde::{Deserialize, Serialize};

use super::Outputs;
use super::accuracy::argmax;

/// Classes of a matrix at most: a larger one is read by nobody.
pub const MOST_CLASSES: usize = 20;

/// How many records of each class are predicted as which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Confusion {
    /// Rows and columns.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "classes")))]
    pub classes: usize,
    /// Row-major, the true class across rows and the predicted one across columns.
    pub counts: Vec<u32>,
}

impl Confusion {
    /// Of a model's outputs; `None` where records have targets in place of a class, and for more than
    /// [`MOST_CLASSES`].
    pub fn of(outputs: &Outputs) -> Option<Confusion> {
        let classes = outputs.classes;
        if outputs.goals.is_some() || outputs.is_empty() || classes > MOST_CLASSES {
            return None;
        }
        let mut counts = vec![0; classes * classes];
        for (logits, label) in outputs.rows() {
            counts[label as usize * classes + argmax(logits)] += 1;
        }
        Some(Confusion { classes, counts })
    }

    /// Records of `truth` that are predicted as `predicted`; 0 for a class that there is not.
    pub fn at(&self, truth: usize, predicted: usize) -> u32 {
        self.counts.get(truth * self.classes + predicted).copied().unwrap_or_default()
    }

    /// Records of a class.
    pub fn of_class(&self, truth: usize) -> u32 {
        (0..self.classes).map(|predicted| self.at(truth, predicted)).sum()
    }

    /// Share of a class's records that are predicted as it; `None` for a class without records.
    pub fn accuracy(&self, truth: usize) -> Option<f64> {
        let all = self.of_class(truth);
        (all > 0).then(|| f64::from(self.at(truth, truth)) / f64::from(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_true_classes_and_columns_predictions() {
        let (a, b) = ([2.0, 1.0, 0.0], [0.0, 0.0, 1.0]);
        let outputs = Outputs { logits: [a, b, b].concat(), labels: vec![0, 0, 2], classes: 3, goals: None };
        let found = Confusion::of(&outputs).unwrap();
        assert_eq!(found.counts, [1, 0, 1, 0, 0, 0, 0, 0, 1]);
        assert_eq!((found.accuracy(0), found.accuracy(1), found.accuracy(2)), (Some(0.5), None, Some(1.0)));
        let many = Outputs { logits: vec![0.0; 21], labels: vec![0], classes: 21, goals: None };
        assert!(Confusion::of(&many).is_none());
    }
}
