// Sizes of the kernel and its steps, as constants where they are common, so that dividing by them is a multiplication.
#import conv_shape

// 0: as p says.
override KX: u32 = 0u;
override KY: u32 = 0u;
override STRIDE: u32 = 0u;

fn kernel() -> vec2<u32> {
    return select(vec2<u32>(KX, KY), p.kernel, KX == 0u);
}

fn stride() -> vec2<u32> {
    return select(vec2<u32>(STRIDE), p.stride, STRIDE == 0u);
}

// Channel, row and column of element k of [channel,ky,kx].
fn tap(k: u32) -> vec3<u32> {
    let size = kernel();
    let taps = size.x * size.y;
    return vec3<u32>(k / taps, k % taps / size.x, k % taps % size.x);
}
