//! The two-sample test of Kolmogorov and Smirnov.

/// The chance that two samples of these sizes from one continuous distribution lie at least as far apart as these do,
/// in the largest distance of their distribution functions, either way; exact. None where one of them is empty.
///
/// All orders of the two samples are equally likely then: an order is a path on the lattice from (0, 0) to (n, m), and
/// the paths that stay nearer to the diagonal are counted as shares of all (Hodges 1958, section 5).
pub fn ks_p(a: &[f64], b: &[f64]) -> Option<f64> {
    let (n, m) = (a.len(), b.len());
    if n == 0 || m == 0 || a.iter().chain(b).any(|value| value.is_nan()) {
        return None;
    }
    let far = distance(a, b);
    let near = |i: usize, j: usize| (i * m).abs_diff(j * n) < far;
    // Of the paths to (i, j), the share that stayed near.
    let mut row: Vec<f64> = Vec::with_capacity(m + 1);
    for i in 0..=n {
        for j in 0..=m {
            let (up, left) = (if i > 0 { row[j] } else { 0.0 }, if j > 0 { row[j - 1] } else { 0.0 });
            let share = match (i + j, near(i, j)) {
                (_, false) => 0.0,
                (0, true) => 1.0,
                (steps, true) => (i as f64 * up + j as f64 * left) / steps as f64,
            };
            if i == 0 { row.push(share) } else { row[j] = share }
        }
    }
    Some((1.0 - row[m]).clamp(0.0, 1.0))
}

/// The largest distance of the distribution functions, times n m.
fn distance(a: &[f64], b: &[f64]) -> usize {
    let [mut a, mut b] = [a.to_vec(), b.to_vec()];
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    let (mut i, mut j, mut most) = (0, 0, 0);
    while let Some(next) = [a.get(i), b.get(j)].into_iter().flatten().copied().reduce(f64::min) {
        i += a[i..].iter().take_while(|value| **value == next).count();
        j += b[j..].iter().take_while(|value| **value == next).count();
        most = most.max((i * b.len()).abs_diff(j * a.len()));
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the six orders of two and two, two have all of one sample first: distance 1.
    #[test]
    fn orders_that_are_as_far_apart_are_counted() {
        let near = |a: &[f64], b: &[f64], want: f64| assert!((ks_p(a, b).unwrap() - want).abs() < 1e-12, "{a:?} {b:?}");
        near(&[1.0, 2.0], &[3.0, 4.0], 2.0 / 6.0);
        near(&[1.0, 3.0], &[2.0, 4.0], 1.0);
        near(&[1.0], &[2.0, 3.0, 4.0], 2.0 / 4.0);
        near(&[1.0, 1.0], &[1.0, 1.0], 1.0);
        assert_eq!((ks_p(&[], &[1.0]), ks_p(&[f64::NAN], &[1.0])), (None, None));
    }
}
