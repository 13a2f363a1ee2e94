//! Classes in the place of the true ones.

use crate::engine::{Buf, Recording};
use crate::kernels::map;

/// Classes that stand in for those of [`super::Part::Before`].
pub(crate) struct Drawn {
    /// Of each record.
    pub host: Vec<u32>,
    pub table: Buf<u32>,
}

impl Drawn {
    /// Records the classes [n] of the records `idx` [n].
    pub fn gather(&self, rec: &mut Recording, idx: Buf<u32>) -> Buf<u32> {
        let labels = rec.temp("labels", idx.len);
        map::gather_words(rec, self.table, idx, labels);
        labels
    }
}
