// The first half of what max_bwd.wgsl computes, cut into chunks as in spmm_balanced.wgsl, whose second half finishes
// it. One thread per chunk and 4 columns. VEC=1: cols is a multiple of 4. Twin: graph/balanced/twin.rs max_bwd.
#import grid

struct P { rows: u32, cols: u32, own: f32, span: u32, chunks: u32 }

override WG: u32 = 64u;
override VEC: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> perm: array<u32>;
@group(0) @binding(4) var<storage, read> arg: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> dx: array<f32>;
@group(0) @binding(7) var<storage, read_write> carry: array<f32>;

#import csr
#import quad
#import winners

var<private> head: vec4<f32>;
var<private> tail: vec4<f32>;

fn close(row: u32, chunk: vec2<u32>, c: u32, sum: vec4<f32>) {
    if (ptr[row] < chunk.x) {
        head = sum;
        return;
    }
    if (ptr[row + 1u] > chunk.y) {
        tail = sum;
        return;
    }
    for (var j = 0u; j < min(4u, p.cols - c); j += 1u) {
        dx[row * p.cols + c + j] = sum[j];
    }
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let quads = (p.cols + 3u) / 4u;
    let j = i / quads;
    if (j >= p.chunks) {
        return;
    }
    let c = 4u * (i % quads);
    let chunk = vec2<u32>(j * p.span, min((j + 1u) * p.span, ptr[p.rows]));
    if (chunk.x < chunk.y) {
        var row = row_of(chunk.x, p.rows);
        var end = ptr[row + 1u];
        var sum = vec4<f32>(0.0);
        for (var k = chunk.x; k < chunk.y; k += 1u) {
            if (k == end) {
                close(row, chunk, c, sum);
                row = row_after(row, k, p.rows);
                end = ptr[row + 1u];
                sum = vec4<f32>(0.0);
            }
            let target_row = idx[k];
            let won = winners(target_row, c) == vec4<u32>(perm[k]);
            if (any(won)) {
                sum += select(vec4<f32>(0.0), quad(target_row, c), won);
            }
        }
        close(row, chunk, c, sum);
    }
    for (var e = 0u; e < min(4u, p.cols - c); e += 1u) {
        carry[2u * j * p.cols + c + e] = head[e];
        carry[(2u * j + 1u) * p.cols + c + e] = tail[e];
    }
}
