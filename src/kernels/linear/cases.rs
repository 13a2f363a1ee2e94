//! Cases of the `linear` family.

mod asked;
mod precise;

pub use asked::asked;

use super::outer::{OUTER, OUTER_WIDE};
use super::precise::of;
use super::{
    Batch, MATMUL, MATMUL_BLOCKED, MATMUL_BROADCAST, MATMUL_LARGE, MATMUL_MEDIUM, MATMUL_QUADS, MATMUL_SKINNY,
    MATMUL_SMALL, MATMUL_TILED, Mat, Plan, Product, Then, VARIANTS, outer_as, product_as, product_planned, products_as,
};
use crate::engine::case::{Case, Gen, Hazard};
use crate::engine::{Kernel, Target};

/// The forms without workgroup memory, and those with.
static SIMPLE: [&Kernel; 3] = [&MATMUL, &MATMUL_BLOCKED, &MATMUL_BROADCAST];
static SHARED: [&Kernel; 5] = [&MATMUL_LARGE, &MATMUL_MEDIUM, &MATMUL_TILED, &MATMUL_SMALL, &MATMUL_SKINNY];

const LAYOUTS: [&str; 3] = ["nn", "nt", "tn"];
const RELU: Product = Product { bias: true, then: Then::Relu, ..PRODUCT };
const SLOPE: Product = Product { beta: 1.0, then: Then::Slope, ..PRODUCT };
const FISHER: Product = Product { square: true, beta: 1.0, ..PRODUCT };
const PRODUCT: Product = Product { alpha: 1.0, beta: 0.0, bias: false, square: false, then: Then::Store };

/// Every variant at every shape.
pub fn cases() -> Vec<Case> {
    let mut all: Vec<Case> = SIMPLE.into_iter().flat_map(simple).collect();
    all.extend(SHARED.into_iter().flat_map(shared));
    all.extend(VARIANTS.iter().filter(|kernel| !special(kernel)).flat_map(|kernel| common(kernel)));
    all.extend(quads());
    all.extend(several());
    all.extend(precise::cases());
    all.extend(outer_cases());
    all
}

/// Takes shapes of whole vec4s alone.
fn is_quads(kernel: &Kernel) -> bool {
    std::ptr::eq(kernel, &MATMUL_QUADS)
}

/// Has cases of its own in place of the common ones.
fn special(kernel: &Kernel) -> bool {
    is_quads(kernel) || of(kernel).is_some()
}

fn simple(kernel: &'static Kernel) -> Vec<Case> {
    let shapes = [(1, 1, 1), (3, 5, 7), (13, 17, 1), (17, 1, 31), (1, 131, 9), (64, 120, 400), (33, 65, 67), (5, 7, 0)];
    let mut all = Vec::new();
    for shape in shapes {
        all.extend(LAYOUTS.map(|layout| case(kernel, layout, shape, PRODUCT)));
    }
    // The last column lies in the second half of a tile that is 64 wide.
    all.push(case(kernel, "nn", (9, 43, 5), PRODUCT));
    // The Fisher diagonal of an MLP's first layer at batch 128.
    all.push(case(kernel, "tn", (256, 784, 128), FISHER).timed());
    // The three products of a GCN's second layer on Cora.
    for (layout, shape) in [("nt", (2708, 7, 16)), ("nn", (2708, 16, 7)), ("tn", (7, 16, 2708))] {
        all.push(case(kernel, layout, shape, PRODUCT).timed());
    }
    all
}

/// Whole vec4s and none, in every layout, over several tiles and steps of the largest form; then the edges.
fn shared(kernel: &'static Kernel) -> Vec<Case> {
    let mut all = Vec::new();
    for shape in [(132, 140, 68), (131, 137, 67)] {
        all.extend(LAYOUTS.map(|layout| case(kernel, layout, shape, PRODUCT)));
    }
    let edges = [("nn", (1, 1, 1)), ("nt", (3, 5, 7)), ("nt", (13, 17, 1)), ("tn", (1, 131, 9)), ("nn", (5, 7, 0))];
    all.extend(edges.map(|(layout, shape)| case(kernel, layout, shape, PRODUCT)));
    all.push(case(kernel, "tn", (256, 784, 128), FISHER).only_timed());
    for (layout, shape) in [("nt", (2708, 7, 16)), ("nn", (2708, 16, 7)), ("tn", (7, 16, 2708)), ("nt", (64, 10, 400))]
    {
        all.push(case(kernel, layout, shape, PRODUCT).only_timed());
    }
    all
}

