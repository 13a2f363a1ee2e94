//! Record functions over edges, with right shapes: 5 edges from 4 sources to 3 targets.

use unlearn::engine::Buf;
use unlearn::kernels::attention::{self, Edges, Ends};
use unlearn::kernels::graph::{self, Csr, Form, Readout, Spmm};
use unlearn::kernels::{Reduction, ReductionMode};

use super::{Call, Rig, call};

pub const CALLS: &[Call] = &[
    call("graph.spmm", |r| {
        let (a, val) = (transpose(r, 3), r.least("val", &[5]));
        let (x, bias, y) = (r.leads("x", &[4, 2]), r.exact("bias", &[2]), r.exact("y", &[3, 2]));
        graph::spmm(&mut r.rec, &a, val, x, bias, y, 2, Spmm { own: 1.0, bias: true });
    }),
    call("graph.spmm_relu", |r| {
        let (a, val) = (transpose(r, 3), r.least("val", &[5]));
        let (x, bias, y) = (r.leads("x", &[4, 4]), r.exact("bias", &[4]), r.exact("y", &[3, 4]));
        let drop = graph::Drop { rate: 0.5, stream: 1, step: r.least("step", &[4]) };
        graph::spmm_relu(&mut r.rec, Form::Quads(1), &a, val, x, Some(bias), y, 4, Some(drop));
    }),
    call("graph.project_back", |r| {
        let (dy, w) = (r.exact("dy", &[3, 2]), r.exact("w", &[2, 4]));
        let (kept, dx) = (r.leads("kept", &[3, 4]), r.exact("dx", &[3, 4]));
        graph::project_back(&mut r.rec, dy, w, kept, dx, [4, 2], 0.5);
    }),
    call("graph.aggregate_max", |r| {
        let (a, val, x) = (by_target(r), r.least("val", &[5]), r.leads("x", &[4, 2]));
        let (y, arg) = (r.exact("y", &[3, 2]), r.exact("arg", &[3, 2]));
        graph::aggregate_max(&mut r.rec, &a, val, x, y, arg, 2);
    }),
    call("graph.max_bwd", |r| {
        let (t, arg) = (transpose(r, 4), r.exact("arg", &[3, 2]));
        let (dy, dx) = (r.leads("dy", &[3, 2]), r.exact("dx", &[4, 2]));
        graph::max_bwd(&mut r.rec, &t, arg, dy, dx, 2);
    }),
    call("graph.max_tangent", |r| {
        let (idx, arg) = (r.free("idx", &[5]), r.exact("arg", &[3, 2]));
        let (s, ry) = (r.leads("r", &[4, 2]), r.leads("ry", &[3, 2]));
        graph::max_tangent(&mut r.rec, Some(idx), arg, s, ry, 2);
    }),
    call("graph.degree_norms", |r| {
        let (ptr, idx, weight) = (r.free("ptr", &[4]), r.leads("idx", &[5]), r.least("weight", &[5]));
        let (sym, mean) = (r.exact("sym", &[5]), r.exact("mean", &[5]));
        let a = Csr { ptr, idx, perm: None, heavy: false };
        graph::degree_norms(&mut r.rec, &a, weight, sym, mean);
    }),
    call("graph.loop_rows", |r| {
        let (ptr, idx, weight) = (r.free("ptr", &[4]), r.leads("idx", &[5]), r.least("weight", &[5]));
        let (x, y) = (r.exact("x", &[5, 2]), r.exact("y", &[5, 2]));
        let a = Csr { ptr, idx, perm: None, heavy: false };
        graph::loop_rows(&mut r.rec, &a, weight, x, y, 2, true);
    }),
    call("graph.laplacian", |r| {
        let (ptr, idx, weight) = (r.free("ptr", &[4]), r.leads("idx", &[5]), r.least("weight", &[5]));
        let (sym, lap) = (r.exact("sym", &[5]), r.exact("lap", &[5]));
        let a = Csr { ptr, idx, perm: None, heavy: false };
        graph::laplacian(&mut r.rec, &a, weight, sym, lap);
    }),
    call("graph.sddmm", |r| {
        let (a, dy, x, dval) = (transpose(r, 3), r.exact("dy", &[3, 2]), r.leads("x", &[4, 2]), r.least("dval", &[5]));
        graph::sddmm(&mut r.rec, &a, dy, x, dval, 2);
    }),
    call("graph.features", |r| {
        let (x, val, w) = (transpose(r, 3), r.least("val", &[5]), r.exact("w", &[2, 4]));
        let (b, y) = (r.exact("b", &[2]), r.exact("y", &[3, 2]));
        graph::features(&mut r.rec, &x, val, w, b, y, 4, 2, true);
    }),
    call("graph.features_bwd_w", |r| weight_gradient(r, ReductionMode::Sum)),
    call("graph.features_bwd_w", |r| weight_gradient(r, ReductionMode::SquareSum)),
    call("graph.features_bwd_w", |r| weight_gradient(r, ReductionMode::PerSample)),
    call("graph.features_bwd_table", |r| {
        let (ptr, idx, perm) = (r.exact("xt.ptr", &[5]), r.leads("idx", &[5]), r.exact("perm", &[5]));
        let xt = Csr { ptr, idx, perm: Some(perm), heavy: false };
        let (val, dy, seg_of) = (r.least("val", &[5]), r.leads("dy", &[3, 2]), r.exact("seg_of", &[3]));
        let how = Reduction { mode: ReductionMode::SquareSum, ..Reduction::default() };
        let dw = r.exact("dw", &[4, 2]);
        graph::features_bwd_table(&mut r.rec, &xt, val, Some(seg_of), dy, dw, 4, 2, how);
    }),
    call("graph.features_norms", |r| {
        let (free, idx, perm) = (r.free("xt.ptr", &[5]), r.leads("xt.idx", &[5]), r.exact("perm", &[5]));
        let xt = Csr { ptr: free, idx, perm: Some(perm), heavy: false };
        let (ptr, val, seg_ptr) = (r.exact("ptr", &[4]), r.least("val", &[5]), r.leads("seg_ptr", &[3]));
        let (seg_of, dy, out) = (r.exact("seg_of", &[3]), r.leads("dy", &[3, 2]), r.exact("out", &[2]));
        graph::features_norms(&mut r.rec, &xt, ptr, val, (seg_ptr, seg_of), dy, out, 2);
    }),
    call("graph.densify", |r| {
        let (x, val, y) = (transpose(r, 3), r.least("val", &[5]), r.exact("y", &[3, 4]));
        graph::densify(&mut r.rec, &x, val, y, 4);
    }),
    call("graph.scatter_rows", |r| {
        let (x, idx, y) = (r.exact("x", &[2, 3]), r.leads("idx", &[2]), r.leads("y", &[4, 3]));
        graph::scatter_rows(&mut r.rec, x, idx, y, 3);
    }),
    call("graph.segment", |r| {
        let (seg_ptr, x) = (r.leads("seg_ptr", &[3]), r.leads("x", &[4, 2]));
        let (y, arg) = (r.exact("y", &[2, 2]), r.exact("arg", &[2, 2]));
        graph::segment(&mut r.rec, seg_ptr, x, y, 2, Readout::Max, Some(arg));
    }),
    call("graph.segment_bwd", |r| {
        let (seg_ptr, seg_of, dy) = (r.leads("seg_ptr", &[3]), r.exact("seg_of", &[4]), r.exact("dy", &[2, 2]));
        let (dx, arg) = (r.leads("dx", &[4, 2]), r.exact("arg", &[2, 2]));
        graph::segment_bwd(&mut r.rec, seg_ptr, seg_of, dy, dx, 2, Readout::Max, Some(arg));
    }),
    call("graph.segment_outer", |r| {
        let (seg_ptr, x) = (r.free("seg_ptr", &[3]), r.exact("x", &[4, 2]));
        let (dy, dw) = (r.leads("dy", &[4, 3]), r.exact("dw", &[3, 2]));
        graph::segment_outer(&mut r.rec, seg_ptr, x, dy, dw, 2, 3, Reduction::default());
    }),
    call("graph.segment_outer", |r| {
        let seg_ptr = r.rec.temp("seg_ptr", 3);
        let (x, dy, dw) = (r.exact("x", &[4, 2]), r.leads("dy", &[4, 3]), r.least("dw", &[8 + 6]));
        let how = Reduction::per_sample(8);
        graph::segment_outer(&mut r.rec, seg_ptr, x, dy, dw, 2, 3, how);
    }),
    call("graph.segment_norms", |r| {
        let (seg_ptr, x) = (r.leads("seg_ptr", &[3]), r.exact("x", &[4, 2]));
        let (dy, out) = (r.leads("dy", &[4, 3]), r.exact("out", &[2]));
        graph::segment_norms(&mut r.rec, seg_ptr, x, dy, out, [2, 3]);
    }),
    call("graph.negatives", |r| {
        let (step, partner, inverse) = (r.least("step", &[4]), r.exact("partner", &[3]), r.exact("inverse", &[3]));
        graph::negatives(&mut r.rec, step, 0, 3, partner, inverse);
    }),
    call("graph.partner_scores", |r| {
        let (z, partner, s) = (r.leads("z", &[3, 2]), r.exact("partner", &[3]), r.exact("s", &[3]));
        graph::partner_scores(&mut r.rec, z, partner, s, 2);
    }),
    call("graph.partner_scores_bwd", |r| {
        let (z, partner, inverse) = (r.leads("z", &[3, 2]), r.exact("partner", &[3]), r.exact("inverse", &[3]));
        let (ds, dz) = (r.exact("ds", &[3]), r.exact("dz", &[3, 2]));
        graph::partner_scores_bwd(&mut r.rec, z, partner, inverse, ds, dz, 2, false);
    }),
    call("graph.bce", |r| {
        let (s, weight) = (r.leads("s", &[3]), r.exact("weight", &[3]));
        let (loss, ds) = (r.exact("loss", &[3]), r.exact("ds", &[3]));
        graph::bce(&mut r.rec, s, 1.0, weight, loss, ds);
    }),
    call("attention.edge_softmax", |r| {
        let (a, takes) = (edges(r), r.exact("takes", &[5]));
        let (src, dst, alpha) = (r.leads("s.src", &[4, 2]), r.exact("s.dst", &[3, 2]), r.exact("alpha", &[5, 2]));
        attention::edge_softmax(&mut r.rec, &a, takes, Ends { src, dst }, alpha, 2, 0.2);
    }),
    call("attention.edge_softmax_bwd", |r| {
        let (a, idx) = (edges(r), r.leads("t.idx", &[5]));
        let t = with_places(r, 4, idx);
        let s = Ends { src: r.leads("s.src", &[4, 2]), dst: r.exact("s.dst", &[3, 2]) };
        let ds = Ends { src: r.exact("ds.src", &[4, 2]), dst: r.exact("ds.dst", &[3, 2]) };
        let (alpha, dalpha) = (r.exact("alpha", &[5, 2]), r.exact("dalpha", &[5, 2]));
        attention::edge_softmax_bwd(&mut r.rec, &a, &t, s, alpha, dalpha, ds, 2, 0.2);
    }),
    call("attention.spread", |r| {
        let (a, y) = (edges(r), r.exact("y", &[5, 2]));
        let s = Ends { src: r.leads("s.src", &[4, 2]), dst: r.exact("s.dst", &[3, 2]) };
        attention::spread(&mut r.rec, &a, s, y, 2);
    }),
    call("attention.gather", |r| {
        let (a, x, y) = (edges(r), r.exact("x", &[5, 2]), r.exact("y", &[3, 2]));
        attention::gather(&mut r.rec, &a, x, y, 2);
    }),
    call("attention.attend", |r| {
        let (a, alpha) = (edges(r), r.exact("alpha", &[5, 2]));
        let (z, y) = (r.leads("z", &[4, 2, 3]), r.exact("y", &[3, 2, 3]));
        attention::attend(&mut r.rec, &a, alpha, z, y, 2, 3);
    }),
    call("attention.attend", |r| {
        // Cut into 6 pieces.
        let (ptr, idx, table) = (r.leads("ptr", &[4]), r.leads("idx", &[5]), r.exact("split.table", &[6, 3]));
        let split = Some(attention::Split { table, chunk: 2 });
        let a = Edges { ptr, idx, perm: None, longest: 3, split };
        let (alpha, z, y) = (r.exact("alpha", &[5, 2]), r.leads("z", &[4, 2, 3]), r.exact("y", &[3, 2, 3]));
        attention::attend(&mut r.rec, &a, alpha, z, y, 2, 3);
    }),
    call("attention.attend_bwd_z", |r| {
        let idx = r.leads("idx", &[5]);
        let (t, alpha) = (with_places(r, 4, idx), r.exact("alpha", &[5, 2]));
        let (dy, dz) = (r.leads("dy", &[3, 2, 3]), r.exact("dz", &[4, 2, 3]));
        attention::attend_bwd_z(&mut r.rec, &t, alpha, dy, dz, 2, 3);
    }),
    call("attention.attend_bwd_alpha", |r| {
        let (a, dy) = (edges(r), r.exact("dy", &[3, 2, 3]));
        let (z, dalpha) = (r.leads("z", &[4, 2, 3]), r.exact("dalpha", &[5, 2]));
        attention::attend_bwd_alpha(&mut r.rec, &a, dy, z, dalpha, 2, 3);
    }),
    call("attention.record_table", |r| {
        let (ptr, idx, table) = (r.leads("ptr", &[4]), r.free("idx", &[5]), r.exact("table", &[6, 3]));
        Edges { ptr, idx, perm: None, longest: 3, split: None }.record_table(&mut r.rec, table, 2);
    }),
    call("attention.head_scores", |r| {
        let (z, att, s) = (r.leads("z", &[4, 2, 3]), r.exact("att", &[2, 3]), r.exact("s", &[4, 2]));
        attention::head_scores(&mut r.rec, z, att, s, 2, 3);
    }),
    call("attention.head_scores_bwd", |r| {
        let ds = Ends { src: r.exact("ds.src", &[4, 2]), dst: r.exact("ds.dst", &[4, 2]) };
        let att = Ends { src: r.exact("att.src", &[2, 3]), dst: r.exact("att.dst", &[2, 3]) };
        let dz = r.leads("dz", &[4, 2, 3]);
        attention::head_scores_bwd(&mut r.rec, ds, att, dz, 2, 3);
    }),
    call("attention.scale_heads", |r| {
        let (z, s, out) = (r.exact("z", &[4, 2, 3]), r.leads("s", &[4, 2]), r.exact("out", &[4, 2, 3]));
        attention::scale_heads(&mut r.rec, z, s, out, 3);
    }),
    call("attention.mean_heads", |r| {
        let (z, y) = (r.leads("z", &[4, 2, 3]), r.exact("y", &[4, 3]));
        attention::mean_heads(&mut r.rec, z, y, 2, 3);
    }),
    call("attention.mean_heads_bwd", |r| {
        let (dy, dz) = (r.exact("dy", &[4, 3]), r.leads("dz", &[4, 2, 3]));
        attention::mean_heads_bwd(&mut r.rec, dy, dz, 2, 3);
    }),
];

