//! What a driver is given: composed WGSL as SPIR-V, HLSL or MSL, with the writer options that wgpu 30 uses.

use naga::back::{hlsl, msl, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};

use super::kernel::{Consts, Kernel};
use super::shader;
use crate::error::{Error, Result};

/// A shading language that a backend takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// The composed text itself, overrides unresolved.
    Wgsl,
    /// Vulkan; little-endian words of SPIR-V 1.3.
    Spirv,
    /// DX12; shader model 6.0.
    Hlsl,
    /// Metal 2.4.
    Msl,
}

impl Language {
    /// The usual file extension.
    pub fn extension(self) -> &'static str {
        match self {
            Language::Wgsl => "wgsl",
            Language::Spirv => "spv",
            Language::Hlsl => "hlsl",
            Language::Msl => "metal",
        }
    }
}

/// Names of the stage and entry point of every kernel.
const ENTRY: (naga::ShaderStage, &str) = (naga::ShaderStage::Compute, "main");

/// Translates a kernel as the trusted lane compiles it (no run-time guards), with the overrides replaced by `consts`
/// (see [`Composed::consts`](super::Composed::consts)).
///
/// # Errors
/// The shader is not valid, an override has no value, or the language has no word for something it does.
pub fn translate(kernel: &'static Kernel, consts: &Consts, language: Language) -> Result<Vec<u8>> {
    let composed = shader::composed(kernel)?;
    if language == Language::Wgsl {
        return Ok(composed.text.into_bytes());
    }
    let (module, info) = shader::parse(kernel.name, &composed.text)?;
    let fail = |e: &dyn std::fmt::Display| {
        Error::internal(format!("{} cannot be translated to {}: {e}", kernel.name, language.extension()))
    };
    let values = consts.iter().map(|(name, value)| (name.clone(), *value)).collect();
    let (module, info) = naga::back::pipeline_constants::process_overrides(&module, &info, Some(ENTRY), &values)
        .map_err(|e| fail(&e))?;
    match language {
        Language::Wgsl => Ok(composed.text.into_bytes()),
        Language::Spirv => {
            let pipeline = spv::PipelineOptions { shader_stage: ENTRY.0, entry_point: ENTRY.1.into() };
            let words = spv::write_vec(&module, &info, &spirv_options(), Some(&pipeline)).map_err(|e| fail(&e))?;
            Ok(words.iter().flat_map(|w| w.to_le_bytes()).collect())
        }
        Language::Hlsl => {
            let (options, pipeline) = (hlsl_options(&module), hlsl_pipeline());
            let mut text = String::new();
            hlsl::Writer::new(&mut text, &options, &pipeline).write(&module, &info, None).map_err(|e| fail(&e))?;
            Ok(text.into_bytes())
        }
        Language::Msl => {
            let pipeline = msl_pipeline();
            let (text, names) =
                msl::write_string(&module, &info, &msl_options(&module), &pipeline).map_err(|e| fail(&e))?;
            // The writer reports what is wrong with an entry point beside the text it wrote.
            if let Some(Err(e)) = names.entry_point_names.first() {
                return Err(fail(e));
            }
            Ok(text.into_bytes())
        }
    }
}

const UNCHECKED: BoundsCheckPolicies = BoundsCheckPolicies {
    index: BoundsCheckPolicy::Unchecked,
    buffer: BoundsCheckPolicy::Unchecked,
    image_load: BoundsCheckPolicy::Unchecked,
    binding_array: BoundsCheckPolicy::Unchecked,
};

fn spirv_options() -> spv::Options<'static> {
    spv::Options {
        lang_version: (1, 3),
        flags: spv::WriterFlags::LABEL_VARYINGS,
        bounds_check_policies: UNCHECKED,
        zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
        force_loop_bounding: false,
        emit_int_div_checks: false,
        ..Default::default()
    }
}

/// The bound globals in binding order, and whether the shader writes each.
fn bound(module: &naga::Module) -> Vec<(naga::ResourceBinding, naga::AddressSpace)> {
    let mut all: Vec<_> = module.global_variables.iter().filter_map(|(_, v)| Some((v.binding?, v.space))).collect();
    all.sort_by_key(|(binding, _)| binding.binding);
    all
}

fn writable(space: naga::AddressSpace) -> bool {
    matches!(space, naga::AddressSpace::Storage { access } if access.contains(naga::StorageAccess::STORE))
}

/// Registers counted per kind (b, t, u), as wgpu's DX12 backend lays them out.
fn hlsl_options(module: &naga::Module) -> hlsl::Options {
    let mut next = [0u32; 3];
    let mut binding_map = hlsl::BindingMap::default();
    for (binding, space) in bound(module) {
        let kind = if space == naga::AddressSpace::Uniform { 0 } else { 1 + usize::from(writable(space)) };
        binding_map.insert(binding, hlsl::BindTarget { register: next[kind], ..Default::default() });
        next[kind] += 1;
    }
    hlsl::Options {
        shader_model: hlsl::ShaderModel::V6_0,
        binding_map,
        fake_missing_bindings: false,
        // DX12 has no num_workgroups; wgpu passes it in a constant buffer of its own.
        special_constants_binding: Some(hlsl::BindTarget { register: next[0], ..Default::default() }),
        zero_initialize_workgroup_memory: false,
        restrict_indexing: false,
        force_loop_bounding: false,
        ..Default::default()
    }
}

fn hlsl_pipeline() -> hlsl::PipelineOptions {
    hlsl::PipelineOptions { entry_point: Some((ENTRY.0, ENTRY.1.into())) }
}

/// Buffer slots in binding order, then the hidden buffer of sizes, as wgpu's Metal backend lays them out.
fn msl_options(module: &naga::Module) -> msl::Options {
    let mut resources = msl::EntryPointResources::default();
    for (slot, (binding, space)) in bound(module).into_iter().enumerate() {
        let target =
            msl::BindTarget { buffer: Some(slot as msl::Slot), mutable: writable(space), ..Default::default() };
        resources.resources.insert(binding, target);
    }
    resources.sizes_buffer = Some(resources.resources.len() as msl::Slot);
    msl::Options {
        lang_version: (2, 4),
        per_entry_point_map: msl::EntryPointResourceMap::from([(ENTRY.1.to_owned(), resources)]),
        fake_missing_bindings: false,
        bounds_check_policies: UNCHECKED,
        zero_initialize_workgroup_memory: false,
        force_loop_bounding: false,
        emit_int_div_checks: false,
        ..Default::default()
    }
}

fn msl_pipeline() -> msl::PipelineOptions {
    msl::PipelineOptions { entry_point: Some((ENTRY.0, ENTRY.1.into())), ..Default::default() }
}
