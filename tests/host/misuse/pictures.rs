//! Record functions over channels and planes, with right shapes.

use unlearn::engine::Buf;
use unlearn::kernels::conv::{self, Chunks, ConvShape, WeightGrad};
use unlearn::kernels::norm::{self, NormShape, Places};
use unlearn::kernels::{Reduction, hw, pool};

use super::{Call, Rig, call, through};

pub const CALLS: &[Call] = &[
    call("conv.conv2d", |r| {
        let (x, w) = (r.exact("x", &[2, 4, 5, 6]), r.exact("w", &[6, 2, 3, 2]));
        let (b, y) = (r.exact("b", &[6]), r.exact("y", &[2, 6, 3, 5]));
        conv::conv2d(&mut r.rec, &conv2(), x, w, Some(b), y);
    }),
    call("conv.conv2d_bwd_x", |r| {
        let (w, dy, dx) = (r.exact("w", &[6, 2, 3, 2]), r.exact("dy", &[2, 6, 3, 5]), r.exact("dx", &[2, 4, 5, 6]));
        conv::conv2d_bwd_x(&mut r.rec, &conv2(), w, dy, dx);
    }),
    call("conv.conv2d_bwd_w", |r| {
        let (x, dy, dw) = (r.exact("x", &[2, 4, 5, 6]), r.exact("dy", &[2, 6, 3, 5]), r.least("dw", &[80 + 72]));
        let each = WeightGrad { chunks: Chunks { per_chunk: 1, count: 2 }, stride: 80, square: false };
        conv::conv2d_bwd_w(&mut r.rec, &conv2(), x, dy, dw, each);
    }),
    call("conv.conv2d_norms", |r| {
        let (x, dy, out) = (r.exact("x", &[2, 4, 5, 6]), r.exact("dy", &[2, 6, 3, 5]), r.exact("out", &[2]));
        conv::conv2d_norms(&mut r.rec, &conv2(), x, dy, out);
    }),
    call("conv.unfold", |r| {
        let (x, y) = (r.exact("x", &[2, 4, 5, 6]), r.exact("y", &[1, 3, 5, 4, 3, 2]));
        conv::unfold(&mut r.rec, &ConvShape { groups: 1, ..conv2() }, 1..2, x, y);
    }),
    call("norm.group", |r| {
        let (x, gamma, beta) = (r.exact("x", &[2, 4, 3]), r.exact("gamma", &[4]), r.exact("beta", &[4]));
        let (y, stats) = (r.exact("y", &[2, 4, 3]), r.exact("stats", &[2, 2, 2]));
        norm::group(&mut r.rec, x, gamma, beta, y, stats, NORM);
    }),
    call("norm.group_bwd_x", |r| {
        let (x, gamma, stats) = (r.exact("x", &[2, 4, 3]), r.exact("gamma", &[4]), r.exact("stats", &[2, 2, 2]));
        let (dy, dx) = (r.exact("dy", &[2, 4, 3]), r.exact("dx", &[2, 4, 3]));
        norm::group_bwd_x(&mut r.rec, x, gamma, stats, dy, dx, NORM);
    }),
    call("norm.group_bwd_affine", |r| {
        let (x, stats, dy) = (r.exact("x", &[2, 4, 3]), r.exact("stats", &[2, 2, 2]), r.exact("dy", &[2, 4, 3]));
        let (dgamma, dbeta) = (r.exact("dgamma", &[4]), r.exact("dbeta", &[4]));
        norm::group_bwd_affine(&mut r.rec, x, stats, dy, dgamma, dbeta, NORM, Reduction::default());
    }),
    call("norm.group_bwd_affine", |r| {
        let (x, stats, dy) = (r.exact("x", &[2, 4, 3]), r.exact("stats", &[2, 2, 2]), r.exact("dy", &[2, 4, 3]));
        let (dgamma, dbeta) = (r.least("dgamma", &[9 + 4]), r.least("dbeta", &[9 + 4]));
        let sink = Reduction::per_sample(9);
        norm::group_bwd_affine(&mut r.rec, x, stats, dy, dgamma, dbeta, NORM, sink);
    }),
    call("norm.group_affine_norms", |r| {
        let (x, stats, dy) = (r.exact("x", &[2, 4, 3]), r.exact("stats", &[2, 2, 2]), r.exact("dy", &[2, 4, 3]));
        let out = [r.exact("dgamma", &[2]), r.exact("dbeta", &[2])];
        norm::group_affine_norms(&mut r.rec, x, stats, dy, out, NORM);
    }),
    call("norm.group_affine_parts", |r| {
        let (x, stats, dy) = (r.exact("x", &[2, 4, 3]), r.exact("stats", &[2, 2, 2]), r.exact("dy", &[2, 4, 3]));
        let out = [r.exact("dgamma", &[2, 4]), r.exact("dbeta", &[2, 4])];
        norm::group_affine_parts(&mut r.rec, x, stats, dy, out, NORM);
    }),
    call("norm.rms", |r| {
        let (x, gamma) = (r.exact("x", &[2, 4, 3]), r.exact("gamma", &[4]));
        let (y, stats) = (r.exact("y", &[2, 4, 3]), r.exact("stats", &[2, 2, 2]));
        norm::rms(&mut r.rec, x, gamma, y, stats, NormShape { centred: false, ..NORM });
    }),
    call("norm.group_bwd", |r| {
        let (x, gamma, stats) = (r.exact("x", &[2, 4, 3]), r.exact("gamma", &[4]), r.exact("stats", &[2, 2, 2]));
        let (dy, dx) = (r.exact("dy", &[2, 4, 3]), r.exact("dx", &[2, 4, 3]));
        let affine = (r.exact("dgamma", &[4]), r.exact("dbeta", &[4]), Reduction::default());
        norm::group_bwd(&mut r.rec, x, gamma, stats, dy, dx, affine, NORM);
    }),
    call("norm.moments", |r| {
        let (x, mean, variance) = (r.exact("x", &[2, 4, 3]), r.exact("mean", &[4]), r.exact("variance", &[4]));
        norm::moments(&mut r.rec, x, mean, variance, CHANNELS);
    }),
    call("norm.follow", |r| {
        let (moments, at) = ([r.exact("mean", &[4]), r.exact("variance", &[4])], Places { spread: 5, batches: 9 });
        let state = r.least("state", &[10]);
        norm::follow(&mut r.rec, moments, state, at, CHANNELS, 0.1);
    }),
    call("norm.spread", |r| {
        let moments = [r.exact("mean", &[4]), r.exact("variance", &[4])];
        let stats = r.exact("stats", &[2, 4, 2]);
        norm::spread(&mut r.rec, moments, stats, CHANNELS);
    }),
    call("norm.normalise", |r| {
        let (x, affine) = (r.exact("x", &[2, 4, 3]), [r.exact("gamma", &[4]), r.exact("beta", &[4])]);
        let (stats, y) = (r.exact("stats", &[2, 4, 2]), r.exact("y", &[2, 4, 3]));
        norm::normalise(&mut r.rec, x, affine, stats, y, CHANNELS);
    }),
    call("norm.normalise_bwd_x", |r| {
        let (operands, dx) = (batch_operands(r), r.exact("dx", &[2, 4, 3]));
        norm::normalise_bwd_x(&mut r.rec, operands, dx, CHANNELS);
    }),
    call("norm.batch_bwd", |r| {
        let (operands, sums) = (batch_operands(r), [r.exact("dgamma", &[4]), r.exact("dbeta", &[4])]);
        let dx = Some(r.exact("dx", &[2, 4, 3]));
        norm::batch_bwd(&mut r.rec, operands, sums, dx, CHANNELS);
    }),
    call("pool.max", |r| {
        let (x, y, arg) = (r.exact("x", &[2, 3, 4, 6]), r.exact("y", &[2, 3, 2, 3]), r.exact("arg", &[2, 3, 2, 3]));
        pool::max(&mut r.rec, &pool2(), x, y, arg);
    }),
    through("pool.relu_max", "pool.max", |r| {
        let (x, y, arg) = (r.exact("x", &[2, 3, 4, 6]), r.exact("y", &[2, 3, 2, 3]), r.exact("arg", &[2, 3, 2, 3]));
        pool::relu_max(&mut r.rec, &pool2(), x, y, arg);
    }),
    call("pool.max_bwd", |r| {
        let (dy, arg, dx) = (r.exact("dy", &[2, 3, 2, 3]), r.exact("arg", &[2, 3, 2, 3]), r.exact("dx", &[2, 3, 4, 6]));
        pool::max_bwd(&mut r.rec, &pool2(), dy, arg, dx);
    }),
    call("pool.max_tangent", |r| {
        let (s, arg, ry) = (r.exact("r", &[2, 3, 4, 6]), r.exact("arg", &[2, 3, 2, 3]), r.exact("ry", &[2, 3, 2, 3]));
        pool::max_tangent(&mut r.rec, &pool2(), s, arg, ry);
    }),
    call("pool.avg", |r| {
        let (x, y) = (r.exact("x", &[2, 3, 4, 6]), r.exact("y", &[2, 3, 2, 3]));
        pool::avg(&mut r.rec, &pool2(), x, y);
    }),
    call("pool.adaptive_avg", |r| {
        let (x, y) = (r.exact("x", &[6, 4, 6]), r.exact("y", &[6, 3, 4]));
        pool::adaptive_avg(&mut r.rec, &bins(), x, y);
    }),
    call("pool.adaptive_avg_bwd", |r| {
        let (dy, dx) = (r.exact("dy", &[6, 3, 4]), r.exact("dx", &[6, 4, 6]));
        pool::adaptive_avg_bwd(&mut r.rec, &bins(), dy, dx);
    }),
    call("pool.avg_bwd", |r| {
        let (dy, dx) = (r.exact("dy", &[2, 3, 2, 3]), r.exact("dx", &[2, 3, 4, 6]));
        pool::avg_bwd(&mut r.rec, &pool2(), dy, dx);
    }),
];

