//! Rows grouped into samples: read-outs of a graph and ragged per-sample weight gradients.

use super::{quads, rows_of, tangent, whole_rows};
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent, TwinCall};
use crate::kernels::{Reduction, ReductionMode, reduce};
use crate::params;

params! {
    /// y [segments, cols].
    pub struct Segments { segments: u32, cols: u32 }
}

params! {
    /// dx [rows, cols], dy [segments, cols].
    pub struct Spread { rows: u32, cols: u32, segments: u32 }
}

params! {
    /// x [rows, cols], dy [rows, outputs]; `block` samples go into one sum, `stride` elements from sum to sum.
    pub struct OuterProduct { segments: u32, block: u32, cols: u32, outputs: u32, stride: u32 }
}

/// Sum or mean of the rows of each segment.
pub static SEGMENT: Kernel = Kernel {
    name: "graph.segment",
    source: include_str!("../../../shaders/graph/segment.wgsl"),
    params: Segments::FIELDS,
    twin: segment_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[1]]),
    variant_of: None,
};

/// Maximum of the rows of each segment, and which row has it.
pub static SEGMENT_MAX: Kernel = Kernel {
    name: "graph.segment_max",
    source: include_str!("../../../shaders/graph/segment_max.wgsl"),
    params: Segments::FIELDS,
    twin: segment_max_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::segment_max),
    variant_of: None,
};

/// Each segment's gradient to its rows.
pub static SEGMENT_BWD: Kernel = Kernel {
    name: "graph.segment_bwd",
    source: include_str!("../../../shaders/graph/segment_bwd.wgsl"),
    params: Spread::FIELDS,
    twin: segment_bwd_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[3]]),
    variant_of: None,
};

/// Weight gradients of ragged samples.
pub static SEGMENT_OUTER: Kernel = Kernel {
    name: "graph.segment_outer",
    source: include_str!("../../../shaders/graph/segment_outer.wgsl"),
    params: OuterProduct::FIELDS,
    twin: segment_outer_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::segment_outer),
    variant_of: None,
};

/// How the rows of a graph become one. The discriminant is the backward shader's `MODE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Readout {
    /// Sum of a graph's nodes.
    Sum = 0,
    /// Their mean.
    Mean = 1,
    /// Their largest value, feature by feature.
    Max = 2,
}

/// Records `y[b,:]` = the sum, mean or maximum of the rows `seg_ptr[b] .. seg_ptr[b + 1]` of `x` [rows, cols], 0 for an
/// empty segment. `arg` [segments, cols] takes the row of each maximum (the lowest of a tie, `u32::MAX` for an empty
/// segment), for [`segment_bwd`]; the other read-outs leave it alone.
pub fn segment(
    rec: &mut Recording,
    seg_ptr: Buf<u32>,
    x: Buf<f32>,
    y: Buf<f32>,
    cols: usize,
    readout: Readout,
    arg: Option<Buf<u32>>,
) {
    let (rows, segments) = (rows_of(x.len, cols), seg_ptr.len.saturating_sub(1));
    let max = readout == Readout::Max;
    let checks = whole_rows(rec.arguments("graph.segment").at_least("seg_ptr", seg_ptr, &[1]), "x", x, cols);
    let checks = checks.shape("y", y, &[segments, cols]);
    if checks.optional("arg", arg.filter(|_| max), &[segments, cols]).wrong() {
        return;
    }
    let arg = if max { arg.unwrap_or_else(|| rec.temp("rows of maxima", y.len)) } else { seg_ptr };
    let pass = rec
        .dispatch(if max { &SEGMENT_MAX } else { &SEGMENT })
        .set("VEC", u8::from(cols.is_multiple_of(4)))
        .params(Segments { segments: segments as u32, cols: cols as u32 })
        .read(seg_ptr)
        .read(x)
        .write(y);
    let pass = if max { pass.write(arg) } else { pass.set("MEAN", u8::from(readout == Readout::Mean)) };
    pass.turns(rows + 4).work(x.len as u64, 4 * (x.len + y.len) as u64).threads(segments * quads(cols));
}

