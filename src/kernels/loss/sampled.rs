//! Gradients under labels that are drawn from the model itself.

use crate::base::philox;
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent, TwinCall};
use crate::params;

params! {
    /// [rows, classes], and the draw.
    pub struct Sampled { rows: u32, classes: u32, seed_lo: u32, seed_hi: u32, sample: u32 }
}

/// Gradients whose squares' mean over draws is the expectation over the model's labels.
pub static SAMPLED_SCORE: Kernel = Kernel {
    name: "loss.sampled_score",
    source: include_str!("../../../shaders/loss/sampled_score.wgsl"),
    params: Sampled::FIELDS,
    twin,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Keeps these numbers apart from other uses of one seed; the shader has the same.
const STREAM: u32 = 0x6c61_6265;

/// Records `dlogits = p − onehot(y)` per row, p = softmax(logits) and y drawn from p: the Monte Carlo form of
/// [`super::label_score`], one backward pass a draw instead of one a class. The draw is a pure function of
/// (`seed`, `ids[row]`, `sample`): the batch that a record lies in does not matter. `ids` is \[rows\], `logits` and
/// `dlogits` [rows, classes].
pub fn sampled_score(
    rec: &mut Recording,
    logits: Buf<f32>,
    ids: Buf<u32>,
    dlogits: Buf<f32>,
    classes: usize,
    seed: u64,
    sample: u32,
) {
    let rows = ids.len;
    let checks = rec.arguments("loss.sampled_score").shape("logits", logits, &[rows, classes]);
    if checks.shape("dlogits", dlogits, &[rows, classes]).wrong() {
        return;
    }
    let n = logits.len as u64;
    let (seed_lo, seed_hi) = (seed as u32, (seed >> 32) as u32);
    rec.dispatch(&SAMPLED_SCORE)
        .params(Sampled { rows: rows as u32, classes: classes as u32, seed_lo, seed_hi, sample })
        .read(logits)
        .read(ids)
        .write(dlogits)
        .turns(4 * classes + 10)
        .work(20 * n + 200 * rows as u64, 8 * n + 4 * rows as u64)
        .threads(rows);
}

/// Bindings z ids dz; see `sampled_score.wgsl`.
fn twin(call: &mut TwinCall) {
    let Sampled { classes, seed_lo, seed_hi, sample, .. } = call.params();
    let [z, ids, dz] = call.bufs();
    let rows = z.f().chunks(classes.max(1) as usize).zip(dz.f_mut().chunks_mut(classes.max(1) as usize));
    for ((z, dz), id) in rows.zip(ids.u()) {
        let top = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let e: Vec<f64> = z.iter().map(|v| (v - top).exp()).collect();
        let sum: f64 = e.iter().sum();
        let goal = sum * f64::from(philox::unit(philox::philox([*id, STREAM, sample, 0], [seed_lo, seed_hi])[0]));
        let mut below = 0.0;
        let drawn = e.iter().position(|v| {
            below += v;
            below > goal
        });
        let last = || e.iter().rposition(|v| *v > 0.0).unwrap_or(0);
        let label = drawn.unwrap_or_else(last);
        dz.iter_mut().zip(&e).for_each(|(d, v)| *d = v / sum);
        dz[label] = -e.iter().enumerate().filter(|(c, _)| *c != label).map(|(_, v)| v).sum::<f64>() / sum;
    }
}
