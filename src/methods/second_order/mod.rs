//! Steps by curvature, and training undone step by step.

pub mod certificate;
pub mod certified_removal;
pub mod certified_sgc;
mod compact;
pub mod curvature;
pub mod delta_grad;
pub mod influence;
pub mod newton;
mod removal;
mod trajectory;
