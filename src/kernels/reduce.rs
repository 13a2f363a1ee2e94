//! Sums and maxima in a fixed order: many independent partial sums, then sums of those, their number depending on the
//! shape alone. No atomics and no barriers, so the same numbers give the same bits on one adapter every time.

mod cases;
mod norms;
mod tangent;
mod twin;
mod weighted;

pub use cases::{asked, cases, random};
pub use norms::{choose_norms, pair_norms, row_norms, row_norms_as};
pub use weighted::weighted;

use crate::engine::{Buf, Kernel, Params, Pass, Recording, Requires, Tangent};
use crate::kernels::{Reduction, ReductionMode};
use crate::params;

params! {
    /// Rows of [rows, cols]; row r goes to `(r / group) stride + r % group`.
    pub struct Rows { rows: u32, cols: u32, group: u32, stride: u32 }
}

params! {
    /// Weighted sums of the rows of x [rows, cols].
    pub struct Weighted { rows: u32, cols: u32, alpha: f32, beta: f32 }
}

params! {
    /// Column sums of [rows, cols] over blocks of rows.
    pub struct Columns { rows: u32, cols: u32, block: u32, alpha: f32, beta: f32 }
}

params! {
    /// `n` values to `parts` sums.
    pub struct Total { n: u32, parts: u32, scale: f32 }
}

params! {
    /// [rows, cols].
    pub struct Argmax { rows: u32, cols: u32 }
}

/// Sums of rows.
pub static ROWS: Kernel = Kernel {
    name: "reduce.rows",
    source: include_str!("../../shaders/reduce/rows.wgsl"),
    params: Rows::FIELDS,
    twin: twin::rows,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[0]]),
    variant_of: None,
};

/// Sums of columns over blocks of rows.
pub static COLUMNS: Kernel = Kernel {
    name: "reduce.columns",
    source: include_str!("../../shaders/reduce/columns.wgsl"),
    params: Columns::FIELDS,
    twin: twin::columns,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::columns),
    variant_of: None,
};

/// Sums of columns, a team of invocations each.
pub static COLUMNS_TEAM: Kernel = Kernel {
    name: "reduce.columns_team",
    source: include_str!("../../shaders/reduce/columns_team.wgsl"),
    variant_of: Some(&COLUMNS),
    ..COLUMNS
};

/// One level of a sum of everything.
pub static TOTAL: Kernel = Kernel {
    name: "reduce.total",
    source: include_str!("../../shaders/reduce/total.wgsl"),
    params: Total::FIELDS,
    twin: twin::total,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::total),
    variant_of: None,
};

/// Position of each row's maximum.
pub static ARGMAX: Kernel = Kernel {
    name: "reduce.argmax",
    source: include_str!("../../shaders/reduce/argmax.wgsl"),
    params: Argmax::FIELDS,
    twin: twin::argmax,
    requires: Requires::Nothing,
    tangent: Tangent::Constant,
    variant_of: None,
};

/// The family's kernels.
pub static KERNELS: &[&Kernel] = &[
    &ROWS,
    &COLUMNS,
    &COLUMNS_TEAM,
    &TOTAL,
    &ARGMAX,
    &norms::ROW_NORMS,
    &norms::ROW_NORMS_SHARED,
    &weighted::WEIGHTED,
];

/// Values that one thread of [`total`] adds up.
const SPAN: usize = 256;

/// Rows that one thread of [`channels`] adds up where there are more than [`FEW_ROWS`].
const BLOCK: usize = 64;
const FEW_ROWS: usize = 128;
/// The same on a software adapter, where a second dispatch costs more than a longer loop.
const FEW_ROWS_SOFTWARE: usize = 4096;

/// Rows up to which a GPU gives each column a team, in one dispatch, and the invocations of one.
const TEAM_ROWS: usize = 16_384;
const TEAM: u32 = 64;

/// Columns of a [rows, …] matrix of `len` elements, rounded down where rows are not equal.
fn columns_of(len: usize, rows: usize) -> usize {
    len.checked_div(rows).unwrap_or(0)
}

/// Records `y[r] = sum_c x[r,c]`; the number of rows is `y.len`.
pub fn rows(rec: &mut Recording, x: Buf<f32>, y: Buf<f32>) {
    let cols = columns_of(x.len, y.len);
    if rec.arguments("reduce.rows").shape("x", x, &[y.len, cols]).wrong() {
        return;
    }
    row_sums(rec, x, y, Rows { rows: y.len as u32, cols: cols as u32, group: y.len.max(1) as u32, stride: 0 });
}

