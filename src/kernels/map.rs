//! Elementwise work: activations and their derivatives, sums of tensors, gathers, dropout, noise.
//!
//! Every buffer is seen as vec4s, one thread each; lanes past the end of a range are padding that nobody reads.

mod augment;
mod cases;
mod columns;
mod curve;
mod random;
mod tangent;
mod twin;

pub use augment::{AUGMENT, Changes, augment};
pub use cases::{asked, cases, random};
pub use columns::{Block, columns};
pub use curve::{Curve, Numbers, Unary};
pub(in crate::kernels) use random::kept_scale;
pub use random::{
    DROPOUT, NORMAL, PHILOX, RELU_DROPOUT, RELU_DROPOUT_BWD, dropout, normal, relu_dropout, relu_dropout_bwd, words,
};
pub use tangent::{UNARY_BWD_TANGENT, unary_bwd_tangent};

use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent};
use crate::params;

params! {
    /// `y = alpha x + beta y`.
    pub struct Axpby { alpha: f32, beta: f32 }
}

params! {
    /// `y = value`.
    pub struct Fill { value: f32 }
}

params! {
    /// Shape [n, c, q] of the biased tensor.
    pub struct Bias { n: u32, c: u32, q: u32 }
}

params! {
    /// Rows `row0..row0 + rows` of a table `width` wide, and the number of indices.
    pub struct GatherRows { row0: u32, rows: u32, width: u32, batch: u32 }
}

params! {
    /// Number of indices.
    pub struct GatherWords { n: u32 }
}

/// `y = f(x)`.
pub static UNARY: Kernel = Kernel {
    name: "map.unary",
    source: include_str!("../../shaders/map/unary.wgsl"),
    params: Numbers::FIELDS,
    twin: twin::unary,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::unary),
    variant_of: None,
};

/// `dx = f'(x) dy`.
pub static UNARY_BWD: Kernel = Kernel {
    name: "map.unary_bwd",
    source: include_str!("../../shaders/map/unary_bwd.wgsl"),
    params: Numbers::FIELDS,
    twin: twin::unary_bwd,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::unary_bwd),
    variant_of: None,
};

/// `y = a op b`.
pub static BINARY: Kernel = Kernel {
    name: "map.binary",
    source: include_str!("../../shaders/map/binary.wgsl"),
    params: &[],
    twin: twin::binary,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::binary),
    variant_of: None,
};

/// `y = alpha x + beta y`.
pub static AXPBY: Kernel = Kernel {
    name: "map.axpby",
    source: include_str!("../../shaders/map/axpby.wgsl"),
    params: Axpby::FIELDS,
    twin: twin::axpby,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[0]]),
    variant_of: None,
};

/// `y = value`.
pub static FILL: Kernel = Kernel {
    name: "map.fill",
    source: include_str!("../../shaders/map/fill.wgsl"),
    params: Fill::FIELDS,
    twin: twin::fill,
    requires: Requires::Nothing,
    tangent: Tangent::Constant,
    variant_of: None,
};

/// `x[n,c,q] += b[c]`.
pub static BIAS: Kernel = Kernel {
    name: "map.bias",
    source: include_str!("../../shaders/map/bias.wgsl"),
    params: Bias::FIELDS,
    twin: twin::bias,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[0]]),
    variant_of: None,
};

/// Rows of one chunk of a table, by index.
pub static GATHER_ROWS: Kernel = Kernel {
    name: "map.gather_rows",
    source: include_str!("../../shaders/map/gather_rows.wgsl"),
    params: GatherRows::FIELDS,
    twin: twin::gather_rows,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[0]]),
    variant_of: None,
};

/// Words by index.
pub static GATHER_WORDS: Kernel = Kernel {
    name: "map.gather_words",
    source: include_str!("../../shaders/map/gather_words.wgsl"),
    params: GatherWords::FIELDS,
    twin: twin::gather_words,
    requires: Requires::Nothing,
    tangent: Tangent::Constant,
    variant_of: None,
};

/// The family's kernels.
pub static KERNELS: &[&Kernel] = &[
    &UNARY,
    &UNARY_BWD,
    &UNARY_BWD_TANGENT,
    &BINARY,
    &AXPBY,
    &FILL,
    &BIAS,
    &GATHER_ROWS,
    &GATHER_WORDS,
    &columns::COLUMNS,
    &DROPOUT,
    &RELU_DROPOUT,
    &RELU_DROPOUT_BWD,
    &PHILOX,
    &NORMAL,
    &AUGMENT,
];

/// Functions of two numbers. The discriminant is the shader's `OP`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binary {
    /// a + b.
    Add = 0,
    /// a − b.
    Sub = 1,
    /// a · b.
    Mul = 2,
}

impl Binary {
    /// Every one, in the order of their codes.
    pub const ALL: [Binary; 3] = [Binary::Add, Binary::Sub, Binary::Mul];
}

/// Vec4s that cover `len` elements: the threads of an elementwise kernel.
pub(super) fn quads(len: usize) -> usize {
    len.div_ceil(4)
}

