// Four neighbouring elements of a row of arg [rows, p.cols], as `quad` reads x.
fn winners(row: u32, c: u32) -> vec4<u32> {
    let first = row * p.cols + c;
    if (VEC == 1u) {
        return arg[first >> 2u];
    }
    let last = row * p.cols + p.cols - 1u;
    let e = min(vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(last));
    return vec4<u32>(arg[e.x >> 2u][e.x & 3u], arg[e.y >> 2u][e.y & 3u], arg[e.z >> 2u][e.z & 3u],
            arg[e.w >> 2u][e.w & 3u]);
}
