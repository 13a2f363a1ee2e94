// expect: float-atomics. A sum of floats by exchange of their bits: right, but another order of the threads gives other
// bytes.
struct P { n: u32 }
@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> sum: array<atomic<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
    if (gid.x >= p.n) {
        return;
    }
    var old = atomicLoad(&sum[0]);
    loop {
        let next = bitcast<u32>(bitcast<f32>(old) + x[gid.x]);
        let got = atomicCompareExchangeWeak(&sum[0], old, next);
        if (got.exchanged) {
            break;
        }
        old = got.old_value;
    }
}
