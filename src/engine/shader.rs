//! WGSL: `#import name` composition, validation and reflection through naga, translation for `shaders --dump`.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use wgpu::naga;

use super::kernel::{FieldType, Kernel};
use super::span::Elem;
use crate::error::{Error, Result};

/// Files that `#import` may name: `shaders/shared/<name>.wgsl`.
pub static SHARED: &[(&str, &str)] = &[
    ("row_stats", include_str!("../../shaders/shared/row_stats.wgsl")),
    ("sequences", include_str!("../../shaders/shared/sequences.wgsl")),
    ("grid", include_str!("../../shaders/shared/grid.wgsl")),
    ("bits", include_str!("../../shaders/shared/bits.wgsl")),
    ("philox", include_str!("../../shaders/shared/philox.wgsl")),
    ("normal", include_str!("../../shaders/shared/normal.wgsl")),
    ("product", include_str!("../../shaders/shared/product.wgsl")),
    ("product_shape", include_str!("../../shaders/shared/product_shape.wgsl")),
    ("product_quads", include_str!("../../shaders/shared/product_quads.wgsl")),
    ("product_tiles", include_str!("../../shaders/shared/product_tiles.wgsl")),
    ("stage", include_str!("../../shaders/shared/stage.wgsl")),
    ("tile", include_str!("../../shaders/shared/tile.wgsl")),
    ("tile_coop", include_str!("../../shaders/shared/tile_coop.wgsl")),
    ("halves", include_str!("../../shaders/shared/halves.wgsl")),
    ("tile4", include_str!("../../shaders/shared/tile4.wgsl")),
    ("tile8", include_str!("../../shaders/shared/tile8.wgsl")),
    ("conv_shape", include_str!("../../shaders/shared/conv_shape.wgsl")),
    ("conv_taps", include_str!("../../shaders/shared/conv_taps.wgsl")),
    ("conv_forward", include_str!("../../shaders/shared/conv_forward.wgsl")),
    ("conv_input", include_str!("../../shaders/shared/conv_input.wgsl")),
    ("conv_weight", include_str!("../../shaders/shared/conv_weight.wgsl")),
    ("pool_bins", include_str!("../../shaders/shared/pool_bins.wgsl")),
    ("pool_shape", include_str!("../../shaders/shared/pool_shape.wgsl")),
    ("special", include_str!("../../shaders/shared/special.wgsl")),
    ("csr", include_str!("../../shaders/shared/csr.wgsl")),
    ("quads", include_str!("../../shaders/shared/quads.wgsl")),
    ("row_quads", include_str!("../../shaders/shared/row_quads.wgsl")),
    ("team_row", include_str!("../../shaders/shared/team_row.wgsl")),
    ("relu_put", include_str!("../../shaders/shared/relu_put.wgsl")),
    ("quad", include_str!("../../shaders/shared/quad.wgsl")),
    ("winners", include_str!("../../shaders/shared/winners.wgsl")),
    ("piece", include_str!("../../shaders/shared/piece.wgsl")),
    ("row_max", include_str!("../../shaders/shared/row_max.wgsl")),
    ("parts", include_str!("../../shaders/shared/parts.wgsl")),
    ("lanes", include_str!("../../shaders/shared/lanes.wgsl")),
    ("edge_softmax", include_str!("../../shaders/shared/edge_softmax.wgsl")),
];

/// What reflection reads off a composed shader.
#[derive(Clone, Debug)]
pub struct Reflection {
    /// Members of the uniform `p` at binding 0 and their byte offsets, in order; empty if there is none.
    pub params: Vec<(String, FieldType, usize)>,
    /// Storage buffers in binding order (binding 1, 2, …): name, writable, element type.
    pub storage: Vec<(String, bool, Elem)>,
    /// Override constants with their defaults (NaN where the shader gives none).
    pub overrides: Vec<(String, f64)>,
    /// Invocations of a workgroup, by the overrides' defaults.
    pub workgroup: u32,
    /// Bytes of memory that a workgroup shares.
    pub shared_bytes: u32,
}

/// A composed shader and its reflection.
#[derive(Clone)]
pub struct Composed {
    /// WGSL with its includes and aliases put in.
    pub text: String,
    /// What naga finds in it.
    pub reflection: Reflection,
}

/// Replaces each `#import name` line by the text of `shaders/shared/name.wgsl`, once per name.
///
/// # Errors
/// An import that names no shared file.
pub fn compose(name: &str, source: &str) -> Result<String> {
    let mut seen = Vec::new();
    let mut out = String::with_capacity(source.len() * 2);
    expand(name, source, &mut seen, &mut out)?;
    Ok(out)
}

