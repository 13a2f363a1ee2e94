//! Kronecker factors and inverses with them against plain linear algebra on the host.

use unlearn::engine::case::Gen;
use unlearn::records::{Records, Session};
use unlearn::statistics::{self, Ekfac, Estimator, Importance, Kfac, Set};

use super::small::{TOLERANCE, all, doubles, gap, gradients, gram, model, real, session, solved, vector};

fn softmax(z: &[f64]) -> Vec<f64> {
    let top = z.iter().copied().fold(f64::MIN, f64::max);
    let sum: f64 = z.iter().map(|v| (v - top).exp()).sum();
    z.iter().map(|v| (v - top).exp() / sum).collect()
}

/// sqrt(p_y) (p − e_y) of every record and class.
fn scores(logits: &[f32], classes: usize) -> Vec<Vec<f64>> {
    let one = |z: &[f32]| {
        let p = softmax(&doubles(z));
        let row = |y: usize| (0..classes).map(|c| p[y].sqrt() * (p[c] - f64::from(u8::from(c == y)))).collect();
        (0..classes).map(row).collect::<Vec<Vec<f64>>>()
    };
    logits.chunks(classes).flat_map(one).collect()
}

fn flat_factors(kfac: &Kfac, session: &mut Session) -> Vec<Vec<f64>> {
    kfac.read(session).unwrap().iter().map(|f| doubles(&f.values)).collect()
}

#[test]
fn a_linear_layer_has_the_moments_of_its_input_and_of_its_gradient() {
    let (n, classes) = (11, 3);
    let model = model("{type='linear'}", &[5], classes);
    session(&model, n, |s, data| {
        let records = all(n);
        let kfac = Kfac::measure(s, Records::train(&records), Estimator::Model).unwrap();
        let logits = statistics::logits(s, Records::train(&records)).unwrap();
        let x: Vec<Vec<f64>> = data.x.chunks(5).map(doubles).collect();
        let (a, g) = (gram(&x, 1.0 / n as f64), gram(&scores(&logits, classes), 1.0 / n as f64));
        let got = flat_factors(&kfac, s);
        assert_eq!(got.len(), 3, "A and G of the weight, G of the bias");
        for (got, want) in got.iter().zip([&a, &g, &g]) {
            assert!(gap(got, want) < TOLERANCE, "{got:?}\n{want:?}");
        }
        assert_eq!(kfac.describe()["estimator"], "model");
        assert_eq!(kfac.describe()["count"], n);
    });
}

/// Behind a convolution and the mean over its T positions, g_t = dlogits / T at every position.
#[test]
fn a_convolution_sums_patches_and_averages_gradients() {
    let (n, classes) = (6, 3);
    let model = model(
        "{type='conv2d',kernel=[2,3],out=3,stride=[2,1],padding=[1,0]},{type='global_avg_pool'},{type='flatten'}",
        &[2, 5, 4],
        classes,
    );
    let [oh, ow] = [3, 2];
    session(&model, n, |s, data| {
        let records = all(n);
        let kfac = Kfac::measure(s, Records::train(&records), Estimator::Model).unwrap();
        let logits = statistics::logits(s, Records::train(&records)).unwrap();
        let at = |n: usize, c: usize, y: isize, x: isize| match (0..5).contains(&y) && (0..4).contains(&x) {
            true => f64::from(data.x[((n * 2 + c) * 5 + y as usize) * 4 + x as usize]),
            false => 0.0,
        };
        let mut patches = Vec::new();
        for (i, oy, ox) in (0..n).flat_map(|i| (0..oh).flat_map(move |y| (0..ow).map(move |x| (i, y, x)))) {
            let taps = (0..2).flat_map(|c| (0..2).flat_map(move |y| (0..3).map(move |x| (c, y, x))));
            patches.push(taps.map(|(c, y, x)| at(i, c, 2 * oy + y - 1, ox + x)).collect::<Vec<f64>>());
        }
        let positions = (oh * ow) as f64;
        let a = gram(&patches, 1.0 / n as f64);
        let g = gram(&scores(&logits, classes), 1.0 / n as f64);
        let weight_g: Vec<f64> = g.iter().map(|v| v / (positions * positions)).collect();
        let got = flat_factors(&kfac, s);
        for (got, want) in got.iter().zip([&a, &weight_g, &g]) {
            assert!(gap(got, want) < TOLERANCE, "{got:?}\n{want:?}");
        }
    });
}