/// Edges whose number no other shape but the values' depends on.
fn by_target(r: &mut Rig) -> Csr {
    Csr { ptr: r.leads("ptr", &[4]), idx: r.rec.temp("idx", 5), perm: None, heavy: false }
}

fn transpose(r: &mut Rig, rows: usize) -> Csr {
    let (ptr, idx, perm) = (r.leads("ptr", &[rows + 1]), r.leads("idx", &[5]), r.exact("perm", &[5]));
    Csr { ptr, idx, perm: Some(perm), heavy: false }
}

fn edges(r: &mut Rig) -> Edges {
    Edges { ptr: r.leads("ptr", &[4]), idx: r.leads("idx", &[5]), perm: None, longest: 3, split: None }
}

fn with_places(r: &mut Rig, rows: usize, idx: Buf<u32>) -> Edges {
    let (ptr, perm) = (r.leads("t.ptr", &[rows + 1]), r.exact("perm", &[5]));
    Edges { ptr, idx, perm: Some(perm), longest: 3, split: None }
}

/// Of features [3, 4] to 2 outputs.
fn weight_gradient(r: &mut Rig, mode: ReductionMode) {
    let (ptr, idx, perm) = (r.exact("xt.ptr", &[5]), r.leads("idx", &[5]), r.exact("perm", &[5]));
    let xt = Csr { ptr, idx, perm: Some(perm), heavy: false };
    let (val, dy) = (r.least("val", &[5]), r.leads("dy", &[3, 2]));
    let seg_of = (mode != ReductionMode::Sum).then(|| r.exact("seg_of", &[3]));
    let dw = if mode == ReductionMode::PerSample { r.free("dw", &[2 * 8]) } else { r.exact("dw", &[2, 4]) };
    let how = Reduction { mode, stride: 8, ..Reduction::default() };
    graph::features_bwd_w(&mut r.rec, &xt, val, seg_of, dy, dw, 4, 2, how);
}
