//! Edits of single parameters by their Fisher information: noise, dampening, one step.

pub mod fisher_forgetting;
pub mod fisher_removal;
pub mod noise;
pub mod ssd;
mod step;
