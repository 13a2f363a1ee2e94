//! What an adapter can do at most: memory, multiply-adds, workgroup memory. `unlearn bench peaks` times these kernels;
//! the roofs that other kernels are held to come from them. No network records one.

mod cases;
mod twin;

pub use cases::{asked, cases, random};

use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent};
use crate::params;

params! {
    /// Weight of b.
    pub struct Triad { s: f32 }
}

params! {
    /// Turns of 16 steps v ← v slope + offset.
    pub struct Chains { turns: u32, slope: f32, offset: f32 }
}

params! {
    /// Threads, and turns of four loads each.
    pub struct Walk { n: u32, turns: u32 }
}

/// `y = x`.
pub static COPY: Kernel = Kernel {
    name: "peak.copy",
    source: include_str!("../../shaders/peak/copy.wgsl"),
    params: &[],
    twin: twin::copy,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[0]]),
    variant_of: None,
};

/// `y = a + s b`.
pub static TRIAD: Kernel = Kernel {
    name: "peak.triad",
    source: include_str!("../../shaders/peak/triad.wgsl"),
    params: Triad::FIELDS,
    twin: twin::triad,
    tangent: Tangent::Linear(&[&[0, 1]]),
    ..COPY
};

/// Chains of multiply-adds.
pub static FMA: Kernel = Kernel {
    name: "peak.fma",
    source: include_str!("../../shaders/peak/fma.wgsl"),
    params: Chains::FIELDS,
    twin: twin::fma,
    tangent: Tangent::Missing,
    ..COPY
};

/// Walks through workgroup memory.
pub static SHARED: Kernel = Kernel {
    name: "peak.shared",
    source: include_str!("../../shaders/peak/shared.wgsl"),
    params: Walk::FIELDS,
    twin: twin::shared,
    ..COPY
};

/// The family's kernels.
pub static KERNELS: &[&Kernel] = &[&COPY, &TRIAD, &FMA, &SHARED];

/// Chains of one thread of [`FMA`].
pub const CHAINS: usize = 32;

/// Steps of a turn of [`FMA`].
pub const STEPS: usize = 16;

/// Elements of the tile of [`SHARED`].
pub const TILE: usize = 1024;

/// Loads of one turn of [`SHARED`], 16 bytes each.
const LOADS: usize = 4;

/// A chain ends near 1 wherever it starts.
const SLOPE: f32 = 0.75;
const OFFSET: f32 = 0.25;

/// Records `y = x`; equal lengths, different buffers.
pub fn copy(rec: &mut Recording, x: Buf<f32>, y: Buf<f32>) {
    if rec.arguments("peak.copy").shape("x", x, &[y.len]).wrong() {
        return;
    }
    rec.dispatch(&COPY).read(x).write(y).work(0, 8 * y.len as u64).threads(y.len.div_ceil(4));
}

/// Records `y = a + s b`; equal lengths.
pub fn triad(rec: &mut Recording, a: Buf<f32>, b: Buf<f32>, s: f32, y: Buf<f32>) {
    if rec.arguments("peak.triad").shape("a", a, &[y.len]).shape("b", b, &[y.len]).wrong() {
        return;
    }
    let n = y.len as u64;
    let pass = rec.dispatch(&TRIAD).params(Triad { s }).read(a).read(b).write(y);
    pass.work(2 * n, 12 * n).threads(y.len.div_ceil(4));
}

/// Records for each element of `x` [`CHAINS`] chains of `turns` · [`STEPS`] steps and their sum into `y`; `fused` asks
/// for `fma`, where adapters may be slower without one of their own.
pub fn fma(rec: &mut Recording, x: Buf<f32>, y: Buf<f32>, turns: usize, fused: bool) {
    if rec.arguments("peak.fma").shape("x", x, &[y.len]).wrong() {
        return;
    }
    let chains = Chains { turns: turns as u32, slope: SLOPE, offset: OFFSET };
    let flops = 2 * (y.len * CHAINS * STEPS * turns) as u64;
    let pass = rec.dispatch(&FMA).set("FUSED", u8::from(fused)).params(chains).read(x).write(y);
    pass.turns(5 * turns).work(flops, 8 * y.len as u64).threads(y.len);
}

/// Records `turns` turns of four loads from workgroup memory for each element of `y`; `x` [[`TILE`]] fills it.
pub fn shared(rec: &mut Recording, x: Buf<f32>, y: Buf<f32>, turns: usize) {
    if rec.arguments("peak.shared").shape("x", x, &[TILE]).wrong() {
        return;
    }
    let loads = (y.len * turns * LOADS) as u64;
    let pass = rec.dispatch(&SHARED).params(Walk { n: y.len as u32, turns: turns as u32 }).read(x).write(y);
    pass.turns(turns + TILE / 4).work(4 * loads, 16 * loads).threads(y.len);
}
