//! What an engine says of itself, counts, and may be told: adapter, limits, traffic, memory, what ran.

use std::sync::Arc;

use super::{AdapterReport, Advice, By, Checks, Engine, Kernel, Kind, Recording, Reference, Target, Timing, Traffic};
use crate::error::Result;

/// Where the time before a first result goes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Startup {
    /// Seconds of starting the graphics interface and listing its adapters.
    pub adapter_s: f64,
    /// Seconds of opening the device.
    pub device_s: f64,
    /// Seconds of making pipelines. Some drivers compile at a pipeline's first dispatch instead.
    pub pipelines_s: f64,
    /// Number of pipelines made.
    pub pipelines: usize,
}

/// A kernel that ran.
#[derive(Clone, Copy, Debug)]
pub struct Ran {
    /// Its row.
    pub kernel: &'static Kernel,
    /// Who chose it among the forms of its plain kernel: a measurement, if it did so once.
    pub by: By,
}

impl Engine {
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

    /// The kernels that ran since they were last taken.
    pub fn kernels(&self) -> Vec<Ran> {
        self.ran.values().copied().collect()
    }

    /// The same, and from now on those that run next; by name, whatever compiled them.
    pub fn take_kernels(&mut self) -> Vec<Ran> {
        std::mem::take(&mut self.ran).into_values().collect()
    }

    /// What opening the engine and making pipelines took so far; zeros for the reference engine.
    pub fn startup(&self) -> Startup {
        let Kind::Gpu(g) = &self.kind else { return Startup::default() };
        Startup {
            adapter_s: g.opening.adapter_s,
            device_s: g.opening.device_s,
            pipelines_s: g.pipelines.seconds,
            pipelines: g.pipelines.count(),
        }
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

    /// Makes the buffers that `times` readbacks of so many elements at once will need, unless they are there.
    ///
    /// # Errors
    /// A budget or an adapter that cannot hold them.
    pub fn reserve_readback(&mut self, elements: usize, times: usize) -> Result<()> {
        match &mut self.kind {
            Kind::Gpu(g) => g.guarded(|g| g.reserve_readback(elements, times)),
            Kind::Reference(_) => Ok(()),
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

    /// Tells the recordings made from now on what was measured of variants.
    pub fn advise(&mut self, advice: Option<Arc<Advice>>) {
        self.advice = advice;
    }

    /// An empty recording whose variants are chosen for this engine.
    pub fn recording(&self) -> Recording {
        Recording::new(self.target()).advised(self.advice.clone())
    }

    /// What the choice of kernel variants may know about this engine.
    pub fn target(&self) -> Target {
        match &self.kind {
            Kind::Gpu(g) => Target { matrices: g.trusted, ..g.report.target() },
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