fn expand(name: &str, source: &str, seen: &mut Vec<String>, out: &mut String) -> Result<()> {
    for line in source.lines() {
        let Some(import) = line.strip_prefix("#import ") else {
            out.push_str(line);
            out.push('\n');
            continue;
        };
        let import = import.trim();
        if seen.iter().any(|s| s == import) {
            continue;
        }
        seen.push(import.to_owned());
        let shared = SHARED.iter().find(|(n, _)| *n == import).ok_or_else(|| {
            let known: Vec<_> = SHARED.iter().map(|(n, _)| *n).collect();
            Error::internal(format!(
                "{name}: `#import {import}` names no shared shader; there are {}",
                known.join(", ")
            ))
        })?;
        expand(import, shared.1, seen, out)?;
    }
    Ok(())
}

/// Composes and reflects a kernel; the result is kept for the life of the process.
pub fn composed(kernel: &'static Kernel) -> Result<Composed> {
    static CACHE: LazyLock<Mutex<HashMap<(&'static str, usize), Composed>>> = LazyLock::new(Default::default);
    // The source's address tells a mutated copy of a kernel (a planted fault) from the original.
    let key = (kernel.name, kernel.source.as_ptr() as usize);
    let mut cache = CACHE.lock().unwrap_or_else(|e| e.into_inner());
    if let Some(hit) = cache.get(&key) {
        return Ok(hit.clone());
    }
    let text = compose(kernel.name, kernel.source)?;
    let (module, info) = parse(kernel.name, &text)?;
    let made = Composed { reflection: reflect(kernel.name, &module, &info)?, text };
    cache.insert(key, made.clone());
    Ok(made)
}

/// Parses and validates composed WGSL.
pub fn parse(name: &str, text: &str) -> Result<(naga::Module, naga::valid::ModuleInfo)> {
    let module = naga::front::wgsl::parse_str(text)
        .map_err(|e| Error::internal(format!("{name}.wgsl does not parse: {}", e.emit_to_string(text))))?;
    let caps = naga::valid::Capabilities::SUBGROUP
        | naga::valid::Capabilities::SUBGROUP_BARRIER
        | naga::valid::Capabilities::SHADER_FLOAT16
        | naga::valid::Capabilities::COOPERATIVE_MATRIX;
    let mut validator = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), caps);
    validator
        .subgroup_stages(naga::valid::ShaderStages::COMPUTE)
        .subgroup_operations(naga::valid::SubgroupOperationSet::all());
    let info = validator
        .validate(&module)
        .map_err(|e| Error::internal(format!("{name}.wgsl is not valid: {}", e.emit_to_string(text))))?;
    Ok((module, info))
}

fn scalar_elem(module: &naga::Module, ty: naga::Handle<naga::Type>) -> Option<Elem> {
    let scalar = match &module.types[ty].inner {
        naga::TypeInner::Scalar(s) | naga::TypeInner::Atomic(s) => *s,
        naga::TypeInner::Vector { scalar, .. } => *scalar,
        naga::TypeInner::Array { base, .. } => return scalar_elem(module, *base),
        _ => return None,
    };
    match (scalar.kind, scalar.width) {
        (naga::ScalarKind::Float, 4) => Some(Elem::F32),
        (naga::ScalarKind::Uint, 4) => Some(Elem::U32),
        _ => None,
    }
}

/// The type of a parameter.
///
/// # Errors
/// Why it is none that a [`Field`](super::kernel::Field) has.
fn field_type(inner: &naga::TypeInner) -> std::result::Result<FieldType, &'static str> {
    use naga::{Scalar, TypeInner, VectorSize};
    match *inner {
        TypeInner::Scalar(Scalar::F32) => Ok(FieldType::F32),
        TypeInner::Scalar(Scalar::U32) => Ok(FieldType::U32),
        TypeInner::Vector { size: VectorSize::Bi, scalar: Scalar::U32 } => Ok(FieldType::UVec2),
        TypeInner::Vector { size: VectorSize::Quad, scalar: Scalar::U32 } => Ok(FieldType::UVec4),
        TypeInner::Vector { size: VectorSize::Tri, .. } => {
            Err("a vec3, which WGSL aligns to 16 bytes and Rust does not; take vec2, vec4 or single numbers")
        }
        _ => Err("not u32, f32, vec2<u32> or vec4<u32>"),
    }
}