fn common(kernel: &'static Kernel) -> Vec<Case> {
    let mut all = vec![case(kernel, "nn", (0, 4, 3), PRODUCT), subnormal(kernel), folding(kernel)];
    // One end of a product is one compilation; the four tiles end in the same lines.
    if ![&MATMUL_LARGE, &MATMUL_MEDIUM, &MATMUL_TILED].iter().any(|tile| std::ptr::eq(kernel, *tile)) {
        all.extend([
            case(kernel, "nt", (9, 21, 33), Product { bias: true, ..PRODUCT }),
            case(kernel, "tn", (21, 9, 33), Product { square: true, alpha: 0.5, beta: 1.0, ..PRODUCT }),
            case(kernel, "nt", (9, 21, 33), RELU),
            case(kernel, "nn", (9, 21, 33), SLOPE),
            case(kernel, "nt", (20, 12, 36), RELU),
            case(kernel, "nn", (20, 12, 36), SLOPE),
        ]);
    }
    all.extend(LAYOUTS.map(|layout| case(kernel, layout, (512, 512, 512), PRODUCT).only_timed()));
    all
}

/// Slices of 1e8, -1e8 and 1: their sum is 1 in this order, and 0 from the last to the first.
fn in_turn() -> Case {
    let (m, n, k) = (3, 5, 48);
    let mut case = Case::new("linear.matmul_small nn 3x5x48 in slices of 16 in turn", Target::default());
    let large = |i: usize| [1e8, -1e8, 1.0][i % k / 16] * f32::from(u8::from(i.is_multiple_of(16)));
    let a = case.input("a", (0..m * k).map(large).collect());
    let b = case.input("b", vec![1.0; k * n]);
    let y = case.output("y", m * n);
    let plan = Plan { kernel: &MATMUL_SMALL, per: 16 };
    product_planned(&mut case.rec, plan, Mat::new(a, m, k), Mat::new(b, k, n), b, y, PRODUCT);
    case.hazard(Hazard::Merged, &["a", "b"]).tolerance(1e-5, 0.0)
}

/// Many products in one dispatch, and sums that are cut.
fn several() -> Vec<Case> {
    let mut all = Vec::new();
    for kernel in [&MATMUL, &MATMUL_SMALL, &MATMUL_SKINNY] {
        for (shape, gap) in [((9, 21, 35), 3), ((8, 12, 20), 4), ((3, 5, 7), 0)] {
            all.push(batch(kernel, "nt", shape, gap, PRODUCT));
            all.push(batch(kernel, "tn", shape, gap, RELU));
        }
        all.push(slices(kernel, "nt", (9, 21, 67), 16, Product { bias: true, beta: 1.0, ..PRODUCT }));
        all.push(slices(kernel, "tn", (12, 20, 64), 16, FISHER));
        all.push(slices(kernel, "nn", (12, 20, 67), 32, RELU));
        all.push(slices(kernel, "nn", (5, 3, 33), 32, SLOPE));
    }
    all.push(batch(&MATMUL_MEDIUM, "nt", (9, 21, 35), 3, PRODUCT));
    all.push(in_turn());
    // A small layer's weight gradient over many rows.
    all.push(slices(&MATMUL_SMALL, "tn", (64, 64, 16_384), 512, PRODUCT).only_timed());
    all.push(batch(&MATMUL, "nn", (1, 1, 2), 0, PRODUCT).folded());
    all.push(slices(&MATMUL, "nn", (263, 257, 20), 16, PRODUCT).folded());
    all
}

/// Shapes of whole vec4s: sixteen rows and eight columns of vec4s are a workgroup's tile.
fn quads() -> Vec<Case> {
    let bias = Product { bias: true, ..PRODUCT };
    let add = Product { alpha: 0.5, beta: 1.0, ..PRODUCT };
    let mut all = Vec::new();
    for kernel in [&MATMUL, &MATMUL_QUADS] {
        for shape in [(4, 4, 4), (20, 36, 8), (16, 32, 64), (132, 68, 44), (4, 4, 0), (0, 4, 4)] {
            all.extend(LAYOUTS.map(|layout| case(kernel, layout, shape, PRODUCT)));
        }
        // Rows that fill no tile where a lies along k; any inner size where it lies along m.
        for (layout, shape) in [("nn", (33, 44, 12)), ("nt", (7, 132, 28)), ("tn", (52, 20, 31)), ("tn", (4, 40, 1))] {
            let products = [bias, add, Product { square: true, ..add }, RELU, SLOPE];
            all.extend(products.map(|product| case(kernel, layout, shape, product)));
        }
    }
    let kernel = &MATMUL_QUADS;
    all.extend(LAYOUTS.map(|layout| case(kernel, layout, (64, 120, 400), PRODUCT)));
    all.push(case(kernel, "nt", (16 * 65_537, 4, 4), PRODUCT));
    all.push(case(kernel, "tn", (256, 784, 128), FISHER).timed());
    all.push(case(kernel, "nt", (128, 256, 784), bias).timed());
    all.extend(LAYOUTS.map(|layout| case(kernel, layout, (512, 512, 512), PRODUCT).only_timed()));
    all
}

