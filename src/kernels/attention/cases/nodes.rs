//! Cases of the kernels over nodes and heads.

use crate::engine::Target;
use crate::engine::case::{Case, Gen};
use crate::kernels::attention::{Ends, head_scores, head_scores_bwd, mean_heads, mean_heads_bwd, scale_heads};

/// [rows, heads, width]: nothing, one, primes, vec4s, GATConv's usual.
const SHAPES: [[usize; 3]; 9] =
    [[0, 3, 4], [1, 1, 1], [1, 3, 1], [5, 1, 7], [7, 3, 7], [13, 3, 4], [31, 8, 1], [67, 8, 8], [29, 2, 16]];

pub(super) fn cases() -> Vec<Case> {
    let mut all: Vec<Case> = SHAPES.into_iter().flat_map(at).collect();
    all.extend(at([70_001, 2, 3]).map(Case::folded));
    all.extend(at([70_001, 1, 4]).map(Case::folded));
    all.extend(at([2708, 8, 8]).map(Case::timed));
    all
}

pub(super) fn at(shape: [usize; 3]) -> [Case; 5] {
    [scores(shape), scores_bwd(shape), scale(shape), mean(shape), mean_bwd(shape)]
}

fn new(kernel: &str, [n, h, f]: [usize; 3]) -> (Case, Gen) {
    let case = Case::new(format!("attention.{kernel} {n}x{h}x{f}"), Target::default());
    (case.tolerance(1e-6, 4e-7 * (f.max(h) as f64).sqrt()), Gen::new((n * 31 + h * 7 + f) as u64))
}

fn scores([n, h, f]: [usize; 3]) -> Case {
    let (mut case, mut g) = new("scores", [n, h, f]);
    let z = case.input("z", g.values(n * h * f));
    let att = case.input("att", g.values(h * f));
    let s = case.output("s", n * h);
    head_scores(&mut case.rec, z, att, s, h, f);
    case
}

fn scores_bwd([n, h, f]: [usize; 3]) -> Case {
    let (mut case, mut g) = new("scores_bwd", [n, h, f]);
    let [src, dst] = ["ds_src", "ds_dst"].map(|name| case.input(name, g.values(n * h)));
    let att = ["att_src", "att_dst"].map(|name| case.input(name, g.values(h * f)));
    let dz = case.inout("dz", g.values(n * h * f));
    head_scores_bwd(&mut case.rec, Ends { src, dst }, Ends { src: att[0], dst: att[1] }, dz, h, f);
    case
}

fn scale([n, h, f]: [usize; 3]) -> Case {
    let (mut case, mut g) = new("scale", [n, h, f]);
    let z = case.input("z", g.values(n * h * f));
    let s = case.input("s", g.values(n * h));
    let out = case.output("out", n * h * f);
    scale_heads(&mut case.rec, z, s, out, f);
    case
}

fn mean([n, h, f]: [usize; 3]) -> Case {
    let (mut case, mut g) = new("mean", [n, h, f]);
    let z = case.input("z", g.values(n * h * f));
    let y = case.output("y", n * f);
    mean_heads(&mut case.rec, z, y, h, f);
    case
}

fn mean_bwd([n, h, f]: [usize; 3]) -> Case {
    let (mut case, mut g) = new("mean_bwd", [n, h, f]);
    let dy = case.input("dy", g.values(n * f));
    let dz = case.output("dz", n * h * f);
    mean_heads_bwd(&mut case.rec, dy, dz, h, f);
    case
}
