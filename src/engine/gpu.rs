//! The GPU: device, kept buffers, pipelines. Programs are compiled in `program.rs`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::adapter::{self, AdapterChoice, AdapterReport};
use super::kept::Kept;
use super::pipelines::Pipelines;
use super::precision::{self, Matrices, Precision};
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
    /// Folder in which what the driver compiles is kept from one process to the next; `None` keeps nothing.
    pub cache: Option<PathBuf>,
    /// In what numbers products may be computed; other than f32, the device is opened with its matrix units.
    pub precision: Precision,
}

impl Default for GpuOptions {
    fn default() -> Self {
        let choice = AdapterChoice::default();
        let checks = Checks::Trusted;
        let (precision, cache) = (Precision::F32, None);
        let (max_memory, work_cap) = (None, None);
        GpuOptions { choice, checks, profile: false, max_memory, work_cap, validation: false, cache, precision }
    }
}

/// Seconds of opening an adapter.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Opening {
    /// Instance and list of adapters.
    pub adapter_s: f64,
    /// Device and queue.
    pub device_s: f64,
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
    pub(super) epoch: Instant,
    pub(super) pipelines: Pipelines,
    /// How long opening took.
    pub(super) opening: Opening,
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
        let start = Instant::now();
        let found = adapter::choose(&options.choice, options.validation)?;
        let adapter_s = start.elapsed().as_secs_f64();
        let mut wanted = wgpu::Features::SUBGROUP | wgpu::Features::TIMESTAMP_QUERY;
        // Under the layers the driver shall compile what is checked.
        let folder = options.cache.clone().filter(|_| !options.validation);
        wanted.set(wgpu::Features::PIPELINE_CACHE, folder.is_some());
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
        let kept = folder.and_then(|folder| Kept::open(&folder, &device, &found.report.describe()));
        let gpu = Gpu::over(found.report, device, queue, limits, options);
        let pipelines = Pipelines::over(kept);
        let opening = Opening { adapter_s, device_s: start.elapsed().as_secs_f64() - adapter_s };
        validation::required(Gpu { layers: found.layers, owned: true, failure, lost, pipelines, opening, ..gpu })
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
            epoch: Instant::now(),
            pipelines: Pipelines::default(),
            opening: Opening::default(),
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
}

pub(super) fn too_large(what: &str, needed: u64, held: u64, (limit, available): (String, u64)) -> Error {
    Error::TooLarge { what: what.to_owned(), needed, held, limit, available }
}

fn keep_first(slot: &Mutex<Option<String>>, message: String) {
    slot.lock().unwrap_or_else(|e| e.into_inner()).get_or_insert(message);
}
