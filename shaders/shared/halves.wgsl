// f32 numbers as those of f16 that matrix units multiply. A tile of numbers is scaled by a power of two that takes its
// largest finite one to [2^14, 2^15): what f16 cannot hold (65 504 and beyond, 2^-14 and below) is then left to numbers
// 2^-28 of the largest of their tile. Powers of two are carried as the biased exponents of f32.

// Bits of the largest finite magnitude among four.
fn largest(v: vec4<f32>) -> u32 {
    let bits = bitcast<vec4<u32>>(v) & vec4<u32>(0x7fffffffu);
    let finite = select(vec4<u32>(0u), bits, bits < vec4<u32>(0x7f800000u));
    return max(max(finite.x, finite.y), max(finite.z, finite.w));
}

// What tiles are scaled by whose largest magnitudes have these bits: A's, B's, and the inverse of both, which is
// infinite where the largest product of the two would be. Tiny ones are scaled by less than they could be, lest the
// inverse be subnormal.
fn scales(a: u32, b: u32) -> vec3<f32> {
    let x = max(a >> 23u, 27u);
    let w = max(x + max(b >> 23u, 27u), 156u) - x;
    return bitcast<vec3<f32>>(vec3<u32>(268u - x, 268u - w, min(x + w - 155u, 255u)) << vec3<u32>(23u));
}

// To the nearest number of eleven significant bits, ties to even, so that f16(), whose rounding WGSL leaves open, has
// nothing to round.
fn halved(v: vec4<f32>) -> vec4<f32> {
    let bits = bitcast<vec4<u32>>(v);
    let odd = (bits >> vec4<u32>(13u)) & vec4<u32>(1u);
    let near = (bits + vec4<u32>(0xfffu) + odd) & vec4<u32>(0xffffe000u);
    return bitcast<vec4<f32>>(select(near, bits, (bits & vec4<u32>(0x7f800000u)) == vec4<u32>(0x7f800000u)));
}

// What `high`, v halved, has left of v, 2^11 times as large (Ootomo & Yokota 2022, eq. 19 to 22); 0 of what is not
// finite.
fn remainder(v: vec4<f32>, high: vec4<f32>) -> vec4<f32> {
    let finite = (bitcast<vec4<u32>>(v) & vec4<u32>(0x7f800000u)) != vec4<u32>(0x7f800000u);
    return halved(select(vec4<f32>(0.0), (v - high) * 2048.0, finite));
}
