//! Dense products: `y = alpha A B + bias + beta y` with A and B given by strides (NN, NT, TN alike).

mod cases;
mod outer;
mod quads;
mod tangent;
mod twin;

pub use cases::{asked, cases, random};
pub use outer::{choose_outer, outer, outer_as};
pub use quads::MATMUL_QUADS;

use glam::UVec3;

use crate::engine::{Arguments, Buf, Kernel, Params, Recording, Requires, Tangent, Target, div_ceil};
use crate::error::{Extent, Mistake};
use crate::params;

params! {
    /// Shapes and strides of one product.
    pub struct Matmul { m: u32, n: u32, k: u32, a_m: u32, a_k: u32, b_k: u32, b_n: u32, alpha: f32, beta: f32 }
}

/// One thread per output: the readable reference.
pub static MATMUL: Kernel = Kernel {
    name: "linear.matmul",
    source: include_str!("../../shaders/linear/matmul.wgsl"),
    params: Matmul::FIELDS,
    twin: twin::matmul,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::matmul),
    variant_of: None,
};

/// 16 x 2 per lane with subgroup broadcasts, no barrier: for software adapters.
pub static MATMUL_BROADCAST: Kernel = Kernel {
    name: "linear.matmul_broadcast",
    source: include_str!("../../shaders/linear/matmul_broadcast.wgsl"),
    requires: Requires::Subgroup8,
    variant_of: Some(&MATMUL),
    ..MATMUL
};

/// 64 x 64 tiles through workgroup memory: for GPUs.
pub static MATMUL_TILED: Kernel = Kernel {
    name: "linear.matmul_tiled",
    source: include_str!("../../shaders/linear/matmul_tiled.wgsl"),
    variant_of: Some(&MATMUL),
    ..MATMUL
};

/// 8 x 4 per invocation, no barrier and no subgroup: for software adapters without subgroups of 8.
pub static MATMUL_BLOCKED: Kernel = Kernel {
    name: "linear.matmul_blocked",
    source: include_str!("../../shaders/linear/matmul_blocked.wgsl"),
    variant_of: Some(&MATMUL),
    ..MATMUL
};

/// All forms of the product.
pub static VARIANTS: &[&Kernel] = &[&MATMUL, &MATMUL_TILED, &MATMUL_BLOCKED, &MATMUL_BROADCAST, &MATMUL_QUADS];

/// The family's kernels.
pub static KERNELS: &[&Kernel] =
    &[&MATMUL, &MATMUL_TILED, &MATMUL_BLOCKED, &MATMUL_BROADCAST, &MATMUL_QUADS, &outer::OUTER, &outer::OUTER_WIDE];

/// A matrix view over a buffer. Views that do not fit can be made; the product that is given one refuses it.
#[derive(Clone, Copy, Debug)]
pub struct Mat {
    buf: Buf<f32>,
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
    misfit: Option<Misfit>,
}

/// Why a view does not fit.
#[derive(Clone, Copy, Debug)]
enum Misfit {
    /// The buffer has another size than the matrix.
    Size { rows: usize, cols: usize },
    /// Columns that the matrix does not have.
    Columns { start: usize, end: usize, cols: usize },
    /// Columns of a transpose do not lie side by side.
    Transposed,
}

impl Mat {
    /// Row-major [rows, cols].
    pub fn new(buf: Buf<f32>, rows: usize, cols: usize) -> Mat {
        let fits = rows.checked_mul(cols) == Some(buf.len);
        let misfit = (!fits).then_some(Misfit::Size { rows, cols });
        Mat { buf, rows, cols, row_stride: cols, col_stride: 1, misfit }
    }

    /// Some columns of a row-major matrix; nothing moves. The first one's place must be a multiple of
    /// [`crate::engine::ALIGN`].
    pub fn columns(self, range: std::ops::Range<usize>) -> Mat {
        let misfit = match (self.misfit, self.col_stride) {
            (Some(earlier), _) => Some(earlier),
            (None, 1) if range.start <= range.end && range.end <= self.cols => None,
            (None, 1) => Some(Misfit::Columns { start: range.start, end: range.end, cols: self.cols }),
            _ => Some(Misfit::Transposed),
        };
        if misfit.is_some() {
            return Mat { misfit, ..self };
        }
        let end = self.rows.saturating_sub(1) * self.row_stride + range.end;
        Mat { buf: self.buf.range(range.start..end.max(range.start)), cols: range.len(), ..self }
    }

    /// The diagonal of a row-major [size, size] matrix as one row: its product with ones is the trace.
    pub fn diagonal(buf: Buf<f32>, size: usize) -> Mat {
        let whole = Mat::new(buf, size, size);
        Mat { rows: 1, row_stride: 0, col_stride: size.saturating_add(1), ..whole }
    }

    /// The transpose; nothing moves.
    pub fn t(self) -> Mat {
        Mat { rows: self.cols, cols: self.rows, row_stride: self.col_stride, col_stride: self.row_stride, ..self }
    }

    /// Adds to a record function's checks that the view fits its buffer.
    fn fits<'r>(&self, checks: Arguments<'r>, name: &str) -> Arguments<'r> {
        checks.mistake(self.misfit.map(|misfit| match misfit {
            Misfit::Size { rows, cols } => {
                let (expected, found) = (Extent::exactly(&[rows, cols]), Extent::exactly(&[self.buf.len]));
                Mistake::Shape { buffer: name.to_owned(), expected, found }
            }
            Misfit::Columns { start, end, cols } => Mistake::Range { start, end, len: cols },
            Misfit::Transposed => Mistake::Other(format!("`{name}`: columns of a transpose")),
        }))
    }
}

