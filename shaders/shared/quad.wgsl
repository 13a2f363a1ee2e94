// Four neighbouring elements of a row of x [rows, p.cols], which the importing shader binds as vec4s: columns c .. c +
// 4, c a multiple of 4. Lanes past the last column repeat it. VEC=1: p.cols is a multiple of 4, one load.
fn quad(row: u32, c: u32) -> vec4<f32> {
    let first = row * p.cols + c;
    if (VEC == 1u) {
        return x[first >> 2u];
    }
    let last = row * p.cols + p.cols - 1u;
    let e = min(vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(last));
    return vec4<f32>(x[e.x >> 2u][e.x & 3u], x[e.y >> 2u][e.y & 3u], x[e.z >> 2u][e.z & 3u], x[e.w >> 2u][e.w & 3u]);
}
