// dx[r,:] = scale (dy W)[r,:] where kept[r,:] > 0, else 0: the gradient of few outputs to the inputs of a dense map,
// and of the relu and the dropout before it, whose result is `kept`. dy [rows,outputs], W [outputs,cols], kept, dx
// [rows,cols], cols a multiple of 4 QUADS. One thread per row and 4 QUADS columns. Twin: graph/relu/twin.rs
// project_back.
#import grid

struct P { rows: u32, cols: u32, outputs: u32, scale: f32 }

override WG: u32 = 64u;
override QUADS: u32 = 1u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> kept: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4<f32>>;

#import quads

fn put(at: u32, sum: vec4<f32>) {
    dx[at] = select(vec4<f32>(0.0), p.scale * sum, kept[at] > vec4<f32>(0.0));
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let pieces = p.cols / (4u * QUADS);
    let row = i / pieces;
    if (row >= p.rows) {
        return;
    }
    let first = i % pieces * QUADS;
    var s = Quads();
    for (var o = 0u; o < p.outputs; o += 1u) {
        let v = dy[row * p.outputs + o];
        let at = o * (p.cols / 4u) + first;
        s.a += v * w[at];
        if (QUADS > 1u) {
            s.b += v * w[at + 1u];
        }
        if (QUADS > 2u) {
            s.c += v * w[at + 2u];
        }
        if (QUADS > 3u) {
            s.d += v * w[at + 3u];
        }
    }
    put_quads(row * (p.cols / 4u) + first, s);
}
