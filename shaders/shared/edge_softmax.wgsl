// A softmax over some of a row's edges in one pass: the running maximum and the sum of exponentials relative to it
// (Milakov & Gimelshein, "Online normalizer calculation for softmax", 2018). Uses p, ptr, idx, takes and s_src of the
// kernel that imports it.
const LOWEST: f32 = -0x1.fffffep127f;

// Leaky relu of the sum of both ends' scores.
fn leaky(v: f32) -> f32 {
    return select(p.slope * v, v, v > 0.0);
}

// (maximum, sum of exp(score - maximum)) over the edges e of first <= e < end with takes[e] != 0; (LOWEST, 0) if there
// is none.
fn normaliser(first: u32, end: u32, h: u32, dst: f32) -> vec2<f32> {
    var top = LOWEST;
    var sum = 0.0;
    for (var e = first; e < end; e += 1u) {
        if (takes[e] == 0.0) {
            continue;
        }
        let v = leaky(s_src[idx[e] * p.heads + h] + dst);
        if (v > top) {
            // The first edge must not meet exp(LOWEST - v).
            sum = select(sum * exp(max(top, v - 200.0) - v), 0.0, sum == 0.0) + 1.0;
            top = v;
        } else {
            sum += exp(v - top);
        }
    }
    return vec2<f32>(top, sum);
}
