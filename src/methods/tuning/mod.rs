//! Some more epochs, on the retained records or on both with other labels.

pub mod finetune;
pub mod l1_sparse;
pub mod salun;
