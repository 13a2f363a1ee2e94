//! The only place that names wgpu: recordings as data, and the two engines that run them.

mod adapter;
mod adopt;
mod arguments;
pub mod case;
mod check;
mod choices;
mod data;
mod facts;
mod form;
mod gpu;
mod grid;
mod kept;
mod kernel;
mod making;
mod pass;
mod pipelines;
mod plan;
mod precision;
mod probe;
mod program;
mod recording;
mod reference;
mod rewrite;
mod shader;
mod span;
mod stack;
mod submit;
mod tangent;
mod target;
mod timing;
mod translate;
mod units;
mod validation;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

pub use adapter::{AdapterChoice, AdapterLimits, AdapterReport, list as adapters, pick as pick_adapter};
pub use arguments::Arguments;
pub use choices::{Advice, Asked, By, CHOICES, Choice, Choices};
pub use data::Data;
pub use facts::{Ran, Startup};
pub use gpu::{Checks, Gpu, GpuOptions};
pub use grid::div_ceil;
pub use kernel::{Access, Consts, Field, FieldType, Fields, Kernel, Lane, Params, Requires, Tangent, Twin, TwinCall};
pub use pass::Pass;
pub use plan::{Plan, plan};
pub use precision::{Matrices, Precision};
pub use probe::Written;
pub use recording::{Command, Dispatch, Groups, Recording, Temp};
pub use reference::Reference;
pub use shader::{Composed, Reflection, SHARED, compose, composed, parse};
pub use span::{ALIGN, Buf, BufferId, Elem, Element, Span, Unusable};
pub use stack::MOST_MODELS;
pub use stack::form::stacked_texts;
pub use tangent::{Add, Rule, Tangents};
pub use target::{Class, Target, Vendor};
pub use timing::{KernelTotal, Timing, chrome_trace, totals};
pub use translate::{Language, translate};
pub use validation::Listener;
/// The wgpu that the engine is built with, for [`Engine::from_device`].
#[doc(no_inline)]
pub use wgpu;

use crate::error::{Error, Extent, Mistake, Result};

/// Bytes that crossed the bus since the engine was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Traffic {
    /// Bytes from the host to the engine.
    pub up: u64,
    /// Bytes from the engine to the host.
    pub down: u64,
}

/// A compiled recording.
pub struct Program {
    rec: Recording,
    gpu: Option<program::GpuProgram>,
    /// Types of its inputs.
    types: Vec<(usize, Elem)>,
    /// Its kernels, each once.
    kernels: Kernels,
    /// Bytes of the temporaries after sharing.
    pub temp_bytes: u64,
}

/// Kernels by name.
type Kernels = BTreeMap<&'static str, Ran>;

/// A run in flight.
#[must_use = "the outputs of a run are fetched with Engine::wait"]
pub struct Ticket(u64);

enum Kind {
    Gpu(Box<Gpu>),
    Reference(Reference),
}

enum Waiting {
    Gpu(submit::Pending),
    Done(Vec<Data>),
}

/// A GPU, or the CPU twins behind the same interface.
pub struct Engine {
    kind: Kind,
    waiting: HashMap<u64, Waiting>,
    next: u64,
    lens: Vec<usize>,
    /// Kept buffers that hold a part for each model of a stack.
    parts: stack::PartsOf,
    traffic: Traffic,
    /// Kernels of the programs that were submitted since [`Engine::take_kernels`].
    ran: Kernels,
    /// What recordings made for it are told of variants.
    advice: Option<Arc<Advice>>,
}

impl Engine {
    fn new(kind: Kind) -> Engine {
        let (waiting, lens, traffic) = (HashMap::new(), Vec::new(), Traffic::default());
        let (parts, ran) = (stack::PartsOf::new(), Kernels::new());
        Engine { kind, waiting, next: 0, lens, parts, traffic, ran, advice: None }
    }

    /// Opens a GPU.
    ///
    /// # Errors
    /// No adapter matches the choice, or the driver refuses to open it.
    pub fn gpu(options: GpuOptions) -> Result<Engine> {
        Ok(Engine::new(Kind::Gpu(Box::new(Gpu::open(options)?))))
    }

