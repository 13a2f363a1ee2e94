//! Losses of pairs of texts, one behind the other, of which the second is to be preferred.

use super::super::{Losses, Outputs};
use super::times_rows;
use crate::engine::{Buf, Recording};
use crate::kernels::map::{self, Binary, Curve, Unary};
use crate::kernels::reduce;

/// Makes of the losses of texts the preference of each pair: see [`super::Lesson::Preferred`]. `signed` and `before`
/// are those of the batch's texts.
pub(super) fn preferred(rec: &mut Recording, out: &Outputs, own: &Losses, [signed, before]: [Buf<f32>; 2], beta: f64) {
    let (texts, losses) = (out.n, own.sums.range(0..out.n));
    let pairs = texts / 2;
    let [sums, rise, both] = ["sums", "rise", "both texts"].map(|name| rec.temp(name, texts));
    map::binary(rec, Binary::Mul, signed, losses, sums);
    map::binary(rec, Binary::Sub, before, sums, rise);
    // m₀ − m of each pair, its two texts side by side.
    let [lack, scaled, sure, soft] = ["lack", "scaled", "sigmoid", "softplus"].map(|name| rec.temp(name, pairs));
    reduce::rows(rec, rise, lack);
    map::axpby(rec, beta as f32, lack, 0.0, scaled);
    map::unary(rec, Unary::Sigmoid, scaled, sure);
    // A step divides by texts, of which there are two a pair: −2 σ becomes −4 σ.
    rec.clear(both);
    map::bias(rec, both, sure, 1, pairs, 2);
    let [factor, minus] = ["factor", "of texts"].map(|name| rec.temp(name, texts));
    map::binary(rec, Binary::Mul, both, signed, factor);
    map::axpby(rec, -4.0, factor, 0.0, minus);
    times_rows(rec, own.dlogits, minus, out);
    map::unary(rec, Curve { op: Unary::Softplus, a: beta as f32, b: 20.0 }, lack, soft);
    rec.clear(both);
    map::bias(rec, both, soft, 1, pairs, 2);
    map::axpby(rec, 2.0, both, 0.0, losses);
}
