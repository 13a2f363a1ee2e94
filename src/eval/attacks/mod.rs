//! Attacks that know what models like this one say of a record with and without it: shadow models and retrains give a
//! distribution for each record, and the attack asks which of them the audited model's answer is of.
//!
//! Everything here is a function of numbers that models said; who trained those models is no matter of this room.

mod bounds;
mod confidence;
mod forgetting;
mod holm;
mod judge;
mod klom;
mod linear;
mod lira;
mod rates;
mod rmia;
mod student;

pub use bounds::{at_least, clopper_pearson};
pub use confidence::{confidences, probabilities};
pub use forgetting::{ForgettingQuality, forgetting_quality};
pub use holm::holm;
pub use judge::{Judged, Probe, Side, Weighed, calibration, judge};
pub use klom::{Klom, klom};
pub use linear::linear_probe;
pub use lira::{Gaussians, Spreads, Table};
pub use rates::{Rates, Success};
pub use rmia::{Rmia, rmia};
pub use student::above;