/// Records the gradient of [`segment`] to x: `dy` [segments, cols], `dx` [rows, cols]; `seg_of` \[rows\] names the
/// segment of each row, `u32::MAX` for none (which gets 0). `arg` is what the maximum wrote.
#[expect(clippy::too_many_arguments, reason = "the operands of the product")]
pub fn segment_bwd(
    rec: &mut Recording,
    seg_ptr: Buf<u32>,
    seg_of: Buf<u32>,
    dy: Buf<f32>,
    dx: Buf<f32>,
    cols: usize,
    readout: Readout,
    arg: Option<Buf<u32>>,
) {
    let (rows, segments) = (rows_of(dx.len, cols), seg_ptr.len.saturating_sub(1));
    let max = readout == Readout::Max;
    let checks = whole_rows(rec.arguments("graph.segment_bwd").at_least("seg_ptr", seg_ptr, &[1]), "dx", dx, cols);
    let checks = checks.shape("seg_of", seg_of, &[rows]).shape("dy", dy, &[segments, cols]);
    let checks = checks.holds(!max || arg.is_some(), || "the maximum needs the `arg` that it wrote".to_owned());
    if checks.optional("arg", arg.filter(|_| max), &[segments, cols]).wrong() {
        return;
    }
    // Bound, not read, by the others.
    let arg = arg.filter(|_| max).unwrap_or(seg_ptr);
    rec.dispatch(&SEGMENT_BWD)
        .set("MODE", readout as u32)
        .params(Spread { rows: rows as u32, cols: cols as u32, segments: segments as u32 })
        .read(seg_ptr)
        .read(seg_of)
        .read(arg)
        .read(dy)
        .write(dx)
        .work(dx.len as u64, 8 * dx.len as u64)
        .threads(dx.len);
}

/// Threads below which the samples of a sum are split further.
const WANTED: usize = 16_384;

/// Records the weight gradients g_b = Σ_t dy_tᵀ x_t of a dense layer over ragged samples, the rows t of sample b being
/// `seg_ptr[b] .. seg_ptr[b + 1]`, into `dw` as `how` says. `x` [rows, inputs], `dy` [rows, outputs], g_b [outputs,
/// inputs]. The rows of a sample are summed before anything is squared: the exact Fisher diagonal by sample.
#[expect(clippy::too_many_arguments, reason = "the operands of the product")]
pub fn segment_outer(
    rec: &mut Recording,
    seg_ptr: Buf<u32>,
    x: Buf<f32>,
    dy: Buf<f32>,
    dw: Buf<f32>,
    inputs: usize,
    outputs: usize,
    how: Reduction,
) {
    let (rows, segments) = (rows_of(dy.len, outputs), seg_ptr.len.saturating_sub(1));
    let checks = rec.arguments("graph.segment_outer").at_least("seg_ptr", seg_ptr, &[1]);
    let checks = whole_rows(checks, "dy", dy, outputs).shape("x", x, &[rows, inputs]);
    if how.fits(checks, "dw", dw, segments, &[outputs, inputs]).wrong() {
        return;
    }
    let size = outputs * inputs;
    let block = match how.mode {
        ReductionMode::PerSample => 1,
        // From the shape alone, so that the order of the sum is everywhere the same.
        _ => segments.div_ceil(WANTED.div_ceil((outputs * quads(inputs)).max(1))).max(1),
    };
    let blocks = segments.div_ceil(block);
    let (out, stride) = if how.mode == ReductionMode::PerSample {
        (dw, how.stride)
    } else {
        (rec.temp("weight gradients of blocks", blocks * size), size)
    };
    let pass = rec
        .dispatch(&SEGMENT_OUTER)
        .set("VEC", u8::from(inputs.is_multiple_of(4)))
        .set("SQUARE", u8::from(how.mode == ReductionMode::SquareSum))
        .params(OuterProduct {
            segments: segments as u32,
            block: block as u32,
            cols: inputs as u32,
            outputs: outputs as u32,
            stride: stride as u32,
        })
        .read(seg_ptr)
        .read(x)
        .read(dy);
    let pass = if out.len == blocks * size { pass.write(out) } else { pass.update(out) };
    let work = (rows * size) as u64;
    pass.turns(rows + 2 * block + 4)
        .work(2 * work, 4 * (x.len + dy.len + out.len) as u64)
        .threads(blocks * outputs * quads(inputs));
    if how.mode != ReductionMode::PerSample {
        let sum = Reduction { alpha: how.alpha, beta: how.beta, ..Reduction::default() };
        reduce::channels(rec, out, dw, blocks, size, 1, sum);
    }
}

/// The rows of segment b.
fn of(seg_ptr: &[u32], b: usize) -> std::ops::Range<usize> {
    seg_ptr[b] as usize..seg_ptr[b + 1] as usize
}

