//! Which form of a convolution an adapter gets.

use super::{
    CONV2D, CONV2D_BROADCAST, CONV2D_BWD_W, CONV2D_BWD_W_BROADCAST, CONV2D_BWD_W_LARGE, CONV2D_BWD_W_TILED,
    CONV2D_BWD_X, CONV2D_BWD_X_BROADCAST, CONV2D_BWD_X_LARGE, CONV2D_BWD_X_TILED, CONV2D_LARGE, CONV2D_TILED,
    ConvShape,
};
use crate::engine::{Class, Kernel, Recording, Target, Vendor};
use crate::kernels::Order;

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// y from x and w.
    Forward,
    /// dx from w and dy.
    Input,
    /// dw from x and dy.
    Weight,
    /// Squares of each sample's dw, or their norms.
    Squares,
}

/// Plain, broadcast, tiled and large form.
fn forms(direction: Direction) -> [&'static Kernel; 4] {
    match direction {
        Direction::Forward => [&CONV2D, &CONV2D_BROADCAST, &CONV2D_TILED, &CONV2D_LARGE],
        Direction::Input => [&CONV2D_BWD_X, &CONV2D_BWD_X_BROADCAST, &CONV2D_BWD_X_TILED, &CONV2D_BWD_X_LARGE],
        Direction::Weight => [&CONV2D_BWD_W, &CONV2D_BWD_W_BROADCAST, &CONV2D_BWD_W_TILED, &CONV2D_BWD_W_LARGE],
        Direction::Squares => [&CONV2D_BWD_W, &CONV2D_BWD_W_BROADCAST, &CONV2D_BWD_W_TILED, &CONV2D_BWD_W_TILED],
    }
}

/// In which order a form adds the terms of an element. A weight gradient takes a chunk's positions one after another
/// in every form but the plain one, which sums up each sample first; where samples are squared, every form does.
/// Chunks are a function of the shape alone.
pub fn order(direction: Direction, kernel: &Kernel) -> Order {
    let [plain, _, tiled, large] = forms(direction);
    let is = |form: &Kernel| std::ptr::eq(kernel, form);
    match direction {
        Direction::Forward | Direction::Input if is(tiled) || is(large) => Order::ByChannel,
        Direction::Weight if is(plain) => Order::BySample,
        Direction::Squares => Order::BySample,
        _ => Order::Plain,
    }
}

/// The form for an adapter and a shape. On software adapters with wide subgroups registers and broadcasts, where a
/// barrier is a context switch; without, the plain form.
///
/// On GPUs nothing is measured yet, and these are rules of thumb: a product through workgroup memory wherever a group
/// has enough channels to fill half of its narrowest tile; 8 x 8 an invocation where the maker's registers are known to
/// hold them and tiles are enough for all processors. Depthwise convolutions and narrow groups have nothing to share
/// but pixels, which the caches do: one thread an output.
pub fn choose(target: Target, direction: Direction, s: &ConvShape) -> &'static Kernel {
    let [plain, broadcast, tiled, large] = forms(direction);
    let vendor = match target.class() {
        Class::SoftwareWide => return broadcast,
        Class::SoftwareNarrow => return plain,
        Class::Gpu(vendor) => vendor,
    };
    let [cig, cog] = s.per_group();
    let (rows, columns) = match direction {
        Direction::Forward => (cog, s.n * s.positions()),
        Direction::Input => (cig, s.n * s.h * s.w),
        Direction::Weight | Direction::Squares => (cog, s.columns()),
    };
    let terms = match direction {
        Direction::Forward => s.columns(),
        Direction::Input => cog * s.columns() / cig.max(1),
        Direction::Weight | Direction::Squares => s.positions(),
    };
    if rows < 4 || columns < 8 || terms < 8 {
        return plain;
    }
    let tiles = s.groups * rows.div_ceil(64) * columns.div_ceil(128);
    let chunks = if direction == Direction::Weight { super::Chunks::of(s).count } else { 1 };
    let registers = !matches!(vendor, Vendor::Apple | Vendor::Intel);
    if registers && rows > 32 && tiles * chunks >= BUSY { large } else { tiled }
}

/// The form that [`choose`] names, or one of its order that was measured to be faster. Weight gradients name the
/// samples of a chunk.
pub(super) fn ask(rec: &mut Recording, direction: Direction, s: &ConvShape, per_chunk: usize) -> &'static Kernel {
    let forms = forms(direction).map(|kernel| (kernel, order(direction, kernel)));
    let squares = usize::from(direction == Direction::Squares);
    let shape: Vec<usize> = s.numbers().into_iter().chain([per_chunk, squares]).collect();
    rec.form(choose(rec.target(), direction, s), &forms, &shape)
}

/// Workgroups that keep a GPU busy, by rule of thumb: cards have 60 to 140 processors.
const BUSY: usize = 96;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::hw;

    #[test]
    fn the_form_follows_the_adapter_and_the_shape() {
        let same = |n, ci, side, co, k: u32| ConvShape {
            padding: hw([k / 2, k / 2]),
            ..ConvShape::plain(n, ci, side, side, co, hw([k, k]))
        };
        let name = |target, direction, s: &ConvShape| choose(target, direction, s).variant();
        let all = [Direction::Forward, Direction::Input, Direction::Weight, Direction::Squares];
        let card = Target::gpu(Vendor::Nvidia, 32);
        let of = |target, s: &ConvShape| all.map(|direction| name(target, direction, s));
        // A middle layer of ResNet-18 at batch 64, on a card and where 64 accumulators are too many.
        let middle = same(64, 128, 28, 128, 3);
        // All of its weight gradient is one chunk and 18 large tiles; of a batch of 512 it is seven chunks.
        assert_eq!(of(card, &middle), ["large", "large", "tiled", "tiled"]);
        assert_eq!(name(card, Direction::Weight, &same(512, 128, 28, 128, 3)), "large");
        assert_eq!(of(Target::gpu(Vendor::Apple, 32), &middle), ["tiled"; 4]);
        // LeNet-5: the first layer has one channel to give a gradient to.
        assert_eq!(of(card, &same(64, 1, 28, 6, 5)), ["tiled", "plain", "tiled", "tiled"]);
        assert_eq!(of(card, &ConvShape::plain(64, 6, 14, 14, 16, hw([5, 5]))), ["tiled"; 4]);
        let depthwise = ConvShape { groups: 32, ..same(64, 32, 28, 32, 3) };
        assert_eq!(of(card, &depthwise), ["plain"; 4]);
        assert_eq!(of(Target::software(8), &middle), ["broadcast"; 4]);
        assert_eq!(of(Target::software(0), &middle), ["plain"; 4]);
    }

    #[test]
    fn forms_of_one_order_are_a_group() {
        let of = |direction| forms(direction).map(|kernel| order(direction, kernel));
        let [plain, channel, sample] = [Order::Plain, Order::ByChannel, Order::BySample];
        assert_eq!(of(Direction::Forward), [plain, plain, channel, channel]);
        assert_eq!(of(Direction::Input), [plain, plain, channel, channel]);
        assert_eq!(of(Direction::Weight), [sample, plain, plain, plain]);
        assert_eq!(of(Direction::Squares), [sample; 4]);
    }
}
