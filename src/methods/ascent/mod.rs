//! Ascent on the loss of the records to forget: plain, and preconditioned by a Fisher matrix.

mod climb;
mod direction;
pub mod ewc_ascent;
pub mod fisher_ascent;
pub mod grad_diff;
pub mod gradient_ascent;
pub mod idk_dpo;
pub mod kl_min;
pub mod neg_grad_plus;
pub mod npo;
pub mod sfr_on;
pub mod wga;
pub mod woodfisher;
