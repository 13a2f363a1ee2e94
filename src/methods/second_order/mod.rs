//! Steps by curvature, and training undone step by step.

pub mod certificate;
pub mod certified_removal;
mod compact;
pub mod curvature;
pub mod delta_grad;
pub mod influence;
pub mod newton;
mod trajectory;
