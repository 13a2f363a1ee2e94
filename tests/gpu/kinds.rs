//! What `unlearn gradients` writes: every kind is held to what the records' own gradients give, from the files alone.

use std::collections::BTreeMap;
use std::fs;

use libtest_mimic::{Failed, Trial};
use safetensors::SafeTensors;

use crate::shared::binary::{Desk, ends, refused};
use crate::times;

const CONFIG: &str = "seed = 3\n[data]\nloader = \"digits\"\nvalidation_fraction = 0.1\n[model]\nzoo = \"mlp\"\nhidden \
    = [16]\n\
    [train]\nlr = 0.1\nepochs = 1\n";
const NAMES: [&str; 4] = ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"];
const RANGE: &str = "5..19"; // Of which seven rows are in the training part.
const COUNT: usize = 7;

type Check = fn(&Kinds) -> Result<(), Failed>;

pub fn trials() -> Vec<Trial> {
    let all: [(&str, Check); 5] = [
        ("gradients: mean and Fisher are of the parts", sums),
        ("gradients: norms, clipped sums and inner products are of the parts", lengths),
        ("gradients: diagonals, factors and products of one curvature agree", curvature),
        ("gradients: scores are products of gradients, and ranked", scores),
        ("gradients: an option that a kind does not read is refused", idle),
    ];
    all.into_iter().map(|(name, run)| times::trial(name, move || run(&Kinds::new()?))).collect()
}

/// A trained run in a folder.
struct Kinds {
    desk: Desk,
    run: String,
}

/// A file's tensors: shape and values.
type Tensors = BTreeMap<String, (Vec<usize>, Vec<f64>)>;

impl Kinds {
    fn new() -> Result<Kinds, Failed> {
        let desk = Desk::new();
        let (config, run) = (desk.put("c.toml", CONFIG), desk.text("run"));
        ends(&["train", &config, "--out", &run, "-q"], 0)?;
        Ok(Kinds { desk, run })
    }

    /// What a kind writes, with its metadata under the names that start with `meta `.
    fn of(&self, kind: &str, options: &[&str]) -> Result<Tensors, Failed> {
        let out = self.desk.text(&format!("{kind}.safetensors"));
        let line = ["gradients", &self.run, "--kind", kind, "--indices", RANGE, "--out", &out, "-q", "--force"];
        ends(&[&line, options].concat(), 0)?;
        let bytes = fs::read(&out).map_err(|e| format!("{out}: {e}"))?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| e.to_string())?;
        let meta = header.metadata().clone().unwrap_or_default();
        let named = meta["estimator"].starts_with(kind.split('-').next().unwrap_or(kind)) || kind == "influence";
        let said = meta["count"] == "7" && meta["set"] == "train 5..19" && named;
        hold(said, || format!("{kind}: {meta:?}"))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|e| e.to_string())?;
        let read = |(name, t): (&str, safetensors::tensor::TensorView)| {
            let values = t.data().chunks_exact(4).map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
            (name.to_owned(), (t.shape().to_vec(), values.collect()))
        };
        Ok(file.iter().map(read).collect())
    }

    /// Each record's gradient as one row.
    fn rows(&self) -> Result<Vec<Vec<f64>>, Failed> {
        let parts = self.of("per-sample", &[])?;
        let row = |i: usize| {
            let each = NAMES.iter().flat_map(|name| {
                let values = &parts[*name].1;
                let width = values.len() / COUNT;
                values[i * width..(i + 1) * width].to_vec()
            });
            each.collect()
        };
        Ok((0..COUNT).map(row).collect())
    }
}

