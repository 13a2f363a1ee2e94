//! Products on matrix units: f16 operands and f32 sums, where the user asks for it.

use glam::UVec3;

use super::MATMUL;
use crate::engine::{Kernel, Matrices, Pass, Precision, Requires, div_ceil};

/// Operands rounded to f16, units of 8 x 8.
pub static MATMUL_MIXED8: Kernel = Kernel {
    name: "linear.matmul_mixed8",
    source: include_str!("../../../shaders/linear/matmul_mixed8.wgsl"),
    requires: Requires::Matrices8,
    variant_of: Some(&MATMUL),
    ..MATMUL
};

/// Operands rounded to f16, units of 16 x 16.
pub static MATMUL_MIXED16: Kernel = Kernel {
    name: "linear.matmul_mixed16",
    source: include_str!("../../../shaders/linear/matmul_mixed16.wgsl"),
    requires: Requires::Matrices16,
    ..MATMUL_MIXED8
};

/// Every product three of f16, units of 8 x 8.
pub static MATMUL_SPLIT8: Kernel = Kernel {
    name: "linear.matmul_split8",
    source: include_str!("../../../shaders/linear/matmul_split8.wgsl"),
    ..MATMUL_MIXED8
};

/// Every product three of f16, units of 16 x 16.
pub static MATMUL_SPLIT16: Kernel = Kernel {
    name: "linear.matmul_split16",
    source: include_str!("../../../shaders/linear/matmul_split16.wgsl"),
    requires: Requires::Matrices16,
    ..MATMUL_MIXED8
};

/// A form, what it computes, and on units of which side.
type Form = (&'static Kernel, Precision, u32);

static FORMS: [Form; 4] = [
    (&MATMUL_MIXED8, Precision::Mixed, 8),
    (&MATMUL_MIXED16, Precision::Mixed, 16),
    (&MATMUL_SPLIT8, Precision::Split, 8),
    (&MATMUL_SPLIT16, Precision::Split, 16),
];

/// Rows, columns and terms below which most of a tile would be padding: such products stay in f32.
const LEAST: usize = 16;

/// The form for units, whatever the shape.
pub(super) fn form(units: Matrices) -> &'static Kernel {
    let is = |(_, precision, side): &&Form| (*precision, *side) == (units.precision, units.side);
    FORMS.iter().find(is).map_or(&MATMUL, |(kernel, ..)| kernel)
}

/// The form for units and a shape [m, n], inner size k; `None` where f32 is as good.
pub(super) fn choose(units: Option<Matrices>, [m, n, k]: [usize; 3]) -> Option<&'static Kernel> {
    units.filter(|_| m.min(n).min(k) >= LEAST).map(form)
}

/// Side of the units and precision of a form, if it is one of these.
pub(super) fn of(kernel: &Kernel) -> Option<(u32, Precision)> {
    FORMS.iter().find(|(form, ..)| std::ptr::eq(kernel, *form)).map(|(_, precision, side)| (*side, *precision))
}

/// What a product of numbers is off by at most, relative to the product of their magnitudes.
pub(super) fn bound(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => 0.0,
        // Each operand is off by 2^-11.
        Precision::Mixed => 2f64.powi(-10) + 2f64.powi(-22),
        // Each operand is off by 2^-22, and the product of the low parts is left out.
        Precision::Split => 3.0 * 2f64.powi(-22),
    }
}

/// Invocations of a workgroup: a subgroup for each of its four blocks, and enough to stage its tiles two quads each.
pub(super) fn workgroup(side: u32, units: Option<Matrices>) -> u32 {
    (4 * units.map_or(8, |u| u.lanes)).max(side * side / 2)
}

/// Loop iterations and the grid; as in `tile_coop.wgsl`.
pub(super) fn launch(pass: Pass, side: u32, [m, n]: [usize; 2], batch: usize, terms: usize) {
    let grid = div_ceil(UVec3::new(n as u32, m as u32, batch as u32), UVec3::new(4 * side, 4 * side, 1));
    // Where a workgroup is one subgroup, it computes its four blocks one after another, and puts each in four pieces.
    let puts = 4 * (side * side / 4) as usize;
    pass.turns(4 * (terms.div_ceil(side as usize) + puts)).grid(grid);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_chosen_by_precision_side_and_shape() {
        let units = |precision, side| Some(Matrices { precision, side, lanes: 32 });
        let name = |units, shape| choose(units, shape).map(Kernel::variant);
        assert_eq!(name(units(Precision::Mixed, 8), [64, 64, 64]), Some("mixed8"));
        assert_eq!(name(units(Precision::Split, 16), [16, 64, 64]), Some("split16"));
        for shape in [[15, 64, 64], [64, 15, 64], [64, 64, 15]] {
            assert_eq!(name(units(Precision::Split, 16), shape), None);
        }
        assert_eq!(name(None, [64, 64, 64]), None);
        let of = |side, lanes| workgroup(side, Some(Matrices { lanes, ..units(Precision::Mixed, side).unwrap() }));
        assert_eq!([of(8, 8), of(8, 32), of(16, 8), of(16, 32), of(16, 64)], [32, 128, 128, 128, 256]);
    }
}
