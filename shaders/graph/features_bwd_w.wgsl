// Per-sample weight gradients of y = X W^T for a sparse X given by columns: with g[b,o,c] = sum of val x[r,o] over the
// entries of column c whose row r belongs to sample seg[r] = b, dw[o,c] = alpha sum_b g[b,o,c]^2 + beta dw[o,c], or
// PER_SAMPLE=1: dw[b stride + o inputs + c] = g[b,o,c], which leaves the rest of dw as it was. x = dy [rows,cols] with
// cols = outputs; a column's entries are in row order, so of rising sample; rows of sample 0xffffffff count for
// nothing. SUM=1: dw[o,c] = alpha sum_k val x[r,o] + beta dw[o,c] over all entries of the column, seg is not read;
// QUADS=4 has a thread do 16 outputs, so that each entry is read once for them. One thread per column and 4 outputs.
// NORM=1: dw[place quads + j] = the squares of g[b,o,c] over 4 outputs o, at the place among the rows of the first
// entry that column c has in sample b. Nothing else is written: over zeros, the sum over a sample's entries is its
// gradient's squared norm. TABLE=1: the place of (o,c) is c cols + o. PERM=1: the value of entry k is val[perm[k]].
// VEC=1: outputs is a multiple of 4. Twin: graph/features.rs bwd_w.
#import grid

struct P { inputs: u32, cols: u32, stride: u32, alpha: f32, beta: f32 }

override WG: u32 = 64u;
override VEC: u32 = 0u;
override PERM: u32 = 0u;
override PER_SAMPLE: u32 = 0u;
override SUM: u32 = 0u;
override NORM: u32 = 0u;
override QUADS: u32 = 1u;
override TABLE: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> perm: array<u32>;
@group(0) @binding(4) var<storage, read> val: array<f32>;
@group(0) @binding(5) var<storage, read> seg: array<u32>;
@group(0) @binding(6) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> dw: array<f32>;

#import quad

const NOBODY = 0xffffffffu;

// Where the gradient of output c and a column has its place.
fn place_in(column: u32, c: u32) -> u32 {
    if (TABLE == 1u) {
        return column * p.cols + c;
    }
    return c * p.inputs + column;
}

// Four sums of one sample and column go where they belong; returns their squares.
fn close(sample: u32, column: u32, c: u32, sum: vec4<f32>) -> vec4<f32> {
    if (sample == NOBODY) {
        return vec4<f32>(0.0);
    }
    if (PER_SAMPLE == 1u) {
        // Four ifs and no loop: a loop here would count against the iterations that llvmpipe grants a thread.
        let at = sample * p.stride;
        dw[at + place_in(column, c)] = sum.x;
        if (c + 1u < p.cols) {
            dw[at + place_in(column, c + 1u)] = sum.y;
        }
        if (c + 2u < p.cols) {
            dw[at + place_in(column, c + 2u)] = sum.z;
        }
        if (c + 3u < p.cols) {
            dw[at + place_in(column, c + 3u)] = sum.w;
        }
    }
    return sum * sum;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let each = 4u * QUADS;
    let pieces = (p.cols + each - 1u) / each;
    let column = i / pieces;
    if (column >= p.inputs) {
        return;
    }
    let c = each * (i % pieces);
    if (SUM == 1u) {
        sums(column, c);
    } else if (NORM == 1u) {
        norms(column, i % pieces, c);
    } else {
        samples(column, c);
    }
}

fn place_of(k: u32) -> u32 {
    var at = k;
    if (PERM == 1u) {
        at = perm[k];
    }
    return at;
}

fn value(k: u32) -> f32 {
    return val[place_of(k)];
}

fn sums(column: u32, c: u32) {
    let more = p.cols - c;
    var s0 = vec4<f32>(0.0);
    var s1 = vec4<f32>(0.0);
    var s2 = vec4<f32>(0.0);
    var s3 = vec4<f32>(0.0);
    for (var k = ptr[column]; k < ptr[column + 1u]; k += 1u) {
        let v = value(k);
        let row = idx[k];
        s0 += v * quad(row, c);
        // Columns behind the last are not read.
        if (QUADS == 4u && more > 4u) {
            s1 += v * quad(row, c + 4u);
        }
        if (QUADS == 4u && more > 8u) {
            s2 += v * quad(row, c + 8u);
        }
        if (QUADS == 4u && more > 12u) {
            s3 += v * quad(row, c + 12u);
        }
    }
    put(column, c, s0);
    if (QUADS == 4u) {
        put(column, c + 4u, s1);
        put(column, c + 8u, s2);
        put(column, c + 12u, s3);
    }
}

fn samples(column: u32, c: u32) {
    var sample = NOBODY;
    var sum = vec4<f32>(0.0);
    var squares = vec4<f32>(0.0);
    for (var k = ptr[column]; k < ptr[column + 1u]; k += 1u) {
        let row = idx[k];
        let b = seg[row];
        if (b != sample) {
            squares += close(sample, column, c, sum);
            sample = b;
            sum = vec4<f32>(0.0);
        }
        sum += value(k) * quad(row, c);
    }
    squares += close(sample, column, c, sum);
    if (PER_SAMPLE == 0u) {
        put(column, c, squares);
    }
}

// Four outputs' squares, of which those past the last are no outputs.
fn squared(c: u32, sum: vec4<f32>) -> f32 {
    let own = select(vec4<f32>(0.0), sum, vec4<u32>(c) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(p.cols));
    return dot(own, own);
}

fn norms(column: u32, piece: u32, c: u32) {
    let quads = (p.cols + 3u) / 4u;
    var sample = NOBODY;
    var first = NOBODY;
    var sum = vec4<f32>(0.0);
    for (var k = ptr[column]; k < ptr[column + 1u]; k += 1u) {
        let row = idx[k];
        let b = seg[row];
        if (b != sample || first == NOBODY) {
            if (first != NOBODY) {
                dw[first] = squared(c, sum);
            }
            sample = b;
            first = place_of(k) * quads + piece;
            sum = vec4<f32>(0.0);
        }
        sum += value(k) * quad(row, c);
    }
    if (first != NOBODY) {
        dw[first] = squared(c, sum);
    }
}

fn put(column: u32, c: u32, total: vec4<f32>) {
    place(column, c, total.x);
    place(column, c + 1u, total.y);
    place(column, c + 2u, total.z);
    place(column, c + 3u, total.w);
}

// Four calls and no loop, as in close.
fn place(column: u32, c: u32, total: f32) {
    if (c >= p.cols) {
        return;
    }
    let o = place_in(column, c);
    var out = p.alpha * total;
    // beta 0 must not read: 0 * NaN is NaN. The second half always holds: where a branch hangs on parameters alone,
    // llvmpipe may compile the shader anew at each dispatch (docs/drivers/llvmpipe-inlined-parameters.md).
    if ((p.beta != 0.0) & (o != NOBODY)) {
        out += p.beta * dw[o];
    }
    dw[o] = out;
}
