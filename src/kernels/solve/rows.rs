//! The kernels of the `solve` family.

use super::twin;
use crate::engine::{Kernel, Params, Requires, Tangent};
use crate::params;

params! {
    /// Rows, and what is added to the diagonal.
    pub struct Damp { n: u32, shift: f32 }
}

params! {
    /// Rows, and the columns first..last that a step works on.
    pub struct Columns { n: u32, first: u32, last: u32 }
}

params! {
    /// Rows, right-hand sides and their strides, and the rows first..last that a step works on.
    pub struct Triangular { n: u32, sides: u32, b_row: u32, b_col: u32, first: u32, last: u32 }
}

/// `y = a + shift I`.
pub static DAMP: Kernel = Kernel {
    name: "solve.damp",
    source: include_str!("../../../shaders/solve/damp.wgsl"),
    params: Damp::FIELDS,
    twin: twin::damp,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// What the columns before a block contribute.
pub static CHOLESKY_UPDATE: Kernel = Kernel {
    name: "solve.cholesky_update",
    source: include_str!("../../../shaders/solve/cholesky_update.wgsl"),
    params: Columns::FIELDS,
    twin: twin::cholesky_update,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Factor of a diagonal block.
pub static CHOLESKY_DIAGONAL: Kernel = Kernel {
    name: "solve.cholesky_diagonal",
    source: include_str!("../../../shaders/solve/cholesky_diagonal.wgsl"),
    params: Columns::FIELDS,
    twin: twin::cholesky_diagonal,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Factor's rows below a diagonal block.
pub static CHOLESKY_PANEL: Kernel = Kernel {
    name: "solve.cholesky_panel",
    source: include_str!("../../../shaders/solve/cholesky_panel.wgsl"),
    params: Columns::FIELDS,
    twin: twin::cholesky_panel,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// What the solved rows contribute to a block of rows.
pub static TRIANGULAR_UPDATE: Kernel = Kernel {
    name: "solve.triangular_update",
    source: include_str!("../../../shaders/solve/triangular_update.wgsl"),
    params: Triangular::FIELDS,
    twin: twin::triangular_update,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// A block of rows solved.
pub static TRIANGULAR_DIAGONAL: Kernel = Kernel {
    name: "solve.triangular_diagonal",
    source: include_str!("../../../shaders/solve/triangular_diagonal.wgsl"),
    params: Triangular::FIELDS,
    twin: twin::triangular_diagonal,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// The family's kernels.
pub static KERNELS: &[&Kernel] =
    &[&DAMP, &CHOLESKY_UPDATE, &CHOLESKY_DIAGONAL, &CHOLESKY_PANEL, &TRIANGULAR_UPDATE, &TRIANGULAR_DIAGONAL];
