//! Inner products of the records' gradients.

use super::super::pass::Backward;
use super::{Destination, Sink};
use crate::engine::{Buf, Recording};
use crate::kernels::ReductionMode;
use crate::kernels::linear::{self, Mat, Product};
use crate::kernels::map::{self, Binary};

/// Columns that one thread of a product adds up: fewer than a software adapter's loops take.
const COLUMNS: usize = 4096;

impl Backward<'_> {
    /// A dense weight whose records are rows: ⟨g_n, g_m⟩ = ⟨dy_n, dy_m⟩ ⟨x_n, x_m⟩.
    pub(super) fn dense_gram(&mut self, gram: Buf<f32>, x: Buf<f32>, dy: Buf<f32>) {
        let n = self.n;
        let [xx, yy] = [x, dy].map(|rows| {
            let out = self.rec.temp("inner products", n * n);
            let width = rows.len.checked_div(n).unwrap_or(0);
            add_products(self.rec, [rows, rows], [n, n], width, out, false);
            out
        });
        let product = self.rec.temp("inner products of gradients", n * n);
        map::binary(self.rec, Binary::Mul, xx, yy, product);
        map::axpby(self.rec, 1.0, product, 1.0, gram);
    }

    /// The inner products of a tensor's gradients, of which `t` has a row for each record, where they are wanted.
    pub(super) fn add_gram(&mut self, t: &Destination) {
        if let (Sink::Gram { gram }, ReductionMode::PerSample) = (self.sink, t.how.mode) {
            let n = self.records();
            add_products(self.rec, [t.out, t.out], [n, n], t.how.stride, gram, true);
        }
    }
}

/// Records `out[i,j] = ⟨a_i, b_j⟩` (added to what is there if `accumulate`) for rows of so many columns: a [n,
/// columns], b [m, columns], out [n, m].
pub fn add_products(
    rec: &mut Recording,
    [a, b]: [Buf<f32>; 2],
    [n, m]: [usize; 2],
    columns: usize,
    out: Buf<f32>,
    accumulate: bool,
) {
    let (left, right) = (Mat::new(a, n, columns), Mat::new(b, m, columns));
    if n == 0 || m == 0 {
        return;
    }
    if columns == 0 && !accumulate {
        rec.clear(out);
    }
    for from in (0..columns).step_by(COLUMNS) {
        let part = from..columns.min(from + COLUMNS);
        let beta = if accumulate || from > 0 { 1.0 } else { 0.0 };
        let how = Product { beta, ..Product::default() };
        linear::product(rec, left.columns(part.clone()), right.columns(part).t(), a, out, how);
    }
}
