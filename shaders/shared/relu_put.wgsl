// What a relu leaves of a vec4 of sums, and with DROP=1 the dropout of relu_dropout.wgsl behind it, with the same words
// and bits, goes to y[at]. The importing shader binds step and y, imports philox, and has p.rate, p.scale, p.layer and
// the override DROP.
fn put(at: u32, sum: vec4<f32>) {
    let kept = max(sum, vec4<f32>(0.0));
    if (DROP == 0u) {
        y[at] = kept;
        return;
    }
    let words = philox(vec4<u32>(at, p.layer, step[2], 0u), vec2<u32>(step[0], step[1]));
    y[at] = select(vec4<f32>(0.0), p.scale * kept, unit4(words) >= vec4<f32>(p.rate));
}
