//! The inverse of the empirical Fisher matrix by Woodbury's identity against WoodFisher's recursion and plain
//! elimination.

use unlearn::records::Records;
use unlearn::statistics::{Blocks, Damping, Woodbury};

use super::small::{TOLERANCE, all, gap, gradients, gram, model, real, session, solved, vector};

/// WoodFisher's recursion (Singh & Alistarh 2020, eq. 4): F⁻¹ ← F⁻¹ − F⁻¹ g gᵀ F⁻¹ / (N + gᵀ F⁻¹ g) from I / δ.
fn woodfisher(rows: &[Vec<f64>], damping: f64) -> Vec<Vec<f64>> {
    let d = rows[0].len();
    let mut inverse: Vec<Vec<f64>> =
        (0..d).map(|i| (0..d).map(|j| if i == j { 1.0 / damping } else { 0.0 }).collect()).collect();
    for g in rows {
        let fg: Vec<f64> = inverse.iter().map(|row| row.iter().zip(g).map(|(a, b)| a * b).sum()).collect();
        let below = rows.len() as f64 + fg.iter().zip(g).map(|(a, b)| a * b).sum::<f64>();
        for (row, a) in inverse.iter_mut().zip(&fg) {
            row.iter_mut().zip(&fg).for_each(|(x, b)| *x -= a * b / below);
        }
    }
    inverse
}

#[test]
fn the_woodbury_form_is_the_end_of_woodfishers_recursion() {
    let n = 10;
    let model = model("{type='linear',name='a',out=5},{type='relu'},{type='linear',name='b'}", &[4], 3);
    session(&model, n, |s, _| {
        let records = all(n);
        let rows = gradients(s, &records);
        let (v, values) = vector(s);
        let out = s.vector("out").unwrap();
        for damping in [1.0, 0.01] {
            let inverse =
                Woodbury::new(s, Records::train(&records), Damping::Absolute(damping), Blocks::Whole).unwrap();
            inverse.apply(s, v, out).unwrap();
            let recursion = woodfisher(&rows, damping);
            let want: Vec<f64> =
                recursion.iter().map(|row| row.iter().zip(&values).map(|(a, b)| a * b).sum()).collect();
            let error = gap(&real(s, out), &want);
            assert!(error < TOLERANCE, "damping {damping}: off by {error:e}");
        }
        let relative = Woodbury::new(s, Records::train(&records), Damping::Relative(0.5), Blocks::Whole).unwrap();
        let mean = rows.iter().flatten().map(|g| g * g).sum::<f64>() / (n * rows[0].len()) as f64;
        assert!((relative.damping / (0.5 * mean) - 1.0).abs() < TOLERANCE, "{} for {mean}", relative.damping);
        assert!(Woodbury::new(s, Records::train(&records), Damping::Absolute(0.0), Blocks::Whole).is_err());
        assert!(Woodbury::new(s, Records::train(&[]), Damping::Absolute(1.0), Blocks::Whole).is_err());
    });
}

#[test]
fn blocks_of_the_fisher_matrix_are_inverted_one_by_one() {
    let n = 8;
    let model = model("{type='linear',name='a',out=5},{type='relu'},{type='linear',name='b'}", &[4], 3);
    let lens: Vec<usize> = model.layout.entries().iter().map(|e| e.len).collect();
    session(&model, n, |s, _| {
        let records = all(n);
        let rows = gradients(s, &records);
        let (v, values) = vector(s);
        let out = s.vector("out").unwrap();
        let layers = vec![lens[0] + lens[1], lens[2] + lens[3]];
        for (kind, sizes) in [(Blocks::Tensors, lens.clone()), (Blocks::Layers, layers)] {
            let inverse = Woodbury::new(s, Records::train(&records), Damping::Absolute(0.1), kind).unwrap();
            inverse.apply(s, v, out).unwrap();
            let got = real(s, out);
            let mut from = 0;
            for size in sizes {
                let part = from..from + size;
                let own: Vec<Vec<f64>> = rows.iter().map(|r| r[part.clone()].to_vec()).collect();
                let f = gram(&own, 1.0 / n as f64);
                let entry = |i: usize, j: usize| f[i * size + j] + if i == j { 0.1 } else { 0.0 };
                let matrix = (0..size).map(|i| (0..size).map(|j| entry(i, j)).collect()).collect();
                let want = solved(matrix, values[part.clone()].to_vec());
                let error = gap(&got[part.clone()], &want);
                assert!(error < TOLERANCE, "{kind:?} {part:?}: off by {error:e}");
                from += size;
            }
        }
    });
}
