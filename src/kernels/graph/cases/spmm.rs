//! Cases of the sparse product and of the degree norms.

use super::super::{Spmm, degree_norms, spmm};
use super::{Pattern, new, patterns, rounding};
use crate::engine::case::{Case, Gen};

const WIDTHS: [usize; 5] = [1, 3, 7, 16, 33];

pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    let how = |own, bias| Spmm { own, bias };
    for pattern in patterns() {
        for cols in WIDTHS {
            all.push(product(&pattern, cols, how(0.0, false)));
        }
        let (t, perm) = pattern.transposed();
        for cols in [7, 16] {
            all.push(product(&pattern, cols, how(0.0, true)));
            all.push(product(&pattern, cols, how(1.25, true)));
            all.push(permuted(&t, perm.clone(), cols));
        }
        all.push(norms(&pattern));
    }
    // Fewer and more sources than rows.
    all.push(product(&Pattern::random(41, 7, 5), 16, how(0.0, true)));
    all.push(product(&Pattern::random(7, 131, 9), 9, how(0.0, false)));
    let wide = Pattern::random(70_001, 70_001, 1);
    all.push(product(&wide, 1, how(0.5, false)).folded());
    all.push(product(&wide, 4, how(0.0, false)).folded());
    all.push(norms(&wide).folded());
    // Cora's size: 2 708 nodes, five entries a row.
    let cora = Pattern::random(2708, 2708, 6);
    all.push(product(&cora, 16, how(0.0, true)).timed());
    all.push(product(&cora, 7, how(0.0, true)).timed());
    all.push(product(&cora, 256, how(0.0, false)).timed());
    all.push(norms(&cora).timed());
    all
}

fn product(a: &Pattern, cols: usize, how: Spmm) -> Case {
    let options = format!("own {}{}", how.own, if how.bias { " bias" } else { "" });
    let mut case = new(format!("graph.spmm {} width {cols} {options}", a.name));
    let mut g = Gen::new((a.idx.len() * 7 + cols) as u64);
    let csr = a.put(&mut case, None);
    let val = case.input("val", g.values(a.idx.len()));
    let x = case.input("x", g.values(a.sources * cols));
    let bias = if how.bias { case.input("bias", g.values(cols)) } else { x };
    let y = case.output("y", a.rows() * cols);
    spmm(&mut case.rec, &csr, val, x, bias, y, cols, how);
    rounding(case, 2 + a.longest())
}

/// The gradient to x: values in the order of the other direction.
fn permuted(t: &Pattern, perm: Vec<u32>, cols: usize) -> Case {
    let mut case = new(format!("graph.spmm {} width {cols}", t.name));
    let mut g = Gen::new((t.idx.len() * 5 + cols) as u64);
    let csr = t.put(&mut case, Some(perm));
    let val = case.input("val", g.values(t.idx.len()));
    let dy = case.input("dy", g.values(t.sources * cols));
    let dx = case.output("dx", t.rows() * cols);
    spmm(&mut case.rec, &csr, val, dy, dy, dx, cols, Spmm::default());
    rounding(case, 2 + t.longest())
}

/// Weights of 1 and 0, some other ones, and rows all of 0 (a deleted node); two entries of padding.
fn norms(a: &Pattern) -> Case {
    let mut case = new(format!("graph.norms {}", a.name));
    let mut g = Gen::new(a.idx.len() as u64);
    let padded = Pattern { idx: [a.idx.as_slice(), &[0, 0]].concat(), ..a.clone() };
    let mut w: Vec<f32> = padded.idx.iter().map(|_| [0.0, 1.0, 1.0, 1.0, 0.5][g.below(5)]).collect();
    for r in (0..a.rows()).step_by(6) {
        w[a.ptr[r] as usize..a.ptr[r + 1] as usize].fill(0.0);
    }
    let csr = padded.put(&mut case, None);
    let (n, weight) = (w.len(), case.input("weight", w));
    let (sym, mean) = (case.output("sym", n), case.output("mean", n));
    degree_norms(&mut case.rec, &csr, weight, sym, mean);
    case.tolerance(2e-6, 1e-7)
}
