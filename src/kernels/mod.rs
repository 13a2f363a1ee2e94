//! Kernels by family: rows, record functions, twins and cases. One stem here is one folder under `shaders/`.

pub mod attention;
pub mod conv;
pub mod edit;
pub mod graph;
pub mod guard;
pub mod krylov;
pub mod linear;
pub mod loss;
pub mod map;
pub mod norm;
pub mod optim;
pub mod philox;
pub mod pool;
pub mod reduce;
pub mod solve;
pub mod tangent;

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
    Family { name: "conv", kernels: conv::KERNELS, cases: conv::cases },
    Family { name: "guard", kernels: guard::KERNELS, cases: guard::cases },
    Family { name: "loss", kernels: loss::KERNELS, cases: loss::cases },
    Family { name: "map", kernels: map::KERNELS, cases: map::cases },
    Family { name: "optim", kernels: optim::KERNELS, cases: optim::cases },
    Family { name: "reduce", kernels: reduce::KERNELS, cases: reduce::cases },
    Family { name: "pool", kernels: pool::KERNELS, cases: pool::cases },
    Family { name: "norm", kernels: norm::KERNELS, cases: norm::cases },
    Family { name: "attention", kernels: attention::KERNELS, cases: attention::cases },
    Family { name: "krylov", kernels: krylov::KERNELS, cases: krylov::cases },
    Family { name: "edit", kernels: edit::KERNELS, cases: edit::cases },
    Family { name: "solve", kernels: solve::KERNELS, cases: solve::cases },
    Family { name: "graph", kernels: graph::KERNELS, cases: graph::cases },
];
