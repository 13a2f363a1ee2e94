//! One flat parameter vector: names, shapes and aligned ranges. Gradient, Fisher, optimiser state and masks share it.

use std::ops::Range;

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
    /// Uniform about 0 with this standard deviation.
    Spread(f32),
    /// This value everywhere.
    Constant(f32),
    /// A whole number from 0 on; files hold it as one.
    Count,
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

/// Where a network's numbers lie on an engine.
#[derive(Clone, Copy, Debug)]
pub struct Values {
    /// The parameters, [layout.total()].
    pub theta: Buf<f32>,
    /// What training changes without a gradient, [layout.state_total()], where there is any.
    pub state: Option<Buf<f32>>,
}

/// A network whose layers keep nothing but parameters.
impl From<Buf<f32>> for Values {
    fn from(theta: Buf<f32>) -> Values {
        Values { theta, state: None }
    }
}

/// Names to ranges of one vector; each range starts 256-byte aligned, the lanes between ranges stay 0. Running
/// statistics are named ranges of a vector of their own, the state, that no gradient, optimiser or edit of parameters
/// reaches; on the host it lies behind the parameters: [`ParamLayout::whole`] numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParamLayout {
    entries: Vec<ParamEntry>,
    total: usize,
    state: Vec<ParamEntry>,
    state_total: usize,
    buffers: Vec<(String, f32)>,
    aliases: Vec<(String, String)>,
}

impl ParamLayout {
    /// Appends parameters.
    ///
    /// # Errors
    /// A name that is already taken; more parameters than a buffer of any adapter can hold.
    pub fn extend(&mut self, specs: Vec<ParamSpec>) -> Result<()> {
        specs.into_iter().try_for_each(|spec| append(&mut self.entries, &mut self.total, spec))
    }

    /// Appends running statistics.
    ///
    /// # Errors
    /// As [`ParamLayout::extend`].
    pub fn extend_state(&mut self, specs: Vec<ParamSpec>) -> Result<()> {
        specs.into_iter().try_for_each(|spec| append(&mut self.state, &mut self.state_total, spec))
    }

    /// Appends numbers that PyTorch keeps in a state dict beside the parameters, tensors of shape \[1\].
    pub fn extend_buffers(&mut self, buffers: Vec<(String, f32)>) {
        self.buffers.extend(buffers);
    }

    /// Fixed by the configuration; in files alone, so that PyTorch takes them strictly.
    pub fn buffers(&self) -> &[(String, f32)] {
        &self.buffers
    }

    /// Appends further names of parameters: (this one, of this parameter).
    pub fn extend_aliases(&mut self, aliases: Vec<(String, String)>) {
        self.aliases.extend(aliases);
    }

    /// Names that files have besides for some parameters, which are held once: (this one, of this parameter).
    pub fn aliases(&self) -> &[(String, String)] {
        &self.aliases
    }

    /// All parameters, in the order of the flat vector.
    pub fn entries(&self) -> &[ParamEntry] {
        &self.entries
    }

    /// Length of the flat vector, padding included.
    pub fn total(&self) -> usize {
        self.total
    }

    /// Running statistics, in the order of the state; offsets are places in it.
    pub fn state(&self) -> &[ParamEntry] {
        &self.state
    }

    /// Length of the state, padding included.
    pub fn state_total(&self) -> usize {
        self.state_total
    }

    /// Length of a network's numbers on the host: the parameters, and behind them the state.
    pub fn whole(&self) -> usize {
        self.total + self.state_total
    }

    /// Every named tensor and its place among a network's numbers on the host.
    pub fn tensors(&self) -> impl Iterator<Item = (&ParamEntry, Range<usize>)> {
        let place = |from: usize| move |e: &'_ ParamEntry| from + e.offset..from + e.offset + e.len;
        let (first, second) = (place(0), place(self.total));
        self.entries.iter().map(move |e| (e, first(e))).chain(self.state.iter().map(move |e| (e, second(e))))
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

    /// Where a running statistic lies in the state.
    pub fn state_range(&self, name: &str) -> Result<Range<usize>> {
        let found = self.state.iter().find(|e| e.name == name).map(|e| e.offset..e.offset + e.len);
        found.ok_or_else(|| Error::internal(format!("no running statistic is called `{name}`")))
    }
}

/// Appends a tensor to a vector of `total` elements.
fn append(entries: &mut Vec<ParamEntry>, total: &mut usize, spec: ParamSpec) -> Result<()> {
    let ParamSpec { name, shape, init } = spec;
    if entries.iter().any(|e| e.name == name) {
        return Err(Error::input(format!("two layers both have a parameter `{name}`; give them different names")));
    }
    let left = MOST_PARAMETERS.saturating_sub(*total);
    let len = elements(&shape).filter(|len| *len <= left).ok_or_else(|| {
        Error::input(format!(
            "the parameter `{name}` has shape {shape:?}; a network may have {MOST_PARAMETERS} parameters in all; make \
             its layers narrower"
        ))
    })?;
    entries.push(ParamEntry { name, shape, init, offset: *total, len });
    *total += usize::next_multiple_of(len, ALIGN);
    Ok(())
}
