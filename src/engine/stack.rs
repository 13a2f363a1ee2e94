//! Stacks: S models of one architecture run by one set of dispatches. A recording describes one model, as ever; a
//! stacked one is done for several in the places of their own, and what they share is there once. The shader's stacked
//! form is made from its text (`stack/form.rs`), so a model's bytes are those of the same model alone.

pub(super) mod form;
pub(super) mod places;
mod refuse;

use std::collections::BTreeMap;

use super::recording::{Command, Recording};
use super::span::{ALIGN, Buf, BufferId, Element, Span, Unusable};
use super::{Data, Engine, Program};
use crate::error::{Error, Mistake, Result};

/// The most models that one stack may have.
pub const MOST_MODELS: usize = form::MOST_MODELS;

/// How the invocations of a dispatch are shared out among models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sharing {
    /// There is one model.
    Alone,
    /// A layer of the grid for each.
    Layers,
    /// Neighbouring invocations do the same of [`LANES`] models: on a CPU, whose lanes wait for the longest loop among
    /// them, that makes all loops equally long where rows of a sparse matrix are not.
    Lanes,
}

/// Models beside one another in [`Sharing::Lanes`].
pub(super) const LANES: usize = 8;

impl Sharing {
    /// Models of one layer of the grid.
    pub fn lanes(self) -> usize {
        if self == Sharing::Lanes { LANES } else { 1 }
    }
}

/// A kept buffer of equal parts, one for each model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// Elements of a part.
    pub len: usize,
    /// Elements from the start of a part to the next.
    pub stride: usize,
    pub models: usize,
}

impl Parts {
    fn new(len: usize, models: usize) -> Parts {
        Parts { len, stride: stride(len), models }
    }

    fn elements(self) -> usize {
        self.stride * self.models
    }
}

/// Elements from one part of so many elements to the next: whole blocks of 256 bytes.
pub(super) fn stride(len: usize) -> usize {
    len.max(1).next_multiple_of(ALIGN)
}

/// Kept buffers that have parts, by number.
pub(super) type PartsOf = BTreeMap<u32, Parts>;

/// Elements from one slot, and from one model, to the next in a buffer: temporaries lie by slot, kept parts by model,
/// and what all share lies still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Strides {
    pub slot: usize,
    pub model: usize,
}

impl Recording {
    /// Makes it one of so many models at once. It is recorded as for one: a kept buffer that was made by
    /// [`Engine::alloc_parts`] stands for the part of each model, a temporary is there for each, and any other kept
    /// buffer is shared and may only be read. Inputs and outputs of a run hold what one model's would, model by model.
    pub fn stacked(mut self, models: usize) -> Self {
        self.models = Some(models);
        self
    }

    /// How many models it is of, if it is stacked.
    pub fn models(&self) -> Option<usize> {
        self.models
    }

    /// How the places of a range follow one another.
    pub(super) fn strides(&self, span: &Span, parts: &PartsOf) -> Strides {
        match (self.models, span.id) {
            (Some(_), BufferId::Temp(t)) => Strides { slot: stride(self.temps[t as usize].len), model: 0 },
            (Some(_), BufferId::Kept(k)) => Strides { slot: 0, model: parts.get(&k).map_or(0, |p| p.stride) },
            _ => Strides::default(),
        }
    }

    /// The recording over the parts of one model: what the reference engine runs.
    pub(super) fn of_model(&self, model: usize, parts: &PartsOf) -> Recording {
        let shift = |span: &mut Span| span.offset += model * self.strides(span, parts).model;
        let mut one = self.clone();
        for command in &mut one.commands {
            match command {
                Command::Upload { dst, .. } | Command::Clear { dst } => shift(dst),
                Command::Readback { src, .. } => shift(src),
                Command::Copy { src, dst } => [src, dst].into_iter().for_each(shift),
                Command::Dispatch(d) => d.bindings.iter_mut().for_each(|(span, _)| shift(span)),
            }
        }
        one.outputs.iter_mut().for_each(shift);
        one.models = None;
        one
    }
}

