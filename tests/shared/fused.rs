//! Passes that do the work of two: the same bits as the two.

use unlearn::engine::case::Gen;
use unlearn::engine::{Buf, Engine, Recording};
use unlearn::kernels::map::{self, Unary};
use unlearn::kernels::pool::PoolShape;
use unlearn::kernels::{hw, pool};

/// A relu and the maximum behind it, forward and backward, for windows that have a form of their own and others.
pub fn relu_pool(engine: &mut Engine) -> Result<(), String> {
    for (size, [kernel, stride, padding]) in [([8, 12], [2, 2, 0]), ([7, 9], [2, 2, 0]), ([9, 6], [3, 2, 1])] {
        let s = PoolShape::new(2, 3, size[0], size[1], hw([kernel; 2]), hw([stride; 2]), hw([padding; 2]))?;
        let both = [false, true].map(|fused| passes(engine, &s, fused));
        let [apart, together] = both.map(|r| r.map_err(|e| e.to_string()));
        let (apart, together) = (apart?, together?);
        if apart != together || apart.iter().all(|bits| *bits == 0) {
            return Err(format!("{s:?}: {apart:?} in two passes, {together:?} in one"));
        }
    }
    Ok(())
}

/// The bits of y and of dx.
fn passes(engine: &mut Engine, s: &PoolShape, fused: bool) -> unlearn::Result<Vec<u32>> {
    let mark = engine.mark();
    let mut g = Gen::new(3);
    // Few levels: ties, zeros, and windows without a number above 0.
    let x: Vec<f32> = g.values(s.inputs()).iter().map(|v| (v * 3.0).round() - 1.0).collect();
    let [x_at, dx] = [engine.alloc("x", s.inputs())?, engine.alloc("dx", s.inputs())?];
    let [y, dy] = [engine.alloc("y", s.outputs())?, engine.alloc("dy", s.outputs())?];
    engine.write(x_at, &x)?;
    engine.write(dy, &g.values(s.outputs()))?;
    let mut rec = Recording::new(engine.target());
    let arg = rec.temp("arg", s.outputs());
    if fused {
        pool::relu_max(&mut rec, s, x_at, y, arg);
        pool::max_bwd(&mut rec, s, dy, arg, dx);
    } else {
        let [relu, between]: [Buf<f32>; 2] = [rec.temp("relu", s.inputs()), rec.temp("between", s.inputs())];
        map::unary(&mut rec, Unary::Relu, x_at, relu);
        pool::max_as(&mut rec, &pool::MAX, s, relu, y, arg, false);
        pool::max_bwd_as(&mut rec, &pool::MAX_BWD, s, dy, arg, between);
        map::unary_bwd(&mut rec, Unary::Relu, x_at, relu, between, dx);
    }
    let program = engine.compile(rec)?;
    engine.run(&program, &[])?;
    let found = engine.read(y)?.into_iter().chain(engine.read(dx)?).map(f32::to_bits).collect();
    engine.release(mark);
    Ok(found)
}
