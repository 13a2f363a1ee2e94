//! How far weights moved, and what lies on the way: a run that stays in the valley of the model before forgetting is
//! brought back by a little training (Siddiqui et al. 2025, "From Dormant to Deleted"); a retrain lies in another.

use serde::{Deserialize, Serialize};

use super::Subjects;
use super::attack::share;
use super::many::Recipe;
use super::models::Trained;
use super::relearn;
use super::roster::Roster;
use crate::engine::Engine;
use crate::error::Result;
use crate::nn::ParamLayout;
use crate::run::reading::over_all_classes;

/// Where the weights are; reported, never judged: an approximate method that works need not move them far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Weights {
    /// ‖θ − θ₀‖ / ‖θ₀‖ of the audited run.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "1", "minimum" = 0)))]
    pub moved: f64,
    /// Its mean over retrains.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "1", "minimum" = 0)))]
    pub retrains_moved: f64,
    /// By how much accuracy on retained records falls on the straight way from the model before to the run, below
    /// the line between the two.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "1", "minimum" = 0, "maximum" = 1)))]
    pub barrier: f64,
    /// The same to retrains, their mean.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "1", "minimum" = 0, "maximum" = 1)))]
    pub retrains_barrier: f64,
}

/// Places on the way, in shares of it.
const WAY: [f32; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
/// Retrains that are walked to at most.
const WALKED: usize = 5;

/// Measures them; none where the run's network is another than the original's, or there are no retrains.
///
/// # Errors
/// Outputs that are not finite; a lost device.
pub(super) fn weights(
    engine: &mut Engine,
    subjects: &Subjects,
    roster: &Roster,
    trained: &Trained,
) -> Result<Option<Weights>> {
    if relearn::suits(subjects).is_some() || trained.thetas.is_empty() {
        return Ok(None);
    }
    let original = &subjects.original;
    let (before, run) = (original.theta()?, subjects.run.theta()?);
    let recipe = Recipe::of(subjects, roster, &trained.pool);
    let retrains: Vec<&[f32]> = trained.thetas.iter().take(WALKED).map(Vec::as_slice).collect();
    let mut barriers = Vec::new();
    for to in [&run[..]].into_iter().chain(retrains.iter().copied()) {
        let stops: Vec<Vec<f32>> = WAY.iter().map(|t| between(&before, to, *t)).collect();
        let each: Vec<&[f32]> = stops.iter().map(Vec::as_slice).collect();
        let known = recipe
            .read(engine, &each, &roster.asked)?
            .into_iter()
            .map(|logits| share(&roster.said(&original.data, &over_all_classes(&original.data, logits))?.retain));
        barriers.push(barrier(&known.collect::<Result<Vec<f64>>>()?));
    }
    let moved = |to: &[f32]| distance(&original.model.layout, &before, to);
    let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
    Ok(Some(Weights {
        moved: moved(&run),
        retrains_moved: mean(&retrains.iter().map(|to| moved(to)).collect::<Vec<f64>>()),
        barrier: barriers[0],
        retrains_barrier: mean(&barriers[1..]),
    }))
}

fn between(from: &[f32], to: &[f32], t: f32) -> Vec<f32> {
    from.iter().zip(to).map(|(from, to)| (1.0 - t) * from + t * to).collect()
}

/// Of parameters alone; running statistics are none.
fn distance(layout: &ParamLayout, from: &[f32], to: &[f32]) -> f64 {
    let (mut off, mut norm) = (0.0, 0.0);
    for (from, to) in from.iter().zip(to).take(layout.total()) {
        off += f64::from(to - from).powi(2);
        norm += f64::from(*from).powi(2);
    }
    (off / norm).sqrt()
}

/// The most by which accuracy at [`WAY`]'s stops lies below the line between its ends.
fn barrier(known: &[f64]) -> f64 {
    let (first, last) = (known[0], known[known.len() - 1]);
    let below = |(t, known): (&f32, &f64)| first + (last - first) * f64::from(*t) - known;
    WAY.iter().zip(known).map(below).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_barrier_is_the_deepest_stop_below_the_line_and_a_straight_way_has_none() {
        assert!((barrier(&[1.0, 0.9, 0.5, 0.9, 0.8]) - 0.4).abs() < 1e-12);
        assert_eq!(barrier(&[0.9, 0.95, 1.0, 1.0, 1.0]), 0.0);
        assert_eq!(between(&[0.0, 2.0], &[4.0, 2.0], 0.25), [1.0, 2.0]);
    }
}
