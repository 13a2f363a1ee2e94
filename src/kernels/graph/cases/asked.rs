//! Sparse products of sizes asked for.

use super::super::{Csr, Form, NARROW, Spmm, spmm};
use super::Pattern;
use super::spmm::product;
use crate::engine::case::{Case, Gen};
use crate::kernels::asked::Op;

/// As many entries as asked for, in rows of uneven length: a row's share grows with the square of a random number, so
/// that the longest has some three times the mean.
fn pattern(nodes: usize, entries: usize) -> Pattern {
    let mut g = Gen::new((nodes * 31 + entries) as u64);
    let shares: Vec<f64> = g.between(nodes, 0.05, 1.0).iter().map(|s| f64::from(*s * *s)).collect();
    let (all, mut seen, mut ptr) = (shares.iter().sum::<f64>(), 0.0, vec![0]);
    ptr.extend(shares.iter().map(|share| {
        seen += share;
        ((seen / all) * entries as f64).round() as u32
    }));
    let idx = g.indices(entries, nodes);
    Pattern { name: format!("{nodes} nodes {entries} entries"), sources: nodes, ptr, idx }
}

/// The aggregation of a graph layer.
pub fn asked() -> Vec<Op> {
    let about = "y[r] = Σ val[k] x[idx[k]] over the entries of row r: what a graph layer sums over neighbours";
    let all = |s: &[usize]| -> Result<Vec<Case>, String> {
        let a = pattern(s[0], s[1]);
        let whole = (1..=4).rev().find(|each| s[2] > 0 && s[2].is_multiple_of(4 * usize::from(*each)));
        let forms = [Form::Plain, Form::Narrow, Form::Team, Form::Balanced].into_iter();
        let fit = forms.filter(|form| *form != Form::Narrow || s[2] <= NARROW).chain(whole.map(Form::Quads));
        Ok(fit.map(|form| product(form, &a, s[2], Spmm::default())).collect())
    };
    let op = Op::new("spmm", "NODESxENTRIESxWIDTH", about, &[2708, 13_264, 16], all);
    let op = op.scaled(|s| {
        let nodes = if s[0] > 4000 { 2000 + s[0] % 64 } else { s[0] };
        vec![nodes, (s[1] as f64 * nodes as f64 / s[0] as f64).ceil() as usize, s[2].min(64 + s[2] % 64)]
    });
    vec![op.chosen(|mut rec, s| {
        let (ptr, idx) = (rec.temp("ptr", s[0] + 1), rec.temp("idx", s[1]));
        let (val, x, y) = (rec.temp("val", s[1]), rec.temp("x", s[0] * s[2]), rec.temp("y", s[0] * s[2]));
        let a = Csr { ptr, idx, perm: None, heavy: false };
        spmm(&mut rec, &a, val, x, x, y, s[2], Spmm::default());
        rec
    })]
}
