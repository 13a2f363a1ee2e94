//! Differentially private training (DP-SGD): what it is set with, its batches, its noise and what it spends.

use serde::{Deserialize, Serialize};

use super::accountant;
use super::config::TrainConfig;
use crate::base::philox::philox;
use crate::base::single;
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::{edit, map};
use crate::nn::Layer;
use crate::records::Session;

/// The `[train.dp]` table: Abadi et al., "Deep learning with differential privacy", CCS 2016, algorithm 1. Each
/// record's gradient is clipped to norm `clip`; N(0, (noise_multiplier · clip)²) is added to their sum; the result is
/// divided by `batch_size`, the expected number of records, whatever the number that was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DpConfig {
    /// C: longest gradient of a record.
    #[cfg_attr(feature = "cli", schemars(extend("exclusiveMinimum" = 0)))]
    pub clip: f64,
    /// sigma: the noise's standard deviation in units of `clip`.
    #[cfg_attr(feature = "cli", schemars(extend("exclusiveMinimum" = 0, "unit" = "clip")))]
    pub noise_multiplier: f64,
    /// The δ at which ε is told; below 1 / the number of records to mean anything.
    #[cfg_attr(feature = "cli", schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1)))]
    pub delta: f64,
    /// Each step draws each record with probability `batch_size` / N, by itself: what the accountant assumes. If false,
    /// an epoch goes through all records once, and only what that proves is told: an epoch is then one release of each
    /// record, with no gain from sampling.
    #[serde(default = "poisson")]
    pub poisson: bool,
}

fn poisson() -> bool {
    true
}

/// What a private training has spent. It covers the gradients of the steps, against whoever does not know the seed: it
/// covers neither constants of the normalisation that were taken from the training data, nor the choice of settings,
/// nor attacks on the rounding of the noise (Mironov, CCS 2012).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Privacy {
    /// ε spent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    pub epsilon: f64,
    /// δ of that ε.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 1)))]
    pub delta: f64,
    /// The Rényi order at which ε is least.
    #[cfg_attr(feature = "cli", schemars(extend("exclusiveMinimum" = 1)))]
    pub order: f64,
    /// Standard deviation of the noise, in units of `clip`.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "clip")))]
    pub noise_multiplier: f64,
    /// Largest norm of a record's gradient.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    pub clip: f64,
    /// Probability of a record to be in a step.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 1)))]
    pub rate: f64,
    /// Steps taken.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "steps")))]
    pub steps: u64,
    /// `poisson`, or `shuffled`, for which `rate` is 1 and `steps` counts epochs.
    pub sampling: String,
}

impl DpConfig {
    pub(crate) fn check(&self) -> Result<()> {
        let positive = |v: f64| v > 0.0 && single(v);
        let rules = [
            ("clip", positive(self.clip), "a positive number of 32 bits (1.2e-38 to 3.4e38)"),
            ("noise_multiplier", positive(self.noise_multiplier), "a positive number of 32 bits (1.2e-38 to 3.4e38)"),
            (
                "noise_multiplier",
                single(self.noise_multiplier * self.clip),
                "such that its product with clip has 32 bits",
            ),
            ("delta", self.delta > 0.0 && self.delta < 1.0, "between 0 and 1"),
        ];
        match rules.iter().find(|(_, good, _)| !good) {
            Some((key, _, want)) => Err(Error::input(format!("train.dp.{key} must be {want}"))),
            None => Ok(()),
        }
    }

    /// What `epochs` epochs of `per_epoch` steps over `records` records spend.
    pub fn spent(&self, config: &TrainConfig, records: usize, epochs: u64, per_epoch: u64) -> Privacy {
        let (rate, steps, sampling) = match self.poisson {
            true => (rate(config.batch_size, records), epochs * per_epoch, "poisson"),
            false => (1.0, epochs, "shuffled"),
        };
        let spent = accountant::epsilon(rate, self.noise_multiplier, steps, self.delta);
        let DpConfig { clip, noise_multiplier, delta, .. } = *self;
        let (epsilon, order, sampling) = (spent.epsilon, spent.order, sampling.to_owned());
        Privacy { epsilon, delta, order, noise_multiplier, clip, rate, steps, sampling }
    }
}

/// Probability of a record to be in a step.
fn rate(batch_size: usize, records: usize) -> f64 {
    (batch_size as f64 / records.max(1) as f64).min(1.0)
}

