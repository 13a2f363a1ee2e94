//! Exact per-record statistics of a small network: `cargo run --release --example statistics`.

use unlearn::engine::{Engine, GpuOptions};
use unlearn::records::{Records, Session};
use unlearn::run::config::Loaded;
use unlearn::statistics;
use unlearn::train::{Term, fit_to_end};
use unlearn::{Error, Result};

pub(crate) fn main() -> Result<()> {
    let text = "data = { loader = 'digits' }\nmodel = { zoo = 'mlp', hidden = [16] }\ntrain = { epochs = 5, lr = 0.1 }";
    let mut file = Loaded::parse(text, "digits.toml", ".".as_ref(), &[], None)?;
    let (data, model) = file.build()?;
    let (recipe, all) = (&file.config.train, data.train_ids());
    let mut engine = Engine::gpu(GpuOptions::default())?;
    let mut session = Session::of(&mut engine, &model, &data, None, &model.init(1))?;
    fit_to_end(&mut session, recipe, 1, &[Term { records: Records::train(&all), weight: 1.0 }])?;

    // ‖g_n‖ of every record without storing one gradient, and the records that pull hardest.
    let norms = statistics::norms(&mut session, Records::train(&all))?;
    let mut hardest: Vec<(f32, u32)> = norms.iter().copied().zip(all.iter().copied()).collect();
    hardest.sort_by(|a, b| b.0.total_cmp(&a.0));
    println!("largest gradients: {:?}", &hardest[..3]);

    // The empirical Fisher diagonal (1/N) Σ g_n², exact per record: its sum is the mean squared norm.
    let out = session.vector("fisher")?;
    statistics::fisher(&mut session, Records::train(&all), out)?;
    let trace: f64 = session.engine.read(out)?.iter().map(|v| f64::from(*v)).sum();
    let mean: f64 = norms.iter().map(|n| f64::from(*n).powi(2)).sum::<f64>() / norms.len() as f64;
    println!("trace of the Fisher diagonal {trace:.6}, mean squared norm {mean:.6}");

    // Every record's own gradient, in chunks; here only the longest is looked at again.
    let (mut longest, total) = (0.0f32, model.layout.total());
    statistics::per_sample(&mut session, Records::train(&[hardest[0].1]), |_, rows| {
        longest = rows[..total].iter().map(|g| g * g).sum::<f32>().sqrt();
        Ok(())
    })?;
    println!("the longest gradient by itself: {longest}");
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-3 * b.abs();
    match close(trace, mean) && close(longest.into(), hardest[0].0.into()) {
        true => Ok(()),
        false => Err(Error::CheckFailed("statistics of the same gradients disagree".into())),
    }
}
