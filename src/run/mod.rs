//! Experiments: what they write, the table they print and the page they render.

pub mod report;
pub mod results;
pub mod table;
