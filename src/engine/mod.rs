//! The only place that names wgpu: recordings as data, and the two engines that run them.

mod adapter;
mod adopt;
mod arguments;
pub mod case;
mod check;
mod gpu;
mod grid;
mod kernel;
mod plan;
mod probe;
mod program;
mod recording;
mod reference;
mod rewrite;
mod shader;
mod submit;
mod tangent;
mod timing;
mod translate;
mod validation;

use std::collections::{BTreeMap, HashMap};

pub use adapter::{AdapterChoice, AdapterLimits, AdapterReport, list as adapters, pick as pick_adapter};
pub use arguments::Arguments;
pub use gpu::{Checks, Gpu, GpuOptions};
pub use grid::div_ceil;
pub use kernel::{
    Access, Consts, Elem, Field, FieldType, Fields, Kernel, Lane, Params, Requires, Tangent, Twin, TwinCall,
};
pub use plan::{Plan, plan};
pub use probe::Written;
pub use recording::{
    ALIGN, Buf, BufferId, Command, Dispatch, Element, Groups, Pass, Recording, Span, Target, Temp, Unusable,
};
pub use reference::Reference;
pub use shader::{Composed, Reflection, SHARED, compose, composed, parse, supported};
pub use tangent::{Add, Rule, Tangents};
pub use timing::{KernelTotal, Timing, chrome_trace, totals};
pub use translate::{Language, translate};
pub use validation::Listener;
/// The wgpu that the engine is built with, for [`Engine::from_device`].
#[doc(no_inline)]
pub use wgpu;

use crate::error::{Error, Extent, Mistake, Result};

/// An input or output of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Single-precision numbers.
    F32(Vec<f32>),
    /// Words: indices, counts, labels.
    U32(Vec<u32>),
}

impl Data {
    /// As they lie in memory, little-endian.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Data::F32(v) => bytemuck::cast_slice(v),
            Data::U32(v) => bytemuck::cast_slice(v),
        }
    }

    /// The f32 content.
    ///
    /// # Panics
    /// It is u32: the recording fixed the type.
    pub fn f32(&self) -> &[f32] {
        match self {
            Data::F32(v) => v,
            Data::U32(_) => panic!("this output holds u32"),
        }
    }

    /// The u32 content.
    ///
    /// # Panics
    /// It is f32: the recording fixed the type.
    pub fn u32(&self) -> &[u32] {
        match self {
            Data::U32(v) => v,
            Data::F32(_) => panic!("this output holds f32"),
        }
    }

    fn elem(&self) -> Elem {
        match self {
            Data::F32(_) => Elem::F32,
            Data::U32(_) => Elem::U32,
        }
    }

    fn lane(&self) -> Lane {
        match self {
            Data::F32(v) => Lane::F32(v.iter().map(|x| f64::from(*x)).collect()),
            Data::U32(v) => Lane::U32(v.clone()),
        }
    }

    fn from_lane(lane: &Lane) -> Data {
        match lane {
            Lane::F32(v) => Data::F32(v.iter().map(|x| *x as f32).collect()),
            Lane::U32(v) => Data::U32(v.clone()),
        }
    }
}

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
    /// Its kernels, each once.
    kernels: Kernels,
    /// Bytes of the temporaries after sharing.
    pub temp_bytes: u64,
}

/// Kernels by name.
type Kernels = BTreeMap<&'static str, &'static Kernel>;

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
    traffic: Traffic,
    /// Kernels of the programs that were submitted since [`Engine::take_kernels`].
    ran: Kernels,
}

