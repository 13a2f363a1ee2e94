// What the arithmetic units can do: 32 chains of multiply-adds in each thread, v <- v slope + offset, all in registers;
// no chain waits for another. y[i] is the sum of the chains that start at x[i], x[i] + 1/32, ... x, y [n]; 16 steps a
// turn of the loop. FUSED asks for `fma`, which drivers without one take apart; else they may fuse what they find.
// Twin: peak/twin.rs fma.
#import grid

struct P { turns: u32, slope: f32, offset: f32 }

override WG: u32 = 64u;
override FUSED: u32 = 1u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn step(v: vec4<f32>, slope: vec4<f32>, offset: vec4<f32>) -> vec4<f32> {
    if (FUSED == 1u) {
        return fma(v, slope, offset);
    }
    return v * slope + offset;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= arrayLength(&y)) {
        return;
    }
    let slope = vec4<f32>(p.slope);
    let offset = vec4<f32>(p.offset);
    var v0 = vec4<f32>(x[i]) + vec4<f32>(0.0, 0.03125, 0.0625, 0.09375);
    var v1 = v0 + 0.125;
    var v2 = v0 + 0.25;
    var v3 = v0 + 0.375;
    var v4 = v0 + 0.5;
    var v5 = v0 + 0.625;
    var v6 = v0 + 0.75;
    var v7 = v0 + 0.875;
    for (var turn = 0u; turn < p.turns; turn++) {
        for (var again = 0u; again < 4u; again++) {
            v0 = step(v0, slope, offset);
            v1 = step(v1, slope, offset);
            v2 = step(v2, slope, offset);
            v3 = step(v3, slope, offset);
            v4 = step(v4, slope, offset);
            v5 = step(v5, slope, offset);
            v6 = step(v6, slope, offset);
            v7 = step(v7, slope, offset);
            v0 = step(v0, slope, offset);
            v1 = step(v1, slope, offset);
            v2 = step(v2, slope, offset);
            v3 = step(v3, slope, offset);
            v4 = step(v4, slope, offset);
            v5 = step(v5, slope, offset);
            v6 = step(v6, slope, offset);
            v7 = step(v7, slope, offset);
            v0 = step(v0, slope, offset);
            v1 = step(v1, slope, offset);
            v2 = step(v2, slope, offset);
            v3 = step(v3, slope, offset);
            v4 = step(v4, slope, offset);
            v5 = step(v5, slope, offset);
            v6 = step(v6, slope, offset);
            v7 = step(v7, slope, offset);
            v0 = step(v0, slope, offset);
            v1 = step(v1, slope, offset);
            v2 = step(v2, slope, offset);
            v3 = step(v3, slope, offset);
            v4 = step(v4, slope, offset);
            v5 = step(v5, slope, offset);
            v6 = step(v6, slope, offset);
            v7 = step(v7, slope, offset);
        }
    }
    let all = ((v0 + v1) + (v2 + v3)) + ((v4 + v5) + (v6 + v7));
    y[i] = (all.x + all.y) + (all.z + all.w);
}
