// A row's entries of a sparse product dealt to a team of TEAM invocations of one workgroup, a power of two: each takes
// every TEAM-th, and the sums are added in pairs, always the same ones. The invocations `lane` WG / TEAM + t are the
// members of team t. The importing shader binds ptr, idx, perm, val and x, imports quad, and has p.rows, p.cols and the
// overrides WG, TEAM, VEC and PERM. Every invocation of a workgroup must come here.
var<workgroup> parts: array<vec4<f32>, WG>;

// Columns c .. c + 4 of the row's sum for lane 0, anything for the others; a row past the end has no entries.
fn team_row(row: u32, c: u32, lid: u32) -> vec4<f32> {
    let teams = WG / TEAM;
    let lane = lid / teams;
    var sum = vec4<f32>(0.0);
    if (row < p.rows) {
        for (var k = ptr[row] + lane; k < ptr[row + 1u]; k += TEAM) {
            var at = k;
            if (PERM == 1u) {
                at = perm[k];
            }
            sum += val[at] * quad(idx[k], c);
        }
    }
    parts[lid] = sum;
    for (var half = TEAM / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (lane < half) {
            parts[lid] += parts[lid + half * teams];
        }
    }
    return parts[lid];
}
