// Philox4x32-10, Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
// Stateless: the same (counter, key) gives the same four words on every device; twin: kernels/philox.rs.
fn mulhilo(a: u32, b: u32) -> vec2<u32> {
    // 32 x 32 -> 64 bits from 16-bit halves; WGSL has no high multiply. Returns (high, low).
    let al = a & 0xffffu;
    let ah = a >> 16u;
    let bl = b & 0xffffu;
    let bh = b >> 16u;
    let ll = al * bl;
    let lh = al * bh;
    let hl = ah * bl;
    let mid = (ll >> 16u) + (lh & 0xffffu) + (hl & 0xffffu);
    return vec2<u32>(ah * bh + (lh >> 16u) + (hl >> 16u) + (mid >> 16u), a * b);
}

fn philox(counter: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
    var c = counter;
    var k = key;
    for (var round = 0u; round < 10u; round += 1u) {
        let p0 = mulhilo(0xd2511f53u, c.x);
        let p1 = mulhilo(0xcd9e8d57u, c.z);
        c = vec4<u32>(p1.x ^ c.y ^ k.x, p1.y, p0.x ^ c.w ^ k.y, p0.y);
        k += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
    }
    return c;
}

// Uniform in [0, 1) from the top 24 bits: exact in f32, so host and device agree bit for bit.
fn unit(word: u32) -> f32 {
    return f32(word >> 8u) * 0x1p-24f;
}

fn unit4(words: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(unit(words.x), unit(words.y), unit(words.z), unit(words.w));
}
