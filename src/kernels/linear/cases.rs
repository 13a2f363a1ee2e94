//! Cases of the `linear` family.

mod asked;

pub use asked::asked;

use super::outer::{OUTER, OUTER_WIDE};
use super::{
    MATMUL, MATMUL_BLOCKED, MATMUL_BROADCAST, MATMUL_QUADS, MATMUL_TILED, Mat, Product, VARIANTS, outer_as, product_as,
};
use crate::engine::case::{Case, Gen};
use crate::engine::{Kernel, Target};

/// Every variant at every shape.
pub fn cases() -> Vec<Case> {
    let shapes = [(1, 1, 1), (3, 5, 7), (13, 17, 1), (17, 1, 31), (1, 131, 9), (64, 120, 400), (33, 65, 67), (5, 7, 0)];
    let mut all = Vec::new();
    for kernel in VARIANTS.iter().filter(|kernel| !std::ptr::eq(**kernel, &MATMUL_QUADS)) {
        for (m, n, k) in shapes {
            for layout in ["nn", "nt", "tn"] {
                all.push(case(kernel, layout, (m, n, k), Product::default()));
            }
        }
        // The last column lies in the second half of a tile that is 64 wide.
        all.push(case(kernel, "nn", (9, 43, 5), Product::default()));
        all.push(case(kernel, "nt", (9, 21, 33), Product { bias: true, ..Default::default() }));
        all.push(case(
            kernel,
            "tn",
            (21, 9, 33),
            Product { square: true, alpha: 0.5, beta: 1.0, ..Default::default() },
        ));
        all.push(case(kernel, "nn", (0, 4, 3), Product::default()));
        all.push(subnormal(kernel));
        all.push(folding(kernel));
        // The Fisher diagonal of an MLP's first layer at batch 128.
        let fisher = Product { square: true, beta: 1.0, ..Default::default() };
        all.push(case(kernel, "tn", (256, 784, 128), fisher).timed());
        // The three products of a GCN's second layer on Cora.
        for (layout, shape) in [("nt", (2708, 7, 16)), ("nn", (2708, 16, 7)), ("tn", (7, 16, 2708))] {
            all.push(case(kernel, layout, shape, Product::default()).timed());
        }
        for layout in ["nn", "nt", "tn"] {
            all.push(case(kernel, layout, (512, 512, 512), Product::default()).only_timed());
        }
    }
    all.extend(quads_cases());
    all.extend(outer_cases());
    all
}

/// Shapes of whole vec4s: sixteen rows and eight columns of vec4s are a workgroup's tile.
fn quads_cases() -> Vec<Case> {
    let bias = Product { bias: true, ..Default::default() };
    let add = Product { alpha: 0.5, beta: 1.0, ..Default::default() };
    let square = Product { square: true, ..add };
    let mut all = Vec::new();
    for kernel in [&MATMUL, &MATMUL_QUADS] {
        for shape in [(4, 4, 4), (20, 36, 8), (16, 32, 64), (132, 68, 44), (4, 4, 0), (0, 4, 4)] {
            all.extend(["nn", "nt", "tn"].map(|layout| case(kernel, layout, shape, Product::default())));
        }
        // Rows that fill no tile where a lies along k; any inner size where it lies along m.
        for (layout, shape) in [("nn", (33, 44, 12)), ("nt", (7, 132, 28)), ("tn", (52, 20, 31)), ("tn", (4, 40, 1))] {
            all.extend([bias, add, square].map(|product| case(kernel, layout, shape, product)));
        }
    }
    let kernel = &MATMUL_QUADS;
    all.extend(["nn", "nt", "tn"].map(|layout| case(kernel, layout, (64, 120, 400), Product::default())));
    all.push(case(kernel, "nt", (16 * 65_537, 4, 4), Product::default()));
    all.push(case(kernel, "tn", (256, 784, 128), square).timed());
    all.push(case(kernel, "nt", (128, 256, 784), bias).timed());
    all.extend(["nn", "nt", "tn"].map(|layout| case(kernel, layout, (512, 512, 512), Product::default()).only_timed()));
    all
}

/// More than 65 535 workgroups, whatever a workgroup covers: the grid must fold.
fn folding(kernel: &'static Kernel) -> Case {
    let of = |shape| case(kernel, "nt", shape, Product::default());
    let is = |variant| std::ptr::eq(kernel, variant);
    if is(&MATMUL_TILED) {
        of((64 * 65_537, 1, 1))
    } else if is(&MATMUL_BROADCAST) {
        of((16 * 65_537, 1, 1))
    } else if is(&MATMUL_BLOCKED) {
        of((8 * 65_541, 1, 1)).folded()
    } else {
        of((331, 199, 2)).folded()
    }
}

