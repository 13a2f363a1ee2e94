//! Cases of the sparse product and of the degree norms.

use super::super::spmm::{SPMM, SPMM_NARROW, SPMM_QUADS, SPMM_TEAM};
use super::super::{Form, NARROW, Spmm, balanced, degree_norms, spmm, spmm_as};
use super::{Pattern, new, patterns, rounding};
use crate::engine::Buf;
use crate::engine::case::{Case, Gen, Hazard};

const WIDTHS: [usize; 5] = [1, 3, 7, 16, 33];

/// vec4s of a thread, and columns.
pub const QUADS: [(u8, usize); 6] = [(1, 16), (1, 12), (2, 8), (3, 12), (4, 16), (2, 40)];

pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    let how = |own, bias| Spmm { own, bias };
    for pattern in patterns() {
        let (t, perm) = pattern.transposed();
        for form in [Form::Plain, Form::Narrow, Form::Balanced] {
            for cols in WIDTHS.into_iter().chain([4, 8, 12, 13]).filter(|c| form != Form::Narrow || *c <= NARROW) {
                all.push(product(form, &pattern, cols, how(0.0, false)));
            }
            for cols in [7, if form == Form::Narrow { 8 } else { 16 }] {
                all.push(product(form, &pattern, cols, how(0.0, true)));
                all.push(product(form, &pattern, cols, how(1.25, true)));
                all.push(permuted(form, &t, perm.clone(), cols));
            }
        }
        for cols in [7, 16] {
            all.push(product(Form::Team, &pattern, cols, how(0.0, false)));
            all.push(product(Form::Team, &pattern, cols, how(1.25, true)));
            all.push(permuted(Form::Team, &t, perm.clone(), cols));
        }
        for (each, cols) in QUADS {
            all.push(product(Form::Quads(each), &pattern, cols, how(0.0, false)));
            all.push(product(Form::Quads(each), &pattern, cols, how(0.0, true)));
            all.push(product(Form::Quads(each), &pattern, cols, how(1.25, true)));
            all.push(permuted(Form::Quads(each), &t, perm.clone(), cols));
        }
        all.push(norms(&pattern));
    }
    all.extend(rectangular());
    all.extend(large());
    all
}

/// Every form of the product at one random pattern, both ways, and the norms.
pub fn random(g: &mut Gen) -> Vec<Case> {
    let square = g.below(2) == 0;
    let rows = g.size(1, 250);
    let a = Pattern::random(rows, if square { rows } else { g.size(1, 250) }, g.size(1, 14));
    let widest = if g.below(2) == 0 { NARROW } else { 70 };
    let cols = g.size(1, widest);
    let how = Spmm { own: if square { 1.25 } else { 0.0 }, bias: g.below(2) == 0 };
    let (t, perm) = a.transposed();
    let forms = [Form::Plain, Form::Team, Form::Balanced, Form::Narrow];
    let fit = forms.into_iter().filter(|form| *form != Form::Narrow || cols <= NARROW);
    let (each, wide) = QUADS[g.below(QUADS.len())];
    let fit = fit.map(|form| (form, cols)).chain([(Form::Quads(each), wide)]);
    let mut all: Vec<Case> =
        fit.flat_map(|(form, cols)| [product(form, &a, cols, how), permuted(form, &t, perm.clone(), cols)]).collect();
    if square {
        all.push(norms(&a));
    }
    all
}

/// Fewer and more sources than rows.
fn rectangular() -> Vec<Case> {
    let (few, many) = (Pattern::random(41, 7, 5), Pattern::random(7, 131, 9));
    let with = |bias| Spmm { own: 0.0, bias };
    vec![
        unread(Form::Plain),
        unread(Form::Narrow),
        unread(Form::Quads(2)),
        unread(Form::Team),
        product(Form::Plain, &few, 16, with(true)),
        product(Form::Plain, &many, 9, with(false)),
        product(Form::Narrow, &few, 5, with(true)),
        product(Form::Quads(2), &few, 16, with(true)),
        product(Form::Quads(1), &many, 4, with(false)),
        product(Form::Team, &few, 5, with(true)),
        product(Form::Balanced, &few, 16, with(true)),
        product(Form::Balanced, &many, 9, with(false)),
    ]
}

