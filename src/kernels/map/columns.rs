//! Blocks of columns from one matrix into another: what takes inputs apart and puts outputs side by side.

use crate::engine::case::{Case, Gen};
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent, Target, TwinCall};
use crate::params;

params! {
    /// `width` columns from column `x_at` of x to column `y_at` of y.
    pub struct Columns { rows: u32, width: u32, x_cols: u32, y_cols: u32, x_at: u32, y_at: u32 }
}

/// A block of columns.
pub static COLUMNS: Kernel = Kernel {
    name: "map.columns",
    source: include_str!("../../../shaders/map/columns.wgsl"),
    params: Columns::FIELDS,
    twin,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[0]]),
    variant_of: None,
};

/// Columns of a matrix of rows.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// The matrix, [rows, cols].
    pub of: Buf<f32>,
    /// Its columns.
    pub cols: usize,
    /// The first of the block.
    pub at: usize,
}

/// Records `y[n, to..] = x[n, from..]` for `width` columns, or adds them with `add`; other columns of y stay.
pub fn columns(rec: &mut Recording, x: Block, y: Block, rows: usize, width: usize, add: bool) {
    let inside = x.at + width <= x.cols && y.at + width <= y.cols;
    let checks = rec.arguments("map.columns").shape("x", x.of, &[rows, x.cols]).shape("y", y.of, &[rows, y.cols]);
    let what = || format!("{width} columns from {} of {} to {} of {}", x.at, x.cols, y.at, y.cols);
    if checks.holds(inside, what).wrong() {
        return;
    }
    let [rows32, width32, x_cols, y_cols, x_at, y_at] =
        [rows, width, x.cols, y.cols, x.at, y.at].map(|size| size as u32);
    rec.dispatch(&COLUMNS)
        .set("ADD", u8::from(add))
        .params(Columns { rows: rows32, width: width32, x_cols, y_cols, x_at, y_at })
        .read(x.of)
        .update(y.of)
        .work(u64::from(add) * (rows * width) as u64, 8 * (rows * width) as u64)
        .threads(rows * width);
}

/// Bindings x y; see `columns.wgsl`.
fn twin(call: &mut TwinCall) {
    let p: Columns = call.params();
    let add = call.set("ADD") == 1;
    let [x, y] = call.bufs();
    for n in 0..p.rows as usize {
        for j in 0..p.width as usize {
            let from = x.f()[n * p.x_cols as usize + p.x_at as usize + j];
            let to = &mut y.f_mut()[n * p.y_cols as usize + p.y_at as usize + j];
            *to = if add { *to + from } else { from };
        }
    }
}

/// rows, width, (columns, first) of x and of y.
type Shape = [usize; 6];

const SHAPES: &[Shape] =
    &[[0, 3, 5, 1, 4, 0], [1, 1, 1, 0, 1, 0], [7, 3, 11, 8, 5, 2], [5, 0, 3, 3, 2, 1], [131, 9, 9, 0, 67, 31]];

/// Both forms at every shape.
pub(super) fn cases() -> Vec<Case> {
    let mut all: Vec<Case> = SHAPES.iter().flat_map(|s| [false, true].map(|add| case(*s, add))).collect();
    all.push(case([13_109, 5, 6, 1, 7, 2], false).folded());
    all
}

/// Both forms at a random shape.
pub(super) fn random(g: &mut Gen) -> [Case; 2] {
    let [rows, width, before, behind, x_at, y_at] = [70, 20, 9, 9, 9, 9].map(|most| g.size(1, most));
    [false, true].map(|add| case([rows, width, width + x_at + before, x_at, width + y_at + behind, y_at], add))
}

fn case([rows, width, x_cols, x_at, y_cols, y_at]: Shape, add: bool) -> Case {
    let form = if add { " added" } else { "" };
    let name = format!("map.columns {rows}x{width} {x_at}/{x_cols} to {y_at}/{y_cols}{form}");
    let mut case = Case::new(name, Target::default());
    let mut g = Gen::new((rows * 7 + width * 3 + x_at + y_cols) as u64);
    let x = Block { of: case.input("x", g.values(rows * x_cols)), cols: x_cols, at: x_at };
    let y = Block { of: case.inout("y", g.values(rows * y_cols)), cols: y_cols, at: y_at };
    columns(&mut case.rec, x, y, rows, width, add);
    if add { case.tolerance(1e-6, 1e-6) } else { case.tolerance(0.0, 0.0) }
}
