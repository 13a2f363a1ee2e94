//! The directional derivative of max pooling: that of the winners.

use super::{Pool, PoolShape, twin};
use crate::engine::{Buf, Dispatch, Kernel, Params, Recording, Requires, Tangent, Tangents};
use crate::error::Result;
use crate::params;

params! {
    /// Planes, and elements of one plane before and behind the pooling.
    pub struct Winners { planes: u32, inputs: u32, outputs: u32 }
}

/// What the winners hold.
pub static MAX_TANGENT: Kernel = Kernel {
    name: "pool.max_tangent",
    source: include_str!("../../../shaders/pool/max_tangent.wgsl"),
    params: Winners::FIELDS,
    twin: twin::max_tangent,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[0]]),
    variant_of: None,
};

/// Records `ry[n,c,oy,ox] = r[n,c,arg[n,c,oy,ox]]`: the derivative of [`max`](super::max) for r that of x, with the
/// winners that it wrote. r \[n,c,h,w\]; arg and ry \[n,c,oh,ow\].
pub fn max_tangent(rec: &mut Recording, s: &PoolShape, r: Buf<f32>, arg: Buf<u32>, ry: Buf<f32>) {
    let checks = rec.arguments("pool.max_tangent").shape("r", r, &s.before()).shape("arg", arg, &s.behind());
    if checks.shape("ry", ry, &s.behind()).wrong() {
        return;
    }
    pick(rec, [s.n * s.c, s.h * s.w, s.oh * s.ow], r, arg, ry);
}

fn pick(rec: &mut Recording, [planes, inputs, outputs]: [usize; 3], r: Buf<f32>, arg: Buf<u32>, ry: Buf<f32>) {
    rec.dispatch(&MAX_TANGENT)
        .params(Winners { planes: planes as u32, inputs: inputs as u32, outputs: outputs as u32 })
        .read(r)
        .read(arg)
        .write(ry)
        .work(0, 12 * ry.len as u64)
        .threads(ry.len);
}

/// Bindings x y arg.
pub fn max(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let p: Pool = d.params();
    let (r, ry) = (t.read_or_zero(d, 0), t.write(d, 1)?);
    let sizes = [p.planes, p.h * p.w, p.oh * p.ow].map(|v| v as usize);
    pick(t.rec(), sizes, r, d.bound(2), ry);
    Ok(())
}
