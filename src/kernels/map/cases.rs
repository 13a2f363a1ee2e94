//! Cases of the `map` family.

mod asked;
mod augment;
mod random;
mod special;

pub use asked::asked;

use super::columns;
use super::{
    Binary, Curve, Unary, axpby, bias, binary, fill, gather_rows, gather_words, unary, unary_bwd, unary_bwd_tangent,
};
use crate::engine::Target;
use crate::engine::case::{Case, Gen, Hazard};

/// Element counts: empty, one, a ragged quad, primes, whole and broken workgroups.
const LENGTHS: [usize; 7] = [0, 1, 3, 4, 131, 256, 1021];

/// Numbers other than PyTorch's.
const OTHERS: [Curve; 3] = [
    Curve { op: Unary::LeakyRelu, a: -0.3, b: 0.0 },
    Curve { op: Unary::Softplus, a: 2.5, b: 6.0 },
    Curve { op: Unary::Hardtanh, a: 0.75, b: 0.0 },
];

/// Elements whose quads need more than 65 535 groups of one.
const FOLDED: usize = 4 * 65_541 + 1;

/// Elements of a realistic activation: 64 x 32 x 28 x 28.
const LARGE: usize = 64 * 32 * 28 * 28;

/// Every kernel at every shape.
pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for op in Unary::ALL {
        all.extend(LENGTHS.map(|n| unary_case(op, n)));
        all.extend(LENGTHS.map(|n| unary_bwd_case(op, n)));
        all.extend(LENGTHS.map(|n| unary_bwd_tangent_case(op, n, n % 2 == 0)));
        all.push(small_case(op));
    }
    all.extend([Unary::Gelu, Unary::GeluTanh, Unary::Sigmoid, Unary::Silu, Unary::Softplus].map(tail_case));
    for curve in OTHERS {
        all.push(unary_case(curve, 131));
        all.push(unary_bwd_case(curve, 131));
        all.push(unary_bwd_tangent_case(curve, 131, false));
    }
    all.push(unary_case(Unary::Relu, FOLDED).folded());
    all.push(unary_bwd_case(Unary::Relu, FOLDED).folded());
    all.push(unary_bwd_tangent_case(Unary::Tanh, FOLDED, true).folded());
    all.push(unary_bwd_tangent_case(Unary::Gelu, LARGE, false).timed());
    all.push(unary_case(Unary::Gelu, LARGE).timed());
    all.push(unary_bwd_case(Unary::Relu, LARGE).timed());
    for op in Binary::ALL {
        all.extend(LENGTHS.map(|n| binary_case(op, n)));
    }
    all.push(binary_case(Binary::Mul, FOLDED).folded());
    all.push(binary_case(Binary::Add, LARGE).timed());
    for (alpha, beta) in [(1.0, 0.0), (-0.5, 1.0), (0.0, 2.5), (3.0, -0.25)] {
        all.extend(LENGTHS.map(|n| axpby_case(n, alpha, beta)));
    }
    all.push(axpby_case(FOLDED, 0.5, 1.0).folded());
    all.push(axpby_case(LARGE, 1.0, 1.0).timed());
    all.extend(LENGTHS.map(|n| fill_case(n, -0.75)));
    all.push(fill_case(FOLDED, 3.0).folded());
    all.push(fill_case(LARGE, 0.0).timed());
    all.extend(bias_cases());
    all.extend(gather_cases());
    all.extend(columns::cases());
    all.extend(random::cases());
    all.extend(special::cases());
    all.extend(augment::cases());
    all
}

/// Elementwise kernels and gathers at one random shape each.
pub fn random(g: &mut Gen) -> Vec<Case> {
    let (n, op) = (g.size(1, 20_000), Unary::ALL[g.below(Unary::ALL.len())]);
    let chunks: Vec<usize> = (0..g.size(1, 3)).map(|_| g.size(1, 60)).collect();
    let mut all = vec![
        unary_case(op, n),
        unary_bwd_case(op, n),
        unary_bwd_tangent_case(op, n, g.below(2) == 0),
        binary_case(Binary::ALL[g.below(Binary::ALL.len())], n),
        axpby_case(n, 0.5, [0.0, 1.0, -0.25][g.below(3)]),
        bias_case((g.size(1, 20), g.size(1, 40), g.size(1, 50))),
        gather_rows_case(&chunks, g.size(1, 70), g.size(1, 90)),
        gather_words_case(g.size(1, 3_000)),
        augment::random(g),
    ];
    all.extend(columns::random(g));
    all
}

