//! Max and average pooling over NCHW planes and their gradients, with PyTorch's shape and padding rules.

mod adaptive;
mod cases;
mod tangent;
#[cfg(test)]
mod tests;
mod twin;

pub use adaptive::{ADAPTIVE_AVG, ADAPTIVE_AVG_BWD, AdaptiveShape, Bins, adaptive_avg, adaptive_avg_bwd};
pub use cases::{asked, cases, random};
pub use tangent::{MAX_TANGENT, max_tangent};

use glam::{UVec2, Vec2Swizzles};

use crate::engine::{Buf, Kernel, Params, Pass, Recording, Requires, Tangent};
use crate::kernels::hw;
use crate::params;

params! {
    /// Sizes of one pooling; `strip` is how many neighbouring elements of a row one thread takes.
    pub struct Pool {
        stride: UVec2, padding: UVec2, planes: u32, h: u32, w: u32, oh: u32, ow: u32, strip: u32,
    }
}

/// Maximum and the index of the winner.
pub static MAX: Kernel = Kernel {
    name: "pool.max",
    source: include_str!("../../shaders/pool/max.wgsl"),
    params: Pool::FIELDS,
    twin: twin::max,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::max),
    variant_of: None,
};

/// Sends each output's gradient to its winner.
pub static MAX_BWD: Kernel = Kernel {
    name: "pool.max_bwd",
    source: include_str!("../../shaders/pool/max_bwd.wgsl"),
    params: Pool::FIELDS,
    twin: twin::max_bwd,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[0]]),
    variant_of: None,
};

/// A thread per window of 2 x 2, read as two vec2s.
pub static MAX_PAIRS: Kernel = Kernel {
    name: "pool.max_pairs",
    source: include_str!("../../shaders/pool/max_pairs.wgsl"),
    variant_of: Some(&MAX),
    ..MAX
};

/// A thread per window of 2 x 2, written as two vec2s.
pub static MAX_BWD_PAIRS: Kernel = Kernel {
    name: "pool.max_bwd_pairs",
    source: include_str!("../../shaders/pool/max_bwd_pairs.wgsl"),
    variant_of: Some(&MAX_BWD),
    ..MAX_BWD
};

/// Mean of the window, padding included.
pub static AVG: Kernel = Kernel {
    name: "pool.avg",
    source: include_str!("../../shaders/pool/avg.wgsl"),
    params: Pool::FIELDS,
    twin: twin::avg,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[0]]),
    variant_of: None,
};

/// Spreads each output's gradient over its window.
pub static AVG_BWD: Kernel = Kernel {
    name: "pool.avg_bwd",
    source: include_str!("../../shaders/pool/avg_bwd.wgsl"),
    params: Pool::FIELDS,
    twin: twin::avg_bwd,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[0]]),
    variant_of: None,
};

/// The family's kernels.
pub static KERNELS: &[&Kernel] =
    &[&MAX, &MAX_PAIRS, &MAX_BWD, &MAX_BWD_PAIRS, &MAX_TANGENT, &AVG, &AVG_BWD, &ADAPTIVE_AVG, &ADAPTIVE_AVG_BWD];

/// Shapes of one pooling: input [n, c, h, w], output [n, c, oh, ow]; of the vectors, x counts along
/// a row and y down the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolShape {
    /// Records.
    pub n: usize,
    /// Channels.
    pub c: usize,
    /// Height of the input, in pixels.
    pub h: usize,
    /// Width of the input, in pixels.
    pub w: usize,
    /// Height and width of the window.
    pub kernel: UVec2,
    /// Pixels between two windows, down and across.
    pub stride: UVec2,
    /// Rows and columns on each side that belong to no pixel.
    pub padding: UVec2,
    /// Height of the output.
    pub oh: usize,
    /// Width of the output.
    pub ow: usize,
}

impl PoolShape {
    /// Output sizes by PyTorch's rule: floor((size + 2 padding − kernel) / stride) + 1.
    ///
    /// # Errors
    /// A zero kernel or stride, a padding over half the kernel, a kernel larger than the padded plane or of more than
    /// some 64 000 elements, or more elements than 32-bit indices reach.
    pub fn new(
        n: usize,
        c: usize,
        h: usize,
        w: usize,
        kernel: UVec2,
        stride: UVec2,
        padding: UVec2,
    ) -> Result<PoolShape, String> {
        let ([oh, ow], size) = (outputs([h, w], kernel, stride, padding)?, [h, w]);
        if turns(kernel) > LONGEST_LOOP {
            let kernel = kernel.yx();
            return Err(format!("pooling kernel {kernel} has too many elements for one thread; pool in two steps"));
        }
        let largest = (n * c).checked_mul((h * w).max(oh * ow));
        if largest.is_none_or(|e| e >= 1 << 31) {
            return Err(format!("pooling {n}x{c} planes of {size:?} passes 2^31 elements; use a smaller batch"));
        }
        Ok(PoolShape { n, c, h, w, kernel, stride, padding, oh, ow })
    }

