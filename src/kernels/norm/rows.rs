//! Rows of the `norm` family and their parameters.

use super::tangent::{self, APPLY_TANGENT, CHANNEL_TANGENT, DX_TANGENT, MERGE_TANGENT, STATS_TANGENT};
use super::twin;
use crate::engine::{Fields, Kernel, Params, Requires, Tangent, Twin};
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

params! {
    /// Shares of the planes of x [n, c, len], `lanes` of each.
    pub struct Shares { n: u32, c: u32, len: u32, lanes: u32 }
}

params! {
    /// Statistics of channels, for `n` records.
    pub struct Spread { n: u32, c: u32, eps: f32 }
}

params! {
    /// Running statistics: where variances and the count of batches are in the state.
    pub struct Running { c: u32, spread: u32, batches: u32, momentum: f32, unbiased: f32 }
}

params! {
    /// Means of gradients, `share` = 1 / (n p).
    pub struct Means { n: u32, c: u32, share: f32 }
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

/// No derivative reaches these: statistics of records are taken with the running moments, which are constants.
const fn row(name: &'static str, source: &'static str, params: Fields, twin: Twin) -> Kernel {
    let (requires, tangent) = (Requires::Nothing, Tangent::Missing);
    Kernel { name, source, params, twin, requires, tangent, variant_of: None }
}

/// Joins the shares of a batch's planes.
pub static BATCH: Kernel =
    row("norm.batch", include_str!("../../../shaders/norm/batch.wgsl"), Shares::FIELDS, twin::batch);

/// Statistics of channels, for every record.
pub static SPREAD: Kernel =
    row("norm.spread", include_str!("../../../shaders/norm/spread.wgsl"), Spread::FIELDS, twin::spread);

/// Running statistics follow a batch's.
pub static RUNNING: Kernel =
    row("norm.running", include_str!("../../../shaders/norm/running.wgsl"), Running::FIELDS, twin::running);

/// The means that the input gradient of a batch takes off.
pub static BATCH_ROW: Kernel =
    row("norm.batch_row", include_str!("../../../shaders/norm/batch_row.wgsl"), Means::FIELDS, twin::batch_row);

/// The family's kernels.
pub static KERNELS: &[&Kernel] = &[
    &STATS,
    &MERGE,
    &APPLY,
    &CHANNEL,
    &ROW,
    &DX,
    &FOLD,
    &BATCH,
    &SPREAD,
    &RUNNING,
    &BATCH_ROW,
    &STATS_TANGENT,
    &MERGE_TANGENT,
    &APPLY_TANGENT,
    &CHANNEL_TANGENT,
    &DX_TANGENT,
];
