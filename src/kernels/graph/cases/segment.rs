//! Cases of read-outs and of ragged weight gradients.

use super::super::{Readout, segment, segment_bwd, segment_norms, segment_outer};
use super::features::segments;
use super::{new, rounding};
use crate::engine::case::{Case, Gen, Hazard};
use crate::kernels::{Reduction, ReductionMode};

/// rows, rows a segment, columns: none, one, primes, whole vec4s.
const SHAPES: [[usize; 3]; 9] =
    [[1, 1, 1], [0, 1, 3], [3, 1, 1], [131, 5, 7], [64, 3, 16], [257, 9, 33], [12, 2, 3], [17, 40, 4], [331, 13, 20]];

pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for readout in [Readout::Sum, Readout::Mean, Readout::Max] {
        for [rows, per, cols] in SHAPES {
            all.push(forward(rows, per, cols, readout));
            all.push(backward(rows, per, cols, readout));
        }
        all.push(forward(22_000, 1, 9, readout).folded());
        all.push(backward(33_001, 4, 2, readout).folded());
        all.push(forward(4000, 30, 64, readout).timed());
        all.push(backward(4000, 30, 64, readout).timed());
    }
    all.push(inference());
    for ([rows, per, inputs], outputs) in SHAPES.into_iter().zip([1, 2, 1, 5, 16, 3, 7, 4, 1]) {
        all.extend(options(inputs * outputs).map(|how| outer(rows, per, inputs, outputs, how)));
        all.push(norms(rows, per, inputs, outputs));
    }
    // More cells than lanes, and lanes that the length of the loops demands.
    all.push(norms(331, 13, 67, 21));
    all.push(norms(4001, 700, 130, 33));
    all.push(norms(9, 1, 70_001, 1).folded());
    all.push(norms(2304, 36, 16, 64).timed());
    all.extend(options(70_001).map(|how| outer(9, 1, 70_001, 1, how).folded()));
    // More samples than one block holds.
    all.push(outer(5000, 2, 33, 67, options(0)[2]));
    all.extend(options(16 * 64).map(|how| outer(2304, 36, 16, 64, how).timed()));
    all
}

pub fn random(g: &mut Gen) -> Vec<Case> {
    let (rows, per) = (g.size(1, 500), g.size(1, 30));
    let (inputs, outputs) = (g.size(1, 40), g.size(1, 20));
    let readout = [Readout::Sum, Readout::Mean, Readout::Max][g.below(3)];
    let mut all = vec![forward(rows, per, inputs, readout), backward(rows, per, inputs, readout)];
    all.push(outer(rows, per, inputs, outputs, options(inputs * outputs)[g.below(4)]));
    all.push(norms(rows, per, inputs, outputs));
    all
}

/// Few different values: nearly every segment has ties.
fn forward(rows: usize, per: usize, cols: usize, readout: Readout) -> Case {
    let kernel = if readout == Readout::Max { "segment_max" } else { "segment" };
    let mut case = new(format!("graph.{kernel} {rows} rows by {per} width {cols} {readout:?}"));
    let mut g = Gen::new((rows * 7 + cols) as u64);
    let (ends, _) = segments(rows, per);
    let n = (ends.len() - 1) * cols;
    let seg_ptr = case.input_u32("seg_ptr", ends);
    let x = case.input("x", (0..rows * cols).map(|_| g.below(5) as f32 - 6.25).collect());
    let y = case.output("y", n);
    let arg = (readout == Readout::Max).then(|| case.output("arg", n));
    segment(&mut case.rec, seg_ptr, x, y, cols, readout, arg);
    let case = if readout == Readout::Max { case.hazard(Hazard::Compared, &["x"]) } else { case };
    case.tolerance(1e-6, 0.0)
}

