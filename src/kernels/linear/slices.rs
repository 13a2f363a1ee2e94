//! The second pass of a product whose sum is cut.

use super::{Product, Slices, Then, tangent, twin};
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent};

/// Adds the slices in their order and ends the product.
pub static SUM_SLICES: Kernel = Kernel {
    name: "linear.sum_slices",
    source: include_str!("../../../shaders/linear/sum_slices.wgsl"),
    params: Slices::FIELDS,
    twin: twin::sum_slices,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::sum_slices),
    variant_of: None,
};

/// Records `y = f(alpha sum of part's slices + bias + beta y)`; sizes are the caller's to check.
pub(super) fn sum(rec: &mut Recording, part: Buf<f32>, bias: Buf<f32>, y: Buf<f32>, n: usize, o: Product) {
    let slices = part.len.checked_div(y.len).unwrap_or(0);
    let params = Slices { len: y.len as u32, n: n as u32, slices: slices as u32, alpha: o.alpha, beta: o.beta };
    rec.dispatch(&SUM_SLICES)
        .set("BIAS", u8::from(o.bias))
        .set("RELU", u8::from(o.then == Then::Relu))
        .set("MASK", u8::from(o.then == Then::Slope))
        .params(params)
        .read(part)
        .read(bias)
        .update(y)
        .turns(slices)
        .work(part.len as u64, 4 * (part.len + y.len) as u64)
        .threads(y.len);
}
