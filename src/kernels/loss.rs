//! Losses and their gradients with respect to the network's output, one value per row, never divided by the batch size:
//! 1/B enters where gradients are averaged.

mod cases;
mod sampled;
mod tangent;
#[cfg(test)]
mod tests;
mod twin;

pub use cases::{asked, cases, random};
pub use sampled::{SAMPLED_SCORE, sampled_score};
pub use tangent::{SOFTMAX_XENT_TANGENT, softmax_xent_tangent};

use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent};
use crate::params;

params! {
    /// [rows, classes].
    pub struct Logits { rows: u32, classes: u32 }
}

params! {
    /// [rows, classes], and the rows of the matrix that they are among.
    pub struct Xent { rows: u32, classes: u32, sources: u32 }
}

params! {
    /// [rows, classes] and one class.
    pub struct Label { rows: u32, classes: u32, label: u32 }
}

params! {
    /// [rows, classes] and the longest that a gradient may be.
    pub struct Clip { rows: u32, classes: u32, clip: f32 }
}

/// Cross-entropy with integer labels.
pub static SOFTMAX_XENT: Kernel = Kernel {
    name: "loss.softmax_xent",
    source: include_str!("../../shaders/loss/softmax_xent.wgsl"),
    params: Xent::FIELDS,
    twin: twin::softmax_xent,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::softmax_xent),
    variant_of: None,
};

/// Kullback-Leibler divergence from given probabilities.
pub static SOFT_KL: Kernel = Kernel {
    name: "loss.soft_kl",
    source: include_str!("../../shaders/loss/soft_kl.wgsl"),
    params: Logits::FIELDS,
    twin: twin::soft_kl,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Mean squared error per row.
pub static MSE: Kernel = Kernel {
    name: "loss.mse",
    source: include_str!("../../shaders/loss/mse.wgsl"),
    params: Logits::FIELDS,
    twin: twin::mse,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::mse),
    variant_of: None,
};

