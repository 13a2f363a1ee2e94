//! The first layers of a network by themselves: what they make of rows, and which parameters are theirs.

use std::ops::Range;

use super::super::pass::Mode;
use super::{Batch, Model, Tape, Values};
use crate::engine::{Buf, Recording};
use crate::error::Result;

impl Model {
    /// Records the first `count` layers alone; the tape's logits are what the last of them makes, [rows, width], and
    /// [`Model::backward`] goes back from there: layers behind them have no gradient.
    ///
    /// # Errors
    /// Those of [`Model::forward`].
    pub fn forward_first(
        &self,
        rec: &mut Recording,
        values: impl Into<Values>,
        batch: &Batch,
        (mode, step): (Mode, Option<Buf<u32>>),
        count: usize,
    ) -> Result<Tape> {
        self.forward_through(rec, values.into(), batch, (mode, step), count, None)
    }

    /// Numbers that the first `count` layers make of a row.
    ///
    /// # Errors
    /// Those of the layers.
    pub fn width_after(&self, count: usize) -> Result<usize> {
        Ok(self.body.shapes(&self.input)?[count].iter().product())
    }

    /// Where the parameters of some of its layers lie in [`super::ParamLayout::total`] numbers.
    ///
    /// # Errors
    /// Those of the layers.
    pub fn places_of(&self, layers: Range<usize>) -> Result<Vec<Range<usize>>> {
        let shapes = self.body.shapes(&self.input)?;
        let mut places = Vec::new();
        for (layer, shape) in self.body.layers.iter().zip(&shapes).take(layers.end).skip(layers.start) {
            for spec in layer.params(shape)? {
                places.extend(self.layout.get(&spec.name).ok().map(|entry| entry.offset..entry.offset + entry.len));
            }
        }
        Ok(places)
    }
}
