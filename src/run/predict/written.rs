//! Predictions as a table or an archive.

use std::fmt::Write as _;
use std::path::Path;

use super::{Predictions, check_ending};
use crate::base::write_atomic;
use crate::data::{ArrayColumn, Id, npz};
use crate::error::Result;

impl Predictions {
    /// Writes a table (`.csv`) or a NumPy archive (`.npz`), by the name's ending.
    ///
    /// # Errors
    /// Another ending; a file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        match check_ending(path)? {
            "csv" => write_atomic(path, self.csv().as_bytes()),
            _ => write_atomic(path, &self.npz()?),
        }
    }

    fn csv(&self) -> String {
        if self.fit.is_some() {
            return self.csv_of_targets();
        }
        let columns =
            |kind: &str| self.classes.iter().map(|name| quoted(&format!("{kind}_{name}"))).collect::<Vec<_>>();
        let mut head = vec!["id".to_owned()];
        head.extend((!self.parts.is_empty()).then(|| "split".to_owned()));
        head.extend((!self.labels.is_empty()).then(|| "label".to_owned()));
        head.push("predicted".into());
        head.extend(columns("probability").into_iter().chain(columns("logit")));
        let mut text = head.join(",") + "\n";
        let (probabilities, predicted) = (self.probabilities(), self.predicted());
        let width = self.classes.len();
        for (at, logits) in self.rows().enumerate() {
            text += &quoted(&word(&self.ids[at]));
            let part = self.parts.get(at).map(|part| part.name().to_owned());
            let label = self.labels.get(at).map(|label| quoted(&self.classes[*label as usize]));
            for cell in part.into_iter().chain(label).chain([quoted(&self.classes[predicted[at]])]) {
                let _ = write!(text, ",{cell}");
            }
            for value in probabilities[at * width..][..width].iter().chain(logits) {
                let _ = write!(text, ",{value}");
            }
            text.push('\n');
        }
        text
    }

    fn npz(&self) -> Result<Vec<u8>> {
        let shape = vec![self.ids.len(), self.classes.len()];
        if self.fit.is_some() {
            return self.npz_of_targets(shape);
        }
        let mut columns = vec![
            ("ids", self.id_column()),
            ("logits", ArrayColumn::Floats(shape.clone(), self.logits.clone())),
            ("probabilities", ArrayColumn::Floats(shape, self.probabilities())),
            ("predicted", ArrayColumn::Integers(self.predicted().into_iter().map(|class| class as i64).collect())),
            ("class_names", ArrayColumn::Texts(self.classes.clone())),
        ];
        if !self.labels.is_empty() {
            columns
                .push(("labels", ArrayColumn::Integers(self.labels.iter().map(|class| i64::from(*class)).collect())));
        }
        columns.extend(self.split_column());
        npz(&columns)
    }

    /// Ids as numbers, where all are.
    pub(super) fn id_column(&self) -> ArrayColumn {
        let number = |id: &Id| if let Id::Number(id) = id { i64::try_from(*id).ok() } else { None };
        let numbers: Option<Vec<i64>> = self.ids.iter().map(number).collect();
        numbers.map_or_else(|| ArrayColumn::Texts(self.ids.iter().map(word).collect()), ArrayColumn::Integers)
    }

    pub(super) fn split_column(&self) -> Option<(&'static str, ArrayColumn)> {
        let names = self.parts.iter().map(|part| part.name().to_owned()).collect();
        (!self.parts.is_empty()).then_some(("splits", ArrayColumn::Texts(names)))
    }
}

pub(super) fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

/// An id as a cell: what a request takes.
pub(super) fn word(id: &Id) -> String {
    id.text().unwrap_or_else(|| id.to_string())
}
