//! A recording compiled for the GPU: bind groups and launch sizes fixed, only inputs change from run to run.

use std::collections::BTreeMap;
use std::sync::Arc;

use glam::UVec3;

use super::adapter::AdapterReport;
use super::choices::By;
use super::gpu::{Gpu, too_large};
use super::grid::fold;
use super::pipelines::Pipeline;
use super::plan;
use super::recording::{Command, Dispatch, Groups, Recording};
use super::shader;
use super::span::{ALIGN, BufferId, Span};
use super::stack::form::form;
use super::stack::places::{MODELS_BYTES, Place, places, places_bytes};
use super::stack::{self, PartsOf, Sharing, Strides};
use crate::error::{Error, Result};

/// Bytes of one parameter slot: the largest uniform offset alignment any adapter asks for.
const SLOT: usize = 256;

/// Floating point operations in one submission unless the options say otherwise. A software adapter does some
/// 10 GFLOP/s and a small GPU 1 TFLOP/s, so either stays well under a two-second watchdog.
const WORK_CAP_SOFTWARE: u64 = 4_000_000_000;
const WORK_CAP_GPU: u64 = 100_000_000_000;

/// Iterations after which llvmpipe leaves every loop of an invocation, without an error (Mesa's
/// LP_MAX_TGSI_LOOP_ITERATIONS).
const LOOP_LIMIT: u64 = 65_535;

/// Whether the adapter is one that stops there: llvmpipe, but for those that were seen going on (Vulkan of Mesa 25.0.7;
/// `unlearn check support -k turns` looks).
fn stops_loops(report: &AdapterReport) -> bool {
    let version = report.driver_info.split_once("Mesa ").map_or("", |(_, v)| v);
    let major = version.split('.').next().and_then(|m| m.parse::<u32>().ok());
    report.name.contains("llvmpipe") && (report.backend != "vulkan" || major.is_none_or(|m| m < 25))
}

/// The kernel's name, and the scope that it was recorded under.
fn title(d: &Dispatch) -> String {
    let scope = if d.label.is_empty() { String::new() } else { format!(" ({})", d.label) };
    format!("kernel {}{scope}", d.kernel.name)
}

pub(super) struct Launch {
    pipeline: Arc<Pipeline>,
    bind_group: wgpu::BindGroup,
    /// Where the dispatch's own parts of the uniform bindings begin.
    offsets: Vec<u32>,
    /// Workgroups of one layer of models, and how many models that are.
    grid: UVec3,
    lanes: usize,
    pub kernel: &'static str,
    pub tuned: bool,
    pub label: String,
    pub flops: u64,
    pub bytes: u64,
}

pub(super) enum Step {
    Launch(Launch),
    Copy { src: Place, dst: Place, bytes: u64 },
    Clear { dst: Place, bytes: u64 },
}

pub(super) struct GpuProgram {
    pub steps: Vec<Step>,
    pub uploads: Vec<Place>,
    pub readbacks: Vec<(Place, Span)>,
    /// Which models a run of a stack is for.
    pub models: Option<wgpu::Buffer>,
}

impl Gpu {
    pub(super) fn compile(&mut self, rec: &Recording, parts: &PartsOf) -> Result<GpuProgram> {
        let temps = self.place_temps(rec)?;
        self.make_pipelines(rec)?;
        let slots = ParamSlots::collect(rec, |d| self.stack_places(rec, parts, d))?;
        let params = self.parameters("parameters", slots.bytes.len())?;
        self.queue.write_buffer(&params, 0, &slots.bytes);
        let models = rec.models().map(|_| self.parameters("models of a stack", MODELS_BYTES as usize)).transpose()?;
        let mut program = GpuProgram { steps: Vec::new(), uploads: Vec::new(), readbacks: Vec::new(), models };
        let place = |gpu: &Gpu, span: &Span| -> Result<Place> {
            let buffer = match span.id {
                BufferId::Kept(i) => gpu.kept.get(i as usize),
                BufferId::Temp(t) => temps[t as usize].as_ref(),
                BufferId::Unusable(_) => None,
            };
            let buffer =
                buffer.ok_or_else(|| Error::internal(format!("{:?} was released before its program", span.id)))?;
            Ok(Place { buffer: buffer.clone(), start: span.offset as u64 * 4, strides: rec.strides(span, parts) })
        };
        // By number, which need not be the order of the commands.
        let (mut uploads, mut readbacks) = (BTreeMap::new(), BTreeMap::new());
        let mut dispatched = 0;
        for command in &rec.commands {
            match command {
                Command::Upload { dst, input } => drop(uploads.insert(*input, place(self, dst)?)),
                Command::Readback { src, output } => drop(readbacks.insert(*output, (place(self, src)?, *src))),
                Command::Copy { src, dst } => {
                    let (from, to, bytes) = (place(self, src)?, place(self, dst)?, src.len as u64 * 4);
                    program.steps.push(Step::Copy { src: from, dst: to, bytes });
                }
                Command::Clear { dst } => {
                    program.steps.push(Step::Clear { dst: place(self, dst)?, bytes: dst.len as u64 * 4 });
                }
                Command::Dispatch(d) => {
                    let offsets = slots.offsets[dispatched].clone();
                    dispatched += 1;
                    let bound: Vec<Place> =
                        d.bindings.iter().map(|(span, _)| place(self, span)).collect::<Result<_>>()?;
                    let launch = self.launch(
                        d,
                        (rec.models(), self.sharing(rec, d)?),
                        &bound,
                        (&params, &program.models),
                        offsets,
                    )?;
                    let tuned = rec.chosen_by(d.kernel) != By::Rule;
                    program.steps.push(Step::Launch(Launch { tuned, ..launch }));
                }
            }
        }
        program.uploads = uploads.into_values().collect();
        program.readbacks = readbacks.into_values().collect();
        self.healthy()?;
        Ok(program)
    }

