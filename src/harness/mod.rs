//! What the tests, `unlearn check` and `unlearn bench` share: comparison and trials of cases on adapters.

pub mod compare;
pub mod trial;
