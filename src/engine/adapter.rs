//! Which GPUs (and software stand-ins) there are, and which one a run uses.

use serde::{Deserialize, Serialize};

use super::precision;
use super::target::{Target, Vendor};
use super::validation;
use crate::error::{Error, Result};

/// One adapter as the driver describes it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AdapterReport {
    /// Position in the list; what `--adapter N` takes. 0 for a device that the engine did not open.
    pub index: usize,
    /// As the driver says it.
    pub name: String,
    /// `vulkan`, `metal`, `dx12` or `gl`.
    pub backend: String,
    /// The driver's name.
    pub driver: String,
    /// The driver's version, in its own words.
    pub driver_info: String,
    /// `discrete`, `integrated`, `virtual`, `cpu` or `other`; `unknown` where it could not be listed.
    #[serde(rename = "type")]
    pub kind: String,
    /// PCI id of the maker; 0 where the back end does not tell.
    pub vendor_id: u32,
    /// PCI id of the device; 0 where the back end does not tell.
    pub device_id: u32,
    /// Lanes of a subgroup; 0 where the adapter has no subgroup operations.
    pub subgroup_min: u32,
    /// Lanes of the widest subgroup.
    pub subgroup_max: u32,
    /// Optional features that kernels can ask for and that are here.
    pub features: Vec<String>,
    /// What it can hold and run at once.
    pub limits: AdapterLimits,
}

/// The limits that decide what fits.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AdapterLimits {
    /// Largest range that one binding can show to a kernel.
    pub max_storage_buffer_binding_bytes: u64,
    /// Largest buffer.
    pub max_buffer_bytes: u64,
    /// Storage buffers of one dispatch.
    pub max_storage_buffers: u32,
    /// Memory shared by a workgroup.
    pub max_workgroup_storage_bytes: u32,
    /// Threads of one workgroup.
    pub max_invocations_per_workgroup: u32,
    /// Workgroups along one axis; the engine folds more into y.
    pub max_workgroups_per_dimension: u32,
    /// Bytes that the beginning of a binding is a multiple of.
    pub min_storage_offset_alignment: u32,
}

/// What the user asked for; empty means "the best there is".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdapterChoice {
    /// An index from `unlearn adapters`, or a part of a name (case does not matter).
    pub adapter: Option<String>,
    /// `vulkan`, `metal`, `dx12` or `gl`.
    pub backend: Option<String>,
}

/// An adapter that can be opened.
pub(super) struct Found {
    pub adapter: wgpu::Adapter,
    /// Name and version of the Vulkan validation layers, where they were asked for and are installed.
    pub layers: Option<String>,
    pub report: AdapterReport,
}

/// Lists every adapter of every backend, best first: hardware before software, the native interface before GL.
pub fn list() -> Vec<AdapterReport> {
    found(wgpu::Backends::all(), false).into_iter().map(|f| f.report).collect()
}

fn found(backends: wgpu::Backends, validation: bool) -> Vec<Found> {
    let mut desc = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    // Also narrowed here, not only when enumerating: starting GL loads libraries that talk on stderr.
    desc.backends &= backends;
    // wgpu's own validation stays on in any case; the Vulkan layers can be asked for with WGPU_VALIDATION=1, too.
    let layered = wgpu::InstanceFlags::VALIDATION | wgpu::InstanceFlags::DEBUG;
    desc.flags = if validation { layered } else { wgpu::InstanceFlags::empty().with_env() };
    let instance = wgpu::Instance::new(desc);
    let layers = if validation { validation::present(&instance) } else { None };
    let mut all: Vec<wgpu::Adapter> = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    // The no-op backend computes nothing and must never look like a GPU.
    all.retain(|a| a.get_info().backend != wgpu::Backend::Noop);
    all.retain(|a| a.get_downlevel_capabilities().flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS));
    all.sort_by_key(|a| rank(&a.get_info()));
    let one = |(index, adapter): (usize, wgpu::Adapter)| {
        let mut report = report(index, &adapter.get_info(), &adapter.limits(), adapter.features());
        report.features.extend(precision::units(&adapter));
        let layers = layers.clone().filter(|_| report.backend == "vulkan");
        Found { report, layers, adapter }
    };
    all.into_iter().enumerate().map(one).collect()
}