/// Numbers that an adapter may take for 0.
fn subnormal(kernel: &'static Kernel) -> Case {
    let (m, n, k) = (9, 17, 33);
    let mut case = Case::new(format!("{} nn {m}x{n}x{k} subnormal", kernel.name), Target::default());
    let mut g = Gen::new(19);
    let a = case.input("a", g.values(m * k).iter().map(|v| v * 1e-38).collect());
    let b = case.input("b", g.values(k * n));
    let y = case.output("y", m * n);
    product_as(&mut case.rec, kernel, Mat::new(a, m, k), Mat::new(b, k, n), b, y, Product::default());
    case.tolerance(1e-5, k as f64 * f64::from(f32::MIN_POSITIVE))
}

/// Every variant at one random shape.
pub fn random(g: &mut Gen) -> Vec<Case> {
    let shape = (g.size(1, 150), g.size(1, 150), g.size(1, 300));
    let layout = ["nn", "nt", "tn"][g.below(3)];
    let square = Product { square: true, alpha: 0.5, beta: 1.0, ..Default::default() };
    let product = [Product::default(), Product { bias: true, ..Default::default() }, square][g.below(3)];
    let fours = |size: usize| size.next_multiple_of(4);
    let whole = (fours(shape.0), fours(shape.1), fours(shape.2));
    let shape_of = |kernel| if std::ptr::eq(kernel, &MATMUL_QUADS) { whole } else { shape };
    let mut all: Vec<Case> = VARIANTS.iter().map(|kernel| case(kernel, layout, shape_of(*kernel), product)).collect();
    let (n, outputs, inputs, gap) = (g.size(1, 60), g.size(1, 40), g.size(1, 40), 64 * g.below(2));
    all.push(outer_case(&OUTER, n, outputs, inputs, gap));
    all.push(outer_case(&OUTER_WIDE, n, outputs, 4 * inputs, gap));
    all
}

/// Rows, outputs, inputs.
const OUTERS: [(usize, usize, usize); 8] =
    [(1, 1, 1), (3, 5, 7), (0, 3, 4), (5, 10, 84), (7, 8, 12), (2, 17, 4), (131, 3, 8), (2, 9, 1028)];

fn outer_cases() -> Vec<Case> {
    let mut all = Vec::new();
    for kernel in [&OUTER, &OUTER_WIDE] {
        let fits = |inputs: usize| std::ptr::eq(kernel, &OUTER) || inputs.is_multiple_of(4);
        for (n, outputs, inputs) in OUTERS.into_iter().filter(|(.., inputs)| fits(*inputs)) {
            // Side by side, and with gaps as in a matrix of whole gradients.
            all.extend([0, 64].map(|gap| outer_case(kernel, n, outputs, inputs, gap)));
        }
        all.push(outer_case(kernel, 70_001, 1, 4, 0).folded());
        // An MLP's second layer at batch 128.
        all.push(outer_case(kernel, 128, 128, 256, 0).timed());
    }
    all
}

fn outer_case(kernel: &'static Kernel, n: usize, outputs: usize, inputs: usize, gap: usize) -> Case {
    let apart = if gap == 0 { String::new() } else { format!(" {gap} apart") };
    let mut case = Case::new(format!("{} {n} rows {inputs} to {outputs}{apart}", kernel.name), Target::default());
    let mut g = Gen::new((n * 13 + inputs) as u64);
    let (size, stride) = (outputs * inputs, outputs * inputs + gap);
    let dy = case.input("dy", g.values(n * outputs));
    let x = case.input("x", g.values(n * inputs));
    // A length that no vec4 divides comes from the gaps' end.
    let y = if gap == 0 { case.output("y", n * size) } else { case.inout("y", g.values(n * stride + 3)) };
    outer_as(&mut case.rec, kernel, dy, x, y, n, stride);
    case.tolerance(1e-6, 0.0)
}

fn case(kernel: &'static Kernel, layout: &str, (m, n, k): (usize, usize, usize), product: Product) -> Case {
    let options = match (product.bias, product.square) {
        (true, _) => " bias",
        (_, true) => " square accumulate",
        _ if product.beta != 0.0 => " accumulate",
        _ => "",
    };
    let mut case = Case::new(format!("{} {layout} {m}x{n}x{k}{options}", kernel.name), Target::default());
    let mut g = Gen::new((m * 31 + n * 7 + k) as u64);
    let a = case.input("a", g.values(m * k));
    let b = case.input("b", g.values(k * n));
    let bias = case.input("bias", g.values(n));
    let y = match product.beta {
        0.0 => case.output("y", m * n),
        _ => case.inout("y", g.values(m * n)),
    };
    let (a, b) = match layout {
        "nn" => (Mat::new(a, m, k), Mat::new(b, k, n)),
        "nt" => (Mat::new(a, m, k), Mat::new(b, n, k).t()),
        _ => (Mat::new(a, k, m).t(), Mat::new(b, k, n)),
    };
    product_as(&mut case.rec, kernel, a, b, bias, y, product);
    // Rounding of a k-term sum of products in (-1, 1).
    case.tolerance(1e-5, 2e-7 * (k as f64).sqrt().max(1.0) * 4.0)
}
