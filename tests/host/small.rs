//! Small networks over random records on the reference engine, and plain linear algebra to hold their curvature to.

use unlearn::data::Samples;
use unlearn::engine::case::Gen;
use unlearn::engine::{Buf, Engine};
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Records, Session};
use unlearn::statistics;

/// f32 parameters and inputs, f64 twins.
pub const TOLERANCE: f64 = 1e-5;

pub fn model(layers: &str, input: &[usize], classes: usize) -> Model {
    let config: ModelConfig = toml::from_str(&format!("layers = [{layers}]")).expect("TOML");
    Model::build(&config, input, classes).expect(layers)
}

pub fn samples(n: usize, width: usize, classes: usize) -> Samples {
    let mut g = Gen::new((n * 31 + width) as u64);
    Samples { x: g.values(n * width), y: g.indices(n, classes), ..Samples::default() }
}

/// Runs `work` in a session over `n` records.
pub fn session<T>(model: &Model, n: usize, work: impl FnOnce(&mut Session, &Samples) -> T) -> T {
    let data = samples(n, model.width(), model.classes);
    let mut engine = Engine::reference();
    let mut theta = model.init(3);
    theta.iter_mut().for_each(|t| *t *= 1.5);
    let mut session = Session::new(&mut engine, model, &data, &Samples::default(), &theta).expect("a session");
    session.batch = 4;
    work(&mut session, &data)
}

pub fn all(n: usize) -> Vec<u32> {
    (0..n as u32).collect()
}

pub fn doubles(v: &[f32]) -> Vec<f64> {
    v.iter().map(|x| f64::from(*x)).collect()
}

/// The largest difference in parts of the largest value that was wanted.
pub fn gap(got: &[f64], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    let top = want.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    got.iter().zip(want).fold(0.0, |m: f64, (g, w)| m.max((g - w).abs())) / top
}

/// x of A x = b by Gaussian elimination with pivots.
pub fn solved(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for k in 0..n {
        let top = (k..n).max_by(|i, j| a[*i][k].abs().total_cmp(&a[*j][k].abs())).unwrap();
        a.swap(k, top);
        b.swap(k, top);
        for i in k + 1..n {
            let f = a[i][k] / a[k][k];
            let (above, below) = a.split_at_mut(i);
            below[0].iter_mut().zip(&above[k]).skip(k).for_each(|(x, y)| *x -= f * y);
            b[i] -= f * b[k];
        }
    }
    for k in (0..n).rev() {
        let rest: f64 = (k + 1..n).map(|j| a[k][j] * b[j]).sum();
        b[k] = (b[k] - rest) / a[k][k];
    }
    b
}

/// Σ weight v vᵀ over rows of vectors.
pub fn gram(rows: &[Vec<f64>], weight: f64) -> Vec<f64> {
    let d = rows[0].len();
    let mut out = vec![0.0; d * d];
    for row in rows {
        for (i, j) in (0..d).flat_map(|i| (0..d).map(move |j| (i, j))) {
            out[i * d + j] += weight * row[i] * row[j];
        }
    }
    out
}

/// Every record's gradient, without the zeros between tensors.
pub fn gradients(s: &mut Session, records: &[u32]) -> Vec<Vec<f64>> {
    let (layout, mut rows) = (s.model.layout.clone(), Vec::new());
    statistics::per_sample(s, Records::train(records), |_, slab| {
        rows.extend(slab.chunks(layout.total()).map(|row| {
            layout.entries().iter().flat_map(|e| doubles(&row[e.offset..e.offset + e.len])).collect::<Vec<f64>>()
        }));
        Ok(())
    })
    .unwrap();
    rows
}

/// A vector of the parameters' layout and its real elements.
pub fn vector(s: &mut Session) -> (Buf<f32>, Vec<f64>) {
    let layout = s.model.layout.clone();
    let v = s.vector("v").unwrap();
    let (mut flat, mut real) = (vec![0.0; v.len], Vec::new());
    for e in layout.entries() {
        let values = Gen::new(e.offset as u64 + 1).values(e.len);
        real.extend(doubles(&values));
        flat[e.offset..e.offset + e.len].copy_from_slice(&values);
    }
    s.engine.write(v, &flat).unwrap();
    (v, real)
}

pub fn real(s: &mut Session, flat: Buf<f32>) -> Vec<f64> {
    let values = s.engine.read(flat).unwrap();
    s.model.layout.entries().iter().flat_map(|e| doubles(&values[e.offset..e.offset + e.len])).collect()
}
