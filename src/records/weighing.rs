//! Weights of classes in a session.

use super::objective::{Aim, Balanced, CROSS_ENTROPY, ClassWeights, HUBER, SMOOTHED, Table, WEIGHTED, Weighing};
use super::part::Part;
use super::session::Session;
use crate::error::{Error, Result};

impl Session<'_> {
    /// Changes what the network is trained for: its objective, as [`Session::set_objective`] does, and its classes'
    /// weights and smoothing. Weights that balance the classes are those of all training records until
    /// [`Session::balance`] is told others.
    ///
    /// # Errors
    /// Those of [`Session::set_objective`]; weights or smoothing of another objective than the cross-entropy of
    /// classes; weights that are not one for each class.
    pub fn set_aim(&mut self, aim: &Aim) -> Result<()> {
        self.set_objective(aim.objective.as_deref())?;
        self.set_delta(aim.huber_delta)?;
        if aim.label_smoothing == 0.0 && aim.class_weights.is_none() {
            if self.weighing.take().is_some() {
                (self.objective, self.kept) = (&CROSS_ENTROPY, None);
                self.programs.clear();
            }
            return Ok(());
        }
        let key = if aim.class_weights.is_some() { "class_weights" } else { "label_smoothing" };
        if self.objective.name != CROSS_ENTROPY.name {
            return Err(Error::input(format!(
                "train.{key} is of the objective `{}`, and the network is trained for `{}`; leave it out",
                CROSS_ENTROPY.name, self.objective.name
            )));
        }
        let weights = match &aim.class_weights {
            None => vec![1.0; self.model.classes],
            Some(ClassWeights::Given(given)) if given.len() == self.model.classes => given.clone(),
            Some(ClassWeights::Given(given)) => {
                return Err(Error::input(format!(
                    "train.class_weights has {} weights, and the network {} classes; give one for each",
                    given.len(),
                    self.model.classes
                )));
            }
            Some(ClassWeights::Word(Balanced::Balanced)) => {
                let all = self.ids(Part::Train);
                balanced(&self.classes(&all)?, self.model.classes)
            }
        };
        self.objective = if aim.label_smoothing == 0.0 { &WEIGHTED } else { &SMOOTHED };
        self.programs.clear();
        self.weigh(aim.clone(), weights)
    }

    /// # Errors
    /// A number for another objective than `huber`.
    fn set_delta(&mut self, delta: Option<f64>) -> Result<()> {
        if delta.is_some() && self.objective.name != HUBER.name {
            return Err(Error::input(format!(
                "train.huber_delta is of the objective `{}`, and the network is trained for `{}`; leave it out",
                HUBER.name, self.objective.name
            )));
        }
        let delta = delta.unwrap_or(1.0) as f32;
        if self.delta != delta {
            self.delta = delta;
            self.programs.clear();
        }
        Ok(())
    }

    /// Balances the classes by these training records, where the session's aim is balance; else nothing.
    ///
    /// # Errors
    /// A lost device.
    pub fn balance(&mut self, records: &[u32]) -> Result<()> {
        let Some(known) = &self.weighing else { return Ok(()) };
        let aim = known.aim.clone();
        match aim.class_weights {
            Some(ClassWeights::Word(Balanced::Balanced)) => {
                let weights = balanced(&self.classes(records)?, self.model.classes);
                self.weigh(aim, weights)
            }
            _ => Ok(()),
        }
    }

    /// n / Σ w of n records with these classes: what their mean is multiplied by to be the weighted one. None where
    /// classes have no weights of their own.
    pub(crate) fn rebalance(&self, classes: &[u32]) -> Option<f64> {
        let weighing = self.weighing.as_ref()?;
        weighing.aim.class_weights.as_ref()?;
        let weight = |class: &u32| weighing.weights.get(*class as usize).copied().unwrap_or(0.0);
        let sum: f64 = classes.iter().map(weight).sum();
        Some(if sum > 0.0 { classes.len() as f64 / sum } else { 0.0 })
    }

    /// Whether a mean over records is a weighted one.
    pub(crate) fn weighs_classes(&self) -> bool {
        self.weighing.as_ref().is_some_and(|weighing| weighing.aim.class_weights.is_some())
    }

    fn weigh(&mut self, aim: Aim, weights: Vec<f64>) -> Result<()> {
        let same = |known: &Weighing| known.aim == aim && known.weights == weights;
        if self.kept.is_some() && self.weighing.as_ref().is_some_and(same) {
            return Ok(());
        }
        let numbers = Table::numbers(&weights, aim.label_smoothing);
        let kept = self.block("class weights", numbers.len())?;
        self.write_each(kept, &numbers)?;
        (self.kept, self.weighing) = (Some(kept), Some(Weighing { aim, weights }));
        Ok(())
    }
}

/// n / (K · n_c) for each class c; 0 for a class without records.
fn balanced(labels: &[u32], classes: usize) -> Vec<f64> {
    let mut counts = vec![0.0; classes];
    labels.iter().for_each(|label| {
        if let Some(count) = counts.get_mut(*label as usize) {
            *count += 1.0;
        }
    });
    let there = counts.iter().filter(|count| **count > 0.0).count() as f64;
    let total: f64 = counts.iter().sum();
    counts.into_iter().map(|count| if count > 0.0 { total / (there * count) } else { 0.0 }).collect()
}
