//! Eigenvectors of small symmetric matrices, on the host.

/// Sweeps at most; some ten are enough for a thousand rows.
const SWEEPS: usize = 40;

/// Inner products below this part of the lengths count as 0.
const ORTHOGONAL: f64 = 1e-13;

/// An orthonormal eigenvector a row, [n, n], of a positive semi-definite matrix `a` [n, n], in no order. Only the lower
/// triangle of `a` is read. One-sided Jacobi rotations (Hestenes 1958) in f64: rows of W = V A are turned against each
/// other until they are orthogonal, so that V A² Vᵀ is diagonal, and with it V A Vᵀ. Some 25 n³ operations: under a
/// second for 400 rows, seconds for a thousand, once per measurement; a GPU form would pay for far larger factors than
/// these networks have.
pub(crate) fn eigenvectors(a: &[f32], n: usize) -> Vec<f32> {
    let entry = |i: usize, j: usize| f64::from(a[i.max(j) * n + i.min(j)]);
    let mut w: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| entry(i, j)).collect()).collect();
    let mut v: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    // Rows this short are rounding, of which no direction can be had.
    let nothing = w.iter().map(|row| dot(row, row)).sum::<f64>() * 1e-32;
    for _ in 0..SWEEPS {
        let mut turned = false;
        for i in 0..n {
            for j in i + 1..n {
                let (p, q, r) = (dot(&w[i], &w[i]), dot(&w[j], &w[j]), dot(&w[i], &w[j]));
                if r.abs() <= ORTHOGONAL * (p * q).sqrt() || p.max(q) <= nothing || r.abs() <= nothing {
                    continue;
                }
                turned = true;
                let zeta = (q - p) / (2.0 * r);
                let t = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                for rows in [&mut w, &mut v] {
                    let (above, below) = rows.split_at_mut(j);
                    turn(&mut above[i], &mut below[0], c, c * t);
                }
            }
        }
        if !turned {
            break;
        }
    }
    v.into_iter().flatten().map(|x| x as f32).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    // Four sums, so that the compiler may use wide registers.
    let mut sums = [0.0; 4];
    let (a4, b4) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = a4.remainder().iter().zip(b4.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a4.zip(b4) {
        for k in 0..4 {
            sums[k] += x[k] * y[k];
        }
    }
    sums.iter().sum::<f64>() + rest
}

fn turn(a: &mut [f64], b: &mut [f64], c: f64, s: f64) {
    for (x, y) in a.iter_mut().zip(b) {
        (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::case::Gen;

    /// (largest entry of |V Vᵀ − I|, largest entry of V A Vᵀ off its diagonal)
    fn errors(a: &[f32], n: usize) -> (f64, f64) {
        let v: Vec<f64> = eigenvectors(a, n).iter().map(|x| f64::from(*x)).collect();
        let row = |i: usize| &v[i * n..(i + 1) * n];
        let product = |i: usize| -> Vec<f64> {
            (0..n).map(|k| (0..n).map(|j| f64::from(a[k.max(j) * n + k.min(j)]) * row(i)[j]).sum()).collect()
        };
        let (mut basis, mut off) = (0.0f64, 0.0f64);
        for i in 0..n {
            let av = product(i);
            for j in 0..n {
                let own = if i == j { 1.0 } else { 0.0 };
                basis = basis.max((dot(row(i), row(j)) - own).abs());
                off = if i == j { off } else { off.max(dot(&av, row(j)).abs()) };
            }
        }
        (basis, off)
    }

    #[test]
    fn vectors_are_orthonormal_and_diagonalise() {
        for (n, rank) in [(1, 1), (2, 2), (7, 7), (33, 33), (33, 4), (20, 0)] {
            let b = Gen::new(n as u64).values(n * rank);
            let at = |i: usize, j: usize| (0..rank).map(|k| b[i * rank + k] * b[j * rank + k]).sum::<f32>();
            let a: Vec<f32> = (0..n * n).map(|e| at(e / n, e % n)).collect();
            let (basis, off) = errors(&a, n);
            assert!(basis < 1e-6 && off < 1e-5, "{n} rows, rank {rank}: {basis:e} {off:e}");
        }
        assert!(eigenvectors(&[], 0).is_empty());
    }
}