fn reflect(name: &str, module: &naga::Module, info: &naga::valid::ModuleInfo) -> Result<Reflection> {
    let bad = |what: String| Error::internal(format!("{name}.wgsl: {what}"));
    let mut params = Vec::new();
    let mut storage: Vec<(u32, (String, bool, Elem))> = Vec::new();
    for (_, var) in module.global_variables.iter() {
        let Some(binding) = &var.binding else { continue };
        let var_name = var.name.clone().unwrap_or_default();
        match var.space {
            naga::AddressSpace::Uniform if binding.binding == 0 => {
                let naga::TypeInner::Struct { members, .. } = &module.types[var.ty].inner else {
                    return Err(bad(format!("uniform `{var_name}` must be a struct")));
                };
                for m in members {
                    let field = m.name.clone().unwrap_or_default();
                    let kind = field_type(&module.types[m.ty].inner)
                        .map_err(|why| bad(format!("parameter `{field}` is {why}")))?;
                    params.push((field, kind, m.offset as usize));
                }
            }
            naga::AddressSpace::Storage { access } if binding.binding > 0 => {
                let elem = scalar_elem(module, var.ty)
                    .ok_or_else(|| bad(format!("buffer `{var_name}` is not an array of u32 or f32")))?;
                let writable = access.contains(naga::StorageAccess::STORE);
                storage.push((binding.binding, (var_name, writable, elem)));
            }
            _ => {
                return Err(bad(format!(
                    "`{var_name}`: binding 0 is the uniform `p`, storage buffers start at binding 1"
                )));
            }
        }
    }
    storage.sort_by_key(|(binding, _)| *binding);
    if storage.iter().enumerate().any(|(i, (binding, _))| *binding as usize != i + 1) {
        return Err(bad("storage bindings must be 1, 2, 3 … without a gap".into()));
    }
    // One without a name is an expression of others: the size of an array.
    let named = module.overrides.iter().filter_map(|(_, o)| Some((o.name.clone()?, default_of(module, o))));
    Ok(Reflection {
        params,
        storage: storage.into_iter().map(|(_, s)| s).collect(),
        overrides: named.collect(),
        workgroup: workgroup(module),
        shared_bytes: shared_bytes(name, module, info)?,
    })
}

/// Bytes that a workgroup shares, by the overrides' defaults.
fn shared_bytes(name: &str, module: &naga::Module, info: &naga::valid::ModuleInfo) -> Result<u32> {
    let shared = |module: &naga::Module| {
        let held = module.global_variables.iter().filter(|(_, v)| v.space == naga::AddressSpace::WorkGroup);
        held.map(|(_, v)| module.types[v.ty].inner.size(module.to_ctx())).sum()
    };
    let pending =
        |inner: &naga::TypeInner| matches!(inner, naga::TypeInner::Array { size: naga::ArraySize::Pending(_), .. });
    if !module.types.iter().any(|(_, ty)| pending(&ty.inner)) {
        return Ok(shared(module));
    }
    let settled = naga::back::pipeline_constants::process_overrides(module, info, None, &Default::default());
    let failed = |e| Error::internal(format!("{name}.wgsl has an array whose size is no number: {e}"));
    settled.map(|(module, _)| shared(&module)).map_err(failed)
}

/// Invocations of a workgroup, by the overrides' defaults.
fn workgroup(module: &naga::Module) -> u32 {
    let Some(entry) = module.entry_points.first() else { return 0 };
    let by_override = |i: usize| match module.global_expressions[entry.workgroup_size_overrides?[i]?] {
        naga::Expression::Override(o) => Some(default_of(module, &module.overrides[o]) as u32),
        _ => None,
    };
    (0..3).map(|i| by_override(i).unwrap_or(entry.workgroup_size[i]).max(1)).product()
}

fn default_of(module: &naga::Module, o: &naga::Override) -> f64 {
    let Some(init) = o.init else { return f64::NAN };
    match module.global_expressions[init] {
        naga::Expression::Literal(naga::Literal::U32(v)) => f64::from(v),
        naga::Expression::Literal(naga::Literal::I32(v)) => f64::from(v),
        naga::Expression::Literal(naga::Literal::F32(v)) => f64::from(v),
        naga::Expression::Literal(naga::Literal::Bool(v)) => f64::from(u8::from(v)),
        _ => f64::NAN,
    }
}

impl Composed {
    /// The override values of one dispatch: the shader's defaults, replaced by `given`.
    ///
    /// # Errors
    /// A name the shader does not declare, or a declared one left without a value.
    pub fn consts(&self, kernel: &Kernel, given: &[(&'static str, f64)]) -> Result<super::Consts> {
        let mut all: super::Consts = self.reflection.overrides.iter().cloned().collect();
        for (name, value) in given {
            let slot = all
                .get_mut(*name)
                .ok_or_else(|| Error::internal(format!("{}: the shader has no override `{name}`", kernel.name)))?;
            *slot = *value;
        }
        if let Some((name, _)) = all.iter().find(|(_, v)| v.is_nan()) {
            return Err(Error::internal(format!("{}: override `{name}` needs a value", kernel.name)));
        }
        Ok(all)
    }
}