impl Engine {
    fn new(kind: Kind) -> Engine {
        let (waiting, lens, traffic) = (HashMap::new(), Vec::new(), Traffic::default());
        Engine { kind, waiting, next: 0, lens, traffic, ran: Kernels::new() }
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

    /// The adapter's description; `None` for the reference engine.
    pub fn adapter(&self) -> Option<&AdapterReport> {
        match &self.kind {
            Kind::Gpu(g) => Some(&g.report),
            Kind::Reference(_) => None,
        }
    }

    /// True once the driver has given the device up; nothing runs on this engine any more. On a device of the caller's
    /// it is the caller who hears of that first; here it shows as errors of what is called next.
    pub fn is_lost(&self) -> bool {
        matches!(&self.kind, Kind::Gpu(g) if g.is_lost())
    }

    /// Gives the device up as a driver would: how the harness shows that it survives that. A device of the caller's is
    /// not destroyed.
    pub fn lose_device(&mut self) {
        if let Kind::Gpu(g) = &mut self.kind {
            g.lose();
        }
    }

    /// The twins' buffers at full precision, for tests.
    pub fn as_reference(&mut self) -> Option<&mut Reference> {
        match &mut self.kind {
            Kind::Reference(r) => Some(r),
            Kind::Gpu(_) => None,
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
        let mark = mark.min(self.lens.len());
        self.lens.truncate(mark);
        match &mut self.kind {
            Kind::Gpu(g) => {
                let dropped: u64 = g.kept.drain(mark..).chain(g.pool.drain(..)).map(|b| b.size()).sum();
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
        rec.check_places(&self.lens)?;
        let temp_bytes = Reference::planned_bytes(&rec);
        let gpu = match &mut self.kind {
            Kind::Gpu(g) => Some(g.guarded(|g| g.compile(&rec))?),
            Kind::Reference(_) => None,
        };
        let kernels = rec.dispatches().map(|d| (d.kernel.name, d.kernel)).collect();
        Ok(Program { rec, gpu, kernels, temp_bytes })
    }

    /// Starts a run. Inputs take effect before its first command.
    ///
    /// # Errors
    /// Inputs of another number, length or type than the recording uploads, or a failed device.
    pub fn submit(&mut self, program: &Program, inputs: &[Data]) -> Result<Ticket> {
        program.rec.check_inputs(inputs)?;
        self.traffic.up += program.rec.inputs.iter().sum::<usize>() as u64 * 4;
        self.traffic.down += program.rec.outputs.iter().map(|s| s.len as u64 * 4).sum::<u64>();
        let waiting = match (&mut self.kind, &program.gpu) {
            (Kind::Gpu(g), Some(p)) => Waiting::Gpu(g.guarded(|g| g.submit(p, &program.rec.outputs, inputs))?),
            (Kind::Reference(r), _) => {
                let out = r.run(&program.rec, inputs, usize::MAX)?;
                Waiting::Done(out.iter().map(Data::from_lane).collect())
            }
            (Kind::Gpu(_), None) => {
                return Err(Error::misuse("Engine::submit", Mistake::Other("a program of another engine".to_owned())));
            }
        };
        self.ran.extend(&program.kernels);
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

    /// The kernels that ran since the last call, by name, whatever compiled them.
    pub fn take_kernels(&mut self) -> Vec<&'static Kernel> {
        std::mem::take(&mut self.ran).into_values().collect()
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

    /// Bytes moved since the engine was made.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Bytes of GPU memory held now.
    pub fn held_bytes(&self) -> u64 {
        match &self.kind {
            Kind::Gpu(g) => g.held,
            Kind::Reference(_) => 0,
        }
    }

    /// The most bytes of GPU memory that were held at once since the last call.
    pub fn take_peak(&mut self) -> u64 {
        match &mut self.kind {
            Kind::Gpu(g) => std::mem::replace(&mut g.peak, g.held),
            Kind::Reference(_) => 0,
        }
    }

    /// Whether the programs compiled from now on keep the run-time guards; the reference engine has none.
    pub fn set_checks(&mut self, checks: Checks) {
        if let Kind::Gpu(g) = &mut self.kind {
            g.options.checks = checks;
        }
    }

    /// Whether runs from now on time every dispatch.
    pub fn set_profile(&mut self, profile: bool) {
        if let Kind::Gpu(g) = &mut self.kind {
            g.options.profile = profile;
        }
    }

    /// Takes the dispatch timings that profile mode collected.
    pub fn take_timings(&mut self) -> Vec<Timing> {
        match &mut self.kind {
            Kind::Gpu(g) => std::mem::take(&mut g.timings),
            Kind::Reference(_) => Vec::new(),
        }
    }

    /// What the choice of kernel variants may know about this engine.
    pub fn target(&self) -> Target {
        match &self.kind {
            Kind::Gpu(g) => Target { software: g.report.is_software(), subgroup: g.report.subgroup_min },
            Kind::Reference(_) => Target::default(),
        }
    }

    /// Largest range one binding may span, in elements.
    pub fn max_binding(&self) -> usize {
        match &self.kind {
            Kind::Gpu(g) => (g.limits.max_storage_buffer_binding_size.min(g.limits.max_buffer_size) / 4) as usize,
            Kind::Reference(_) => usize::MAX / 8,
        }
    }
}

impl Program {
    /// What was compiled.
    pub fn recording(&self) -> &Recording {
        &self.rec
    }
}
