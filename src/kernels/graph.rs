//! Sparse work of graph networks: products with compressed sparse rows, their gradients, degree norms, sparse features,
//! ragged samples, read-outs and link prediction. Gathers in a fixed order throughout, so a transpose is stored instead
//! of float atomics.

mod balanced;
mod cases;
mod features;
mod laplacian;
mod link;
mod loop_rows;
mod max;
mod norms;
mod record_norms;
mod relu;
mod sddmm;
mod segment;
mod spmm;
mod tangent;
#[cfg(test)]
mod tests;

pub use cases::{asked, cases, random};
pub use features::{densify, features, features_bwd_table, features_bwd_w, scatter_rows};
pub use laplacian::laplacian;
pub use link::{bce, negatives, partner_scores, partner_scores_bwd};
pub use loop_rows::loop_rows;
pub use max::{aggregate_max, aggregate_max_as, max_bwd, max_bwd_as};
pub use norms::degree_norms;
pub use record_norms::{features_norms, segment_norms};
pub use relu::{Drop, project_back, spmm_relu, takes_project_back, takes_relu};
pub use sddmm::sddmm;
pub use segment::{Readout, segment, segment_bwd, segment_outer};
pub use spmm::{Form, NARROW, Spmm, choose, spmm, spmm_as};
pub use tangent::max_tangent;

use crate::engine::{Arguments, Buf, Kernel};

/// The family's kernels.
pub static KERNELS: &[&Kernel] = &[
    &spmm::SPMM,
    &spmm::SPMM_NARROW,
    &spmm::SPMM_QUADS,
    &spmm::SPMM_TEAM,
    &relu::SPMM_RELU,
    &relu::SPMM_RELU_TEAM,
    &relu::PROJECT_BACK,
    &balanced::SPMM,
    &balanced::FIX,
    &norms::LOOPED,
    &norms::NORMS,
    &loop_rows::LOOP_ROWS,
    &laplacian::DIAGONAL,
    &laplacian::LAPLACIAN,
    &features::TRANSPOSE,
    &features::BWD_W,
    &features::DENSIFY,
    &features::SCATTER_ROWS,
    &record_norms::SPAN_SUMS,
    &segment::SEGMENT,
    &segment::SEGMENT_MAX,
    &segment::SEGMENT_BWD,
    &segment::SEGMENT_OUTER,
    &max::MAX,
    &max::MAX_BWD,
    &balanced::MAX,
    &balanced::MAX_FIX,
    &balanced::MAX_BWD,
    &tangent::MAX_TANGENT,
    &sddmm::SDDMM,
    &link::NEGATIVES,
    &link::PARTNER_SCORES,
    &link::PARTNER_SCORES_BWD,
    &link::BCE,
];

/// Rows of a sparse matrix: the entries `ptr[r] .. ptr[r + 1]` belong to row r. Entries past `ptr[rows]` are padding.
#[derive(Clone, Copy, Debug)]
pub struct Csr {
    /// [rows + 1], rising from 0.
    pub ptr: Buf<u32>,
    /// \[entries\]: the column (of a graph: the source node) of each entry.
    pub idx: Buf<u32>,
    /// \[entries\]: the value of entry k is `val[perm[k]]`; `val[k]` without. A transpose has one.
    pub perm: Option<Buf<u32>>,
    /// Some row has more than [`SKEW`] times the mean number of entries: [`is_heavy`] of `ptr`. With `false` the
    /// kernels count on it that no row has.
    pub heavy: bool,
}

/// Largest row over mean row from which on a matrix is heavy.
pub const SKEW: usize = 32;

/// The flag of a [`Csr`] with these row ends.
pub fn is_heavy(ptr: &[u32]) -> bool {
    let longest = ptr.windows(2).map(|w| (w[1] - w[0]) as usize).max().unwrap_or(0);
    let (rows, entries) = (ptr.len().saturating_sub(1), ptr.last().map_or(0, |e| *e as usize));
    longest > bound(rows, entries)
}

/// Entries that no row of a matrix passes unless it is heavy.
fn bound(rows: usize, entries: usize) -> usize {
    SKEW * entries.div_ceil(rows.max(1))
}

/// Entries that no row passes.
fn longest(rows: usize, entries: usize, heavy: bool) -> usize {
    if heavy { entries } else { entries.min(bound(rows, entries)) }
}

impl Csr {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.ptr.len.saturating_sub(1)
    }

    /// Number of entries, padding included.
    pub fn entries(&self) -> usize {
        self.idx.len
    }

    /// Entries that no row passes: the loop iterations of a thread that walks one row.
    pub fn longest(&self) -> usize {
        longest(self.rows(), self.entries(), self.heavy)
    }

    /// What is bound as `perm`: any buffer of words where there is none.
    fn places(&self) -> Buf<u32> {
        self.perm.unwrap_or(self.idx)
    }

    /// Adds to a record function's checks that the matrix has its row ends, places and at least its values.
    fn fits<'r>(&self, checks: Arguments<'r>, values: &str, val: Buf<f32>) -> Arguments<'r> {
        self.rows_fit(checks).at_least(values, val, &[self.entries()])
    }

    fn rows_fit<'r>(&self, checks: Arguments<'r>) -> Arguments<'r> {
        checks.at_least("ptr", self.ptr, &[1]).optional("perm", self.perm, &[self.entries()])
    }

    /// The same for a graph's edges with the targets as rows.
    fn by_target<'r>(&self, checks: Arguments<'r>, values: &str, val: Buf<f32>) -> Arguments<'r> {
        let untransposed = self.perm.is_none();
        self.fits(checks, values, val)
            .holds(untransposed, || "`a` has the targets as rows, not their transpose".to_owned())
    }
}

/// Columns of a [rows, cols] matrix are dealt to threads in fours.
fn quads(cols: usize) -> usize {
    cols.div_ceil(4)
}

/// Rows of a matrix of `len` elements, rounded down where that does not divide it.
fn rows_of(len: usize, cols: usize) -> usize {
    len.checked_div(cols).unwrap_or(0)
}

/// Adds to a record function's checks that `buf` is whole rows of `cols` elements.
fn whole_rows<'r>(checks: Arguments<'r>, name: &str, buf: Buf<f32>, cols: usize) -> Arguments<'r> {
    checks.shape(name, buf, &[rows_of(buf.len, cols), cols])
}
