//! Cases of the `loss` family.

mod asked;

pub use asked::asked;

use super::softmax_xent_tangent;
use super::{clip_rows, label_score, mse, sampled_score, soft_kl, softmax, softmax_xent, softmax_xent_at};
use crate::engine::Target;
use crate::engine::case::{Case, Gen, Hazard};

/// [rows, classes].
const SHAPES: [(usize, usize); 9] = [(1, 1), (1, 2), (7, 3), (13, 17), (64, 10), (131, 7), (0, 5), (70, 100), (257, 2)];

/// Rows that need more than 65 535 groups of one.
const FOLDED: (usize, usize) = (65_541, 3);

/// Logits of an ordinary network, and of one so sure that naive exponentials overflow and whole rows underflow.
const SPREADS: [f32; 4] = [1.0, 30.0, 5000.0, 0.0];

/// Every kernel at every shape.
pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    let kernels = [xent_case, kl_case, softmax_case, label_case, sampled_case, curved_case, uncounted_case, at_case];
    for kernel in kernels {
        for spread in SPREADS {
            all.extend(SHAPES.map(|shape| kernel(shape, spread)));
        }
        all.push(kernel(FOLDED, 4.0).folded());
        all.push(kernel((1024, 10), 4.0).timed());
    }
    all.extend([confident(5.0), confident(14.0), confident_draws(5.0), confident_draws(14.0)]);
    all.extend(SHAPES.map(mse_case));
    all.push(mse_case(FOLDED).folded());
    all.push(mse_case((1024, 100)).timed());
    for weighted in [false, true] {
        all.extend(SHAPES.map(|shape| clip_case(shape, weighted)));
        all.push(clip_case(FOLDED, weighted).folded());
        all.push(clip_case((1024, 10), weighted).timed());
    }
    all
}

/// Every kernel at one random shape, with gentle logits or with wild ones.
pub fn random(g: &mut Gen) -> Vec<Case> {
    let (shape, spread) = ((g.size(1, 300), g.size(1, 150)), SPREADS[g.below(SPREADS.len())]);
    let logits = [xent_case, kl_case, softmax_case, label_case, sampled_case, curved_case, uncounted_case, at_case];
    let mut all: Vec<Case> = logits.map(|kernel| kernel(shape, spread)).into();
    all.extend([mse_case(shape), clip_case(shape, g.below(2) == 0)]);
    all
}

/// Norms below, at and above the bound; some 0, some whose square is not a number of f32 any more; some rows without
/// weight, of which one holds no number.
fn clip_case((b, c): (usize, usize), weighted: bool) -> Case {
    let what = if weighted { " weighted" } else { "" };
    let mut case = Case::new(format!("loss.clip_rows {b}x{c}{what}"), Target::default());
    let mut g = Gen::new((b * 29 + c) as u64);
    let mut x = g.values(b * c);
    let mut squares = g.between(b, 0.0, 8.0);
    squares.iter_mut().step_by(5).for_each(|s| *s = 0.0);
    squares.iter_mut().skip(1).step_by(5).for_each(|s| *s = 4.0);
    squares.iter_mut().skip(2).step_by(7).for_each(|s| *s = 1e30);
    let mut weight: Vec<f32> = g.between(b, 0.5, 2.0);
    weight.iter_mut().skip(3).step_by(4).for_each(|w| *w = 0.0);
    if weighted && b > 3 {
        (x[3 * c], squares[3]) = (f32::NAN, f32::NAN);
    }
    let (x, squares) = (case.input("x", x), case.input("squares", squares));
    let weight = weighted.then(|| case.input("weight", weight));
    let y = case.output("y", b * c);
    clip_rows(&mut case.rec, x, squares, weight, y, 2.0);
    let compared: &[&str] = if weighted { &["squares", "weight"] } else { &["squares"] };
    case.hazard(Hazard::Compared, compared).tolerance(2e-6, 0.0)
}

fn new(kernel: &str, (b, c): (usize, usize), spread: f32) -> Case {
    Case::new(format!("loss.{kernel} {b}x{c} spread {spread}"), Target::default())
}