/// Probabilities.
pub static SOFTMAX: Kernel = Kernel {
    name: "loss.softmax",
    source: include_str!("../../shaders/loss/softmax.wgsl"),
    params: Logits::FIELDS,
    twin: twin::softmax,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Gradients whose squares average over the model's own labels.
pub static LABEL_SCORE: Kernel = Kernel {
    name: "loss.label_score",
    source: include_str!("../../shaders/loss/label_score.wgsl"),
    params: Label::FIELDS,
    twin: twin::label_score,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Rows of logit gradients scaled so that no record's gradient is longer than a bound.
pub static CLIP_ROWS: Kernel = Kernel {
    name: "loss.clip_rows",
    source: include_str!("../../shaders/loss/clip_rows.wgsl"),
    params: Clip::FIELDS,
    twin: twin::clip_rows,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// The family's kernels.
pub static KERNELS: &[&Kernel] =
    &[&SOFTMAX_XENT, &SOFTMAX_XENT_TANGENT, &SOFT_KL, &MSE, &SOFTMAX, &LABEL_SCORE, &SAMPLED_SCORE, &CLIP_ROWS];

impl Logits {
    fn new(rows: usize, classes: usize) -> Logits {
        Logits { rows: rows as u32, classes: classes as u32 }
    }

    /// The shape of a matrix of `len` elements with one row per loss; too few classes where rows are not equal.
    fn of(len: usize, rows: usize) -> Logits {
        Logits::new(rows, len.checked_div(rows).unwrap_or(0))
    }

    fn dims(&self) -> [usize; 2] {
        [self.rows as usize, self.classes as usize]
    }
}

/// Records per row of `logits` \[b,c\]: `loss = log Σ exp(z) − z[label]`, `dlogits = softmax(z) − onehot(label)`, and
/// `correct` = 1 where the (lowest) maximum is at the label, else 0. `labels`, `loss`, `correct` are \[b\]. A label ≥ c
/// marks a row that does not count: all three outputs are 0 there.
#[allow(clippy::too_many_arguments, reason = "the buffers of the formula")]
pub fn softmax_xent(
    rec: &mut Recording,
    logits: Buf<f32>,
    labels: Buf<u32>,
    loss: Buf<f32>,
    dlogits: Buf<f32>,
    correct: Buf<f32>,
    b: usize,
    c: usize,
) {
    let checks = rec.arguments("loss.softmax_xent").shape("logits", logits, &[b, c]).shape("dlogits", dlogits, &[b, c]);
    let checks = checks.shape("labels", labels, &[b]).shape("loss", loss, &[b]).shape("correct", correct, &[b]);
    if checks.wrong() {
        return;
    }
    xent(rec, logits, labels, None, [loss, dlogits, correct], c);
}

/// Records [`softmax_xent`] of the rows `at` \[b\] of `logits` [rows, c], whose gradients go to the same rows of
/// `dlogits` [rows, c]; its other rows keep what they hold. The `at` are distinct; one past the last row counts for
/// nothing. `labels`, `loss`, `correct` are \[b\].
#[allow(clippy::too_many_arguments, reason = "the buffers of the formula")]
pub fn softmax_xent_at(
    rec: &mut Recording,
    logits: Buf<f32>,
    labels: Buf<u32>,
    at: Buf<u32>,
    loss: Buf<f32>,
    dlogits: Buf<f32>,
    correct: Buf<f32>,
    c: usize,
) {
    let (b, rows) = (at.len, logits.len.checked_div(c).unwrap_or(0));
    let checks = rec.arguments("loss.softmax_xent_at").shape("logits", logits, &[rows, c]);
    let checks = checks.shape("dlogits", dlogits, &[rows, c]).shape("labels", labels, &[b]);
    if checks.shape("loss", loss, &[b]).shape("correct", correct, &[b]).wrong() {
        return;
    }
    xent(rec, logits, labels, Some(at), [loss, dlogits, correct], c);
}

fn xent(
    rec: &mut Recording,
    logits: Buf<f32>,
    labels: Buf<u32>,
    at: Option<Buf<u32>>,
    [loss, dlogits, correct]: [Buf<f32>; 3],
    classes: usize,
) {
    let (b, sources) = (labels.len, logits.len.checked_div(classes).unwrap_or(0));
    let n = (b * classes) as u64;
    let pass = rec
        .dispatch(&SOFTMAX_XENT)
        .set("AT", u8::from(at.is_some()))
        .params(Xent { rows: b as u32, classes: classes as u32, sources: sources as u32 })
        .read(logits)
        .read(labels)
        .read(at.unwrap_or(labels))
        .write(loss);
    let pass = if at.is_some() { pass.update(dlogits) } else { pass.write(dlogits) };
    pass.write(correct).work(20 * n, 8 * n + 12 * b as u64).threads(b);
}

/// Records per row: `loss = KL(t ‖ softmax(z))` with 0 log 0 = 0, `dlogits = softmax(z) Σt − t`, for `targets` t, rows
/// of probabilities. `logits`, `targets`, `dlogits` are [loss.len, c].
pub fn soft_kl(rec: &mut Recording, logits: Buf<f32>, targets: Buf<f32>, loss: Buf<f32>, dlogits: Buf<f32>) {
    let shape = Logits::of(logits.len, loss.len);
    let checks = rec.arguments("loss.soft_kl").shape("logits", logits, &shape.dims());
    if checks.shape("targets", targets, &shape.dims()).shape("dlogits", dlogits, &shape.dims()).wrong() {
        return;
    }
    let n = logits.len as u64;
    rec.dispatch(&SOFT_KL)
        .params(shape)
        .read(logits)
        .read(targets)
        .write(loss)
        .write(dlogits)
        .work(30 * n, 12 * n)
        .threads(loss.len);
}

/// Records per row: `loss = Σ (y − t)² / C`, `dy = 2 (y − t) / C`. `y`, `targets`, `dy` are [loss.len, C].
pub fn mse(rec: &mut Recording, y: Buf<f32>, targets: Buf<f32>, loss: Buf<f32>, dy: Buf<f32>) {
    let shape = Logits::of(y.len, loss.len);
    let checks = rec.arguments("loss.mse").shape("y", y, &shape.dims()).shape("targets", targets, &shape.dims());
    if checks.shape("dy", dy, &shape.dims()).wrong() {
        return;
    }
    let n = y.len as u64;
    rec.dispatch(&MSE).params(shape).read(y).read(targets).write(loss).write(dy).work(4 * n, 12 * n).threads(loss.len);
}

/// Records `prob = softmax(logits)` per row of `classes` elements.
pub fn softmax(rec: &mut Recording, logits: Buf<f32>, prob: Buf<f32>, classes: usize) {
    let rows = logits.len.checked_div(classes).unwrap_or(0);
    let checks = rec.arguments("loss.softmax").shape("logits", logits, &[rows, classes]);
    if checks.shape("prob", prob, &[rows, classes]).wrong() {
        return;
    }
    let n = logits.len as u64;
    rec.dispatch(&SOFTMAX)
        .params(Logits::new(rows, classes))
        .read(logits)
        .write(prob)
        .work(15 * n, 8 * n)
        .threads(rows);
}

/// Records `dlogits = sqrt(p_y) (p − onehot(y))` per row, p = softmax(logits), y = `label` for every row. The squares
/// of what it becomes in the weights, summed over all labels, are the diagonal of the Fisher information matrix.
pub fn label_score(rec: &mut Recording, logits: Buf<f32>, dlogits: Buf<f32>, classes: usize, label: usize) {
    let rows = logits.len.checked_div(classes).unwrap_or(0);
    let checks = rec.arguments("loss.label_score").shape("logits", logits, &[rows, classes]);
    let checks = checks.shape("dlogits", dlogits, &[rows, classes]);
    if checks.holds(label < classes, || format!("class {label} of {classes}")).wrong() {
        return;
    }
    let n = logits.len as u64;
    rec.dispatch(&LABEL_SCORE)
        .params(Label { rows: rows as u32, classes: classes as u32, label: label as u32 })
        .read(logits)
        .write(dlogits)
        .work(18 * n, 8 * n)
        .threads(rows);
}

/// Records `y[n] = x[n] · weight[n] · min(1, clip / sqrt(squares[n]))` for rows x\[n\] of logit gradients [squares.len,
/// classes], whose records have gradients of the squared norms `squares`. A backward pass is linear in a record's row,
/// so what it makes of y is the sum of clipped gradients (Abadi et al. 2016, "Deep learning with differential privacy",
/// algorithm 1). No `weight`: 1; a weight of 0 takes a record out, whatever it holds. A norm of 0 is let be.
pub fn clip_rows(
    rec: &mut Recording,
    x: Buf<f32>,
    squares: Buf<f32>,
    weight: Option<Buf<f32>>,
    y: Buf<f32>,
    clip: f32,
) {
    let shape = Logits::of(x.len, squares.len);
    let checks = rec.arguments("loss.clip_rows").shape("x", x, &shape.dims()).shape("y", y, &shape.dims());
    if checks.optional("weight", weight, &[squares.len]).wrong() {
        return;
    }
    let Logits { rows, classes } = shape;
    let n = x.len as u64;
    rec.dispatch(&CLIP_ROWS)
        .set("WEIGHT", u8::from(weight.is_some()))
        .params(Clip { rows, classes, clip })
        .read(x)
        .read(squares)
        .read(weight.unwrap_or(squares))
        .write(y)
        .work(3 * n, 8 * n + 8 * u64::from(rows))
        .threads(x.len);
}
