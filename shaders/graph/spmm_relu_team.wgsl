// What spmm_relu.wgsl computes, a team of TEAM invocations per row and 4 columns as in spmm_team.wgsl; VEC is 1 here,
// since rows are made of vec4s. Twin: graph/relu/twin.rs spmm_relu.
#import grid
#import philox

struct P { rows: u32, cols: u32, rate: f32, scale: f32, layer: u32 }

override WG: u32 = 64u;
override TEAM: u32 = 16u;
override VEC: u32 = 1u;
override PERM: u32 = 0u;
override BIAS: u32 = 0u;
override DROP: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> perm: array<u32>;
@group(0) @binding(4) var<storage, read> val: array<f32>;
@group(0) @binding(5) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> step: array<u32>;
@group(0) @binding(8) var<storage, read_write> y: array<vec4<f32>>;

#import quad
#import team_row
#import relu_put

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * (WG / TEAM) + lid % (WG / TEAM);
    let quads = p.cols / 4u;
    let row = i / quads;
    let first = i % quads;
    var sum = team_row(row, 4u * first, lid);
    if (lid >= WG / TEAM || row >= p.rows) {
        return;
    }
    if (BIAS == 1u) {
        sum += bias[first];
    }
    put(row * quads + first, sum);
}