/// Keeps the draw of batches, and the noise, apart from the seed's other uses.
const STREAM_POISSON: u32 = 0x706f_6973;
const STREAM_NOISE: u32 = 0x6470_6e6f;

/// The records of step `step`: each of `indices` with probability `batch_size` / their number, a function of the seed,
/// the step and the record's own id, so that a record that is not there changes the draw of no other.
pub fn poisson_batch(indices: &[u32], batch_size: usize, seed: u64, step: u64) -> Vec<u32> {
    // 64 random bits against a threshold of 53: the probability is right to 2^-53.
    let below = rate(batch_size, indices.len()) * 2f64.powi(64);
    let drawn = |id: &&u32| {
        let counter = [**id, step as u32, STREAM_POISSON, (step >> 32) as u32];
        let words = philox(counter, [seed as u32, (seed >> 32) as u32]);
        (((u64::from(words[0]) << 32) | u64::from(words[1])) as f64) < below
    };
    indices.iter().filter(drawn).copied().collect()
}

/// Records of the program that a drawn batch runs in: a few sizes serve all draws. The others count 0.
pub(crate) fn padded(drawn: usize, batch_size: usize) -> usize {
    drawn.max(1).next_multiple_of((batch_size / 4).max(8))
}

/// The sizes of those programs, up to one that a draw exceeds once in 10⁹ steps: six standard deviations above the
/// mean.
pub(crate) fn sizes(batch_size: usize, records: usize) -> impl Iterator<Item = usize> {
    let mean = batch_size.min(records) as f64;
    let largest = records.min((mean + 6.0 * mean.sqrt()).ceil() as usize);
    let step = padded(1, batch_size);
    (1..=padded(largest, batch_size) / step).map(move |i| i * step)
}

/// A drawn batch as its program takes it: the list, filled up with records that weigh 0, and the weights.
pub(crate) fn fill(drawn: &[u32], spare: u32, batch_size: usize) -> (Vec<u32>, Vec<f32>) {
    let size = padded(drawn.len(), batch_size);
    let (mut list, mut weights) = (drawn.to_vec(), vec![1.0; drawn.len()]);
    list.resize(size, spare);
    weights.resize(size, 0.0);
    (list, weights)
}

impl Session<'_> {
    /// Refuses private training where a record's gradient is not its own.
    pub(crate) fn check_private(&self) -> Result<()> {
        self.needs_alone(|| {
            "train.dp works on records that stand alone (a node's features reach the gradients of its neighbours, so \
                that clipping its own bounds nothing); leave [train.dp] out on a graph"
                .to_owned()
        })?;
        let follows = |layer: &&dyn Layer| layer.row().facts.running_state;
        match self.model.every_layer().into_iter().find(follows) {
            Some(layer) => Err(Error::input(format!(
                "train.dp bounds what one record adds to a step, and layer `{}` lets every record of a batch into the \
                 gradients of the others and into running statistics without noise; use group_norm or layer_norm",
                layer.row().kind
            ))),
            None => Ok(()),
        }
    }

    /// Records `grad += N(0, deviation²)` on every parameter, zeros between tensors kept. `step` holds the step's
    /// words.
    pub(crate) fn record_noise(&mut self, rec: &mut Recording, deviation: f64, step: Buf<u32>) -> Result<()> {
        self.record_normal(rec, self.grad, (deviation, STREAM_NOISE), step)
    }

    /// Records `v += N(0, deviation²)` on every parameter's place, of a stream of its own.
    pub(crate) fn record_normal(
        &mut self,
        rec: &mut Recording,
        v: Buf<f32>,
        (deviation, stream): (f64, u32),
        step: Buf<u32>,
    ) -> Result<()> {
        let (real, noise) = (self.real_parameters()?, rec.temp("noise", v.len));
        map::normal(rec, noise, deviation as f32, stream, step);
        edit::mask(rec, noise, real);
        map::axpby(rec, 1.0, noise, 1.0, v);
        Ok(())
    }

    /// 1 for every parameter, 0 between tensors.
    fn real_parameters(&mut self) -> Result<Buf<f32>> {
        let mut real = vec![0.0; self.model.layout.total()];
        self.model.layout.entries().iter().for_each(|e| real[e.offset..e.offset + e.len].fill(1.0));
        let kept = self.vector("real parameters")?;
        self.engine.write(kept, &real)?;
        Ok(kept)
    }
}
