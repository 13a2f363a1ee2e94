//! Statistics over sets of records, all on the GPU: losses and gradients, Fisher diagonals, norms and inner products of
//! records' gradients, curvature as products and as factors, and what solves with it.

mod activations;
mod beside;
mod continued;
mod curvature;
mod eigen;
mod ekfac;
mod estimator;
mod fisher;
mod gram;
mod importance;
mod kfac;
mod labels;
mod masked;
mod mean;
mod moments;
mod next;
pub(crate) mod norms;
mod pass;
mod per_sample;
mod product;
mod recital;
pub mod scores;
pub mod solve;
mod steered;
mod tokens;
mod towards;
mod woodbury;

pub use activations::activation_length;
pub use beside::logits_beside;
pub use continued::Going;
pub use curvature::{GaussNewton, Hessian, dots, gauss_newton, hessian, jvp};
pub use ekfac::Ekfac;
pub use estimator::Estimator;
pub use fisher::{Footprint, fisher, fisher_footprint, fisher_sets};
pub use gram::gram;
pub use importance::{Importance, Set, importance, model_fisher, sampled_fisher};
pub use kfac::{Factor, Kfac};
pub use masked::{EdgeMask, record_edge_masked};
pub use mean::{
    Score, batch_mean_squares, gradient, logits, logits_of_each, losses, prepare_score, score, score_of_each,
};
pub use moments::{Moments, moments, objective_gradient};
pub use next::{next, of_texts};
pub use norms::{clipped, norms};
pub use per_sample::{per_sample, per_sample_on_device};
pub use product::Product;
pub use recital::{Asked, extraction_likelihood, likeliest, likelihoods, recite, runs};
pub use steered::Steered;
pub use tokens::tokens;
pub use towards::{Distance, record_towards};
pub use woodbury::{Blocks, Damping, Woodbury};

pub(crate) use norms::record_clipped;
pub(crate) use pass::{batches, batches_of_each, prepare};
pub(crate) use per_sample::{fill_slab, slab, slab_records};
