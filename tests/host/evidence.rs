//! Evidence: what was changed is noticed wherever it lies, a reference is a reference, and nothing that did nothing is
//! called a forgetting.

pub mod bench;
mod tamper;
mod yardsticks;
