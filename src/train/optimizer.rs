//! Optimisers over the flat vector, with PyTorch's semantics.

use serde::{Deserialize, Serialize};

use crate::engine::{Buf, Recording};
use crate::kernels::optim::{self, Adam, Sgd};

/// An update rule; the learning rate comes per step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "optimizer", rename_all = "snake_case")]
pub enum Optimizer {
    /// Stochastic gradient descent.
    Sgd {
        /// Share of the last velocity that is kept.
        momentum: f64,
        /// Nesterov's form of momentum.
        nesterov: bool,
        /// Factor of a parameter that is added to its gradient.
        weight_decay: f64,
    },
    /// L2 in the gradient (torch.optim.Adam).
    Adam {
        /// Decay of the gradient's mean.
        beta1: f64,
        /// Decay of the squared gradient's mean.
        beta2: f64,
        /// Added to the root of the second moment.
        eps: f64,
        /// Factor of a parameter that is added to its gradient.
        weight_decay: f64,
    },
    /// Decoupled decay (torch.optim.AdamW).
    Adamw {
        /// Decay of the gradient's mean.
        beta1: f64,
        /// Decay of the squared gradient's mean.
        beta2: f64,
        /// Added to the root of the second moment.
        eps: f64,
        /// Factor of a parameter that is taken off it, times the learning rate.
        weight_decay: f64,
    },
}

/// One row for `unlearn list`.
pub struct OptimizerRow {
    /// What `train.optimizer` says.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub summary: &'static str,
}

/// The optimisers, in the order of `unlearn list optimizers`.
pub static OPTIMIZERS: &[OptimizerRow] = &[
    OptimizerRow { name: "sgd", summary: "stochastic gradient descent with momentum, Nesterov, L2 in the gradient" },
    OptimizerRow { name: "adam", summary: "Adam (Kingma & Ba 2015), L2 in the gradient" },
    OptimizerRow { name: "adamw", summary: "AdamW (Loshchilov & Hutter 2019), decoupled decay" },
];

impl Optimizer {
    /// Plain gradient descent.
    pub fn plain() -> Optimizer {
        Optimizer::Sgd { momentum: 0.0, nesterov: false, weight_decay: 0.0 }
    }

    /// State vectors it needs.
    pub fn states(&self) -> usize {
        match self {
            Optimizer::Sgd { momentum, .. } => usize::from(*momentum != 0.0),
            _ => 2,
        }
    }

    /// What the update kernel reads at step `t` (1 at the first): learning rate and bias corrections.
    pub fn hyper(&self, lr: f64, t: u64) -> [f32; 3] {
        let correction = |beta: f64| (1.0 - beta.powf(t as f64)) as f32;
        match self {
            Optimizer::Sgd { .. } => [lr as f32, 1.0, 1.0],
            Optimizer::Adam { beta1, beta2, .. } | Optimizer::Adamw { beta1, beta2, .. } => {
                [lr as f32, correction(*beta1), correction(*beta2)]
            }
        }
    }

    /// Records one update of theta.
    pub fn record(&self, rec: &mut Recording, theta: Buf<f32>, grad: Buf<f32>, state: &[Buf<f32>], hyper: Buf<f32>) {
        match *self {
            Optimizer::Sgd { momentum, nesterov, weight_decay } => {
                let velocity = match state.first() {
                    Some(v) => *v,
                    None => rec.temp("velocity", 1),
                };
                optim::sgd(rec, theta, grad, velocity, hyper, Sgd { momentum, weight_decay, nesterov });
            }
            Optimizer::Adam { beta1, beta2, eps, weight_decay } => {
                let options = Adam { beta1, beta2, eps, weight_decay, decoupled: false };
                optim::adam(rec, theta, grad, state[0], state[1], hyper, options);
            }
            Optimizer::Adamw { beta1, beta2, eps, weight_decay } => {
                let options = Adam { beta1, beta2, eps, weight_decay, decoupled: true };
                optim::adam(rec, theta, grad, state[0], state[1], hyper, options);
            }
        }
    }
}