/// Records `y = op(x)`; equal lengths, different buffers.
pub fn unary(rec: &mut Recording, op: impl Into<Curve>, x: Buf<f32>, y: Buf<f32>) {
    if rec.arguments("map.unary").shape("x", x, &[y.len]).wrong() {
        return;
    }
    let (n, curve) = (y.len as u64, op.into());
    let pass = rec.dispatch(&UNARY).set("OP", curve.op as u32).params(curve.numbers());
    pass.read(x).write(y).work(8 * n, 8 * n).threads(quads(y.len));
}

/// Records `dx = op'(x) dy` for `y = op(x)`. All four are bound whatever `op` needs: tanh and sigmoid use y, the others
/// x. `x`, `y` and `dy` may be one buffer, `dx` must be another.
pub fn unary_bwd(rec: &mut Recording, op: impl Into<Curve>, x: Buf<f32>, y: Buf<f32>, dy: Buf<f32>, dx: Buf<f32>) {
    let n = dx.len;
    let checks = rec.arguments("map.unary_bwd").shape("x", x, &[n]).shape("y", y, &[n]);
    if checks.shape("dy", dy, &[n]).wrong() {
        return;
    }
    let curve = op.into();
    let pass = rec.dispatch(&UNARY_BWD).set("OP", curve.op as u32).params(curve.numbers());
    let pass = pass.read(x).read(y).read(dy).write(dx);
    pass.work(8 * n as u64, 16 * n as u64).threads(quads(n));
}

/// Records `y = a op b`; equal lengths; `a` and `b` may be one buffer, `y` must be another.
pub fn binary(rec: &mut Recording, op: Binary, a: Buf<f32>, b: Buf<f32>, y: Buf<f32>) {
    if rec.arguments("map.binary").shape("a", a, &[y.len]).shape("b", b, &[y.len]).wrong() {
        return;
    }
    let n = y.len as u64;
    rec.dispatch(&BINARY).set("OP", op as u32).read(a).read(b).write(y).work(n, 12 * n).threads(quads(y.len));
}

/// Records `y = alpha x + beta y`; with `beta` 0 the old y is not read.
pub fn axpby(rec: &mut Recording, alpha: f32, x: Buf<f32>, beta: f32, y: Buf<f32>) {
    if rec.arguments("map.axpby").shape("x", x, &[y.len]).wrong() {
        return;
    }
    let pass = rec.dispatch(&AXPBY).params(Axpby { alpha, beta }).read(x);
    let pass = if beta == 0.0 { pass.write(y) } else { pass.update(y) };
    let n = y.len as u64;
    pass.work(3 * n, if beta == 0.0 { 8 * n } else { 12 * n }).threads(quads(y.len));
}

/// Records `y = value`.
pub fn fill(rec: &mut Recording, y: Buf<f32>, value: f32) {
    rec.dispatch(&FILL).params(Fill { value }).write(y).work(0, 4 * y.len as u64).threads(quads(y.len));
}

/// Records `x[n,c,p] += b[c]`.
pub fn bias(rec: &mut Recording, x: Buf<f32>, b: Buf<f32>, n: usize, c: usize, p: usize) {
    if rec.arguments("map.bias").shape("x", x, &[n, c, p]).shape("b", b, &[c]).wrong() {
        return;
    }
    rec.dispatch(&BIAS)
        .set("SAME", u8::from(p.is_multiple_of(4)))
        .params(Bias { n: n as u32, c: c as u32, q: p as u32 })
        .read(b)
        .update(x)
        .work(x.len as u64, 8 * x.len as u64)
        .threads(quads(x.len));
}

/// Records `y[b] = src[idx[b] - row0]` for the indices that fall into `row0..row0 + rows`; the other rows of y keep
/// their content. `src` [rows, width] is one chunk of a table, `y` [idx.len, width]: one call per chunk fills every
/// row.
pub fn gather_rows(
    rec: &mut Recording,
    src: Buf<f32>,
    row0: usize,
    rows: usize,
    width: usize,
    idx: Buf<u32>,
    y: Buf<f32>,
) {
    let checks = rec.arguments("map.gather_rows").shape("src", src, &[rows, width]);
    if checks.shape("y", y, &[idx.len, width]).wrong() {
        return;
    }
    rec.dispatch(&GATHER_ROWS)
        .set("WIDE", u8::from(width.is_multiple_of(4)))
        .params(GatherRows { row0: row0 as u32, rows: rows as u32, width: width as u32, batch: idx.len as u32 })
        .read(src)
        .read(idx)
        .update(y)
        .work(0, 8 * y.len as u64)
        .threads(quads(y.len));
}

/// Records `y[i] = src[idx[i]]`. An index past the end of `src` is the caller's error; it reads an arbitrary word of
/// `src`.
pub fn gather_words(rec: &mut Recording, src: Buf<u32>, idx: Buf<u32>, y: Buf<u32>) {
    if rec.arguments("map.gather_words").shape("idx", idx, &[y.len]).wrong() {
        return;
    }
    rec.dispatch(&GATHER_WORDS)
        .params(GatherWords { n: idx.len as u32 })
        .read(src)
        .read(idx)
        .write(y)
        .work(0, 12 * y.len as u64)
        .threads(y.len);
}
