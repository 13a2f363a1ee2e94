//! `cargo bench --bench statistics [-- RECORDS]`: what the statistics of records' own gradients cost beside the
//! gradient of their mean, in one run on one adapter, and what memory the Fisher pass takes.
//!
//! LeNet-5 and the MLP 784-256-128-10 over made-up 28x28 pictures; wall clock, whole passes, data already resident, in
//! the batches that the session chooses. The passes take turns, so that drift of the machine meets all of them; what
//! each costs as a multiple of the gradient is taken round by round.

use std::path::Path;
use std::time::Instant;
use unlearn::statistics::{self, Footprint, Product};

use unlearn::data::{self, DataConfig, Dataset};
use unlearn::engine::{Engine, GpuOptions};
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Records, Session};
use unlearn::{Error, Result};

const ROUNDS: usize = 5;

/// One pass over all records.
type Pass = fn(&mut Session, &[u32]) -> Result<()>;

const PASSES: [(&str, Pass); 7] = [
    ("mean gradient", gradient),
    ("exact Fisher diagonal", fisher),
    ("norms", norms),
    ("clipped sum", clipped),
    ("per-sample, materialised", per_sample),
    ("Gauss-Newton product", gauss_newton),
    ("Hessian product", hessian),
];

fn main() -> Result<()> {
    // cargo passes `--bench`; the one number is ours.
    let records = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(10_000);
    let mut config = DataConfig::new("synth");
    (config.pattern, config.shape) = (Some("stripes".into()), Some(vec![1, 28, 28]));
    (config.samples, config.classes) = (Some(records * 5 / 4), Some(10));
    (config.test_fraction, config.noise) = (Some(0.2), Some(1.0));
    let pictures = data::load(&config, Path::new("."))?;
    let mut engine = Engine::gpu(GpuOptions::default())?;
    let adapter = engine.adapter().ok_or_else(|| Error::internal("a GPU engine without an adapter"))?;
    println!("{} · {} records · medians of {ROUNDS} rounds (min … max)", adapter.describe(), pictures.train.len());
    for (name, zoo, hidden) in [("LeNet-5", "lenet5", None), ("MLP 784-256-128-10", "mlp", Some(vec![256, 128]))] {
        let net = ModelConfig { zoo: Some(zoo.into()), hidden, layers: Vec::new() };
        let model = Model::build(&net, &pictures.shape, pictures.classes)?;
        let (seconds, memory) = rounds(&mut engine, &model, &pictures)?;
        println!("\n{name}, {} parameters", model.layout.count());
        println!("{:<26} {:>30} {:>30}", "pass", "seconds", "of a mean gradient");
        for ((pass, _), own) in PASSES.iter().zip(&seconds) {
            let ratios = own.iter().zip(&seconds[0]).map(|(own, gradient)| own / gradient).collect();
            println!("{pass:<26} {:>30} {:>30}", spread(own.clone(), 4), spread(ratios, 2));
        }
        println!("Fisher pass: {} bytes planned, {} measured", memory.planned, memory.measured);
    }
    Ok(())
}

/// Seconds of each pass, round by round, and the memory of the Fisher pass. One unmeasured round compiles the shaders.
fn rounds(engine: &mut Engine, model: &Model, data: &Dataset) -> Result<([Vec<f64>; 7], Footprint)> {
    let mut session = Session::of(engine, model, data, None, &model.init(1))?;
    let all = data.train_ids();
    let fisher = session.vector("fisher")?;
    let memory = statistics::fisher_footprint(&mut session, Records::train(&all), fisher)?;
    let mut times: [Vec<f64>; 7] = Default::default();
    for round in 0..=ROUNDS {
        for ((_, pass), times) in PASSES.iter().zip(&mut times) {
            let start = Instant::now();
            pass(&mut session, &all)?;
            if round > 0 {
                times.push(start.elapsed().as_secs_f64());
            }
        }
    }
    Ok((times, memory))
}

fn gradient(session: &mut Session, all: &[u32]) -> Result<()> {
    statistics::gradient(session, Records::train(all), 1.0 / all.len() as f32, false).map(|_| ())
}

fn fisher(session: &mut Session, all: &[u32]) -> Result<()> {
    let out = session.vector("fisher")?;
    statistics::fisher(session, Records::train(all), out)
}

fn norms(session: &mut Session, all: &[u32]) -> Result<()> {
    statistics::norms(session, Records::train(all)).map(|_| ())
}

fn clipped(session: &mut Session, all: &[u32]) -> Result<()> {
    statistics::clipped(session, Records::train(all), 1.0, 1.0 / all.len() as f32, false).map(|_| ())
}

/// Every row is computed and stays on the device.
fn per_sample(session: &mut Session, all: &[u32]) -> Result<()> {
    statistics::per_sample_on_device(session, Records::train(all), |_, _, _| Ok(())).map(|_| ())
}

/// Median, smallest and largest.
fn spread(mut values: Vec<f64>, digits: usize) -> String {
    values.sort_by(f64::total_cmp);
    let [median, min, max] = [values[values.len() / 2], values[0], values[values.len() - 1]];
    format!("{median:.digits$} ({min:.digits$} … {max:.digits$})")
}

fn gauss_newton(session: &mut Session, all: &[u32]) -> Result<()> {
    let h = statistics::gauss_newton(session, Records::train(all))?;
    product(session, &h)
}

fn hessian(session: &mut Session, all: &[u32]) -> Result<()> {
    let h = statistics::hessian(session, Records::train(all))?;
    product(session, &h)
}

/// Along the gradient that an earlier pass left, as a solver's first product is.
fn product(session: &mut Session, h: &dyn Product) -> Result<()> {
    let (u, grad) = (h.u(), session.grad);
    session.run(|rec| {
        rec.copy(grad, u);
        Ok(())
    })?;
    h.apply(session)
}
