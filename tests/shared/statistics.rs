//! Statistics of sessions against what the records' own gradients give, batch by batch: odd batches, one record, none.

use std::path::Path;
use unlearn::statistics;

use unlearn::Result;
use unlearn::data::{self, DataConfig, Dataset};
use unlearn::engine::Engine;
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Part, Records, Session};

/// What is tested: by name, on some records of a session.
type Check = fn(&mut Session, &[u32]) -> Result<(), String>;

pub const CHECKS: [(&str, Check); 5] = [
    ("norms", norms),
    ("clipped sums", clipped),
    ("inner products", gram),
    ("Fisher by set", fisher_sets),
    ("rows on the device", rows_on_device),
];

/// Networks with every kind of parameter, and their data.
pub const NETS: [(&str, &str); 3] = [
    (
        "pictures",
        "{type='conv2d',out=5,kernel=3,padding=1},{type='group_norm',groups=5},{type='tanh'},{type='max_pool',\
            kernel=2},\
         {type='conv2d',out=6,kernel=2},{type='relu'},{type='flatten'},{type='linear',out=9},{type='layer_norm'},\
         {type='linear'}",
    ),
    ("nodes", "{type='sage_conv',out=6},{type='tanh'},{type='graph_conv'}"),
    ("attention", "{type='gat_conv',out=4,heads=2},{type='elu'},{type='gin_conv'}"),
];

fn data(net: &str) -> Result<Dataset> {
    let mut config = DataConfig::new(if net == "pictures" { "synth" } else { "sbm" });
    if net == "pictures" {
        (config.pattern, config.shape) = (Some("stripes".into()), Some(vec![2, 6, 7]));
        (config.samples, config.classes) = (Some(40), Some(4));
    } else {
        (config.nodes, config.classes, config.features) = (Some(60), Some(3), Some(11));
        (config.p_in, config.p_out) = (Some(0.1), Some(0.02));
    }
    data::load(&config, Path::new("."))
}

/// Runs every check of a network on 13 records in batches of 5, on one record and on none.
pub fn check(engine: &mut Engine, (net, layers): (&str, &str), check: Check) -> Result<(), String> {
    let said = |e: unlearn::Error| e.to_string();
    let data = data(net).map_err(said)?;
    let config: ModelConfig = toml::from_str(&format!("layers = [{layers}]")).expect("the test's network is TOML");
    let model = Model::build(&config, &data.shape, data.classes).map_err(said)?;
    let mut session = Session::of(engine, &model, &data, None, &model.init(3)).map_err(said)?;
    session.batch = 5;
    let ids = session.ids(Part::Train);
    for n in [13, 1, 0] {
        check(&mut session, &ids[ids.len() - n..]).map_err(|e| format!("{net}, {n} records: {e}"))?;
    }
    Ok(())
}

/// Rows of the records' own gradients, in f64.
fn rows(session: &mut Session, ids: &[u32]) -> Result<Vec<Vec<f64>>> {
    let total = session.model.layout.total();
    let mut rows = Vec::new();
    statistics::per_sample(session, Records::train(ids), |first, slab| {
        assert_eq!(first, rows.len());
        rows.extend(slab.chunks(total).map(|row| row.iter().map(|v| f64::from(*v)).collect::<Vec<_>>()));
        Ok(())
    })?;
    Ok(rows)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Within five digits of the largest.
fn agree(what: &str, got: &[f32], want: &[f64]) -> Result<(), String> {
    let top = want.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let off = got.iter().zip(want).fold(0.0f64, |m, (g, w)| m.max((f64::from(*g) - w).abs()));
    match got.len() == want.len() && off <= 2e-5 * top && got.iter().all(|v| v.is_finite()) {
        true => Ok(()),
        false => Err(format!("{what}: off by {off:e} beside {top:e}, {} of {} values", got.len(), want.len())),
    }
}

fn said(e: unlearn::Error) -> String {
    e.to_string()
}

fn norms(session: &mut Session, ids: &[u32]) -> Result<(), String> {
    let want: Vec<f64> = rows(session, ids).map_err(said)?.iter().map(|g| dot(g, g).sqrt()).collect();
    let got = statistics::norms(session, Records::train(ids)).map_err(said)?;
    agree("norms", &got, &want)
}

/// Clipped at the median, so that some are and some are not; twice the same, the second time added.
fn clipped(session: &mut Session, ids: &[u32]) -> Result<(), String> {
    let rows = rows(session, ids).map_err(said)?;
    let mut norms: Vec<f64> = rows.iter().map(|g| dot(g, g).sqrt()).collect();
    norms.sort_by(f64::total_cmp);
    let clip = norms.get(norms.len() / 2).map_or(1.0, |n| *n as f32);
    let total = session.model.layout.total();
    let mut want = vec![0.0; total];
    for g in &rows {
        let factor = (f64::from(clip) / dot(g, g).sqrt()).min(1.0) * 0.25;
        want.iter_mut().zip(g).for_each(|(w, g)| *w += factor * g);
    }
    for (accumulate, times) in [(false, 1.0), (true, 2.0)] {
        statistics::clipped(session, Records::train(ids), clip, 0.25, accumulate).map_err(said)?;
        let got = session.engine.read(session.grad).map_err(said)?;
        agree("clipped", &got, &want.iter().map(|w| times * w).collect::<Vec<_>>())?;
    }
    for clip in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        if !ids.is_empty() && statistics::clipped(session, Records::train(ids), clip, 1.0, false).is_ok() {
            return Err(format!("a clip at {clip} was taken"));
        }
    }
    Ok(())
}

