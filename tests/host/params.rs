//! Parameter structs against the uniform that a shader declares: names, types and byte offsets, vectors among them.

use bytemuck::{Pod, Zeroable};
use unlearn::engine::{FieldType, Fields, Kernel, Params, Recording, Requires, Tangent, Target, TwinCall, composed};
use unlearn::glam::{UVec2, UVec3, UVec4};
use unlearn::params;

params! {
    /// Vectors first, then numbers; the last vector at a multiple of 16.
    pub struct Sound { stride: UVec2, first: u32, scale: f32, key: UVec4, count: u32 }
}

params! {
    /// A pair behind one number: byte 4 here, byte 8 in WGSL.
    pub struct Shifted { first: u32, stride: UVec2 }
}

params! {
    /// Four behind two: byte 8 here, byte 16 in WGSL.
    pub struct Early { stride: UVec2, key: UVec4 }
}

params! {
    /// What a pair is in numbers.
    pub struct Pair { stride: u32, next: u32 }
}

params! {
    /// One number.
    pub struct Single { stride: u32 }
}

params! {
    /// One pair.
    pub struct Double { stride: UVec2 }
}

fn nothing(_: &mut TwinCall) {}

/// A kernel whose uniform has these members.
fn kernel(members: &str) -> &'static Kernel {
    let source = format!(
        "struct P {{ {members} }}
@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(1)
fn main() {{ let held = p; y[0] = 1u; }}
"
    );
    Box::leak(Box::new(Kernel {
        name: "test.params",
        source: source.leak(),
        params: &[],
        twin: nothing,
        requires: Requires::Nothing,
        tangent: Tangent::Missing,
        variant_of: None,
    }))
}

/// What a dispatch of a shader with these members is told when it is given `P`.
fn given<P: Params>(members: &str) -> Result<(), String> {
    let mut rec = Recording::new(Target::default());
    let y = rec.temp::<u32>("y", 1);
    rec.dispatch(kernel(members)).params(P::zeroed()).write(y).groups(1);
    rec.check().map_err(|e| e.to_string())
}

#[track_caller]
fn refused<P: Params>(members: &str, words: &[&str]) {
    let message = given::<P>(members).expect_err(members);
    assert!(words.iter().all(|w| message.contains(w)), "{message}");
}

#[test]
fn vectors_where_wgsl_puts_them_are_accepted() {
    let sound = "stride: vec2<u32>, first: u32, scale: f32, key: vec4<u32>, count: u32";
    given::<Sound>(sound).expect("the same on both sides");
    let offsets: Vec<usize> = Sound::FIELDS.iter().map(|(.., at)| *at).collect();
    assert_eq!(offsets, [0, 8, 12, 16, 32]);
    let shader = composed(kernel(sound)).expect("composes").reflection;
    assert_eq!(shader.params[3], ("key".to_owned(), FieldType::UVec4, 16));
    given::<Double>("stride: vec2<u32>").expect("a pair alone");
    given::<Pair>("stride: u32, next: u32").expect("two numbers");
}

#[test]
fn vectors_elsewhere_are_refused() {
    refused::<Shifted>("first: u32, stride: vec2<u32>", &["`stride`", "byte 4", "at 8", "multiple of 8"]);
    refused::<Early>("stride: vec2<u32>, key: vec4<u32>", &["`key`", "byte 8", "at 16"]);
    // The right types at the right distance for Rust, and a gap that the shader asks for.
    refused::<Pair>("stride: u32, @align(16) next: u32", &["`next`", "byte 4", "at 16"]);
}

#[test]
fn another_type_of_the_same_name_is_refused() {
    refused::<Single>("stride: vec2<u32>", &["parameters are", "UVec2"]);
    refused::<Double>("stride: u32", &["parameters are", "UVec2"]);
    refused::<Double>("stride: vec4<u32>", &["parameters are", "UVec4"]);
    refused::<Pair>("stride: vec2<u32>", &["parameters are"]);
    for stranger in ["vec2<f32>", "vec2<i32>", "vec4<f32>", "array<vec4<u32>, 2>", "i32"] {
        refused::<Single>(&format!("stride: {stranger}"), &["`stride`", "not u32, f32, vec2<u32> or vec4<u32>"]);
        refused::<Double>(&format!("stride: {stranger}"), &["`stride`", "not u32, f32, vec2<u32> or vec4<u32>"]);
    }
}

/// A struct with a `UVec3`, written by hand because `params!` takes none, and described as what comes nearest.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Grid {
    grid: UVec3,
    count: u32,
}

impl Params for Grid {
    const FIELDS: Fields = &[("grid", FieldType::UVec4, 0), ("count", FieldType::U32, 12)];
}

#[test]
fn three_in_a_row_are_refused_by_name_and_reason() {
    // Offsets agree here: WGSL puts a number into the gap behind three. Behind two of them it would not.
    let why = ["test.params", "`grid`", "vec3", "16 bytes", "vec2, vec4"];
    refused::<Grid>("grid: vec3<u32>, count: u32", &why);
    refused::<Single>("stride: vec3<u32>", &["`stride`", "vec3", "16 bytes"]);
    refused::<Single>("stride: vec3<f32>", &["`stride`", "vec3", "16 bytes"]);
}
