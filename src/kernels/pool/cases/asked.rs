//! Pools of shapes asked for.

use super::{PoolShape, at, hw, in_pairs};
use crate::engine::Target;
use crate::kernels::asked::Op;
use crate::kernels::pool::max;

/// Windows side by side.
pub fn asked() -> Vec<Op> {
    let about = "the largest of each window of side K, and where it stood";
    let all = |s: &[usize]| {
        let pair = [s[4] as u32; 2];
        let pairs = PoolShape::new(s[0], s[1], s[2], s[3], hw(pair), hw(pair), hw([0, 0]))?.pairs();
        let shape = ([s[0], s[1], s[2], s[3]], pair, pair, [0, 0]);
        let targets = [Target::default(), Target::software(8)];
        // Forward alone: the first of the family's cases at a shape.
        let plain = targets.into_iter().filter_map(|target| at(target, shape).into_iter().next());
        let by_pairs = pairs.then(|| in_pairs(shape.0, false)).into_iter().flatten().skip(1).take(1);
        Ok(plain.chain(by_pairs).collect())
    };
    let op = Op::new("max_pool", "NxCxHxWxK", about, &[64, 6, 28, 28, 2], all);
    vec![op.scaled(|s| vec![s[0].min(8), s[1].min(64), s[2], s[3], s[4]]).chosen(|mut rec, s| {
        let pair = hw([s[4] as u32; 2]);
        if let Ok(shape) = PoolShape::new(s[0], s[1], s[2], s[3], pair, pair, hw([0, 0])) {
            let (x, y) = (rec.temp("x", shape.inputs()), rec.temp("y", shape.outputs()));
            let arg = rec.temp("arg", shape.outputs());
            max(&mut rec, &shape, x, y, arg);
        }
        rec
    })]
}