fn gram(session: &mut Session, ids: &[u32]) -> Result<(), String> {
    let rows = rows(session, ids).map_err(said)?;
    let n = rows.len();
    let want: Vec<f64> = (0..n * n).map(|i| dot(&rows[i / n], &rows[i % n])).collect();
    let got = statistics::gram(session, Records::train(ids)).map_err(said)?;
    agree("gram", &got, &want)?;
    let top = want.iter().fold(0.0f64, |m, v| m.max(*v));
    for seed in 1..20 {
        let v: Vec<f64> = (0..n).map(|i| (f64::from(seed) * 1.7 * (i + 1) as f64).sin()).collect();
        let form: f64 = (0..n * n).map(|i| v[i / n] * f64::from(got[i]) * v[i % n]).sum();
        if form < -1e-5 * top {
            return Err(format!("vᵀ G v = {form:e}"));
        }
    }
    match (0..n * n).all(|i| got[i].to_bits() == got[i % n * n + i / n].to_bits()) {
        true => Ok(()),
        false => Err("the matrix is not symmetric".into()),
    }
}

/// Two sets and none at all in one pass are what each gives alone, to the bit.
fn fisher_sets(session: &mut Session, ids: &[u32]) -> Result<(), String> {
    let sets: [Vec<u32>; 3] =
        [ids.iter().step_by(2).copied().collect(), ids.iter().skip(1).step_by(2).copied().collect(), vec![]];
    let names = ["set 0", "set 1", "set 2", "alone"];
    let vectors = names.map(|name| session.vector(name).expect("a vector"));
    let each: Vec<_> = sets.iter().zip(vectors).map(|(set, out)| (Records::train(set), out)).collect();
    statistics::fisher_sets(session, &each).map_err(said)?;
    for (set, out) in sets.iter().zip(vectors) {
        let (rows, n) = (rows(session, set).map_err(said)?, set.len().max(1) as f64);
        let mut want = vec![0.0; out.len];
        rows.iter().for_each(|g| want.iter_mut().zip(g).for_each(|(w, g)| *w += g * g / n));
        let got = session.engine.read(out).map_err(said)?;
        agree("Fisher", &got, &want)?;
        statistics::fisher(session, Records::train(set), vectors[3]).map_err(said)?;
        if session.engine.read(vectors[3]).map_err(said)? != got {
            return Err("a set alone gives other numbers".into());
        }
    }
    Ok(())
}

fn rows_on_device(session: &mut Session, ids: &[u32]) -> Result<(), String> {
    let want: Vec<f64> = rows(session, ids).map_err(said)?.concat();
    let mut shapes = 0;
    let runs = statistics::per_sample_on_device(session, Records::train(ids), |rec, slab, n| {
        shapes += 1;
        assert_eq!(slab.len % n, 0);
        rec.readback(slab);
        Ok(())
    });
    let got: Vec<f32> = runs.map_err(said)?.iter().flat_map(|run| run[0].f32().to_vec()).collect();
    match shapes <= ids.len() && got.iter().map(|v| f64::from(*v)).eq(want) {
        true => Ok(()),
        false => Err("rows on the device are others than those that are read back".into()),
    }
}

/// Memory of a Fisher pass: the number of records does not enter, and a batch enters by its activations, not by its
/// records times the parameters.
pub fn footprint(engine: &mut Engine) -> Result<(), String> {
    let mut config = DataConfig::new("synth");
    (config.pattern, config.shape) = (Some("stripes".into()), Some(vec![1, 28, 28]));
    (config.samples, config.classes) = (Some(700), Some(10));
    let data = data::load(&config, Path::new(".")).map_err(said)?;
    for (zoo, activations) in
        [("mlp", 784 + 256 + 128 + 10), ("lenet5", 784 + 6 * 784 + 6 * 196 + 16 * 100 + 400 + 120 + 84 + 10)]
    {
        let net = ModelConfig { zoo: Some(zoo.into()), ..Default::default() };
        let model = Model::build(&net, &data.shape, data.classes).map_err(said)?;
        let mut session = Session::of(engine, &model, &data, None, &model.init(1)).map_err(said)?;
        let out = session.vector("fisher").map_err(said)?;
        let ids = session.ids(Part::Train);
        let mut bytes = |batch: usize, records: usize| {
            session.batch = batch;
            statistics::fisher_footprint(&mut session, Records::train(&ids[..records]), out).map_err(said)
        };
        let (few, many) = (bytes(128, 256)?, bytes(128, 512)?);
        if few != many {
            return Err(format!("{zoo}: {few:?} for 256 records, {many:?} for 512"));
        }
        let twice = bytes(256, 512)?;
        let most = (128 * activations * 4 * 4) as u64;
        for (one, two) in [(few.planned, twice.planned), (few.measured, twice.measured)] {
            if two < one || two - one > most {
                return Err(format!(
                    "{zoo}: a doubled batch takes {two} bytes after {one}, activations allow {most} more"
                ));
            }
        }
        // A recording's temporaries are shared by lifetime; on the device other lengths may round up.
        let apart = few.measured.abs_diff(few.planned);
        if few.measured > 0 && session.engine.adapter().is_some() && apart * 20 > few.planned {
            return Err(format!("{zoo}: planned and measured are {few:?}"));
        }
    }
    Ok(())
}
