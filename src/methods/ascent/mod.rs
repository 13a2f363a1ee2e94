//! Ascent on the loss of the records to forget: plain, and preconditioned by a Fisher matrix.

mod climb;
mod direction;
pub mod ewc_ascent;
pub mod fisher_ascent;
pub mod gradient_ascent;
pub mod neg_grad_plus;
pub mod woodfisher;
