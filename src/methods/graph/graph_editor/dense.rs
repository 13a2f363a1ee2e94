//! Small dense matrices in f64 on the host: products and the Cholesky factor of a positive definite matrix. Inner loops
//! run along rows (`y += a x`), which compilers vectorise without reordering a sum.

use crate::error::{Error, Result};

/// Row-major [rows, cols].
#[derive(Clone, Debug, PartialEq)]
pub struct Mat {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Row by row, [rows · cols].
    pub data: Vec<f64>,
}

fn axpy(a: f64, x: &[f64], y: &mut [f64]) {
    if a != 0.0 {
        y.iter_mut().zip(x).for_each(|(y, x)| *y += a * x);
    }
}

impl Mat {
    /// A matrix of `rows` rows.
    ///
    /// # Panics
    /// `data` is not `rows * cols` long.
    pub fn new(rows: usize, cols: usize, data: Vec<f64>) -> Mat {
        assert_eq!(data.len(), rows * cols, "a matrix of [{rows}, {cols}]");
        Mat { rows, cols, data }
    }

    /// All zeros.
    pub fn zeros(rows: usize, cols: usize) -> Mat {
        Mat::new(rows, cols, vec![0.0; rows * cols])
    }

    /// `value` on the diagonal, 0 elsewhere.
    pub fn scalar(n: usize, value: f64) -> Mat {
        let mut out = Mat::zeros(n, n);
        out.data.iter_mut().step_by(n + 1).for_each(|v| *v = value);
        out
    }

    /// One row, \[cols\].
    pub fn row(&self, i: usize) -> &[f64] {
        &self.data[i * self.cols..(i + 1) * self.cols]
    }

    fn row_mut(&mut self, i: usize) -> &mut [f64] {
        &mut self.data[i * self.cols..(i + 1) * self.cols]
    }

    /// The rows at `positions`, in that order.
    pub fn select(&self, positions: &[usize]) -> Mat {
        let data = positions.iter().flat_map(|i| self.row(*i)).copied().collect();
        Mat::new(positions.len(), self.cols, data)
    }

    /// The columns at `positions`, in that order.
    pub fn columns(&self, positions: &[usize]) -> Mat {
        let of = |i: usize| positions.iter().map(move |j| self.row(i)[*j]);
        Mat::new(self.rows, positions.len(), (0..self.rows).flat_map(of).collect())
    }

    /// These rows, then those.
    pub fn stacked(mut self, below: &Mat) -> Mat {
        assert_eq!(self.cols, below.cols, "widths of stacked matrices");
        self.data.extend_from_slice(&below.data);
        Mat { rows: self.rows + below.rows, ..self }
    }

    /// Aᵀ.
    pub fn t(&self) -> Mat {
        let of = |j: usize| (0..self.rows).map(move |i| self.data[i * self.cols + j]);
        Mat::new(self.cols, self.rows, (0..self.cols).flat_map(of).collect())
    }

    /// A B.
    pub fn mul(&self, b: &Mat) -> Mat {
        assert_eq!(self.cols, b.rows, "inner sizes of a product");
        let mut out = Mat::zeros(self.rows, b.cols);
        for i in 0..self.rows {
            for (k, a) in self.row(i).iter().enumerate() {
                axpy(*a, b.row(k), out.row_mut(i));
            }
        }
        out
    }

    /// A + a B.
    pub fn plus(mut self, a: f64, b: &Mat) -> Mat {
        assert_eq!((self.rows, self.cols), (b.rows, b.cols), "shapes of a sum");
        axpy(a, &b.data, &mut self.data);
        self
    }

    /// a A.
    pub fn times(mut self, a: f64) -> Mat {
        self.data.iter_mut().for_each(|v| *v *= a);
        self
    }
}

/// Upper U with A = Uᵀ U; what lies below the diagonal is not read.
pub struct Cholesky(Mat);