/// The first of its two maps sees the mean of each channel.
#[test]
fn squeeze_and_excitation_has_the_moments_of_the_means() {
    let (n, classes) = (7, 3);
    let layers = "{type='squeeze_excite',name='s',squeeze=2},{type='flatten'},{type='linear'}";
    session(&model(layers, &[2, 3, 4], classes), n, |s, data| {
        let kfac = Kfac::measure(s, Records::train(&all(n)), Estimator::Model).unwrap();
        let mean = |plane: &[f32]| doubles(plane).iter().sum::<f64>() / 12.0;
        let means: Vec<Vec<f64>> = data.x.chunks(24).map(|x| x.chunks(12).map(mean).collect()).collect();
        let (got, want) = (flat_factors(&kfac, s), gram(&means, 1.0 / n as f64));
        assert!(gap(&got[0], &want) < TOLERANCE, "{:?}\n{want:?}", got[0]);
    });
}

#[test]
fn labels_drawn_from_the_model_average_to_the_expectation() {
    let n = 9;
    let model = model("{type='linear',name='a',out=6},{type='tanh'},{type='linear',name='b'}", &[4], 3);
    session(&model, n, |s, _| {
        let records = all(n);
        let exact = Kfac::measure(s, Records::train(&records), Estimator::Model).unwrap();
        let exact = flat_factors(&exact, s);
        let diagonal = |s: &mut Session, how| {
            let found = Importance::measure(s, "diagonal", Set::All, &records, how, 0).unwrap();
            (found.describe(), s.engine.read(found.values).unwrap())
        };
        let (_, exact_diagonal) = diagonal(s, Estimator::Model);
        let drawn = Estimator::ModelSampled { samples: 2000, seed: 5 };
        let many = Kfac::measure(s, Records::train(&records), drawn).unwrap();
        // Entries of G average 18 000 draws of numbers in (-1, 1).
        for (got, want) in flat_factors(&many, s).iter().zip(&exact) {
            assert!(gap(got, want) < 0.05, "{got:?}\n{want:?}");
        }
        let (said, many) = diagonal(s, drawn);
        assert!(gap(&doubles(&many), &doubles(&exact_diagonal)) < 0.05);
        assert_eq!(
            (&said["estimator"], &said["samples"], &said["seed"]),
            (&"model_sampled".into(), &2000.into(), &5.into())
        );
        // A draw belongs to the record, whatever batch it comes in; another seed is another draw.
        let few = |seed| Estimator::ModelSampled { samples: 3, seed };
        let (_, one) = diagonal(s, few(1));
        let (_, again) = diagonal(s, few(1));
        assert_eq!(one, again, "one seed, two results");
        let (_, other) = diagonal(s, few(2));
        assert!(gap(&doubles(&one), &doubles(&other)) > 0.01, "the seed does not matter");
        s.batch = 2;
        let (_, smaller) = diagonal(s, few(1));
        assert!(gap(&doubles(&one), &doubles(&smaller)) < TOLERANCE, "the batch matters");
        let none = Estimator::ModelSampled { samples: 0, seed: 0 };
        assert!(Importance::measure(s, "none", Set::All, &records, none, 0).is_err());
    });
}

/// (A + π√λ I) ⊗ (G + √λ/π I), rows of the weight outside.
fn damped(a: &[f64], g: &[f64], damping: f64) -> Vec<Vec<f64>> {
    let (da, dg) = ((a.len() as f64).sqrt() as usize, (g.len() as f64).sqrt() as usize);
    let mean = |m: &[f64], d: usize| (0..d).map(|i| m[i * d + i]).sum::<f64>() / d as f64;
    let pi = (mean(a, da) / mean(g, dg)).sqrt();
    let at = |m: &[f64], d: usize, i: usize, j: usize, shift: f64| m[i * d + j] + if i == j { shift } else { 0.0 };
    let row = |r: usize| {
        let one =
            |c: usize| at(g, dg, r / da, c / da, damping.sqrt() / pi) * at(a, da, r % da, c % da, pi * damping.sqrt());
        (0..da * dg).map(one).collect()
    };
    (0..da * dg).map(row).collect()
}

#[test]
fn the_kronecker_inverse_is_that_of_the_damped_product() {
    let n = 7;
    let model = model(
        "{type='conv2d',name='c',kernel=2,out=3},{type='group_norm',name='n',groups=1},{type='relu'},{type='flatten'},\
            {type='linear',name='b'}",
        &[2, 3, 4],
        3,
    );
    session(&model, n, |s, _| {
        let records = all(n);
        let mut kfac = Kfac::measure(s, Records::train(&records), Estimator::PerSample).unwrap();
        let v = s.vector("v").unwrap();
        let values: Vec<f32> = {
            let inside = |i: usize| model.layout.entries().iter().any(|e| (e.offset..e.offset + e.len).contains(&i));
            let g = Gen::new(8).values(v.len);
            (0..v.len).map(|i| if inside(i) { g[i] } else { 0.0 }).collect()
        };
        s.engine.write(v, &values).unwrap();
        let out = s.vector("out").unwrap();
        for damping in [0.3, 0.02] {
            kfac.apply_inverse(s, v, out, damping).unwrap();
            let got = s.engine.read(out).unwrap();
            let mut factors = flat_factors(&kfac, s).into_iter();
            for e in model.layout.entries() {
                let part = |flat: &[f32]| doubles(&flat[e.offset..e.offset + e.len]);
                let matrix = match e.shape.len() {
                    1 => {
                        let g = factors.next().unwrap();
                        let d = e.len;
                        (0..d)
                            .map(|i| (0..d).map(|j| g[i * d + j] + if i == j { damping } else { 0.0 }).collect())
                            .collect()
                    }
                    _ => {
                        let a = factors.next().unwrap();
                        damped(&a, &factors.next().unwrap(), damping)
                    }
                };
                let want = solved(matrix, part(&values));
                let error = gap(&part(&got), &want);
                assert!(error < TOLERANCE, "{} with damping {damping}: off by {error:e}", e.name);
            }
        }
        assert!(kfac.apply_inverse(s, v, out, 0.0).is_err());
    });
}

