//! Squared norms of the weight gradients of ragged samples, which are not stored.

use super::features::{BWD_W, Columns};
use super::segment::{OuterProduct, SEGMENT_OUTER};
use super::{Csr, quads, rows_of, whole_rows};
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent, TwinCall};
use crate::kernels::reduce;
use crate::params;

params! {
    /// x [entries, cols]; `lanes` sums of each segment.
    pub struct Spans { segments: u32, cols: u32, lanes: u32 }
}

/// Sums over the entries of each segment's rows.
pub static SPAN_SUMS: Kernel = Kernel {
    name: "graph.span_sums",
    source: include_str!("../../../shaders/graph/span_sums.wgsl"),
    params: Spans::FIELDS,
    twin: span_sums_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Threads that share a sample, unless their loops become too long.
const LANES: usize = 64;
/// llvmpipe leaves all loops of an invocation after 65 535 iterations.
const MAX_TURNS: usize = 60_000;

/// Records `out[b] = ‖g_b‖²`, g_b = Σ_t dy_tᵀ x_t over the rows t of sample b as in
/// [`segment_outer`](super::segment_outer): `x` [rows, inputs], `dy` [rows, outputs], `out` \[samples\]. The rows are
/// summed before anything is squared.
pub fn segment_norms(
    rec: &mut Recording,
    seg_ptr: Buf<u32>,
    x: Buf<f32>,
    dy: Buf<f32>,
    out: Buf<f32>,
    [inputs, outputs]: [usize; 2],
) {
    let (rows, segments) = (rows_of(dy.len, outputs), seg_ptr.len.saturating_sub(1));
    let checks = rec.arguments("graph.segment_norms").at_least("seg_ptr", seg_ptr, &[1]);
    let checks = whole_rows(checks, "dy", dy, outputs).shape("x", x, &[rows, inputs]);
    if checks.shape("out", out, &[segments]).wrong() {
        return;
    }
    let cells = outputs * quads(inputs);
    // A sample may have all rows.
    let lanes = LANES.max((cells * (rows + 2)).div_ceil(MAX_TURNS)).min(cells).max(1);
    let part = rec.temp("parts of norms", segments * lanes);
    let shape = OuterProduct {
        segments: segments as u32,
        block: 1,
        cols: inputs as u32,
        outputs: outputs as u32,
        stride: lanes as u32,
    };
    let work = (rows * inputs * outputs) as u64;
    rec.dispatch(&SEGMENT_OUTER)
        .set("VEC", u8::from(inputs.is_multiple_of(4)))
        .set("NORM", 1)
        .params(shape)
        .read(seg_ptr)
        .read(x)
        .read(dy)
        .write(part)
        .turns(cells.div_ceil(lanes) * (rows + 1))
        .work(2 * work, 4 * (x.len + dy.len + part.len) as u64)
        .threads(part.len);
    reduce::rows(rec, part, out);
}

/// Records `out[b] = ‖g_b‖²` for the gradients that [`features_bwd_w`](super::features_bwd_w) gives to the samples:
/// `xt` the columns of X, `ptr` the ends of its rows, `seg_ptr` those of the samples' rows, `seg_of` the sample of each
/// row; `dy` [rows, outputs].
#[expect(clippy::too_many_arguments, reason = "the operands of the product")]
pub fn features_norms(
    rec: &mut Recording,
    xt: &Csr,
    ptr: Buf<u32>,
    val: Buf<f32>,
    (seg_ptr, seg_of): (Buf<u32>, Buf<u32>),
    dy: Buf<f32>,
    out: Buf<f32>,
    outputs: usize,
) {
    let (rows, segments) = (rows_of(dy.len, outputs), seg_ptr.len.saturating_sub(1));
    let checks = xt.fits(rec.arguments("graph.features_norms"), "val", val).at_least("seg_ptr", seg_ptr, &[1]);
    let checks = whole_rows(checks, "dy", dy, outputs).shape("ptr", ptr, &[rows + 1]);
    if checks.shape("seg_of", seg_of, &[rows]).shape("out", out, &[segments]).wrong() {
        return;
    }
    // One number for each entry and 4 outputs, at the entry's place among the rows.
    let (pieces, entries) = (quads(outputs), xt.entries());
    let squares = rec.temp::<f32>("squares of entries", entries * pieces);
    rec.clear(squares);
    let n = (entries * outputs) as u64;
    rec.dispatch(&BWD_W)
        .set("VEC", u8::from(outputs.is_multiple_of(4)))
        .set("PERM", u8::from(xt.perm.is_some()))
        .set("NORM", 1)
        .params(Columns { inputs: xt.rows() as u32, cols: outputs as u32, stride: 0, alpha: 1.0, beta: 0.0 })
        .read(xt.ptr)
        .read(xt.idx)
        .read(xt.places())
        .read(val)
        .read(seg_of)
        .read(dy)
        .update(squares)
        .turns(xt.longest().min(rows) + 4)
        .work(3 * n, 4 * n + 12 * entries as u64)
        .threads(xt.rows() * pieces);
    // A sample may have all entries.
    let lanes = LANES.max(squares.len.div_ceil(MAX_TURNS));
    let part = rec.temp("parts of norms", segments * lanes);
    rec.dispatch(&SPAN_SUMS)
        .params(Spans { segments: segments as u32, cols: pieces as u32, lanes: lanes as u32 })
        .read(seg_ptr)
        .read(ptr)
        .read(squares)
        .write(part)
        .turns(squares.len / lanes + 1)
        .work(squares.len as u64, 4 * (squares.len + part.len) as u64)
        .threads(part.len);
    reduce::rows(rec, part, out);
}

/// Bindings ptr idx perm val seg dy dw; see NORM in `features_bwd_w.wgsl`.
pub(super) fn features_norms_twin(call: &mut TwinCall) {
    let p: Columns = call.params();
    let permuted = call.set("PERM") == 1;
    let [ptr, idx, perm, val, seg, dy, dw] = call.bufs();
    let (ptr, idx, perm, val, seg, dy) = (ptr.u(), idx.u(), perm.u(), val.f(), seg.u(), dy.f());
    let (outputs, dw) = (p.cols as usize, dw.f_mut());
    let place = |k: usize| if permuted { perm[k] as usize } else { k };
    for i in 0..p.inputs as usize {
        let entries: Vec<usize> = (ptr[i] as usize..ptr[i + 1] as usize).collect();
        for of_sample in entries.chunk_by(|a, b| seg[idx[*a] as usize] == seg[idx[*b] as usize]) {
            for j in 0..quads(outputs) {
                let g = |o: usize| {
                    of_sample.iter().map(|k| val[place(*k)] * dy[idx[*k] as usize * outputs + o]).sum::<f64>()
                };
                let squares = (4 * j..outputs.min(4 * j + 4)).map(|o| g(o).powi(2)).sum();
                dw[place(of_sample[0]) * quads(outputs) + j] = squares;
            }
        }
    }
}

/// Bindings seg ptr x y; see `span_sums.wgsl`.
fn span_sums_twin(call: &mut TwinCall) {
    let p: Spans = call.params();
    let [seg, ptr, x, y] = call.bufs();
    let (seg, ptr, x, y) = (seg.u(), ptr.u(), x.f(), y.f_mut());
    let (cols, lanes) = (p.cols as usize, p.lanes as usize);
    y.fill(0.0);
    for b in 0..p.segments as usize {
        let [first, end] = [seg[b], seg[b + 1]].map(|row| ptr[row as usize] as usize * cols);
        (first..end).for_each(|e| y[b * lanes + (e - first) % lanes] += x[e]);
    }
}
