//! Lanczos iteration: both ends of a spectrum.

use serde::Serialize;

use super::{Flying, start_vector};
use crate::engine::ALIGN;
use crate::error::Result;
use crate::kernels::{edit, krylov, map, reduce};
use crate::records::Session;
use crate::statistics::Product;

/// The ends of a spectrum as a Krylov space shows them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spectrum {
    /// Within `lowest_error` and `highest_error` of these lie eigenvalues; the ends of the spectrum are no nearer to
    /// the middle.
    pub lowest: f64,
    /// How far `lowest` may be off.
    pub lowest_error: f64,
    /// Largest eigenvalue found.
    pub highest: f64,
    /// How far `highest` may be off.
    pub highest_error: f64,
    /// Products with H; fewer than asked for where the space was exhausted.
    pub steps: usize,
}

/// Share of the largest number of the tridiagonal matrix below which a next vector is rounding.
const EXHAUSTED: f64 = 3e-6;

/// The ends of H's spectrum after `steps` products from a random start of the seed (Lanczos 1950), every vector made
/// orthogonal to all before it twice (Giraud, Langou & Rozložník 2005: twice is enough). The vectors take `steps` + 1
/// times the parameters; two numbers a step cross the bus, at the end.
///
/// # Errors
/// More vectors than one binding holds.
pub fn lanczos(session: &mut Session, h: &dyn Product, steps: usize, seed: u64) -> Result<Spectrum> {
    let (u, hu, total) = (h.u(), h.hu(), session.model.layout.total());
    let steps = steps.clamp(1, session.model.layout.count());
    let basis = session.block("lanczos.basis", (steps + 1) * total)?;
    let numbers = session.block("lanczos.numbers", (2 * steps).next_multiple_of(ALIGN))?;
    let row = |j: usize| basis.range(j * total..(j + 1) * total);
    let start = session.vector("lanczos.start")?;
    start_vector(session, start, seed)?;
    session.run(|rec| {
        let (one, norm2) = (rec.temp("one", 1), rec.temp("norm2", 1));
        map::fill(rec, one, 1.0);
        reduce::total(rec, start, norm2, 1.0, true);
        edit::rescale(rec, start, one, norm2);
        rec.copy(start, row(0));
        rec.copy(start, u);
        Ok(())
    })?;
    let mut flying = Flying::default();
    for j in 0..steps {
        flying.product(session, h)?;
        let mut rec = session.recording();
        let so_far = basis.range(0..(j + 1) * total);
        for pass in 0..2 {
            let along = rec.temp("along", j + 1);
            krylov::dots(&mut rec, so_far, hu, along);
            krylov::combine(&mut rec, so_far, along, hu, -1.0);
            if pass == 0 {
                rec.copy(along.range(j..j + 1), numbers.range(2 * j..2 * j + 1));
            }
        }
        let (one, norm2) = (rec.temp("one", 1), rec.temp("norm2", 1));
        map::fill(&mut rec, one, 1.0);
        reduce::total(&mut rec, hu, norm2, 1.0, true);
        rec.copy(norm2, numbers.range(2 * j + 1..2 * j + 2));
        rec.copy(hu, u);
        edit::rescale(&mut rec, u, one, norm2);
        rec.copy(u, row(j + 1));
        let program = session.compile(rec)?;
        flying.submit(session, &program, &[])?;
        // The program's buffers must outlive its run.
        flying.land(session)?;
    }
    let numbers = session.engine.read(numbers)?;
    Ok(ends(&numbers[..2 * steps]))
}

/// The ends, from each step's diagonal element and the square of the one beside it.
fn ends(numbers: &[f32]) -> Spectrum {
    let (mut diagonal, mut beside) = (Vec::new(), Vec::new());
    let mut largest: f64 = 0.0;
    for pair in numbers.chunks(2) {
        let (a, b) = (f64::from(pair[0]), f64::from(pair[1]).sqrt());
        diagonal.push(a);
        beside.push(b);
        largest = largest.max(a.abs()).max(b);
        if b <= EXHAUSTED * largest {
            break;
        }
    }
    let steps = diagonal.len();
    let last = beside.pop().unwrap_or(0.0);
    let values = tridiagonal(&diagonal, &beside);
    let at = |i: usize| values.get(i).copied().unwrap_or((0.0, 0.0));
    let ((lowest, low), (highest, high)) = (at(0), at(steps.saturating_sub(1)));
    Spectrum { lowest, lowest_error: last * low.abs(), highest, highest_error: last * high.abs(), steps }
}

/// Eigenvalues of a symmetric tridiagonal matrix, ascending, each with the last component of its eigenvector of length
/// 1:
/// `diagonal` \[n\], `beside` [n − 1]. Jacobi rotations on the full matrix (Golub & Van Loan, section 8.5): n is small.
pub fn tridiagonal(diagonal: &[f64], beside: &[f64]) -> Vec<(f64, f64)> {
    let n = diagonal.len();
    let mut a = vec![vec![0.0; n]; n];
    for i in 0..n {
        a[i][i] = diagonal[i];
    }
    for (i, b) in beside.iter().enumerate().take(n.saturating_sub(1)) {
        (a[i][i + 1], a[i + 1][i]) = (*b, *b);
    }
    // The last row of the product of the rotations.
    let mut last = vec![0.0; n];
    if let Some(v) = last.last_mut() {
        *v = 1.0;
    }
    let size: f64 = a.iter().flatten().map(|v| v * v).sum();
    for _ in 0..60 {
        let off: f64 = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i][j] * a[i][j]).sum();
        if off <= 1e-30 * size {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut last, p, q);
            }
        }
    }
    let mut all: Vec<(f64, f64)> = (0..n).map(|i| (a[i][i], last[i])).collect();
    all.sort_by(|x, y| x.0.total_cmp(&y.0));
    all
}

/// Makes a[p][q] 0.
fn rotate(a: &mut [Vec<f64>], last: &mut [f64], p: usize, q: usize) {
    if a[p][q] == 0.0 {
        return;
    }
    let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    for row in a.iter_mut() {
        (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
    }
    let (above, below) = a.split_at_mut(q);
    for (x, y) in above[p].iter_mut().zip(&mut below[0]) {
        (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
    }
    (last[p], last[q]) = (c * last[p] - s * last[q], s * last[p] + c * last[q]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2 on the diagonal, −1 beside it: 2 − 2 cos(k π / (n + 1)), eigenvectors sin(i k π / (n + 1)).
    #[test]
    fn a_chain_has_the_known_eigenvalues_and_vectors() {
        for n in [1, 2, 7, 40] {
            let got = tridiagonal(&vec![2.0; n], &vec![-1.0; n - 1]);
            for (k, (value, last)) in got.iter().enumerate() {
                let turn = (k + 1) as f64 * std::f64::consts::PI / (n + 1) as f64;
                assert!((value - (2.0 - 2.0 * turn.cos())).abs() < 1e-12, "{n}: {value}");
                let want = (turn * n as f64).sin().abs() * (2.0 / (n + 1) as f64).sqrt();
                assert!((last.abs() - want).abs() < 1e-10, "{n}: last component {last}, {want} was wanted");
            }
        }
    }

    #[test]
    fn an_exhausted_space_ends_the_matrix() {
        let s = ends(&[2.0, 1.0, 2.0, 1e-14, 77.0, 5.0]);
        assert_eq!(s.steps, 2);
        assert!((s.lowest - 1.0).abs() < 1e-6 && (s.highest - 3.0).abs() < 1e-6, "{s:?}");
        assert!(s.highest_error < 1e-6);
    }
}
