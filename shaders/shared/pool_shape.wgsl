// Sizes of a pooling and its window, the same for all four kernels; x counts along a row, y down the rows.
struct P { stride: vec2<u32>, padding: vec2<u32>, planes: u32, h: u32, w: u32, oh: u32, ow: u32, strip: u32 }

override KH: u32 = 2u;
override KW: u32 = 2u;

@group(0) @binding(0) var<uniform> p: P;

// Of the outputs 0..outs, the half-open range whose windows cover input `at`.
fn covering(at: u32, padding: u32, stride: u32, window: u32, outs: u32) -> vec2<u32> {
    let last = (at + padding) / stride;
    var first = 0u;
    if (at + padding >= window) {
        first = (at + padding - window) / stride + 1u;
    }
    return vec2<u32>(first, min(last + 1u, outs));
}
