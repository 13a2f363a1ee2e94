//! Directional derivatives of the `loss` family, and the product with the loss's own Hessian.

use super::{Logits, Xent};
use crate::engine::{Buf, Dispatch, Kernel, Params, Recording, Requires, Tangent, Tangents};
use crate::error::Result;
use crate::kernels::graph;
use crate::kernels::map::{self, Binary};
use crate::kernels::reduce;

/// The Hessian of the cross-entropy in the logits times a vector.
pub static SOFTMAX_XENT_TANGENT: Kernel = Kernel {
    name: "loss.softmax_xent_tangent",
    source: include_str!("../../../shaders/loss/softmax_xent_tangent.wgsl"),
    params: Logits::FIELDS,
    twin: super::twin::softmax_xent_tangent,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Records per row of `logits` \[b,c\]: `hr = p ∘ r − p (p · r)`, p = softmax(z), for `r` \[b,c\]: the Hessian of the
/// cross-entropy in the logits, whatever the label, times r. With `counted`, rows with a label ≥ c give 0; else labels
/// are not looked at.
pub fn softmax_xent_tangent(
    rec: &mut Recording,
    logits: Buf<f32>,
    labels: Buf<u32>,
    r: Buf<f32>,
    hr: Buf<f32>,
    counted: bool,
) {
    let shape = Logits::of(logits.len, labels.len);
    let checks = rec.arguments("loss.softmax_xent_tangent").shape("logits", logits, &shape.dims());
    if checks.shape("r", r, &shape.dims()).shape("hr", hr, &shape.dims()).wrong() {
        return;
    }
    let n = logits.len as u64;
    rec.dispatch(&SOFTMAX_XENT_TANGENT)
        .set("COUNTED", u8::from(counted))
        .params(shape)
        .read(logits)
        .read(labels)
        .read(r)
        .write(hr)
        .work(20 * n, 12 * n)
        .threads(labels.len);
}

/// Records `slope[row] = Σ_c a[row,c] b[row,c]`.
fn inner(rec: &mut Recording, a: Buf<f32>, b: Buf<f32>, slope: Buf<f32>) {
    let product = rec.temp("product", a.len);
    map::binary(rec, Binary::Mul, a, b, product);
    reduce::rows(rec, product, slope);
}

/// Bindings z labels at loss dz correct: dloss = dz · r, and the Hessian times r.
pub fn softmax_xent(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let (r, dz) = (t.read_or_zero(d, 0), d.bound(4));
    let (slope, hr) = (t.write(d, 3)?, t.write(d, 4)?);
    t.still(d, 5);
    if d.constant("AT")? == 0.0 {
        inner(t.rec(), dz, r, slope);
        softmax_xent_tangent(t.rec(), d.bound(0), d.bound(1), r, hr, true);
        return Ok(());
    }
    let (p, at): (Xent, Buf<u32>) = (d.params(), d.bound(2));
    let (rows, classes) = (p.sources as usize, p.classes as usize);
    let [z, r, dz] = [d.bound(0), r, dz].map(|all| {
        let here = t.zero(at.len * classes);
        map::gather_rows(t.rec(), all, 0, rows, classes, at, here);
        here
    });
    inner(t.rec(), dz, r, slope);
    let here = t.rec().temp("curved rows", z.len);
    softmax_xent_tangent(t.rec(), z, d.bound(1), r, here, true);
    graph::scatter_rows(t.rec(), here, at, hr, classes);
    Ok(())
}

/// Bindings y t loss dy: dloss = dy · (ry − rt), and 2 / C times (ry − rt).
pub fn mse(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let p: Logits = d.params();
    let mut r = t.read_or_zero(d, 0);
    if let Some(target) = t.read(d, 1) {
        let apart = t.rec().temp("apart", r.len);
        map::binary(t.rec(), Binary::Sub, r, target, apart);
        r = apart;
    }
    let (slope, along) = (t.write(d, 2)?, t.write(d, 3)?);
    inner(t.rec(), d.bound(3), r, slope);
    map::axpby(t.rec(), 2.0 / p.classes.max(1) as f32, r, 0.0, along);
    Ok(())
}
