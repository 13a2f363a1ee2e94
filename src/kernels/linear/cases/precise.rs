//! Cases of the products on matrix units.

use super::super::precise::{bound, of};
use super::super::{MATMUL_MIXED8, MATMUL_MIXED16, MATMUL_SPLIT8, MATMUL_SPLIT16, Mat, Product, product_as};
use super::{FISHER, LAYOUTS, PRODUCT, SLOPE, Shape, batch, case, slices, subnormal};
use crate::engine::case::{Case, Gen};
use crate::engine::{Command, Kernel, Target};

static FORMS: [&Kernel; 4] = [&MATMUL_MIXED8, &MATMUL_MIXED16, &MATMUL_SPLIT8, &MATMUL_SPLIT16];

/// The tolerance of a case of one of these forms: each of k products of numbers in (-1, 1) is off, a quarter of 1 on
/// average.
pub(super) fn allowed(mut case: Case, kernel: &Kernel, k: usize) -> Case {
    if let Some((_, precision)) = of(kernel) {
        case.atol += bound(precision) * (k as f64 / 4.0 + (k as f64).sqrt());
    }
    case
}

pub(super) fn cases() -> Vec<Case> {
    FORMS.into_iter().flat_map(of_form).collect()
}

/// Shapes of the plain form, over several tiles, and none of them full; then what only these forms have.
fn of_form(kernel: &'static Kernel) -> Vec<Case> {
    let mut all: Vec<Case> = LAYOUTS.map(|layout| case(kernel, layout, (33, 65, 67), PRODUCT)).into();
    for (layout, shape) in [("nt", (3, 5, 7)), ("tn", (1, 131, 9)), ("nn", (5, 7, 0)), ("nn", (0, 4, 3))] {
        all.push(case(kernel, layout, shape, PRODUCT));
    }
    all.push(case(kernel, "tn", (21, 9, 33), Product { square: true, alpha: 0.5, beta: 1.0, ..PRODUCT }));
    all.push(case(kernel, "nt", (9, 21, 33), Product { bias: true, ..PRODUCT }));
    all.push(case(kernel, "nn", (9, 21, 33), SLOPE));
    all.push(batch(kernel, "nt", (9, 21, 35), 3, PRODUCT));
    all.push(batch(kernel, "nn", (1, 1, 2), 0, PRODUCT));
    all.push(slices(kernel, "tn", (12, 20, 64), 16, FISHER));
    all.extend([subnormal(kernel), halves(kernel, (70, 75, 83)), ties(kernel), magnitudes(kernel), spare(kernel)]);
    all.extend(LAYOUTS.map(|layout| case(kernel, layout, (512, 512, 512), PRODUCT).only_timed()));
    all
}

/// Operands that f16 holds: the product is one of f32.
fn halves(kernel: &'static Kernel, (m, n, k): Shape) -> Case {
    let mut case = Case::new(format!("{} nt {m}x{n}x{k} of halves", kernel.name), Target::default());
    let mut g = Gen::new(11);
    let mut half = |n: usize| (0..n).map(|_| g.below(4095) as f32 / 2048.0 - 1.0).map(coarse).collect();
    let (a, b): (Vec<f32>, Vec<f32>) = (half(m * k), half(n * k));
    let (a, b) = (case.input("a", a), case.input("b", b));
    let y = case.output("y", m * n);
    product_as(&mut case.rec, kernel, Mat::new(a, m, k), Mat::new(b, n, k).t(), b, y, PRODUCT);
    case.tolerance(1e-6, 4e-6)
}

/// Ten bits behind the point.
fn coarse(v: f32) -> f32 {
    (v * 1024.0).round() / 1024.0
}

/// Four operands in a row whose rounding errors are +1/2, -1/2, +1/4 and -1/4 of the last place that f16 has, ties to
/// even: their sum is that of the rounded ones.
fn ties(kernel: &'static Kernel) -> Case {
    let (m, n, k) = (21, 18, 64);
    let mut case = Case::new(format!("{} nn {m}x{n}x{k} of ties", kernel.name), Target::default());
    let of = |i: usize| {
        let whole = [1025.0, 1026.0, 1030.0, 1030.0][i % 4] + 2.0 * (i % k / 4) as f32;
        (whole + [0.5, 0.5, 0.75, 0.25][i % 4]) / 1024.0 * if (i / k).is_multiple_of(2) { 1.0 } else { -1.0 }
    };
    let a = case.input("a", (0..m * k).map(of).collect());
    let b = case.input("b", (0..k * n).map(|i| coarse([0.75, 1.5, -0.25][i % n % 3])).collect());
    let y = case.output("y", m * n);
    product_as(&mut case.rec, kernel, Mat::new(a, m, k), Mat::new(b, k, n), b, y, PRODUCT);
    case.tolerance(1e-6, 0.0)
}

/// More subgroups than a workgroup has blocks.
fn spare(kernel: &'static Kernel) -> Case {
    let mut case = case(kernel, "nn", (33, 65, 67), PRODUCT);
    for command in &mut case.rec.commands {
        if let Command::Dispatch(d) = command {
            let twice = d.consts.iter().find(|c| c.0 == "WG").map_or(64.0, |c| 2.0 * c.1);
            d.set("WG", twice as u32);
        }
    }
    case.name.push_str(" by twice the lanes");
    case
}

/// Positive numbers beyond f16 on both sides, sixteen terms of a size at a time, whose products are of one size: none
/// is lost beside the others.
fn magnitudes(kernel: &'static Kernel) -> Case {
    let (m, n, k) = (35, 19, 70);
    let mut case = Case::new(format!("{} nn {m}x{n}x{k} of all magnitudes", kernel.name), Target::default());
    let mut g = Gen::new(23);
    let size = |term: usize| [1.0, 1e6, 1e-9, 1e25, 1e-25][term / 16];
    let a: Vec<f32> = g.between(m * k, 0.5, 1.0).iter().enumerate().map(|(i, v)| v * size(i % k)).collect();
    let b: Vec<f32> = g.between(k * n, 0.5, 1.0).iter().enumerate().map(|(i, v)| v / size(i / n)).collect();
    let (a, b) = (case.input("a", a), case.input("b", b));
    let y = case.output("y", m * n);
    product_as(&mut case.rec, kernel, Mat::new(a, m, k), Mat::new(b, k, n), b, y, PRODUCT);
    let off = of(kernel).map_or(0.0, |(_, precision)| bound(precision));
    case.tolerance(off + 1e-6, 0.0)
}
