//! Products as they are recorded.

use glam::UVec3;

use super::quads::Layout;
use super::{
    MATMUL, MATMUL_BLOCKED, MATMUL_BROADCAST, MATMUL_LARGE, MATMUL_MEDIUM, MATMUL_QUADS, MATMUL_SKINNY, MATMUL_SMALL,
    MATMUL_TILED, Mat, Matmul, Plan, Product, Then, VARIANTS, choose, order, plan, precise, slices,
};
use crate::engine::{Arguments, Buf, Kernel, Pass, Recording, div_ceil};
use crate::error::Extent;

/// Several products of one shape: how many, and the elements from one to the next in each buffer. 0 takes the same
/// operand for all.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    /// Products.
    pub count: usize,
    /// From one A to the next.
    pub a: usize,
    /// From one B to the next.
    pub b: usize,
    /// From one y to the next, at least m n.
    pub y: usize,
}

/// Records `y[m,n] = f(alpha A B + bias + beta y)`, in whole vec4s where the broadcast form is chosen and the rows are
/// made of them. `bias` is bound even when unused; pass any f32 buffer.
pub fn product(rec: &mut Recording, a: Mat, b: Mat, bias: Buf<f32>, y: Buf<f32>, options: Product) {
    let mut plan = plan(rec.target(), a.rows, b.cols, a.cols);
    if std::ptr::eq(plan.kernel, &MATMUL_BROADCAST) && Layout::of(&a, &b).is_some() {
        plan.kernel = &MATMUL_QUADS;
    }
    // A cut sum takes two passes and is in an order of its own; matrix units compute what was asked for by name.
    if plan.per == 0 && precise::of(plan.kernel).is_none() {
        plan.kernel = ask(rec, plan.kernel, &a, &b);
    }
    product_planned(rec, plan, a, b, bias, y, options);
}

