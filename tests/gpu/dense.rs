//! A curvature matrix written out on the host: its columns are products with unit vectors.

use unlearn::Result;
use unlearn::records::Session;
use unlearn::statistics::Product;

/// Solves and eigenvalues on the host.
pub struct Dense(Vec<Vec<f64>>);

impl Dense {
    /// The matrix of a product over the real parameters, in their order.
    pub fn of(session: &mut Session, h: &dyn Product) -> Result<Dense> {
        let places = places(session);
        let mut rows = Vec::new();
        for at in &places {
            let mut unit = vec![0.0; h.u().len];
            unit[*at] = 1.0;
            session.engine.write(h.u(), &unit)?;
            h.apply(session)?;
            let column = session.engine.read(h.hu())?;
            rows.push(places.iter().map(|p| f64::from(column[*p])).collect());
        }
        Ok(Dense(rows))
    }

    pub fn shifted(&self, shift: f64) -> Dense {
        let mut a = self.0.clone();
        (0..a.len()).for_each(|i| a[i][i] += shift);
        Dense(a)
    }

    pub fn times(&self, v: &[f64]) -> Vec<f64> {
        self.0.iter().map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum()).collect()
    }

    /// Gauss elimination with pivots.
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let (mut a, mut x, n) = (self.0.clone(), b.to_vec(), b.len());
        for i in 0..n {
            let pivot = (i..n).max_by(|p, q| a[*p][i].abs().total_cmp(&a[*q][i].abs())).unwrap_or(i);
            a.swap(i, pivot);
            x.swap(i, pivot);
            for r in i + 1..n {
                let f = a[r][i] / a[i][i];
                let above = a[i].clone();
                a[r].iter_mut().zip(&above).for_each(|(v, u)| *v -= f * u);
                x[r] -= f * x[i];
            }
        }
        for i in (0..n).rev() {
            x[i] = (x[i] - (i + 1..n).map(|c| a[i][c] * x[c]).sum::<f64>()) / a[i][i];
        }
        x
    }

    /// The smallest and largest eigenvalue: power iteration on the matrix, and on what it lacks to a multiple of the
    /// identity.
    pub fn ends(&self) -> (f64, f64) {
        let top = |a: &Dense| {
            let mut v: Vec<f64> = (0..a.0.len()).map(|i| (i as f64 * 1.7).sin() + 0.1).collect();
            let mut value = 0.0;
            for _ in 0..20_000 {
                let w = a.times(&v);
                value = norm(&w);
                v = w.iter().map(|x| x / value).collect();
            }
            value
        };
        let highest = top(self);
        let mut rest = self.shifted(-highest);
        rest.0.iter_mut().flatten().for_each(|v| *v = -*v);
        (highest - top(&rest), highest)
    }
}

/// Places of the real parameters in a flat vector.
pub fn places(session: &Session) -> Vec<usize> {
    session.model.layout.entries().iter().flat_map(|e| e.offset..e.offset + e.len).collect()
}

pub fn norm(v: &[f64]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Nocedal & Wright 2006, algorithm 7.4, on vectors.
pub fn two_loops(pairs: &[(Vec<f64>, Vec<f64>)], v: &[f64]) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut q = v.to_vec();
    let mut lengths = Vec::new();
    for (s, y) in pairs.iter().rev() {
        let a = dot(s, &q) / dot(s, y);
        q.iter_mut().zip(y).for_each(|(q, y)| *q -= a * y);
        lengths.push(a);
    }
    if let Some((s, y)) = pairs.last() {
        q.iter_mut().for_each(|q| *q *= dot(s, y) / dot(y, y));
    }
    for ((s, y), a) in pairs.iter().zip(lengths.iter().rev()) {
        let b = dot(y, &q) / dot(s, y);
        q.iter_mut().zip(s).for_each(|(q, s)| *q += (a - b) * s);
    }
    q
}
