//! Predictions of records that have targets in the place of a class, as a table and as arrays.

use std::fmt::Write as _;

use super::Predictions;
use super::written::{quoted, word};
use crate::data::{ArrayColumn, TargetKind, npz};
use crate::error::Result;

impl Predictions {
    /// Columns [records, targets] by the beginning of their names: of real targets what was to be predicted and what
    /// was, of several labels which a record has, which it is given (1 where the logit is positive), and how sure.
    fn columns_of_targets(&self) -> Vec<(&'static str, Vec<f64>)> {
        let wide = |numbers: &[f32]| numbers.iter().map(|v| f64::from(*v)).collect();
        let given = || self.logits.iter().map(|z| f64::from(u8::from(*z > 0.0))).collect();
        let known = (!self.targets.is_empty()).then(|| self.targets.clone());
        match self.kind() {
            TargetKind::MultiLabel => {
                let label = known.map(|known| ("label", known));
                let said = [
                    ("predicted", given()),
                    ("probability", wide(&self.probabilities())),
                    ("logit", wide(&self.logits)),
                ];
                label.into_iter().chain(said).collect()
            }
            _ => known.map(|known| ("target", known)).into_iter().chain([("predicted", self.values())]).collect(),
        }
    }

    pub(super) fn csv_of_targets(&self) -> String {
        let (columns, width) = (self.columns_of_targets(), self.classes.len());
        let mut head = vec!["id".to_owned()];
        head.extend((!self.parts.is_empty()).then(|| "split".to_owned()));
        for (kind, _) in &columns {
            head.extend(self.classes.iter().map(|name| quoted(&format!("{kind}_{name}"))));
        }
        let mut text = head.join(",") + "\n";
        for (at, id) in self.ids.iter().enumerate() {
            text += &quoted(&word(id));
            if let Some(part) = self.parts.get(at) {
                let _ = write!(text, ",{}", part.name());
            }
            for value in columns.iter().flat_map(|(_, values)| &values[at * width..][..width]) {
                let _ = write!(text, ",{value}");
            }
            text.push('\n');
        }
        text
    }

    pub(super) fn npz_of_targets(&self, shape: Vec<usize>) -> Result<Vec<u8>> {
        let mut columns = vec![("ids", self.id_column()), ("target_names", ArrayColumn::Texts(self.classes.clone()))];
        for (kind, values) in self.columns_of_targets() {
            let name = match kind {
                "label" => "labels",
                "target" => "targets",
                "probability" => "probabilities",
                "logit" => "logits",
                other => other,
            };
            columns.push((name, ArrayColumn::Floats(shape.clone(), values.iter().map(|v| *v as f32).collect())));
        }
        columns.extend(self.split_column());
        npz(&columns)
    }
}
