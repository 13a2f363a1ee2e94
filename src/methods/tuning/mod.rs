//! Some more epochs, on the retained records or on both with other labels.

pub mod finetune;
pub mod salun;
