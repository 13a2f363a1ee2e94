//! Work as data: a `Recording` is a list of commands over buffer ids that either engine can run.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::choices::{Advice, By};
use super::kernel::{Access, Fields, Kernel};
use super::span::{Buf, BufferId, Elem, Element, Span};
use super::target::Target;
use crate::error::{Misuse, Result};

/// One recorded kernel launch.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// What runs.
    pub kernel: &'static Kernel,
    /// Override constants by name.
    pub consts: Vec<(&'static str, f64)>,
    /// The bytes of the parameter block.
    pub params: Vec<u8>,
    pub(super) fields: Fields,
    /// Ranges in the order of the shader's bindings.
    pub bindings: Vec<(Span, Access)>,
    /// How many workgroups, and along which axes.
    pub groups: Groups,
    /// The scope it was recorded under, for traces and error messages: `conv1/forward`.
    pub label: String,
    /// Floating point operations and bytes moved at least once, for the work cap and the benches.
    pub flops: u64,
    /// Bytes it must move at least, for bandwidth.
    pub bytes: u64,
    /// Loop iterations of one invocation, all loops together.
    pub turns: u64,
}

/// The launch size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Groups {
    /// So many invocations; the workgroup size `WG` divides them into groups.
    Threads(u64),
    /// So many workgroups.
    Groups(u64),
}

/// One entry of a recording.
#[derive(Clone, Debug)]
pub enum Command {
    /// Fill `dst` with the run's input number `input`.
    Upload {
        /// Where it goes.
        dst: Span,
        /// Which of the inputs that a run is given.
        input: usize,
    },
    /// Runs a kernel.
    Dispatch(Dispatch),
    /// Copies a range.
    Copy {
        /// From.
        src: Span,
        /// To, of the same length.
        dst: Span,
    },
    /// Zero a range.
    Clear {
        /// What becomes 0.
        dst: Span,
    },
    /// Return `src` as the run's output number `output`.
    Readback {
        /// What is read.
        src: Span,
        /// Its place among the outputs of a run.
        output: usize,
    },
}

/// A buffer that lives only inside a recording: contents do not survive from one run to the next.
#[derive(Clone, Debug)]
pub struct Temp {
    /// For messages and traces.
    pub name: String,
    /// Number of elements.
    pub len: usize,
    /// Type of its elements.
    pub elem: Elem,
}

/// A list of commands, recorded once and run again and again.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// What runs, in order.
    pub commands: Vec<Command>,
    /// Buffers that live while it runs.
    pub temps: Vec<Temp>,
    /// Element counts of the inputs and outputs of one run.
    pub inputs: Vec<usize>,
    /// What a run gives back.
    pub outputs: Vec<Span>,
    pub(super) scope: Vec<String>,
    /// The first call that did not fit; nothing is recorded after it.
    pub(super) misuse: Option<Box<Misuse>>,
    target: Target,
    /// What a measurement says of variants.
    pub(super) advice: Option<Arc<Advice>>,
    /// Names of the forms that it was given by measurement.
    pub(super) picked: BTreeMap<&'static str, By>,
    /// How many models it is of, where it is stacked.
    pub(super) models: Option<usize>,
}

impl Recording {
    /// An empty recording whose variants are chosen for `target`.
    pub fn new(target: Target) -> Self {
        Recording { target, ..Self::default() }
    }

    /// For which adapter's limits it is recorded.
    pub fn target(&self) -> Target {
        self.target
    }

    /// A buffer of this recording's own; the planner lets it share memory with others that are not live together.
    pub fn temp<T: Element>(&mut self, name: &str, len: usize) -> Buf<T> {
        let id = BufferId::Temp(self.temps.len() as u32);
        let name = if self.scope.is_empty() { name.to_owned() } else { format!("{}/{name}", self.scope.join("/")) };
        self.temps.push(Temp { name, len, elem: T::ELEM });
        Buf::new(id, len)
    }

    /// Labels what is recorded until the matching [`Recording::leave`].
    pub fn enter(&mut self, scope: &str) {
        self.scope.push(scope.to_owned());
    }

    /// Ends the innermost label.
    pub fn leave(&mut self) {
        self.scope.pop();
    }

    /// `dst` takes the next input of each run; returns that input's number.
    pub fn upload<T: Element>(&mut self, dst: Buf<T>) -> usize {
        let input = self.inputs.len();
        if self.arguments("Recording::upload").usable(dst).wrong() {
            return input;
        }
        self.inputs.push(dst.len);
        self.commands.push(Command::Upload { dst: dst.any(), input });
        input
    }

    /// `src` becomes the next output of each run; returns that output's number.
    pub fn readback<T: Element>(&mut self, src: Buf<T>) -> usize {
        let output = self.outputs.len();
        if self.arguments("Recording::readback").usable(src).wrong() {
            return output;
        }
        self.outputs.push(src.any());
        self.commands.push(Command::Readback { src: src.any(), output });
        output
    }

    /// `dst` becomes what `src` holds; equal lengths.
    pub fn copy<T: Element>(&mut self, src: Buf<T>, dst: Buf<T>) {
        if !self.arguments("Recording::copy").usable(src).shape("dst", dst, &[src.len]).wrong() {
            self.commands.push(Command::Copy { src: src.any(), dst: dst.any() });
        }
    }

    /// `dst` becomes zeros.
    pub fn clear<T: Element>(&mut self, dst: Buf<T>) {
        if !self.arguments("Recording::clear").usable(dst).wrong() {
            self.commands.push(Command::Clear { dst: dst.any() });
        }
    }

    /// The kernels that run, without copies and transfers.
    pub fn dispatches(&self) -> impl Iterator<Item = &Dispatch> {
        self.commands.iter().filter_map(|c| match c {
            Command::Dispatch(d) => Some(d),
            _ => None,
        })
    }

    /// Checks every dispatch against its shader (binding count, access, element types, parameter fields, overrides)
    /// and against aliasing: a written range may not overlap another range of the same dispatch, and a buffer may
    /// not be read and written in one dispatch even on disjoint ranges (WebGPU's usage rule).
    ///
    /// # Errors
    /// The first call of a record function that did not fit, or the first dispatch that does not.
    pub fn check(&self) -> Result<()> {
        self.sound()?;
        self.dispatches().try_for_each(Dispatch::check)
    }
}
