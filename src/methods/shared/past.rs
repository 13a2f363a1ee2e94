//! What methods ask of a training that they take up again.

use crate::error::{Error, Result};
use crate::methods::{Role, View, role};
use crate::train::TrainConfig;

/// Refuses recipes whose steps are not those of a plain walk through the records.
///
/// # Errors
/// A sentence with the key that is in the way.
pub fn check_walked(method: &str, recipe: &TrainConfig) -> Result<()> {
    let lacks = [
        (recipe.coupled.is_some(), "[train.coupled] keeps a trace; use `coupling`, which is exact in distribution"),
        (recipe.slices.is_some(), "[train.slices] has checkpoints that are exact; use `sisa`"),
        (recipe.dp.is_some(), "[train.dp] draws each record by itself; train without it"),
        (recipe.early_stopping.is_some(), "train.early_stopping chooses among weights on the way; train without it"),
        (recipe.ema > 0.0, "it goes by the weights of steps, and train.ema ends with an average; train without it"),
    ];
    match lacks.iter().find(|(lack, _)| *lack) {
        Some((_, why)) => Err(Error::input(format!("method `{method}`: {why}"))),
        None => Ok(()),
    }
}

/// Refuses parameters that no training of the recipe from a seed made.
///
/// # Errors
/// They come from another method.
pub fn check_trained(method: &str, view: &View) -> Result<()> {
    match view.past.method.filter(|name| role(name) != Some(Role::Reference)) {
        Some(past) => Err(Error::input(format!(
            "method `{method}` goes back into the training that made the parameters, and these come from method \
             `{past}`, which left nothing to go back to; ask the run that it began with, of both requests at once"
        ))),
        None => Ok(()),
    }
}
