//! Cases of the scaled Laplacian.

use super::super::{degree_norms, laplacian};
use super::{Pattern, new, patterns};
use crate::engine::case::{Case, Gen};

pub fn cases() -> Vec<Case> {
    let mut all: Vec<Case> = patterns().iter().map(|a| case(&both_ways(a))).collect();
    all.push(case(&both_ways(&Pattern::skewed(5003))));
    all.push(case(&both_ways(&Pattern::star(100_001))));
    all.push(case(&both_ways(&Pattern::random(70_001, 70_001, 1))).folded());
    all.push(case(&both_ways(&Pattern::random(2708, 2708, 3))).timed());
    all
}

/// One random graph.
pub fn random(g: &mut Gen) -> Vec<Case> {
    let n = g.size(1, 250);
    vec![case(&both_ways(&Pattern::random(n, n, g.size(1, 14))))]
}

/// The graph with each edge once in both directions and one self-loop for every node.
fn both_ways(a: &Pattern) -> Pattern {
    let mut rows: Vec<Vec<u32>> = (0..a.rows() as u32).map(|r| vec![r]).collect();
    for r in 0..a.rows() {
        for &j in &a.idx[a.ptr[r] as usize..a.ptr[r + 1] as usize] {
            rows[r].push(j);
            rows[j as usize].push(r as u32);
        }
    }
    for row in &mut rows {
        row.sort_unstable();
        row.dedup();
    }
    Pattern::new(&a.name, a.sources, &rows)
}

/// Weights of 1, and of 0 for the edges of deleted nodes; two entries of padding.
fn case(a: &Pattern) -> Case {
    let mut case = new(format!("graph.laplacian {}", a.name));
    let padded = Pattern { idx: [a.idx.as_slice(), &[0, 0]].concat(), ..a.clone() };
    let deleted = |node: u32| node % 6 == 5;
    let mut w = vec![1.0f32; padded.idx.len()];
    for r in 0..a.rows() {
        let row = a.ptr[r] as usize..a.ptr[r + 1] as usize;
        for (w, &source) in w[row.clone()].iter_mut().zip(&a.idx[row]) {
            if deleted(r as u32) || deleted(source) || source as usize == r {
                *w = 0.0;
            }
        }
    }
    let csr = padded.put(&mut case, None);
    let (n, weight) = (w.len(), case.input("weight", w));
    // What becomes of odd weights in the norms is the affair of their own cases.
    let (sym, mean) = (case.rec.temp("sym", n), case.rec.temp("mean", n));
    degree_norms(&mut case.rec, &csr, weight, sym, mean);
    let lap = case.output("lap", n);
    laplacian(&mut case.rec, &csr, weight, sym, lap);
    case.tolerance(4e-6, 1e-6)
}