    /// The CPU twins, in f64.
    pub fn reference() -> Engine {
        Engine::new(Kind::Reference(Reference::default()))
    }

    /// Refuses what could not be allocated, before anything of that size is made on the host.
    ///
    /// # Errors
    /// The adapter or the budget cannot hold `len` elements more.
    pub fn must_hold(&self, name: &str, len: usize) -> Result<()> {
        match &self.kind {
            Kind::Gpu(g) => g.afford(name, (len as u64).saturating_mul(4)),
            Kind::Reference(_) => Ok(()),
        }
    }

    /// A buffer that lives until [`Engine::release`], zeroed.
    pub fn alloc<T: Element>(&mut self, name: &str, len: usize) -> Result<Buf<T>> {
        let id = match &mut self.kind {
            Kind::Gpu(g) => g.guarded(|g| g.alloc(name, len))?,
            Kind::Reference(r) => r.alloc(T::ELEM, len),
        };
        self.lens.push(len);
        Ok(Buf::new(id, len))
    }

    /// A point to which [`Engine::release`] can return.
    pub fn mark(&self) -> usize {
        self.lens.len()
    }

    /// Drops every buffer allocated since `mark`, and the shared temporaries. Programs over them must be gone.
    pub fn release(&mut self, mark: usize) {
        self.release_kept(mark);
        if let Kind::Gpu(g) = &mut self.kind {
            let dropped: u64 = g.pool.drain(..).map(|b| b.size()).sum();
            g.held = g.held.saturating_sub(dropped);
        }
    }

    /// Drops every buffer allocated since `mark`; temporaries stay for the programs that were compiled before it.
    pub(crate) fn release_kept(&mut self, mark: usize) {
        let mark = mark.min(self.lens.len());
        self.lens.truncate(mark);
        self.parts.retain(|k, _| (*k as usize) < mark);
        match &mut self.kind {
            Kind::Gpu(g) => {
                let dropped: u64 = g.kept.drain(mark..).map(|b| b.size()).sum();
                g.held = g.held.saturating_sub(dropped);
            }
            Kind::Reference(r) => r.kept.truncate(mark),
        }
    }

    /// Copies host values into a kept range.
    ///
    /// # Errors
    /// Another number of values than the range holds, a range that the engine does not keep, or a failed device.
    pub fn write<T: Element>(&mut self, dst: Buf<T>, values: &[T]) -> Result<()> {
        const NAME: &str = "Engine::write";
        self.keeps(NAME, dst.any())?;
        if values.len() != dst.len {
            let (expected, found) = (Extent::exactly(&[dst.len]), Extent::exactly(&[values.len()]));
            return Err(Error::misuse(NAME, Mistake::Shape { buffer: "values".into(), expected, found }));
        }
        let bytes: &[u8] = bytemuck::cast_slice(values);
        self.traffic.up += bytes.len() as u64;
        match &mut self.kind {
            Kind::Gpu(g) => g.guarded(|g| g.write(dst.any(), bytes)),
            Kind::Reference(r) => {
                let data = match T::ELEM {
                    Elem::F32 => Data::F32(bytemuck::pod_collect_to_vec(bytes)),
                    Elem::U32 => Data::U32(bytemuck::pod_collect_to_vec(bytes)),
                };
                r.store(dst.any(), &data.lane());
                Ok(())
            }
        }
    }

    /// Copies a kept range to the host; waits for everything before it.
    ///
    /// # Errors
    /// A range that the engine does not keep, or a failed device.
    pub fn read<T: Element>(&mut self, src: Buf<T>) -> Result<Vec<T>> {
        self.keeps("Engine::read", src.any())?;
        self.traffic.down += src.len as u64 * 4;
        let data = match &mut self.kind {
            Kind::Gpu(g) => g.guarded(|g| g.read(src.any()))?,
            Kind::Reference(r) => Data::from_lane(&r.load(src.any())),
        };
        Ok(bytemuck::pod_collect_to_vec(data.bytes()))
    }

