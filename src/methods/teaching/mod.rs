//! Teachers: networks whose answers are learned, or unlearned.

pub mod bad_teacher;
pub mod datamodel_matching;
pub mod distill;
pub mod rmu;
pub mod scrub;
pub mod trew;
pub mod undial;
