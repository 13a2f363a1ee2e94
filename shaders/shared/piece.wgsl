// The edges that one thread walks. SPLIT=0: slot is a row and ptr the CSR's. SPLIT=1: ptr is the table that
// attention.pieces makes, and a slot is a piece of a row. Returns (row, first edge, end).
override SPLIT: u32 = 0u;

fn piece(slot: u32) -> vec3<u32> {
    if (SPLIT == 1u) {
        return vec3<u32>(ptr[3u * slot], ptr[3u * slot + 1u], ptr[3u * slot + 2u]);
    }
    return vec3<u32>(slot, ptr[slot], ptr[slot + 1u]);
}
