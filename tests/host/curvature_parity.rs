//! The fixtures of second-order and per-record quantities: each holds together with itself and with what the other
//! fixtures say of the same records, and the twins agree with it. The same comparison runs on each adapter in
//! `tests/gpu`.

use std::fs;
use std::path::Path;

use unlearn::engine::Engine;
use unlearn::harness::parity::curvature::{BY_PARAMETER, CurvatureFixture, Net, load_curvature};
use unlearn::harness::parity::{judge, relative_error};

use crate::shared::curvature::{fixtures, measure, quantities};

/// The twins compute in f64; their results leave them as f32, as do most fixtures.
const ROUNDING: f64 = 1e-6;

fn assets() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/parity")
}

#[test]
fn the_reference_engine_agrees_with_pytorch_on_curvature() {
    let (mut engine, mut faults) = (Engine::reference(), Vec::new());
    for fixture in fixtures() {
        for (name, quantity) in quantities(&fixture) {
            let what = format!("{} {name}", fixture.net.name());
            let gaps = measure(&mut engine, &fixture, quantity).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert!(!gaps.is_empty(), "{what}: nothing was compared");
            let bad = gaps.iter().filter(|gap| gap.error.is_nan() || gap.error > ROUNDING);
            faults.extend(bad.map(|gap| format!("{what}: {gap:?}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_network_has_its_curvature() {
    let all = fixtures();
    let graphs = all.iter().filter(|f| matches!(f.net, Net::Graph(_))).count();
    assert_eq!((all.len(), graphs), (30, 25));
    let factors = |name: &str| {
        let f = all.iter().find(|f| f.net.name() == name).expect(name);
        (f.factors.len(), f.left_out.iter().cloned().collect::<Vec<_>>())
    };
    assert_eq!(factors("mlp"), (3, vec![]));
    assert_eq!(factors("mlp_sigmoid"), (3, vec![]));
    assert_eq!(factors("lenet5"), (5, vec!["kfac_a.fc1".to_owned()]));
    assert_eq!(factors("gnnet"), (0, vec![]));
}

/// What must hold among the tensors of a fixture: (name, ours, theirs).
type Facts = Vec<(String, Vec<f64>, Vec<f64>)>;

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Values of `prefix.<parameter>` side by side, without gaps.
fn packed(f: &CurvatureFixture, prefix: &str) -> Vec<f64> {
    let names = f.net.model().layout.entries().iter().map(|e| format!("{prefix}.{}", e.name));
    names.flat_map(|n| f.tensor(&n).unwrap().values.clone()).collect()
}

/// The same of the fixture that the records come from; one record's row of it, or the whole of it.
fn own(f: &CurvatureFixture, prefix: &str, record: Option<usize>) -> Vec<f64> {
    let tensors = f.net.model().layout.entries().iter().map(|e| f.net.tensor(&format!("{prefix}.{}", e.name)).unwrap());
    tensors.flat_map(|t| record.map_or(t.values.clone(), |i| t.row(i).to_vec())).collect()
}

/// From the rows that are stored: norms, inner products, derivatives along the direction.
fn facts_of_records(f: &CurvatureFixture) -> Facts {
    let (n, u) = (f.net.records(), packed(f, "direction"));
    let stored = match &f.net {
        Net::Dense(own) => own.per_sample_records,
        Net::Graph(_) => n,
    };
    let rows: Vec<Vec<f64>> = (0..stored).map(|i| own(f, "per_sample", Some(i))).collect();
    let value = |name: &str| f.tensor(name).unwrap().values.clone();
    let (norms, gram, clip) = (value("norms"), value("gram"), value("clip")[0]);
    let mut facts = Facts::new();
    let mut fact = |name: &str, got: Vec<f64>, want: Vec<f64>| facts.push((name.to_owned(), got, want));
    fact("norms", norms[..stored].to_vec(), rows.iter().map(|g| dot(g, g).sqrt()).collect());
    fact("diagonal of gram", (0..n).map(|i| gram[i * n + i]).collect(), norms.iter().map(|x| x * x).collect());
    let pairs = |i: usize| rows.iter().map(move |h| (i, h)).collect::<Vec<_>>();
    let products = (0..stored).flat_map(pairs).map(|(i, h)| dot(&rows[i], h)).collect();
    fact("gram", (0..stored).flat_map(|i| gram[i * n..i * n + stored].to_vec()).collect(), products);
    fact("dots", value("dots")[..stored].to_vec(), rows.iter().map(|g| dot(g, &u)).collect());
    fact("mean of dots", vec![value("dots").iter().sum::<f64>() / n as f64], vec![dot(&own(f, "grad", None), &u)]);
    if stored == n {
        let factors: Vec<f64> = norms.iter().map(|x| (clip / x).min(1.0) / n as f64).collect();
        let sum = |p: usize| rows.iter().zip(&factors).map(|(g, w)| g[p] * w).sum();
        fact("clipped", packed(f, "clipped"), (0..u.len()).map(sum).collect());
    }
    let below = norms.iter().filter(|x| **x < clip * (1.0 - 1e-6)).count();
    assert!(below > 0 && below < n, "{}: a clip at {clip} leaves {below} of {n} as they are", f.net.name());
    facts
}

/// uᵀ G u from the directional derivatives of the logits, and the diagonals that two quantities share.
fn facts_of_matrices(f: &CurvatureFixture) -> Facts {
    let (n, classes, u) = (f.net.records(), f.net.model().classes, packed(f, "direction"));
    let (jvp, logits) = (f.tensor("jvp").unwrap(), f.net.tensor("logits").unwrap());
    let at = |i: usize| match &f.net {
        Net::Graph(own) if !own.train.is_empty() => own.train[i] as usize,
        _ => i,
    };
    let variance = |i: usize| {
        let (row, d) = (logits.row(at(i)), jvp.row(i));
        let top = row.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
        let p: Vec<f64> = row.iter().map(|z| (z - top).exp()).collect();
        let total: f64 = p.iter().sum();
        let mean = dot(&p, d) / total;
        (0..classes).map(|c| p[c] / total * (d[c] - mean).powi(2)).sum::<f64>()
    };
    let quadratic = (0..n).map(variance).sum::<f64>() / n as f64;
    let mut facts = vec![("u gvp".to_owned(), vec![dot(&packed(f, "gvp"), &u)], vec![quadratic])];
    for layer in &f.factors {
        let g = f.tensor(&format!("kfac_g.{layer}")).unwrap();
        let out = g.shape[0];
        let diagonal = (0..out).map(|i| g.values[i * out + i]).collect();
        let of_bias = f.tensor(&format!("ggn_diag.{layer}.bias")).unwrap().values.clone();
        facts.push((format!("diagonal of kfac_g.{layer}"), diagonal, of_bias));
    }
    facts
}

#[test]
fn curvature_fixtures_agree_with_themselves_and_with_the_other_fixtures() {
    let mut faults = Vec::new();
    for f in fixtures() {
        let name = f.net.name();
        for (what, got, want) in facts_of_records(&f).into_iter().chain(facts_of_matrices(&f)) {
            let got: Vec<f32> = got.iter().map(|v| *v as f32).collect();
            let error = relative_error(&got, &want);
            // Sums along the direction may cancel to a hundredth of their terms.
            if error.is_nan() || error > 1e-5 {
                faults.push(format!("{name}: {what} is {error:.1e} off"));
            }
        }
        let diagonal = packed(&f, "ggn_diag");
        assert!(diagonal.iter().all(|v| *v >= 0.0) && diagonal.iter().any(|v| *v > 0.0), "{name}: ggn_diag");
        assert!(packed(&f, "direction").iter().all(|v| v.abs() <= 1.0 && f64::from(*v as f32) == *v), "{name}");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// One quantity taken for another is seen on every network. SGC is linear in its parameters: its Hessian is the
/// Gauss-Newton matrix, here as on paper.
#[test]
fn quantities_are_told_apart() {
    for f in fixtures() {
        let name = f.net.name();
        for prefix in BY_PARAMETER {
            let flat = f.flat(prefix).unwrap();
            judge(&f.each(prefix, &flat).unwrap()).unwrap_or_else(|e| panic!("{name} {prefix}: {e}"));
            for other in BY_PARAMETER.into_iter().filter(|other| *other != prefix) {
                let equal = name == "sgc" && [prefix, other].iter().all(|p| ["gvp", "hvp"].contains(p));
                let found = judge(&f.each(other, &flat).unwrap());
                assert_eq!(found.is_ok(), equal, "{name}: {prefix} taken for {other}: {found:?}");
            }
        }
        f.each("gvp", &[0.0]).expect_err("a vector of another layout");
        f.each("gvq", &f.flat("gvp").unwrap()).expect_err("no such quantity");
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(file.file_name());
        if file.path().is_dir() {
            copy_all(&file.path(), &to);
        } else {
            fs::copy(file.path(), to).unwrap();
        }
    }
}

#[test]
fn curvature_fixtures_that_were_changed_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    copy_all(&assets(), dir.path());
    load_curvature(dir.path()).expect("a faithful copy");
    let refused = |file: &str, change: &dyn Fn(Vec<u8>) -> Vec<u8>, words: &[&str]| {
        let path = dir.path().join(file);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, change(bytes.clone())).unwrap();
        let error = load_curvature(dir.path()).err().expect(file).to_string();
        fs::write(&path, bytes).unwrap();
        assert!(words.iter().all(|word| error.contains(word)), "{file}: {error}");
    };
    let last = |mut bytes: Vec<u8>| {
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    };
    refused("curvature/gcn2.safetensors", &last, &["gcn2.safetensors", "SHA-256"]);
    // A fixture that was written again makes what was computed from it stale.
    refused("mlp.safetensors", &last, &["mlp.safetensors", "SHA-256"]);
    let manifest = "curvature/MANIFEST.toml";
    for (was, is, words) in [
        ("schema = 1", "schema = 2", ["schema", "2"]),
        ("records = 7", "records = 8", ["mlp", "records"]),
        ("factors = [\"fc1\", ", "factors = [", ["kfac_a.fc1", "expected None"]),
        ("factors = [\"fc1\"", "factors = [\"fc0\"", ["no parameter", "fc0.weight"]),
        ("\"kfac_a.fc1\"", "\"kfac_a.fc2\"", ["kfac_a.fc2", "expected None"]),
        ("left_out = [\"kfac_a.fc1\"]", "left_out = []", ["kfac_a.fc1", "is None"]),
        ("\"kfac_a.fc1\"", "\"kfac_a.fc9\"", ["kfac_a.fc9", "left out"]),
        ("[networks.gin2]", "[networks.gin9]", ["gin2", "write the fixtures again"]),
    ] {
        let change = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            assert!(text.contains(was), "{was}");
            text.replacen(was, is, 1).into_bytes()
        };
        refused(manifest, &change, &words);
    }
}
