//! Initial parameters: a function of (seed, parameter name, index) alone, independent of layer order and batch size.

use super::params::{Init, ParamLayout};
use crate::base::philox;

/// FNV-1a, so that a parameter's stream depends on its name.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// The parameters at the start of training, and behind them the state.
pub fn initial(layout: &ParamLayout, seed: u64) -> Vec<f32> {
    let mut theta = vec![0.0; layout.whole()];
    for (e, place) in layout.tensors() {
        let out = &mut theta[place];
        let bound = match e.init {
            Init::Constant(value) => {
                out.fill(value);
                continue;
            }
            Init::Count => continue,
            Init::Spread(spread) => 3.0_f64.sqrt() * f64::from(spread),
            Init::HeUniform { fan_in } => (6.0 / fan_in.max(1) as f64).sqrt(),
            Init::GlorotUniform { fan_in, fan_out } => (6.0 / (fan_in + fan_out).max(1) as f64).sqrt(),
        };
        let h = hash(&e.name);
        for (i, v) in out.iter_mut().enumerate() {
            let counter = [i as u32 / 4, h as u32, (h >> 32) as u32, 0];
            let words = philox::philox(counter, [seed as u32, (seed >> 32) as u32]);
            *v = ((f64::from(philox::unit(words[i % 4])) * 2.0 - 1.0) * bound) as f32;
        }
    }
    theta
}
