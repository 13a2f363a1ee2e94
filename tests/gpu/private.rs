//! Private training: the clipped sum and the noise of a step are what they are said to be, and it goes on to the same
//! bytes.

use libtest_mimic::Trial;
use unlearn::Result;
use unlearn::records::{Records, Session};
use unlearn::statistics;
use unlearn::train::{DpConfig, Fit, FitState, Term, TrainConfig, poisson_batch};

use crate::adapters::Shared;
use crate::methods::{SEED, Small, bits, hold};

type Test = fn(&mut Small) -> Result<()>;

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let tests: [(&str, Test); 4] = [
        ("clipped sums are the per-sample reference", clipped_sums),
        ("the noise has its mean and its variance", noise),
        ("a paused fit goes on to the same bytes", resumes),
        ("the loss of a drawn batch is its records'", drawn_loss),
    ];
    let trial = |device: &Shared, (name, test): (&str, Test)| {
        device.trial(&format!("private: {name}"), move |d| Small::with(d, test))
    };
    devices.iter().flat_map(|device| tests.map(|test| trial(device, test))).collect()
}

const BATCH: usize = 40;

fn recipe(clip: f64, noise_multiplier: f64) -> TrainConfig {
    let dp = DpConfig { clip, noise_multiplier, delta: 1e-5, poisson: true };
    TrainConfig { lr: 1.0, momentum: 0.0, batch_size: BATCH, epochs: 4, dp: Some(dp), ..Default::default() }
}

/// Parameters after `steps` steps, and the losses on the way.
fn run(session: &mut Session, config: &TrainConfig, all: &[u32], steps: usize) -> Result<(Vec<f32>, Vec<f64>)> {
    // One submission in flight, so that a fit stops where it is told to.
    session.check_finite = true;
    let mut fit = Fit::new(session, config, SEED)?;
    let mut losses = Vec::new();
    // A call goes to the end of an epoch at the most.
    while losses.len() < steps {
        fit.advance(session, &[Term { records: Records::train(all), weight: 1.0 }], |report| {
            losses.push(report.loss);
            losses.len() < steps
        })?;
    }
    Ok((session.read_theta()?, losses))
}

fn everything(small: &Small) -> Vec<u32> {
    (0..small.data.train.len() as u32).collect()
}

fn clipped_sums(small: &mut Small) -> Result<()> {
    let (all, total) = (everything(small), small.model.layout.total());
    let drawn = poisson_batch(&all, BATCH, SEED, 0);
    hold(!drawn.len().is_multiple_of(10), || format!("{} records fill up no program", drawn.len()))?;
    let mut rows = Vec::new();
    small.session(|session, _| {
        statistics::per_sample(session, Records::train(&drawn), |_, chunk| {
            rows.extend(chunk.chunks(total).map(<[f32]>::to_vec));
            Ok(())
        })
    })?;
    let norm = |row: &Vec<f32>| row.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
    let mut norms: Vec<f64> = rows.iter().map(norm).collect();
    norms.sort_by(f64::total_cmp);
    // Half of them are clipped.
    let clip = norms[norms.len() / 2];
    let mut want = vec![0.0; total];
    for row in &rows {
        let factor = (clip / norm(row)).min(1.0) / BATCH as f64;
        want.iter_mut().zip(row).for_each(|(w, g)| *w -= factor * f64::from(*g));
    }
    let (theta, _) = small.session(|s, _| run(s, &recipe(clip, 1e-12), &all, 1))?;
    let error = crate::fisher::step_error(small, &theta, &want);
    // A step much shorter than the parameters is rounded with them.
    let largest = want.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let weight = small.theta.iter().fold(0.0, |m: f64, v| m.max(f64::from(v.abs())));
    let rounding = f64::from(f32::EPSILON) * weight / largest;
    hold(error < 1e-4 + rounding, || format!("the clipped sum is off by {error:e}, rounding by {rounding:e}"))?;
    let stray = small.stray(&theta);
    hold(stray.is_none(), || format!("noise between tensors, at {stray:?}"))
}

/// Steps whose noise is looked at: enough numbers that a tenth less deviation shows.
const STEPS: usize = 10;

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn noise(small: &mut Small) -> Result<()> {
    let (all, clip, sigma) = (everything(small), 1e-6, 1e6);
    // The records move nothing beside noise of deviation sigma · clip / B = 1 / 40.
    let mut states = vec![small.theta.clone()];
    for steps in 1..=STEPS {
        states.push(small.session(|s, _| run(s, &recipe(clip, sigma), &all, steps))?.0);
    }
    let places: Vec<usize> = small.model.layout.entries().iter().flat_map(|e| e.offset..e.offset + e.len).collect();
    let unit = BATCH as f64 / (sigma * clip);
    let of = |pair: &[Vec<f32>]| -> Vec<f64> {
        places.iter().map(|i| unit * (f64::from(pair[1][*i]) - f64::from(pair[0][*i]))).collect()
    };
    let each: Vec<Vec<f64>> = states.windows(2).map(of).collect();
    let z: Vec<f64> = each.concat();
    let n = z.len() as f64;
    let mean = z.iter().sum::<f64>() / n;
    let variance = z.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    // Two-sided, p = 0.001 each.
    let (of_mean, of_variance) = (mean * n.sqrt(), (variance - 1.0) / (2.0 / n).sqrt());
    hold(of_mean.abs() < 3.29, || format!("mean {mean} of {n} numbers: z = {of_mean}"))?;
    hold(of_variance.abs() < 3.29, || format!("variance {variance} of {n} numbers: z = {of_variance}"))?;
    let along = dot(&each[0], &each[1]) / (places.len() as f64).sqrt();
    hold(along.abs() < 3.29, || format!("two steps' noise goes together: z = {along}"))
}

fn resumes(small: &mut Small) -> Result<()> {
    let all = everything(small);
    let config = TrainConfig { lr: 0.05, momentum: 0.9, epochs: 3, ..recipe(0.5, 0.8) };
    let whole = small.session(|s, _| crate::methods::fit(s, &config, SEED, &all))?;
    let terms = [Term { records: Records::train(&all), weight: 1.0 }];
    let (theta, state): (Vec<f32>, FitState) = small.session(|session, _| {
        session.check_finite = true;
        let mut fit = Fit::new(session, &config, SEED)?;
        fit.advance(session, &terms, |report| report.step < 2)?;
        Ok((session.read_theta()?, fit.state(session)?))
    })?;
    hold(state.step == 2 && state.at == 2, || format!("stopped at {state:?}"))?;
    let resumed = small.session(|session, _| {
        let mut fit = Fit::new(session, &config, SEED)?;
        session.write_theta(&theta)?;
        fit.restore(session, state.clone())?;
        while let unlearn::train::Progress::Epoch(_) = fit.advance(session, &terms, |_| true)? {}
        session.read_theta()
    })?;
    hold(bits(&resumed) == bits(&whole), || "the resumed fit ended in other bytes".into())?;
    hold(bits(&whole) != bits(&small.theta), || "nothing was trained".into())
}

fn drawn_loss(small: &mut Small) -> Result<()> {
    let all = everything(small);
    let drawn = poisson_batch(&all, BATCH, SEED, 0);
    let (_, losses) = small.session(|s, _| run(s, &recipe(1.0, 1e-12), &all, 1))?;
    let theta = small.theta.clone();
    let want = small.score(&theta, &drawn)?[0];
    hold((losses[0] / want - 1.0).abs() < 1e-5, || format!("loss {}, its records have {want}", losses[0]))
}
