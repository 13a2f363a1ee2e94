//! Work as data: a `Recording` is a list of commands over buffer ids that either engine can run.

use std::marker::PhantomData;
use std::ops::Range;

use glam::UVec3;

use super::grid;
use super::kernel::{Access, Elem, Kernel, Params};
use crate::error::{Misuse, Result};

/// Tensors inside one buffer start at multiples of this many 4-byte elements (256 bytes): the largest storage
/// offset alignment any adapter asks for.
pub const ALIGN: usize = 64;

/// Which buffer: one the engine keeps, or one that lives only inside a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BufferId {
    /// A buffer of the engine, by its number.
    Kept(u32),
    /// A temporary of the recording, by its number.
    Temp(u32),
    /// In none. Whatever uses such a range is refused with the reason.
    Unusable(Unusable),
}

/// Why a range cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unusable {
    /// [`Buf::range`] was asked for elements that the range before it does not have.
    Range {
        /// First element asked for.
        start: u32,
        /// One behind the last.
        end: u32,
        /// Elements that there are.
        len: u32,
    },
    /// [`Buf::over`] was asked for elements of another type than these.
    Type(Elem),
}

/// Rust types that buffers hold.
pub trait Element: bytemuck::Pod {
    /// Its name in shaders.
    const ELEM: Elem;
}

impl Element for f32 {
    const ELEM: Elem = Elem::F32;
}

impl Element for u32 {
    const ELEM: Elem = Elem::U32;
}

/// A typed range of a buffer; offsets and lengths count 4-byte elements.
#[derive(Debug)]
pub struct Buf<T> {
    /// The buffer it lies in.
    pub id: BufferId,
    /// First element.
    pub offset: usize,
    /// Number of elements.
    pub len: usize,
    elem: PhantomData<fn() -> T>,
}

impl<T> Clone for Buf<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Buf<T> {}

impl<T: Element> Buf<T> {
    pub(super) fn new(id: BufferId, len: usize) -> Self {
        Buf { id, offset: 0, len, elem: PhantomData }
    }

    /// The typed range behind an untyped one of the same element type. With another type it is
    /// [`BufferId::Unusable`], and the recording or the engine that gets it says so.
    pub fn over(span: Span) -> Self {
        let id = if span.elem == T::ELEM { span.id } else { BufferId::Unusable(Unusable::Type(span.elem)) };
        Buf { id, offset: span.offset, len: span.len, elem: PhantomData }
    }

    /// A part of this range; `range.start` must be a multiple of [`ALIGN`] to be bound to a shader. One that is not
    /// inside is [`BufferId::Unusable`], and the recording or the engine that gets it says so.
    pub fn range(self, range: Range<usize>) -> Self {
        if range.start > range.end || range.end > self.len {
            let [start, end, len] = [range.start, range.end, self.len].map(|v| u32::try_from(v).unwrap_or(u32::MAX));
            let id = BufferId::Unusable(Unusable::Range { start, end, len });
            return Buf { id, len: range.len(), ..self };
        }
        Buf { offset: self.offset + range.start, len: range.len(), ..self }
    }

    /// The same range without its type.
    pub fn any(self) -> Span {
        Span { id: self.id, offset: self.offset, len: self.len, elem: T::ELEM }
    }
}

/// An untyped range of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The buffer it lies in.
    pub id: BufferId,
    /// First element.
    pub offset: usize,
    /// Number of elements.
    pub len: usize,
    /// Type of its elements.
    pub elem: Elem,
}

impl Span {
    pub(super) fn overlaps(&self, other: &Span) -> bool {
        self.id == other.id && self.offset < other.offset + other.len && other.offset < self.offset + self.len
    }
}

/// One recorded kernel launch.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// What runs.
    pub kernel: &'static Kernel,
    /// Override constants by name.
    pub consts: Vec<(&'static str, f64)>,
    /// The bytes of the parameter block.
    pub params: Vec<u8>,
    pub(super) fields: super::Fields,
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
}

