//! Running programs on the GPU: one compute pass per submission where possible, readbacks in flight, profile mode.

use std::sync::mpsc;

use super::gpu::Gpu;
use super::program::{GpuProgram, Launch, Step};
use super::span::Span;
use super::stack::Strides;
use super::stack::places::{self, Place};
use super::timing::Timing;
use super::{Data, Elem};
use crate::error::{Error, Result};

/// A submitted run whose outputs have not been fetched.
pub(super) struct Pending {
    staging: Option<wgpu::Buffer>,
    outputs: Vec<Span>,
    /// Models that each output is of.
    models: usize,
    mapped: mpsc::Receiver<Result<(), wgpu::BufferAsyncError>>,
    submission: wgpu::SubmissionIndex,
}

/// Timestamp pairs one query set holds.
const QUERIES: usize = 2048;

impl Gpu {
    /// Runs a program for these models; one of no stack for one.
    pub(super) fn submit(&mut self, program: &GpuProgram, models: &[u32], inputs: &[Data]) -> Result<Pending> {
        if let Some(table) = &program.models {
            self.queue.write_buffer(table, 0, &places::table(models));
        }
        for (place, data) in program.uploads.iter().zip(inputs) {
            if !data.bytes().is_empty() {
                places::upload(&self.queue, place, models, data);
            }
        }
        let mut encoder = if self.options.profile && self.device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            self.run_profiled(&program.steps, models)?;
            self.device.create_command_encoder(&Default::default())
        } else {
            self.run_plain(&program.steps, models)
        };
        let room = |span: &Span| places::readback_step(span.len, models.len()) * models.len();
        let total: usize = program.readbacks.iter().map(|(_, span)| room(span)).sum();
        let staging = if total == 0 { None } else { Some(self.staging_buffer(total)?) };
        if let Some(staging) = &staging {
            let mut at = 0;
            for (place, span) in &program.readbacks {
                places::read_back(&mut encoder, place, models, span.len, (staging, at));
                at += room(span) as u64 * 4;
            }
        }
        let submission = self.queue.submit([encoder.finish()]);
        let (send, mapped) = mpsc::channel();
        if let Some(staging) = &staging {
            staging.slice(..).map_async(wgpu::MapMode::Read, move |r| {
                // The receiver is gone only if the run was abandoned.
                send.send(r).ok();
            });
        }
        self.healthy()?;
        let outputs = program.readbacks.iter().map(|(_, span)| *span).collect();
        Ok(Pending { staging, outputs, models: models.len(), mapped, submission })
    }

    /// Blocks until a run is done and returns its outputs.
    pub(super) fn fetch(&mut self, pending: Pending) -> Result<Vec<Data>> {
        self.wait_for(pending.submission)?;
        let Some(staging) = pending.staging else {
            return Ok(pending.outputs.iter().map(|s| Data::zeros(s.elem, 0)).collect());
        };
        let lost = |e: &dyn std::fmt::Display| Error::Device(format!("{}: reading back failed: {e}", self.report.name));
        pending.mapped.recv().map_err(|e| lost(&e))?.map_err(|e| lost(&e))?;
        let view = staging.slice(..).get_mapped_range().map_err(|e| lost(&e))?;
        let mut at = 0;
        let mut out = Vec::with_capacity(pending.outputs.len());
        for span in &pending.outputs {
            let step = 4 * places::readback_step(span.len, pending.models);
            let piece = |slot: usize| &view[at + slot * step..at + slot * step + span.len * 4];
            out.push(match pending.models {
                1 => Data::from_bytes(span.elem, piece(0)),
                models => Data::from_bytes(span.elem, &(0..models).map(piece).collect::<Vec<_>>().concat()),
            });
            at += pending.models * step;
        }
        drop(view);
        staging.unmap();
        self.staging.push(staging);
        Ok(out)
    }

    fn staging_buffer(&mut self, elements: usize) -> Result<wgpu::Buffer> {
        let need = elements as u64 * 4;
        // A much larger buffer would be mapped whole for a few scalars; the nearest leaves the others to larger runs.
        let fits = |b: &wgpu::Buffer| b.size() >= need && b.size() <= need.max(256) * 4;
        let fitting = (0..self.staging.len()).filter(|i| fits(&self.staging[*i]));
        match fitting.min_by_key(|i| self.staging[*i].size()) {
            Some(i) => Ok(self.staging.swap_remove(i)),
            None => self.new_staging(elements),
        }
    }

    fn new_staging(&mut self, elements: usize) -> Result<wgpu::Buffer> {
        self.create("readback", elements, wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST)
    }

    /// Makes the buffers that `times` readbacks of so many elements at once will take, where there are fewer.
    pub(super) fn reserve_readback(&mut self, elements: usize, times: usize) -> Result<()> {
        let bytes = Self::whole_blocks(elements);
        let there = self.staging.iter().filter(|b| b.size() == bytes).count();
        for _ in there..if elements == 0 { 0 } else { times } {
            let made = self.new_staging(elements)?;
            self.staging.push(made);
        }
        Ok(())
    }

    /// Consecutive launches share a pass; copies and clears end it; the work cap ends the submission. wgpu takes
    /// encoded commands once, so each run encodes them again, from bind groups and pipelines that were made when the
    /// program was compiled: nothing is made here but encoders. The last one is left open for the readbacks.
    fn run_plain(&mut self, steps: &[Step], models: &[u32]) -> wgpu::CommandEncoder {
        let cap = self.work_cap() / models.len().max(1) as u64;
        let mut encoder = self.device.create_command_encoder(&Default::default());
        let mut work = 0;
        let mut i = 0;
        while i < steps.len() {
            match &steps[i] {
                Step::Launch(_) => {
                    let mut pass = encoder.begin_compute_pass(&Default::default());
                    let mut last = None;
                    while let Some(Step::Launch(launch)) = steps.get(i) {
                        if work > 0 && work + launch.flops > cap {
                            break;
                        }
                        launch.encode(&mut pass, last, models.len());
                        last = Some(launch);
                        work += launch.flops;
                        i += 1;
                    }
                }
                other => {
                    encode_transfer(&mut encoder, other, models);
                    i += 1;
                }
            }
            if let Some(Step::Launch(next)) = steps.get(i)
                && work > 0
                && work + next.flops > cap
            {
                let full = std::mem::replace(&mut encoder, self.device.create_command_encoder(&Default::default()));
                self.queue.submit([full.finish()]);
                work = 0;
            }
        }
        encoder
    }

    /// One pass per dispatch, with a timestamp at both ends; synchronous.
    fn run_profiled(&mut self, steps: &[Step], models: &[u32]) -> Result<()> {
        for chunk in steps.chunks(QUERIES) {
            let set = self.device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("timestamps"),
                ty: wgpu::QueryType::Timestamp,
                count: 2 * QUERIES as u32,
            });
            let submitted_ns = self.epoch.elapsed().as_nanos() as u64;
            let mut encoder = self.device.create_command_encoder(&Default::default());
            let mut timed: Vec<&Launch> = Vec::new();
            for step in chunk {
                let Step::Launch(launch) = step else {
                    encode_transfer(&mut encoder, step, models);
                    continue;
                };
                let at = 2 * timed.len() as u32;
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                    label: Some(launch.kernel),
                    timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                        query_set: &set,
                        beginning_of_pass_write_index: Some(at),
                        end_of_pass_write_index: Some(at + 1),
                    }),
                });
                launch.encode(&mut pass, None, models.len());
                drop(pass);
                timed.push(launch);
            }
            self.collect_timings(encoder, &set, (&timed, models.len() as u64), submitted_ns)?;
        }
        Ok(())
    }

    fn collect_timings(
        &mut self,
        mut encoder: wgpu::CommandEncoder,
        set: &wgpu::QuerySet,
        (timed, models): (&[&Launch], u64),
        submitted_ns: u64,
    ) -> Result<()> {
        let count = 2 * timed.len() as u32;
        let size = u64::from(count.max(1)) * 8;
        let make = |usage| {
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("timestamps"),
                size,
                usage,
                mapped_at_creation: false,
            })
        };
        let resolved = make(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC);
        let staging = make(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);
        if count > 0 {
            encoder.resolve_query_set(set, 0..count, &resolved, 0);
            encoder.copy_buffer_to_buffer(&resolved, 0, &staging, 0, size);
        }
        let sent = self.queue.submit([encoder.finish()]);
        staging.slice(..).map_async(wgpu::MapMode::Read, |_| {});
        self.wait_for(sent)?;
        let lost =
            |e: wgpu::MapRangeError| Error::Device(format!("{}: reading timestamps failed: {e}", self.report.name));
        let view = staging.slice(..).get_mapped_range().map_err(lost)?;
        let ticks: &[u64] = bytemuck::cast_slice(&view);
        let period = f64::from(self.queue.get_timestamp_period());
        let ns = |t: u64| ((t.saturating_sub(ticks[0])) as f64 * period) as u64;
        for (i, launch) in timed.iter().enumerate() {
            let (start, end) = (ns(ticks[2 * i]), ns(ticks[2 * i + 1]));
            self.timings.push(Timing {
                kernel: launch.kernel,
                tuned: launch.tuned,
                label: launch.label.clone(),
                submitted_ns,
                start_ns: start,
                duration_ns: end.saturating_sub(start),
                flops: launch.flops * models,
                bytes: launch.bytes * models,
            });
        }
        Ok(())
    }

    /// Blocking copy of a kept buffer to the host.
    pub(super) fn read(&mut self, src: Span) -> Result<Data> {
        if src.len == 0 {
            return Ok(Data::zeros(src.elem, 0));
        }
        let buffer = self.kept_buffer(src.id)?.clone();
        let place = Place { buffer, start: src.offset as u64 * 4, strides: Strides::default() };
        let (steps, uploads) = (Vec::new(), Vec::new());
        let program = GpuProgram { steps, uploads, readbacks: vec![(place, src)], models: None };
        let pending = self.submit(&program, &[0], &[])?;
        let mut out = self.fetch(pending)?;
        out.pop().ok_or_else(|| Error::internal("a readback returned nothing"))
    }
}

fn encode_transfer(encoder: &mut wgpu::CommandEncoder, step: &Step, models: &[u32]) {
    match step {
        Step::Copy { src, dst, bytes } => {
            for (slot, model, bytes) in places::transfers(models, &[src, dst], *bytes) {
                let (from, to) = (src.at(slot, model), dst.at(slot, model));
                encoder.copy_buffer_to_buffer(&src.buffer, from, &dst.buffer, to, bytes);
            }
        }
        Step::Clear { dst, bytes } => {
            for (slot, model, bytes) in places::transfers(models, &[dst], *bytes) {
                encoder.clear_buffer(&dst.buffer, dst.at(slot, model), Some(bytes));
            }
        }
        Step::Launch(_) => {}
    }
}

impl Data {
    fn zeros(elem: Elem, len: usize) -> Data {
        match elem {
            Elem::F32 => Data::F32(vec![0.0; len]),
            Elem::U32 => Data::U32(vec![0; len]),
        }
    }

    fn from_bytes(elem: Elem, bytes: &[u8]) -> Data {
        match elem {
            Elem::F32 => Data::F32(bytemuck::pod_collect_to_vec(bytes)),
            Elem::U32 => Data::U32(bytemuck::pod_collect_to_vec(bytes)),
        }
    }
}
