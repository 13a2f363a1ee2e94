//! What a kernel is: a row of data that ties a WGSL source to its parameters and to its CPU twin.

use std::collections::BTreeMap;
use std::fmt;

use super::tangent::Rule;

/// How a dispatch uses a bound buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `var<storage, read>`.
    Read,
    /// `var<storage, read_write>`, every element of the range that the kernel owns is overwritten.
    Write,
    /// `var<storage, read_write>`, the previous content matters.
    Update,
}

impl Access {
    /// Whether a kernel may write through it.
    pub fn writes(self) -> bool {
        self != Access::Read
    }
}

/// Name, type and byte offset of each field of a parameter struct, in order; compared with the shader's uniform `p`.
pub type Fields = &'static [(&'static str, FieldType, usize)];

/// Type of a field of a parameter struct, on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// `f32`.
    F32,
    /// `u32`.
    U32,
    /// `vec2<u32>`, which WGSL aligns to 8 bytes.
    UVec2,
    /// `vec4<u32>`, which WGSL aligns to 16 bytes.
    UVec4,
}

/// Rust types that a field of [`params!`](crate::params) may have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a parameter struct",
    note = "fields are u32, f32, UVec2 and UVec4; WGSL aligns vec3<u32> to 16 bytes, so UVec3 is none of them"
)]
pub trait Field: bytemuck::Pod {
    /// What the shader must declare at this place.
    const TYPE: FieldType;
}

impl Field for f32 {
    const TYPE: FieldType = FieldType::F32;
}

impl Field for u32 {
    const TYPE: FieldType = FieldType::U32;
}

impl Field for glam::UVec2 {
    const TYPE: FieldType = FieldType::UVec2;
}

impl Field for glam::UVec4 {
    const TYPE: FieldType = FieldType::UVec4;
}

/// A `#[repr(C)]` struct of numbers and vectors made by [`params!`](crate::params).
pub trait Params: bytemuck::Pod {
    /// Name, type and offset of each field, compared with the shader by reflection.
    const FIELDS: Fields;
}

/// The only macro of the crate: declares a parameter struct and its reflected field list.
///
/// Fields lie as in C, without gaps. A [`UVec2`](glam::UVec2) must come at a multiple of 8 bytes and a
/// [`UVec4`](glam::UVec4) at one of 16, where WGSL puts them: a recording whose struct lies otherwise than the shader's
/// is refused. Vectors first is the simple way.
///
/// ```
/// unlearn::params! {
///     pub struct Window { stride: unlearn::glam::UVec2, planes: u32 }
/// }
/// ```
///
/// A `UVec3` does not compile:
///
/// ```compile_fail
/// unlearn::params! {
///     pub struct Window { stride: unlearn::glam::UVec3, planes: u32 }
/// }
/// ```
#[macro_export]
macro_rules! params {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$fm:meta])* $field:ident : $ty:ty),* $(,)? }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
        // What a field means, the shader says, which has it under the same name.
        #[allow(missing_docs)]
        pub struct $name { $($(#[$fm])* pub $field: $ty),* }
        impl $crate::engine::Params for $name {
            const FIELDS: $crate::engine::Fields = &[$((
                stringify!($field),
                <$ty as $crate::engine::Field>::TYPE,
                ::core::mem::offset_of!($name, $field),
            )),*];
        }
    };
}

/// What an adapter must have for a variant to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requires {
    /// Core WebGPU.
    Nothing,
    /// Subgroup operations with at least eight lanes in every subgroup: lanes 0..8 are broadcast from.
    Subgroup8,
    /// Matrix units that multiply 8 x 8 of f16 into f32 ([`Precision`](super::Precision)).
    Matrices8,
    /// The same of 16 x 16.
    Matrices16,
}

impl Requires {
    /// Whether it is matrix units, which the engine uses on Vulkan alone.
    pub fn units(self) -> bool {
        matches!(self, Requires::Matrices8 | Requires::Matrices16)
    }
}

/// How the directional derivative of what a kernel writes is computed from those of what it reads; see
/// [`Recording::tangent`](super::Recording::tangent).
#[derive(Clone, Copy)]
pub enum Tangent {
    /// The outputs are linear in each of these groups of bindings while the others are held, and together with what an
    /// updated output held before: dy = Σ_g f(.., dx_g, ..), by the same kernel with a group's buffers exchanged.
    Linear(&'static [&'static [usize]]),
    /// Records the derivative's commands; they follow the dispatch.
    Rule(Rule),
    /// The same for a kernel that changes what its derivative depends on: they go before the dispatch.
    Before(Rule),
    /// No output depends on an f32 input in a differentiable way, or nobody needs the derivative: it is taken as 0.
    Constant,
    /// Not written: a recording that carries a derivative to this kernel is refused by its name.
    Missing,
}

