//! What a network remembers once its weights are rounded: a small change that hid something may be rounded away (Zhang
//! et al. 2025, "Catastrophic Failure of LLM Unlearning via Quantization").

use super::Subjects;
use super::attack::Attacker;
use super::many::{Recipe, read};
use super::models::Trained;
use super::roster::Roster;
use crate::engine::Engine;
use crate::error::Result;
use crate::eval::Aspect;
use crate::eval::attacks::{Probe, Side, Success};
use crate::nn::ParamLayout;
use crate::run::folder::Opened;
use crate::run::reading::over_all_classes;

/// Steps of a tensor to either side of 0, with eight bits.
pub(super) const EIGHT: f32 = 127.0;

/// With four.
pub(super) const FOUR: f32 = 7.0;

/// Weights of few bits, as they compute: each tensor is rounded to steps of its largest magnitude over `steps`. Running
/// statistics stay as they are.
pub(super) fn rounded(layout: &ParamLayout, theta: &[f32], steps: f32) -> Vec<f32> {
    let mut rounded = theta.to_vec();
    for entry in layout.entries() {
        let tensor = &mut rounded[entry.offset..entry.offset + entry.len];
        let step = tensor.iter().fold(0.0f32, |most, v| most.max(v.abs())) / steps;
        if step > 0.0 {
            tensor.iter_mut().for_each(|v| *v = (*v / step).round() * step);
        }
    }
    rounded
}

/// The attack on every model with rounded weights; the last retrain is held out.
///
/// # Errors
/// Outputs that are not finite; a lost device.
pub(super) fn probe(
    engine: &mut Engine,
    subjects: &Subjects,
    (roster, attacker): (&Roster, &Attacker),
    trained: &Trained,
) -> Result<Option<Probe>> {
    let original = &subjects.original;
    let auc = |run: &Opened, logits: Vec<f32>| {
        let said = roster.said(&run.data, &over_all_classes(&run.data, logits))?;
        let [forget, held] = attacker.strongest(&said)?;
        Ok(Success::of(&forget, &held)?.map_or(f64::NAN, |found| found.auc))
    };
    let mut of = |run: &Opened| {
        let theta = rounded(&run.model.layout, &run.theta()?, EIGHT);
        auc(run, read(engine, (run, &run.model), roster.hidden(&subjects.target), &theta, &roster.asked)?)
    };
    let (run, before) = (of(&subjects.run)?, of(original)?);
    let thetas: Vec<Vec<f32>> =
        trained.thetas.iter().map(|theta| rounded(&original.model.layout, theta, EIGHT)).collect();
    let each: Vec<&[f32]> = thetas.iter().map(Vec::as_slice).collect();
    let logits = Recipe::of(subjects, roster, &trained.pool).read(engine, &each, &roster.asked)?;
    let mut retrains = logits.into_iter().map(|logits| auc(original, logits)).collect::<Result<Vec<f64>>>()?;
    Ok(run.is_finite().then_some(Probe {
        name: "weights of eight bits",
        what: roster.words(["AUC of LiRA on weights rounded", "AUC of the edge attack on weights rounded"]),
        aspect: Aspect::Forgetting,
        side: Side::Above,
        run,
        original: Some(before),
        held_out: retrains.pop().into_iter().collect(),
        retrains,
        finest: 0.5 / roster.forget().len() as f64,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Model, ModelConfig};

    #[test]
    fn each_tensor_has_steps_of_its_own_and_zeros_stay() {
        let config: ModelConfig = toml::from_str("layers = [{type='linear',name='fc'}]").expect("TOML");
        let model = Model::build(&config, &[2], 2).expect("a network");
        let mut theta = vec![0.0f32; model.layout.whole()];
        let places: Vec<usize> = model.layout.entries().iter().map(|entry| entry.offset).collect();
        theta[places[0]..places[0] + 4].copy_from_slice(&[1.27, 0.014, -0.016, 0.0]);
        theta[places[1]] = 1e-3;
        let found = rounded(&model.layout, &theta, EIGHT);
        let near = |at: usize, want: f32| assert!((found[at] - want).abs() < 1e-7, "{at}: {} not {want}", found[at]);
        [1.27, 0.01, -0.02, 0.0].into_iter().enumerate().for_each(|(i, want)| near(places[0] + i, want));
        near(places[1], 1e-3);
        near(places[1] + 1, 0.0);
        // Of four bits a step is a seventh of 1.27.
        theta[places[0]..places[0] + 4].copy_from_slice(&[1.27, 0.1, 0.08, -0.3]);
        let found = rounded(&model.layout, &theta, FOUR);
        let step = 1.27 / 7.0;
        let near = |at: usize, want: f32| assert!((found[at] - want).abs() < 1e-6, "{at}: {} not {want}", found[at]);
        [1.27, step, 0.0, -2.0 * step].into_iter().enumerate().for_each(|(i, want)| near(places[0] + i, want));
    }
}
