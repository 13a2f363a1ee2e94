//! Shapes of a normalisation.

use super::rows::Elements;
use crate::engine::Arguments;
use crate::error::Extent;

/// Shapes of one normalisation: x [n, c, p], `groups` groups of c / groups neighbouring channels; variance is biased
/// and `eps` is added to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormShape {
    /// Records.
    pub n: usize,
    /// Channels.
    pub c: usize,
    /// Positions of a channel: height times width; 1 for layer normalisation over the last dimension.
    pub p: usize,
    /// Groups of channels that are normalised together; divides `c`.
    pub groups: usize,
    /// Added to the variance.
    pub eps: f32,
    /// The mean is taken off; without, rows are divided by their root mean square.
    pub centred: bool,
}

impl NormShape {
    /// Elements of x.
    pub fn elements(&self) -> usize {
        self.n * self.c * self.p
    }

    /// Rows that are normalised: one per sample and group.
    pub fn rows(&self) -> usize {
        self.n * self.groups
    }

    /// Elements of the buffer of (mean, rstd) pairs.
    pub fn stats(&self) -> usize {
        2 * self.rows()
    }

    /// Channels of a group; the record functions refuse groups of unequal size first.
    pub(super) fn per(&self) -> usize {
        self.c.checked_div(self.groups).unwrap_or(0)
    }

    pub(super) fn dims(&self) -> [usize; 3] {
        [self.n, self.c, self.p]
    }

    /// Adds to a record function's checks that the shape can be normalised.
    pub(super) fn fits<'r>(&self, checks: Arguments<'r>) -> Arguments<'r> {
        let NormShape { c, groups, .. } = *self;
        let equal = groups > 0 && c.is_multiple_of(groups);
        let elements = Extent::exactly(&self.dims()).elements();
        checks
            .holds(equal, || format!("{c} channels in {groups} groups: the groups must be of equal size"))
            .holds(elements.is_some_and(|n| n < 1 << 31), || "a normalisation of 2^31 elements or more".to_owned())
    }

    pub(super) fn elementwise(&self) -> Elements {
        Elements { len: self.elements() as u32, c: self.c as u32, p: self.p as u32, per: self.per() as u32 }
    }
}
