//! Record functions of edits, solvers and guards, with right shapes.

use unlearn::kernels::edit::{self, Noise};
use unlearn::kernels::guard;
use unlearn::kernels::krylov::{self, Cg};
use unlearn::kernels::solve::{self, Sides};

use super::{Call, call, through};

pub const CALLS: &[Call] = &[
    call("guard.finite", |r| {
        let (x, flag) = (r.free("x", &[5]), r.exact("flag", &[1]));
        guard::finite(&mut r.rec, x, flag);
    }),
    call("edit.dampen", |r| {
        let (theta, full) = (r.leads("theta", &[5]), r.exact("full", &[5]));
        let (forget, mask) = (r.exact("forget", &[5]), r.exact("mask", &[5]));
        edit::dampen(&mut r.rec, theta, full, forget, mask, 1.0, 1.0);
    }),
    call("edit.noise", |r| {
        let (theta, fisher, seed) = (r.leads("theta", &[5]), r.exact("fisher", &[5]), r.exact("seed", &[4]));
        edit::noise(&mut r.rec, theta, fisher, Noise { alpha: 1.0, clamp: 1.0, eps: 1.0, stream: 0 }, seed);
    }),
    call("edit.noise_from", |r| {
        let (theta, variance, seed) = (r.leads("theta", &[5]), r.exact("variance", &[5]), r.exact("seed", &[4]));
        edit::noise_from(&mut r.rec, theta, variance, seed, 0);
    }),
    call("edit.variance", |r| {
        let (fisher, variance) = (r.leads("fisher", &[5]), r.exact("variance", &[5]));
        edit::variance(&mut r.rec, fisher, variance, 1.0, 1.0, 1.0);
    }),
    through("edit.row_mean", "edit.axis_mean", |r| {
        let x = r.exact("x", &[2, 3]);
        edit::row_mean(&mut r.rec, x, 2, 3);
    }),
    call("edit.axis_mean", |r| {
        let x = r.exact("x", &[2, 3, 4]);
        edit::axis_mean(&mut r.rec, x, 2, 3, 4);
    }),
    call("edit.precondition", |r| {
        let (grad, fisher) = (r.leads("grad", &[5]), r.exact("fisher", &[5]));
        let (mean, d) = (r.exact("mean_fisher", &[1]), r.exact("d", &[5]));
        edit::precondition(&mut r.rec, grad, fisher, mean, 0.1, d);
    }),
    call("edit.rescale", |r| {
        let (d, num2, den2) = (r.free("d", &[5]), r.exact("num2", &[1]), r.exact("den2", &[1]));
        edit::rescale(&mut r.rec, d, num2, den2);
    }),
    call("edit.clip", |r| {
        let (g, norm2) = (r.free("g", &[5]), r.exact("norm2", &[1]));
        edit::clip(&mut r.rec, g, norm2, 1.0);
    }),
    call("edit.ewc", |r| {
        let (grad, fisher, mean) = (r.leads("grad", &[5]), r.exact("fisher", &[5]), r.exact("mean_fisher", &[1]));
        let (theta, theta0) = (r.exact("theta", &[5]), r.exact("theta0", &[5]));
        edit::ewc(&mut r.rec, grad, fisher, mean, theta, theta0, 1.0);
    }),
    call("edit.mask", |r| {
        let (x, m) = (r.leads("x", &[5]), r.exact("m", &[5]));
        edit::mask(&mut r.rec, x, m);
    }),
    call("edit.restore", |r| {
        let (x, m, origin) = (r.leads("x", &[5]), r.exact("m", &[5]), r.exact("origin", &[5]));
        edit::restore(&mut r.rec, x, m, origin);
    }),
    call("edit.lerp", |r| {
        let (a, b) = (r.leads("a", &[5]), r.exact("b", &[5]));
        edit::lerp(&mut r.rec, a, b, 0.5);
    }),
    call("edit.step", |r| {
        let (theta, d, lr) = (r.leads("theta", &[5]), r.exact("d", &[5]), r.exact("lr", &[1]));
        edit::step(&mut r.rec, theta, d, lr, -1.0);
    }),
    call("edit.add_sign", |r| {
        let (g, theta, t) = (r.leads("g", &[5]), r.exact("theta", &[5]), r.exact("t", &[1]));
        edit::add_sign(&mut r.rec, g, theta, t);
    }),
    call("edit.threshold", |r| {
        let (num, den, m) = (r.exact("num", &[5]), r.exact("den", &[5]), r.leads("m", &[5]));
        edit::threshold(&mut r.rec, num, den, 1.0, m);
    }),
    call("krylov.dots", |r| {
        let (x, w, y) = (r.exact("x", &[3, 8]), r.leads("w", &[8]), r.leads("y", &[3]));
        krylov::dots(&mut r.rec, x, w, y);
    }),
    call("krylov.combine", |r| {
        let (x, c, y) = (r.exact("x", &[3, 8]), r.leads("c", &[3]), r.leads("y", &[8]));
        krylov::combine(&mut r.rec, x, c, y, 1.0);
    }),
    call("krylov.iterate", |r| {
        let (x, s, d, q) = (r.leads("x", &[8]), r.exact("r", &[8]), r.exact("d", &[8]), r.exact("q", &[8]));
        let (state, alpha, beta) = (r.exact("state", &[4]), r.exact("alpha", &[1]), r.exact("beta", &[1]));
        Cg { x, r: s, d, q, state, alpha, beta }.iterate(&mut r.rec, 0.1);
    }),
    call("solve.damp", |r| {
        let (a, y) = (r.exact("a", &[3, 3]), r.exact("y", &[3, 3]));
        solve::damp(&mut r.rec, a, y, 3, 0.1);
    }),
    call("solve.cholesky", |r| {
        let (a, status) = (r.exact("a", &[3, 3]), r.exact("status", &[1]));
        solve::cholesky(&mut r.rec, a, 3, status);
    }),
    call("solve.triangular", |r| {
        let (l, b) = (r.exact("l", &[3, 3]), r.exact("b", &[3, 2]));
        solve::triangular(&mut r.rec, l, Sides::columns(b, 3, 2), false);
    }),
    through("solve.solve", "solve.triangular", |r| {
        let (l, b) = (r.exact("l", &[3, 3]), r.exact("b", &[2, 3]));
        solve::solve(&mut r.rec, l, Sides::rows(b, 3, 2));
    }),
];
