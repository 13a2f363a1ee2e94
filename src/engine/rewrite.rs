//! Changing what was recorded: launches with other buffers or settings, buffers with other numbers, dead commands.

use std::collections::HashSet;

use super::kernel::{Access, Params};
use super::recording::{Command, Dispatch, Recording};
use super::shader;
use super::span::{Buf, BufferId, Element, Span};
use crate::error::Result;

impl Dispatch {
    /// The range that binding `i` names.
    pub fn bound<T: Element>(&self, i: usize) -> Buf<T> {
        Buf::over(self.bindings[i].0)
    }

    /// The same launch with another buffer at binding `i`.
    pub fn exchange<T: Element>(&mut self, i: usize, by: Buf<T>) {
        self.bindings[i].0 = by.any();
    }

    /// The value of a WGSL `override` constant.
    pub fn constant(&self, name: &str) -> Result<f64> {
        let consts = shader::composed(self.kernel)?.consts(self.kernel, &self.consts)?;
        Ok(consts.get(name).copied().unwrap_or(0.0))
    }

    /// Gives a WGSL `override` constant another value.
    pub fn set(&mut self, name: &'static str, value: impl Into<f64>) {
        self.consts.retain(|(n, _)| *n != name);
        self.consts.push((name, value.into()));
    }

    /// The parameter struct.
    pub fn params<P: Params>(&self) -> P {
        bytemuck::pod_read_unaligned(&self.params)
    }

    /// Changes the parameter struct.
    pub fn with_params<P: Params>(&mut self, change: impl FnOnce(&mut P)) {
        let mut params: P = self.params();
        change(&mut params);
        self.params = bytemuck::bytes_of(&params).to_vec();
    }
}

impl Recording {
    /// Leaves out what computes nothing that is kept, read back or needed for either: a temporary that nobody reads
    /// takes the commands that fill it along.
    pub fn prune(&mut self) {
        let mut needed = HashSet::new();
        let mut kept = Vec::new();
        for command in std::mem::take(&mut self.commands).into_iter().rev() {
            let wanted = |span: &Span| matches!(span.id, BufferId::Kept(_)) || needed.contains(&span.id);
            let (reads, keep): (Vec<Span>, bool) = match &command {
                Command::Upload { .. } => (Vec::new(), true),
                Command::Readback { src, .. } => (vec![*src], true),
                Command::Copy { src, dst } => (vec![*src], wanted(dst)),
                Command::Clear { dst } => (Vec::new(), wanted(dst)),
                Command::Dispatch(d) => {
                    let written = |(span, access): &(Span, Access)| access.writes() && wanted(span);
                    (d.bindings.iter().map(|(span, _)| *span).collect(), d.bindings.iter().any(written))
                }
            };
            if keep {
                needed.extend(reads.iter().map(|span| span.id));
                kept.push(command);
            }
        }
        kept.reverse();
        self.commands = kept;
    }

    /// The same recording over kept buffers numbered from `base`, for recordings made before their buffers.
    pub fn rebased(mut self, base: usize) -> Self {
        let shift = |span: &mut Span| {
            if let BufferId::Kept(i) = &mut span.id {
                *i += base as u32;
            }
        };
        for command in &mut self.commands {
            match command {
                Command::Upload { dst, .. } | Command::Clear { dst } => shift(dst),
                Command::Readback { src, .. } => shift(src),
                Command::Copy { src, dst } => {
                    shift(src);
                    shift(dst);
                }
                Command::Dispatch(d) => d.bindings.iter_mut().for_each(|(span, _)| shift(span)),
            }
        }
        self.outputs.iter_mut().for_each(shift);
        self
    }
}
