//! What happens at the nodes: scores, scaling by head, the average over heads.

use super::rows::{MEAN, MEAN_BWD, SCALE, SCORES, SCORES_BWD, Shape};
use super::{Ends, rows_of, whole_rows, wide};
use crate::engine::{Buf, Recording};

fn shape(rows: usize, heads: usize, width: usize) -> Shape {
    Shape { rows: rows as u32, heads: heads as u32, width: width as u32 }
}

/// Records `s[n,h] = Σ_f z[n,h,f] att[h,f]`; z [n, heads, width], att [heads, width], s [n, heads]. Once per end.
pub fn head_scores(rec: &mut Recording, z: Buf<f32>, att: Buf<f32>, s: Buf<f32>, heads: usize, width: usize) {
    let rows = rows_of(z.len, heads * width);
    let checks = whole_rows(rec.arguments("attention.head_scores"), "z", z, &[heads, width]);
    if checks.shape("att", att, &[heads, width]).shape("s", s, &[rows, heads]).wrong() {
        return;
    }
    rec.dispatch(&SCORES)
        .set("WIDE", wide(width))
        .params(shape(rows, heads, width))
        .read(z)
        .read(att)
        .write(s)
        .work(2 * z.len as u64, 4 * (z.len + s.len) as u64)
        .turns(if width.is_multiple_of(4) { width / 4 } else { width })
        .threads(s.len);
}

/// Records `dz[n,h,:] += ds.src[n,h] att.src[h,:] + ds.dst[n,h] att.dst[h,:]`; dz [n, heads, width].
pub fn head_scores_bwd(rec: &mut Recording, ds: Ends, att: Ends, dz: Buf<f32>, heads: usize, width: usize) {
    let rows = rows_of(dz.len, heads * width);
    let checks = whole_rows(rec.arguments("attention.head_scores_bwd"), "dz", dz, &[heads, width]);
    let checks = checks.shape("ds.src", ds.src, &[rows, heads]).shape("ds.dst", ds.dst, &[rows, heads]);
    if checks.shape("att.src", att.src, &[heads, width]).shape("att.dst", att.dst, &[heads, width]).wrong() {
        return;
    }
    rec.dispatch(&SCORES_BWD)
        .set("WIDE", wide(width))
        .params(shape(rows, heads, width))
        .read(ds.src)
        .read(att.src)
        .read(ds.dst)
        .read(att.dst)
        .update(dz)
        .work(4 * dz.len as u64, 8 * dz.len as u64)
        .threads(dz.len.div_ceil(4));
}

/// Records `out[n,h,f] = z[n,h,f] s[n,h]`; z and out [n, heads, width], s [n, heads]. With s = ds.src the sum of out's
/// rows is the gradient of att_src, and each row is one node's part of it.
pub fn scale_heads(rec: &mut Recording, z: Buf<f32>, s: Buf<f32>, out: Buf<f32>, width: usize) {
    let checks = rec.arguments("attention.scale_heads").shape("z", z, &[s.len, width]);
    if checks.shape("out", out, &[s.len, width]).wrong() {
        return;
    }
    rec.dispatch(&SCALE)
        .set("WIDE", wide(width))
        .params(shape(s.len, 1, width))
        .read(z)
        .read(s)
        .write(out)
        .work(z.len as u64, 8 * z.len as u64)
        .threads(out.len.div_ceil(4));
}

/// Records `y[n,f] = Σ_h z[n,h,f] / heads` (eq. 6); z [n, heads, width], y [n, width].
pub fn mean_heads(rec: &mut Recording, z: Buf<f32>, y: Buf<f32>, heads: usize, width: usize) {
    let rows = rows_of(z.len, heads * width);
    let checks = whole_rows(rec.arguments("attention.mean_heads"), "z", z, &[heads, width]);
    if checks.shape("y", y, &[rows, width]).wrong() {
        return;
    }
    rec.dispatch(&MEAN)
        .set("WIDE", wide(width))
        .params(shape(rows, heads, width))
        .read(z)
        .write(y)
        .work(z.len as u64, 4 * (z.len + y.len) as u64)
        .turns(if width.is_multiple_of(4) { heads } else { 4 * heads })
        .threads(y.len.div_ceil(4));
}

/// Records `dz[n,h,f] = dy[n,f] / heads`; dy [n, width], dz [n, heads, width].
pub fn mean_heads_bwd(rec: &mut Recording, dy: Buf<f32>, dz: Buf<f32>, heads: usize, width: usize) {
    let rows = rows_of(dz.len, heads * width);
    let checks = whole_rows(rec.arguments("attention.mean_heads_bwd"), "dz", dz, &[heads, width]);
    if checks.shape("dy", dy, &[rows, width]).wrong() {
        return;
    }
    rec.dispatch(&MEAN_BWD)
        .set("WIDE", wide(width))
        .params(shape(rows, heads, width))
        .read(dy)
        .write(dz)
        .work(dz.len as u64, 4 * (dy.len + dz.len) as u64)
        .threads(dz.len.div_ceil(4));
}
