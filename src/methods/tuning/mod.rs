//! Some more epochs, on the retained records or on both with other labels, of all layers or some.

pub mod amnesiac;
pub mod boundary_expand;
pub mod boundary_shrink;
pub mod cf_k;
pub mod class_mean;
pub mod conv_transpose;
pub mod eu_k;
pub mod finetune;
pub mod l1_sparse;
pub mod ltu;
pub mod masked_gradients;
pub mod noisy_finetune;
pub mod random_label;
pub mod rewind;
pub mod salun;
pub mod selective;
pub mod shrink_perturb;
