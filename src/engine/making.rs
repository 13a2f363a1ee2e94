//! Making pipelines: several at a time on threads, the driver's own work taken from disk where it keeps it there.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::gpu::{Checks, Gpu};
use super::kept::Kept;
use super::kernel::{Consts, Kernel};
use super::pipelines::{Key, Pipeline};
use super::recording::{Dispatch, Recording};
use super::shader::{self, Composed};
use super::stack::form::{form, walks};
use super::stack::places::layout_entries;
use super::stack::{LANES, Sharing};
use crate::base::at_once;
use crate::error::{Error, Result};

/// Most threads that make pipelines: drivers share locks, and each compiler holds memory.
const MOST_THREADS: usize = 8;

/// A shader module that the first of the threads that wants it makes.
type Module = Arc<OnceLock<wgpu::ShaderModule>>;

/// A pipeline to be made.
struct Job {
    key: Key,
    kernel: &'static Kernel,
    composed: Composed,
    values: Consts,
    layout: wgpu::BindGroupLayout,
    module: Module,
}

impl Gpu {
    /// Makes the pipelines that a recording needs and that are not there, on threads of its own.
    ///
    /// # Errors
    /// A kernel that the adapter cannot run; whatever the driver says of a shader.
    pub(super) fn make_pipelines(&mut self, rec: &Recording) -> Result<()> {
        let start = Instant::now();
        // One module for all override values of a kernel.
        let mut modules = HashMap::<_, Module>::new();
        let (mut jobs, mut seen) = (Vec::new(), HashSet::new());
        for d in rec.dispatches() {
            let (composed, values, key) = self.key(d, self.sharing(rec, d)?)?;
            if self.pipelines.made.contains_key(&key) || !seen.insert(key.clone()) {
                continue;
            }
            self.require(d.kernel)?;
            let layout = self.bind_group_layout(d.kernel, &composed.reflection, rec.models().is_some())?;
            let module = modules.entry(key.module).or_default().clone();
            jobs.push(Job { key, kernel: d.kernel, composed, values, layout, module });
        }
        if jobs.is_empty() {
            return Ok(());
        }
        let all = self.make_all(&jobs)?;
        // One that failed is not kept.
        self.healthy()?;
        for (job, made) in jobs.into_iter().zip(all) {
            self.pipelines.made.insert(job.key, Arc::new(made));
        }
        if let Some(kept) = &mut self.pipelines.kept {
            kept.grew();
        }
        self.pipelines.seconds += start.elapsed().as_secs_f64();
        Ok(())
    }

    /// The pipeline of a dispatch whose recording went through [`Gpu::make_pipelines`].
    pub(super) fn pipeline(&self, d: &Dispatch, sharing: Sharing) -> Result<Arc<Pipeline>> {
        let (_, _, key) = self.key(d, sharing)?;
        let made = self.pipelines.made.get(&key).cloned();
        made.ok_or_else(|| Error::internal(format!("the pipeline of {} was not made", d.kernel.name)))
    }

    /// How the models of a recording share a dispatch: by lanes where the adapter is a CPU, the kernel gains by it and
    /// three quarters of the lanes have a model.
    pub(super) fn sharing(&self, rec: &Recording, d: &Dispatch) -> Result<Sharing> {
        let Some(models) = rec.models() else { return Ok(Sharing::Alone) };
        let filled = 4 * models >= 3 * models.next_multiple_of(LANES);
        let lanes = self.report.is_software() && filled && walks(d.kernel)?;
        Ok(if lanes { Sharing::Lanes } else { Sharing::Layers })
    }

