//! Which features the columns of a table became, for the inputs of a network.

use crate::data::{Dataset, Encoding};
use crate::nn::{FeatureColumn, Kind};

/// The columns of a data set's table in the order of its features; none where it is no table.
pub(super) fn columns(data: &Dataset) -> Vec<FeatureColumn> {
    let mut first = 0;
    let place = |fit: &crate::data::ColumnFit| {
        let kind = match fit.encoding {
            Encoding::Numeric { .. } => Kind::Numeric,
            Encoding::Categorical { .. } | Encoding::Numbered { .. } => Kind::Categorical,
        };
        let range = [first, first + fit.encoding.width()];
        first = range[1];
        (fit.column.clone(), kind, range)
    };
    data.columns.iter().map(place).collect()
}
