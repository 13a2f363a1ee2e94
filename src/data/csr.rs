//! Sparse matrices as files hold them: three arrays that may not fit each other.

/// Compressed sparse rows `[rows, cols]`, checked.
#[derive(Debug, PartialEq)]
pub(crate) struct Matrix {
    pub rows: usize,
    pub cols: usize,
    ptr: Vec<usize>,
    col: Vec<u32>,
    val: Vec<f32>,
}

impl Matrix {
    /// Nothing where the arrays do not fit each other: `ptr` must rise from 0 to the number of values in rows + 1
    /// steps, and columns lie below `cols`.
    pub fn new([rows, cols]: [usize; 2], ptr: &[f64], col: &[f64], val: &[f64]) -> Option<Matrix> {
        let whole = |value: &f64| *value >= 0.0 && value.fract() == 0.0;
        let fits = Some(ptr.len()) == rows.checked_add(1)
            && ptr.iter().all(whole)
            && ptr.is_sorted()
            && (ptr[0], ptr[rows]) == (0.0, col.len() as f64)
            && col.len() == val.len()
            && col.iter().all(|col| whole(col) && *col < cols.min(u32::MAX as usize) as f64);
        let (ptr, col) = (ptr.iter().map(|&v| v as usize), col.iter().map(|&v| v as u32));
        let val = val.iter().map(|&v| v as f32).collect();
        fits.then(|| Matrix { rows, cols, ptr: ptr.collect(), col: col.collect(), val })
    }

    /// (column, value) of a row.
    pub fn row(&self, row: usize) -> Vec<(u32, f32)> {
        let range = self.ptr[row]..self.ptr[row + 1];
        self.col[range.clone()].iter().copied().zip(self.val[range].iter().copied()).collect()
    }
}