fn row_sums(rec: &mut Recording, x: Buf<f32>, y: Buf<f32>, p: Rows) {
    let pass = rec.dispatch(&ROWS).set("WIDE", u8::from(p.cols.is_multiple_of(4))).params(p).read(x);
    // Sums laid out with gaps leave the gaps as they were.
    let pass = if y.len == p.rows as usize { pass.write(y) } else { pass.update(y) };
    let turns = if p.cols.is_multiple_of(4) { p.cols / 4 } else { p.cols };
    pass.turns(turns as usize).work(x.len as u64, 4 * x.len as u64 + 4 * u64::from(p.rows)).threads(p.rows as usize);
}

/// Records `y[0] = scale * sum x`, or `scale * sum x^2`. An empty `x` gives 0.
pub fn total(rec: &mut Recording, x: Buf<f32>, y: Buf<f32>, scale: f32, square: bool) {
    if rec.arguments("reduce.total").shape("y", y, &[1]).wrong() {
        return;
    }
    let (mut from, mut square) = (x, square);
    loop {
        let parts = from.len.div_ceil(SPAN).max(1);
        let last = parts == 1;
        let to = if last { y } else { rec.temp("partial sums", parts) };
        rec.dispatch(&TOTAL)
            .set("SQUARE", u8::from(square))
            .params(Total { n: from.len as u32, parts: parts as u32, scale: if last { scale } else { 1.0 } })
            .read(from)
            .write(to)
            .work(2 * from.len as u64, 4 * from.len as u64)
            .threads(parts);
        if last {
            return;
        }
        (from, square) = (to, false);
    }
}

/// Records sums over the positions p of `x` \[n,c,p\] into `out`: \[c\], or for `PerSample` at least (n − 1) stride + c
/// elements, of which those between the samples' sums stay as they are.
pub fn channels(rec: &mut Recording, x: Buf<f32>, out: Buf<f32>, n: usize, c: usize, p: usize, options: Reduction) {
    let checks = rec.arguments("reduce.channels").shape("x", x, &[n, c, p]);
    if options.fits(checks, "out", out, n, &[c]).wrong() {
        return;
    }
    let sums = Rows { rows: (n * c) as u32, cols: p as u32, group: c.max(1) as u32, stride: options.stride as u32 };
    let square = match options.mode {
        ReductionMode::PerSample => return row_sums(rec, x, out, sums),
        ReductionMode::Sum => false,
        ReductionMode::SquareSum => true,
    };
    let per_sample = if p == 1 {
        x
    } else {
        let s = rec.temp("channel sums", n * c);
        row_sums(rec, x, s, Rows { stride: c as u32, ..sums });
        s
    };
    let software = rec.target().software;
    let all =
        Columns { rows: n as u32, cols: c as u32, block: n.max(1) as u32, alpha: options.alpha, beta: options.beta };
    if !software && n > FEW_ROWS && n <= TEAM_ROWS {
        let pass = rec.dispatch(&COLUMNS_TEAM).set("TEAM", TEAM);
        column_sums(pass, per_sample, out, square, all, TEAM);
    } else if n > if software { FEW_ROWS_SOFTWARE } else { FEW_ROWS } {
        let partial = rec.temp("channel partial sums", n.div_ceil(BLOCK) * c);
        let block = Columns { rows: n as u32, cols: c as u32, block: BLOCK as u32, alpha: 1.0, beta: 0.0 };
        column_sums(rec.dispatch(&COLUMNS), per_sample, partial, square, block, 1);
        let rows = n.div_ceil(BLOCK) as u32;
        let last = Columns { rows, cols: c as u32, block: rows, alpha: options.alpha, beta: options.beta };
        column_sums(rec.dispatch(&COLUMNS), partial, out, false, last, 1);
    } else {
        column_sums(rec.dispatch(&COLUMNS), per_sample, out, square, all, 1);
    }
}

/// Records sums of so many invocations each.
fn column_sums(pass: Pass, x: Buf<f32>, y: Buf<f32>, square: bool, p: Columns, each: u32) {
    let pass = pass.set("SQUARE", u8::from(square)).params(p).read(x);
    let pass = if p.beta == 0.0 { pass.write(y) } else { pass.update(y) };
    pass.work(2 * x.len as u64, 4 * (x.len + y.len) as u64).threads(y.len * each as usize);
}

/// Records `y[r] =` the position of the maximum of row r of `x`, the lowest of a tie; the number of rows is `y.len`.
pub fn argmax(rec: &mut Recording, x: Buf<f32>, y: Buf<u32>) {
    let cols = columns_of(x.len, y.len);
    if rec.arguments("reduce.argmax").shape("x", x, &[y.len, cols]).wrong() {
        return;
    }
    rec.dispatch(&ARGMAX)
        .params(Argmax { rows: y.len as u32, cols: cols as u32 })
        .read(x)
        .write(y)
        .work(x.len as u64, 4 * (x.len + y.len) as u64)
        .threads(y.len);
}