    /// A buffer that dies with its program and is a few kilobytes: the ledger counts what outlives programs.
    fn parameters(&mut self, name: &str, bytes: usize) -> Result<wgpu::Buffer> {
        let made =
            self.create(name, (bytes / 4).max(ALIGN), wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST)?;
        self.held -= made.size();
        Ok(made)
    }

    /// What the stacked shader of a dispatch must know of its places; nothing where the recording is of one model.
    fn stack_places(&self, rec: &Recording, parts: &PartsOf, d: &Dispatch) -> Result<Vec<u8>> {
        if rec.models().is_none() {
            return Ok(Vec::new());
        }
        let stacked = form(d.kernel, Sharing::Layers)?;
        let strides: Vec<Strides> = d.bindings.iter().map(|(span, _)| rec.strides(span, parts)).collect();
        Ok(places(d, &stacked.widths, &strides))
    }

    /// Gives every temporary a buffer of the shared pool, growing the pool where nothing fits.
    fn place_temps(&mut self, rec: &Recording) -> Result<Vec<Option<wgpu::Buffer>>> {
        let mut plan = plan::plan(rec);
        if let Some(models) = rec.models() {
            plan.slots.iter_mut().for_each(|len| *len = stack::stride(*len) * models);
        }
        let mut order: Vec<usize> = (0..plan.slots.len()).collect();
        order.sort_by_key(|s| std::cmp::Reverse(plan.slots[*s]));
        let mut taken = vec![false; self.pool.len()];
        let mut of_slot: Vec<Option<wgpu::Buffer>> = vec![None; plan.slots.len()];
        for slot in order {
            let need = plan.slots[slot] as u64 * 4;
            let fits = (0..taken.len()).filter(|i| !taken[*i] && self.pool[*i].size() >= need);
            let at = match fits.min_by_key(|i| self.pool[*i].size()) {
                Some(i) => i,
                None => {
                    let mut users = rec.temps.iter().zip(&plan.slot_of).filter(|(_, s)| **s == Some(slot));
                    let name = users.next().map_or("temporary", |(t, _)| &t.name);
                    let buffer = self.create(name, plan.slots[slot], Self::storage_usage())?;
                    self.pool.push(buffer);
                    taken.push(false);
                    self.pool.len() - 1
                }
            };
            taken[at] = true;
            of_slot[slot] = Some(self.pool[at].clone());
        }
        Ok(plan.slot_of.iter().map(|slot| slot.and_then(|s| of_slot[s].clone())).collect())
    }