/// More nodes than workgroups in one dimension, nodes of 100 000 edges, and what `unlearn bench` times.
fn large() -> Vec<Case> {
    let how = |own, bias| Spmm { own, bias };
    let wide = Pattern::random(70_001, 70_001, 1);
    let mut all = vec![norms(&wide).folded()];
    all.push(product(Form::Balanced, &Pattern::even(37, 112), 2020, how(0.0, false)).folded());
    for form in [Form::Plain, Form::Narrow, Form::Balanced] {
        all.push(product(form, &wide, 1, how(0.5, false)).folded());
        all.push(product(form, &wide, 4, how(0.0, true)).folded());
    }
    all.push(product(Form::Quads(1), &wide, 4, how(0.5, true)).folded());
    all.push(product(Form::Team, &wide, 4, how(0.5, true)).folded());
    // One row alone passes what llvmpipe lets a thread walk.
    let star = Pattern::star(100_001);
    all.push(chosen(&star, 4));
    all.push(chosen(&star, 7));
    all.push(norms(&star));
    // Skewed, with ragged rows around the heavy ones.
    let skewed = Pattern::skewed(5003);
    all.extend([1, 3, 7, 16, 33].map(|cols| chosen(&skewed, cols)));
    all.push(norms(&skewed));
    all.push(chosen(&Pattern::skewed(50_021), 64).timed());
    // Cora's size: 2 708 nodes, five entries a row.
    let cora = Pattern::random(2708, 2708, 6);
    all.push(product(Form::Plain, &cora, 16, how(0.0, true)).timed());
    all.push(product(Form::Plain, &cora, 7, how(0.0, true)).timed());
    all.push(product(Form::Narrow, &cora, 7, how(0.0, true)).timed());
    all.push(product(Form::Narrow, &cora, 16, how(0.0, true)).timed());
    all.push(product(Form::Quads(4), &cora, 16, how(0.0, true)).timed());
    all.push(product(Form::Quads(4), &cora, 256, how(0.0, false)).timed());
    all.push(product(Form::Balanced, &cora, 16, how(0.0, true)).timed());
    all.push(product(Form::Plain, &cora, 256, how(0.0, false)).timed());
    all.push(norms(&cora).timed());
    all
}

fn kernel(form: Form) -> &'static str {
    match form {
        Form::Plain => SPMM.name,
        Form::Narrow => SPMM_NARROW.name,
        Form::Quads(_) => SPMM_QUADS.name,
        Form::Team => SPMM_TEAM.name,
        Form::Balanced => balanced::SPMM.name,
    }
}

/// What tells the forms of one kernel apart.
pub fn by(form: Form) -> String {
    match form {
        Form::Quads(each) if each > 1 => format!(" by {each}"),
        _ => String::new(),
    }
}

pub(super) fn product(form: Form, a: &Pattern, cols: usize, how: Spmm) -> Case {
    let options = format!("own {}{}", how.own, if how.bias { " bias" } else { "" });
    let mut case = new(format!("{} {} width {cols} {options}{}", kernel(form), a.name, by(form)));
    let mut g = Gen::new((a.idx.len() * 7 + cols) as u64);
    let csr = a.put(&mut case, None);
    let val = case.input("val", g.values(a.idx.len()));
    let x = case.input("x", g.values(a.sources * cols));
    let bias = if how.bias { case.input("bias", g.values(cols)) } else { x };
    let y: Buf<f32> = case.output("y", a.rows() * cols);
    spmm_as(&mut case.rec, form, &csr, val, x, bias, y, cols, how);
    rounding(case, 2 + a.longest())
}

/// Rows of x that no entry names hold NaN: with `own` 0 nothing may read them.
fn unread(form: Form) -> Case {
    let cols = if matches!(form, Form::Quads(_)) { 8 } else { 5 };
    let a = Pattern::new("rows nobody names", 6, &vec![vec![0, 2]; 6]);
    let mut case = new(format!("{} {} width {cols}", kernel(form), a.name));
    let mut g = Gen::new(11);
    let csr = a.put(&mut case, None);
    let val = case.input("val", g.values(a.idx.len()));
    let mut x = g.values(6 * cols);
    [1, 3, 4, 5].into_iter().for_each(|row| x[row * cols..(row + 1) * cols].fill(f32::NAN));
    let (x, y) = (case.input("x", x), case.output("y", 6 * cols));
    spmm_as(&mut case.rec, form, &csr, val, x, x, y, cols, Spmm::default());
    rounding(case, 4)
}

/// In the form that the matrix asks for.
fn chosen(a: &Pattern, cols: usize) -> Case {
    let mut case = new(format!("graph.spmm {} width {cols} as chosen", a.name));
    let mut g = Gen::new((a.idx.len() * 7 + cols) as u64);
    let csr = a.put(&mut case, None);
    let val = case.input("val", g.values(a.idx.len()));
    let x = case.input("x", g.values(a.sources * cols));
    let bias = case.input("bias", g.values(cols));
    let y = case.output("y", a.rows() * cols);
    spmm(&mut case.rec, &csr, val, x, bias, y, cols, Spmm { own: -0.5, bias: true });
    rounding(case, 2 + a.longest())
}

/// The gradient to x: values in the order of the other direction.
fn permuted(form: Form, t: &Pattern, perm: Vec<u32>, cols: usize) -> Case {
    let mut case = new(format!("{} {} width {cols}{}", kernel(form), t.name, by(form)));
    let mut g = Gen::new((t.idx.len() * 5 + cols) as u64);
    let csr = t.put(&mut case, Some(perm));
    let val = case.input("val", g.values(t.idx.len()));
    let dy = case.input("dy", g.values(t.sources * cols));
    let dx = case.output("dx", t.rows() * cols);
    spmm_as(&mut case.rec, form, &csr, val, dy, dy, dx, cols, Spmm::default());
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
    case.hazard(Hazard::Compared, &["weight"]).tolerance(2e-6, 1e-7)
}
