//! Linear systems with small symmetric matrices: Cholesky factors and triangular solves with many right-hand sides
//! (Golub & Van Loan, "Matrix Computations", 4.2), for curvature factors and Gram matrices of up to some thousand rows.
//!
//! A matrix is cut into blocks of columns. For each block one dispatch subtracts what the columns before it contribute,
//! one workgroup factors the diagonal block, and a thread per row below solves with it: three dispatches a block whose
//! geometry follows from the size alone.

mod cases;
mod rows;
#[cfg(test)]
mod tests;
mod twin;

pub use cases::{cases, random};
pub use rows::*;

use crate::engine::{Buf, Recording};

/// Columns of a block, and lanes of the workgroup that factors one; the shader has the same number.
pub(super) const BLOCK: usize = 32;

/// The blocks of `n` columns, in order.
fn blocks(n: usize) -> impl DoubleEndedIterator<Item = (usize, usize)> {
    (0..n.div_ceil(BLOCK)).map(move |i| (i * BLOCK, n.min((i + 1) * BLOCK)))
}

/// Records `y = a + shift I`; `a` and `y` are [n, n].
pub fn damp(rec: &mut Recording, a: Buf<f32>, y: Buf<f32>, n: usize, shift: f32) {
    if rec.arguments("solve.damp").shape("a", a, &[n, n]).shape("y", y, &[n, n]).wrong() {
        return;
    }
    let pass = rec.dispatch(&DAMP).params(Damp { n: n as u32, shift }).read(a).write(y);
    pass.work((n * n) as u64, 8 * (n * n) as u64).threads(n * n);
}

/// Records the Cholesky factor L of `a` = L Lᵀ, [n, n], in the place of its lower triangle; what lies above the
/// diagonal is neither read nor changed. `status` \[1\] becomes 0, or one more than the first row whose pivot is not
/// above 0: `a` is then not positive definite to rounding, that pivot is taken as 1, and L is of no use.
pub fn cholesky(rec: &mut Recording, a: Buf<f32>, n: usize, status: Buf<u32>) {
    if rec.arguments("solve.cholesky").shape("a", a, &[n, n]).shape("status", status, &[1]).wrong() {
        return;
    }
    rec.clear(status);
    for (first, last) in blocks(n) {
        let params = Columns { n: n as u32, first: first as u32, last: last as u32 };
        let (width, below) = (last - first, n - first);
        if first > 0 {
            let pass = rec.dispatch(&CHOLESKY_UPDATE).params(params).update(a).turns(first + 4);
            let work = (below * width * first) as u64;
            pass.work(2 * work, 4 * (below * last) as u64).threads(below.div_ceil(4) * width.div_ceil(4));
        }
        let pass = rec.dispatch(&CHOLESKY_DIAGONAL).params(params).update(a).update(status);
        let cube = (width * width * width) as u64;
        pass.turns(2 * width + width * width / 2 + width).work(cube / 3, 8 * (width * width) as u64).groups(1);
        let pass = rec.dispatch(&CHOLESKY_PANEL).params(params).update(a).turns(width + width * width / 2);
        let rows = n - last;
        pass.work((rows * width * width) as u64, 8 * (rows * width) as u64).threads(rows);
    }
}

/// Right-hand sides inside a buffer: element (row i, side r) lies at `i row + r column`.
#[derive(Clone, Copy, Debug)]
pub struct Sides {
    buf: Buf<f32>,
    rows: usize,
    count: usize,
    row: usize,
    column: usize,
}

impl Sides {
    /// The columns of a row-major [rows, count] matrix; whoever records with another buffer refuses it.
    pub fn columns(buf: Buf<f32>, rows: usize, count: usize) -> Sides {
        Sides { buf, rows, count, row: count, column: 1 }
    }

    /// The rows of a row-major [count, rows] matrix: X Lᵀ = B is L Xᵀ = Bᵀ.
    pub fn rows(buf: Buf<f32>, rows: usize, count: usize) -> Sides {
        Sides { buf, rows, count, row: 1, column: rows }
    }
}

/// Records the solution of `L x = b`, or of `Lᵀ x = b` if `transposed`, in the place of `b`. `l` is [n, n] as
/// [`cholesky`] leaves it; its upper triangle is not read.
pub fn triangular(rec: &mut Recording, l: Buf<f32>, b: Sides, transposed: bool) {
    let n = b.rows;
    if rec.arguments("solve.triangular").shape("l", l, &[n, n]).shape("b", b.buf, &[n, b.count]).wrong() {
        return;
    }
    let mut each = |(first, last): (usize, usize)| {
        let u = |v: usize| v as u32;
        let params = Triangular {
            n: u(n),
            sides: u(b.count),
            b_row: u(b.row),
            b_col: u(b.column),
            first: u(first),
            last: u(last),
        };
        let (width, terms) = (last - first, if transposed { n - last } else { first });
        if terms > 0 {
            let pass = rec.dispatch(&TRIANGULAR_UPDATE).set("TRANSPOSED", u8::from(transposed)).params(params);
            let pass = pass.read(l).update(b.buf).turns(terms + 4);
            let work = (width * terms * b.count) as u64;
            let bytes = 4 * (width * terms + (terms + 2 * width) * b.count) as u64;
            pass.work(2 * work, bytes).threads(width.div_ceil(4) * b.count.div_ceil(4));
        }
        let pass = rec.dispatch(&TRIANGULAR_DIAGONAL).set("TRANSPOSED", u8::from(transposed)).params(params);
        let pass = pass.read(l).update(b.buf).turns(width + width * width / 2);
        pass.work((width * width * b.count) as u64, 8 * (width * b.count) as u64).threads(b.count);
    };
    if transposed {
        blocks(n).rev().for_each(&mut each);
    } else {
        blocks(n).for_each(&mut each);
    }
}

/// Records the solution of `L Lᵀ x = b` in the place of `b`; `l` as in [`triangular`].
pub fn solve(rec: &mut Recording, l: Buf<f32>, b: Sides) {
    triangular(rec, l, b, false);
    triangular(rec, l, b, true);
}
