// y = pictures x [n,channels,height,width], each moved by up to pad pixels both ways, turned over left to right where
// flip = 1 and a bit says so, and with a square of side cut around a pixel set to 0; what comes in from beyond the
// border is 0. The numbers of a picture are the words of Philox(counter = (id, layer, step[3], 0), key = (seed_lo,
// seed_hi)): row and column of its corner in the padded picture, the bit, the pixel. A square at the border is as much
// smaller as hangs over. ids [n], step [seed_lo, seed_hi, _, step], rows = n channels height. One thread per row of
// pixels. Twin: map/augment.rs augment.
#import grid
#import philox

struct P {
    rows: u32, channels: u32, height: u32, width: u32,
    pad: u32, flip: u32, cut: u32, layer: u32,
}

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> ids: array<u32>;
@group(0) @binding(3) var<storage, read> step: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

// Whether place i is one of the cut places around the centre.
fn inside(i: u32, centre: u32) -> bool {
    let at = i + p.cut / 2u;
    return at >= centre && at < centre + p.cut;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let row = group_index(wid, nwg) * WG + lid;
    if (row >= p.rows) {
        return;
    }
    let i = row % p.height;
    let id = ids[row / (p.channels * p.height)];
    let words = philox(vec4<u32>(id, p.layer, step[3], 0u), vec2<u32>(step[0], step[1]));
    let places = 2u * p.pad + 1u;
    // Rows and columns above and left of the picture wrap to huge numbers, and are as much outside as those below.
    let from_row = i + words.x % places - p.pad;
    let shift = words.y % places - p.pad;
    let turned = p.flip == 1u && words.z >> 31u == 1u;
    let hidden = inside(i, (words.w & 65535u) % p.height);
    let source = (row - i + from_row) * p.width;
    for (var j = 0u; j < p.width; j += 1u) {
        let column = select(j, p.width - 1u - j, turned) + shift;
        var value = 0.0;
        if (from_row < p.height && column < p.width && !(hidden && inside(j, (words.w >> 16u) % p.width))) {
            value = x[source + column];
        }
        y[row * p.width + j] = value;
    }
}