    /// Pooling of each whole plane to one number.
    ///
    /// # Errors
    /// An empty plane.
    pub fn global(n: usize, c: usize, h: usize, w: usize) -> Result<PoolShape, String> {
        let plane = hw([h, w].map(|v| v as u32));
        PoolShape::new(n, c, h, w, plane, plane, UVec2::ZERO)
    }

    /// Elements of the input.
    pub fn inputs(&self) -> usize {
        self.n * self.c * self.h * self.w
    }

    /// Elements of the output.
    pub fn outputs(&self) -> usize {
        self.n * self.c * self.oh * self.ow
    }

    /// Shape of the input.
    fn before(&self) -> [usize; 4] {
        [self.n, self.c, self.h, self.w]
    }

    /// Shape of the output.
    fn behind(&self) -> [usize; 4] {
        [self.n, self.c, self.oh, self.ow]
    }

    /// Windows of 2 x 2 side by side over the whole plane, which have forms of their own.
    fn pairs(&self) -> bool {
        self.kernel == UVec2::splat(2) && self.nonoverlapping() && [2 * self.oh, 2 * self.ow] == [self.h, self.w]
    }

    fn nonoverlapping(&self) -> bool {
        self.kernel == self.stride && self.padding == UVec2::ZERO
    }
}

fn outputs(size: [usize; 2], kernel: UVec2, stride: UVec2, padding: UVec2) -> Result<[usize; 2], String> {
    // Height first, as in `size` and in what users write.
    let [kernel, stride, padding] = [kernel, stride, padding].map(UVec2::yx);
    let mut out = [0; 2];
    for axis in 0..2 {
        let (s, [k, d, p]) = (size[axis], [kernel, stride, padding].map(|v| v[axis] as usize));
        if k == 0 || d == 0 {
            return Err(format!(
                "pooling needs a kernel and a stride of at least 1, got kernel {kernel} stride {stride}"
            ));
        }
        if p > k / 2 {
            return Err(format!("pooling padding {padding} is more than half the kernel {kernel}"));
        }
        if s == 0 || s + 2 * p < k {
            return Err(format!("pooling kernel {kernel} does not fit a plane of {size:?} with padding {padding}"));
        }
        out[axis] = (s + 2 * p - k) / d + 1;
    }
    Ok(out)
}

/// Records y\[n,c,oy,ox\] = max of the window and `arg` = iy·w + ix of the winner: the first on ties, never padding, a
/// NaN if the window has one. x \[n,c,h,w\]; y and arg \[n,c,oh,ow\].
pub fn max(rec: &mut Recording, s: &PoolShape, x: Buf<f32>, y: Buf<f32>, arg: Buf<u32>) {
    max_as(rec, if s.pairs() { &MAX_PAIRS } else { &MAX }, s, x, y, arg, false);
}

/// [`max`] of max(x, 0), in one pass over x. A window without a number above 0 has no winner: its `arg` is `u32::MAX`,
/// and [`max_bwd`] is the gradient of both.
pub fn relu_max(rec: &mut Recording, s: &PoolShape, x: Buf<f32>, y: Buf<f32>, arg: Buf<u32>) {
    max_as(rec, if s.pairs() { &MAX_PAIRS } else { &MAX }, s, x, y, arg, true);
}

/// [`max`], or with `relu` [`relu_max`], with a given variant.
pub fn max_as(
    rec: &mut Recording,
    kernel: &'static Kernel,
    s: &PoolShape,
    x: Buf<f32>,
    y: Buf<f32>,
    arg: Buf<u32>,
    relu: bool,
) {
    let pairs = std::ptr::eq(kernel, &MAX_PAIRS);
    let checks = rec.arguments("pool.max").shape("x", x, &s.before()).shape("y", y, &s.behind());
    let checks = checks.shape("arg", arg, &s.behind());
    if checks.holds(!pairs || s.pairs(), || NO_PAIRS.to_owned()).wrong() {
        return;
    }
    let (strip, threads) = if pairs { (1, y.len) } else { strips(rec, s, s.ow, s.n * s.c * s.oh) };
    pass(rec, kernel, s, strip).set("RELU", u8::from(relu)).read(x).write(y).write(arg).threads(threads);
}

