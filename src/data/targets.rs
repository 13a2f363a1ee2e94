//! What is to be predicted of a record where it is not one class: numbers, or which of some labels the record has.

use serde::{Deserialize, Serialize};

/// The key `data.targets`: what is to be predicted of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// One of several classes.
    #[default]
    Class,
    /// One number or several: regression.
    Real,
    /// For each of several labels, whether the record has it: 1 or 0.
    MultiLabel,
    /// Each token of a text, by those before it; of the loader `text` alone.
    Text,
}

impl TargetKind {
    /// The word of configurations and files.
    pub fn name(self) -> &'static str {
        match self {
            TargetKind::Class => "class",
            TargetKind::Real => "real",
            TargetKind::MultiLabel => "multi_label",
            TargetKind::Text => "text",
        }
    }

    /// Records of this kind, in words.
    pub fn records(self) -> &'static str {
        match self {
            TargetKind::Class => "records with a class each",
            TargetKind::Real => "records with numbers to predict (data.targets = \"real\")",
            TargetKind::MultiLabel => "records with several labels (data.targets = \"multi_label\")",
            TargetKind::Text => "texts, of which each token is predicted (data.loader = \"text\")",
        }
    }

    /// Whether targets are numbers beside what a network is given: neither a class, nor the tokens of a text.
    pub(crate) fn is_beside(self) -> bool {
        matches!(self, TargetKind::Real | TargetKind::MultiLabel)
    }

    /// Why a number cannot be such a target; none where it can.
    pub(crate) fn refuses(self, value: f64) -> Option<&'static str> {
        match self {
            _ if !value.is_finite() => Some("is not a finite number"),
            TargetKind::MultiLabel if value != 0.0 && value != 1.0 => Some("is neither 0 nor 1, which labels are"),
            _ => None,
        }
    }
}

/// Targets of records, row-major [records, width].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetTable {
    /// Real, of several labels, or text, of which there is nothing here: its tokens are what a network is given.
    pub kind: TargetKind,
    /// Numbers of a record; of text, tokens of the vocabulary.
    pub width: usize,
    /// As a network is trained on them: in the units of the data, or standardised.
    pub values: Vec<f32>,
}

impl TargetTable {
    /// The same without a record.
    pub(super) fn emptied(self) -> TargetTable {
        TargetTable { values: Vec::new(), ..self }
    }

    /// The targets of a record; none of a text.
    pub fn row(&self, at: usize) -> &[f32] {
        if self.kind == TargetKind::Text {
            return &[];
        }
        &self.values[at * self.width..][..self.width]
    }

    /// Those of the records at `positions`, in that order.
    pub fn gather(&self, positions: &[u32]) -> TargetTable {
        let values = positions.iter().flat_map(|at| self.row(*at as usize)).copied().collect();
        TargetTable { kind: self.kind, width: self.width, values }
    }
}

/// How targets became what a network is trained on, `t' = (t − offset) / scale`; fitted on the training part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct TargetFit {
    /// Real or of several labels.
    pub kind: TargetKind,
    /// Mean of each target over the training records; empty: targets are as the data have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offset: Vec<f64>,
    /// Standard deviation (population) of each, 1 of one that is constant; as many as offsets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scale: Vec<f64>,
}

impl TargetFit {
    /// Targets that are trained on as the data have them.
    pub(crate) fn plain(kind: TargetKind) -> TargetFit {
        TargetFit { kind, ..TargetFit::default() }
    }

    /// Standardises `targets`, row-major and `width` a record, by those of the records at `places`.
    pub(crate) fn standard(kind: TargetKind, targets: &[f64], width: usize, places: &[u32]) -> TargetFit {
        let plain = TargetFit::plain(kind);
        if places.is_empty() {
            return plain;
        }
        let column = |c: usize| places.iter().map(move |at| targets[*at as usize * width + c]);
        let count = places.len() as f64;
        let offset: Vec<f64> = (0..width).map(|c| column(c).sum::<f64>() / count).collect();
        let deviation = |(c, mean): (usize, &f64)| {
            let variance = column(c).map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            // What is left of a constant is rounding.
            if variance.sqrt() > 1e-12 * mean.abs() { variance.sqrt() } else { 1.0 }
        };
        let scale = offset.iter().enumerate().map(deviation).collect();
        TargetFit { offset, scale, ..plain }
    }

    /// Targets as a network is trained on them, rounded last.
    pub(crate) fn apply(&self, values: Vec<f64>, width: usize) -> TargetTable {
        let scaled = |(at, value): (usize, f64)| match self.offset.get(at % width.max(1)) {
            Some(offset) => ((value - offset) / self.scale[at % width]) as f32,
            None => value as f32,
        };
        TargetTable { kind: self.kind, width, values: values.into_iter().enumerate().map(scaled).collect() }
    }

    /// Numbers of a network, or targets, in the units of the data; row-major, as wide as the fit.
    pub fn in_units(&self, values: &[f32]) -> Vec<f64> {
        let width = self.offset.len().max(1);
        let back = |(at, value): (usize, &f32)| match self.offset.get(at % width) {
            Some(offset) => f64::from(*value) * self.scale[at % width] + offset,
            None => f64::from(*value),
        };
        values.iter().enumerate().map(back).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standardised_targets_have_mean_0_and_deviation_1_and_come_back() {
        let targets = [1.0, 7.0, 3.0, 7.0, 5.0, 7.0, 1000.0, 7.0];
        // The last record is not fitted on.
        let fit = TargetFit::standard(TargetKind::Real, &targets, 2, &[0, 1, 2]);
        assert_eq!((fit.offset.as_slice(), fit.scale[1]), ([3.0, 7.0].as_slice(), 1.0));
        assert!((fit.scale[0] - (8.0f64 / 3.0).sqrt()).abs() < 1e-15);
        let table = fit.apply(targets.to_vec(), 2);
        assert_eq!(table.row(1), [0.0, 0.0]);
        let back = fit.in_units(&table.values);
        assert!(back.iter().zip(&targets).all(|(a, b)| (a - b).abs() <= 1e-4 * b.abs()), "{back:?}");
        assert_eq!(table.gather(&[2, 0]).values, [table.row(2), table.row(0)].concat());
        let plain = TargetFit::plain(TargetKind::Real);
        assert!(plain.offset.is_empty() && plain.in_units(&[2.5]) == [2.5]);
    }

    #[test]
    fn a_target_is_finite_and_a_label_is_0_or_1() {
        assert!(TargetKind::Real.refuses(0.5).is_none() && TargetKind::MultiLabel.refuses(1.0).is_none());
        assert!(TargetKind::Real.refuses(f64::NAN).is_some() && TargetKind::MultiLabel.refuses(0.5).is_some());
    }
}
