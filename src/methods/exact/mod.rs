//! Methods after which no kept parameter ever saw a deleted record.

pub mod retrain;
