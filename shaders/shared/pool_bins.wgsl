// Sizes of an adaptive pooling, the same for both of its kernels.
struct P { planes: u32, h: u32, w: u32, oh: u32, ow: u32 }

@group(0) @binding(0) var<uniform> p: P;

// The elements of a line of `size` that place `at` of `places` covers, half open: floor(at size / places) to
// ceil((at + 1) size / places), PyTorch's bins. With the two sizes exchanged: the places that cover an element.
fn bin(at: u32, places: u32, size: u32) -> vec2<u32> {
    return vec2<u32>(at * size / places, ((at + 1u) * size + places - 1u) / places);
}

// How many elements a bin of rows and one of columns hold together.
fn held(rows: vec2<u32>, columns: vec2<u32>) -> f32 {
    return f32((rows.y - rows.x) * (columns.y - columns.x));
}