/// The form that the rule names, or one of its order that was measured to be faster.
fn ask(rec: &mut Recording, rule: &'static Kernel, a: &Mat, b: &Mat) -> &'static Kernel {
    let whole = Layout::of(a, b).is_some();
    let full = VARIANTS.iter().filter(|kernel| precise::of(kernel).is_none());
    let fits = full.filter(|kernel| whole || !std::ptr::eq(**kernel, &MATMUL_QUADS));
    let forms: Vec<_> = fits.map(|kernel| (*kernel, order(kernel))).collect();
    let along = [usize::from(a.col_stride == 1), usize::from(b.col_stride == 1)];
    rec.form(rule, &forms, &[a.rows, b.cols, a.cols, along[0], along[1]])
}

/// [`product`] with a given variant.
pub fn product_as(
    rec: &mut Recording,
    kernel: &'static Kernel,
    a: Mat,
    b: Mat,
    bias: Buf<f32>,
    y: Buf<f32>,
    options: Product,
) {
    product_planned(rec, Plan { kernel, per: 0 }, a, b, bias, y, options);
}

/// [`product`] with a given variant, the sum perhaps cut: each slice of `plan.per` terms is a product of its own, and a
/// second pass adds them in their order.
pub fn product_planned(rec: &mut Recording, plan: Plan, a: Mat, b: Mat, bias: Buf<f32>, y: Buf<f32>, options: Product) {
    let (m, n, k) = (a.rows, b.cols, a.cols);
    let checks = b.fits(a.fits(rec.arguments("linear.product"), "a"), "b");
    let checks = checked(checks, plan.kernel, &a, &b, bias, options, m * n);
    let whole = !std::ptr::eq(plan.kernel, &MATMUL_QUADS) || Layout::of(&a, &b).is_some();
    let checks = checks.holds(whole, || format!("`{}` reads whole vec4s; these rows are not", plan.kernel.name));
    let checks =
        checks.holds(plan.per == 0 || batches(plan.kernel), || format!("`{}` does not cut a sum", plan.kernel.name));
    if checks.shape("y", y, &[m, n]).wrong() {
        return;
    }
    let slices = if plan.per > 0 { k.div_ceil(plan.per) } else { 1 };
    if slices < 2 {
        let one = Batch { count: 1, a: 0, b: 0, y: 0 };
        return launch(rec, plan.kernel, a, b, bias, y, options, one, 0);
    }
    let part = rec.temp("slices", slices * m * n);
    let each = Batch { count: slices, a: plan.per * a.col_stride, b: plan.per * b.row_stride, y: m * n };
    let sums = Product { square: options.square, ..Default::default() };
    launch(rec, plan.kernel, a, b, bias, part, sums, each, plan.per);
    slices::sum(rec, part, bias, y, n, options);
}

/// Records `batch.count` products `y[z] = f(alpha A[z] B[z] + bias + beta y[z])`: `a`, `b` are the first of each (see
/// [`Mat::first`]), the others follow as `batch` says; what lies between the results stays as it is. Forms for one
/// product alone are replaced by the plain one.
pub fn products(rec: &mut Recording, batch: Batch, a: Mat, b: Mat, bias: Buf<f32>, y: Buf<f32>, options: Product) {
    let one = choose(rec.target(), a.rows, b.cols, a.cols);
    products_as(rec, if batches(one) { one } else { &MATMUL }, batch, a, b, bias, y, options);
}

/// [`products`] with a given variant.
#[expect(clippy::too_many_arguments, reason = "the operands of a product, how many, and by which form")]
pub fn products_as(
    rec: &mut Recording,
    kernel: &'static Kernel,
    batch: Batch,
    a: Mat,
    b: Mat,
    bias: Buf<f32>,
    y: Buf<f32>,
    options: Product,
) {
    let size = a.rows * b.cols;
    let checks = b.fits(a.fits(rec.arguments("linear.products"), "a"), "b");
    let mask = batch.count.saturating_sub(1).saturating_mul(batch.y).saturating_add(size);
    let checks = checked(checks, kernel, &a, &b, bias, options, mask);
    let checks = checks.holds(batches(kernel), || format!("`{}` makes one product at a time", kernel.name));
    let whole = |mat: &Mat, apart: usize| batch.count.saturating_sub(1).saturating_mul(apart) + mat.extent();
    let checks = checks.at_least("a", a.buf, &[whole(&a, batch.a)]).at_least("b", b.buf, &[whole(&b, batch.b)]);
    let apart = batch.count < 2 || batch.y >= size;
    let checks = checks.holds(apart, || format!("results of {size} elements, {} apart, overlap", batch.y));
    if checks.strided("y", y, [batch.count, size], batch.y).wrong() {
        return;
    }
    launch(rec, kernel, a, b, bias, y, options, batch, 0);
}

/// What every product asks of its operands; `mask` elements where the slope of a relu is taken.
fn checked<'r>(
    checks: Arguments<'r>,
    kernel: &'static Kernel,
    a: &Mat,
    b: &Mat,
    bias: Buf<f32>,
    options: Product,
    mask: usize,
) -> Arguments<'r> {
    let checks = checks.extent("b", Extent::exactly(&[b.rows, b.cols]), Extent::exactly(&[a.cols, b.cols]));
    let checks = checks.optional("bias", options.bias.then_some(bias), &[b.cols]);
    let slope = options.then == Then::Slope;
    let checks = checks.holds(!slope || !options.bias, || "a slope takes the place of the bias".to_owned());
    let checks = if slope { checks.at_least("bias", bias, &[mask]) } else { checks };
    let form = VARIANTS.iter().any(|variant| std::ptr::eq(kernel, *variant));
    checks.holds(form, || format!("`{}` is no form of a product", kernel.name))
}

/// Whether the form makes many products in one dispatch; those for software adapters make one.
fn batches(kernel: &'static Kernel) -> bool {
    ![&MATMUL_BLOCKED, &MATMUL_BROADCAST, &MATMUL_QUADS].iter().any(|one| std::ptr::eq(kernel, *one))
}

