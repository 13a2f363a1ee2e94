//! In which order the forms of a kernel add up.

use crate::engine::Precision;

/// The order in which the terms of one element are added. Forms of one order are a group: choosing among them by
/// adapter, by shape or by measurement leaves results as they are, but for multiply-adds that a compiler fuses. Where
/// results must repeat, a tuner stays within the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// As the plain form adds them, one after another.
    Plain,
    /// One after another, the taps of a channel together; the plain forms of a convolution take a tap's channels
    /// together.
    ByChannel,
    /// Each record by itself, then the records' sums one after another. Of one record alone it is [`Order::Plain`].
    BySample,
    /// Every lane of a workgroup its own, then a tree over the lanes.
    Lanes,
    /// So many in a row at a time, then these sums one after another; how many is a function of the shape alone.
    Slices(usize),
    /// So many in a matrix unit at a time, of operands in this precision, then these sums one after another.
    Units(usize, Precision),
}