fn new(name: String) -> Case {
    Case::new(name, Target::default())
}

/// Values around the bends of the activations, then the arguments where naive formulas overflow or cancel.
fn arguments(n: usize) -> Vec<f32> {
    let mut x = Gen::new(n as u64).between(n, -6.0, 6.0);
    let hard =
        [0.0, -0.0, 1e-6, -1e-6, 0.549, 0.551, -0.551, 9.0, -9.0, 19.0, -19.9, 50.0, -50.0, 90.0, -90.0, 1e4, -1e4];
    // From the back, so that short inputs hold some too and long ones mostly ordinary numbers.
    for (v, h) in x.iter_mut().rev().zip(hard) {
        *v = h;
    }
    x
}

/// A comparison with x says which piece of the curve it is.
fn pieces(op: Unary) -> bool {
    let smooth = [Unary::Gelu, Unary::Tanh, Unary::Sigmoid, Unary::Square, Unary::Copy, Unary::Silu];
    !smooth.contains(&op)
}

/// What a NaN or a subnormal number meets in the argument of an activation.
fn activation(case: Case, op: Unary) -> Case {
    match op {
        Unary::Sigmoid => case.hazard(Hazard::Exponent, &["x"]),
        Unary::Softplus => case.hazard(Hazard::Compared, &["x"]).hazard(Hazard::Exponent, &["x"]),
        op if pieces(op) => case.hazard(Hazard::Compared, &["x"]),
        _ => case,
    }
}

/// The same where it decides on a slope.
fn slope(case: Case, op: Unary) -> Case {
    if pieces(op) { case.hazard(Hazard::Compared, &["x"]) } else { case }
}

fn unary_case(curve: impl Into<Curve>, n: usize) -> Case {
    let curve = curve.into();
    let mut case = new(format!("map.unary {} {n}", called(curve)));
    let x = case.input("x", arguments(n));
    let y = case.output("y", n);
    unary(&mut case.rec, curve, x, y);
    activation(case, curve.op).tolerance(1e-6, 2e-7)
}

/// An operation, with its numbers where they are not PyTorch's.
fn called(curve: Curve) -> String {
    let Curve { op, a, b } = curve;
    if curve == Curve::from(op) { format!("{op:?}") } else { format!("{op:?} {a} {b}") }
}

/// Near zero a result must be right relative to its own size.
fn small_case(op: Unary) -> Case {
    let mut case = new(format!("map.unary {op:?} 64 small"));
    let x = case.input("x", Gen::new(5).between(64, -1e-3, 1e-3));
    let y = case.output("y", 64);
    unary(&mut case.rec, op, x, y);
    activation(case, op).tolerance(1e-6, 1e-13)
}

/// Far out on the left, where the result is tiny but not 0, likewise; exp carries its argument's rounding.
fn tail_case(op: Unary) -> Case {
    let mut case = new(format!("map.unary {op:?} 64 tail"));
    let x = case.input("x", Gen::new(6).between(64, -12.0, -4.0));
    let y = case.output("y", 64);
    unary(&mut case.rec, op, x, y);
    // What is smaller than any normal number may be 0.
    activation(case, op).tolerance(1e-5, f64::from(f32::MIN_POSITIVE))
}

fn unary_bwd_case(curve: impl Into<Curve>, n: usize) -> Case {
    let curve = curve.into();
    let mut case = new(format!("map.unary_bwd {} {n}", called(curve)));
    let mut g = Gen::new(n as u64 + 100);
    let x = case.input("x", arguments(n));
    // Any y will do: the kernel must use the y it is given, not its own.
    let y = case.input("y", g.values(n));
    let dy = case.input("dy", g.values(n));
    let dx = case.output("dx", n);
    unary_bwd(&mut case.rec, curve, x, y, dy, dx);
    slope(case, curve.op).tolerance(1e-6, 5e-7)
}

fn unary_bwd_tangent_case(curve: impl Into<Curve>, n: usize, add: bool) -> Case {
    let curve = curve.into();
    let mut case = new(format!("map.unary_bwd_tangent {} {n}{}", called(curve), if add { " add" } else { "" }));
    let mut g = Gen::new(n as u64 + 150);
    let v = case.input("v", arguments(n));
    let r = case.input("r", g.values(n));
    let dy = case.input("dy", g.values(n));
    let out = if add { case.inout("out", g.values(n)) } else { case.output("out", n) };
    unary_bwd_tangent(&mut case.rec, curve, v, r, dy, out, add);
    let case = if pieces(curve.op) && !curve.op.straight() { case.hazard(Hazard::Compared, &["v"]) } else { case };
    case.tolerance(1e-6, 5e-7)
}

