//! The L-BFGS matrix of a few pairs in its compact form, from their inner products.

use crate::error::{Error, Result};

/// Pairs that a correction keeps; the source's m.
pub(in crate::methods) const PAIRS: usize = 2;

/// sigma and K, [2 PAIRS, 2 PAIRS], of the L-BFGS matrix B = sigma I + rowsᵀ K rows that starts from sigma I, sigma =
/// s·y / s·s of the last pair: the compact form of Byrd, Nocedal & Schnabel (1994, theorem 2.3),
///
/// B = sigma I − [sigma S  Y] [[sigma SᵀS, L], [Lᵀ, −D]]⁻¹ [sigma S  Y]ᵀ,   L_ij = s_i·y_j for i > j,   D =
/// diag(s_i·y_i).
///
/// `gram` are the inner products of the rows; slots that are not in `order` (oldest first) take no part.
pub(in crate::methods) fn compact(gram: &[f64], order: &[usize]) -> Result<(f64, Vec<f64>)> {
    let (p, side) = (order.len(), 2 * PAIRS);
    let of = |a: usize, b: usize| gram[a * side + b];
    let (s, y) = (|i: usize| order[i], |i: usize| PAIRS + order[i]);
    let last = p - 1;
    let sigma = of(s(last), y(last)) / of(s(last), s(last));
    let mut m = vec![vec![0.0; 2 * p]; 2 * p];
    for (i, j) in (0..p).flat_map(|i| (0..p).map(move |j| (i, j))) {
        m[i][j] = sigma * of(s(i), s(j));
        if i > j {
            m[i][p + j] = of(s(i), y(j));
            m[p + j][i] = of(s(i), y(j));
        }
    }
    (0..p).for_each(|i| m[p + i][p + i] = -of(s(i), y(i)));
    let inverse = inverse(m).ok_or_else(|| Error::Device("DeltaGrad: the pairs of its correction are one".into()))?;
    let place = |a: usize| if a < p { (s(a), sigma) } else { (y(a - p), 1.0) };
    let mut k = vec![0.0; side * side];
    for (a, b) in (0..2 * p).flat_map(|a| (0..2 * p).map(move |b| (a, b))) {
        let ((row, of_row), (col, of_col)) = (place(a), place(b));
        k[row * side + col] = -of_row * inverse[a][b] * of_col;
    }
    Ok((sigma, k))
}

/// The inverse of a small matrix by elimination with the largest pivots; none if it has none.
fn inverse(mut m: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    let n = m.len();
    for (i, row) in m.iter_mut().enumerate() {
        row.extend((0..n).map(|j| if i == j { 1.0 } else { 0.0 }));
    }
    for col in 0..n {
        let pivot = (col..n).max_by(|a, b| m[*a][col].abs().total_cmp(&m[*b][col].abs()))?;
        m.swap(col, pivot);
        let lead = m[col][col];
        if lead == 0.0 || !lead.is_finite() {
            return None;
        }
        m[col].iter_mut().for_each(|v| *v /= lead);
        let row = m[col].clone();
        for (_, other) in m.iter_mut().enumerate().filter(|(i, _)| *i != col) {
            let factor = other[col];
            other.iter_mut().zip(&row).for_each(|(v, r)| *v -= factor * r);
        }
    }
    Some(m.into_iter().map(|row| row[n..].to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::philox::{normal, philox};

    /// B by the recursion itself: B += y yᵀ / (y·s) − B s sᵀ B / (s·B s), from sigma I.
    fn bfgs(pairs: &[(Vec<f64>, Vec<f64>)]) -> Vec<Vec<f64>> {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (s, y) = &pairs[pairs.len() - 1];
        let n = s.len();
        let sigma = dot(s, y) / dot(s, s);
        let mut b: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| if i == j { sigma } else { 0.0 }).collect()).collect();
        for (s, y) in pairs {
            let bs: Vec<f64> = b.iter().map(|row| dot(row, s)).collect();
            let (sbs, ys) = (dot(s, &bs), dot(y, s));
            for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
                b[i][j] += y[i] * y[j] / ys - bs[i] * bs[j] / sbs;
            }
        }
        b
    }

    #[test]
    fn the_compact_form_is_the_recursion() {
        let n = 5;
        let vector = |what: u32| -> Vec<f64> { (0..n).map(|i| normal(philox([i, what, 0, 0], [3, 4]))[0]).collect() };
        let curved = |s: &[f64], what: u32| -> Vec<f64> {
            let noise = vector(what);
            s.iter().zip(&noise).enumerate().map(|(i, (s, e))| (1.0 + i as f64) * s + 0.1 * e).collect()
        };
        let made = |a: u32| (vector(a), curved(&vector(a), a + 10));
        for (pairs, order) in
            [(vec![made(1)], vec![0]), (vec![made(1), made(2)], vec![0, 1]), (vec![made(3), made(2)], vec![1, 0])]
        {
            // Rows as the engine holds them: a slot that was never filled is 0.
            let mut rows = vec![vec![0.0; n as usize]; 2 * PAIRS];
            for (slot, (s, y)) in order.iter().zip(&pairs) {
                (rows[*slot], rows[PAIRS + slot]) = (s.clone(), y.clone());
            }
            let dot = |a: &Vec<f64>, b: &Vec<f64>| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let gram: Vec<f64> = rows.iter().flat_map(|a| rows.iter().map(move |b| dot(a, b))).collect();
            let (sigma, k) = compact(&gram, &order).unwrap();
            let want = bfgs(&pairs);
            for (i, j) in (0..n as usize).flat_map(|i| (0..n as usize).map(move |j| (i, j))) {
                let terms = (0..2 * PAIRS).flat_map(|a| (0..2 * PAIRS).map(move |b| (a, b)));
                let low: f64 = terms.map(|(a, b)| rows[a][i] * k[a * 2 * PAIRS + b] * rows[b][j]).sum();
                let got = low + if i == j { sigma } else { 0.0 };
                assert!((got - want[i][j]).abs() < 1e-9, "{order:?} {i} {j}: {got}, {} was wanted", want[i][j]);
            }
        }
    }
}
