// The sum of a product's parts, p.quads vec4s in order; the importing shader binds p and part.
fn sum_of_parts() -> f32 {
    var sums = vec4<f32>(0.0);
    for (var k = 0u; k < p.quads; k++) {
        sums += part[k];
    }
    return (sums.x + sums.y) + (sums.z + sums.w);
}