    /// The text that a dispatch runs, its overrides, and what its pipeline is kept by.
    fn key(&self, d: &Dispatch, sharing: Sharing) -> Result<(Composed, Consts, Key)> {
        let mut composed = shader::composed(d.kernel)?;
        if sharing != Sharing::Alone {
            composed.text.clone_from(&form(d.kernel, sharing)?.text);
        }
        let values = composed.consts(d.kernel, &d.consts)?;
        let consts = values.iter().map(|(n, v)| (n.clone(), v.to_bits())).collect();
        let guarded = self.options.checks == Checks::Checked;
        let module = (d.kernel.name, d.kernel.source.as_ptr() as usize, guarded, sharing);
        Ok((composed, values, Key { module, consts }))
    }

    /// Errors go to the device's handler, and on a device of the caller's to the error scopes of this thread: there all
    /// of them are made on it.
    fn make_all(&self, jobs: &[Job]) -> Result<Vec<Pipeline>> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if self.owned { cores.min(MOST_THREADS) } else { 1 };
        at_once(jobs.len(), threads, || Ok(()), |(), at| Ok(self.make(&jobs[at])))
    }

    fn make(&self, job: &Job) -> Pipeline {
        let (name, checks) = (job.kernel.name, self.options.checks);
        let layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(name),
            bind_group_layouts: &[Some(&job.layout)],
            immediate_size: 0,
        });
        let module = job.module.get_or_init(|| {
            let source = wgpu::ShaderSource::Wgsl(job.composed.text.as_str().into());
            let desc = wgpu::ShaderModuleDescriptor { label: Some(name), source };
            let guards = match checks {
                Checks::Checked => wgpu::ShaderRuntimeChecks::checked(),
                Checks::Trusted => wgpu::ShaderRuntimeChecks::unchecked(),
            };
            // SAFETY: `unlearn check` runs every kernel, variant and shape class with the guards on and off, and
            // compares both results bit for bit; a kernel that needs the guards fails there.
            unsafe { self.device.create_shader_module_trusted(desc, guards) }
        });
        let constants: Vec<(&str, f64)> = job.values.iter().map(|(n, v)| (n.as_str(), *v)).collect();
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(name),
            layout: Some(&layout),
            module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &constants,
                zero_initialize_workgroup_memory: checks == Checks::Checked,
            },
            cache: self.pipelines.kept.as_ref().map(Kept::cache),
        });
        let workgroup = job.values.get("WG").copied().unwrap_or(64.0) as u64;
        Pipeline { pipeline, layout: job.layout.clone(), workgroup }
    }

    fn require(&self, kernel: &Kernel) -> Result<()> {
        self.lacks(kernel).map_or(Ok(()), |why| Err(Error::Unsupported(why)))
    }

    fn bind_group_layout(
        &self,
        kernel: &Kernel,
        shader: &shader::Reflection,
        stacked: bool,
    ) -> Result<wgpu::BindGroupLayout> {
        if shader.storage.len() > self.limits.max_storage_buffers_per_shader_stage as usize {
            return Err(Error::Unsupported(format!(
                "kernel {} binds {} storage buffers; max_storage_buffers_per_shader_stage of {} is {}",
                kernel.name,
                shader.storage.len(),
                self.report.name,
                self.limits.max_storage_buffers_per_shader_stage
            )));
        }
        let entry = |binding: usize, ty, dynamic| wgpu::BindGroupLayoutEntry {
            binding: binding as u32,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: dynamic, min_binding_size: None },
            count: None,
        };
        let mut entries = Vec::new();
        if !shader.params.is_empty() {
            entries.push(entry(0, wgpu::BufferBindingType::Uniform, true));
        }
        for (i, (_, writable, _)) in shader.storage.iter().enumerate() {
            entries.push(entry(i + 1, wgpu::BufferBindingType::Storage { read_only: !writable }, false));
        }
        if stacked {
            let uniform = |(at, dynamic)| entry(at as usize, wgpu::BufferBindingType::Uniform, dynamic);
            entries.extend(layout_entries(shader).map(uniform));
        }
        let desc = wgpu::BindGroupLayoutDescriptor { label: Some(kernel.name), entries: &entries };
        Ok(self.device.create_bind_group_layout(&desc))
    }
}
