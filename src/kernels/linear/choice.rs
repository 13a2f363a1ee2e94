//! Which form of a product an adapter gets.

use super::{
    MATMUL, MATMUL_BLOCKED, MATMUL_BROADCAST, MATMUL_LARGE, MATMUL_MEDIUM, MATMUL_SKINNY, MATMUL_SMALL, MATMUL_TILED,
    precise,
};
use crate::engine::{Class, Kernel, Target, Vendor};
use crate::kernels::Order;

/// How a product is computed.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Its form.
    pub kernel: &'static Kernel,
    /// Terms that are added at a time where the sum is cut; 0 where it is not.
    pub per: usize,
}

impl Plan {
    /// In which order the terms of an element are added.
    pub fn order(&self) -> Order {
        if self.per > 0 { Order::Slices(self.per) } else { order(self.kernel) }
    }
}

/// In which order a form adds the terms of an element, as long as the sum is not cut.
pub fn order(kernel: &Kernel) -> Order {
    match precise::of(kernel) {
        Some((side, precision)) => Order::Units(side as usize, precision),
        None if std::ptr::eq(kernel, &MATMUL_SKINNY) => Order::Lanes,
        None => Order::Plain,
    }
}

/// The form for an adapter and a shape [m, n], inner size k.
pub fn choose(target: Target, m: usize, n: usize, k: usize) -> &'static Kernel {
    plan(target, m, n, k).kernel
}

/// The form for an adapter and a shape [m, n], inner size k, and whether its sum is cut.
///
/// On software adapters, measured on llvmpipe at 512³ (GFLOP/s in `benches/results/`): the broadcast form wins wherever
/// its 16-row tiles are not mostly empty. Products as thin as those of a graph layer, thousands of rows by a few
/// columns, or those summed over, leave them so, and the blocked form takes a third to a half of the time.
///
/// On GPUs nothing is measured yet, and these are rules of thumb: the largest tile that still gives a hundred
/// processors a workgroup each; 8 x 8 an invocation only where the maker's registers are known to hold them (a small M1
/// collapses past eight accumulators, Intel's have fewer); a sum is cut where even small tiles are few and the terms
/// many.
///
/// Matrix units come first where the user asks for them and the product is no sliver; their tile is a rule of thumb.
pub fn plan(target: Target, m: usize, n: usize, k: usize) -> Plan {
    let whole = |kernel| Plan { kernel, per: 0 };
    if let Some(kernel) = precise::choose(target.matrices, [m, n, k]) {
        return whole(kernel);
    }
    match target.class() {
        Class::Gpu(vendor) => gpu(vendor, m, n, k),
        _ if m < 4 || n < 4 => whole(&MATMUL),
        Class::SoftwareWide if m.saturating_mul(n).saturating_mul(k) <= SMALL => whole(&MATMUL),
        Class::SoftwareWide if n <= 16 && (m >= 1024 || (m <= 16 && k >= 1024)) => whole(&MATMUL_BLOCKED),
        Class::SoftwareWide => whole(&MATMUL_BROADCAST),
        Class::SoftwareNarrow => whole(&MATMUL_BLOCKED),
    }
}

/// Multiply-adds of a product that is over in a tenth of a millisecond in any form: llvmpipe compiles the broadcast one
/// for half a second to a second, and a last layer of ten classes, forward and back, needs it for nothing else.
const SMALL: usize = 1 << 16;

/// Workgroups that keep a GPU busy, by rule of thumb: cards have 60 to 140 processors, smaller ones finish sooner.
const BUSY: usize = 96;

/// Fewer columns (rows) than this leave most of a tile empty.
const FEW: usize = 8;

/// Terms from which lanes that share a sum are all busy.
const SHARED: usize = 256;

/// Terms from which a sum is cut where tiles are few, and of the shortest piece.
const LONG: usize = 2048;
const PIECE: usize = 512;

