// Rows of a compressed sparse matrix: entries ptr[r] .. ptr[r + 1] belong to row r. The importing shader binds `ptr`.

// The row of entry k < ptr[rows]: the last r with ptr[r] <= k, which skips empty rows.
fn row_of(k: u32, rows: u32) -> u32 {
    var low = 0u;
    var high = rows;
    while (high - low > 1u) {
        let mid = (low + high) / 2u;
        if (ptr[mid] <= k) {
            low = mid;
        } else {
            high = mid;
        }
    }
    return low;
}

// The row of entry k, which follows the last entry of `row`.
fn row_after(row: u32, k: u32, rows: u32) -> u32 {
    if (k < ptr[row + 2u]) {
        return row + 1u;
    }
    return row_of(k, rows);
}