const NO_PAIRS: &str = "these windows are not 2 x 2 side by side over the whole plane; use the plain form";

/// Records the gradient of [`max`] or [`relu_max`]: dx \[n,c,h,w\] from dy and arg \[n,c,oh,ow\]; every dx is written.
pub fn max_bwd(rec: &mut Recording, s: &PoolShape, dy: Buf<f32>, arg: Buf<u32>, dx: Buf<f32>) {
    max_bwd_as(rec, if s.pairs() { &MAX_BWD_PAIRS } else { &MAX_BWD }, s, dy, arg, dx);
}

/// [`max_bwd`] with a given variant.
pub fn max_bwd_as(
    rec: &mut Recording,
    kernel: &'static Kernel,
    s: &PoolShape,
    dy: Buf<f32>,
    arg: Buf<u32>,
    dx: Buf<f32>,
) {
    let pairs = std::ptr::eq(kernel, &MAX_BWD_PAIRS);
    let checks = rec.arguments("pool.max_bwd").shape("dx", dx, &s.before()).shape("dy", dy, &s.behind());
    let checks = checks.shape("arg", arg, &s.behind());
    if checks.holds(!pairs || s.pairs(), || NO_PAIRS.to_owned()).wrong() {
        return;
    }
    let (strip, threads) = if pairs { (1, dy.len) } else { strips(rec, s, s.w, s.n * s.c * s.h) };
    let pass = pass(rec, kernel, s, strip);
    let pass = if pairs { pass } else { pass.set("NONOVERLAP", u8::from(s.nonoverlapping())) };
    pass.read(dy).read(arg).write(dx).threads(threads);
}

/// Records y\[n,c,oy,ox\] = mean of the window, padding counted as zeros (PyTorch's default). Global average pooling is
/// this with [`PoolShape::global`].
pub fn avg(rec: &mut Recording, s: &PoolShape, x: Buf<f32>, y: Buf<f32>) {
    if rec.arguments("pool.avg").shape("x", x, &s.before()).shape("y", y, &s.behind()).wrong() {
        return;
    }
    let (strip, threads) = strips(rec, s, s.ow, s.n * s.c * s.oh);
    pass(rec, &AVG, s, strip).read(x).write(y).threads(threads);
}

/// Records the gradient of [`avg`]: dx \[n,c,h,w\] from dy \[n,c,oh,ow\]; every dx is written.
pub fn avg_bwd(rec: &mut Recording, s: &PoolShape, dy: Buf<f32>, dx: Buf<f32>) {
    if rec.arguments("pool.avg_bwd").shape("dx", dx, &s.before()).shape("dy", dy, &s.behind()).wrong() {
        return;
    }
    let (strip, threads) = strips(rec, s, s.w, s.n * s.c * s.h);
    pass(rec, &AVG_BWD, s, strip).set("NONOVERLAP", u8::from(s.nonoverlapping())).read(dy).write(dx).threads(threads);
}

/// Elements of a row that one thread takes, and the number of threads for `rows` rows of `width`.
fn strips(rec: &Recording, s: &PoolShape, width: usize, rows: usize) -> (u32, usize) {
    // A software adapter pays for the divisions of the index more than for anything else; a GPU wants neighbours in
    // neighbouring lanes.
    let longest = LONGEST_STRIP.min(LONGEST_LOOP / turns(s.kernel)).max(1);
    let strip = if rec.target().software { width.clamp(1, longest) } else { 1 };
    (strip as u32, rows * width.div_ceil(strip))
}

/// Keeps enough threads for wide planes.
const LONGEST_STRIP: usize = 32;

/// Mesa's llvmpipe leaves all loops of an invocation, without a word, after 65 535 iterations together.
const LONGEST_LOOP: usize = 65_000;

/// Iterations that one window costs, in the loops over rows and columns and in the one over the strip.
fn turns(kernel: UVec2) -> usize {
    kernel.y as usize * (kernel.x as usize + 1) + 1
}

fn pass<'r>(rec: &'r mut Recording, kernel: &'static Kernel, s: &PoolShape, strip: u32) -> Pass<'r> {
    let params = Pool {
        stride: s.stride,
        padding: s.padding,
        planes: (s.n * s.c) as u32,
        h: s.h as u32,
        w: s.w as u32,
        oh: s.oh as u32,
        ow: s.ow as u32,
        strip,
    };
    let window = s.kernel.y as usize * s.kernel.x as usize;
    rec.dispatch(kernel)
        .set("KH", s.kernel.y)
        .set("KW", s.kernel.x)
        .params(params)
        .work((s.outputs() * window) as u64, 4 * (s.inputs() + s.outputs()) as u64)
}
