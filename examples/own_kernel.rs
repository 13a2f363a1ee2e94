//! A kernel of your own with its CPU twin, run on both and compared: `cargo run --release --example own_kernel`.

use unlearn::engine::{Buf, Engine, GpuOptions, Kernel, Params, Recording, Requires, Tangent, TwinCall};
use unlearn::{Error, Result, params};

params! {
    /// As `struct P` in the shader; `compile` holds the two against each other.
    pub struct Size {
        /// Elements.
        n: u32,
    }
}

static SOFTPLUS: Kernel = Kernel {
    name: "own.softplus",
    source: include_str!("softplus.wgsl"),
    params: Size::FIELDS,
    twin: softplus_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// The plain definition, in f64. Bindings x y.
fn softplus_twin(call: &mut TwinCall) {
    let Size { n } = call.params();
    let [x, y] = call.bufs();
    for (y, x) in y.f_mut().iter_mut().zip(x.f()).take(n as usize) {
        *y = x.max(0.0) + (-x.abs()).exp().ln_1p();
    }
}

/// Records `y = ln(1 + exp(x))`; x, y [n].
fn softplus(rec: &mut Recording, x: Buf<f32>, y: Buf<f32>) {
    let n = x.len;
    rec.dispatch(&SOFTPLUS).params(Size { n: n as u32 }).read(x).write(y).work(4 * n as u64, 8 * n as u64).threads(n);
}

fn run(engine: &mut Engine, values: &[f32]) -> Result<Vec<f32>> {
    let x = engine.alloc("x", values.len())?;
    engine.write(x, values)?;
    let mut rec = Recording::new(engine.target());
    let y = rec.temp("y", values.len());
    softplus(&mut rec, x, y);
    let out = rec.readback(y);
    let program = engine.compile(rec)?;
    Ok(engine.run(&program, &[])?[out].f32().to_vec())
}

pub(crate) fn main() -> Result<()> {
    let values: Vec<f32> = (-500..500).map(|i| i as f32 / 10.0).collect();
    let there = run(&mut Engine::gpu(GpuOptions::default())?, &values)?;
    let twin = run(&mut Engine::reference(), &values)?;
    // Below 1 the difference counts as it is: 1 + exp(-|x|) rounds to what f32 holds near 1.
    let gaps = there.iter().zip(&twin).map(|(a, b)| (a - b).abs() / b.abs().max(1.0));
    let worst = gaps.fold(0.0, f32::max);
    println!("softplus of {} numbers: largest difference from the twin {worst:e}", values.len());
    if worst < 1e-6 {
        Ok(())
    } else {
        Err(Error::CheckFailed(format!("the shader differs from its twin by {worst:e}")))
    }
}
