// Where the skeleton of tile.wgsl finds the operands of batch products. Transposed operands, squares and ragged edges
// are settled here, while staging, so NN, NT, TN and every shape share the inner loop.
#import product_quads

fn along_k() -> vec2<bool> {
    return vec2<bool>(p.a_m != 1u, p.b_n != 1u);
}

// Whether four rows of A always lie side by side in a whole vec4: one load for four.
fn quads_a() -> bool {
    return p.a_m == 1u && ((p.m | p.a_k | p.a_z) & 3u) == 0u;
}

// The same for columns of B.
fn quads_b() -> bool {
    return p.b_n == 1u && ((p.n | p.b_k | p.b_z) & 3u) == 0u;
}

fn place(g: u32) -> Place {
    let tiles_n = (p.n + BN - 1u) / BN;
    let tiles = tiles_n * ((p.m + BM - 1u) / BM);
    let z = g / tiles;
    // A folded grid has groups to spare: they compute nothing, in rows that y does not have.
    let live = z < p.batch;
    z_a = z * p.a_z;
    z_b = z * p.b_z;
    z_y = z * p.y_z;
    let terms = select(0u, terms_of(z), live);
    z_terms = terms;
    let row = select(p.m, g % tiles / tiles_n * BM, live);
    return Place(row, g % tiles_n * BN, terms, 1u);
}

fn ready(col: u32) {}

fn at_a(row: u32, s: u32, k: u32) -> vec4<f32> {
    if (k >= z_terms) {
        return vec4<f32>(0.0);
    }
    var v: vec4<f32>;
    let first = z_a + k * p.a_k;
    if (quads_a()) {
        v = a[(first + min(row, p.m - 4u)) >> 2u];
    } else {
        v = words_a(vec4<u32>(first) + min(vec4<u32>(row) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(p.m - 1u)) * p.a_m);
    }
    return select(v, v * v, SQUARE == 1u);
}

fn at_b(col: u32, s: u32, k: u32) -> vec4<f32> {
    if (k >= z_terms) {
        return vec4<f32>(0.0);
    }
    var v: vec4<f32>;
    let first = z_b + k * p.b_k;
    if (quads_b()) {
        v = b[(first + min(col, p.n - 4u)) >> 2u];
    } else {
        v = words_b(vec4<u32>(first) + min(vec4<u32>(col) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(p.n - 1u)) * p.b_n);
    }
    return select(v, v * v, SQUARE == 1u);
}

fn done(g: u32, lid: u32) {}
