//! Rows of the `norm` family and their parameters.

use super::tangent::{self, APPLY_TANGENT, CHANNEL_TANGENT, DX_TANGENT, MERGE_TANGENT, STATS_TANGENT};
use super::twin;
use crate::engine::{Kernel, Params, Requires, Tangent};
use crate::params;

params! {
    /// Rows of one statistic: `rows` rows of `len` elements dealt to `lanes` threads each.
    pub struct Rows { rows: u32, len: u32, lanes: u32, eps: f32 }
}

params! {
    /// An elementwise pass: `len` elements, `c` channels of `p` positions, `per` channels in a group.
    pub struct Elements { len: u32, c: u32, p: u32, per: u32 }
}

params! {
    /// Sums over the positions of each (sample, channel).
    pub struct Planes { planes: u32, p: u32, per: u32 }
}

params! {
    /// Sums over the channels of each (sample, group).
    pub struct Groups { rows: u32, groups: u32, per: u32, p: u32 }
}

params! {
    /// Per-sample parts [n, c] into a sink.
    pub struct Fold { n: u32, c: u32, stride: u32, block: u32, alpha: f32, beta: f32 }
}

/// Mean and spread of each row, or of the shares of a row.
pub static STATS: Kernel = Kernel {
    name: "norm.stats",
    source: include_str!("../../../shaders/norm/stats.wgsl"),
    params: Rows::FIELDS,
    twin: twin::stats,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::stats),
    variant_of: None,
};

/// Joins the shares of a row.
pub static MERGE: Kernel = Kernel {
    name: "norm.merge",
    source: include_str!("../../../shaders/norm/merge.wgsl"),
    params: Rows::FIELDS,
    twin: twin::merge,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::merge),
    variant_of: None,
};

/// Normalises, scales and shifts.
pub static APPLY: Kernel = Kernel {
    name: "norm.apply",
    source: include_str!("../../../shaders/norm/apply.wgsl"),
    params: Elements::FIELDS,
    twin: twin::apply,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::apply),
    variant_of: None,
};

/// Per-sample gradients of gamma and beta.
pub static CHANNEL: Kernel = Kernel {
    name: "norm.channel",
    source: include_str!("../../../shaders/norm/channel.wgsl"),
    params: Planes::FIELDS,
    twin: twin::channel,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::channel),
    variant_of: None,
};

/// The two means per row that the input gradient needs.
pub static ROW: Kernel = Kernel {
    name: "norm.row",
    source: include_str!("../../../shaders/norm/row.wgsl"),
    params: Groups::FIELDS,
    twin: twin::row,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[0], &[1, 2]]),
    variant_of: None,
};

/// The input gradient.
pub static DX: Kernel = Kernel {
    name: "norm.dx",
    source: include_str!("../../../shaders/norm/dx.wgsl"),
    params: Elements::FIELDS,
    twin: twin::dx,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::dx),
    variant_of: None,
};

/// Per-sample gradients into a sink.
pub static FOLD: Kernel = Kernel {
    name: "norm.fold",
    source: include_str!("../../../shaders/norm/fold.wgsl"),
    params: Fold::FIELDS,
    twin: twin::fold,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::fold),
    variant_of: None,
};

/// The family's kernels.
pub static KERNELS: &[&Kernel] = &[
    &STATS,
    &MERGE,
    &APPLY,
    &CHANNEL,
    &ROW,
    &DX,
    &FOLD,
    &STATS_TANGENT,
    &MERGE_TANGENT,
    &APPLY_TANGENT,
    &CHANNEL_TANGENT,
    &DX_TANGENT,
];
