//! The GPU: device, kept buffers, pipelines. Programs are compiled in `program.rs`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::adapter::{self, AdapterChoice, AdapterReport};
use super::kernel::Kernel;
use super::precision::{self, Matrices, Precision};
use super::shader;
use super::span::{BufferId, Span};
use super::timing::Timing;
use super::validation;
use crate::error::{Error, Result};

/// Whether shaders keep the run-time guards that naga can add.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Checks {
    /// Bounds checks, loop bounding, division checks and workgroup zero-init on: the `check` lane.
    Checked,
    /// All of them off: the shaders have been checked.
    Trusted,
}

/// How a GPU is opened.
#[derive(Clone, Debug)]
pub struct GpuOptions {
    /// Which of the adapters.
    pub choice: AdapterChoice,
    /// Which guards of naga stay in the shaders.
    pub checks: Checks,
    /// Time every dispatch (one pass each) and keep the events.
    pub profile: bool,
    /// Refuse to hold more than this many bytes; `None` leaves it to the adapter's limits.
    pub max_memory: Option<u64>,
    /// Floating point operations per submission before the work is split, so that no watchdog fires.
    pub work_cap: Option<u64>,
    /// Under the Vulkan validation layers, synchronisation validation among them; [`Listener`](super::Listener) hears
    /// them.
    pub validation: bool,
    /// In what numbers products may be computed; other than f32, the device is opened with its matrix units.
    pub precision: Precision,
}

impl Default for GpuOptions {
    fn default() -> Self {
        let choice = AdapterChoice::default();
        let checks = Checks::Trusted;
        let precision = Precision::F32;
        GpuOptions { choice, checks, profile: false, max_memory: None, work_cap: None, validation: false, precision }
    }
}

pub(super) struct Pipeline {
    pub pipeline: wgpu::ComputePipeline,
    pub layout: wgpu::BindGroupLayout,
    pub workgroup: u64,
}

#[derive(PartialEq, Eq, Hash)]
struct PipelineKey {
    kernel: &'static str,
    source: usize,
    checks: Checks,
    consts: Vec<(String, u64)>,
}

/// A GPU and everything that lives on it.
pub struct Gpu {
    /// The adapter it runs on.
    pub report: AdapterReport,
    /// Name and version of the validation layers, where they were asked for.
    pub(super) layers: Option<String>,
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) limits: wgpu::Limits,
    /// The engine opened the device: it may destroy it, and its handlers are the engine's.
    pub(super) owned: bool,
    pub(super) options: GpuOptions,
    /// Matrix units that products are recorded for.
    pub(super) trusted: Option<Matrices>,
    pub(super) kept: Vec<wgpu::Buffer>,
    /// Storage of temporaries, shared by all programs: they run one after another on one queue.
    pub(super) pool: Vec<wgpu::Buffer>,
    pub(super) staging: Vec<wgpu::Buffer>,
    pub(super) timings: Vec<Timing>,
    pub(super) epoch: std::time::Instant,
    pipelines: HashMap<PipelineKey, Arc<Pipeline>>,
    failure: Arc<Mutex<Option<String>>>,
    lost: Arc<AtomicBool>,
    /// Bytes held by kept buffers, the pool and parameter arenas.
    pub(super) held: u64,
    /// The most of them so far, since somebody asked.
    pub(super) peak: u64,
}