    fn launch(
        &mut self,
        d: &Dispatch,
        (models, sharing): (Option<usize>, Sharing),
        bound: &[Place],
        (params, table): (&wgpu::Buffer, &Option<wgpu::Buffer>),
        offsets: Vec<u32>,
    ) -> Result<Launch> {
        if d.turns > LOOP_LIMIT && stops_loops(&self.report) {
            return Err(Error::Unsupported(format!(
                "{} makes {} loop iterations in one invocation; {} stops silently at {LOOP_LIMIT}; use smaller \
                    pictures or batches",
                title(d),
                d.turns,
                self.report.name
            )));
        }
        let pipeline = self.pipeline(d, sharing)?;
        let mut entries = Vec::with_capacity(bound.len() + 3);
        let mut bind = |binding: usize, buffer, offset, bytes: u64| {
            let resource = wgpu::BufferBinding { buffer, offset, size: std::num::NonZero::new(bytes) };
            let resource = wgpu::BindingResource::Buffer(resource);
            entries.push(wgpu::BindGroupEntry { binding: binding as u32, resource });
        };
        if !d.params.is_empty() {
            bind(0, params, 0, (d.params.len() as u64).next_multiple_of(16));
        }
        for (i, (place, (span, _))) in bound.iter().zip(&d.bindings).enumerate() {
            let beyond = models.map_or(0, |n| (n - 1) * (place.strides.slot + place.strides.model));
            // Rounded up to whole vec4s for the shaders that see the range as array<vec4<f32>>.
            let bytes = ((span.len.max(1) + beyond) as u64 * 4).next_multiple_of(16);
            let limit = self.limits.max_storage_buffer_binding_size;
            if bytes > limit {
                let shader = shader::composed(d.kernel)?.reflection;
                let mut what = format!("{}: the binding of `{}`", title(d), shader.storage[i].0);
                if let Some(models) = models {
                    let most =
                        (limit / 4).saturating_sub(span.len as u64) / (beyond / (models - 1).max(1)).max(1) as u64;
                    what += &format!(" for {models} models at once (a stack of at most {} fits)", most + 1);
                }
                let limit = (format!("max_storage_buffer_binding_size of {}", self.report.name), limit);
                return Err(too_large(&what, bytes, 0, limit));
            }
            bind(i + 1, &place.buffer, place.start, bytes);
        }
        if let Some(table) = table {
            bind(bound.len() + 1, params, 0, places_bytes(bound.len()));
            bind(bound.len() + 2, table, 0, MODELS_BYTES);
        }
        let bind_group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(d.kernel.name),
            layout: &pipeline.layout,
            entries: &entries,
        });
        let groups = match d.groups {
            Groups::Threads(n) => n.div_ceil(pipeline.workgroup),
            Groups::Groups(n) => n,
        };
        let side = u64::from(self.limits.max_compute_workgroups_per_dimension);
        let grid = fold(groups * sharing.lanes() as u64, side)
            .filter(|_| models.unwrap_or(1) as u64 <= side)
            .ok_or_else(|| {
                Error::Unsupported(format!(
                    "kernel {} needs {groups} workgroups, too many for {}",
                    d.kernel.name, self.report.name
                ))
            })?;
        let (kernel, label) = (d.kernel.name, d.label.clone());
        let (flops, bytes) = (d.flops, d.bytes);
        let lanes = sharing.lanes();
        Ok(Launch { pipeline, bind_group, offsets, grid, lanes, kernel, tuned: false, label, flops, bytes })
    }

    /// Floating point operations after which a submission is closed.
    pub(super) fn work_cap(&self) -> u64 {
        let default = if self.report.is_software() { WORK_CAP_SOFTWARE } else { WORK_CAP_GPU };
        self.options.work_cap.unwrap_or(default)
    }
}

impl Launch {
    /// Into a pass whose last launch was `last`, for so many models.
    pub(super) fn encode(&self, pass: &mut wgpu::ComputePass, last: Option<&Launch>, models: usize) {
        if last.is_none_or(|last| !Arc::ptr_eq(&last.pipeline, &self.pipeline)) {
            pass.set_pipeline(&self.pipeline.pipeline);
        }
        pass.set_bind_group(0, &self.bind_group, &self.offsets);
        let [x, y, _] = self.grid.to_array();
        pass.dispatch_workgroups(x, y, models.div_ceil(self.lanes) as u32);
    }
}

/// The parameter structs of all dispatches, and the places of stacked ones, equal ones stored once.
struct ParamSlots {
    bytes: Vec<u8>,
    offsets: Vec<Vec<u32>>,
}

impl ParamSlots {
    fn collect(rec: &Recording, places: impl Fn(&Dispatch) -> Result<Vec<u8>>) -> Result<ParamSlots> {
        let mut seen: std::collections::HashMap<Vec<u8>, u32> = Default::default();
        let mut slots = ParamSlots { bytes: Vec::new(), offsets: Vec::new() };
        for d in rec.dispatches() {
            let blocks = [d.params.clone(), places(d)?];
            let offset = |block: Vec<u8>| match seen.get(&block) {
                Some(at) => *at,
                None => {
                    let at = slots.bytes.len();
                    slots.bytes.extend_from_slice(&block);
                    slots.bytes.resize((at + block.len()).next_multiple_of(SLOT), 0);
                    seen.insert(block, at as u32);
                    at as u32
                }
            };
            let offsets = blocks.into_iter().filter(|block| !block.is_empty()).map(offset).collect();
            slots.offsets.push(offsets);
        }
        Ok(slots)
    }
}
