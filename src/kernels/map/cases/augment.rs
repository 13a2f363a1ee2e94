//! Pictures changed at random.

use super::new;
use crate::engine::case::{Case, Gen};
use crate::kernels::map::{Changes, augment};

/// Shapes [n, channels, height, width] with what is done: nothing, each change by itself, all of them, a picture that
/// is moved out of sight.
pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for (shape, pad, flip, cut) in [
        ([0, 1, 4, 4], 1, true, 2),
        ([1, 1, 1, 1], 0, false, 0),
        ([5, 2, 3, 7], 0, false, 0),
        ([17, 1, 5, 6], 3, false, 0),
        ([19, 3, 4, 5], 0, true, 0),
        ([23, 2, 7, 5], 0, false, 3),
        ([11, 1, 6, 6], 0, false, 4),
        ([29, 3, 7, 11], 2, true, 5),
        ([7, 1, 2, 3], 9, true, 1),
    ] {
        all.push(case(shape, Changes { pad, flip, cut }));
    }
    all.push(case([65_541, 1, 1, 2], Changes { pad: 1, flip: true, cut: 1 }).folded());
    all.push(case([128, 3, 32, 32], Changes { pad: 4, flip: true, cut: 8 }).timed());
    all
}

/// A random shape.
pub fn random(g: &mut Gen) -> Case {
    let shape = [g.size(1, 40), g.size(1, 4), g.size(1, 12), g.size(1, 12)];
    case(shape, Changes { pad: g.below(4), flip: g.below(2) == 0, cut: g.below(6) })
}

fn case(shape: [usize; 4], changes: Changes) -> Case {
    let ([n, c, h, w], Changes { pad, flip, cut }) = (shape, changes);
    let mut case = new(format!("map.augment {n}x{c}x{h}x{w} pad {pad} flip {flip} cut {cut}"));
    let mut g = Gen::new((n * 11 + c * 7 + h * 3 + w + cut) as u64);
    let x = case.input("x", g.values(n * c * h * w));
    let ids = case.input_u32("ids", g.indices(n, 1 << 20));
    let step = case.input_u32("step", vec![7, 9, 5, 31]);
    let y = case.output("y", n * c * h * w);
    augment(&mut case.rec, x, ids, step, y, [c, h, w], changes);
    case.tolerance(0.0, 0.0)
}
