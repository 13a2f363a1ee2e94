//! Calls that are wrong in something else than the length of a buffer, and what the error says.

use unlearn::kernels::attention::{self, Edges, Ends, Split};
use unlearn::kernels::conv::{self, Chunks, ConvShape, WeightGrad};
use unlearn::kernels::graph::{self, Csr, Form, Readout, Spmm};
use unlearn::kernels::linear::{self, Mat, Product};
use unlearn::kernels::map::{self, Binary};
use unlearn::kernels::norm::{self, NormShape};
use unlearn::kernels::{Reduction, ReductionMode, edit, hw, loss, reduce};

use super::Rig;
use super::pictures::{NORM, conv2};

type Wrong = (&'static str, &'static str, fn(&mut Rig));

pub const CALLS: &[Wrong] = &[
    ("linear.product", "`b` needs [3, 4] = 12 elements, got [2, 4] = 8", |r| {
        let (a, b, y) = (r.exact("a", &[2, 3]), r.exact("b", &[2, 4]), r.exact("y", &[2, 4]));
        linear::product(&mut r.rec, Mat::new(a, 2, 3), Mat::new(b, 2, 4), a, y, Product::default());
    }),
    ("linear.product", "a range 2..5 of 4", |r| {
        let (a, b, y) = (r.exact("a", &[2, 3]), r.exact("b", &[3, 4]), r.exact("y", &[2, 3]));
        let b = Mat::new(b, 3, 4).columns(2..5);
        linear::product(&mut r.rec, Mat::new(a, 2, 3), b, a, y, Product::default());
    }),
    ("linear.product", "`a`: columns of a transpose", |r| {
        let (a, b, y) = (r.exact("a", &[2, 3]), r.exact("b", &[1, 4]), r.exact("y", &[3, 4]));
        let a = Mat::new(a, 2, 3).t().columns(0..1);
        linear::product(&mut r.rec, a, Mat::new(b, 1, 4), y, y, Product::default());
    }),
    ("linear.product", "`linear.outer` is no form of a product", |r| {
        let (a, b, y) = (r.exact("a", &[2, 3]), r.exact("b", &[3, 4]), r.exact("y", &[2, 4]));
        let another = linear::choose_outer(3, 5);
        linear::product_as(&mut r.rec, another, Mat::new(a, 2, 3), Mat::new(b, 3, 4), a, y, Product::default());
    }),
    ("linear.outer", "`y`: results of 20 elements start 19 apart", |r| {
        let (dy, x, y) = (r.exact("dy", &[3, 5]), r.exact("x", &[3, 4]), r.exact("y", &[80]));
        linear::outer(&mut r.rec, dy, x, y, 3, 19);
    }),
    ("linear.outer", "3 inputs, rows 15 apart, are not whole vec4s", |r| {
        let (dy, x, y) = (r.exact("dy", &[3, 5]), r.exact("x", &[3, 3]), r.exact("y", &[45]));
        let wide = linear::choose_outer(4, 4);
        linear::outer_as(&mut r.rec, wide, dy, x, y, 3, 15);
    }),
    ("map.dropout", "rate 1 is not in [0, 1)", |r| {
        let (x, y, step) = (r.exact("x", &[4]), r.exact("y", &[4]), r.exact("step", &[4]));
        map::dropout(&mut r.rec, x, y, 1.0, 0, step);
    }),
    ("map.relu_dropout_bwd", "rate NaN is not in [0, 1)", |r| {
        let (y, dy, dx) = (r.exact("y", &[4]), r.exact("dy", &[4]), r.exact("dx", &[4]));
        map::relu_dropout_bwd(&mut r.rec, y, dy, dx, f32::NAN);
    }),
    ("map.binary", "a range 3..5 of 4", |r| {
        let (a, y) = (r.exact("a", &[4]), r.exact("y", &[2]));
        map::binary(&mut r.rec, Binary::Add, a.range(3..5), y, y);
    }),
    ("map.binary", "a range of u32 is used as one of f32", |r| {
        let (a, y) = (r.exact::<u32>("a", &[4]), r.exact("y", &[4]));
        map::binary(&mut r.rec, Binary::Add, unlearn::engine::Buf::over(a.any()), y, y);
    }),
    // A range that only the dispatch sees.
    ("map.fill", "a range 4..3 of 4", |r| {
        let y = r.exact("y", &[4]);
        #[expect(clippy::reversed_empty_ranges, reason = "the mistake")]
        map::fill(&mut r.rec, y.range(4..3), 1.0);
    }),
    ("map.bias", "more elements than can be counted", |r| {
        let (x, b) = (r.exact("x", &[4]), r.exact("b", &[4]));
        map::bias(&mut r.rec, x, b, usize::MAX, 4, 2);
    }),
    ("reduce.channels", "`out`: results of 3 elements start 2 apart", |r| {
        let (x, out) = (r.exact("x", &[2, 3, 4]), r.exact("out", &[6]));
        let options = Reduction::per_sample(2);
        reduce::channels(&mut r.rec, x, out, 2, 3, 4, options);
    }),
    ("loss.label_score", "class 5 of 5", |r| {
        let (logits, dlogits) = (r.exact("logits", &[3, 5]), r.exact("dlogits", &[3, 5]));
        loss::label_score(&mut r.rec, logits, dlogits, 5, 5);
    }),
    ("edit.dampen", "alpha and lambda are at least 0, got -1 and 1", |r| {
        let [theta, full, forget, mask] = ["theta", "full", "forget", "mask"].map(|name| r.exact(name, &[4]));
        edit::dampen(&mut r.rec, theta, full, forget, mask, -1.0, 1.0);
    }),
    ("edit.axis_mean", "one thread cannot add 130000 elements", |r| {
        let x = r.exact("x", &[130_000]);
        edit::axis_mean(&mut r.rec, x, 1, 130_000, 1);
    }),
    ("conv.conv2d", "cannot be split into 0 groups", |r| convolved(r, ConvShape { groups: 0, ..conv2() })),
    ("conv.conv2d", "cannot be split into 4 groups", |r| convolved(r, ConvShape { groups: 4, ..conv2() })),
    ("conv.conv2d", "a kernel of 3 (dilation 3, stride 1) does not fit into 5", |r| {
        convolved(r, ConvShape { dilation: hw([3, 3]), ..conv2() });
    }),
    ("conv.conv2d_norms", "cannot be split into 0 groups", |r| {
        let (x, dy, out) = (r.exact("x", &[2, 4, 5, 6]), r.exact("dy", &[2, 6, 3, 5]), r.exact("out", &[2]));
        let s = ConvShape { groups: 0, ..conv2() };
        assert!(Chunks::of(&s).count > 0, "cut without a division by 0");
        conv::conv2d_norms(&mut r.rec, &s, x, dy, out);
    }),
    ("conv.conv2d_bwd_w", "`dw`: results of 72 elements start 71 apart", |r| {
        let (x, dy, dw) = (r.exact("x", &[2, 4, 5, 6]), r.exact("dy", &[2, 6, 3, 5]), r.exact("dw", &[144]));
        let each = WeightGrad { chunks: Chunks { per_chunk: 1, count: 2 }, stride: 71, square: false };
        conv::conv2d_bwd_w(&mut r.rec, &conv2(), x, dy, dw, each);
    }),
    ("conv.unfold", "patches of one group, not of 2", |r| {
        let (x, y) = (r.exact("x", &[2, 4, 5, 6]), r.exact("y", &[2, 3, 5, 4, 3, 2]));
        conv::unfold(&mut r.rec, &conv2(), 0..2, x, y);
    }),
    ("conv.unfold", "samples 1..3 of 2", |r| {
        let (x, y) = (r.exact("x", &[2, 4, 5, 6]), r.exact("y", &[2, 3, 5, 4, 3, 2]));
        conv::unfold(&mut r.rec, &ConvShape { groups: 1, ..conv2() }, 1..3, x, y);
    }),
    ("norm.group", "4 channels in 3 groups", |r| normalised(r, NormShape { groups: 3, ..NORM })),
    ("norm.group", "4 channels in 0 groups", |r| normalised(r, NormShape { groups: 0, ..NORM })),
    ("norm.group", "2^31 elements", |r| normalised(r, NormShape { n: 1 << 30, ..NORM })),
    ("norm.rms", "a shape whose mean is taken off", |r| {
        let (x, gamma) = (r.exact("x", &[2, 4, 3]), r.exact("gamma", &[4]));
        let (y, stats) = (r.exact("y", &[2, 4, 3]), r.exact("stats", &[2, 2, 2]));
        norm::rms(&mut r.rec, x, gamma, y, stats, NORM);
    }),
    ("attention.within", "3 heads cannot share 2 heads of keys and values", |r| attended(r, 3, 8)),
    ("attention.within", "a head of 6 features", |r| attended(r, 4, 6)),
    ("attention.within", "a head of 132 features", |r| attended(r, 4, 132)),
    ("attention.rotate", "a head of 7 features has no halves", |r| {
        let w = super::sequences::within(r);
        let (x, y) = (r.exact("x", &[5, 1, 7]), r.exact("y", &[5, 1, 7]));
        attention::rotate(&mut r.rec, &w.sequences, x, y, 1, 7, 1e4, false);
    }),
    ("map.columns", "3 columns from 2 of 4", |r| {
        let x = map::Block { of: r.exact("x", &[3, 4]), cols: 4, at: 2 };
        let y = map::Block { of: r.exact("y", &[3, 5]), cols: 5, at: 2 };
        map::columns(&mut r.rec, x, y, 3, 3, false);
    }),
    ("norm.moments", "2 groups of 4 channels", |r| {
        let (x, mean, variance) = (r.exact("x", &[2, 4, 3]), r.exact("mean", &[4]), r.exact("variance", &[4]));
        norm::moments(&mut r.rec, x, mean, variance, NORM);
    }),
    ("norm.follow", "overlap at", |r| {
        let (moments, state) = ([r.exact("mean", &[4]), r.exact("variance", &[4])], r.exact("state", &[9]));
        norm::follow(&mut r.rec, moments, state, norm::Places { spread: 3, batches: 8 }, NORM, 0.1);
    }),
    ("norm.group_bwd_affine", "`dgamma`: results of 4 elements start 3 apart", |r| {
        let (x, stats, dy) = (r.exact("x", &[2, 4, 3]), r.exact("stats", &[2, 2, 2]), r.exact("dy", &[2, 4, 3]));
        let (dgamma, dbeta) = (r.exact("dgamma", &[8]), r.exact("dbeta", &[8]));
        let sink = Reduction::per_sample(3);
        norm::group_bwd_affine(&mut r.rec, x, stats, dy, dgamma, dbeta, NORM, sink);
    }),
    ("graph.spmm", "`x` needs at least [3, 2] = 6 elements, got 4", |r| {
        let (a, val, x, y) = (csr(r), r.exact("val", &[5]), r.exact("x", &[2, 2]), r.exact("y", &[3, 2]));
        graph::spmm(&mut r.rec, &a, val, x, x, y, 2, Spmm { own: 1.0, bias: false });
    }),
    ("graph.spmm", "17 columns do not fit the form Narrow", |r| {
        let (a, val, x, y) = (csr(r), r.exact("val", &[5]), r.exact("x", &[4, 17]), r.exact("y", &[3, 17]));
        graph::spmm_as(&mut r.rec, Form::Narrow, &a, val, x, x, y, 17, Spmm::default());
    }),
    ("graph.aggregate_max", "not their transpose", |r| {
        let (a, perm, val) = (csr(r), r.exact("perm", &[5]), r.exact("val", &[5]));
        let (x, y, arg) = (r.exact("x", &[4, 2]), r.exact("y", &[3, 2]), r.exact("arg", &[3, 2]));
        graph::aggregate_max(&mut r.rec, &Csr { perm: Some(perm), ..a }, val, x, y, arg, 2);
    }),
    ("graph.max_bwd", "needs `perm`", |r| {
        let (t, arg, dy, dx) = (csr(r), r.exact("arg", &[4, 2]), r.exact("dy", &[4, 2]), r.exact("dx", &[3, 2]));
        graph::max_bwd(&mut r.rec, &t, arg, dy, dx, 2);
    }),
    ("graph.segment_bwd", "needs the `arg`", |r| {
        let (seg_ptr, seg_of) = (r.exact("seg_ptr", &[3]), r.exact("seg_of", &[4]));
        let (dy, dx) = (r.exact("dy", &[2, 2]), r.exact("dx", &[4, 2]));
        graph::segment_bwd(&mut r.rec, seg_ptr, seg_of, dy, dx, 2, Readout::Max, None);
    }),
    ("graph.features_bwd_w", "SquareSum needs `seg_of`", |r| {
        let how = Reduction { mode: ReductionMode::SquareSum, ..Reduction::default() };
        let (xt, val, dy, dw) = (csr(r), r.exact("val", &[5]), r.exact("dy", &[3, 2]), r.exact("dw", &[2, 3]));
        graph::features_bwd_w(&mut r.rec, &xt, val, None, dy, dw, 3, 2, how);
    }),
    ("graph.features_bwd_w", "gradients of 6 start 5 apart", |r| {
        let how = Reduction::per_sample(5);
        let (xt, val, seg_of) = (csr(r), r.exact("val", &[5]), r.exact("seg_of", &[3]));
        let (dy, dw) = (r.exact("dy", &[3, 2]), r.exact("dw", &[2, 3]));
        graph::features_bwd_w(&mut r.rec, &xt, val, Some(seg_of), dy, dw, 3, 2, how);
    }),
    ("attention.edge_softmax_bwd", "`t` is a transpose and needs `perm`", |r| {
        let (a, ends) = (edges(r), |r: &mut Rig| Ends { src: r.exact("src", &[3, 2]), dst: r.exact("dst", &[3, 2]) });
        let (s, ds) = (ends(r), ends(r));
        let (alpha, dalpha) = (r.exact("alpha", &[5, 2]), r.exact("dalpha", &[5, 2]));
        attention::edge_softmax_bwd(&mut r.rec, &a, &a, s, alpha, dalpha, ds, 2, 0.2);
    }),
    ("attention.attend_bwd_alpha", "not their transpose", |r| {
        let (a, perm, dy) = (edges(r), r.exact("perm", &[5]), r.exact("dy", &[3, 2]));
        let (z, dalpha) = (r.exact("z", &[4, 2]), r.exact("dalpha", &[5, 1]));
        attention::attend_bwd_alpha(&mut r.rec, &Edges { perm: Some(perm), ..a }, dy, z, dalpha, 1, 2);
    }),
    ("attention.record_table", "pieces of 0 edges", |r| {
        let a = edges(r);
        a.cut(&mut r.rec, 0);
    }),
    ("attention.attend", "pieces of 0 edges", |r| {
        let (a, table) = (edges(r), r.exact("table", &[8, 3]));
        let (alpha, z, y) = (r.exact("alpha", &[5, 1]), r.exact("z", &[4, 2]), r.exact("y", &[3, 2]));
        let a = Edges { split: Some(Split { table, chunk: 0 }), ..a };
        attention::attend(&mut r.rec, &a, alpha, z, y, 1, 2);
    }),
    ("Recording::copy", "`dst` needs 4 elements, got 5", |r| {
        let (src, dst) = (r.exact::<f32>("src", &[4]), r.exact("dst", &[5]));
        r.rec.copy(src, dst);
    }),
    ("Recording::upload", "a range 0..5 of 4", |r| {
        let dst = r.exact::<f32>("dst", &[4]).range(0..5);
        r.rec.upload(dst);
    }),
];