fn rank(info: &wgpu::AdapterInfo) -> (u32, u32) {
    let kind = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    };
    let backend = match info.backend {
        wgpu::Backend::Vulkan | wgpu::Backend::Metal => 0,
        wgpu::Backend::Dx12 => 1,
        _ => 2,
    };
    // GL calls its device type `Other` for hardware and software alike; it is the spare in either case.
    (if backend == 2 { 5 } else { kind }, backend)
}

fn backend_name(backend: wgpu::Backend) -> &'static str {
    match backend {
        wgpu::Backend::Vulkan => "vulkan",
        wgpu::Backend::Metal => "metal",
        wgpu::Backend::Dx12 => "dx12",
        wgpu::Backend::Gl => "gl",
        _ => "other",
    }
}

/// What an adapter can do, or a device on it.
pub(super) fn report(
    index: usize,
    info: &wgpu::AdapterInfo,
    limits: &wgpu::Limits,
    features: wgpu::Features,
) -> AdapterReport {
    let names = [
        (wgpu::Features::SUBGROUP, "subgroups"),
        (wgpu::Features::TIMESTAMP_QUERY, "timestamps"),
        (wgpu::Features::SHADER_F16, "f16"),
        (wgpu::Features::SHADER_F64, "f64"),
        (wgpu::Features::SHADER_INT64, "int64"),
        (wgpu::Features::PIPELINE_CACHE, "pipeline-cache"),
    ];
    let has_subgroups = features.contains(wgpu::Features::SUBGROUP);
    let software = info.name.to_lowercase().contains("llvmpipe") || info.name.to_lowercase().contains("swiftshader");
    let kind = match info.device_type {
        _ if software => "cpu",
        wgpu::DeviceType::DiscreteGpu => "discrete",
        wgpu::DeviceType::IntegratedGpu => "integrated",
        wgpu::DeviceType::VirtualGpu => "virtual",
        wgpu::DeviceType::Cpu => "cpu",
        wgpu::DeviceType::Other => "other",
    };
    AdapterReport {
        index,
        name: info.name.clone(),
        backend: backend_name(info.backend).to_owned(),
        driver: info.driver.clone(),
        driver_info: info.driver_info.clone(),
        kind: kind.to_owned(),
        vendor_id: info.vendor,
        device_id: info.device,
        subgroup_min: if has_subgroups { info.subgroup_min_size } else { 0 },
        subgroup_max: if has_subgroups { info.subgroup_max_size } else { 0 },
        features: names.iter().filter(|(f, _)| features.contains(*f)).map(|(_, n)| (*n).to_owned()).collect(),
        limits: AdapterLimits {
            max_storage_buffer_binding_bytes: limits.max_storage_buffer_binding_size,
            max_buffer_bytes: limits.max_buffer_size,
            max_storage_buffers: limits.max_storage_buffers_per_shader_stage,
            max_workgroup_storage_bytes: limits.max_compute_workgroup_storage_size,
            max_invocations_per_workgroup: limits.max_compute_invocations_per_workgroup,
            max_workgroups_per_dimension: limits.max_compute_workgroups_per_dimension,
            min_storage_offset_alignment: limits.min_storage_buffer_offset_alignment,
        },
    }
}

impl AdapterReport {
    /// In the place of one that its driver could not even name.
    pub fn unlisted() -> AdapterReport {
        let (name, unknown) = ("not listed".to_owned(), || "unknown".to_owned());
        AdapterReport { name, backend: unknown(), driver: unknown(), kind: unknown(), ..Default::default() }
    }

    /// What the choice of kernel variants may know of it.
    pub fn target(&self) -> Target {
        let apple = self.backend == "metal" && self.name.starts_with("Apple");
        let vendor = match self.vendor_id {
            0x10de => Vendor::Nvidia,
            0x1002 => Vendor::Amd,
            0x8086 => Vendor::Intel,
            0x106b => Vendor::Apple,
            _ if apple => Vendor::Apple,
            _ => Vendor::Unknown,
        };
        Target { software: self.is_software(), subgroup: self.subgroup_min, vendor, matrices: None }
    }

