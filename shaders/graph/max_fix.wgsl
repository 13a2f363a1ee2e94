// The second half of max_balanced.wgsl: arg of rows that lie in several chunks or in none, and y[r,c] = x[idx[arg],c]
// of every row, 0 where no entry takes part. One thread per element of y. Twin: graph/balanced/twin.rs max_fix.
#import grid

struct P { rows: u32, cols: u32, own: f32, span: u32, chunks: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read> carry: array<u32>;
@group(0) @binding(5) var<storage, read_write> arg: array<u32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;

const NONE = 0xffffffffu;

fn value(k: u32, c: u32) -> f32 {
    if (k == NONE) {
        return 0.0;
    }
    return x[idx[k] * p.cols + c];
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.rows * p.cols) {
        return;
    }
    let row = i / p.cols;
    let c = i % p.cols;
    let first = ptr[row];
    let end = ptr[row + 1u];
    if (first == end) {
        arg[i] = NONE;
        y[i] = 0.0;
        return;
    }
    let begins = first / p.span;
    let ends = (end - 1u) / p.span;
    if (begins == ends) {
        y[i] = value(arg[i], c);
        return;
    }
    var at = carry[(2u * begins + 1u) * p.cols + c];
    var best = value(at, c);
    for (var j = begins + 1u; j <= ends; j += 1u) {
        let other = carry[2u * j * p.cols + c];
        let v = value(other, c);
        if (other != NONE && (at == NONE || v > best)) {
            at = other;
            best = v;
        }
    }
    arg[i] = at;
    y[i] = best;
}