/// The moments are those of the per-record gradients in the stored basis, and the inverse is diagonal there.
#[test]
fn moments_in_the_eigenbasis_are_exact() {
    let n = 7;
    let model = model(
        "{type='conv2d',name='c',kernel=2,out=3,padding=1,stride=[2,1]},{type='tanh'},{type='flatten'},\
            {type='layer_norm',name='n'},{type='linear',name='b'}",
        &[2, 3, 4],
        3,
    );
    session(&model, n, |s, _| {
        let records = all(n);
        let ekfac = Ekfac::measure(s, Records::train(&records), Estimator::PerSample).unwrap();
        let (bases, moments) = (s.engine.read(ekfac.bases).unwrap(), s.engine.read(ekfac.moments).unwrap());
        let (bases, damping) = (doubles(&bases), 0.05);
        let rows = gradients(s, &records);
        let (v, values) = vector(s);
        let out = s.vector("out").unwrap();
        ekfac.apply_inverse(s, v, out, damping).unwrap();
        let (got, mut from) = (real(s, out), 0);
        for (block, e) in ekfac.kfac.layout.blocks.iter().zip(model.layout.entries()) {
            let (rows_of, cols) = (block.g.size, e.len / block.g.size);
            let at =
                |square: unlearn::nn::factors::Square, i: usize, j: usize| bases[square.offset + i * square.size + j];
            let ua = |i: usize, j: usize| block.a.map_or(1.0, |a| at(a, i, j));
            // U_G m U_Aᵀ, or back.
            let turned = |m: &[f64], back: bool| -> Vec<f64> {
                let g = |i: usize, k: usize| if back { at(block.g, k, i) } else { at(block.g, i, k) };
                let a = |j: usize, l: usize| if back { ua(l, j) } else { ua(j, l) };
                let one = |i: usize, j: usize| -> f64 {
                    let row = |k: usize| (0..cols).map(|l| m[k * cols + l] * a(j, l)).sum::<f64>();
                    (0..rows_of).map(|k| g(i, k) * row(k)).sum()
                };
                (0..e.len).map(|p| one(p / cols, p % cols)).collect()
            };
            let mut want = vec![0.0; e.len];
            for row in &rows {
                let own = turned(&row[from..from + e.len], false);
                want.iter_mut().zip(&own).for_each(|(w, g)| *w += g * g / n as f64);
            }
            let found = doubles(&moments[e.offset..e.offset + e.len]);
            assert!(gap(&found, &want) < TOLERANCE, "moments of {}: {found:?} {want:?}", e.name);
            let scaled = turned(&values[from..from + e.len], false);
            let scaled: Vec<f64> = scaled.iter().zip(&want).map(|(v, m)| v / (m + damping)).collect();
            let error = gap(&got[from..from + e.len], &turned(&scaled, true));
            assert!(error < TOLERANCE, "inverse of {}: off by {error:e}", e.name);
            from += e.len;
        }
        assert!(ekfac.apply_inverse(s, v, out, -1.0).is_err());
    });
}

#[test]
fn layers_without_factors_are_refused_by_name() {
    let layers =
        "{type='conv2d',name='two',kernel=1,out=4,groups=2},{type='global_avg_pool'},{type='flatten'},{type='linear'}";
    session(&model(layers, &[2, 3, 3], 3), 5, |s, _| {
        let error = Kfac::measure(s, Records::train(&all(5)), Estimator::Model).err().expect(layers).to_string();
        assert!(error.contains("two.weight"), "{error}");
    });
    let plain = model("{type='linear'}", &[4], 3);
    session(&plain, 5, |s, _| {
        let records = all(5);
        assert!(Kfac::measure(s, Records::train(&records), Estimator::BatchMean).is_err());
        assert!(Kfac::measure(s, Records::train(&[]), Estimator::Model).is_err());
    });
}
