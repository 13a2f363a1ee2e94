//! What solvers of linear systems and eigenvalue problems do between two products with the matrix: inner products of
//! many vectors with one, sums of many vectors, and an iteration of conjugate gradients whose scalars never leave the
//! GPU.
//!
//! Vectors are whole flat vectors of a layout: their length is a multiple of 4, padding is 0 and stays 0. Sums go over
//! a number of parts that the length alone decides, then over the parts, always in one order.

mod cases;
mod twin;

pub use cases::{cases, random};

use super::reduce;
use crate::engine::{Arguments, Buf, Kernel, Params, Recording, Requires, Tangent};
use crate::params;

params! {
    /// `rows` rows of `quads` vec4s to `parts` sums each.
    pub struct Dots { rows: u32, quads: u32, parts: u32 }
}

params! {
    /// `rows` rows of `quads` vec4s; +1 adds, -1 subtracts.
    pub struct Combine { rows: u32, quads: u32, sign: f32 }
}

params! {
    /// `quads` vec4s to `parts` sums, and the shift of the matrix.
    pub struct Curvature { quads: u32, parts: u32, shift: f32 }
}

params! {
    /// `quads` vec4s to `parts` sums.
    pub struct Advance { quads: u32, parts: u32 }
}

params! {
    /// `quads` vec4s.
    pub struct Quads { quads: u32 }
}