impl Cholesky {
    /// Factors a symmetric positive definite matrix.
    ///
    /// # Errors
    /// It is not positive definite in f64.
    pub fn of(mut a: Mat) -> Result<Cholesky> {
        let n = a.rows;
        for k in 0..n {
            let pivot = a.row(k)[k];
            if pivot.is_nan() || pivot <= 0.0 {
                return Err(Error::input(format!(
                    "a matrix of the linear editor is not positive definite (pivot {k} of {n} is {pivot:.3e}); use a \
                        larger lambda"
                )));
            }
            let scale = pivot.sqrt().recip();
            a.row_mut(k)[k..].iter_mut().for_each(|v| *v *= scale);
            let (head, tail) = a.data.split_at_mut((k + 1) * n);
            let upper = &head[k * n..];
            for (below, i) in tail.chunks_exact_mut(n).zip(k + 1..) {
                axpy(-upper[i], &upper[i..], &mut below[i..]);
            }
        }
        Ok(Cholesky(a))
    }

    /// A⁻¹ B.
    pub fn solve(&self, b: Mat) -> Mat {
        let (mut x, width) = (b, 0..usize::MAX);
        self.forward(&mut x, |_| width.end);
        self.backward(&mut x, |_| width.end);
        x
    }

    /// A⁻¹. It is symmetric and Uᵀ is lower triangular, so half of each pass is enough.
    pub fn inverse(&self) -> Mat {
        let mut x = Mat::scalar(self.0.rows, 1.0);
        self.forward(&mut x, |k| k + 1);
        self.backward(&mut x, |k| k + 1);
        for i in 0..x.rows {
            for j in 0..i {
                x.data[j * x.cols + i] = x.data[i * x.cols + j];
            }
        }
        x
    }

    /// Uᵀ X = B in place; of row k only the first `width(k)` columns are of interest, and no others are read.
    fn forward(&self, x: &mut Mat, width: impl Fn(usize) -> usize) {
        let cols = x.cols;
        if cols == 0 {
            return;
        }
        for k in 0..x.rows {
            let (w, u) = (width(k).min(cols), self.0.row(k));
            let (head, tail) = x.data.split_at_mut((k + 1) * cols);
            let row = &mut head[k * cols..][..w];
            row.iter_mut().for_each(|v| *v /= u[k]);
            for (below, i) in tail.chunks_exact_mut(cols).zip(k + 1..) {
                axpy(-u[i], row, &mut below[..w]);
            }
        }
    }

    /// U X = B in place, widths as in [`Cholesky::forward`].
    fn backward(&self, x: &mut Mat, width: impl Fn(usize) -> usize) {
        let cols = x.cols;
        if cols == 0 {
            return;
        }
        for k in (0..x.rows).rev() {
            let (w, u) = (width(k).min(cols), self.0.row(k));
            let (head, tail) = x.data.split_at_mut((k + 1) * cols);
            let row = &mut head[k * cols..][..w];
            for (below, i) in tail.chunks_exact(cols).zip(k + 1..) {
                axpy(-u[i], &below[..w], row);
            }
            row.iter_mut().for_each(|v| *v /= u[k]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_and_factors_are_those_worked_out_by_hand() {
        let a = Mat::new(2, 3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(a.t().data, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(a.mul(&a.t()).data, [14.0, 32.0, 32.0, 77.0]);
        assert_eq!(a.select(&[1]).stacked(&a).columns(&[2, 0]).data, [6.0, 4.0, 3.0, 1.0, 6.0, 4.0]);
        // [[4, 2], [2, 10]] = Uᵀ U with U = [[2, 1], [0, 3]].
        let spd = Mat::new(2, 2, vec![4.0, 2.0, 2.0, 10.0]);
        let factor = Cholesky::of(spd.clone()).unwrap();
        assert_eq!([factor.0.data[0], factor.0.data[1], factor.0.data[3]], [2.0, 1.0, 3.0]);
        let close = |got: &Mat, want: &[f64]| got.data.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-15);
        assert!(close(&factor.inverse(), &[10.0 / 36.0, -2.0 / 36.0, -2.0 / 36.0, 4.0 / 36.0]));
        assert!(close(&factor.solve(Mat::new(2, 1, vec![8.0, 22.0])), &[1.0, 2.0]));
    }

    #[test]
    fn what_is_not_positive_definite_is_refused() {
        let error = Cholesky::of(Mat::new(2, 2, vec![1.0, 2.0, 2.0, 1.0])).err().unwrap().to_string();
        assert!(error.contains("lambda"), "{error}");
        Cholesky::of(Mat::new(1, 1, vec![f64::NAN])).err().expect("NaN");
    }
}
