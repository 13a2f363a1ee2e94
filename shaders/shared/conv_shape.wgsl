// Sizes of a convolution, the same for its three directions; per_chunk and stride matter to the weight gradient alone.
struct P {
    n: u32, ci: u32, h: u32, w: u32, co: u32, kh: u32, kw: u32, oh: u32, ow: u32,
    sy: u32, sx: u32, py: u32, px: u32, dy: u32, dx: u32, groups: u32, per_chunk: u32, stride: u32,
}

@group(0) @binding(0) var<uniform> p: P;