/// Bindings seg_ptr x y; see `segment.wgsl`.
fn segment_twin(call: &mut TwinCall) {
    let p: Segments = call.params();
    let mean = call.set("MEAN") == 1;
    let [seg_ptr, x, y] = call.bufs();
    let (seg_ptr, x, y, cols) = (seg_ptr.u(), x.f(), y.f_mut(), p.cols as usize);
    for (at, y) in y.iter_mut().enumerate() {
        let rows = of(seg_ptr, at / cols);
        let n = rows.len().max(1) as f64;
        let sum: f64 = rows.map(|t| x[t * cols + at % cols]).sum();
        *y = if mean { sum / n } else { sum };
    }
}

/// Bindings seg_ptr x y arg; see `segment_max.wgsl`.
fn segment_max_twin(call: &mut TwinCall) {
    let p: Segments = call.params();
    let [seg_ptr, x, y, arg] = call.bufs();
    let (seg_ptr, x, y, arg, cols) = (seg_ptr.u(), x.f(), y.f_mut(), arg.u_mut(), p.cols as usize);
    for at in 0..y.len() {
        let value = |t: usize| x[t * cols + at % cols];
        let top = of(seg_ptr, at / cols).map(value).reduce(f64::max);
        let row = of(seg_ptr, at / cols).find(|t| Some(value(*t)) == top);
        y[at] = top.unwrap_or(0.0);
        arg[at] = row.map_or(u32::MAX, |t| t as u32);
    }
}

/// Bindings seg_ptr seg arg dy dx; see `segment_bwd.wgsl`.
fn segment_bwd_twin(call: &mut TwinCall) {
    let p: Spread = call.params();
    let mode = call.set("MODE");
    let [seg_ptr, seg, arg, dy, dx] = call.bufs();
    let (seg_ptr, seg, arg, dy, cols) = (seg_ptr.u(), seg.u(), arg.u(), dy.f(), p.cols as usize);
    for (at, dx) in dx.f_mut().iter_mut().enumerate() {
        let (t, c) = (at / cols, at % cols);
        *dx = 0.0;
        if seg[t] < p.segments {
            let b = seg[t] as usize;
            let dy = dy[b * cols + c];
            *dx = match mode {
                0 => dy,
                1 => dy / of(seg_ptr, b).len() as f64,
                _ if arg[b * cols + c] as usize == t => dy,
                _ => 0.0,
            };
        }
    }
}

/// Bindings seg_ptr x dy dw; see `segment_outer.wgsl`. `stride` parts of a sample's squared norm, whose sum is what
/// matters: the part of element i is i mod stride.
fn segment_norms_twin(call: &mut TwinCall) {
    let p: OuterProduct = call.params();
    let [seg_ptr, x, dy, dw] = call.bufs();
    let (seg_ptr, x, dy, dw) = (seg_ptr.u(), x.f(), dy.f(), dw.f_mut());
    let (inputs, outputs, stride) = (p.cols as usize, p.outputs as usize, p.stride as usize);
    dw.fill(0.0);
    for b in 0..p.segments as usize {
        for i in 0..outputs * inputs {
            let (o, c) = (i / inputs, i % inputs);
            let g = of(seg_ptr, b).map(|t| dy[t * outputs + o] * x[t * inputs + c]).sum::<f64>();
            dw[b * stride + i % stride] += g * g;
        }
    }
}

/// Bindings seg_ptr x dy dw; see `segment_outer.wgsl`.
fn segment_outer_twin(call: &mut TwinCall) {
    if call.set("NORM") == 1 {
        return segment_norms_twin(call);
    }
    let p: OuterProduct = call.params();
    let square = call.set("SQUARE") == 1;
    let [seg_ptr, x, dy, dw] = call.bufs();
    let (seg_ptr, x, dy, dw) = (seg_ptr.u(), x.f(), dy.f(), dw.f_mut());
    let (inputs, outputs, segments) = (p.cols as usize, p.outputs as usize, p.segments as usize);
    for (j, first) in (0..segments).step_by(p.block as usize).enumerate() {
        for o in 0..outputs {
            for i in 0..inputs {
                let g = |b| of(seg_ptr, b).map(|t| dy[t * outputs + o] * x[t * inputs + i]).sum::<f64>();
                let samples = first..(first + p.block as usize).min(segments);
                let at = j * p.stride as usize + o * inputs + i;
                dw[at] = samples.map(g).map(|g| if square { g * g } else { g }).sum();
            }
        }
    }
}
