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
use crate::engine::case::{Case, Gen};

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
    /// The cases of one random shape, for families that can make them.
    pub random: Option<fn(&mut Gen) -> Vec<Case>>,
}

/// The list that everything walks.
pub static FAMILIES: &[Family] = &[
    Family { name: "linear", kernels: linear::KERNELS, cases: linear::cases, random: Some(linear::random) },
    Family { name: "conv", kernels: conv::KERNELS, cases: conv::cases, random: Some(conv::random) },
    Family { name: "guard", kernels: guard::KERNELS, cases: guard::cases, random: None },
    Family { name: "loss", kernels: loss::KERNELS, cases: loss::cases, random: None },
    Family { name: "map", kernels: map::KERNELS, cases: map::cases, random: Some(map::random) },
    Family { name: "optim", kernels: optim::KERNELS, cases: optim::cases, random: None },
    Family { name: "reduce", kernels: reduce::KERNELS, cases: reduce::cases, random: Some(reduce::random) },
    Family { name: "pool", kernels: pool::KERNELS, cases: pool::cases, random: None },
    Family { name: "norm", kernels: norm::KERNELS, cases: norm::cases, random: None },
    Family { name: "attention", kernels: attention::KERNELS, cases: attention::cases, random: None },
    Family { name: "krylov", kernels: krylov::KERNELS, cases: krylov::cases, random: None },
    Family { name: "edit", kernels: edit::KERNELS, cases: edit::cases, random: None },
    Family { name: "solve", kernels: solve::KERNELS, cases: solve::cases, random: None },
    Family { name: "graph", kernels: graph::KERNELS, cases: graph::cases, random: Some(graph::random) },
];
