//! What a shader reads from its parameter struct on each adapter: numbers and vectors, each where Rust put it.

use libtest_mimic::{Failed, Trial};
use unlearn::engine::{Kernel, Params, Recording, Requires, Tangent, TwinCall};
use unlearn::glam::{UVec2, UVec4};
use unlearn::params;

use crate::adapters::Shared;

params! {
    /// A field of each type, and a gap of WGSL's at the end.
    pub struct Mixed { stride: UVec2, first: u32, scale: f32, key: UVec4, padding: UVec2, count: u32 }
}

/// Bindings y; see the source.
fn twin(call: &mut TwinCall) {
    let p: Mixed = call.params();
    let [y] = call.bufs();
    y.u_mut().copy_from_slice(&words(&p));
}

fn words(p: &Mixed) -> [u32; 11] {
    let ([a, b], [c, d, e, f], [g, h]) = (p.stride.to_array(), p.key.to_array(), p.padding.to_array());
    [a, b, p.first, p.scale.to_bits(), c, d, e, f, g, h, p.count]
}

static ECHO: Kernel = Kernel {
    name: "test.echo",
    source: "
struct P { stride: vec2<u32>, first: u32, scale: f32, key: vec4<u32>, padding: vec2<u32>, count: u32 }
@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(1)
fn main() {
    y[0] = p.stride.x; y[1] = p.stride.y; y[2] = p.first; y[3] = bitcast<u32>(p.scale);
    y[4] = p.key.x; y[5] = p.key.y; y[6] = p.key.z; y[7] = p.key.w;
    y[8] = p.padding.x; y[9] = p.padding.y; y[10] = p.count;
}
",
    params: Mixed::FIELDS,
    twin,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

pub fn trials(device: &Shared) -> Vec<Trial> {
    vec![device.trial("engine reads vectors of a parameter struct", vectors)]
}

fn vectors(device: &Shared) -> Result<(), Failed> {
    let sent = |first| Mixed {
        stride: UVec2::new(2, 3),
        first,
        scale: 5.5,
        key: UVec4::new(7, 11, 13, 17),
        padding: UVec2::new(19, 23),
        count: 29,
    };
    let read = device.with(|engine, target| {
        let mut rec = Recording::new(target);
        // Two structs, so that the second lies behind the first in the buffer of parameters.
        for first in [31, 37] {
            let y = rec.temp::<u32>("y", 11);
            rec.dispatch(&ECHO).params(sent(first)).write(y).groups(1);
            rec.readback(y);
        }
        let program = engine.compile(rec)?;
        engine.run(&program, &[])
    })?;
    for (first, got) in [31, 37].into_iter().zip(&read) {
        let want = words(&sent(first));
        if got.u32() != want {
            return Err(format!("sent {want:?}, read {:?}", got.u32()).into());
        }
    }
    Ok(())
}
