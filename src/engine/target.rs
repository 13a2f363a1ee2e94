//! What a recording will run on, as far as the choice of kernel variants cares.

use super::adapter::AdapterReport;

/// What the choice of kernel variants may know of an adapter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Target {
    /// The adapter is the CPU: no barriers, much work per invocation.
    pub software: bool,
    /// Smallest subgroup size; 0 without subgroup operations.
    pub subgroup: u32,
    /// Who made the GPU.
    pub vendor: Vendor,
}

/// Makers of GPUs, as far as choices differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Vendor {
    /// Anybody else, or nobody knows.
    #[default]
    Unknown,
    /// PCI id 0x10de.
    Nvidia,
    /// PCI id 0x1002.
    Amd,
    /// PCI id 0x8086.
    Intel,
    /// PCI id 0x106b, or a name that begins so on Metal, which tells no ids.
    Apple,
}

/// Kinds of adapters that a table of choices has a row for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The CPU, with subgroups of fewer than eight lanes or none.
    SoftwareNarrow,
    /// The CPU, with subgroups of eight lanes or more.
    SoftwareWide,
    /// A GPU of this maker.
    Gpu(Vendor),
}

impl Target {
    /// What there is to know of an adapter.
    pub fn of(report: &AdapterReport) -> Target {
        let apple = report.backend == "metal" && report.name.starts_with("Apple");
        let vendor = match report.vendor_id {
            0x10de => Vendor::Nvidia,
            0x1002 => Vendor::Amd,
            0x8086 => Vendor::Intel,
            0x106b => Vendor::Apple,
            _ if apple => Vendor::Apple,
            _ => Vendor::Unknown,
        };
        Target { software: report.is_software(), subgroup: report.subgroup_min, vendor }
    }

    /// The CPU, with subgroups of so many lanes.
    pub const fn software(subgroup: u32) -> Target {
        Target { software: true, subgroup, vendor: Vendor::Unknown }
    }

    /// A GPU.
    pub const fn gpu(vendor: Vendor, subgroup: u32) -> Target {
        Target { software: false, subgroup, vendor }
    }

    /// The kind of adapter.
    pub fn class(&self) -> Class {
        match (self.software, self.subgroup >= 8) {
            (true, true) => Class::SoftwareWide,
            (true, false) => Class::SoftwareNarrow,
            (false, _) => Class::Gpu(self.vendor),
        }
    }
}

#[cfg(test)]
mod tests {
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
        let class = |r: AdapterReport| Target::of(&r).class();
        assert_eq!(class(report("cpu", 0x10005, 8, "vulkan", "llvmpipe")), Class::SoftwareWide);
        assert_eq!(class(report("cpu", 0x10005, 4, "vulkan", "llvmpipe")), Class::SoftwareNarrow);
        assert_eq!(class(report("discrete", 0x10de, 32, "vulkan", "NVIDIA H200")), Class::Gpu(Vendor::Nvidia));
        assert_eq!(class(report("discrete", 0x1002, 32, "dx12", "AMD")), Class::Gpu(Vendor::Amd));
        assert_eq!(class(report("integrated", 0x8086, 8, "vulkan", "Intel")), Class::Gpu(Vendor::Intel));
        assert_eq!(class(report("integrated", 0, 32, "metal", "Apple M3")), Class::Gpu(Vendor::Apple));
        assert_eq!(class(report("other", 0, 0, "gl", "Apple M3")), Class::Gpu(Vendor::Unknown));
    }
}
