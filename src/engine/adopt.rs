//! An engine over a device that its caller opened, owns and goes on using.

use super::gpu::{Gpu, GpuOptions};
use super::span::ALIGN;
use super::{Engine, Kind, adapter};
use crate::error::{Error, Result};

impl Engine {
    /// The engine on a device and queue of the caller's, which stay the caller's: they are neither destroyed nor given
    /// other handlers of errors or of loss, and the engine's buffers go with the engine. Make them with the wgpu of
    /// [`super::wgpu`], and ask for
    ///
    /// - limits: those of the adapter, so that as much fits as can. [`wgpu::Limits::default`] is enough for every
    ///   kernel, with bindings of 128 MiB and buffers of 256 MiB; a kernel that needs more than the device has is
    ///   refused by name when it is compiled.
    /// - [`wgpu::Features::SUBGROUP`], or variants with subgroup operations are not chosen: on a software adapter
    ///   products and convolutions are then several times slower.
    /// - [`wgpu::Features::TIMESTAMP_QUERY`], or [`Engine::set_profile`] measures nothing.
    ///
    /// Of `options`, `choice` plays no part. While [`Engine::wait`], [`Engine::read`] or a [`Engine::write`] of more
    /// than 32 MiB wait for the engine's own submissions, they poll the device, which may run callbacks of the caller's
    /// on the calling thread; the engine polls at no other time. What it submits is ordered with the caller's
    /// submissions by the one queue.
    ///
    /// # Errors
    /// A device without compute shaders or with less than the simplest kernels need, or `validation`: the Vulkan
    /// validation layers are switched on with the instance.
    pub fn from_device(device: wgpu::Device, queue: wgpu::Queue, options: GpuOptions) -> Result<Engine> {
        let (info, limits) = (device.adapter_info(), device.limits());
        if options.validation {
            return Err(Error::Unsupported(
                "the Vulkan validation layers are switched on with the instance; open the device under them".to_owned(),
            ));
        }
        if !options.precision.is_f32() {
            let why = "matrix units are listed by the adapter; open it with Engine::gpu for another precision than f32";
            return Err(Error::Unsupported(why.to_owned()));
        }
        suits(&info, &limits)?;
        let report = adapter::report(0, &info, &limits, device.features());
        Ok(Engine::new(Kind::Gpu(Box::new(Gpu::over(report, device, queue, limits, options)))))
    }
}

/// Invocations of a workgroup and buffers of a kernel that nothing goes without.
const INVOCATIONS: u32 = 64;
const BUFFERS: u32 = 4;

/// # Errors
/// Not one kernel could run on such a device.
fn suits(info: &wgpu::AdapterInfo, limits: &wgpu::Limits) -> Result<()> {
    let refuse = |why: String| {
        Err(Error::Unsupported(format!("the device on {} {why}; open it with wgpu::Limits::default()", info.name)))
    };
    if info.backend == wgpu::Backend::Noop {
        return Err(Error::Unsupported("the no-op backend of wgpu computes nothing".to_owned()));
    }
    let least = [
        ("max_compute_workgroups_per_dimension", limits.max_compute_workgroups_per_dimension, 1),
        ("max_compute_workgroup_size_x", limits.max_compute_workgroup_size_x, INVOCATIONS),
        ("max_compute_invocations_per_workgroup", limits.max_compute_invocations_per_workgroup, INVOCATIONS),
        ("max_storage_buffers_per_shader_stage", limits.max_storage_buffers_per_shader_stage, BUFFERS),
        ("max_dynamic_uniform_buffers_per_pipeline_layout", limits.max_dynamic_uniform_buffers_per_pipeline_layout, 1),
    ];
    if let Some((name, has, need)) = least.into_iter().find(|(_, has, need)| has < need) {
        return refuse(format!("has a {name} of {has}, and kernels need at least {need}"));
    }
    // Ranges and parameters start at multiples of 256 bytes.
    let most = 4 * ALIGN as u32;
    let steps = [
        ("min_storage_buffer_offset_alignment", limits.min_storage_buffer_offset_alignment),
        ("min_uniform_buffer_offset_alignment", limits.min_uniform_buffer_offset_alignment),
    ];
    match steps.into_iter().find(|(_, step)| !most.is_multiple_of(*step)) {
        Some((name, step)) => refuse(format!("has a {name} of {step}, which does not divide {most}")),
        None => Ok(()),
    }
}

impl Gpu {
    /// Does some work on the device. On one of the caller's, errors are caught by scopes around the work, because the
    /// handler of those that no scope catches is the caller's.
    pub(super) fn guarded<R>(&mut self, work: impl FnOnce(&mut Gpu) -> Result<R>) -> Result<R> {
        if self.owned {
            return work(self);
        }
        // Popped in reverse, which is the order of locals that are dropped should the work panic.
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let internal = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let done = work(self);
        for error in [pollster::block_on(internal.pop()), pollster::block_on(memory.pop())].into_iter().flatten() {
            self.note(error.to_string());
        }
        if let Some(error) = pollster::block_on(validation.pop()) {
            self.note(error.to_string());
        }
        // What wgpu said comes first: a failure that the work noticed follows from it.
        self.healthy().and(done)
    }
}