fn gpu(vendor: Vendor, m: usize, n: usize, k: usize) -> Plan {
    let tiles = |rows, cols| m.div_ceil(rows) * n.div_ceil(cols);
    let registers = matches!(vendor, Vendor::Nvidia | Vendor::Amd);
    let whole = |kernel| Plan { kernel, per: 0 };
    if m.min(n) < FEW {
        return whole(if k >= SHARED { &MATMUL_SKINNY } else { &MATMUL });
    }
    if registers && tiles(128, 128) >= BUSY {
        return whole(&MATMUL_LARGE);
    }
    if vendor != Vendor::Apple && vendor != Vendor::Intel && tiles(128, 64) >= BUSY {
        return whole(&MATMUL_MEDIUM);
    }
    if tiles(64, 64) >= BUSY {
        return whole(&MATMUL_TILED);
    }
    Plan { kernel: &MATMUL_SMALL, per: pieces(tiles(32, 32), k) }
}

/// Terms of a piece of a sum of k that so many tiles compute: a function of the shape alone, so that every adapter that
/// cuts it adds in one order. 0 where it stays whole.
fn pieces(tiles: usize, k: usize) -> usize {
    if tiles == 0 || tiles >= BUSY / 2 || k < LONG {
        return 0;
    }
    let wanted = (BUSY / tiles).max(2);
    k.div_ceil(wanted).max(PIECE).next_multiple_of(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GPUS: [Vendor; 5] = [Vendor::Unknown, Vendor::Nvidia, Vendor::Amd, Vendor::Intel, Vendor::Apple];

    #[test]
    fn the_variant_follows_the_adapter_and_the_shape() {
        let name = |target, m, n| choose(target, m, n, 64).variant();
        let thin = |m, n, k| choose(Target::software(8), m, n, k).variant();
        assert_eq!(thin(2708, 7, 16), "blocked");
        assert_eq!(thin(7, 16, 2708), "blocked");
        assert_eq!(thin(64, 10, 84), "plain");
        assert_eq!(thin(64, 84, 120), "broadcast");
        assert_eq!(name(Target::software(8), 64, 64), "broadcast");
        assert_eq!(name(Target::software(4), 64, 64), "blocked");
        assert_eq!(name(Target::software(0), 64, 10), "blocked");
        assert_eq!(name(Target::software(8), 1, 64), "plain");
        let card = |m, n| name(Target::gpu(Vendor::Nvidia, 32), m, n);
        assert_eq!([card(4096, 4096), card(1024, 1024), card(512, 1024)], ["large", "medium", "tiled"]);
        assert_eq!([card(64, 64), card(64, 10), card(64, 7)], ["small", "small", "plain"]);
        assert_eq!(name(Target::gpu(Vendor::Unknown, 0), 4096, 4096), "medium");
        assert_eq!(name(Target::gpu(Vendor::Apple, 32), 4096, 4096), "tiled");
        assert_eq!(name(Target::gpu(Vendor::Intel, 8), 4096, 4096), "tiled");
        assert_eq!(choose(Target::gpu(Vendor::Amd, 64), 64, 7, 400).variant(), "skinny");
    }

    #[test]
    fn a_sum_is_cut_by_its_shape_and_never_on_software() {
        let of = |target, m, n, k| plan(target, m, n, k).order();
        for vendor in GPUS {
            let target = Target::gpu(vendor, 32);
            assert_eq!(of(target, 64, 64, 100_000), Order::Slices(4176));
            assert_eq!(of(target, 64, 64, 2047), Order::Plain);
            assert_eq!(of(target, 64, 64, 2048), Order::Slices(512));
            assert_eq!(of(target, 4096, 4096, 4096), Order::Plain);
            assert_eq!(of(target, 4, 64, 4096), Order::Lanes);
        }
        for lanes in [0, 8] {
            assert_eq!(of(Target::software(lanes), 64, 64, 100_000), Order::Plain);
        }
    }
}
