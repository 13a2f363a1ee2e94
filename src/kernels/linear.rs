//! Dense products: `y = f(alpha A B + bias + beta y)` with A and B given by strides (NN, NT, TN alike), one or many.

mod cases;
mod choice;
mod launch;
mod outer;
mod precise;
mod proof;
mod quads;
mod slices;
mod tangent;
mod twin;
mod view;

pub use cases::{asked, cases, random};
pub use choice::{Plan, choose, order, plan};
pub use launch::{Batch, product, product_as, product_planned, products, products_as};
pub use outer::{choose_outer, outer, outer_as};
pub use precise::{MATMUL_MIXED8, MATMUL_MIXED16, MATMUL_SPLIT8, MATMUL_SPLIT16};
pub use proof::prove;
pub use quads::MATMUL_QUADS;
pub use view::Mat;

use crate::engine::{Kernel, Params, Requires, Tangent};
use crate::params;

params! {
    /// Shapes and strides of products; see `product_shape.wgsl`.
    pub struct Matmul {
        m: u32, n: u32, k: u32, a_m: u32, a_k: u32, b_k: u32, b_n: u32, alpha: f32, beta: f32,
        batch: u32, per: u32, a_z: u32, b_z: u32, y_z: u32,
    }
}

params! {
    /// part [slices, len], y [len] in rows of n.
    pub struct Slices { len: u32, n: u32, slices: u32, alpha: f32, beta: f32 }
}

/// One thread per output: the readable reference.
pub static MATMUL: Kernel = Kernel {
    name: "linear.matmul",
    source: include_str!("../../shaders/linear/matmul.wgsl"),
    params: Matmul::FIELDS,
    twin: twin::matmul,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::matmul),
    variant_of: None,
};

/// 16 x 2 per lane with subgroup broadcasts, no barrier: for software adapters.
pub static MATMUL_BROADCAST: Kernel = Kernel {
    name: "linear.matmul_broadcast",
    source: include_str!("../../shaders/linear/matmul_broadcast.wgsl"),
    requires: Requires::Subgroup8,
    variant_of: Some(&MATMUL),
    ..MATMUL
};

/// 128 x 128 through workgroup memory, 8 x 8 an invocation: for GPUs and large results.
pub static MATMUL_LARGE: Kernel = Kernel {
    name: "linear.matmul_large",
    source: include_str!("../../shaders/linear/matmul_large.wgsl"),
    variant_of: Some(&MATMUL),
    ..MATMUL
};

/// 128 x 64 through workgroup memory, 8 x 8 an invocation.
pub static MATMUL_MEDIUM: Kernel = Kernel {
    name: "linear.matmul_medium",
    source: include_str!("../../shaders/linear/matmul_medium.wgsl"),
    variant_of: Some(&MATMUL),
    ..MATMUL
};

/// 64 x 64 through workgroup memory, 4 x 4 an invocation.
pub static MATMUL_TILED: Kernel = Kernel {
    name: "linear.matmul_tiled",
    source: include_str!("../../shaders/linear/matmul_tiled.wgsl"),
    variant_of: Some(&MATMUL),
    ..MATMUL
};

/// 32 x 32 through workgroup memory, 4 x 4 an invocation.
pub static MATMUL_SMALL: Kernel = Kernel {
    name: "linear.matmul_small",
    source: include_str!("../../shaders/linear/matmul_small.wgsl"),
    variant_of: Some(&MATMUL),
    ..MATMUL
};

/// 4 x 4 a workgroup, whose invocations share the terms: for GPUs, few rows or columns, and long sums.
pub static MATMUL_SKINNY: Kernel = Kernel {
    name: "linear.matmul_skinny",
    source: include_str!("../../shaders/linear/matmul_skinny.wgsl"),
    variant_of: Some(&MATMUL),
    ..MATMUL
};

/// 8 x 4 per invocation, no barrier and no subgroup: for software adapters without subgroups of 8.
pub static MATMUL_BLOCKED: Kernel = Kernel {
    name: "linear.matmul_blocked",
    source: include_str!("../../shaders/linear/matmul_blocked.wgsl"),
    variant_of: Some(&MATMUL),
    ..MATMUL
};

/// All forms of the product.
pub static VARIANTS: &[&Kernel] = &[
    &MATMUL,
    &MATMUL_LARGE,
    &MATMUL_MEDIUM,
    &MATMUL_TILED,
    &MATMUL_SMALL,
    &MATMUL_SKINNY,
    &MATMUL_BLOCKED,
    &MATMUL_BROADCAST,
    &MATMUL_QUADS,
    &MATMUL_MIXED8,
    &MATMUL_MIXED16,
    &MATMUL_SPLIT8,
    &MATMUL_SPLIT16,
];

/// The family's kernels.
pub static KERNELS: &[&Kernel] = &[
    &MATMUL,
    &MATMUL_LARGE,
    &MATMUL_MEDIUM,
    &MATMUL_TILED,
    &MATMUL_SMALL,
    &MATMUL_SKINNY,
    &MATMUL_BLOCKED,
    &MATMUL_BROADCAST,
    &MATMUL_QUADS,
    &MATMUL_MIXED8,
    &MATMUL_MIXED16,
    &MATMUL_SPLIT8,
    &MATMUL_SPLIT16,
    &slices::SUM_SLICES,
    &outer::OUTER,
    &outer::OUTER_WIDE,
];

/// What is done with the product.
#[derive(Clone, Copy, Debug)]
pub struct Product {
    /// Factor on the product.
    pub alpha: f32,
    /// 0 overwrites y, 1 accumulates into it.
    pub beta: f32,
    /// Add `bias[n]`.
    pub bias: bool,
    /// Square both operands first.
    pub square: bool,
    /// What becomes of the sum before it is stored.
    pub then: Then,
}

/// The end of a product, in the pass that stores it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// It is stored.
    #[default]
    Store,
    /// Negative numbers become 0.
    Relu,
    /// It is kept where the buffer that is bound as bias, [m, n] then, is above 0, and is 0 elsewhere: the way back
    /// through the relu that gave those numbers. There is no bias.
    Slope,
}

impl Default for Product {
    fn default() -> Self {
        Product { alpha: 1.0, beta: 0.0, bias: false, square: false, then: Then::Store }
    }
}