impl Gpu {
    /// Opens the chosen adapter with all its limits.
    pub fn open(options: GpuOptions) -> Result<Gpu> {
        let found = adapter::choose(&options.choice, options.validation)?;
        let mut wanted = wgpu::Features::SUBGROUP | wgpu::Features::TIMESTAMP_QUERY;
        found.report.must_compute(options.precision)?;
        let mut experimental_features = wgpu::ExperimentalFeatures::disabled();
        if !options.precision.is_f32() {
            wanted |= precision::WANTED;
            // SAFETY: matrix units are asked for by name, and are trusted with products after they have shown what they
            // compute (`kernels::linear::prove`).
            experimental_features = unsafe { wgpu::ExperimentalFeatures::enabled() };
        }
        let limits = found.adapter.limits();
        let desc = wgpu::DeviceDescriptor {
            label: Some("unlearn"),
            required_features: found.adapter.features() & wanted,
            required_limits: limits.clone(),
            experimental_features,
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(found.adapter.request_device(&desc))
            .map_err(|e| Error::Device(format!("adapter {} cannot be opened: {e}", found.report.name)))?;
        let failure = Arc::new(Mutex::new(None));
        let sink = failure.clone();
        device.on_uncaptured_error(Arc::new(move |e: wgpu::Error| keep_first(&sink, e.to_string())));
        let lost = Arc::new(AtomicBool::new(false));
        let (sink, flag) = (failure.clone(), lost.clone());
        device.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                flag.store(true, Ordering::Release);
                keep_first(&sink, format!("the device was lost ({reason:?}): {message}"));
            }
        });
        let gpu = Gpu::over(found.report, device, queue, limits, options);
        validation::required(Gpu { layers: found.layers, owned: true, failure, lost, ..gpu })
    }

    /// Over a device that nothing was allocated on.
    pub(super) fn over(
        report: AdapterReport,
        device: wgpu::Device,
        queue: wgpu::Queue,
        limits: wgpu::Limits,
        options: GpuOptions,
    ) -> Gpu {
        Gpu {
            report,
            layers: None,
            device,
            queue,
            limits,
            owned: false,
            options,
            trusted: None,
            kept: Vec::new(),
            pool: Vec::new(),
            staging: Vec::new(),
            timings: Vec::new(),
            epoch: std::time::Instant::now(),
            pipelines: HashMap::new(),
            failure: Arc::default(),
            lost: Arc::default(),
            held: 0,
            peak: 0,
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Reports the device as lost, and destroys it if it is the engine's.
    pub(super) fn lose(&mut self) {
        self.lost.store(true, Ordering::Release);
        keep_first(&self.failure, "the device was lost (on request)".to_owned());
        if self.owned {
            self.device.destroy();
        }
    }

    /// Keeps an error that the driver or wgpu reported, if it is the first.
    pub(super) fn note(&self, message: String) {
        keep_first(&self.failure, message);
    }

    /// The first error the driver or wgpu reported since the last call, if any.
    pub(super) fn healthy(&self) -> Result<()> {
        let taken = self.failure.lock().unwrap_or_else(|e| e.into_inner()).take();
        match taken {
            Some(message) => Err(Error::Device(format!("{}: {message}", self.report.name))),
            None => Ok(()),
        }
    }

    /// Refuses, before anything is allocated, what the adapter or the user's budget cannot hold.
    pub(super) fn afford(&self, what: &str, bytes: u64) -> Result<()> {
        let limit = self.limits.max_buffer_size;
        if bytes > limit {
            let limit = (format!("max_buffer_size of {}", self.report.name), limit);
            return Err(too_large(what, bytes, 0, limit));
        }
        match self.options.max_memory.filter(|m| self.held + bytes > *m) {
            Some(budget) => Err(too_large(what, bytes, self.held, ("the memory budget, --max-memory,".into(), budget))),
            None => Ok(()),
        }
    }

    /// Bytes of a buffer: whole 256-byte blocks, for vec4 views may look at up to three elements beyond an odd length.
    pub(super) fn whole_blocks(elements: usize) -> u64 {
        (elements.max(1) as u64 * 4).next_multiple_of(256)
    }

    pub(super) fn create(&mut self, what: &str, elements: usize, usage: wgpu::BufferUsages) -> Result<wgpu::Buffer> {
        let bytes = Self::whole_blocks(elements);
        self.afford(what, bytes)?;
        let desc = wgpu::BufferDescriptor { label: Some(what), size: bytes, usage, mapped_at_creation: false };
        let buffer = self.device.create_buffer(&desc);
        self.held += bytes;
        self.peak = self.peak.max(self.held);
        self.healthy()?;
        Ok(buffer)
    }

    pub(super) fn storage_usage() -> wgpu::BufferUsages {
        wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST
    }

    pub(super) fn alloc(&mut self, name: &str, elements: usize) -> Result<BufferId> {
        let buffer = self.create(name, elements, Self::storage_usage())?;
        self.kept.push(buffer);
        Ok(BufferId::Kept(self.kept.len() as u32 - 1))
    }

    pub(super) fn kept_buffer(&self, id: BufferId) -> Result<&wgpu::Buffer> {
        match id {
            BufferId::Kept(i) => Ok(&self.kept[i as usize]),
            _ => Err(Error::internal("a temporary buffer was used outside its recording")),
        }
    }

    /// Uploads in pieces, each submitted and waited for: one huge staging buffer can exhaust the driver's pool.
    pub(super) fn write(&mut self, dst: Span, bytes: &[u8]) -> Result<()> {
        const PIECE: usize = 32 << 20;
        let buffer = self.kept_buffer(dst.id)?.clone();
        for (i, piece) in bytes.chunks(PIECE).enumerate() {
            self.queue.write_buffer(&buffer, (dst.offset * 4 + i * PIECE) as u64, piece);
            if bytes.len() > PIECE {
                let sent = self.queue.submit([]);
                self.wait_for(sent)?;
            }
        }
        self.healthy()
    }

    /// Blocks until a submission is done.
    pub(super) fn wait_for(&self, submission: wgpu::SubmissionIndex) -> Result<()> {
        let waited = self.device.poll(wgpu::PollType::Wait { submission_index: Some(submission), timeout: None });
        waited.map_err(|e| Error::Device(format!("{}: waiting failed: {e}", self.report.name)))?;
        self.healthy()
    }

    /// The pipeline of a kernel with these overrides; made once.
    pub(super) fn pipeline(
        &mut self,
        kernel: &'static Kernel,
        consts: &[(&'static str, f64)],
    ) -> Result<Arc<Pipeline>> {
        let composed = shader::composed(kernel)?;
        let values = composed.consts(kernel, consts)?;
        let key = PipelineKey {
            kernel: kernel.name,
            source: kernel.source.as_ptr() as usize,
            checks: self.options.checks,
            consts: values.iter().map(|(n, v)| (n.clone(), v.to_bits())).collect(),
        };
        if let Some(hit) = self.pipelines.get(&key) {
            return Ok(hit.clone());
        }
        self.require(kernel)?;
        let layout = self.bind_group_layout(kernel, &composed.reflection)?;
        let pipeline_layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(kernel.name),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let desc = wgpu::ShaderModuleDescriptor {
            label: Some(kernel.name),
            source: wgpu::ShaderSource::Wgsl(composed.text.as_str().into()),
        };
        let checks = match self.options.checks {
            Checks::Checked => wgpu::ShaderRuntimeChecks::checked(),
            Checks::Trusted => wgpu::ShaderRuntimeChecks::unchecked(),
        };
        // SAFETY: `unlearn check` runs every kernel, variant and shape class with the guards on and off, and compares
        // both results bit for bit; a kernel that needs the guards fails there.
        let module = unsafe { self.device.create_shader_module_trusted(desc, checks) };
        let constants: Vec<(&str, f64)> = values.iter().map(|(n, v)| (n.as_str(), *v)).collect();
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(kernel.name),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &constants,
                zero_initialize_workgroup_memory: self.options.checks == Checks::Checked,
            },
            cache: None,
        });
        self.healthy()?;
        let workgroup = values.get("WG").copied().unwrap_or(64.0) as u64;
        let made = Arc::new(Pipeline { pipeline, layout, workgroup });
        self.pipelines.insert(key, made.clone());
        Ok(made)
    }

    fn require(&self, kernel: &Kernel) -> Result<()> {
        self.lacks(kernel).map_or(Ok(()), |why| Err(Error::Unsupported(why)))
    }

    fn bind_group_layout(&self, kernel: &Kernel, shader: &shader::Reflection) -> Result<wgpu::BindGroupLayout> {
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
        let desc = wgpu::BindGroupLayoutDescriptor { label: Some(kernel.name), entries: &entries };
        Ok(self.device.create_bind_group_layout(&desc))
    }
}

pub(super) fn too_large(what: &str, needed: u64, held: u64, (limit, available): (String, u64)) -> Error {
    Error::TooLarge { what: what.to_owned(), needed, held, limit, available }
}

fn keep_first(slot: &Mutex<Option<String>>, message: String) {
    slot.lock().unwrap_or_else(|e| e.into_inner()).get_or_insert(message);
}
