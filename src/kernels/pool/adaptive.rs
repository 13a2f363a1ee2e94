//! Adaptive average pooling: any plane to a plane of a given size, with PyTorch's bins.

use super::LONGEST_LOOP;
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent, TwinCall};
use crate::params;

params! {
    /// Planes, and their sizes before and behind the pooling.
    pub struct Bins { planes: u32, h: u32, w: u32, oh: u32, ow: u32 }
}

/// Mean of each bin.
pub static ADAPTIVE_AVG: Kernel = Kernel {
    name: "pool.adaptive_avg",
    source: include_str!("../../../shaders/pool/adaptive_avg.wgsl"),
    params: Bins::FIELDS,
    twin: avg_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[0]]),
    variant_of: None,
};

/// Spreads each bin's gradient over it.
pub static ADAPTIVE_AVG_BWD: Kernel = Kernel {
    name: "pool.adaptive_avg_bwd",
    source: include_str!("../../../shaders/pool/adaptive_avg_bwd.wgsl"),
    params: Bins::FIELDS,
    twin: avg_bwd_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[0]]),
    variant_of: None,
};

/// Shapes of one adaptive pooling: input [planes, h, w], output [planes, oh, ow].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdaptiveShape {
    /// Records times channels.
    pub planes: usize,
    /// Height and width of the input, in pixels.
    pub from: [usize; 2],
    /// Height and width of the output, in pixels.
    pub to: [usize; 2],
}

impl AdaptiveShape {
    /// Bins by PyTorch's rule: place i of `to` covers floor(i from / to) .. ceil((i + 1) from / to).
    ///
    /// # Errors
    /// A side of 0, a bin of more than some 64 000 elements, or more elements than 32-bit indices reach.
    pub fn new(planes: usize, from: [usize; 2], to: [usize; 2]) -> Result<AdaptiveShape, String> {
        if from.iter().chain(&to).any(|side| *side == 0) {
            return Err(format!("adaptive pooling of {from:?} to {to:?}: a side is 0"));
        }
        // Both ways: pixels of a bin, bins of a pixel.
        let turns = |a: [usize; 2], b: [usize; 2]| (a[0] / b[0] + 3).saturating_mul(a[1] / b[1] + 4);
        if turns(from, to).max(turns(to, from)) > LONGEST_LOOP {
            return Err(format!(
                "adaptive pooling of {from:?} to {to:?} takes too many elements for one thread; pool in two steps"
            ));
        }
        let area = |side: [usize; 2]| side[0].checked_mul(side[1]);
        let largest = area(from).max(area(to)).and_then(|area| area.checked_mul(planes.max(1)));
        let across = (0..2).map(|axis| (from[axis] + 1).checked_mul(to[axis] + 1));
        if across.chain([largest]).any(|count| count.is_none_or(|count| count >= 1 << 31)) {
            return Err(format!(
                "adaptive pooling of {planes} planes of {from:?} to {to:?} passes 2^31 elements; use a smaller batch"
            ));
        }
        Ok(AdaptiveShape { planes, from, to })
    }

    /// Shape of the input.
    fn before(&self) -> [usize; 3] {
        [self.planes, self.from[0], self.from[1]]
    }

    /// Shape of the output.
    fn behind(&self) -> [usize; 3] {
        [self.planes, self.to[0], self.to[1]]
    }

    fn params(&self) -> Bins {
        let [h, w, oh, ow] = [self.from[0], self.from[1], self.to[0], self.to[1]].map(|side| side as u32);
        Bins { planes: self.planes as u32, h, w, oh, ow }
    }
}

/// Records y\[planes,oh,ow\] = mean of x\[planes,h,w\] over each bin.
pub fn adaptive_avg(rec: &mut Recording, s: &AdaptiveShape, x: Buf<f32>, y: Buf<f32>) {
    if rec.arguments("pool.adaptive_avg").shape("x", x, &s.before()).shape("y", y, &s.behind()).wrong() {
        return;
    }
    let pass = rec.dispatch(&ADAPTIVE_AVG).params(s.params()).read(x).write(y);
    pass.work(x.len.max(y.len) as u64, 4 * (x.len + y.len) as u64).threads(y.len);
}

/// Records the gradient of [`adaptive_avg`]: dx\[planes,h,w\] from dy\[planes,oh,ow\]; every dx is written.
pub fn adaptive_avg_bwd(rec: &mut Recording, s: &AdaptiveShape, dy: Buf<f32>, dx: Buf<f32>) {
    if rec.arguments("pool.adaptive_avg_bwd").shape("dx", dx, &s.before()).shape("dy", dy, &s.behind()).wrong() {
        return;
    }
    let pass = rec.dispatch(&ADAPTIVE_AVG_BWD).params(s.params()).read(dy).write(dx);
    pass.work(2 * dx.len.max(dy.len) as u64, 4 * (dx.len + dy.len) as u64).threads(dx.len);
}

/// Calls `visit(output, input, elements)` for every output and every input of its bin, both counted over all planes.
fn pairs(call: &TwinCall, mut visit: impl FnMut(usize, usize, usize)) {
    let Bins { planes, h, w, oh, ow } = call.params();
    let [planes, h, w, oh, ow] = [planes, h, w, oh, ow].map(|v| v as usize);
    let bin = |at: usize, places: usize, size: usize| at * size / places..((at + 1) * size).div_ceil(places);
    for (plane, oy, ox) in (0..planes).flat_map(|n| (0..oh).flat_map(move |y| (0..ow).map(move |x| (n, y, x)))) {
        let (rows, columns) = (bin(oy, oh, h), bin(ox, ow, w));
        for (y, x) in rows.clone().flat_map(|y| columns.clone().map(move |x| (y, x))) {
            visit((plane * oh + oy) * ow + ox, (plane * h + y) * w + x, rows.len() * columns.len());
        }
    }
}

/// Bindings x y; see `adaptive_avg.wgsl`.
fn avg_twin(call: &mut TwinCall) {
    let mut all = Vec::new();
    pairs(call, |o, i, count| all.push((o, i, count)));
    let [x, y] = call.bufs();
    let (x, y) = (x.f(), y.f_mut());
    y.fill(0.0);
    all.into_iter().for_each(|(o, i, count)| y[o] += x[i] / count as f64);
}

/// Bindings dy dx; see `adaptive_avg_bwd.wgsl`.
fn avg_bwd_twin(call: &mut TwinCall) {
    let mut all = Vec::new();
    pairs(call, |o, i, count| all.push((o, i, count)));
    let [dy, dx] = call.bufs();
    let (dy, dx) = (dy.f(), dx.f_mut());
    dx.fill(0.0);
    all.into_iter().for_each(|(o, i, count)| dx[i] += dy[o] / count as f64);
}
