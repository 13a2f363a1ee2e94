//! Scores a model from its recorded outputs: pure functions of logits and labels, no GPU, no training.
//!
//! A metric that cannot be computed (an empty split, no reference, one retrain only) is *absent*, never 0; outputs
//! that are not finite are refused with the split, sample and class named. Adding a metric is one file and one row in
//! [`METRICS`].

pub mod accuracy;
pub mod attacks;
mod chance;
mod checks;
mod closeness;
pub mod confusion;
pub mod divergence;
pub mod gaps;
mod goals;
pub mod graph;
pub mod kolmogorov;
pub mod log_odds;
pub mod membership;
mod memory;
pub mod metrics;
mod outputs;
mod recalled;
mod spread;
mod subject;
pub mod targets;
pub mod texts;
pub mod truth;
mod values;
pub mod verdict;

pub use crate::base::ngrams::Recital;
pub use chance::Chance;
pub use closeness::closeness;
pub use goals::{Goals, Sort, constant_loss, skill};
pub use graph::{GraphFacts, LinkFacts};
pub use membership::membership_roc;
pub use memory::{TextAttack, text_attacks};
pub use metrics::{METRICS, Metric, Target, measure, measure_references};
pub use outputs::{Evaluation, Outputs, SplitName};
pub use recalled::{Memory, Secret};
pub use subject::Subject;
pub use values::{Metrics, Reference};
pub use verdict::{Aspect, Check, Cost, Evidence, Outcome, RequestScope, Verdict, of_control, verdict};
