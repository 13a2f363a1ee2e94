// Up to 16 neighbouring columns of a row of a sparse product (quads.wgsl). The importing shader binds ptr, idx, perm,
// val, x and bias, the last two as vec4s, and has p.cols, a multiple of 4 QUADS, and the overrides QUADS, PERM and
// BIAS.
#import quads

// w x[row,:] more than s, from vec4 `first` of the row on.
fn more(s: Quads, w: f32, row: u32, first: u32) -> Quads {
    let at = row * (p.cols / 4u) + first;
    var t = s;
    t.a += w * x[at];
    if (QUADS > 1u) {
        t.b += w * x[at + 1u];
    }
    if (QUADS > 2u) {
        t.c += w * x[at + 2u];
    }
    if (QUADS > 3u) {
        t.d += w * x[at + 3u];
    }
    return t;
}

// s and the entries of a row, then the bias.
fn row_quads(start: Quads, row: u32, first: u32) -> Quads {
    var s = start;
    for (var k = ptr[row]; k < ptr[row + 1u]; k += 1u) {
        var at = k;
        if (PERM == 1u) {
            at = perm[k];
        }
        s = more(s, val[at], idx[k], first);
    }
    if (BIAS == 1u) {
        s.a += bias[first];
        if (QUADS > 1u) {
            s.b += bias[first + 1u];
        }
        if (QUADS > 2u) {
            s.c += bias[first + 2u];
        }
        if (QUADS > 3u) {
            s.d += bias[first + 3u];
        }
    }
    return s;
}
