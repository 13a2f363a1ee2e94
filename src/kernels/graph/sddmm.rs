//! The gradient of a sparse product to its values.

use super::norms::search_turns;
use super::{Csr, whole_rows};
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent, TwinCall};
use crate::params;

params! {
    /// dy [rows, cols] and the number of entries, padding included.
    pub struct Sampled { rows: u32, cols: u32, entries: u32 }
}

/// One dot product per entry.
pub static SDDMM: Kernel = Kernel {
    name: "graph.sddmm",
    source: include_str!("../../../shaders/graph/sddmm.wgsl"),
    params: Sampled::FIELDS,
    twin: sddmm_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[3], &[4]]),
    variant_of: None,
};

/// Records `dval[k] = dy[r,:] · x[idx[k],:]` for every entry k of row r: the gradient of [`spmm`](super::spmm) to its
/// values, and with `dy` = `x` = z the scores of pairs of a decoder by dot product (Kipf & Welling, "Variational graph
/// auto-encoders", 2016). `dy` [a.rows(), cols], `x` [sources, cols], `dval` in the order of the values of `a`; places
/// of padding get 0, or with a perm keep their content.
pub fn sddmm(rec: &mut Recording, a: &Csr, dy: Buf<f32>, x: Buf<f32>, dval: Buf<f32>, cols: usize) {
    let checks = a.fits(rec.arguments("graph.sddmm"), "dval", dval).shape("dy", dy, &[a.rows(), cols]);
    if whole_rows(checks, "x", x, cols).wrong() {
        return;
    }
    let vec = cols.is_multiple_of(4);
    let n = (a.entries() * cols) as u64;
    rec.dispatch(&SDDMM)
        .set("VEC", u8::from(vec))
        .set("PERM", u8::from(a.perm.is_some()))
        .params(Sampled { rows: a.rows() as u32, cols: cols as u32, entries: a.entries() as u32 })
        .read(a.ptr)
        .read(a.idx)
        .read(a.places())
        .read(dy)
        .read(x)
        .write(dval)
        .turns(search_turns(a.rows()) + if vec { cols / 4 } else { cols })
        .work(2 * n, 8 * n + 8 * a.entries() as u64)
        .threads(a.entries());
}

/// Bindings ptr idx perm dy x dval; see `sddmm.wgsl`.
fn sddmm_twin(call: &mut TwinCall) {
    let p: Sampled = call.params();
    let permuted = call.set("PERM") == 1;
    let [ptr, idx, perm, dy, x, dval] = call.bufs();
    let (ptr, idx, perm, dy, x, dval) = (ptr.u(), idx.u(), perm.u(), dy.f(), x.f(), dval.f_mut());
    let cols = p.cols as usize;
    if !permuted {
        dval[ptr[p.rows as usize] as usize..].fill(0.0);
    }
    for r in 0..p.rows as usize {
        for k in ptr[r] as usize..ptr[r + 1] as usize {
            let (dy, x) = (&dy[r * cols..][..cols], &x[idx[k] as usize * cols..][..cols]);
            dval[if permuted { perm[k] as usize } else { k }] = dy.iter().zip(x).map(|(a, b)| a * b).sum();
        }
    }
}
