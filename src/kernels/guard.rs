//! Watching for NaN and infinity on the GPU, by bit pattern.

mod cases;

pub use cases::{cases, random};

use super::map::quads;
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent, TwinCall};
use crate::params;

params! {
    /// Number of values.
    pub struct Finite { n: u32 }
}

/// The first value that is not finite.
pub static FINITE: Kernel = Kernel {
    name: "guard.finite",
    source: include_str!("../../shaders/guard/finite.wgsl"),
    params: Finite::FIELDS,
    twin: finite_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Constant,
    variant_of: None,
};

/// The family's kernels.
pub static KERNELS: &[&Kernel] = &[&FINITE];

/// What `flag` holds where every value was finite; the caller writes it before.
pub const ALL_FINITE: u32 = u32::MAX;

/// Records `flag[0] = min(flag[0], first i with x[i] NaN or infinite)`.
pub fn finite(rec: &mut Recording, x: Buf<f32>, flag: Buf<u32>) {
    if rec.arguments("guard.finite").shape("flag", flag, &[1]).wrong() {
        return;
    }
    let n = x.len as u64;
    rec.dispatch(&FINITE)
        .params(Finite { n: x.len as u32 })
        .read(x)
        .update(flag)
        .work(4 * n, 4 * n)
        .threads(quads(x.len));
}

/// Bindings x flag; see `finite.wgsl`.
fn finite_twin(call: &mut TwinCall) {
    let [x, flag] = call.bufs();
    if let Some(i) = x.f().iter().position(|v| !v.is_finite()) {
        let flag = &mut flag.u_mut()[0];
        *flag = (*flag).min(i as u32);
    }
}
