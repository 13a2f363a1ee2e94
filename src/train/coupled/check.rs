//! What coupled training cannot be combined with, and what its numbers may be.

use super::CoupledConfig;
use crate::base::single;
use crate::error::{Error, Result};
use crate::nn::{Elementwise, Layer};
use crate::records::Session;
use crate::records::objective::{Balanced, ClassWeights};
use crate::train::config::TrainConfig;

impl CoupledConfig {
    /// # Errors
    /// A number outside its range, and what such training cannot be combined with; the sentence names the key.
    pub(crate) fn check(&self, train: &TrainConfig) -> Result<()> {
        let positive = |v: f64| v > 0.0 && single(v);
        let rules = [
            ("steps", (1..=1_000_000_000).contains(&self.steps), "from 1 to 1000000000".to_owned()),
            (
                "steps",
                self.steps.is_multiple_of(train.epochs.max(1) as u64),
                format!("a multiple of train.epochs = {}, so that epochs are equally long", train.epochs),
            ),
            ("sigma", self.sigma == 0.0 || positive(self.sigma), "0 or a positive number of 32 bits".to_owned()),
            ("clip", positive(self.clip), "a positive number of 32 bits (1.2e-38 to 3.4e38)".to_owned()),
            ("radius", self.radius.is_none_or(positive), "a positive number of 32 bits (1.2e-38 to 3.4e38)".to_owned()),
            ("kappa", self.kappa >= 1, "1 or more".to_owned()),
        ];
        if let Some((key, _, want)) = rules.iter().find(|(_, good, _)| !good) {
            return Err(Error::input(format!("train.coupled.{key} must be {want}")));
        }
        self.check_beside(train)
    }

    /// What the chain's next iterate may not depend on: anything but the iterate before, the batch and the noise.
    fn check_beside(&self, train: &TrainConfig) -> Result<()> {
        let balanced = train.class_weights == Some(ClassWeights::Word(Balanced::Balanced));
        let lacks = [
            (train.optimizer != "sgd", "optimizer", "its state would have to be part of the chain; use sgd"),
            (train.momentum > 0.0, "momentum", "its state would have to be part of the chain; set it to 0"),
            (train.dp.is_some(), "dp", "both clip and add noise; keep one of the tables"),
            (train.accumulate > 1, "accumulate", "a step clips record by record in any case; raise batch_size"),
            (train.clip_norm > 0.0, "clip_norm", "it would bend the noisy gradient that is coupled; leave it out"),
            (train.ema > 0.0, "ema", "the average would have to be part of the chain; leave it out"),
            (train.early_stopping.is_some(), "early_stopping", "the number of steps is fixed; leave it out"),
            (train.objective_noise > 0.0, "objective_noise", "the noise is on gradients; leave it out"),
            (train.augment.is_some(), "augment", "a record's gradient would depend on its place; leave it out"),
            (!train.freeze.is_empty(), "freeze", "the noise moves every parameter; leave it out"),
            (!train.fanout.is_empty(), "fanout", "it works on records that stand alone; leave it out"),
            (balanced, "class_weights", "`balanced` tells how many records a class has; give numbers"),
        ];
        match lacks.iter().find(|(lack, ..)| *lack) {
            Some((_, key, why)) => Err(Error::input(format!("train.{key} does not go with [train.coupled]: {why}"))),
            None => Ok(()),
        }
    }
}

impl Session<'_> {
    /// Refuses coupled training where a record's clipped gradient is not a function of it and of the parameters alone.
    ///
    /// # Errors
    /// A graph, running statistics, dropout; the sentence names the layer.
    pub(crate) fn check_coupled(&self) -> Result<()> {
        self.needs_alone(|| {
            "train.coupled works on records that stand alone (on a graph a deletion changes the gradients of others, \
                which a coupling of batches does not see); leave [train.coupled] out on a graph"
                .to_owned()
        })?;
        let layers = self.model.every_layer();
        let drops = |layer: &&dyn Layer| matches!(layer.elementwise(), Some(Elementwise::Dropout(_)));
        if let Some(layer) = layers.iter().copied().find(|layer| layer.row().facts.running_state) {
            return Err(Error::input(format!(
                "train.coupled needs gradients of single records, and layer `{}` lets every record of a batch into the \
                 gradients of the others; use group_norm or layer_norm",
                layer.row().kind
            )));
        }
        match layers.iter().any(drops) {
            true => Err(Error::input(
                "train.coupled needs gradients that depend on records and parameters alone, and dropout draws masks by \
                 a record's place in its batch; use a network without",
            )),
            false => Ok(()),
        }
    }
}
