//! Kernels by family: rows, record functions, twins and cases. One stem here is one folder under `shaders/`.

pub mod edit;
pub mod linear;
pub mod norm;
pub mod pool;

use crate::engine::Kernel;
use crate::engine::case::Case;

/// The kernels of every family.
pub fn kernels() -> Vec<&'static Kernel> {
    FAMILIES.iter().flat_map(|f| f.kernels.iter().copied()).collect()
}

/// The cases of every family.
pub fn cases() -> Vec<Case> {
    FAMILIES.iter().flat_map(|f| (f.cases)()).collect()
}

/// One family: its kernels and its cases.
pub struct Family {
    pub name: &'static str,
    pub kernels: &'static [&'static Kernel],
    pub cases: fn() -> Vec<Case>,
}

/// The list that everything walks.
pub static FAMILIES: &[Family] = &[
    Family { name: "linear", kernels: linear::KERNELS, cases: linear::cases },
    Family { name: "pool", kernels: pool::KERNELS, cases: pool::cases },
    Family { name: "norm", kernels: norm::KERNELS, cases: norm::cases },
    Family { name: "edit", kernels: edit::KERNELS, cases: edit::cases },
];
