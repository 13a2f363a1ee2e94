//! In what numbers products are computed: f32, or f16 on the matrix units that an adapter may have.

use serde::{Deserialize, Serialize};

/// In what numbers products are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Operands and sums are f32.
    #[default]
    F32,
    /// Operands are rounded to f16, sums are f32.
    Mixed,
    /// Operands are sums of two f16 numbers, a product is three of f16, sums are f32 (Ootomo & Yokota 2022).
    Split,
}

impl Precision {
    /// All of them.
    pub const ALL: [Precision; 3] = [Precision::F32, Precision::Mixed, Precision::Split];

    /// What `--precision` calls it.
    pub fn word(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Mixed => "mixed",
            Precision::Split => "split",
        }
    }

    /// The one that `--precision` calls so.
    pub fn of(word: &str) -> Option<Precision> {
        Precision::ALL.into_iter().find(|p| p.word() == word)
    }

    /// Products in f32, which every adapter has.
    pub fn is_f32(&self) -> bool {
        *self == Precision::F32
    }
}

/// Matrix units that products run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Matrices {
    /// What they compute: [`Precision::Mixed`] or [`Precision::Split`].
    pub precision: Precision,
    /// Rows, columns and terms of what they multiply at once: 8 or 16.
    pub side: u32,
    /// Lanes of the widest subgroup: so many invocations work one unit.
    pub lanes: u32,
}

/// What an adapter's list of features calls its matrix units, and their sides; the larger is the faster.
pub(super) const UNITS: [(&str, u32); 2] = [("matrices16", 16), ("matrices8", 8)];

/// The features behind `--precision mixed` and `split`.
pub(super) const WANTED: wgpu::Features =
    wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX.union(wgpu::Features::SHADER_F16).union(wgpu::Features::SUBGROUP);

/// Names of the matrix units that multiply f16 into f32. None but Vulkan's: naga 30 writes no HLSL for them, and what
/// it writes for Metal adds matrices, which Metal's own have no word for.
pub(super) fn units(adapter: &wgpu::Adapter) -> Vec<String> {
    if !adapter.features().contains(WANTED) || adapter.get_info().backend != wgpu::Backend::Vulkan {
        return Vec::new();
    }
    let (half, single) = (wgpu::CooperativeScalarType::F16, wgpu::CooperativeScalarType::F32);
    let all = adapter.cooperative_matrix_properties();
    let has = |side: u32| {
        all.iter().any(|m| [m.m_size, m.n_size, m.k_size] == [side; 3] && m.ab_type == half && m.cr_type == single)
    };
    UNITS.iter().filter(|(_, side)| has(*side)).map(|(name, _)| (*name).to_owned()).collect()
}
