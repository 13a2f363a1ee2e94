//! Cases of aggregation by maximum and of the gradient to the values of a sparse product.

use super::super::{Form, aggregate_max_as, balanced, choose, max, max_bwd_as, max_tangent, sddmm};
use super::{Pattern, is_heavy, new, patterns, rounding};
use crate::engine::Target;
use crate::engine::case::{Case, Gen, Hazard};

pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for pattern in patterns() {
        for cols in [1, 3, 7, 16, 33] {
            all.push(values(&pattern, cols));
        }
        for cols in [1, 7, 16] {
            for form in [Form::Plain, Form::Balanced] {
                all.push(forward(form, &pattern, cols));
                all.push(backward(form, &pattern, cols));
            }
        }
        for cols in [1, 7, 16] {
            all.extend([winners(&pattern, cols, false), winners(&pattern, cols, true)]);
        }
        all.push(permuted_values(&pattern, 7));
        all.push(permuted_values(&pattern, 16));
    }
    let wide = Pattern::random(70_001, 70_001, 1);
    all.push(winners(&wide, 3, true).folded());
    all.push(values(&wide, 3).folded());
    all.push(forward(Form::Plain, &wide, 2).folded());
    all.push(backward(Form::Plain, &wide, 2).folded());
    let even = Pattern::even(37, 112);
    all.push(forward(Form::Balanced, &even, 2020).folded());
    all.push(backward(Form::Balanced, &even, 2020).folded());
    for (pattern, widths) in [(Pattern::skewed(5003), &[1, 3, 16][..]), (Pattern::star(100_001), &[2][..])] {
        let (columns, _) = pattern.transposed();
        for cols in widths {
            // The form that the matrix asks for; its columns are the rows of the gradient's.
            let form = choose(Target::default(), pattern.rows(), pattern.idx.len(), is_heavy(&pattern.ptr), *cols);
            all.push(forward(form, &pattern, *cols));
            all.push(backward(form, &columns, *cols));
            all.push(values(&pattern, *cols));
        }
    }
    let cora = Pattern::random(2708, 2708, 6);
    all.push(values(&cora, 16).timed());
    all.push(forward(Form::Plain, &cora, 64).timed());
    all.push(backward(Form::Plain, &cora, 64).timed());
    all
}

pub fn random(g: &mut Gen) -> Vec<Case> {
    let a = Pattern::random(g.size(1, 250), g.size(1, 250), g.size(1, 14));
    let cols = g.size(1, 40);
    let mut all = vec![winners(&a, cols, g.below(2) == 0), values(&a, cols)];
    all.extend([Form::Plain, Form::Balanced].into_iter().flat_map(|f| [forward(f, &a, cols), backward(f, &a, cols)]));
    all
}

/// Any winners, among them nobody: rows, or entries that name rows.
fn winners(a: &Pattern, cols: usize, edges: bool) -> Case {
    let what = if edges { " edges" } else { "" };
    let mut case = new(format!("graph.max_tangent {} width {cols}{what}", a.name));
    let mut g = Gen::new((a.idx.len() * 3 + cols) as u64);
    let below = if edges { a.idx.len() } else { a.sources };
    let mut arg = g.indices(a.rows() * cols, below);
    arg.iter_mut().enumerate().filter(|(i, _)| below == 0 || i % 5 == 2).for_each(|(_, at)| *at = u32::MAX);
    let idx = edges.then(|| case.input_u32("idx", a.idx.clone()));
    let arg = case.input_u32("arg", arg);
    let r = case.input("r", g.values(a.sources * cols));
    let ry = case.output("ry", a.rows() * cols);
    max_tangent(&mut case.rec, idx, arg, r, ry, cols);
    case.tolerance(0.0, 0.0)
}

/// Two entries of padding.
fn values(a: &Pattern, cols: usize) -> Case {
    let mut case = new(format!("graph.sddmm {} width {cols}", a.name));
    let mut g = Gen::new((a.idx.len() * 7 + cols) as u64);
    let padded = Pattern { idx: [a.idx.as_slice(), &[0, 0]].concat(), ..a.clone() };
    let csr = padded.put(&mut case, None);
    let dy = case.input("dy", g.values(a.rows() * cols));
    let x = case.input("x", g.values(a.sources * cols));
    let dval = case.output("dval", padded.idx.len());
    sddmm(&mut case.rec, &csr, dy, x, dval, cols);
    rounding(case, 4 * cols)
}

/// Through the transpose, whose entries go to other places; one buffer on both sides.
fn permuted_values(a: &Pattern, cols: usize) -> Case {
    let (t, perm) = a.transposed();
    let mut case = new(format!("graph.sddmm {} width {cols}", t.name));
    let csr = t.put(&mut case, Some(perm));
    let z = case.input("z", Gen::new(a.idx.len() as u64).values(t.rows() * cols));
    let dval = case.output("dval", t.idx.len());
    sddmm(&mut case.rec, &csr, z, z, dval, cols);
    rounding(case, 4 * cols)
}

/// Few different values: nearly every row has ties. A third of the entries does not take part; whole rows neither.
fn forward(form: Form, a: &Pattern, cols: usize) -> Case {
    let kernel = if form == Form::Balanced { &balanced::MAX } else { &max::MAX };
    let mut case = new(format!("{} {} width {cols}", kernel.name, a.name));
    let mut g = Gen::new((a.idx.len() * 3 + cols) as u64);
    let csr = a.put(&mut case, None);
    let mut val: Vec<f32> = a.idx.iter().map(|_| [0.0, 1.0, -0.5][g.below(3)]).collect();
    for r in (0..a.rows()).step_by(6) {
        val[a.ptr[r] as usize..a.ptr[r + 1] as usize].fill(0.0);
    }
    let val = case.input("val", val);
    let x = case.input("x", (0..a.sources * cols).map(|_| g.below(5) as f32 - 6.25).collect());
    let (y, arg) = (case.output("y", a.rows() * cols), case.output("arg", a.rows() * cols));
    aggregate_max_as(&mut case.rec, form, &csr, val, x, y, arg, cols);
    case.hazard(Hazard::Compared, &["x", "val"]).tolerance(0.0, 0.0)
}

fn backward(form: Form, a: &Pattern, cols: usize) -> Case {
    let kernel = if form == Form::Balanced { &balanced::MAX_BWD } else { &max::MAX_BWD };
    let mut case = new(format!("{} {} width {cols}", kernel.name, a.name));
    let mut g = Gen::new((a.idx.len() * 5 + cols) as u64);
    let (t, perm) = a.transposed();
    let csr = t.put(&mut case, Some(perm));
    // Some entry of each row, none for an empty one.
    let winner = |w: &[u32], g: &mut Gen| match (w[1] - w[0]) as usize {
        0 => u32::MAX,
        n => w[0] + g.below(n) as u32,
    };
    let rows = a.ptr.windows(2);
    let arg: Vec<u32> = rows.flat_map(|w| (0..cols).map(|_| winner(w, &mut g)).collect::<Vec<_>>()).collect();
    let arg = case.input_u32("arg", arg);
    let dy = case.input("dy", g.values(a.rows() * cols));
    let dx = case.output("dx", a.sources * cols);
    max_bwd_as(&mut case.rec, form, &csr, arg, dy, dx, cols);
    rounding(case, 2 + t.longest())
}
