//! Squared norms of rows, and of the rank-one gradients of a dense layer.

use super::{columns_of, twin};
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent, Target};
use crate::params;

params! {
    /// a [rows, cols], b [rows, cols_b].
    pub struct RowNorms { rows: u32, cols: u32, cols_b: u32 }
}

/// One thread per row.
pub static ROW_NORMS: Kernel = Kernel {
    name: "reduce.row_norms",
    source: include_str!("../../../shaders/reduce/row_norms.wgsl"),
    params: RowNorms::FIELDS,
    twin: twin::row_norms,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// A workgroup per row: for GPUs.
pub static ROW_NORMS_SHARED: Kernel = Kernel {
    name: "reduce.row_norms_shared",
    source: include_str!("../../../shaders/reduce/row_norms_shared.wgsl"),
    variant_of: Some(&ROW_NORMS),
    ..ROW_NORMS
};

/// Columns from which a row is worth a workgroup of 64.
const LONG: usize = 128;

/// The form for an adapter and rows of so many columns: one thread per row where a barrier is a context switch, and
/// where rows are short.
pub fn choose_norms(target: Target, cols: usize) -> &'static Kernel {
    if target.software || cols < LONG { &ROW_NORMS } else { &ROW_NORMS_SHARED }
}

/// Records `y[r] = Σ_c a[r,c]²`; the number of rows is `y.len`.
pub fn row_norms(rec: &mut Recording, a: Buf<f32>, y: Buf<f32>) {
    let cols = columns_of(a.len, y.len);
    row_norms_as(rec, choose_norms(rec.target(), cols), a, None, y);
}

/// Records `y[r] = Σ_c a[r,c]² · Σ_c b[r,c]²`: the squared norm of the gradient a\[r\]ᵀ b\[r\] that record r has in the
/// weight of a dense layer (Goodfellow 2015, "Efficient per-example gradient computations").
pub fn pair_norms(rec: &mut Recording, a: Buf<f32>, b: Buf<f32>, y: Buf<f32>) {
    let cols = columns_of(a.len, y.len).max(columns_of(b.len, y.len));
    row_norms_as(rec, choose_norms(rec.target(), cols), a, Some(b), y);
}

/// [`row_norms`], or with `b` [`pair_norms`], with a given variant.
pub fn row_norms_as(rec: &mut Recording, kernel: &'static Kernel, a: Buf<f32>, b: Option<Buf<f32>>, y: Buf<f32>) {
    let cols = columns_of(a.len, y.len);
    let cols_b = b.map_or(0, |b| columns_of(b.len, y.len));
    let checks = rec.arguments("reduce.row_norms").shape("a", a, &[y.len, cols]);
    if checks.optional("b", b, &[y.len, cols_b]).wrong() {
        return;
    }
    let read = a.len + b.map_or(0, |b| b.len);
    let wide = cols.is_multiple_of(4) && cols_b.is_multiple_of(4);
    let pass = rec
        .dispatch(kernel)
        .set("WIDE", u8::from(wide))
        .set("PAIR", u8::from(b.is_some()))
        .params(RowNorms { rows: y.len as u32, cols: cols as u32, cols_b: cols_b as u32 })
        .read(a)
        .read(b.unwrap_or(a))
        .write(y)
        .work(2 * read as u64, 4 * (read + y.len) as u64);
    if std::ptr::eq(kernel, &ROW_NORMS_SHARED) {
        pass.turns(cols / 64 + cols_b / 64 + 8).groups(y.len);
    } else {
        pass.turns(cols / 4 + cols_b / 4 + 8).threads(y.len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_rows_get_a_workgroup_on_a_gpu() {
        let variant =
            |software, cols| choose_norms(Target { software, subgroup: 32, ..Default::default() }, cols).variant();
        assert_eq!(variant(false, 784), "shared");
        assert_eq!(variant(false, 10), "plain");
        assert_eq!(variant(true, 784), "plain");
    }
}