/// More than 65 535 workgroups, whatever a workgroup covers: the grid must fold.
fn folding(kernel: &'static Kernel) -> Case {
    let of = |shape| case(kernel, "nt", shape, Product::default());
    let is = |variant| std::ptr::eq(kernel, variant);
    if is(&MATMUL_LARGE) || is(&MATMUL_MEDIUM) {
        of((16 * 65_537, 1, 1)).in_tiny_tiles(16, 65_537)
    } else if is(&MATMUL_TILED) || is(&MATMUL_SMALL) {
        of((8 * 65_537, 1, 1)).in_tiny_tiles(8, 65_537)
    } else if is(&MATMUL_SKINNY) {
        of((4 * 65_537, 1, 1))
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
    let bias = Product { bias: true, ..Default::default() };
    let product = [PRODUCT, bias, square, RELU, SLOPE][g.below(5)];
    let fours = |size: usize| size.next_multiple_of(4);
    let whole = (fours(shape.0), fours(shape.1), fours(shape.2));
    let shape_of = |kernel| if is_quads(kernel) { whole } else { shape };
    let mut all: Vec<Case> = VARIANTS.iter().map(|kernel| case(kernel, layout, shape_of(*kernel), product)).collect();
    let per = 16 * g.size(1, 8);
    all.push(slices(&MATMUL_SMALL, layout, shape, per, product));
    let (m, n, k) = shape;
    all.push(batch(&MATMUL_SMALL, layout, (m.min(50), n.min(50), k.min(50)), g.below(9), product));
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

type Shape = (usize, usize, usize);

fn options(product: Product) -> String {
    let word = |on: bool, word: &str| if on { format!(" {word}") } else { String::new() };
    let of = [
        (product.bias, "bias"),
        (product.square, "square"),
        (product.beta != 0.0, "accumulate"),
        (product.then == Then::Relu, "relu"),
        (product.then == Then::Slope, "slope"),
    ];
    of.map(|(on, name)| word(on, name)).concat()
}

/// `count` products: the case so far, its operands, its bias and its result, `gap` elements between two results.
fn begun(
    name: String,
    layout: &str,
    (m, n, k): Shape,
    product: Product,
    (count, gap): (usize, usize),
) -> (Case, [Mat; 2], [crate::engine::Buf<f32>; 2]) {
    let mut case = Case::new(name, Target::default());
    let mut g = Gen::new((m * 31 + n * 7 + k) as u64);
    let a = case.input("a", g.values(count * m * k));
    let b = case.input("b", g.values(count * k * n));
    let len = (count - 1) * (m * n + gap) + m * n;
    let bias = case.input("bias", g.values(if product.then == Then::Slope { len } else { n }));
    let y = match product.beta {
        0.0 if gap == 0 => case.output("y", len),
        _ => case.inout("y", g.values(len)),
    };
    let views = match layout {
        "nn" => [Mat::first(a, m, k), Mat::first(b, k, n)],
        "nt" => [Mat::first(a, m, k), Mat::first(b, n, k).t()],
        _ => [Mat::first(a, k, m).t(), Mat::first(b, k, n)],
    };
    (case, views, [bias, y])
}

/// Rounding of a k-term sum of products in (-1, 1).
fn ended(case: Case, k: usize, product: Product) -> Case {
    let case = match product.then {
        Then::Store => case,
        Then::Relu => case.hazard(Hazard::Compared, &["a", "b", "bias"]),
        Then::Slope => case.hazard(Hazard::Compared, &["bias"]),
    };
    case.tolerance(1e-5, 2e-7 * (k as f64).sqrt().max(1.0) * 4.0)
}

fn case(kernel: &'static Kernel, layout: &str, shape: Shape, product: Product) -> Case {
    let (m, n, k) = shape;
    let name = format!("{} {layout} {m}x{n}x{k}{}", kernel.name, options(product));
    let (mut case, [a, b], [bias, y]) = begun(name, layout, shape, product, (1, 0));
    product_as(&mut case.rec, kernel, a, b, bias, y, product);
    precise::allowed(ended(case, k, product), kernel, k)
}

/// Three products, `gap` elements between their results; B is one for all where the gap is odd.
fn batch(kernel: &'static Kernel, layout: &str, shape: Shape, gap: usize, product: Product) -> Case {
    let (m, n, k) = shape;
    let count = if shape == (1, 1, 2) { 70_001 } else { 3 };
    let name = format!("{} {layout} {count} products of {m}x{n}x{k} {gap} apart{}", kernel.name, options(product));
    let (mut case, [a, b], [bias, y]) = begun(name, layout, shape, product, (count, gap));
    let batch = Batch { count, a: m * k, b: if gap % 2 == 1 { 0 } else { k * n }, y: m * n + gap };
    products_as(&mut case.rec, kernel, batch, a, b, bias, y, product);
    precise::allowed(ended(case, k, product), kernel, k)
}

/// A product whose sum is cut into pieces of `per` terms.
fn slices(kernel: &'static Kernel, layout: &str, shape: Shape, per: usize, product: Product) -> Case {
    let (m, n, k) = shape;
    let name = format!("{} {layout} {m}x{n}x{k} in slices of {per}{}", kernel.name, options(product));
    let (mut case, [a, b], [bias, y]) = begun(name, layout, shape, product, (1, 0));
    product_planned(&mut case.rec, Plan { kernel, per }, a, b, bias, y, product);
    precise::allowed(ended(case, k, product), kernel, k)
}
