// One to four vec4s of a row, as many as the override QUADS of the importing shader says. Its put(at, v) stores vec4
// `at` of the result.
struct Quads { a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32> }

// Stores them from vec4 `at` on.
fn put_quads(at: u32, s: Quads) {
    put(at, s.a);
    if (QUADS > 1u) {
        put(at + 1u, s.b);
    }
    if (QUADS > 2u) {
        put(at + 2u, s.c);
    }
    if (QUADS > 3u) {
        put(at + 3u, s.d);
    }
}
