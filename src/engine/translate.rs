//! What a driver is given: composed WGSL as SPIR-V, HLSL, MSL or GLSL, with the writer options that wgpu 30 uses.

use naga::Module;
use naga::back::{glsl, hlsl, msl, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::ModuleInfo;

use super::gpu::Checks;
use super::kernel::{Consts, Kernel, Requires};
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
    /// OpenGL 4.5, the newest version that wgpu asks of a desktop driver.
    Glsl,
    /// OpenGL ES 3.1, the oldest version with compute shaders.
    Essl,
}

impl Language {
    /// The usual file extension.
    pub fn extension(self) -> &'static str {
        match self {
            Language::Wgsl => "wgsl",
            Language::Spirv => "spv",
            Language::Hlsl => "hlsl",
            Language::Msl => "metal",
            Language::Glsl => "glsl",
            Language::Essl => "essl",
        }
    }
}

/// Names of the stage and entry point of every kernel.
const ENTRY: (naga::ShaderStage, &str) = (naga::ShaderStage::Compute, "main");

/// Translates a kernel as wgpu does with these run-time guards, with the overrides replaced by `consts`
/// (see [`Composed::consts`](super::Composed::consts)).
///
/// # Errors
/// The shader is not valid, an override has no value, the language has no word for something it does, or wgpu's backend
/// for the language lacks what the kernel requires ([`Error::Unsupported`]).
pub fn translate(kernel: &'static Kernel, consts: &Consts, language: Language, checks: Checks) -> Result<Vec<u8>> {
    let composed = shader::composed(kernel)?;
    if language == Language::Wgsl {
        return Ok(composed.text.into_bytes());
    }
    if matches!(language, Language::Glsl | Language::Essl) && kernel.requires == Requires::Subgroup8 {
        return Err(Error::Unsupported(format!(
            "kernel {} needs subgroups, which wgpu does not offer on OpenGL; adapters there run its plain variants",
            kernel.name
        )));
    }
    if kernel.requires.units() && language != Language::Spirv {
        return Err(Error::Unsupported(format!(
            "kernel {} needs matrix units, which the engine uses on Vulkan alone; others run other variants",
            kernel.name
        )));
    }
    let (module, info) = shader::parse(kernel.name, &composed.text)?;
    let fail =
        |e: String| Error::internal(format!("{} cannot be translated to {}: {e}", kernel.name, language.extension()));
    let values = consts.iter().map(|(name, value)| (name.clone(), *value)).collect();
    let (module, info) = naga::back::pipeline_constants::process_overrides(&module, &info, Some(ENTRY), &values)
        .map_err(|e| fail(e.to_string()))?;
    let guarded = checks == Checks::Checked;
    let written = match language {
        Language::Wgsl => Ok(composed.text.into_bytes()),
        Language::Spirv => write_spirv(&module, &info, guarded),
        Language::Hlsl => write_hlsl(&module, &info, guarded),
        Language::Msl => write_msl(&module, &info, guarded),
        Language::Glsl => write_glsl(&module, &info, glsl::Version::Desktop(450), guarded),
        Language::Essl => write_glsl(&module, &info, glsl::Version::new_gles(310), guarded),
    };
    written.map_err(fail)
}

/// What a writer wrote, or what it said.
type Written = std::result::Result<Vec<u8>, String>;

fn write_spirv(module: &Module, info: &ModuleInfo, guarded: bool) -> Written {
    let pipeline = spv::PipelineOptions { shader_stage: ENTRY.0, entry_point: ENTRY.1.into() };
    let words = spv::write_vec(module, info, &spirv_options(guarded), Some(&pipeline)).map_err(|e| e.to_string())?;
    Ok(words.iter().flat_map(|w| w.to_le_bytes()).collect())
}

fn write_hlsl(module: &Module, info: &ModuleInfo, guarded: bool) -> Written {
    let (options, mut text) = (hlsl_options(module, guarded), String::new());
    let pipeline = hlsl::PipelineOptions { entry_point: Some((ENTRY.0, ENTRY.1.into())) };
    hlsl::Writer::new(&mut text, &options, &pipeline).write(module, info, None).map_err(|e| e.to_string())?;
    Ok(text.into_bytes())
}