    /// Checks a recording against its shaders and its buffers, plans its memory and builds what running it needs.
    ///
    /// # Errors
    /// A record function was called with arguments that do not fit, a dispatch does not fit its shader, a range lies
    /// outside its buffer, a buffer passes a limit of the adapter, or the device failed.
    pub fn compile(&mut self, rec: Recording) -> Result<Program> {
        rec.check()?;
        rec.check_places(&self.lens_for(&rec))?;
        rec.check_stack(&self.parts)?;
        let temp_bytes = Reference::planned_bytes(&rec);
        let gpu = match &mut self.kind {
            Kind::Gpu(g) => Some(g.guarded(|g| g.compile(&rec, &self.parts))?),
            Kind::Reference(_) => None,
        };
        let ran = |kernel| Ran { kernel, by: rec.chosen_by(kernel) };
        let kernels = rec.dispatches().map(|d| (d.kernel.name, ran(d.kernel))).collect();
        let types = rec.input_types();
        Ok(Program { rec, gpu, types, kernels, temp_bytes })
    }

    /// Starts a run. Inputs take effect before its first command.
    ///
    /// # Errors
    /// Inputs of another number, length or type than the recording uploads, or a failed device.
    pub fn submit(&mut self, program: &Program, inputs: &[Data]) -> Result<Ticket> {
        let models: Vec<u32> = (0..program.rec.models.unwrap_or(1) as u32).collect();
        self.send(program, &models, inputs)
    }

    /// A run for these models of a stack, or of a program without one.
    fn send(&mut self, program: &Program, models: &[u32], inputs: &[Data]) -> Result<Ticket> {
        program.rec.check_inputs(inputs, models.len())?;
        check::types(&program.types, inputs)?;
        let times = models.len() as u64 * 4;
        self.traffic.up += program.rec.inputs.iter().sum::<usize>() as u64 * times;
        self.traffic.down += program.rec.outputs.iter().map(|s| s.len as u64).sum::<u64>() * times;
        let waiting = match (&mut self.kind, &program.gpu) {
            (Kind::Gpu(g), Some(p)) => Waiting::Gpu(g.guarded(|g| g.submit(p, models, inputs))?),
            (Kind::Reference(r), _) => {
                let out = match program.rec.models {
                    Some(_) => r.run_models((&program.rec, &self.parts), models, inputs)?,
                    None => r.run(&program.rec, inputs, usize::MAX)?,
                };
                Waiting::Done(out.iter().map(Data::from_lane).collect())
            }
            (Kind::Gpu(_), None) => {
                return Err(Error::misuse("Engine::submit", Mistake::Other("a program of another engine".to_owned())));
            }
        };
        for (name, ran) in &program.kernels {
            self.ran.entry(name).and_modify(|known| known.by = known.by.max(ran.by)).or_insert(*ran);
        }
        self.next += 1;
        self.waiting.insert(self.next, waiting);
        Ok(Ticket(self.next))
    }

    /// The outputs of a run.
    pub fn wait(&mut self, ticket: Ticket) -> Result<Vec<Data>> {
        match (self.waiting.remove(&ticket.0), &mut self.kind) {
            (Some(Waiting::Gpu(p)), Kind::Gpu(g)) => g.guarded(|g| g.fetch(p)),
            (Some(Waiting::Done(out)), _) => Ok(out),
            _ => Err(Error::misuse("Engine::wait", Mistake::Other("a run of another engine".to_owned()))),
        }
    }

    /// Submits and waits.
    pub fn run(&mut self, program: &Program, inputs: &[Data]) -> Result<Vec<Data>> {
        let ticket = self.submit(program, inputs)?;
        self.wait(ticket)
    }

    /// # Errors
    /// The range is not one of a buffer that this engine keeps.
    fn keeps(&self, function: &'static str, span: Span) -> Result<()> {
        if let BufferId::Temp(_) = span.id {
            let what = "a temporary buffer was used outside its recording";
            return Err(Error::misuse(function, Mistake::Other(what.to_owned())));
        }
        span.inside(&self.lens, &[]).map_err(|mistake| Error::misuse(function, mistake))
    }
}

impl Program {
    /// What was compiled.
    pub fn recording(&self) -> &Recording {
        &self.rec
    }
}