    /// True where the "GPU" is the CPU: no barriers, little parallelism, much work per invocation.
    pub fn is_software(&self) -> bool {
        self.kind == "cpu"
    }

    /// `llvmpipe (LLVM 15.0.6, 256 bits) · vulkan · llvmpipe Mesa 22.3.6`.
    pub fn describe(&self) -> String {
        format!("{} · {} · {} {}", self.name, self.backend, self.driver, self.driver_info).trim().to_owned()
    }
}

/// The adapter that a choice names; under the Vulkan validation layers if `validation`.
///
/// # Errors
/// No adapter at all, an unknown backend word, or a name or index that matches none.
pub(super) fn choose(choice: &AdapterChoice, validation: bool) -> Result<Found> {
    if choice.backend.as_deref() != Some("gl") {
        // GL comes last in the list, so an adapter found without it has the same index, and GL is not started.
        let native = wgpu::Backends::all().difference(wgpu::Backends::GL);
        if let Ok(found) = pick(found(native, validation), |f| &f.report, choice) {
            return Ok(found);
        }
    }
    pick(found(wgpu::Backends::all(), validation), |f| &f.report, choice)
}

/// The one that a choice names, of a list that is best first.
///
/// # Errors
/// An unknown backend word, an empty list, or a name or index that matches none.
pub fn pick<T>(mut all: Vec<T>, report: impl Fn(&T) -> &AdapterReport, choice: &AdapterChoice) -> Result<T> {
    if let Some(backend) = &choice.backend {
        if !["vulkan", "metal", "dx12", "gl"].contains(&backend.as_str()) {
            return Err(Error::input(format!("--backend `{backend}` is unknown; use vulkan, metal, dx12 or gl")));
        }
        all.retain(|f| report(f).backend == *backend);
    }
    if all.is_empty() {
        let of = choice.backend.as_ref().map_or(String::new(), |b| format!(" for backend {b}"));
        return Err(Error::input(format!(
            "no GPU adapter was found{of}; install a Vulkan driver (on Debian: mesa-vulkan-drivers gives a software \
                one)"
        )));
    }
    let listing: Vec<_> = all.iter().map(&report).map(|r| format!("{}: {} ({})", r.index, r.name, r.backend)).collect();
    match &choice.adapter {
        None => Ok(all.swap_remove(0)),
        Some(want) => {
            let index = want.parse::<usize>().ok();
            let at = all.iter().map(&report).position(|r| match index {
                Some(i) => r.index == i,
                None => r.name.to_lowercase().contains(&want.to_lowercase()),
            });
            at.map(|i| all.swap_remove(i))
                .ok_or_else(|| Error::input(format!("no adapter matches `{want}`; there are {}", listing.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::target::Class;
    use super::*;

    #[test]
    fn a_class_is_told_by_kind_lanes_and_vendor() {
        let report = |kind: &str, vendor_id, subgroup_min, backend: &str, name: &str| AdapterReport {
            kind: kind.into(),
            vendor_id,
            subgroup_min,
            backend: backend.into(),
            name: name.into(),
            ..Default::default()
        };
        let class = |r: AdapterReport| r.target().class();
        assert_eq!(class(report("cpu", 0x10005, 8, "vulkan", "llvmpipe")), Class::SoftwareWide);
        assert_eq!(class(report("cpu", 0x10005, 4, "vulkan", "llvmpipe")), Class::SoftwareNarrow);
        assert_eq!(class(report("discrete", 0x10de, 32, "vulkan", "NVIDIA H200")), Class::Gpu(Vendor::Nvidia));
        assert_eq!(class(report("discrete", 0x1002, 32, "dx12", "AMD")), Class::Gpu(Vendor::Amd));
        assert_eq!(class(report("integrated", 0x8086, 8, "vulkan", "Intel")), Class::Gpu(Vendor::Intel));
        assert_eq!(class(report("integrated", 0, 32, "metal", "Apple M3")), Class::Gpu(Vendor::Apple));
        assert_eq!(class(report("other", 0, 0, "gl", "Apple M3")), Class::Gpu(Vendor::Unknown));
    }
}