/// A file's parameters as one row.
fn flat(tensors: &Tensors) -> Vec<f64> {
    NAMES.iter().flat_map(|name| tensors[*name].1.clone()).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn hold(what: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failed> {
    if what { Ok(()) } else { Err(otherwise().into()) }
}

/// The same numbers but for rounding, in parts of the largest.
fn near(what: &str, got: &[f64], want: &[f64]) -> Result<(), Failed> {
    let top = want.iter().fold(1e-20, |a: f64, v| a.max(v.abs()));
    let worst = got.iter().zip(want).map(|(g, w)| (g - w).abs() / top).fold(0.0, f64::max);
    hold(got.len() == want.len() && !got.is_empty() && worst < 1e-4, || format!("{what}: {worst:e} apart"))
}

/// `Σ weight_i power(row_i)`.
fn weighted(rows: &[Vec<f64>], weight: impl Fn(usize) -> f64, square: bool) -> Vec<f64> {
    let mut out = vec![0.0; rows[0].len()];
    for (i, row) in rows.iter().enumerate() {
        out.iter_mut().zip(row).for_each(|(o, g)| *o += weight(i) * if square { g * g } else { *g });
    }
    out
}

fn sums(k: &Kinds) -> Result<(), Failed> {
    let (rows, each) = (k.rows()?, 1.0 / COUNT as f64);
    near("mean", &flat(&k.of("mean", &[])?), &weighted(&rows, |_| each, false))?;
    let fisher = flat(&k.of("fisher", &[])?);
    near("fisher", &fisher, &weighted(&rows, |_| each, true))?;
    // Each class's mean, by how many records it has, sums to the whole: the labels are in the rows of fc2.bias, where
    // the own class alone is negative.
    let classes = k.of("fisher", &["--by-class"])?;
    let width = 10;
    let label = |row: &Vec<f64>| {
        let bias = &row[row.len() - width..];
        bias.iter().position(|v| *v < 0.0).unwrap_or(width)
    };
    let labels: Vec<usize> = rows.iter().map(label).collect();
    let mut total = vec![0.0; fisher.len()];
    for class in 0..width {
        let members = labels.iter().filter(|l| **l == class).count();
        let names = NAMES.map(|name| format!("class{class}.{name}"));
        hold(members > 0 || names.iter().all(|n| !classes.contains_key(n)), || format!("class {class} has no record"))?;
        if members > 0 {
            let own: Vec<f64> = names.iter().flat_map(|n| classes[n].1.clone()).collect();
            total.iter_mut().zip(&own).for_each(|(t, v)| *t += v * members as f64 * each);
        }
    }
    near("fisher by class", &total, &fisher)
}

fn lengths(k: &Kinds) -> Result<(), Failed> {
    let rows = k.rows()?;
    let norms: Vec<f64> = rows.iter().map(|row| dot(row, row).sqrt()).collect();
    near("norms", &k.of("norms", &[])?["norms"].1, &norms)?;
    let products: Vec<f64> = rows.iter().flat_map(|a| rows.iter().map(|b| dot(a, b)).collect::<Vec<_>>()).collect();
    let gram = k.of("gram", &[])?;
    hold(gram["gram"].0 == [COUNT, COUNT], || format!("{:?}", gram["gram"].0))?;
    near("gram", &gram["gram"].1, &products)?;
    let mut sorted = norms.clone();
    sorted.sort_by(f64::total_cmp);
    for (options, clip) in [(vec![], sorted[3]), (vec!["--clip", "0.25"], 0.25)] {
        let want = weighted(&rows, |i| (clip / norms[i]).min(1.0) / COUNT as f64, false);
        near("clipped", &flat(&k.of("clipped", &options)?), &want)?;
    }
    Ok(())
}

fn curvature(k: &Kinds) -> Result<(), Failed> {
    let direction = k.desk.text("mean.safetensors");
    let u = flat(&k.of("mean", &[])?);
    let (gvp, hvp) = (k.of("gvp", &["--direction", &direction])?, k.of("hvp", &[])?);
    near("gvp without a direction", &flat(&gvp), &flat(&k.of("gvp", &[])?))?;
    hold(dot(&u, &flat(&gvp)) > 0.0, || "the Gauss-Newton matrix has a negative direction".into())?;
    hold(flat(&hvp) != flat(&gvp), || "the Hessian is the Gauss-Newton matrix".into())?;
    let (diagonal, factors) = (k.of("ggn-diag", &[])?, k.of("kfac", &[])?);
    for (bias, n) in [("fc1.bias", 16), ("fc2.bias", 10)] {
        let (shape, g) = &factors[&format!("{bias}.g")];
        hold(*shape == [n, n], || format!("{bias}: {shape:?}"))?;
        let own: Vec<f64> = (0..n).map(|i| g[i * n + i]).collect();
        near(bias, &own, &diagonal[bias].1)?;
    }
    hold(factors["fc1.weight.a"].0 == [64, 64], || "the inputs' factor is not [64, 64]".into())?;
    let (drawn, again) = (k.of("ggn-diag", &["--samples", "400"])?, k.of("ggn-diag", &["--samples", "400"])?);
    hold(drawn == again, || "drawn labels differ from one run to the next".into())?;
    let (a, b) = (diagonal["fc2.bias"].1.iter().sum::<f64>(), drawn["fc2.bias"].1.iter().sum::<f64>());
    hold((a / b - 1.0).abs() < 0.15 && a != b, || format!("exact {a}, drawn {b}"))?;
    let basis = k.of("ekfac", &[])?;
    let trace = |t: &Tensors, name: &str| t[name].1.iter().sum::<f64>();
    // A rotation keeps the trace.
    near("ekfac", &NAMES.map(|n| trace(&basis, n)), &NAMES.map(|n| trace(&diagonal, n)))
}

fn scores(k: &Kinds) -> Result<(), Failed> {
    let rows = k.rows()?;
    let table = k.desk.text("table.csv");
    let found = k.of("influence", &["--against", RANGE, "--table", &table]);
    let mean = weighted(&rows, |_| 1.0 / COUNT as f64, false);
    let products: Vec<f64> = rows.iter().map(|row| dot(row, &mean)).collect();
    let got = found?["scores"].1.clone();
    // The learning rate of the last step weighs all alike.
    let scale = dot(&got, &products) / dot(&products, &products);
    hold(scale > 0.0, || format!("scores are {scale} of the products"))?;
    near("tracin", &got, &products.iter().map(|p| p * scale).collect::<Vec<_>>())?;
    let text = fs::read_to_string(&table).map_err(|e| e.to_string())?;
    let ids: Vec<usize> = text.lines().skip(1).filter_map(|l| l.split(',').nth(1)?.parse().ok()).collect();
    let mut order: Vec<usize> = (0..COUNT).collect();
    order.sort_by(|a, b| got[*b].total_cmp(&got[*a]));
    // The records keep the rows that they are in the source, some of which are in another part.
    let mut rows = ids.clone();
    rows.sort_unstable();
    let inside = rows.iter().all(|row| (5..19).contains(row));
    hold(inside && ids == order.iter().map(|i| rows[*i]).collect::<Vec<_>>(), || format!("{ids:?} of {got:?}"))?;
    let harm = k.of("influence", &["--how", "influence", "--against", RANGE, "--damping", "0.1"])?;
    let agree = -dot(&harm["scores"].1, &got);
    hold(agree > 0.0, || format!("influence and products disagree about the sign: {agree}"))
}

fn idle(k: &Kinds) -> Result<(), Failed> {
    let out = k.desk.text("x.safetensors");
    let line = ["gradients", &k.run, "--kind", "mean", "--indices", RANGE, "--out", &out, "-q"];
    refused(&[&line[..], &["--clip", "1"]].concat(), &["--clip", "--kind mean", "clipped"])?;
    refused(&[&line[..], &["--against", "test"]].concat(), &["--against", "influence"])?;
    let clip = ["gradients", &k.run, "--kind", "clipped", "--indices", RANGE, "--out", &out, "-q", "--clip=0"];
    ends(&clip, 2)?;
    hold(!k.desk.names().contains(&"x.safetensors".into()), || "a refused call wrote a file".into())
}