fn write_msl(module: &Module, info: &ModuleInfo, guarded: bool) -> Written {
    let options = msl_options(module, guarded);
    let pipeline = msl::PipelineOptions { entry_point: Some((ENTRY.0, ENTRY.1.into())), ..Default::default() };
    let (text, names) = msl::write_string(module, info, &options, &pipeline).map_err(|e| e.to_string())?;
    // The writer reports what is wrong with an entry point beside the text it wrote.
    match names.entry_point_names.first() {
        Some(Err(e)) => Err(e.to_string()),
        _ => Ok(text.into_bytes()),
    }
}

fn write_glsl(module: &Module, info: &ModuleInfo, version: glsl::Version, guarded: bool) -> Written {
    let options = glsl_options(module, version, guarded);
    let pipeline = glsl::PipelineOptions { shader_stage: ENTRY.0, entry_point: ENTRY.1.into(), multiview: None };
    let mut text = String::new();
    // The backend asks for no guards on buffers in either lane: the drivers are trusted to have their own.
    let mut writer =
        glsl::Writer::new(&mut text, module, info, &options, &pipeline, policies(false)).map_err(|e| e.to_string())?;
    writer.write().map_err(|e| e.to_string())?;
    Ok(text.into_bytes())
}

fn policies(guarded: bool) -> BoundsCheckPolicies {
    let of = if guarded { BoundsCheckPolicy::Restrict } else { BoundsCheckPolicy::Unchecked };
    BoundsCheckPolicies { index: of, buffer: of, image_load: of, binding_array: BoundsCheckPolicy::Unchecked }
}

/// As for a driver of Vulkan 1.1 without `robustBufferAccess2` or zeroed workgroup memory: with newer ones, fewer of
/// the guards are in the text.
fn spirv_options(guarded: bool) -> spv::Options<'static> {
    let zeros = spv::ZeroInitializeWorkgroupMemoryMode::Polyfill;
    spv::Options {
        lang_version: (1, 3),
        flags: spv::WriterFlags::LABEL_VARYINGS,
        bounds_check_policies: policies(guarded),
        zero_initialize_workgroup_memory: if guarded { zeros } else { spv::ZeroInitializeWorkgroupMemoryMode::None },
        force_loop_bounding: guarded,
        emit_int_div_checks: guarded,
        ..Default::default()
    }
}

/// The bound globals in binding order, and whether the shader writes each.
fn bound(module: &Module) -> Vec<(naga::ResourceBinding, naga::AddressSpace)> {
    let mut all: Vec<_> = module.global_variables.iter().filter_map(|(_, v)| Some((v.binding?, v.space))).collect();
    all.sort_by_key(|(binding, _)| binding.binding);
    all
}

fn writable(space: naga::AddressSpace) -> bool {
    matches!(space, naga::AddressSpace::Storage { access } if access.contains(naga::StorageAccess::STORE))
}

/// Registers counted per kind (b, t, u), as wgpu's DX12 backend lays them out.
fn hlsl_options(module: &Module, guarded: bool) -> hlsl::Options {
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
        zero_initialize_workgroup_memory: guarded,
        restrict_indexing: guarded,
        force_loop_bounding: guarded,
        ..Default::default()
    }
}

/// Buffer slots in binding order, then the hidden buffer of sizes, as wgpu's Metal backend lays them out.
fn msl_options(module: &Module, guarded: bool) -> msl::Options {
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
        bounds_check_policies: policies(guarded),
        zero_initialize_workgroup_memory: guarded,
        force_loop_bounding: guarded,
        emit_int_div_checks: guarded,
        ..Default::default()
    }
}

/// Slots counted per kind (uniform, storage), as wgpu's GL backend lays them out. Its flags are about graphics; none of
/// them changes a compute shader.
fn glsl_options(module: &Module, version: glsl::Version, guarded: bool) -> glsl::Options {
    let mut next = [0u8; 2];
    let mut binding_map = glsl::BindingMap::default();
    for (binding, space) in bound(module) {
        let kind = usize::from(space != naga::AddressSpace::Uniform);
        binding_map.insert(binding, next[kind]);
        next[kind] += 1;
    }
    let writer_flags = glsl::WriterFlags::ADJUST_COORDINATE_SPACE | glsl::WriterFlags::FORCE_POINT_SIZE;
    glsl::Options { version, writer_flags, binding_map, zero_initialize_workgroup_memory: guarded }
}
