//! Some more epochs, on the retained records or on both with other labels.

pub mod amnesiac;
pub mod finetune;
pub mod l1_sparse;
pub mod noisy_finetune;
pub mod rewind;
pub mod salun;