impl Engine {
    /// A buffer of `models` equal parts, zeroed, which lives until [`Engine::release`]. The range is that of the first
    /// model; [`Engine::part`] has the others'.
    ///
    /// # Errors
    /// No model or too many, or no memory.
    pub fn alloc_parts<T: Element>(&mut self, name: &str, len: usize, models: usize) -> Result<Buf<T>> {
        refuse::count(models)?;
        let parts = Parts::new(len, models);
        let whole = self.alloc::<T>(name, parts.elements())?;
        if let BufferId::Kept(k) = whole.id {
            self.parts.insert(k, parts);
        }
        Ok(whole.range(0..len))
    }

    /// The range of model `model` that `of` is of the first: to be read and written, or recorded over by itself.
    pub fn part<T: Element>(&self, of: Buf<T>, model: usize) -> Buf<T> {
        let BufferId::Kept(k) = of.id else { return of };
        match self.parts.get(&k) {
            Some(parts) if model < parts.models => Buf { offset: of.offset + model * parts.stride, ..of },
            _ if model == 0 => of,
            parts => {
                let models = parts.map_or(1, |p| p.models);
                let [start, end, len] = [model, model + 1, models].map(|v| u32::try_from(v).unwrap_or(u32::MAX));
                Buf { id: BufferId::Unusable(Unusable::Range { start, end, len }), ..of }
            }
        }
    }

    /// The lengths of kept buffers as a recording sees them: of a part, where it is stacked.
    pub(super) fn lens_for(&self, rec: &Recording) -> Vec<usize> {
        let mut lens = self.lens.clone();
        if rec.models.is_some() {
            self.parts.iter().for_each(|(k, parts)| lens[*k as usize] = parts.len);
        }
        lens
    }

    /// Starts a run of a stacked program for some of its models, in slots in this order: inputs hold theirs alone, one
    /// behind the other, and outputs come back so. The others' bytes stay as they are.
    ///
    /// # Errors
    /// As [`Engine::submit`]; a program that is not stacked, a model that it does not have or one named twice.
    pub fn submit_for(&mut self, program: &Program, models: &[u32], inputs: &[Data]) -> Result<super::Ticket> {
        refuse::models(program.rec.models, models)?;
        self.send(program, models, inputs)
    }

    /// As [`Engine::run`], for some of a stacked program's models.
    ///
    /// # Errors
    /// As [`Engine::submit_for`].
    pub fn run_for(&mut self, program: &Program, models: &[u32], inputs: &[Data]) -> Result<Vec<Data>> {
        let ticket = self.submit_for(program, models, inputs)?;
        self.wait(ticket)
    }
}

impl Data {
    /// The piece of slot `slot`, of `len` elements.
    pub fn piece(&self, slot: usize, len: usize) -> Data {
        let range = slot * len..(slot + 1) * len;
        match self {
            Data::F32(v) => Data::F32(v[range].to_vec()),
            Data::U32(v) => Data::U32(v[range].to_vec()),
        }
    }

    /// So many times behind one another.
    pub fn repeated(&self, times: usize) -> Data {
        match self {
            Data::F32(v) => Data::F32(v.repeat(times)),
            Data::U32(v) => Data::U32(v.repeat(times)),
        }
    }

    /// Behind one another; all of one type.
    ///
    /// # Errors
    /// Pieces of different types.
    pub fn joined(pieces: Vec<Data>) -> Result<Data> {
        let mut pieces = pieces.into_iter();
        let Some(mut all) = pieces.next() else { return Ok(Data::F32(Vec::new())) };
        for piece in pieces {
            match (&mut all, piece) {
                (Data::F32(to), Data::F32(more)) => to.extend(more),
                (Data::U32(to), Data::U32(more)) => to.extend(more),
                _ => {
                    let what = Mistake::Other("pieces of one input hold different types".to_owned());
                    return Err(Error::misuse("Data::joined", what));
                }
            }
        }
        Ok(all)
    }
}