#[expect(clippy::too_many_arguments, reason = "everything that a dispatch of a product consists of")]
fn launch(
    rec: &mut Recording,
    kernel: &'static Kernel,
    a: Mat,
    b: Mat,
    bias: Buf<f32>,
    y: Buf<f32>,
    options: Product,
    batch: Batch,
    per: usize,
) {
    let (m, n, k) = (a.rows, b.cols, a.cols);
    let u = |v: usize| v as u32;
    let params = Matmul {
        m: u(m),
        n: u(n),
        k: u(k),
        a_m: u(a.row_stride),
        a_k: u(a.col_stride),
        b_k: u(b.row_stride),
        b_n: u(b.col_stride),
        alpha: options.alpha,
        beta: options.beta,
        batch: u(batch.count),
        per: u(per),
        a_z: u(batch.a),
        b_z: u(batch.b),
        y_z: u(batch.y),
    };
    let count = if per > 0 { 1 } else { batch.count };
    let (unit, units) = (precise::of(kernel), rec.target().matrices);
    let pass = rec
        .dispatch(kernel)
        .set("SQUARE", u8::from(options.square))
        .set("BIAS", u8::from(options.bias))
        .set("RELU", u8::from(options.then == Then::Relu))
        .set("MASK", u8::from(options.then == Then::Slope))
        .params(params)
        .read(a.buf)
        .read(b.buf)
        .read(bias)
        .update(y)
        .work(2 * (count * m * n * k) as u64, 4 * (count * (m * k + k * n) + batch.count * m * n) as u64);
    let terms = if per > 0 { per } else { k };
    if let Some((side, _)) = unit {
        let pass = pass.set("WG", precise::workgroup(side, units));
        return precise::launch(pass, side, [m, n], batch.count, terms);
    }
    match Layout::of(&a, &b).filter(|_| std::ptr::eq(kernel, &MATMUL_QUADS)) {
        Some(layout) => layout.launch(pass.turns(terms), (m, n), &options),
        None => size(pass, kernel, [m, n], batch, terms),
    }
}

/// Loop iterations and the grid. Where operands lie, the shaders read off the strides, so that one pipeline serves all.
fn size(pass: Pass, kernel: &'static Kernel, [m, n]: [usize; 2], batch: Batch, terms: usize) {
    let is = |variant| std::ptr::eq(kernel, variant);
    let grid = |rows, cols| div_ceil(UVec3::new(n as u32, m as u32, batch.count as u32), UVec3::new(cols, rows, 1));
    if let Some((rows, cols)) = tile(kernel) {
        pass.set("DOUBLE", u8::from(is(&MATMUL_MEDIUM))).turns(terms / 2 + terms / 8 + 16).grid(grid(rows, cols));
    } else if is(&MATMUL_SKINNY) {
        pass.turns(terms.div_ceil(64) + 32).grid(grid(4, 4));
    } else if is(&MATMUL_BROADCAST) {
        pass.turns(terms).set("WG", BROADCAST_WG).grid(grid(16, 2 * BROADCAST_WG));
    } else if is(&MATMUL_BLOCKED) {
        pass.turns(terms).threads(m.div_ceil(8) * n.div_ceil(4));
    } else {
        pass.turns(terms).threads(batch.count * m * n);
    }
}

/// Rows and columns of a workgroup's tile, for the forms that go through workgroup memory; as in their shaders.
fn tile(kernel: &'static Kernel) -> Option<(u32, u32)> {
    let sizes = [
        (&MATMUL_LARGE, (128, 128)),
        (&MATMUL_MEDIUM, (128, 64)),
        (&MATMUL_TILED, (64, 64)),
        (&MATMUL_SMALL, (32, 32)),
    ];
    sizes.into_iter().find(|(form, _)| std::ptr::eq(kernel, *form)).map(|(_, size)| size)
}

/// Invocations of a workgroup of the broadcast form; each covers two columns.
const BROADCAST_WG: u32 = 32;