/// Logits in (-spread, spread); every third row holds whole numbers, so that its maximum is often a tie.
fn logits((b, c): (usize, usize), spread: f32) -> Vec<f32> {
    // Without a spread, all logits are equal.
    if spread == 0.0 {
        return vec![0.75; b * c];
    }
    let mut z = Gen::new((b * 31 + c) as u64).between(b * c, -spread, spread);
    for row in z.chunks_mut(c).step_by(3) {
        row.iter_mut().for_each(|v| *v = (*v * 2.0 / spread).round() * spread / 2.0);
    }
    z
}

/// exp is good to a few ulp of its argument's size; a loss is a difference of numbers as large as the spread.
fn rounding(case: Case, spread: f32) -> Case {
    case.tolerance(2e-6, 5e-7 + 1e-7 * f64::from(spread))
}

/// [`rounding`] of a kernel that takes exponentials of the logits `z`.
fn exponential(case: Case, spread: f32) -> Case {
    rounding(case.hazard(Hazard::Exponent, &["z"]), spread)
}

fn curved_case(shape: (usize, usize), spread: f32) -> Case {
    tangent_case(shape, spread, true)
}

fn uncounted_case(shape: (usize, usize), spread: f32) -> Case {
    tangent_case(shape, spread, false)
}

fn tangent_case((b, c): (usize, usize), spread: f32, counted: bool) -> Case {
    let mut case = new("softmax_xent_tangent", (b, c), spread);
    case.name += if counted { " counted" } else { "" };
    let mut g = Gen::new((b * 3 + c) as u64);
    let z = case.input("z", logits((b, c), spread));
    let labels = case.input_u32("labels", g.indices(b, c + 1));
    let r = case.input("r", g.between(b * c, -2.0, 3.0));
    let hr = case.output("hr", b * c);
    softmax_xent_tangent(&mut case.rec, z, labels, r, hr, counted);
    exponential(case, spread)
}

fn xent_case((b, c): (usize, usize), spread: f32) -> Case {
    let mut case = new("softmax_xent", (b, c), spread);
    let z = case.input("z", logits((b, c), spread));
    // One label past the last class: such a row does not count.
    let mut labels = Gen::new((b + c) as u64).indices(b, c + 1);
    if b > 4 {
        labels[3] = u32::MAX;
    }
    let labels = case.input_u32("labels", labels);
    let (loss, dz, correct) = (case.output("loss", b), case.output("dz", b * c), case.output("correct", b));
    softmax_xent(&mut case.rec, z, labels, loss, dz, correct, b, c);
    exponential(case.hazard(Hazard::NotZero, &["z"]), spread)
}

/// Some rows of a matrix, in no order, one of them past its end; the other rows keep their gradient. A row without a
/// label lies among them.
fn at_case((b, c): (usize, usize), spread: f32) -> Case {
    let mut case = new("softmax_xent", (b, c), spread);
    case.name += " of some rows";
    let rows = b + b / 3 + 2;
    let z = case.input("z", logits((rows, c), spread));
    let mut labels = Gen::new((b + c) as u64).indices(b, c);
    // Rows b − 1 … 0 with a gap behind each third of them.
    let mut at: Vec<u32> = (0..b as u32).rev().map(|i| i + i / 3 + 1).collect();
    if b > 4 {
        labels[3] = u32::MAX;
        at[2] = rows as u32;
    }
    let (labels, at) = (case.input_u32("labels", labels), case.input_u32("at", at));
    let kept = Gen::new((b * 5 + c) as u64).values(rows * c);
    let (loss, dz, correct) = (case.output("loss", b), case.inout("dz", kept), case.output("correct", b));
    softmax_xent_at(&mut case.rec, z, labels, at, loss, dz, correct, c);
    exponential(case.hazard(Hazard::NotZero, &["z"]), spread)
}

/// Rows whose label leads by about `margin`: loss and gradient are tiny, and must still have their digits.
fn confident(margin: f32) -> Case {
    let (b, c) = (37, 10);
    let mut case = Case::new(format!("loss.softmax_xent {b}x{c} confident by {margin}"), Target::default());
    let mut z = logits((b, c), 1.0);
    let labels = Gen::new(b as u64).indices(b, c);
    for (row, label) in z.chunks_mut(c).zip(&labels) {
        row[*label as usize] += margin;
    }
    let z = case.input("z", z);
    let labels = case.input_u32("labels", labels);
    let (loss, dz, correct) = (case.output("loss", b), case.output("dz", b * c), case.output("correct", b));
    softmax_xent(&mut case.rec, z, labels, loss, dz, correct, b, c);
    let case = case.hazard(Hazard::Exponent, &["z"]).hazard(Hazard::NotZero, &["z"]);
    case.tolerance(5e-6, 1e-13)
}

