//! One flat parameter vector: names, shapes and aligned ranges. Gradient, Fisher, optimiser state and masks share it.

use crate::engine::{ALIGN, Buf};
use crate::error::{Error, Result};

/// Elements of the flat vector: 4 GiB, which is what 32 bits address in a buffer.
pub const MOST_PARAMETERS: usize = 1 << 30;

/// The number of elements of a shape, if it can be counted.
pub(super) fn elements(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim))
}

/// How a parameter starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Uniform in ±sqrt(6 / fan_in): He et al. 2015, "Delving deep into rectifiers", eq. 10, uniform form.
    HeUniform {
        /// Inputs of a unit.
        fan_in: usize,
    },
    /// Uniform in ±sqrt(6 / (fan_in + fan_out)): Glorot & Bengio 2010, eq. 16.
    GlorotUniform {
        /// Inputs of a unit.
        fan_in: usize,
        /// Outputs that an input reaches.
        fan_out: usize,
    },
    /// This value everywhere.
    Constant(f32),
}

/// A parameter that a layer asks for; shapes are PyTorch's.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamSpec {
    /// The name within its layer: `weight`, `bias`.
    pub name: String,
    /// In PyTorch's order.
    pub shape: Vec<usize>,
    /// What it starts from.
    pub init: Init,
}

impl ParamSpec {
    /// A parameter that starts at 0, as biases do.
    pub fn zeros(name: String, shape: Vec<usize>) -> ParamSpec {
        ParamSpec { name, shape, init: Init::Constant(0.0) }
    }
}

/// A parameter and its place in the flat vector.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamEntry {
    /// Layer and part, as PyTorch's state dict has them.
    pub name: String,
    /// In PyTorch's order.
    pub shape: Vec<usize>,
    /// What it starts from.
    pub init: Init,
    /// First element in the flat vector.
    pub offset: usize,
    /// Elements, without padding.
    pub len: usize,
}

/// Names to ranges of one vector; each range starts 256-byte aligned, the lanes between ranges stay 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParamLayout {
    entries: Vec<ParamEntry>,
    total: usize,
    buffers: Vec<(String, f32)>,
}

impl ParamLayout {
    /// Appends parameters.
    ///
    /// # Errors
    /// A name that is already taken; more parameters than a buffer of any adapter can hold.
    pub fn extend(&mut self, specs: Vec<ParamSpec>) -> Result<()> {
        for spec in specs {
            if self.entries.iter().any(|e| e.name == spec.name) {
                return Err(Error::input(format!(
                    "two layers both have a parameter `{}`; give them different names",
                    spec.name
                )));
            }
            let left = MOST_PARAMETERS.saturating_sub(self.total);
            let len = elements(&spec.shape).filter(|len| *len <= left).ok_or_else(|| {
                Error::input(format!(
                    "the parameter `{}` has shape {:?}; a network may have {MOST_PARAMETERS} parameters in all; make \
                     its layers narrower",
                    spec.name, spec.shape
                ))
            })?;
            self.entries.push(ParamEntry {
                name: spec.name,
                shape: spec.shape,
                init: spec.init,
                offset: self.total,
                len,
            });
            self.total += usize::next_multiple_of(len, ALIGN);
        }
        Ok(())
    }

    /// Appends numbers that PyTorch keeps in a state dict beside the parameters, tensors of shape \[1\].
    pub fn extend_buffers(&mut self, buffers: Vec<(String, f32)>) {
        self.buffers.extend(buffers);
    }

    /// Fixed by the configuration; in files alone, so that PyTorch takes them strictly.
    pub fn buffers(&self) -> &[(String, f32)] {
        &self.buffers
    }

    /// All parameters, in the order of the flat vector.
    pub fn entries(&self) -> &[ParamEntry] {
        &self.entries
    }

    /// Length of the flat vector, padding included.
    pub fn total(&self) -> usize {
        self.total
    }

    /// Number of real parameters.
    pub fn count(&self) -> usize {
        self.entries.iter().map(|e| e.len).sum()
    }

    /// The parameter of this name.
    pub fn get(&self, name: &str) -> Result<&ParamEntry> {
        let found = self.entries.iter().find(|e| e.name == name);
        found.ok_or_else(|| Error::internal(format!("no parameter is called `{name}`")))
    }

    /// The range of a parameter inside a flat vector.
    pub fn slice(&self, flat: Buf<f32>, name: &str) -> Result<Buf<f32>> {
        let e = self.get(name)?;
        Ok(flat.range(e.offset..e.offset + e.len))
    }
}
