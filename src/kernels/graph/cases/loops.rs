//! Cases of rows on edges that are filled in on self-loops.

use super::super::loop_rows;
use super::{Pattern, new, patterns, rounding};
use crate::engine::case::{Case, Gen, Hazard};

pub fn cases() -> Vec<Case> {
    let mut all: Vec<Case> = patterns().iter().map(|a| case(a, 3, true)).collect();
    all.extend([(1, true), (7, false)].map(|(cols, mean)| case(&Pattern::random(61, 61, 5), cols, mean)));
    all.push(case(&Pattern::skewed(997), 2, true));
    all.push(case(&Pattern::random(70_001, 70_001, 1), 2, true).folded());
    all.push(case(&Pattern::random(2708, 2708, 4), 8, true).timed());
    all
}

/// One random graph.
pub fn random(g: &mut Gen) -> Vec<Case> {
    let n = g.size(1, 250);
    vec![case(&Pattern::random(n, n, g.size(1, 14)), g.size(1, 9), g.below(2) == 0)]
}

/// A third of the entries has weight 0; two entries of padding.
fn case(a: &Pattern, cols: usize, mean: bool) -> Case {
    let fill = if mean { "mean" } else { "zero" };
    let mut case = new(format!("graph.loop_rows {} by {cols} {fill}", a.name));
    let mut g = Gen::new((a.idx.len() * 3 + cols) as u64);
    let padded = Pattern { idx: [a.idx.as_slice(), &[0, 0]].concat(), ..a.clone() };
    let entries = padded.idx.len();
    let weight = (0..entries).map(|_| [0.0, 1.0, 0.5][g.below(3)]).collect();
    let csr = padded.put(&mut case, None);
    let (weight, x) = (case.input("weight", weight), case.input("x", g.values(entries * cols)));
    let y = case.output("y", entries * cols);
    loop_rows(&mut case.rec, &csr, weight, x, y, cols, mean);
    rounding(case.hazard(Hazard::Compared, &["weight"]), 1 + a.longest())
}