fn convolved(r: &mut Rig, s: ConvShape) {
    let (x, w, y) = (r.exact("x", &[2, 4, 5, 6]), r.exact("w", &[6, 2, 3, 2]), r.exact("y", &[2, 6, 3, 5]));
    conv::conv2d(&mut r.rec, &s, x, w, None, y);
}

fn normalised(r: &mut Rig, shape: NormShape) {
    let (x, gamma, beta) = (r.exact("x", &[2, 4, 3]), r.exact("gamma", &[4]), r.exact("beta", &[4]));
    let (y, stats) = (r.exact("y", &[2, 4, 3]), r.exact("stats", &[2, 2, 2]));
    norm::group(&mut r.rec, x, gamma, beta, y, stats, shape);
}

fn csr(r: &mut Rig) -> Csr {
    Csr { ptr: r.exact("ptr", &[4]), idx: r.exact("idx", &[5]), perm: None, heavy: false }
}

fn edges(r: &mut Rig) -> Edges {
    Edges { ptr: r.exact("ptr", &[4]), idx: r.exact("idx", &[5]), perm: None, longest: 3, split: None }
}

/// Attention within sequences of a shape that does not go.
fn attended(r: &mut Rig, heads: usize, width: usize) {
    let w = attention::Within { heads, width, ..super::sequences::within(r) };
    let [q, y] = ["q", "y"].map(|name| r.exact(name, &[5, heads, width]));
    let [k, v] = ["k", "v"].map(|name| r.exact(name, &[5, 2, width]));
    let lse = r.exact("lse", &[5, heads]);
    attention::within(&mut r.rec, &w, [q, k, v], y, lse);
}
