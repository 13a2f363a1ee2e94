// partner[u] = pi(u) and inverse[u] = pi^-1(u) for a random permutation pi of 0 .. n, a pure function of (seed, step,
// stream). A number below left right >= n is a pair (l, r), l < left, r < right; eight Feistel rounds add a keyed hash
// of one half to the other, modulo its size, and numbers from n on are permuted again until they are below n (Black &
// Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002, methods 2 and 3). Keys: the words of
// Philox(counter = (0 or 1, stream, step, 1), key = (seed_lo, seed_hi)). step [seed_lo, seed_hi, step, 0], partner and
// inverse [n]. One thread per node. Twin: graph/link.rs negatives.
#import grid
#import philox

struct P { n: u32, left: u32, right: u32, stream: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> step: array<u32>;
@group(0) @binding(2) var<storage, read_write> partner: array<u32>;
@group(0) @binding(3) var<storage, read_write> inverse: array<u32>;

// The finaliser of MurmurHash3 (Appleby 2011) over a half and a key.
fn scramble(half: u32, key: u32) -> u32 {
    var h = half * 0x9e3779b1u + key;
    h = (h ^ (h >> 16u)) * 0x85ebca6bu;
    h = (h ^ (h >> 13u)) * 0xc2b2ae35u;
    return h ^ (h >> 16u);
}

// Four rounds and their undoing; v = (l, r).
fn forward(v: vec2<u32>, keys: vec4<u32>) -> vec2<u32> {
    var l = (v.x + scramble(v.y, keys.x) % p.left) % p.left;
    var r = (v.y + scramble(l, keys.y) % p.right) % p.right;
    l = (l + scramble(r, keys.z) % p.left) % p.left;
    r = (r + scramble(l, keys.w) % p.right) % p.right;
    return vec2<u32>(l, r);
}

fn backward(v: vec2<u32>, keys: vec4<u32>) -> vec2<u32> {
    var r = (v.y + p.right - scramble(v.x, keys.w) % p.right) % p.right;
    var l = (v.x + p.left - scramble(r, keys.z) % p.left) % p.left;
    r = (r + p.right - scramble(l, keys.y) % p.right) % p.right;
    l = (l + p.left - scramble(r, keys.x) % p.left) % p.left;
    return vec2<u32>(l, r);
}

fn number(v: vec2<u32>) -> u32 {
    return v.x * p.right + v.y;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.n) {
        return;
    }
    let seed = vec2<u32>(step[0], step[1]);
    let first = philox(vec4<u32>(0u, p.stream, step[2], 1u), seed);
    let second = philox(vec4<u32>(1u, p.stream, step[2], 1u), seed);
    let start = vec2<u32>(i / p.right, i % p.right);
    var to = forward(forward(start, first), second);
    while (number(to) >= p.n) {
        to = forward(forward(to, first), second);
    }
    partner[i] = number(to);
    var source = backward(backward(start, second), first);
    while (number(source) >= p.n) {
        source = backward(backward(source, second), first);
    }
    inverse[i] = number(source);
}
