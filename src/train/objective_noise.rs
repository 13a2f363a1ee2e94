//! Objective perturbation: a random linear term in what training minimises.

use crate::base::philox::{normal, philox};
use crate::nn::ParamLayout;

/// Keeps this noise apart from the seed's other uses.
const STREAM_OBJECTIVE: u32 = 0x6f62_6a65;

/// b ~ N(0, sigma² I) of the objective mean loss + decay + bᵀθ / n (Chaudhuri, Monteleoni & Sarwate, JMLR 2011), in the
/// parameters' layout with 0 between tensors: a function of the seed and the place in the layout, drawn on the host, so
/// that it is the same on every adapter.
pub fn objective_noise(layout: &ParamLayout, seed: u64, sigma: f64) -> Vec<f32> {
    let mut b = vec![0.0; layout.total()];
    for i in layout.entries().iter().flat_map(|e| e.offset..e.offset + e.len) {
        let words = philox([(i / 4) as u32, 0, STREAM_OBJECTIVE, 0], [seed as u32, (seed >> 32) as u32]);
        b[i] = (sigma * normal(words)[i % 4]) as f32;
    }
    b
}
