//! What the tests, `unlearn check` and `unlearn bench` share: comparison with the twins, conformance and timing.

pub mod baseline;
pub mod bench;
pub mod check;
pub mod compare;
pub mod divergence;
pub mod doctor;
pub mod gradcheck;
pub mod junit;
pub mod nets;
pub mod parity;
pub mod sets;
pub mod stacked;
pub mod trial;
pub mod tune;
pub mod whole;
