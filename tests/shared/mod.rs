//! What the trials on adapters and the tests without one share.

pub mod binary;
pub mod curvature;
pub mod fixtures;
pub mod fused;
pub mod graph_parity;
pub mod language;
pub mod papers;
pub mod statistics;
