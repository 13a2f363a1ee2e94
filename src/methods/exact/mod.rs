//! Methods after which no kept parameter ever saw a deleted record.

pub mod coupling;
pub mod replay;
pub mod retrain;
pub mod sisa;
