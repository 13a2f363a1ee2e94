// Rows packed one sequence behind the other: sequence b has the rows ptr[b] .. ptr[b + 1], seg [rows] names the
// sequence of each row, 0xffffffff for none. A row looks at the rows of its sequence, with CAUSAL=1 at none behind
// itself.
override CAUSAL: u32 = 0u;

// The row's sequence: its first row, and the row behind its last; nothing for a row of nobody.
fn sequence(row: u32) -> vec2<u32> {
    let b = seg[row];
    if (b >= p.sequences) {
        return vec2<u32>(0u);
    }
    return vec2<u32>(ptr[b], ptr[b + 1u]);
}

// The rows that a row looks at.
fn looked_at(row: u32) -> vec2<u32> {
    var w = sequence(row);
    if (CAUSAL == 1u) {
        w.y = min(w.y, row + 1u);
    }
    return w;
}

// The rows that look at it.
fn lookers(row: u32) -> vec2<u32> {
    var w = sequence(row);
    if (CAUSAL == 1u && w.x < w.y) {
        w.x = row;
    }
    return w;
}