/// Partial products of rows with a vector.
pub static DOTS: Kernel = Kernel {
    name: "krylov.dots",
    source: include_str!("../../shaders/krylov/dots.wgsl"),
    params: Dots::FIELDS,
    twin: twin::dots,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// A weighted sum of rows.
pub static COMBINE: Kernel = Kernel {
    name: "krylov.combine",
    source: include_str!("../../shaders/krylov/combine.wgsl"),
    params: Combine::FIELDS,
    twin: twin::combine,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// The shifted product, and partial sums of the curvature along the direction.
pub static CURVATURE: Kernel = Kernel {
    name: "krylov.curvature",
    source: include_str!("../../shaders/krylov/curvature.wgsl"),
    params: Curvature::FIELDS,
    twin: twin::curvature,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// How far an iteration goes.
pub static LENGTH: Kernel = Kernel {
    name: "krylov.length",
    source: include_str!("../../shaders/krylov/length.wgsl"),
    params: Quads::FIELDS,
    twin: twin::length,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Solution and residual after an iteration.
pub static ADVANCE: Kernel = Kernel {
    name: "krylov.advance",
    source: include_str!("../../shaders/krylov/advance.wgsl"),
    params: Advance::FIELDS,
    twin: twin::advance,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// How much of the old direction stays.
pub static TURN: Kernel = Kernel {
    name: "krylov.turn",
    source: include_str!("../../shaders/krylov/turn.wgsl"),
    params: Quads::FIELDS,
    twin: twin::turn,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// The next direction.
pub static DIRECTION: Kernel = Kernel {
    name: "krylov.direction",
    source: include_str!("../../shaders/krylov/direction.wgsl"),
    params: Quads::FIELDS,
    twin: twin::direction,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// The family's kernels.
pub static KERNELS: &[&Kernel] = &[&DOTS, &COMBINE, &CURVATURE, &LENGTH, &ADVANCE, &TURN, &DIRECTION];

/// Numbers that one partial sum takes, and the most partial sums that one thread adds up.
const SPAN: usize = 256;
const MOST_PARTS: usize = 1024;

/// Partial sums of a vector of `len`: whole vec4s of them.
fn parts(len: usize) -> usize {
    len.div_ceil(SPAN).next_multiple_of(4).min(MOST_PARTS)
}

/// Vectors are whole vec4s.
fn whole<'r>(checks: Arguments<'r>, vector: &str, buf: Buf<f32>) -> Arguments<'r> {
    checks.shape(vector, buf, &[buf.len / 4, 4])
}

/// Records `y[r] = x[r] · w` for the rows of `x` [y.len, w.len].
pub fn dots(rec: &mut Recording, x: Buf<f32>, w: Buf<f32>, y: Buf<f32>) {
    let (rows, quads, parts) = (y.len, w.len / 4, parts(w.len));
    if whole(rec.arguments("krylov.dots"), "w", w).shape("x", x, &[rows, w.len]).wrong() {
        return;
    }
    let part = rec.temp("partial products", rows * parts);
    rec.dispatch(&DOTS)
        .params(Dots { rows: rows as u32, quads: quads as u32, parts: parts as u32 })
        .read(x)
        .read(w)
        .write(part)
        .work(2 * x.len as u64, 4 * (x.len + w.len) as u64)
        .turns(quads.div_ceil(parts.max(1)))
        .threads(rows * parts);
    reduce::rows(rec, part, y);
}

/// Records `y += sign Σ_r c[r] x[r]` over the rows of `x` [c.len, y.len].
pub fn combine(rec: &mut Recording, x: Buf<f32>, c: Buf<f32>, y: Buf<f32>, sign: f32) {
    let (rows, quads) = (c.len, y.len / 4);
    if whole(rec.arguments("krylov.combine"), "y", y).shape("x", x, &[rows, y.len]).wrong() {
        return;
    }
    rec.dispatch(&COMBINE)
        .params(Combine { rows: rows as u32, quads: quads as u32, sign })
        .read(x)
        .read(c)
        .update(y)
        .work(2 * x.len as u64, 4 * (x.len + 2 * y.len) as u64)
        .turns(rows)
        .threads(quads);
}

/// Buffers of conjugate gradients on (H + shift I) x = b. Vectors of one length, scalars in buffers of their own.
#[derive(Clone, Copy, Debug)]
pub struct Cg {
    /// Solution, residual, direction, and H times the direction.
    pub x: Buf<f32>,
    /// Residual, \[n\].
    pub r: Buf<f32>,
    /// Direction, \[n\].
    pub d: Buf<f32>,
    /// Matrix times direction, \[n\].
    pub q: Buf<f32>,
    /// [‖r‖², the ‖r‖² to stop at, [`flag`], iterations].
    pub state: Buf<f32>,
    /// Step along the direction, a scalar.
    pub alpha: Buf<f32>,
    /// Share of the old direction in the new one, a scalar.
    pub beta: Buf<f32>,
}

/// What the third number of the state says.
pub mod flag {
    /// The iteration goes on.
    pub const RUNNING: f32 = 0.0;
    /// The residual is small enough.
    pub const GOAL: f32 = 1.0;
    /// dᵀ (H + shift I) d was not positive, or a number was not finite.
    pub const CURVATURE: f32 = 2.0;
}

impl Cg {
    /// Records what an iteration does once q = H d is there (Hestenes & Stiefel 1952). Once the flag of the state is up
    /// it does nothing, so that iterations may be submitted before anyone knows whether they are needed.
    pub fn iterate(&self, rec: &mut Recording, shift: f32) {
        let Cg { x, r, d, q, state, alpha, beta } = *self;
        let (n, quads, parts) = (x.len, x.len / 4, parts(x.len));
        let checks = whole(rec.arguments("krylov.iterate"), "x", x).shape("r", r, &[n]).shape("d", d, &[n]);
        let checks = checks.shape("q", q, &[n]).shape("state", state, &[4]);
        if checks.shape("alpha", alpha, &[1]).shape("beta", beta, &[1]).wrong() {
            return;
        }
        let (bytes, turns) = (4 * n as u64, quads.div_ceil(parts.max(1)));
        let part = rec.temp::<f32>("partial sums", parts);
        let scalars = Quads { quads: parts as u32 / 4 };
        let (quads, parts) = (quads as u32, parts as u32);
        let pass = rec.dispatch(&CURVATURE).params(Curvature { quads, parts, shift }).read(d).update(q).write(part);
        pass.work(4 * n as u64, 3 * bytes).turns(turns).threads(parts as usize);
        let pass = rec.dispatch(&LENGTH).params(scalars).read(part).update(state).write(alpha);
        pass.work(u64::from(parts), 4 * u64::from(parts)).turns(parts as usize / 4).threads(1);
        let pass = rec.dispatch(&ADVANCE).params(Advance { quads, parts }).read(d).read(q).read(alpha);
        let pass = pass.update(x).update(r).write(part);
        pass.work(6 * n as u64, 6 * bytes).turns(turns).threads(parts as usize);
        let pass = rec.dispatch(&TURN).params(scalars).read(part).update(state).write(beta);
        pass.work(u64::from(parts), 4 * u64::from(parts)).turns(parts as usize / 4).threads(1);
        let pass = rec.dispatch(&DIRECTION).params(Quads { quads }).read(r).read(beta).update(d);
        pass.work(2 * n as u64, 3 * bytes).threads(quads as usize);
    }
}