/// What is done with the product.
#[derive(Clone, Copy, Debug)]
pub struct Product {
    /// Factor on the product.
    pub alpha: f32,
    /// 0 overwrites y, 1 accumulates into it.
    pub beta: f32,
    /// Add `bias[n]`.
    pub bias: bool,
    /// Square both operands first.
    pub square: bool,
}

impl Default for Product {
    fn default() -> Self {
        Product { alpha: 1.0, beta: 0.0, bias: false, square: false }
    }
}

/// The variant for an adapter and a shape [m, n], inner size k.
///
/// Measured on llvmpipe at 512³ (GFLOP/s in `benches/results/`): the broadcast form wins wherever its 16-row tiles are
/// not mostly empty. Products as thin as those of a graph layer, thousands of rows by a few columns, or those summed
/// over, leave them so, and the blocked form takes a third to a half of the time. On GPUs the tile needs enough rows
/// and columns to be worth staging; that bound is a rule of thumb until it is measured there.
pub fn choose(target: Target, m: usize, n: usize, k: usize) -> &'static Kernel {
    match (target.software, target.subgroup >= 8) {
        _ if m < 4 || n < 4 => &MATMUL,
        (true, true) if n <= 16 && (m >= 1024 || (m <= 16 && k >= 1024)) => &MATMUL_BLOCKED,
        (true, true) => &MATMUL_BROADCAST,
        (true, false) => &MATMUL_BLOCKED,
        (false, _) if m >= 32 && n >= 32 => &MATMUL_TILED,
        (false, _) => &MATMUL,
    }
}

/// Records `y[m,n] = alpha A B + bias + beta y`, in whole vec4s where the broadcast form is chosen and the rows are
/// made of them. `bias` is bound even when unused; pass any f32 buffer.
pub fn product(rec: &mut Recording, a: Mat, b: Mat, bias: Buf<f32>, y: Buf<f32>, options: Product) {
    let chosen = choose(rec.target(), a.rows, b.cols, a.cols);
    let quads = std::ptr::eq(chosen, &MATMUL_BROADCAST) && quads::Layout::of(&a, &b).is_some();
    product_as(rec, if quads { &MATMUL_QUADS } else { chosen }, a, b, bias, y, options);
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
    let (m, n, k) = (a.rows, b.cols, a.cols);
    let checks = b.fits(a.fits(rec.arguments("linear.product"), "a"), "b");
    let checks = checks.extent("b", Extent::exactly(&[b.rows, n]), Extent::exactly(&[k, n]));
    let checks = checks.optional("bias", options.bias.then_some(bias), &[n]);
    let is = |variant| std::ptr::eq(kernel, variant);
    let form = VARIANTS.iter().any(|variant| is(*variant));
    let checks = checks.holds(form, || format!("`{}` is no form of a product", kernel.name));
    let layout = quads::Layout::of(&a, &b);
    let whole = layout.is_some() || !is(&MATMUL_QUADS);
    let checks = checks.holds(whole, || format!("`{}` reads whole vec4s; these rows are not", kernel.name));
    if checks.shape("y", y, &[m, n]).wrong() {
        return;
    }
    let params = Matmul {
        m: m as u32,
        n: n as u32,
        k: k as u32,
        a_m: a.row_stride as u32,
        a_k: a.col_stride as u32,
        b_k: b.row_stride as u32,
        b_n: b.col_stride as u32,
        alpha: options.alpha,
        beta: options.beta,
    };
    let pass = rec
        .dispatch(kernel)
        .set("SQUARE", u8::from(options.square))
        .set("BIAS", u8::from(options.bias))
        .params(params)
        .read(a.buf)
        .read(b.buf)
        .read(bias)
        .update(y)
        .turns(k)
        .work(2 * (m * n * k) as u64, 4 * (m * k + k * n + m * n) as u64);
    let result = UVec3::new(n as u32, m as u32, 1);
    if is(&MATMUL_BROADCAST) {
        pass.set("WG", BROADCAST_WG).grid(div_ceil(result, UVec3::new(2 * BROADCAST_WG, 16, 1)));
    } else if is(&MATMUL_TILED) {
        pass.set("A_ALONG_K", u8::from(a.col_stride == 1))
            .set("B_ALONG_N", u8::from(b.col_stride == 1))
            .grid(div_ceil(result, UVec3::new(64, 64, 1)));
    } else if let Some(layout) = layout.filter(|_| is(&MATMUL_QUADS)) {
        layout.launch(pass, (m, n), &options);
    } else if is(&MATMUL_BLOCKED) {
        pass.threads(m.div_ceil(8) * n.div_ceil(4));
    } else {
        pass.threads(m * n);
    }
}

/// Invocations of a workgroup of the broadcast form; each covers two columns.
const BROADCAST_WG: u32 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variant_follows_the_adapter_and_the_shape() {
        let name = |software, subgroup, m, n| choose(Target { software, subgroup }, m, n, 64).variant();
        let thin = |m, n, k| choose(Target { software: true, subgroup: 8 }, m, n, k).variant();
        assert_eq!(thin(2708, 7, 16), "blocked");
        assert_eq!(thin(7, 16, 2708), "blocked");
        assert_eq!(thin(64, 10, 84), "broadcast");
        assert_eq!(name(true, 8, 64, 64), "broadcast");
        assert_eq!(name(true, 4, 64, 64), "blocked");
        assert_eq!(name(true, 0, 64, 10), "blocked");
        assert_eq!(name(false, 32, 64, 64), "tiled");
        assert_eq!(name(false, 32, 64, 10), "plain");
        assert_eq!(name(true, 8, 1, 64), "plain");
    }
}