/// 6 kernels of 3 x 2 in 2 groups over pictures of 5 x 6 with 4 channels.
pub fn conv2() -> ConvShape {
    ConvShape { groups: 2, ..ConvShape::plain(2, 4, 5, 6, 6, hw([3, 2])) }
}

pub const NORM: NormShape = NormShape { n: 2, c: 4, p: 3, groups: 2, eps: 1e-5, centred: true };

const CHANNELS: NormShape = NormShape { groups: 4, ..NORM };

/// x, gamma, stats and dy of a batch normalisation.
fn batch_operands(r: &mut Rig) -> [Buf<f32>; 4] {
    [("x", &[2, 4, 3][..]), ("gamma", &[4]), ("stats", &[2, 4, 2]), ("dy", &[2, 4, 3])].map(|(n, s)| r.exact(n, s))
}

/// Six planes of 4 x 6 to 3 x 4.
fn bins() -> pool::AdaptiveShape {
    pool::AdaptiveShape::new(6, [4, 6], [3, 4]).expect("fits")
}

/// Windows of 2 x 2 over pictures of 4 x 6.
fn pool2() -> pool::PoolShape {
    pool::PoolShape::new(2, 3, 4, 6, hw([2, 2]), hw([2, 2]), hw([0, 0])).expect("fits")
}
