//! Products of shapes asked for.

use super::super::outer::{OUTER, outer};
use super::super::{KERNELS, MATMUL, Mat, Product, product};
use super::{case, is_quads, outer_case};
use crate::engine::case::Case;
use crate::engine::{Kernel, Recording};
use crate::kernels::asked::Op;

/// The forms of a kernel, the plain one first, without the later passes of those that take several.
fn forms(plain: &'static Kernel) -> impl Iterator<Item = &'static Kernel> {
    KERNELS.iter().copied().filter(move |k| std::ptr::eq(k.plain(), plain))
}

/// Three layouts, the products of squares that Fisher diagonals are made of, and weight gradients row by row.
pub fn asked() -> Vec<Op> {
    let square = Product { square: true, beta: 1.0, ..Default::default() };
    vec![
        of("matmul_nn", "nn", "y = A B, A [M, K], B [K, N]", Product::default()),
        of("matmul_nt", "nt", "y = A Bᵀ, A [M, K], B [N, K]: a dense layer forward", Product::default()),
        of("matmul_tn", "tn", "y = Aᵀ B, A [K, M], B [K, N]: a dense layer's weight gradient", Product::default()),
        of("matmul_square", "tn", "y += (A∘A)ᵀ (B∘B): a dense layer's part of the Fisher diagonal", square),
        rows(),
    ]
}

fn of(name: &'static str, layout: &'static str, about: &'static str, options: Product) -> Op {
    let all = move |s: &[usize]| -> Result<Vec<Case>, String> {
        // As `quads::Layout` wants it: rows of y, and what each operand has side by side.
        let sides = if layout == "tn" { [s[0], s[1]] } else { [s[1], s[2]] };
        let whole = sides.iter().all(|size| size.is_multiple_of(4));
        Ok(forms(&MATMUL)
            .filter(|kernel| whole || !is_quads(kernel))
            .map(|kernel| case(kernel, layout, (s[0], s[1], s[2]), options))
            .collect())
    };
    let op = Op::new(name, "MxNxK", about, &[512, 512, 512], all).cube();
    op.chosen(move |rec, s| recorded(rec, layout, [s[0], s[1], s[2]], options))
}

fn recorded(mut rec: Recording, layout: &str, [m, n, k]: [usize; 3], options: Product) -> Recording {
    let (a, b, y) = (rec.temp("a", m * k), rec.temp("b", k * n), rec.temp("y", m * n));
    let (a, b) = match layout {
        "nn" => (Mat::new(a, m, k), Mat::new(b, k, n)),
        "nt" => (Mat::new(a, m, k), Mat::new(b, n, k).t()),
        _ => (Mat::new(a, k, m).t(), Mat::new(b, k, n)),
    };
    let bias = rec.temp("bias", n);
    product(&mut rec, a, b, bias, y, options);
    rec
}

fn rows() -> Op {
    let about = "y[r] = dy[r] x[r]ᵀ: a dense layer's weight gradient of every record";
    let all = |s: &[usize]| -> Result<Vec<Case>, String> {
        let fits = |k: &&Kernel| std::ptr::eq(*k, &OUTER) || s[2].is_multiple_of(4);
        Ok(forms(&OUTER).filter(fits).map(|kernel| outer_case(kernel, s[0], s[1], s[2], 0)).collect())
    };
    Op::new("outer", "ROWSxOUTxIN", about, &[128, 128, 256], all).chosen(|mut rec, s| {
        let (dy, x) = (rec.temp("dy", s[0] * s[1]), rec.temp("x", s[0] * s[2]));
        let y = rec.temp("y", s[0] * s[1] * s[2]);
        outer(&mut rec, dy, x, y, s[0], s[1] * s[2]);
        rec
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Target;

    #[test]
    fn the_form_that_is_chosen_is_one_of_those_that_are_timed() {
        for op in asked().iter().filter(|op| op.name.starts_with("matmul")) {
            for shape in [[120, 400, 2], [64, 120, 400], [70, 132, 28], [90, 21, 33], [33, 44, 12], [50, 40, 30]] {
                let timed = op.cases(&shape).expect("the shape fits");
                let (kernel, _) = op.chosen_for(Recording::new(Target::software(8)), &shape).expect("has a rule");
                let known = timed.iter().any(|case| case.rec.dispatches().any(|d| std::ptr::eq(d.kernel, kernel)));
                assert!(known, "{} of {} {shape:?}", kernel.name, op.name);
            }
        }
    }
}
