// What workgroup memory can carry: a tile of 256 vec4s is filled once, then every thread walks through it, a vec4
// beside its neighbours' at a time. y[i] is the sum of what thread i saw in `turns` turns of four loads. x [1024],
// y [n]. Twin: peak/twin.rs shared.
#import grid

struct P { n: u32, turns: u32 }

override WG: u32 = 256u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

var<workgroup> tile: array<vec4<f32>, 256>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    for (var at = lid; at < 256u; at += WG) {
        tile[at] = x[at];
    }
    workgroupBarrier();
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.n) {
        return;
    }
    var a = vec4<f32>(0.0);
    var b = vec4<f32>(0.0);
    var c = vec4<f32>(0.0);
    var d = vec4<f32>(0.0);
    for (var turn = 0u; turn < p.turns; turn++) {
        let at = lid + turn;
        a += tile[at & 255u];
        b += tile[(at + 64u) & 255u];
        c += tile[(at + 128u) & 255u];
        d += tile[(at + 192u) & 255u];
    }
    let all = (a + b) + (c + d);
    y[i] = (all.x + all.y) + (all.z + all.w);
}
