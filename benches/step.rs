//! `cargo bench --bench step [-- RECORDS]`: what an epoch, a gradient and the exact Fisher diagonal cost, side by side
//! in one run.
//!
//! LeNet-5 at batch 64 and the MLP 784-256-128-10 at batch 128 over made-up 28x28 pictures, and a GCN with 16 hidden
//! units on Cora with 140 training nodes; wall clock, whole passes, data already resident. The three passes take turns,
//! so that drift of the machine meets all of them.

use std::path::Path;
use std::time::Instant;
use unlearn::statistics;

use unlearn::data::{self, DataConfig, Dataset};
use unlearn::engine::{Engine, GpuOptions};
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Records, Session};
use unlearn::train::{Fit, Term, TrainConfig};
use unlearn::{Error, Result};

const ROUNDS: usize = 5;

fn main() -> Result<()> {
    // cargo passes `--bench`; the one number is ours.
    let records = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(10_000);
    let mut config = DataConfig::new("synth");
    (config.pattern, config.shape) = (Some("stripes".into()), Some(vec![1, 28, 28]));
    (config.samples, config.classes) = (Some(records * 5 / 4), Some(10));
    (config.test_fraction, config.noise) = (Some(0.2), Some(1.0));
    let pictures = data::load(&config, Path::new("."))?;
    let cora = data::load(&DataConfig::new("cora"), Path::new("."))?;
    let mut engine = Engine::gpu(GpuOptions::default())?;
    let adapter = engine.adapter().ok_or_else(|| Error::internal("a GPU engine without an adapter"))?;
    println!(
        "{} · {} records · medians of {ROUNDS} rounds (min … max), seconds",
        adapter.describe(),
        pictures.train.len()
    );
    println!(
        "{:<24} {:>26} {:>26} {:>26} {:>14}",
        "network", "epoch", "mean gradient", "exact Fisher", "Fisher / epoch"
    );
    let networks = [
        ("LeNet-5, batch 64", &pictures, "lenet5", None, 64),
        ("MLP, batch 128", &pictures, "mlp", Some(vec![256, 128]), 128),
        ("GCN on Cora, 140 nodes", &cora, "gcn", None, 140),
    ];
    for (name, data, zoo, hidden, batch) in networks {
        let net = ModelConfig { zoo: Some(zoo.into()), hidden, layers: Vec::new() };
        let model = Model::build(&net, &data.shape, data.classes)?;
        let [epoch, gradient, fisher] = rounds(&mut engine, &model, data, batch)?.map(Spread::of);
        let ratio = fisher.median / epoch.median;
        println!("{name:<24} {:>26} {:>26} {:>26} {ratio:>14.2}", epoch.text(), gradient.text(), fisher.text());
    }
    Ok(())
}

/// Seconds of each round: epochs, gradient passes, Fisher passes. One unmeasured round compiles the shaders.
fn rounds(engine: &mut Engine, model: &Model, data: &Dataset, batch_size: usize) -> Result<[Vec<f64>; 3]> {
    let mut session = Session::of(engine, model, data, None, &model.init(1))?;
    let all = data.train_ids();
    let terms = [Term { records: Records::train(&all), weight: 1.0 }];
    let config = TrainConfig { batch_size, epochs: ROUNDS + 1, lr: 0.01, ..Default::default() };
    let mut fit = Fit::new(&mut session, &config, 1)?;
    let fisher = session.vector("fisher")?;
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..=ROUNDS {
        let mut clock = |kind: usize, start: Instant| {
            if round > 0 {
                times[kind].push(start.elapsed().as_secs_f64());
            }
        };
        let start = Instant::now();
        fit.advance(&mut session, &terms, |_| true)?;
        clock(0, start);
        let start = Instant::now();
        statistics::gradient(&mut session, Records::train(&all), 1.0 / all.len() as f32, false)?;
        clock(1, start);
        let start = Instant::now();
        statistics::fisher(&mut session, Records::train(&all), fisher)?;
        clock(2, start);
    }
    Ok(times)
}

struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

impl Spread {
    fn of(mut seconds: Vec<f64>) -> Spread {
        seconds.sort_by(f64::total_cmp);
        Spread { median: seconds[seconds.len() / 2], min: seconds[0], max: seconds[seconds.len() - 1] }
    }

    fn text(&self) -> String {
        format!("{:.4} ({:.4} … {:.4})", self.median, self.min, self.max)
    }
}