fn binary_case(op: Binary, n: usize) -> Case {
    let mut case = new(format!("map.binary {op:?} {n}"));
    let mut g = Gen::new(n as u64 + 200);
    let a = case.input("a", g.values(n));
    let b = case.input("b", g.values(n));
    let y = case.output("y", n);
    binary(&mut case.rec, op, a, b, y);
    case.tolerance(1e-6, 1e-7)
}

fn axpby_case(n: usize, alpha: f32, beta: f32) -> Case {
    let mut case = new(format!("map.axpby {n} alpha {alpha} beta {beta}"));
    let mut g = Gen::new(n as u64 + 300);
    let x = case.input("x", g.values(n));
    // With beta 0 the output starts as NaN, which must not come through.
    let y = if beta == 0.0 { case.output("y", n) } else { case.inout("y", g.values(n)) };
    axpby(&mut case.rec, alpha, x, beta, y);
    case.tolerance(1e-6, 5e-7)
}

fn fill_case(n: usize, value: f32) -> Case {
    let mut case = new(format!("map.fill {n} {value}"));
    let y = case.output("y", n);
    fill(&mut case.rec, y, value);
    case.tolerance(0.0, 0.0)
}

fn bias_cases() -> Vec<Case> {
    let shapes =
        [(1, 1, 1), (0, 3, 4), (3, 5, 7), (7, 10, 1), (5, 12, 1), (2, 3, 4), (3, 7, 196), (13, 17, 9), (1, 131, 2)];
    let mut all: Vec<Case> = shapes.map(bias_case).into();
    all.push(bias_case((1, 37, 7086)).folded());
    all.push(bias_case((64, 32, 784)).timed());
    all
}

fn bias_case((n, c, p): (usize, usize, usize)) -> Case {
    let mut case = new(format!("map.bias {n}x{c}x{p}"));
    let mut g = Gen::new((n * 7 + c * 3 + p) as u64);
    let x = case.inout("x", g.values(n * c * p));
    let b = case.input("b", g.values(c));
    bias(&mut case.rec, x, b, n, c, p);
    case.tolerance(1e-6, 2e-7)
}

fn gather_cases() -> Vec<Case> {
    let mut all = Vec::new();
    // Rows per chunk, width, indices.
    let shapes: [(&[usize], usize, usize); 9] = [
        (&[1], 1, 1),
        (&[7], 3, 0),
        (&[13], 5, 17),
        (&[13], 4, 17),
        (&[31], 1, 130),
        (&[5, 9, 4], 7, 33),
        (&[5, 9, 4], 28, 33),
        (&[3, 17], 784, 21),
        (&[101, 3], 33, 64),
    ];
    for (chunks, width, batch) in shapes {
        all.push(gather_rows_case(chunks, width, batch));
    }
    all.push(gather_rows_case(&[50, 21], 3, 90_001).folded());
    all.push(gather_rows_case(&[1000], 3072, 128).timed());
    for n in [0, 1, 2, 131, 1000] {
        all.push(gather_words_case(n));
    }
    all.push(gather_words_case(70_001).folded());
    all.push(gather_words_case(65_536).timed());
    all
}

fn gather_rows_case(chunks: &[usize], width: usize, batch: usize) -> Case {
    let mut case = new(format!("map.gather_rows {chunks:?}x{width} {batch}"));
    let mut g = Gen::new((width * 3 + batch) as u64);
    let total: usize = chunks.iter().sum();
    // Some indices lie before the first chunk and past the last: those rows must keep their content.
    let first = 2;
    let idx = case.input_u32("idx", g.indices(batch, total + 4));
    let y = case.inout("y", g.values(batch * width));
    let mut row0 = first;
    for rows in chunks {
        let src = case.input("src", g.values(rows * width));
        gather_rows(&mut case.rec, src, row0, *rows, width, idx, y);
        row0 += rows;
    }
    case.tolerance(0.0, 0.0)
}

fn gather_words_case(n: usize) -> Case {
    let mut case = new(format!("map.gather_words {n}"));
    let mut g = Gen::new(n as u64);
    let src = case.input_u32("src", g.indices(97, 1 << 31));
    let idx = case.input_u32("idx", g.indices(n, 97));
    let y = case.output("y", n);
    gather_words(&mut case.rec, src, idx, y);
    case
}
