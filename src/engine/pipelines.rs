//! The pipelines of an engine: each made once.

use std::collections::HashMap;
use std::sync::Arc;

use super::kept::Kept;
use super::stack::Sharing;

pub(super) struct Pipeline {
    pub pipeline: wgpu::ComputePipeline,
    pub layout: wgpu::BindGroupLayout,
    pub workgroup: u64,
}

/// What tells pipelines apart: the module and the values of its overrides.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub module: ModuleKey,
    pub consts: Vec<(String, u64)>,
}

/// A kernel's name, its source's address, which tells a mutated copy (a planted fault) from the original, whether the
/// run-time guards are in it, and how models share it.
pub(super) type ModuleKey = (&'static str, usize, bool, Sharing);

/// What an engine has made so far.
#[derive(Default)]
pub(super) struct Pipelines {
    pub made: HashMap<Key, Arc<Pipeline>>,
    /// What the driver keeps on disk.
    pub kept: Option<Kept>,
    /// Seconds in which pipelines were made.
    pub seconds: f64,
}

impl Pipelines {
    /// None made yet.
    pub fn over(kept: Option<Kept>) -> Pipelines {
        Pipelines { kept, ..Pipelines::default() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.made.len()
    }
}
