//! Rows of the `attention` family and their parameters.

use super::{places, tangent, twin, within};
use crate::engine::{Fields, Kernel, Params, Requires, Tangent, Twin};
use crate::params;

params! {
    /// A tensor [rows, heads, width]; where a slot may be a piece of a row (see [`super::Edges`]), rows counts slots.
    pub struct Shape { rows: u32, heads: u32, width: u32 }
}

params! {
    /// As [`Shape`], for the kernels whose first axis is slots.
    pub struct Slots { slots: u32, heads: u32, width: u32 }
}

params! {
    /// Slots of a structure, heads, and the slope of the leaky relu left of 0.
    pub struct Soft { slots: u32, heads: u32, slope: f32 }
}

params! {
    /// Slots and heads.
    pub struct Sums { slots: u32, heads: u32 }
}

params! {
    /// Edges.
    pub struct Count { edges: u32 }
}

params! {
    /// Rows cut at every multiple of `chunk` edges.
    pub struct Pieces { rows: u32, chunk: u32, slots: u32 }
}

params! {
    /// Pieces to rows of `cols` numbers.
    pub struct Merge { rows: u32, cols: u32, chunk: u32 }
}

params! {
    /// Pieces to rows of `heads` pairs.
    pub struct SoftMerge { rows: u32, heads: u32, chunk: u32 }
}

const fn row(name: &'static str, source: &'static str, params: Fields, twin: Twin, tangent: Tangent) -> Kernel {
    Kernel { name, source, params, twin, requires: Requires::Nothing, tangent, variant_of: None }
}

/// Rows cut into pieces.
pub static PIECES: Kernel = row(
    "attention.pieces",
    include_str!("../../../shaders/attention/pieces.wgsl"),
    Pieces::FIELDS,
    twin::pieces,
    Tangent::Constant,
);

/// The number of each edge.
pub static PLACES: Kernel = row(
    "attention.places",
    include_str!("../../../shaders/attention/places.wgsl"),
    Count::FIELDS,
    twin::places,
    Tangent::Constant,
);

/// Sums of pieces to sums of rows.
pub static MERGE: Kernel = row(
    "attention.merge",
    include_str!("../../../shaders/attention/merge.wgsl"),
    Merge::FIELDS,
    twin::merge,
    Tangent::Linear(&[&[1]]),
);

/// Each head's score of a node.
pub static SCORES: Kernel = row(
    "attention.scores",
    include_str!("../../../shaders/attention/scores.wgsl"),
    Shape::FIELDS,
    twin::scores,
    Tangent::Linear(&[&[0], &[1]]),
);

/// Gradient of the scores to z.
pub static SCORES_BWD: Kernel = row(
    "attention.scores_bwd",
    include_str!("../../../shaders/attention/scores_bwd.wgsl"),
    Shape::FIELDS,
    twin::scores_bwd,
    Tangent::Linear(&[&[0, 2], &[1, 3]]),
);

/// z scaled by a number per head.
pub static SCALE: Kernel = row(
    "attention.scale",
    include_str!("../../../shaders/attention/scale.wgsl"),
    Shape::FIELDS,
    twin::scale,
    Tangent::Linear(&[&[0], &[1]]),
);

/// Average over heads.
pub static MEAN: Kernel = row(
    "attention.mean",
    include_str!("../../../shaders/attention/mean.wgsl"),
    Shape::FIELDS,
    twin::mean,
    Tangent::Linear(&[&[0]]),
);

/// Gradient of the average over heads.
pub static MEAN_BWD: Kernel = row(
    "attention.mean_bwd",
    include_str!("../../../shaders/attention/mean_bwd.wgsl"),
    Shape::FIELDS,
    twin::mean_bwd,
    Tangent::Linear(&[&[0]]),
);

/// Softmax over the edges of a row.
pub static SOFTMAX: Kernel = row(
    "attention.softmax",
    include_str!("../../../shaders/attention/softmax.wgsl"),
    Soft::FIELDS,
    twin::softmax,
    Tangent::Rule(tangent::softmax),
);

/// Maximum and sum of exponentials over a piece.
pub static SOFTMAX_PIECE: Kernel = row(
    "attention.softmax_piece",
    include_str!("../../../shaders/attention/softmax_piece.wgsl"),
    Soft::FIELDS,
    twin::softmax_piece,
    Tangent::Constant,
);

/// Those of pieces to those of rows.
pub static SOFTMAX_MERGE: Kernel = row(
    "attention.softmax_merge",
    include_str!("../../../shaders/attention/softmax_merge.wgsl"),
    SoftMerge::FIELDS,
    twin::softmax_merge,
    Tangent::Constant,
);

/// Softmax and leaky relu backward.
pub static SOFTMAX_BWD: Kernel = row(
    "attention.softmax_bwd",
    include_str!("../../../shaders/attention/softmax_bwd.wgsl"),
    Soft::FIELDS,
    twin::softmax_bwd,
    Tangent::Before(tangent::softmax_bwd),
);

/// Sums over the edges of a slot, of numbers or of products.
pub static SUMS: Kernel = row(
    "attention.sums",
    include_str!("../../../shaders/attention/sums.wgsl"),
    Sums::FIELDS,
    twin::sums,
    Tangent::Rule(tangent::sums),
);

/// Weighted sum over the edges of a slot.
pub static ATTEND: Kernel = row(
    "attention.attend",
    include_str!("../../../shaders/attention/attend.wgsl"),
    Slots::FIELDS,
    twin::attend,
    Tangent::Linear(&[&[3], &[4]]),
);

/// Gradient of the weights.
pub static ATTEND_BWD: Kernel = row(
    "attention.attend_bwd",
    include_str!("../../../shaders/attention/attend_bwd.wgsl"),
    Slots::FIELDS,
    twin::attend_bwd,
    Tangent::Linear(&[&[2], &[3]]),
);

/// The family's kernels.
pub static KERNELS: &[&Kernel] = &[
    &PIECES,
    &PLACES,
    &MERGE,
    &SCORES,
    &SCORES_BWD,
    &SCALE,
    &MEAN,
    &MEAN_BWD,
    &SOFTMAX,
    &SOFTMAX_PIECE,
    &SOFTMAX_MERGE,
    &SOFTMAX_BWD,
    &SUMS,
    &ATTEND,
    &ATTEND_BWD,
    &tangent::SPREAD,
    &tangent::LEAK,
    &tangent::CENTRE,
    &within::WITHIN,
    &within::WITHIN_BWD_Q,
    &within::WITHIN_BWD_KV,
    &within::WITHIN_BROADCAST,
    &within::WITHIN_BWD_Q_BROADCAST,
    &within::WITHIN_BWD_KV_BROADCAST,
    &within::WITHIN_WEIGHTS,
    &within::WITHIN_EDGES,
    &places::ROTATE,
    &places::POSITIONS,
    &places::ALIGNED,
];
