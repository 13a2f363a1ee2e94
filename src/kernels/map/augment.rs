//! Pictures moved, turned over and cut out at random, and the twin.

use crate::base::philox;
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent, TwinCall};
use crate::params;

params! {
    /// Rows of pixels, the shape of a picture, the limits of what is done to it, and the stream.
    pub struct Augment {
        rows: u32, channels: u32, height: u32, width: u32, pad: u32, flip: u32, cut: u32, layer: u32
    }
}

/// Pictures moved, turned over and cut out.
pub static AUGMENT: Kernel = Kernel {
    name: "map.augment",
    source: include_str!("../../../shaders/map/augment.wgsl"),
    params: Augment::FIELDS,
    twin: augment_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[0]]),
    variant_of: None,
};

/// Keeps these draws apart from the layers' own.
const STREAM_AUGMENT: u32 = 0x6175_676d;

/// What may be done to a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// It is moved by up to so many pixels, up or down and left or right.
    pub pad: usize,
    /// Every other one, at random, is turned over left to right.
    pub flip: bool,
    /// Side of the square that is set to 0, its centre any pixel (DeVries & Taylor 2017, "Improved regularization of
    /// convolutional neural networks with cutout"); 0 for none.
    pub cut: usize,
}

/// Records `y = x` with each picture of `shape` [channels, height, width] changed: a function of the seed, the step and
/// the picture's id, whatever its place in the batch. `x` and `y` are [ids.len, channels, height, width], different
/// buffers; `step` holds [seed_lo, seed_hi, _, step].
pub fn augment(
    rec: &mut Recording,
    x: Buf<f32>,
    ids: Buf<u32>,
    step: Buf<u32>,
    y: Buf<f32>,
    shape: [usize; 3],
    changes: Changes,
) {
    let ([c, h, w], n) = (shape, ids.len);
    let checks = rec.arguments("map.augment").shape("x", x, &[n, c, h, w]).shape("y", y, &[n, c, h, w]);
    let checks = checks.at_least("step", step, &[4]);
    let small = [h, w, changes.pad, changes.cut].iter().all(|v| *v < 1 << 16);
    if checks.holds(small, || format!("{shape:?} and {changes:?} are not below 65536")).wrong() {
        return;
    }
    let Changes { pad, flip, cut } = changes;
    let rows = n * c * h;
    rec.dispatch(&AUGMENT)
        .params(Augment {
            rows: rows as u32,
            channels: c as u32,
            height: h as u32,
            width: w as u32,
            pad: pad as u32,
            flip: u32::from(flip),
            cut: cut as u32,
            layer: STREAM_AUGMENT,
        })
        .read(x)
        .read(ids)
        .read(step)
        .write(y)
        .turns(w)
        .work(8 * y.len as u64, 8 * y.len as u64)
        .threads(rows);
}

/// Bindings x ids step y; see `augment.wgsl`.
fn augment_twin(call: &mut TwinCall) {
    let p: Augment = call.params();
    let [x, ids, step, y] = call.bufs();
    let (x, ids, step, y) = (x.f(), ids.u(), step.u(), y.f_mut());
    let [c, h, w, pad, cut] = [p.channels, p.height, p.width, p.pad, p.cut].map(|v| v as usize);
    let area = h * w;
    for (at, out) in y.iter_mut().enumerate().take(p.rows as usize * w) {
        let (id, plane, i, j) = (ids[at / (c * area)], at / area, at % area / w, at % w);
        let words = philox::philox([id, p.layer, step[3], 0], [step[0], step[1]]);
        let hidden = |at: usize, centre: usize| (centre..centre + cut).contains(&(at + cut / 2));
        let column = if p.flip == 1 && words[2] >= 1 << 31 { w - 1 - j } else { j };
        // In the padded picture.
        let (row, column) = (i + words[0] as usize % (2 * pad + 1), column + words[1] as usize % (2 * pad + 1));
        let seen = (pad..pad + h).contains(&row) && (pad..pad + w).contains(&column);
        let gone = hidden(i, words[3] as usize % (1 << 16) % h) && hidden(j, (words[3] >> 16) as usize % w);
        *out = if seen && !gone { x[plane * area + (row - pad) * w + column - pad] } else { 0.0 };
    }
}
