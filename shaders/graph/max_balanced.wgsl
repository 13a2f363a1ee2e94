// The first half of what max.wgsl computes, cut into chunks as in spmm_balanced.wgsl: arg[r,c] of rows that lie in one
// chunk, and in carry [2 chunks,cols] the winners among the parts of the others, 0xffffffff where there is none.
// One thread per chunk and 4 columns. VEC=1: cols is a multiple of 4. Twin: graph/balanced/twin.rs max.
#import grid

struct P { rows: u32, cols: u32, own: f32, span: u32, chunks: u32 }

override WG: u32 = 64u;
override VEC: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> val: array<f32>;
@group(0) @binding(4) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> arg: array<u32>;
@group(0) @binding(6) var<storage, read_write> carry: array<u32>;

#import csr
#import quad

const NONE = 0xffffffffu;

var<private> head: vec4<u32>;
var<private> tail: vec4<u32>;

fn close(row: u32, chunk: vec2<u32>, c: u32, at: vec4<u32>) {
    if (ptr[row] < chunk.x) {
        head = at;
        return;
    }
    if (ptr[row + 1u] > chunk.y) {
        tail = at;
        return;
    }
    for (var j = 0u; j < min(4u, p.cols - c); j += 1u) {
        arg[row * p.cols + c + j] = at[j];
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
    head = vec4<u32>(NONE);
    tail = vec4<u32>(NONE);
    let chunk = vec2<u32>(j * p.span, min((j + 1u) * p.span, ptr[p.rows]));
    if (chunk.x < chunk.y) {
        var row = row_of(chunk.x, p.rows);
        var end = ptr[row + 1u];
        var best = vec4<f32>(0.0);
        var at = vec4<u32>(NONE);
        for (var k = chunk.x; k < chunk.y; k += 1u) {
            if (k == end) {
                close(row, chunk, c, at);
                row = row_after(row, k, p.rows);
                end = ptr[row + 1u];
                at = vec4<u32>(NONE);
            }
            if (val[k] != 0.0) {
                let v = quad(idx[k], c);
                let more = (v > best) | (at == vec4<u32>(NONE));
                best = select(best, v, more);
                at = select(at, vec4<u32>(k), more);
            }
        }
        close(row, chunk, c, at);
    }
    for (var e = 0u; e < min(4u, p.cols - c); e += 1u) {
        carry[2u * j * p.cols + c + e] = head[e];
        carry[(2u * j + 1u) * p.cols + c + e] = tail[e];
    }
}
