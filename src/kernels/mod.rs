//! Kernels by family: rows, record functions, twins and cases. One stem here is one folder under `shaders/`.

pub mod asked;
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
mod odd;
pub mod optim;
mod order;
pub mod peak;
pub mod pool;
pub mod reduce;
mod reduction;
pub mod solve;
pub mod tangent;

pub use order::Order;
pub use reduction::{Reduction, ReductionMode};

use glam::UVec2;

use crate::engine::Kernel;
use crate::engine::case::{Case, Gen};

/// A height and a width, in the order in which PyTorch and configurations write them, as a vector: x counts along a
/// row, y down the rows.
pub const fn hw([height, width]: [u32; 2]) -> UVec2 {
    UVec2::new(width, height)
}

/// The kernels of every family.
pub fn kernels() -> Vec<&'static Kernel> {
    FAMILIES.iter().flat_map(|f| f.kernels.iter().copied()).collect()
}

/// The cases of every family.
pub fn cases() -> Vec<Case> {
    FAMILIES.iter().flat_map(Family::cases).collect()
}

/// One family: its kernels and its cases.
pub struct Family {
    /// The stem of its files and the first part of its kernels' names.
    pub name: &'static str,
    /// Its rows.
    pub kernels: &'static [&'static Kernel],
    plain: fn() -> Vec<Case>,
    /// The cases of one random shape.
    pub random: fn(&mut Gen) -> Vec<Case>,
    /// What can be timed at shapes of the user's.
    pub asked: fn() -> Vec<asked::Op>,
}

impl Family {
    /// Every case: the family's own, and those with odd numbers that are made of them.
    pub fn cases(&self) -> Vec<Case> {
        let mut all = (self.plain)();
        let odd = odd::cases(&all);
        all.extend(odd);
        all
    }
}

/// The list that everything walks.
pub static FAMILIES: &[Family] = &[
    Family {
        name: "linear",
        kernels: linear::KERNELS,
        plain: linear::cases,
        random: linear::random,
        asked: linear::asked,
    },
    Family { name: "conv", kernels: conv::KERNELS, plain: conv::cases, random: conv::random, asked: conv::asked },
    Family { name: "guard", kernels: guard::KERNELS, plain: guard::cases, random: guard::random, asked: asked::none },
    Family { name: "loss", kernels: loss::KERNELS, plain: loss::cases, random: loss::random, asked: loss::asked },
    Family { name: "map", kernels: map::KERNELS, plain: map::cases, random: map::random, asked: map::asked },
    Family { name: "optim", kernels: optim::KERNELS, plain: optim::cases, random: optim::random, asked: optim::asked },
    Family {
        name: "reduce",
        kernels: reduce::KERNELS,
        plain: reduce::cases,
        random: reduce::random,
        asked: reduce::asked,
    },
    Family { name: "pool", kernels: pool::KERNELS, plain: pool::cases, random: pool::random, asked: pool::asked },
    Family { name: "norm", kernels: norm::KERNELS, plain: norm::cases, random: norm::random, asked: norm::asked },
    Family {
        name: "attention",
        kernels: attention::KERNELS,
        plain: attention::cases,
        random: attention::random,
        asked: asked::none,
    },
    Family {
        name: "krylov",
        kernels: krylov::KERNELS,
        plain: krylov::cases,
        random: krylov::random,
        asked: asked::none,
    },
    Family { name: "edit", kernels: edit::KERNELS, plain: edit::cases, random: edit::random, asked: edit::asked },
    Family { name: "solve", kernels: solve::KERNELS, plain: solve::cases, random: solve::random, asked: asked::none },
    Family { name: "graph", kernels: graph::KERNELS, plain: graph::cases, random: graph::random, asked: graph::asked },
    Family { name: "peak", kernels: peak::KERNELS, plain: peak::cases, random: peak::random, asked: peak::asked },
];
