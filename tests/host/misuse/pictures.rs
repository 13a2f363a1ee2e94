//! Record functions over channels and planes, with right shapes.

use unlearn::kernels::norm::{self, NormShape};
use unlearn::kernels::{Reduction, pool};

use super::{Call, call};

pub const CALLS: &[Call] = &[
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
    call("norm.group_bwd", |r| {
        let (x, gamma, stats) = (r.exact("x", &[2, 4, 3]), r.exact("gamma", &[4]), r.exact("stats", &[2, 2, 2]));
        let (dy, dx) = (r.exact("dy", &[2, 4, 3]), r.exact("dx", &[2, 4, 3]));
        let affine = (r.exact("dgamma", &[4]), r.exact("dbeta", &[4]), Reduction::default());
        norm::group_bwd(&mut r.rec, x, gamma, stats, dy, dx, affine, NORM);
    }),
    call("pool.max", |r| {
        let (x, y, arg) = (r.exact("x", &[2, 3, 4, 6]), r.exact("y", &[2, 3, 2, 3]), r.exact("arg", &[2, 3, 2, 3]));
        pool::max(&mut r.rec, &pool2(), x, y, arg);
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
    call("pool.avg_bwd", |r| {
        let (dy, dx) = (r.exact("dy", &[2, 3, 2, 3]), r.exact("dx", &[2, 3, 4, 6]));
        pool::avg_bwd(&mut r.rec, &pool2(), dy, dx);
    }),
];

pub const NORM: NormShape = NormShape { n: 2, c: 4, p: 3, groups: 2, eps: 1e-5 };

/// Windows of 2 x 2 over pictures of 4 x 6.
fn pool2() -> pool::PoolShape {
    pool::PoolShape::new(2, 3, 4, 6, [2, 2], [2, 2], [0, 0]).expect("fits")
}
