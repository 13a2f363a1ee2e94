//! The weight gradient of every row of a dense layer, stored.

use super::twin;
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent};
use crate::params;

params! {
    /// dy [n, outputs], x [n, inputs]; `stride` elements from one row's gradient to the next.
    pub struct OuterRows { n: u32, outputs: u32, inputs: u32, stride: u32 }
}

/// One thread per element: the readable reference.
pub static OUTER: Kernel = Kernel {
    name: "linear.outer",
    source: include_str!("../../../shaders/linear/outer.wgsl"),
    params: OuterRows::FIELDS,
    twin: twin::outer,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[0], &[1]]),
    variant_of: None,
};

/// 8 outputs x 4 inputs per thread, whole vec4s stored.
pub static OUTER_WIDE: Kernel = Kernel {
    name: "linear.outer_wide",
    source: include_str!("../../../shaders/linear/outer_wide.wgsl"),
    variant_of: Some(&OUTER),
    ..OUTER
};

/// The form for rows of so many inputs, `stride` elements apart: vec4s where they fit.
pub fn choose_outer(inputs: usize, stride: usize) -> &'static Kernel {
    if inputs.is_multiple_of(4) && stride.is_multiple_of(4) { &OUTER_WIDE } else { &OUTER }
}

/// Records `y[r stride + o inputs + i] = dy[r,o] x[r,i]` for `n` rows: dy [n, outputs], x [n, inputs]. `y` has at least
/// (n − 1) stride + outputs · inputs elements, of which those between the rows' gradients stay as they are.
pub fn outer(rec: &mut Recording, dy: Buf<f32>, x: Buf<f32>, y: Buf<f32>, n: usize, stride: usize) {
    outer_as(rec, choose_outer(x.len.checked_div(n).unwrap_or(0), stride), dy, x, y, n, stride);
}

/// [`outer`] with a given variant.
pub fn outer_as(
    rec: &mut Recording,
    kernel: &'static Kernel,
    dy: Buf<f32>,
    x: Buf<f32>,
    y: Buf<f32>,
    n: usize,
    stride: usize,
) {
    let [outputs, inputs] = [dy, x].map(|b| b.len.checked_div(n).unwrap_or(0));
    let size = outputs * inputs;
    let wide = std::ptr::eq(kernel, &OUTER_WIDE);
    let whole = !wide || (inputs.is_multiple_of(4) && stride.is_multiple_of(4));
    let checks = rec.arguments("linear.outer").shape("dy", dy, &[n, outputs]).shape("x", x, &[n, inputs]);
    let checks = checks.holds(whole, || format!("{inputs} inputs, rows {stride} apart, are not whole vec4s"));
    if checks.strided("y", y, [n, size], stride).wrong() {
        return;
    }
    let params = OuterRows { n: n as u32, outputs: outputs as u32, inputs: inputs as u32, stride: stride as u32 };
    let pass = rec.dispatch(kernel).params(params).read(dy).read(x);
    let pass = if y.len == n * size { pass.write(y) } else { pass.update(y) };
    let pass = pass.work((n * size) as u64, 4 * (dy.len + x.len + n * size) as u64);
    if wide {
        pass.threads(n * outputs.div_ceil(8) * inputs / 4);
    } else {
        pass.threads(n * size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_vec4s_where_they_fit() {
        assert_eq!(choose_outer(784, 235_200).variant(), "wide");
        assert_eq!(choose_outer(785, 235_200).variant(), "plain");
        assert_eq!(choose_outer(84, 85).variant(), "plain");
    }
}
