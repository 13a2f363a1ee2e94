//! Texts that go on: a pass over the next token of each alone, for which layers keep what they made of the tokens
//! before it. Every kernel is one that a pass over whole texts has.

use crate::engine::Buf;
use crate::kernels::attention::Sequences;

/// The tokens of a pass, and what is kept of those before them.
#[derive(Clone, Copy, Debug)]
pub struct Continued {
    /// Where each text's new token lies among all rows that there is room for, \[texts\].
    pub rows: Buf<u32>,
    /// Its place in its text, \[texts\].
    pub places: Buf<u32>,
    /// The rows of all texts, as long as they may become: a multiple of 64 rows in all.
    pub all: Sequences,
    /// What layers keep, one behind the other: [`super::Model::keeps`] numbers for each of these rows.
    pub kept: Buf<f32>,
    /// Numbers that layers before this one keep.
    pub used: usize,
}

impl Continued {
    /// Rows that there is room for.
    pub(super) fn room(&self) -> usize {
        self.all.of.len
    }
}
