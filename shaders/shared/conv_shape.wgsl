// Sizes of a convolution, the same for its three directions; x counts along a row, y down the rows. per_chunk and
// chunk_stride matter to the weight gradient alone.
struct P {
    kernel: vec2<u32>, stride: vec2<u32>, padding: vec2<u32>, dilation: vec2<u32>,
    n: u32, ci: u32, h: u32, w: u32, co: u32, oh: u32, ow: u32, groups: u32, per_chunk: u32, chunk_stride: u32,
}

@group(0) @binding(0) var<uniform> p: P;
