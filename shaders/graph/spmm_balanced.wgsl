// The first half of what spmm.wgsl computes, every thread taking the same number of entries: one thread per chunk of
// `span` entries and 4 columns (merge-based row splitting: Merrill & Garland, "Merge-based parallel sparse
// matrix-vector multiplication", SC 2016). Rows that lie in one chunk are written to y, bias and own x included. Of a
// row that lies in several, carry[2 j + 1] takes what chunk j holds of its beginning, carry[2 j] what j holds of the
// rest, else 0; spmm_fix.wgsl adds those up. carry [2 chunks,cols]. PERM, BIAS, VEC as in spmm.wgsl. Twin:
// graph/balanced/twin.rs spmm.
#import grid

struct P { rows: u32, cols: u32, own: f32, span: u32, chunks: u32 }

override WG: u32 = 64u;
override VEC: u32 = 0u;
override PERM: u32 = 0u;
override BIAS: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> perm: array<u32>;
@group(0) @binding(4) var<storage, read> val: array<f32>;
@group(0) @binding(5) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> bias: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<f32>;
@group(0) @binding(8) var<storage, read_write> carry: array<f32>;

#import csr
#import quad

var<private> head: vec4<f32>;
var<private> tail: vec4<f32>;

// The sum of what the entries chunk.x .. chunk.y hold of a row goes where it belongs.
fn close(row: u32, chunk: vec2<u32>, c: u32, sum: vec4<f32>) {
    if (ptr[row] < chunk.x) {
        head = sum;
        return;
    }
    if (ptr[row + 1u] > chunk.y) {
        tail = sum;
        return;
    }
    var out = sum;
    if (p.own != 0.0) {
        out += p.own * quad(row, c);
    }
    for (var j = 0u; j < min(4u, p.cols - c); j += 1u) {
        var element = out[j];
        if (BIAS == 1u) {
            element += bias[c + j];
        }
        y[row * p.cols + c + j] = element;
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
            var at = k;
            if (PERM == 1u) {
                at = perm[k];
            }
            sum += val[at] * quad(idx[k], c);
        }
        close(row, chunk, c, sum);
    }
    for (var e = 0u; e < min(4u, p.cols - c); e += 1u) {
        carry[2u * j * p.cols + c + e] = head[e];
        carry[(2u * j + 1u) * p.cols + c + e] = tail[e];
    }
}
