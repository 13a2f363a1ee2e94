//! A dispatch as it is written down: `rec.dispatch(&K).params(P { .. }).read(x).write(y).threads(n)`.

use glam::UVec3;

use super::grid;
use super::kernel::{Access, Kernel, Params};
use super::recording::{Command, Dispatch, Groups, Recording};
use super::span::{Buf, Element, Span};

impl Recording {
    /// Starts a dispatch: `rec.dispatch(&K).params(P { .. }).read(x).write(y).threads(n)`.
    pub fn dispatch(&mut self, kernel: &'static Kernel) -> Pass<'_> {
        let label = self.scope.join("/");
        Pass::new(self, kernel, label)
    }
}

/// A dispatch under construction; nothing is recorded until [`Pass::threads`] or [`Pass::groups`].
#[must_use = "a dispatch is recorded by .threads(n) or .groups(n)"]
pub struct Pass<'r> {
    rec: &'r mut Recording,
    dispatch: Dispatch,
}

impl<'r> Pass<'r> {
    pub(super) fn new(rec: &'r mut Recording, kernel: &'static Kernel, label: String) -> Pass<'r> {
        let (consts, params, fields, bindings) = (Vec::new(), Vec::new(), &[][..], Vec::new());
        let (groups, flops, bytes, turns) = (Groups::Groups(0), 0, 0, 0);
        let dispatch = Dispatch { kernel, consts, params, fields, bindings, groups, label, flops, bytes, turns };
        Pass { rec, dispatch }
    }

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
