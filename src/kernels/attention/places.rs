//! What depends on where a row is in its sequence: rotary positions, and the index lists of learned ones.

use super::within::{Sequences, sequence};

use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent, TwinCall};
use crate::params;

params! {
    /// x [rows, heads, 2 half] and the logarithm to base 2 of the ratio of neighbouring speeds.
    pub struct Turn { rows: u32, heads: u32, half: u32, sequences: u32, ratio: f32 }
}

params! {
    /// Rows and their sequences.
    pub struct Places { rows: u32, sequences: u32 }
}

params! {
    /// Sequences side by side, each so long.
    pub struct Aligned { sequences: u32, length: u32 }
}

/// Pairs of features turned by an angle that grows with the position.
pub static ROTATE: Kernel = Kernel {
    name: "attention.rotate",
    source: include_str!("../../../shaders/attention/rotate.wgsl"),
    params: Turn::FIELDS,
    twin: rotate_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[2]]),
    variant_of: None,
};

/// Places of rows.
pub static POSITIONS: Kernel = Kernel {
    name: "attention.positions",
    source: include_str!("../../../shaders/attention/positions.wgsl"),
    params: Places::FIELDS,
    twin: positions_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Constant,
    variant_of: None,
};

/// Rows at places.
pub static ALIGNED: Kernel = Kernel {
    name: "attention.aligned",
    source: include_str!("../../../shaders/attention/aligned.wgsl"),
    params: Aligned::FIELDS,
    twin: aligned_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Constant,
    variant_of: None,
};

/// Records y [rows, heads, width]: of each head of x the features f and f + width/2 turned by the angle
/// position · theta^(−2f/width), or by its negative with `back`, which is the gradient (Su et al., "RoFormer", 2021,
/// eq. 34, in the order of Llama). Rows of nobody stay.
#[expect(clippy::too_many_arguments, reason = "the shapes of x are two numbers")]
pub fn rotate(
    rec: &mut Recording,
    sequences: &Sequences,
    x: Buf<f32>,
    y: Buf<f32>,
    heads: usize,
    width: usize,
    theta: f64,
    back: bool,
) {
    let dims = [sequences.rows(), heads, width];
    let checks = sequences.fits(rec.arguments("attention.rotate")).shape("x", x, &dims).shape("y", y, &dims);
    let even = width > 0 && width.is_multiple_of(2);
    if checks.holds(even, || format!("a head of {width} features has no halves to turn")).wrong() {
        return;
    }
    rec.dispatch(&ROTATE)
        .set("BACK", u8::from(back))
        .params(Turn {
            rows: sequences.rows() as u32,
            heads: heads as u32,
            half: width as u32 / 2,
            sequences: sequences.count() as u32,
            ratio: (-2.0 * theta.log2() / width as f64) as f32,
        })
        .read(sequences.ptr)
        .read(sequences.of)
        .read(x)
        .write(y)
        .work(20 * x.len as u64, 8 * x.len as u64)
        .threads(x.len / 2);
}

/// Records the place of every row in its sequence \[rows\], `u32::MAX` for a row of nobody.
pub fn positions(rec: &mut Recording, sequences: &Sequences, places: Buf<u32>) {
    let rows = sequences.rows();
    let checks = sequences.fits(rec.arguments("attention.positions"));
    if checks.shape("places", places, &[rows]).wrong() {
        return;
    }
    rec.dispatch(&POSITIONS)
        .params(Places { rows: rows as u32, sequences: sequences.count() as u32 })
        .read(sequences.ptr)
        .read(sequences.of)
        .write(places)
        .work(0, 16 * rows as u64)
        .threads(rows);
}

/// Records the rows of sequences side by side [sequences, length], `u32::MAX` where a sequence has none; what lies
/// behind that length is left out.
pub fn aligned(rec: &mut Recording, ptr: Buf<u32>, rows: Buf<u32>, length: usize) {
    let sequences = ptr.len.saturating_sub(1);
    let checks = rec.arguments("attention.aligned").at_least("ptr", ptr, &[1]);
    if checks.shape("rows", rows, &[sequences, length]).wrong() {
        return;
    }
    rec.dispatch(&ALIGNED)
        .params(Aligned { sequences: sequences as u32, length: length as u32 })
        .read(ptr)
        .write(rows)
        .work(0, 8 * rows.len as u64)
        .threads(rows.len);
}

/// Bindings ptr seg x y; see `rotate.wgsl`.
fn rotate_twin(call: &mut TwinCall) {
    let p: Turn = call.params();
    let sign = if call.set("BACK") == 1 { -1.0 } else { 1.0 };
    let [ptr, of, x, y] = call.bufs();
    let (ptr, of, x, y) = (ptr.u(), of.u(), x.f(), y.f_mut());
    let (heads, half) = (p.heads as usize, p.half as usize);
    for i in 0..p.rows as usize * heads * half {
        let (row, f) = (i / half / heads, i % half);
        let all = sequence(ptr, of, row);
        let position = if all.is_empty() { 0 } else { row - all.start };
        let (sin, cos) = (position as f64 * (f as f64 * f64::from(p.ratio)).exp2()).sin_cos();
        let at = i / half * 2 * half + f;
        y[at] = x[at] * cos - sign * x[at + half] * sin;
        y[at + half] = x[at + half] * cos + sign * x[at] * sin;
    }
}

/// Bindings ptr seg places; see `positions.wgsl`.
fn positions_twin(call: &mut TwinCall) {
    let [ptr, of, places] = call.bufs();
    for (row, place) in places.u_mut().iter_mut().enumerate() {
        let all = sequence(ptr.u(), of.u(), row);
        *place = if all.is_empty() { u32::MAX } else { (row - all.start) as u32 };
    }
}

/// Bindings ptr rows; see `aligned.wgsl`.
fn aligned_twin(call: &mut TwinCall) {
    let Aligned { length, .. } = call.params();
    let [ptr, rows] = call.bufs();
    let length = length as usize;
    for (i, row) in rows.u_mut().iter_mut().enumerate() {
        let (first, end) = (ptr.u()[i / length], ptr.u()[i / length + 1]);
        let at = first + (i % length) as u32;
        *row = if at < end { at } else { u32::MAX };
    }
}
