//! Record functions of dense layers, losses, sums and optimisers, with right shapes.

use unlearn::kernels::linear::{self, Mat, Product};
use unlearn::kernels::loss;
use unlearn::kernels::map::{self, Binary, Unary};
use unlearn::kernels::optim::{self, Adam, Sgd};
use unlearn::kernels::peak;
use unlearn::kernels::{Reduction, reduce};

use super::{Call, call, through};

pub const CALLS: &[Call] = &[
    call("linear.product", |r| {
        let (a, b, bias, y) =
            (r.exact("a", &[2, 3]), r.exact("b", &[3, 4]), r.exact("bias", &[4]), r.exact("y", &[2, 4]));
        let options = Product { bias: true, ..Product::default() };
        linear::product(&mut r.rec, Mat::new(a, 2, 3), Mat::new(b, 3, 4), bias, y, options);
    }),
    call("linear.product", |r| {
        let (a, b, y) = (r.exact("a", &[3, 2]), r.exact("b", &[3, 3]), r.exact("y", &[2]));
        let (a, b) = (Mat::new(a, 3, 2).t(), Mat::diagonal(b, 3).t());
        let bias = r.rec.temp("bias", 1);
        linear::product(&mut r.rec, a, b, bias, y, Product::default());
    }),
    through("linear.product_planned", "linear.product", |r| {
        let (a, b, bias, y) =
            (r.exact("a", &[2, 40]), r.exact("b", &[40, 4]), r.exact("bias", &[4]), r.exact("y", &[2, 4]));
        let options = Product { bias: true, ..Product::default() };
        let plan = linear::Plan { kernel: &linear::MATMUL_SMALL, per: 16 };
        linear::product_planned(&mut r.rec, plan, Mat::new(a, 2, 40), Mat::new(b, 40, 4), bias, y, options);
    }),
    call("linear.products", |r| {
        let (a, b, bias, y) =
            (r.least("a", &[6 + 7]), r.least("b", &[12]), r.least("bias", &[8 + 9]), r.least("y", &[8 + 9]));
        let options = Product { then: linear::Then::Slope, ..Product::default() };
        let batch = linear::Batch { count: 2, a: 7, b: 0, y: 9 };
        linear::products(&mut r.rec, batch, Mat::first(a, 2, 3), Mat::first(b, 3, 4), bias, y, options);
    }),
    call("linear.outer", |r| {
        let (dy, x, y) = (r.leads("dy", &[3, 5]), r.leads("x", &[3, 4]), r.least("y", &[2 * 24 + 20]));
        linear::outer(&mut r.rec, dy, x, y, 3, 24);
    }),
    call("map.unary", |r| {
        let (x, y) = (r.exact("x", &[5]), r.leads("y", &[5]));
        map::unary(&mut r.rec, Unary::Gelu, x, y);
    }),
    call("map.unary_bwd", |r| {
        let (x, y, dy, dx) = (r.exact("x", &[5]), r.exact("y", &[5]), r.exact("dy", &[5]), r.leads("dx", &[5]));
        map::unary_bwd(&mut r.rec, Unary::Gelu, x, y, dy, dx);
    }),
    call("map.unary_bwd_tangent", |r| {
        let (v, s, dy, out) = (r.exact("v", &[5]), r.exact("r", &[5]), r.exact("dy", &[5]), r.leads("out", &[5]));
        map::unary_bwd_tangent(&mut r.rec, Unary::Gelu, v, s, dy, out, false);
    }),
    call("map.binary", |r| {
        let (a, b, y) = (r.exact("a", &[5]), r.exact("b", &[5]), r.leads("y", &[5]));
        map::binary(&mut r.rec, Binary::Mul, a, b, y);
    }),
    call("map.axpby", |r| {
        let (x, y) = (r.exact("x", &[5]), r.leads("y", &[5]));
        map::axpby(&mut r.rec, 1.0, x, 1.0, y);
    }),
    call("map.fill", |r| {
        let y = r.free("y", &[5]);
        map::fill(&mut r.rec, y, 1.0);
    }),
    call("map.bias", |r| {
        let (x, b) = (r.exact("x", &[2, 3, 4]), r.exact("b", &[3]));
        map::bias(&mut r.rec, x, b, 2, 3, 4);
    }),
    call("map.gather_rows", |r| {
        let (src, idx, y) = (r.exact("src", &[3, 4]), r.leads("idx", &[2]), r.exact("y", &[2, 4]));
        map::gather_rows(&mut r.rec, src, 0, 3, 4, idx, y);
    }),
    call("map.columns", |r| {
        let x = map::Block { of: r.exact("x", &[3, 4]), cols: 4, at: 1 };
        let y = map::Block { of: r.exact("y", &[3, 5]), cols: 5, at: 2 };
        map::columns(&mut r.rec, x, y, 3, 3, false);
    }),
    call("map.gather_words", |r| {
        let (src, idx, y) = (r.free("src", &[7]), r.exact("idx", &[3]), r.leads("y", &[3]));
        map::gather_words(&mut r.rec, src, idx, y);
    }),
    call("map.dropout", |r| {
        let (x, y, step) = (r.exact("x", &[5]), r.leads("y", &[5]), r.least("step", &[4]));
        map::dropout(&mut r.rec, x, y, 0.5, 1, step);
    }),
    call("map.relu_dropout", |r| {
        let (x, y, step) = (r.exact("x", &[5]), r.leads("y", &[5]), r.least("step", &[4]));
        map::relu_dropout(&mut r.rec, x, y, 0.5, 1, step);
    }),
    call("map.relu_dropout_bwd", |r| {
        let (y, dy, dx) = (r.exact("y", &[5]), r.exact("dy", &[5]), r.leads("dx", &[5]));
        map::relu_dropout_bwd(&mut r.rec, y, dy, dx, 0.5);
    }),
    call("map.words", |r| {
        let (y, step) = (r.free("y", &[5]), r.least("step", &[4]));
        map::words(&mut r.rec, y, 1, step);
    }),
    call("map.augment", |r| {
        let (x, y) = (r.exact("x", &[3, 1, 2, 2]), r.exact("y", &[3, 1, 2, 2]));
        let (ids, step) = (r.leads("ids", &[3]), r.least("step", &[4]));
        let changes = map::Changes { pad: 1, flip: true, cut: 1 };
        map::augment(&mut r.rec, x, ids, step, y, [1, 2, 2], changes);
    }),
    call("map.normal", |r| {
        let (y, step) = (r.free("y", &[5]), r.least("step", &[4]));
        map::normal(&mut r.rec, y, 1.0, 1, step);
    }),
    call("reduce.rows", |r| {
        let (x, y) = (r.leads("x", &[3, 5]), r.leads("y", &[3]));
        reduce::rows(&mut r.rec, x, y);
    }),
    call("reduce.total", |r| {
        let (x, y) = (r.free("x", &[5]), r.exact("y", &[1]));
        reduce::total(&mut r.rec, x, y, 1.0, true);
    }),
    call("reduce.channels", |r| {
        let (x, out) = (r.exact("x", &[2, 3, 4]), r.exact("out", &[3]));
        reduce::channels(&mut r.rec, x, out, 2, 3, 4, Reduction::default());
    }),
    call("reduce.channels", |r| {
        let (x, out) = (r.exact("x", &[2, 3, 4]), r.least("out", &[8 + 3]));
        let options = Reduction::per_sample(8);
        reduce::channels(&mut r.rec, x, out, 2, 3, 4, options);
    }),
    call("reduce.argmax", |r| {
        let (x, y) = (r.leads("x", &[3, 5]), r.leads("y", &[3]));
        reduce::argmax(&mut r.rec, x, y);
    }),
    call("reduce.row_norms", |r| {
        let (a, y) = (r.leads("a", &[3, 5]), r.leads("y", &[3]));
        reduce::row_norms(&mut r.rec, a, y);
    }),
    through("reduce.pair_norms", "reduce.row_norms", |r| {
        let (a, b, y) = (r.leads("a", &[3, 5]), r.leads("b", &[3, 7]), r.leads("y", &[3]));
        reduce::pair_norms(&mut r.rec, a, b, y);
    }),
    call("reduce.weighted", |r| {
        let (x, w, y) = (r.exact("x", &[3, 5]), r.leads("w", &[3]), r.leads("y", &[5]));
        reduce::weighted(&mut r.rec, x, w, y, 1.0, 0.0);
    }),
    call("loss.softmax_xent", |r| {
        let (logits, labels, loss) = (r.exact("logits", &[2, 3]), r.exact("labels", &[2]), r.exact("loss", &[2]));
        let (dlogits, correct) = (r.exact("dlogits", &[2, 3]), r.exact("correct", &[2]));
        loss::softmax_xent(&mut r.rec, logits, labels, loss, dlogits, correct, 2, 3);
    }),
    call("loss.softmax_xent_at", |r| {
        let (logits, labels, at) = (r.leads("logits", &[5, 3]), r.exact("labels", &[2]), r.leads("at", &[2]));
        let (loss, dlogits) = (r.exact("loss", &[2]), r.exact("dlogits", &[5, 3]));
        let correct = r.exact("correct", &[2]);
        loss::softmax_xent_at(&mut r.rec, logits, labels, at, loss, dlogits, correct, 3);
    }),
    call("loss.softmax_xent_tangent", |r| {
        let (logits, labels) = (r.leads("logits", &[3, 5]), r.leads("labels", &[3]));
        let (s, hr) = (r.exact("r", &[3, 5]), r.exact("hr", &[3, 5]));
        loss::softmax_xent_tangent(&mut r.rec, logits, labels, s, hr, true);
    }),
    call("loss.soft_kl", |r| {
        let (logits, targets) = (r.leads("logits", &[3, 5]), r.exact("targets", &[3, 5]));
        let (loss, dlogits) = (r.leads("loss", &[3]), r.exact("dlogits", &[3, 5]));
        loss::soft_kl(&mut r.rec, logits, targets, loss, dlogits);
    }),
    call("loss.mse", |r| {
        let (y, targets) = (r.leads("y", &[3, 5]), r.exact("targets", &[3, 5]));
        let (loss, dy) = (r.leads("loss", &[3]), r.exact("dy", &[3, 5]));
        loss::mse(&mut r.rec, y, targets, loss, dy);
    }),
    call("loss.softmax", |r| {
        let (logits, prob) = (r.leads("logits", &[3, 5]), r.exact("prob", &[3, 5]));
        loss::softmax(&mut r.rec, logits, prob, 5);
    }),
    call("loss.label_score", |r| {
        let (logits, dlogits) = (r.leads("logits", &[3, 5]), r.exact("dlogits", &[3, 5]));
        loss::label_score(&mut r.rec, logits, dlogits, 5, 4);
    }),
    call("loss.sampled_score", |r| {
        let (logits, ids, dlogits) = (r.exact("logits", &[3, 5]), r.leads("ids", &[3]), r.exact("dlogits", &[3, 5]));
        loss::sampled_score(&mut r.rec, logits, ids, dlogits, 5, 1, 0);
    }),
    call("loss.clip_rows", |r| {
        let (x, squares) = (r.leads("x", &[3, 5]), r.leads("squares", &[3]));
        let (weight, y) = (r.exact("weight", &[3]), r.exact("y", &[3, 5]));
        loss::clip_rows(&mut r.rec, x, squares, Some(weight), y, 1.0);
    }),
    call("optim.sgd", |r| {
        let (theta, grad, velocity) = (r.leads("theta", &[5]), r.exact("grad", &[5]), r.exact("velocity", &[5]));
        let hyper = r.least("hyper", &[1]);
        optim::sgd(&mut r.rec, theta, grad, velocity, hyper, Sgd { momentum: 0.9, ..Sgd::default() });
    }),
    call("optim.adam", |r| {
        let (theta, grad) = (r.leads("theta", &[5]), r.exact("grad", &[5]));
        let (m, v, hyper) = (r.exact("m", &[5]), r.exact("v", &[5]), r.least("hyper", &[3]));
        optim::adam(&mut r.rec, theta, grad, m, v, hyper, Adam::default());
    }),
    call("peak.copy", |r| {
        let (x, y) = (r.exact("x", &[5]), r.leads("y", &[5]));
        peak::copy(&mut r.rec, x, y);
    }),
    call("peak.triad", |r| {
        let (a, b, y) = (r.exact("a", &[5]), r.exact("b", &[5]), r.leads("y", &[5]));
        peak::triad(&mut r.rec, a, b, 0.5, y);
    }),
    call("peak.fma", |r| {
        let (x, y) = (r.exact("x", &[5]), r.leads("y", &[5]));
        peak::fma(&mut r.rec, x, y, 2, true);
    }),
    call("peak.shared", |r| {
        let (x, y) = (r.exact("x", &[peak::TILE]), r.free("y", &[5]));
        peak::shared(&mut r.rec, x, y, 2);
    }),
];
