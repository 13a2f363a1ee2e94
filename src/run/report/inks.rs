//! Which row has which colour and stroke, the same in every picture of an experiment.

use super::charts::{Ink, ORIGINAL, RETRAIN};
use crate::run::results::{Row, RowKind};

/// Each row with its ink: original, retrains, then the methods in their order.
pub(super) fn inks<'a>(rows: &[&'a Row]) -> Vec<(&'a Row, Ink)> {
    let mut methods = 0;
    rows.iter()
        .map(|&row| match row.row {
            RowKind::Original => (row, Ink::solid(ORIGINAL)),
            RowKind::Retrain => (row, Ink::solid(RETRAIN)),
            RowKind::AnotherRetrain => (row, Ink::dashed(RETRAIN)),
            RowKind::Method => {
                methods += 1;
                (row, Ink::method(methods - 1))
            }
        })
        .collect()
}
