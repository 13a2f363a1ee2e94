//! What a recording will run on, as far as the choice of kernel variants cares.

use super::precision::Matrices;

/// What the choice of kernel variants may know of an adapter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Target {
    /// The adapter is the CPU: no barriers, much work per invocation.
    pub software: bool,
    /// Smallest subgroup size; 0 without subgroup operations.
    pub subgroup: u32,
    /// Who made the GPU.
    pub vendor: Vendor,
    /// Matrix units that products run on: where the user asks for it and they were seen to compute what they should.
    pub matrices: Option<Matrices>,
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
    /// The CPU, with subgroups of so many lanes.
    pub const fn software(subgroup: u32) -> Target {
        Target { software: true, subgroup, vendor: Vendor::Unknown, matrices: None }
    }

    /// A GPU.
    pub const fn gpu(vendor: Vendor, subgroup: u32) -> Target {
        Target { software: false, subgroup, vendor, matrices: None }
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
