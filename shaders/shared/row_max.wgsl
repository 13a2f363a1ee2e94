// The largest of the p.classes numbers z[row], z[row + 1] ...; the importing shader binds p and z. An exponential of
// what stands below it never overflows.
fn row_max(row: u32) -> f32 {
    var top = z[row];
    for (var c = 1u; c < p.classes; c += 1u) {
        top = max(top, z[row + c]);
    }
    return top;
}
