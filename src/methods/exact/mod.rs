//! Methods after which no kept parameter ever saw a deleted record.

pub mod coupling;
pub mod graph_eraser;
pub mod replay;
pub mod retrain;
pub mod sisa;
pub mod together;