/// The same for labels that are drawn, of which nearly all are the leading class.
fn confident_draws(margin: f32) -> Case {
    let (b, c) = (37, 10);
    let mut case = Case::new(format!("loss.sampled_score {b}x{c} confident by {margin}"), Target::default());
    let mut z = logits((b, c), 1.0);
    z.iter_mut().step_by(c + 1).for_each(|v| *v += margin);
    let z = case.input("z", z);
    let ids = case.input_u32("ids", (0..b as u32).collect());
    let dz = case.output("dz", b * c);
    sampled_score(&mut case.rec, z, ids, dz, c, 11, 0);
    case.hazard(Hazard::Exponent, &["z"]).tolerance(5e-6, 1e-13)
}

/// Rows of probabilities with zeros among them; every fourth row is one-hot, every fifth sums to 1/2.
fn probabilities((b, c): (usize, usize)) -> Vec<f32> {
    let mut g = Gen::new((b * 17 + c) as u64);
    let mut t: Vec<f32> = g.between(b * c, 0.0, 1.0).iter().map(|v| (v - 0.3).max(0.0)).collect();
    for (i, row) in t.chunks_mut(c).enumerate() {
        row[i % c] += 0.1;
        if i % 4 == 0 {
            row.iter_mut().enumerate().for_each(|(k, v)| *v = f32::from(u8::from(k == i / 4 % c)));
        }
        let sum = row.iter().sum::<f32>() * if i % 5 == 1 { 2.0 } else { 1.0 };
        row.iter_mut().for_each(|v| *v /= sum);
    }
    t
}

fn kl_case((b, c): (usize, usize), spread: f32) -> Case {
    let mut case = new("soft_kl", (b, c), spread);
    let z = case.input("z", logits((b, c), spread));
    let t = case.input("t", probabilities((b, c)));
    let (loss, dz) = (case.output("loss", b), case.output("dz", b * c));
    soft_kl(&mut case.rec, z, t, loss, dz);
    exponential(case.hazard(Hazard::Compared, &["t"]), spread)
}

fn softmax_case((b, c): (usize, usize), spread: f32) -> Case {
    let mut case = new("softmax", (b, c), spread);
    let z = case.input("z", logits((b, c), spread));
    let prob = case.output("prob", b * c);
    softmax(&mut case.rec, z, prob, c);
    exponential(case, spread)
}

fn label_case((b, c): (usize, usize), spread: f32) -> Case {
    let mut case = new("label_score", (b, c), spread);
    let z = case.input("z", logits((b, c), spread));
    let dz = case.output("dz", b * c);
    label_score(&mut case.rec, z, dz, c, c / 2);
    exponential(case, spread)
}

fn sampled_case((b, c): (usize, usize), spread: f32) -> Case {
    let mut case = new("sampled_score", (b, c), spread);
    let z = case.input("z", logits((b, c), spread));
    // Ids in no order, one of them the largest there is.
    let mut ids = Gen::new((b * 7 + c) as u64).indices(b, 1 << 20);
    if b > 4 {
        ids[2] = u32::MAX;
    }
    let ids = case.input_u32("ids", ids);
    let dz = case.output("dz", b * c);
    sampled_score(&mut case.rec, z, ids, dz, c, 0x0123_4567_89ab_cdef, 3);
    exponential(case, spread)
}

fn mse_case((b, c): (usize, usize)) -> Case {
    let mut case = new("mse", (b, c), 1.0);
    let mut g = Gen::new((b * 13 + c) as u64);
    let y = case.input("y", g.values(b * c));
    let t = case.input("t", g.values(b * c));
    let (loss, dy) = (case.output("loss", b), case.output("dy", b * c));
    mse(&mut case.rec, y, t, loss, dy);
    rounding(case, 1.0)
}
