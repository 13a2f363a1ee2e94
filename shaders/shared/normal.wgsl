// Standard normal numbers from Philox words, within a few ulp on every adapter; twin: kernels/philox.rs.

// ln(k / 2^24) for an integer 1 <= k <= 2^24. The built-in log is only promised to 2^-21; this is within 2 ulp
// (the polynomial of Cephes logf).
fn log_unit(k: u32) -> f32 {
    let bits = bitcast<u32>(f32(k));
    var e = f32(bits >> 23u) - 151.0;
    var m = bitcast<f32>((bits & 0x7fffffu) | 0x3f800000u);
    if (m > 1.41421356) {
        m *= 0.5;
        e += 1.0;
    }
    let x = m - 1.0;
    var s = 0.070376836292;
    s = s * x - 0.11514610310;
    s = s * x + 0.11676998740;
    s = s * x - 0.12420140846;
    s = s * x + 0.14249322787;
    s = s * x - 0.16668057665;
    s = s * x + 0.20000714765;
    s = s * x - 0.24999993993;
    s = s * x + 0.33333331174;
    let z = x * x;
    return 0.693359375 * e + (x + (x * z * s - 0.000212194440 * e - 0.5 * z));
}

// (cos, sin) of 2 pi word / 2^32 from the top 24 bits: the quadrant is exact, the rest a polynomial on +-pi/4 (Cephes),
// because the built-in sin and cos are only promised to 2^-11.
fn turn(word: u32) -> vec2<f32> {
    let k = word >> 8u;
    let quadrant = (k + 0x200000u) >> 22u;
    let r = f32(i32(k) - i32(quadrant << 22u)) * (0x1p-22f * 1.57079633);
    let z = r * r;
    let s = ((-0.00019515295891 * z + 0.0083321608736) * z - 0.16666654611) * z * r + r;
    let c = ((0.00002443315711809948 * z - 0.001388731625493765) * z + 0.04166664568298827) * z * z - 0.5 * z + 1.0;
    switch (quadrant & 3u) {
        case 0u: { return vec2<f32>(c, s); }
        case 1u: { return vec2<f32>(-s, c); }
        case 2u: { return vec2<f32>(-c, -s); }
        default: { return vec2<f32>(s, -c); }
    }
}

// Four independent standard normal numbers (Box & Muller 1958): words x, y give two, words z, w the others.
fn normal(words: vec4<u32>) -> vec4<f32> {
    let a = sqrt(-2.0 * log_unit((words.x >> 8u) + 1u));
    let b = sqrt(-2.0 * log_unit((words.z >> 8u) + 1u));
    return vec4<f32>(a * turn(words.y), b * turn(words.w));
}
