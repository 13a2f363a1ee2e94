//! What a network is trained for, with the weights of its classes and how far their labels are smoothed.

use serde::{Deserialize, Serialize};

/// The key `train.class_weights`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum ClassWeights {
    /// One for each class, in the order of the classes.
    Given(#[cfg_attr(feature = "cli", schemars(inner(range(min = 0))))] Vec<f64>),
    /// By how rare a class is.
    Word(Balanced),
}

/// The word for weights n / (K · n_c) of the n records that are trained on, n_c of them of class c, K classes that
/// there are: each class weighs as much as another, and a record 1 on average.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Balanced {
    /// As rare, as heavy.
    Balanced,
}

/// What a network is trained for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Aim {
    /// A name of [`super::OBJECTIVES`]; what the records choose if absent.
    pub objective: Option<String>,
    /// Share of each label that is spread over all classes.
    pub label_smoothing: f64,
    /// Weights of the classes.
    pub class_weights: Option<ClassWeights>,
    /// Where `huber` turns from squares to lines; 1 if absent.
    pub huber_delta: Option<f64>,
}

impl From<Option<&str>> for Aim {
    fn from(name: Option<&str>) -> Aim {
        Aim { objective: name.map(str::to_owned), ..Aim::default() }
    }
}

/// Weights that a session has for its classes.
pub(in crate::records) struct Weighing {
    pub aim: Aim,
    /// Of each class, before labels are smoothed.
    pub weights: Vec<f64>,
}
