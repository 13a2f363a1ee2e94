//! Cases of sparse features.

use super::super::{densify, features, features_bwd_table, features_bwd_w, features_norms, scatter_rows};
use super::{Pattern, new, rounding};
use crate::engine::Target;
use crate::engine::case::{Case, Gen};
use crate::kernels::{Reduction, ReductionMode};

/// rows inputs degree outputs.
const SHAPES: [[usize; 4]; 8] = [
    [1, 1, 1, 1],
    [0, 5, 1, 3],
    [37, 131, 9, 16],
    [131, 37, 4, 7],
    [64, 67, 5, 33],
    [7, 3, 2, 4],
    [200, 5, 3, 2],
    [5, 9, 0, 3],
];

pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for [rows, inputs, degree, outputs] in SHAPES {
        let x = Pattern::distinct(rows, inputs, degree);
        all.push(forward(&x, outputs, false));
        all.push(forward(&x, outputs, true));
        for how in options(inputs * outputs) {
            all.push(backward(&x, outputs, how, 5));
            all.push(table(Target::default(), &x, outputs, how, 5));
        }
        all.push(norms(&x, outputs, 5));
        all.push(dense(&x));
        all.push(dense_columns(&x));
    }
    // Sixteen outputs a thread, whole and ragged.
    let software = Target::software(0);
    let some = Pattern::distinct(67, 19, 3);
    for outputs in [13, 16, 19, 29, 40] {
        all.extend(options(19 * outputs).map(|how| backward_for(software, &some, outputs, how, 5)));
        all.extend(options(19 * outputs).map(|how| table(software, &some, outputs, how, 5)));
    }
    let many = Pattern::distinct(70_001, 3, 1);
    all.push(forward(&many, 2, true).folded());
    all.push(dense(&Pattern::distinct(120_001, 3, 1)).folded());
    let wide = Pattern::distinct(9, 70_001, 3);
    for how in options(70_001) {
        all.push(backward(&wide, 1, how, 2).folded());
    }
    all.push(forward(&wide, 1, false).folded());
    all.push(norms(&wide, 1, 2).folded());
    all.push(norms(&many, 1, 1).folded());
    all.push(norms(&many, 5, 40_000));
    for (n, rows, cols) in [(0, 5, 3), (1, 1, 1), (5, 5, 7), (3, 131, 4), (67, 70, 9)] {
        all.push(scattered(n, rows, cols));
    }
    all.push(scattered(40_000, 50_001, 2).folded());
    // Cora's features: 1 433 words, 18 a node; 64 ego graphs of 36 nodes.
    let cora = Pattern::distinct(2708, 1433, 18);
    all.push(forward(&cora, 16, true).timed());
    for how in options(1433 * 16) {
        all.push(backward(&cora, 16, how, 36).timed());
    }
    all.push(norms(&cora, 16, 36).timed());
    all.push(backward_for(software, &cora, 16, options(1433 * 16)[1], 36).timed());
    all.push(scattered(2048, 2708, 16).timed());
    all.push(dense(&cora).timed());
    all
}

pub fn random(g: &mut Gen) -> Vec<Case> {
    let x = Pattern::distinct(g.size(1, 200), g.size(1, 200), g.size(1, 12));
    let (outputs, per) = (g.size(1, 40), g.size(1, 12));
    let how = options(x.sources * outputs)[g.below(5)];
    let mut all = vec![forward(&x, outputs, g.below(2) == 0), backward(&x, outputs, how, per)];
    all.extend([table(Target::default(), &x, outputs, how, per), norms(&x, outputs, per)]);
    all.extend([dense(&x), dense_columns(&x)]);
    all
}

fn options(size: usize) -> [Reduction; 5] {
    let with = |mode, alpha, beta, stride| Reduction { mode, alpha, beta, stride };
    [
        with(ReductionMode::Sum, 0.5, 1.0, 0),
        with(ReductionMode::Sum, 1.0, 0.0, 0),
        with(ReductionMode::SquareSum, 1.0, 0.0, 0),
        with(ReductionMode::SquareSum, 0.25, -0.5, 0),
        with(ReductionMode::PerSample, 1.0, 0.0, size + 61),
    ]
}

fn forward(x: &Pattern, outputs: usize, bias: bool) -> Case {
    let mut case = new(format!("graph.transpose features {} to {outputs}{}", x.name, if bias { " bias" } else { "" }));
    let mut g = Gen::new((x.idx.len() * 3 + outputs) as u64);
    let csr = x.put(&mut case, None);
    let val = case.input("val", g.values(x.idx.len()));
    let w = case.input("w", g.values(outputs * x.sources));
    let b = if bias { case.input("b", g.values(outputs)) } else { w };
    let y = case.output("y", x.rows() * outputs);
    features(&mut case.rec, &csr, val, w, b, y, x.sources, outputs, bias);
    rounding(case, 2 + x.longest())
}

