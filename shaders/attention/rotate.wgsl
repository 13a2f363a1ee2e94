// Rotary positions (Su et al., "RoFormer", 2021) in the layout of Llama: features f and f + width / 2 of a head are
// turned by the angle position theta^(-2 f / width), BACK=1: by its negative, which is the gradient. The position of a
// row is its place in its sequence (see sequences.wgsl), 0 for a row of nobody. x, y [rows,heads,width]; ratio = -2
// log2(theta) / width. One thread per (row, head, f < width / 2). Twin: attention/places/twin.rs rotate.
#import grid
#import sequences

struct P { rows: u32, heads: u32, half: u32, sequences: u32, ratio: f32 }

override WG: u32 = 64u;
override BACK: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> seg: array<u32>;
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

// cos and sin of an angle of many turns: whole turns are taken off first, in three parts of 2 pi (Cody & Waite), since
// WGSL promises little outside (-pi, pi).
fn turned(angle: f32) -> vec2<f32> {
    let turns = round(angle * 0.15915494309);
    let left = ((angle - turns * 6.28125) - turns * 0.0019350051879882812) - turns * 3.0199157663446332e-7;
    return vec2<f32>(cos(left), sin(left));
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.rows * p.heads * p.half) {
        return;
    }
    let f = i % p.half;
    let row = i / p.half / p.heads;
    let w = sequence(row);
    let position = select(0u, row - w.x, w.x < w.y);
    // 2^e with the whole part of e apart: exp2 is then exact to a few ulp wherever e is.
    let e = f32(f) * p.ratio;
    let whole = round(e);
    var cs = turned(f32(position) * ldexp(exp2(e - whole), i32(whole)));
    if (BACK == 1u) {
        cs.y = -cs.y;
    }
    let at = i / p.half * 2u * p.half + f;
    let a = x[at];
    let b = x[at + p.half];
    y[at] = a * cs.x - b * cs.y;
    y[at + p.half] = b * cs.x + a * cs.y;
}
