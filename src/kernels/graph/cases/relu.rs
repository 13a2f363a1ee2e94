//! Cases of the products that do a relu, and a dropout behind it, along.

use super::super::relu::{SPMM_RELU, SPMM_RELU_TEAM};
use super::super::{Drop, Form, project_back, spmm_relu};
use super::spmm::{QUADS, by};
use super::{Pattern, new, patterns, rounding};
use crate::engine::case::{Case, Gen, Hazard};

/// [rows, inputs, outputs].
const MAPS: [[usize; 3]; 9] =
    [[1, 4, 1], [7, 8, 3], [37, 16, 7], [131, 12, 7], [5, 4, 16], [0, 4, 3], [13, 40, 1], [9, 20, 5], [6, 4, 0]];

/// A team takes four columns each, of any number of them.
const TEAMS: [(Form, usize); 2] = [(Form::Team, 12), (Form::Team, 16)];

pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for pattern in patterns() {
        let (t, perm) = pattern.transposed();
        for (form, cols) in QUADS.map(|(each, cols)| (Form::Quads(each), cols)).into_iter().chain(TEAMS) {
            all.push(product(&pattern, None, (form, cols), false, None));
            all.push(product(&pattern, None, (form, cols), true, Some(0.4)));
            all.push(product(&t, Some(perm.clone()), (form, cols), true, Some(0.0)));
        }
    }
    let wide = Pattern::random(70_001, 70_001, 1);
    all.push(product(&wide, None, (Form::Quads(1), 4), true, Some(0.5)).folded());
    all.push(product(&wide, None, (Form::Team, 4), true, Some(0.5)).folded());
    all.push(product(&Pattern::random(2708, 2708, 6), None, (Form::Quads(4), 16), true, Some(0.5)).timed());
    all.extend(MAPS.into_iter().flat_map(|map| [0.0, 0.4].map(|rate| back(map, rate))));
    all.push(back([70_001, 4, 2], 0.5).folded());
    all.push(back([2708, 16, 7], 0.5).timed());
    all
}

/// Both at one random shape.
pub fn random(g: &mut Gen) -> Vec<Case> {
    let a = Pattern::random(g.size(1, 250), g.size(1, 250), g.size(1, 14));
    let (each, cols) = QUADS[g.below(QUADS.len())];
    let form = if g.below(2) == 0 { Form::Team } else { Form::Quads(each) };
    let rate = [None, Some(0.0), Some(0.7)][g.below(3)];
    let map = [g.size(1, 250), 4 * g.size(1, 12), g.size(1, 16)];
    vec![product(&a, None, (form, cols), g.below(2) == 0, rate), back(map, rate.unwrap_or(0.0))]
}

fn product(a: &Pattern, perm: Option<Vec<u32>>, (form, cols): (Form, usize), biased: bool, rate: Option<f32>) -> Case {
    let kernel = if form == Form::Team { SPMM_RELU_TEAM.name } else { SPMM_RELU.name };
    let with = if biased { " bias" } else { "" };
    let what = rate.map_or(String::new(), |rate| format!(" dropout {rate}"));
    let mut case = new(format!("{kernel} {} width {cols}{}{with}{what}", a.name, by(form)));
    let mut g = Gen::new((a.idx.len() * 7 + cols) as u64);
    let csr = a.put(&mut case, perm);
    let val = case.input("val", g.values(a.idx.len()));
    let x = case.input("x", g.values(a.sources * cols));
    let bias = biased.then(|| case.input("bias", g.values(cols)));
    let drop =
        rate.map(|rate| Drop { rate, stream: 3, step: case.input_u32("step", vec![0x89ab_cdef, 0x0123_4567, 41, 0]) });
    let y = case.output("y", a.rows() * cols);
    spmm_relu(&mut case.rec, form, &csr, val, x, bias, y, cols, drop);
    // A relu compares the sum with 0, so that a NaN need not reach it.
    let compared: &[&str] = if biased { &["val", "x", "bias"] } else { &["val", "x"] };
    rounding(case.hazard(Hazard::Compared, compared), 2 + a.longest())
}

/// Inputs of which half are 0, as a relu and a dropout leave them.
fn back([rows, inputs, outputs]: [usize; 3], rate: f32) -> Case {
    let mut case = new(format!("graph.project_back {rows}x{inputs} from {outputs} dropout {rate}"));
    let mut g = Gen::new((rows * 7 + inputs + outputs) as u64);
    let (dy, w) = (case.input("dy", g.values(rows * outputs)), case.input("w", g.values(outputs * inputs)));
    let kept = case.input("kept", g.values(rows * inputs).into_iter().map(|v| v.max(0.0)).collect());
    let dx = case.output("dx", rows * inputs);
    project_back(&mut case.rec, dy, w, kept, dx, [inputs, outputs], rate);
    rounding(case.hazard(Hazard::Compared, &["kept"]), 2 + outputs)
}