/// What a recording will run on, as far as the choice of kernel variants cares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Target {
    /// The adapter is the CPU: no barriers, much work per invocation.
    pub software: bool,
    /// Smallest subgroup size; 0 without subgroup operations.
    pub subgroup: u32,
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

    /// Starts a dispatch: `rec.dispatch(&K).params(P { .. }).read(x).write(y).threads(n)`.
    pub fn dispatch(&mut self, kernel: &'static Kernel) -> Pass<'_> {
        let label = self.scope.join("/");
        let dispatch = Dispatch {
            kernel,
            consts: Vec::new(),
            params: Vec::new(),
            fields: &[],
            bindings: Vec::new(),
            groups: Groups::Groups(0),
            label,
            flops: 0,
            bytes: 0,
            turns: 0,
        };
        Pass { rec: self, dispatch }
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

/// A dispatch under construction; nothing is recorded until [`Pass::threads`] or [`Pass::groups`].
#[must_use = "a dispatch is recorded by .threads(n) or .groups(n)"]
pub struct Pass<'r> {
    rec: &'r mut Recording,
    dispatch: Dispatch,
}

impl Pass<'_> {
    /// Sets a WGSL `override` constant.
    pub fn set(mut self, name: &'static str, value: impl Into<f64>) -> Self {
        self.dispatch.consts.push((name, value.into()));
        self
    }

    /// The values of the shader's `p`.
    pub fn params<P: Params>(mut self, params: P) -> Self {
        self.dispatch.params = bytemuck::bytes_of(&params).to_vec();
        self.dispatch.fields = P::FIELDS;
        self
    }

    /// The next binding, only read.
    pub fn read<T: Element>(self, buf: Buf<T>) -> Self {
        self.bind(buf.any(), Access::Read)
    }

    /// The kernel overwrites every element it owns; the previous content does not matter.
    pub fn write<T: Element>(self, buf: Buf<T>) -> Self {
        self.bind(buf.any(), Access::Write)
    }

    /// The kernel reads and changes the content.
    pub fn update<T: Element>(self, buf: Buf<T>) -> Self {
        self.bind(buf.any(), Access::Update)
    }

    /// Binds an untyped range, for code that replays dispatches.
    pub fn bind(mut self, span: Span, access: Access) -> Self {
        self.dispatch.bindings.push((span, access));
        self
    }

    /// States the arithmetic and the least traffic, for the work cap per submission and for the benches.
    pub fn work(mut self, flops: u64, bytes: u64) -> Self {
        self.dispatch.flops = flops;
        self.dispatch.bytes = bytes;
        self
    }

    /// States how many loop iterations one invocation makes, all loops together: llvmpipe stops them at 65 535 and says
    /// nothing, so a program that needs more is refused there.
    pub fn turns(mut self, n: usize) -> Self {
        self.dispatch.turns = n as u64;
        self
    }

    /// Launches `n` invocations (rounded up to whole workgroups); none if `n` is 0.
    pub fn threads(self, n: usize) {
        self.launch(Groups::Threads(n as u64));
    }

    /// Launches `n` workgroups; none if `n` is 0.
    pub fn groups(self, n: usize) {
        self.launch(Groups::Groups(n as u64));
    }

    /// Launches a workgroup for each place of a grid, numbered along x, then y, then z.
    pub fn grid(self, grid: UVec3) {
        self.launch(Groups::Groups(grid::volume(grid)));
    }

    fn launch(mut self, groups: Groups) {
        self.dispatch.groups = groups;
        let kernel = self.dispatch.kernel.name;
        let spans = self.dispatch.bindings.iter().map(|(span, _)| *span);
        if spans.fold(self.rec.arguments(kernel), |checks, span| checks.usable_span(span)).wrong() {
            return;
        }
        if !matches!(groups, Groups::Threads(0) | Groups::Groups(0)) {
            self.rec.commands.push(Command::Dispatch(self.dispatch));
        }
    }
}