/// Samples of about `per` rows, some without any; the last rows belong to none.
pub fn segments(rows: usize, per: usize) -> (Vec<u32>, Vec<u32>) {
    let mut g = Gen::new((rows + per) as u64);
    let (mut ends, mut of) = (vec![0], Vec::new());
    while of.len() + 2 * per < rows {
        let n = if g.below(6) == 0 { 0 } else { g.below(2 * per) };
        of.resize(of.len() + n, ends.len() as u32 - 1);
        ends.push(of.len() as u32);
    }
    of.resize(rows, u32::MAX);
    (ends, of)
}

fn backward(x: &Pattern, outputs: usize, how: Reduction, per: usize) -> Case {
    backward_for(Target::default(), x, outputs, how, per)
}

fn backward_for(target: Target, x: &Pattern, outputs: usize, how: Reduction, per: usize) -> Case {
    gradient(target, x, outputs, how, per, false)
}

/// Of a weight with a row for each column.
fn table(target: Target, x: &Pattern, outputs: usize, how: Reduction, per: usize) -> Case {
    gradient(target, x, outputs, how, per, true)
}

fn gradient(target: Target, x: &Pattern, outputs: usize, how: Reduction, per: usize, table: bool) -> Case {
    let Reduction { mode, alpha, beta, stride } = how;
    let (shape, named) = (format!("{} to {outputs}", x.name), format!("{mode:?} alpha {alpha} beta {beta}"));
    let on = if target.software { " on software" } else { "" };
    let to = if table { " into a table" } else { "" };
    let mut case = Case::new(format!("graph.features_bwd_w {shape} {named}{on}{to}"), target);
    let (inputs, rows) = (x.sources, x.rows());
    let mut g = Gen::new((x.idx.len() * 3 + outputs) as u64);
    let (t, perm) = x.transposed();
    let csr = t.put(&mut case, Some(perm));
    let val = case.input("val", g.values(x.idx.len()));
    let (ends, of) = segments(rows, per);
    let seg = (mode != ReductionMode::Sum).then(|| case.input_u32("seg", of));
    let dy = case.input("dy", g.values(rows * outputs));
    let dw = match mode {
        ReductionMode::PerSample => case.inout("dw", g.values((ends.len() - 1) * stride)),
        _ if beta == 0.0 => case.output("dw", outputs * inputs),
        _ => case.inout("dw", g.values(outputs * inputs)),
    };
    let record = if table { features_bwd_table } else { features_bwd_w };
    record(&mut case.rec, &csr, val, seg, dy, dw, inputs, outputs, how);
    rounding(case, if mode == ReductionMode::SquareSum { 4 * per * t.longest() } else { 2 + t.longest() })
}

/// Entries of one column in one sample's rows are summed before they are squared; its other places hold 0.
fn norms(x: &Pattern, outputs: usize, per: usize) -> Case {
    let mut case = new(format!("graph.span_sums {} to {outputs} by {per}", x.name));
    let mut g = Gen::new((x.idx.len() * 7 + outputs) as u64);
    let rows = x.rows();
    let ptr = case.input_u32("ptr", x.ptr.clone());
    let (t, perm) = x.transposed();
    let csr = t.put(&mut case, Some(perm));
    let val = case.input("val", g.values(x.idx.len()));
    let (ends, of) = segments(rows, per);
    let samples = ends.len() - 1;
    let segments = (case.input_u32("seg_ptr", ends), case.input_u32("seg", of));
    let dy = case.input("dy", g.values(rows * outputs));
    let out = case.output("norms", samples);
    features_norms(&mut case.rec, &csr, ptr, val, segments, dy, out, outputs);
    case.tolerance(1e-5, 1e-6 * per as f64)
}

fn dense(x: &Pattern) -> Case {
    let mut case = new(format!("graph.densify {}", x.name));
    let csr = x.put(&mut case, None);
    let val = case.input("val", Gen::new(x.idx.len() as u64).values(x.idx.len()));
    let y = case.output("y", x.rows() * x.sources);
    densify(&mut case.rec, &csr, val, y, x.sources);
    case.tolerance(0.0, 0.0)
}

fn dense_columns(x: &Pattern) -> Case {
    let (t, perm) = x.transposed();
    let mut case = new(format!("graph.densify {}", t.name));
    let csr = t.put(&mut case, Some(perm));
    let val = case.input("val", Gen::new(x.idx.len() as u64).values(x.idx.len()));
    let y = case.output("y", t.rows() * t.sources);
    densify(&mut case.rec, &csr, val, y, t.sources);
    case.tolerance(0.0, 0.0)
}

/// Every third index is past the end: padding.
fn scattered(n: usize, rows: usize, cols: usize) -> Case {
    let mut case = new(format!("graph.scatter_rows {n} of {rows} width {cols}"));
    let mut g = Gen::new((n * 7 + rows) as u64);
    let mut idx: Vec<u32> = (0..rows as u32).collect();
    for i in 0..n {
        let j = i + g.below(rows - i);
        idx.swap(i, j);
    }
    idx.truncate(n);
    idx.iter_mut().step_by(3).for_each(|i| *i = u32::MAX);
    let x = case.input("x", g.values(n * cols));
    let idx = case.input_u32("idx", idx);
    let y = case.inout("y", g.values(rows * cols));
    scatter_rows(&mut case.rec, x, idx, y, cols);
    case.tolerance(0.0, 0.0)
}
