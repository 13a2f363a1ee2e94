//! The reference engine: runs a recording on the CPU twins, f32 buffers held in f64.

use super::kernel::{Access, Lane, TwinCall};
use super::plan;
use super::recording::{Command, Dispatch, Recording};
use super::span::{BufferId, Elem, Span};
use super::stack::{PartsOf, stride};
use super::{Data, shader};
use crate::error::Result;

/// Buffers of the reference engine.
#[derive(Default)]
pub struct Reference {
    pub(super) kept: Vec<Lane>,
    temps: Vec<Lane>,
}

/// Contents of one reference buffer of `len` elements, zeroed like a fresh GPU buffer.
fn blank(elem: Elem, len: usize) -> Lane {
    match elem {
        Elem::F32 => Lane::F32(vec![0.0; len]),
        Elem::U32 => Lane::U32(vec![0; len]),
    }
}

impl Reference {
    pub(super) fn alloc(&mut self, elem: Elem, len: usize) -> BufferId {
        self.kept.push(blank(elem, len));
        BufferId::Kept(self.kept.len() as u32 - 1)
    }

    fn lane(&mut self, id: BufferId) -> &mut Lane {
        match id {
            BufferId::Kept(i) => &mut self.kept[i as usize],
            BufferId::Temp(i) => &mut self.temps[i as usize],
            BufferId::Unusable(why) => panic!("a range that is in no buffer: {why:?}"),
        }
    }

    /// Reads a range at full precision.
    ///
    /// # Panics
    /// The range is not inside a buffer of this engine.
    pub fn load(&mut self, span: Span) -> Lane {
        let range = span.offset..span.offset + span.len;
        match self.lane(span.id) {
            Lane::F32(v) => Lane::F32(v[range].to_vec()),
            Lane::U32(v) => Lane::U32(v[range].to_vec()),
        }
    }

    /// Writes a range at full precision.
    ///
    /// # Panics
    /// The range is not inside a buffer of this engine, or `content` has another length or type.
    pub fn store(&mut self, span: Span, content: &Lane) {
        let range = span.offset..span.offset + span.len;
        match (self.lane(span.id), content) {
            (Lane::F32(to), Lane::F32(from)) => to[range].copy_from_slice(from),
            (Lane::U32(to), Lane::U32(from)) => to[range].copy_from_slice(from),
            _ => panic!("a range of one type was written with the other"),
        }
    }

    /// Runs the first `limit` commands of a recording.
    pub(super) fn run(&mut self, rec: &Recording, inputs: &[Data], limit: usize) -> Result<Vec<Lane>> {
        self.temps = rec.temps.iter().map(|t| blank(t.elem, t.len)).collect();
        for command in &rec.commands {
            if let Command::Upload { dst, input } = command {
                self.store(*dst, &inputs[*input].lane());
            }
        }
        for command in rec.commands.iter().take(limit) {
            match command {
                Command::Upload { .. } | Command::Readback { .. } => {}
                Command::Copy { src, dst } => {
                    let content = self.load(*src);
                    self.store(*dst, &content);
                }
                Command::Clear { dst } => self.store(*dst, &blank(dst.elem, dst.len)),
                Command::Dispatch(d) => self.call(d)?,
            }
        }
        Ok(rec.outputs.iter().map(|span| self.load(*span)).collect())
    }

    /// Runs a stacked recording model by model.
    pub(super) fn run_models(
        &mut self,
        (rec, parts): (&Recording, &PartsOf),
        models: &[u32],
        inputs: &[Data],
    ) -> Result<Vec<Lane>> {
        let mut all: Vec<Lane> = Vec::new();
        for (slot, model) in models.iter().enumerate() {
            let mine: Vec<Data> = inputs.iter().zip(&rec.inputs).map(|(data, len)| data.piece(slot, *len)).collect();
            let out = self.run(&rec.of_model(*model as usize, parts), &mine, usize::MAX)?;
            match all.is_empty() {
                true => all = out,
                false => all.iter_mut().zip(&out).for_each(|(to, more)| append(to, more)),
            }
        }
        Ok(all)
    }

    fn call(&mut self, d: &Dispatch) -> Result<()> {
        let consts = shader::composed(d.kernel)?.consts(d.kernel, &d.consts)?;
        let mut binds: Vec<Lane> = d.bindings.iter().map(|(span, _)| self.load(*span)).collect();
        (d.kernel.twin)(&mut TwinCall { consts: &consts, params: &d.params, binds: &mut binds });
        for ((span, access), lane) in d.bindings.iter().zip(&binds) {
            if *access != Access::Read {
                self.store(*span, lane);
            }
        }
        Ok(())
    }

    /// Bytes that a GPU would need for the temporaries of a recording.
    pub(super) fn planned_bytes(rec: &Recording) -> u64 {
        match rec.models() {
            Some(models) => plan::plan(rec).slots.iter().map(|n| (stride(*n) * models) as u64 * 4).sum(),
            None => plan::plan(rec).bytes(),
        }
    }
}

fn append(to: &mut Lane, more: &Lane) {
    match (to, more) {
        (Lane::F32(to), Lane::F32(more)) => to.extend(more),
        (Lane::U32(to), Lane::U32(more)) => to.extend(more),
        _ => {}
    }
}
