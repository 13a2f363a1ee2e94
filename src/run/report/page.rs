//! What a report is made of.

use crate::run::audit::Audit;
use crate::run::curve::Curve;
use crate::run::results::Row;

/// What a page is made of.
#[derive(Debug, Clone, Copy, Default)]
pub struct Page<'a> {
    /// Its heading.
    pub title: &'a str,
    /// Rows of all experiments.
    pub rows: &'a [Row],
    /// Training curves; may be empty.
    pub curves: &'a [Curve],
    /// What `unlearn audit` left beside runs.
    pub audits: &'a [Audit],
}