/// One row: a WGSL compute shader with entry point `main`, and the plain Rust function with the same meaning.
pub struct Kernel {
    /// `<family>.<stem>`; `shaders/<family>/<stem>.wgsl` holds the source.
    pub name: &'static str,
    /// The file's text, imports unresolved.
    pub source: &'static str,
    /// Fields of the uniform `p`, empty if the shader has none.
    pub params: Fields,
    /// The plain definition, in f64.
    pub twin: Twin,
    /// What an adapter must offer.
    pub requires: Requires,
    /// How its directional derivative is recorded.
    pub tangent: Tangent,
    /// The plain kernel that this row may run in the place of; `None` for a plain one. A variant binds the same buffers
    /// and has the same twin. One that works in several passes, and so binds what it carries from one to the next, has
    /// a twin of its own; its first pass is the row that names the plain kernel.
    pub variant_of: Option<&'static Kernel>,
}

impl Kernel {
    /// The part of the name before the dot: the folder under `shaders/`.
    pub fn family(&self) -> &'static str {
        self.name.split('.').next().unwrap_or(self.name)
    }

    /// The part of the name after the dot: the file stem.
    pub fn stem(&self) -> &'static str {
        self.name.split('.').nth(1).unwrap_or(self.name)
    }

    /// The kernel that this row is a variant of: itself for a plain one.
    pub fn plain(&'static self) -> &'static Kernel {
        self.variant_of.unwrap_or(self)
    }

    /// Which variant this row is: what its name has beyond the plain kernel's (`blocked` of `linear.matmul_blocked`),
    /// or `plain`.
    pub fn variant(&self) -> &'static str {
        let beyond = |plain: &Kernel| self.name.strip_prefix(plain.name)?.strip_prefix('_');
        self.variant_of.map_or("plain", |plain| beyond(plain).unwrap_or(self.name))
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The CPU twin of a kernel: the same bindings in the same order, plain loops, f64 where the shader has f32.
pub type Twin = fn(&mut TwinCall);

/// Values of WGSL `override` constants, defaults included.
pub type Consts = BTreeMap<String, f64>;

/// What a twin is called with.
pub struct TwinCall<'a> {
    /// Values of the override constants.
    pub consts: &'a Consts,
    /// The bytes of the parameter block.
    pub params: &'a [u8],
    /// The bindings in order.
    pub binds: &'a mut [Lane],
}

/// The content of one bound range in the reference engine. f32 buffers are held in f64 there, so that a twin's
/// result is a reference and finite differences through whole networks are meaningful.
#[derive(Clone, Debug, PartialEq)]
pub enum Lane {
    /// Floats, in double precision.
    F32(Vec<f64>),
    /// Words.
    U32(Vec<u32>),
}

impl Lane {
    /// The numbers of an f32 binding. Reflection has checked the type before a twin is called.
    pub fn f(&self) -> &[f64] {
        match self {
            Lane::F32(v) => v,
            Lane::U32(_) => panic!("this binding holds u32, not f32"),
        }
    }

    /// The floats, to write.
    pub fn f_mut(&mut self) -> &mut [f64] {
        match self {
            Lane::F32(v) => v,
            Lane::U32(_) => panic!("this binding holds u32, not f32"),
        }
    }

    /// The words.
    pub fn u(&self) -> &[u32] {
        match self {
            Lane::U32(v) => v,
            Lane::F32(_) => panic!("this binding holds f32, not u32"),
        }
    }

    /// The words, to write.
    pub fn u_mut(&mut self) -> &mut [u32] {
        match self {
            Lane::U32(v) => v,
            Lane::F32(_) => panic!("this binding holds f32, not u32"),
        }
    }
}

impl TwinCall<'_> {
    /// The parameter struct. Field list and size were checked when the dispatch was compiled.
    pub fn params<T: Params>(&self) -> T {
        bytemuck::pod_read_unaligned(self.params)
    }

    /// An override constant as an unsigned integer.
    pub fn set(&self, name: &str) -> u32 {
        self.consts.get(name).map_or(0, |v| *v as u32)
    }

    /// All bindings at once, so that inputs and outputs can be borrowed side by side.
    pub fn bufs<const N: usize>(&mut self) -> [&mut Lane; N] {
        let all: Vec<&mut Lane> = self.binds.iter_mut().collect();
        all.try_into().unwrap_or_else(|v: Vec<_>| panic!("the dispatch binds {} buffers, the twin wants {N}", v.len()))
    }
}