/// A maximum nobody will differentiate.
fn inference() -> Case {
    let mut case = new("graph.segment_max 131 rows by 5 width 7 without arg".into());
    let seg_ptr = case.input_u32("seg_ptr", segments(131, 5).0);
    let x = case.input("x", Gen::new(3).values(131 * 7));
    let y = case.output("y", (seg_ptr.len - 1) * 7);
    segment(&mut case.rec, seg_ptr, x, y, 7, Readout::Max, None);
    case.hazard(Hazard::Compared, &["x"]).tolerance(0.0, 0.0)
}

fn backward(rows: usize, per: usize, cols: usize, readout: Readout) -> Case {
    let mut case = new(format!("graph.segment_bwd {rows} rows by {per} width {cols} {readout:?}"));
    let mut g = Gen::new((rows * 5 + cols) as u64);
    let (ends, of) = segments(rows, per);
    // Some row of each segment, none for an empty one.
    let winner = |w: &[u32], g: &mut Gen| match (w[1] - w[0]) as usize {
        0 => u32::MAX,
        n => w[0] + g.below(n) as u32,
    };
    let arg: Vec<u32> =
        ends.windows(2).flat_map(|w| (0..cols).map(|_| winner(w, &mut g)).collect::<Vec<_>>()).collect();
    let n = arg.len();
    let seg_ptr = case.input_u32("seg_ptr", ends);
    let seg = case.input_u32("seg", of);
    let arg = (readout == Readout::Max).then(|| case.input_u32("arg", arg));
    let dy = case.input("dy", g.values(n));
    let dx = case.output("dx", rows * cols);
    segment_bwd(&mut case.rec, seg_ptr, seg, dy, dx, cols, readout, arg);
    case.tolerance(1e-6, 0.0)
}

fn options(size: usize) -> [Reduction; 4] {
    let with = |mode, alpha, beta, stride| Reduction { mode, alpha, beta, stride };
    [
        with(ReductionMode::Sum, 0.5, 1.0, 0),
        with(ReductionMode::SquareSum, 1.0, 0.0, 0),
        with(ReductionMode::SquareSum, 0.25, -0.5, 0),
        with(ReductionMode::PerSample, 1.0, 0.0, size + 61),
    ]
}

fn norms(rows: usize, per: usize, inputs: usize, outputs: usize) -> Case {
    let mut case = new(format!("graph.segment_outer {rows} rows by {per} {inputs} to {outputs} norms"));
    let mut g = Gen::new((rows * 5 + inputs) as u64);
    let (ends, _) = segments(rows, per);
    let samples = ends.len() - 1;
    let seg_ptr = case.input_u32("seg_ptr", ends);
    let x = case.input("x", g.values(rows * inputs));
    let dy = case.input("dy", g.values(rows * outputs));
    let out = case.output("norms", samples);
    segment_norms(&mut case.rec, seg_ptr, x, dy, out, [inputs, outputs]);
    case.tolerance(1e-5, 1e-6 * per as f64)
}

fn outer(rows: usize, per: usize, inputs: usize, outputs: usize, how: Reduction) -> Case {
    let Reduction { mode, alpha, beta, stride } = how;
    let (shape, named) = (format!("{inputs} to {outputs}"), format!("{mode:?} alpha {alpha} beta {beta}"));
    let mut case = new(format!("graph.segment_outer {rows} rows by {per} {shape} {named}"));
    let mut g = Gen::new((rows * 5 + inputs) as u64);
    let (ends, _) = segments(rows, per);
    let samples = ends.len() - 1;
    let seg_ptr = case.input_u32("seg_ptr", ends);
    let x = case.input("x", g.values(rows * inputs));
    let dy = case.input("dy", g.values(rows * outputs));
    let dw = match mode {
        ReductionMode::PerSample => case.inout("dw", g.values(samples * stride)),
        _ if beta == 0.0 => case.output("dw", outputs * inputs),
        _ => case.inout("dw", g.values(outputs * inputs)),
    };
    segment_outer(&mut case.rec, seg_ptr, x, dy, dw, inputs, outputs, how);
    rounding(case, if mode == ReductionMode::SquareSum { 16 * rows * per } else { 4 * rows })
}
