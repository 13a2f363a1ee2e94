// Left-looking step of a Cholesky factorisation: a[i,j] -= sum_{m < first} a[i,m] a[j,m] for the rows i >= first and
// the columns first <= j < last, j <= i, of which the columns before `first` already hold the factor. a [n,n].
// One thread per 4 x 4 tile, rows and columns counted from `first`. Twin: solve/twin.rs cholesky_update.
#import grid

struct P { n: u32, first: u32, last: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read_write> a: array<f32>;

// Where the row lies; past the end, where the last one does.
fn row(i: u32) -> u32 {
    return min(i, p.n - 1u) * p.n;
}

fn column(at: vec4<u32>, m: u32) -> vec4<f32> {
    return vec4<f32>(a[at.x + m], a[at.y + m], a[at.z + m], a[at.w + m]);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let t = group_index(wid, nwg) * WG + lid;
    let wide = (p.last - p.first + 3u) / 4u;
    let i = p.first + 4u * (t / wide);
    let j = p.first + 4u * (t % wide);
    if (i >= p.n || j > i) {
        return;
    }
    let rows = vec4<u32>(row(i), row(i + 1u), row(i + 2u), row(i + 3u));
    let cols = vec4<u32>(row(j), row(j + 1u), row(j + 2u), row(j + 3u));
    var s0 = vec4<f32>(0.0);
    var s1 = vec4<f32>(0.0);
    var s2 = vec4<f32>(0.0);
    var s3 = vec4<f32>(0.0);
    // Up to first: a loop up to a parameter alone may have llvmpipe compile the shader at each dispatch
    // (docs/drivers/llvmpipe-inlined-parameters.md).
    for (var m = 0u; m < min(p.first, i); m += 1u) {
        let l = column(cols, m);
        let r = column(rows, m);
        s0 += r.x * l;
        s1 += r.y * l;
        s2 += r.z * l;
        s3 += r.w * l;
    }
    for (var k = 0u; k < 4u; k += 1u) {
        a_sub(i, j + k, s0[k]);
        a_sub(i + 1u, j + k, s1[k]);
        a_sub(i + 2u, j + k, s2[k]);
        a_sub(i + 3u, j + k, s3[k]);
    }
}

fn a_sub(i: u32, j: u32, s: f32) {
    if (i < p.n && j < p.last && j <= i) {
        a[i * p.n + j] -= s;
    }
}
