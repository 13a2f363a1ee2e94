//! Scores of training records: what they say against retraining without the record, and which records they find.

use std::path::Path;
use unlearn::statistics;

use libtest_mimic::Trial;
use unlearn::Result;
use unlearn::data::{self, DataConfig};
use unlearn::engine::Engine;
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Part, Records, Session};
use unlearn::statistics::scores::{Moment, influence, influence_self, ranked, tracin, tracin_self};
use unlearn::statistics::solve::{StoppedBy, Until, minimise};
use unlearn::train::{Fit, Progress, Term, TrainConfig, shuffled};

use crate::adapters::Shared;
use crate::dense::{Dense, places};
use crate::methods::{Small, bits, hold};

type Test = fn(&mut Small) -> Result<()>;

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let tests: [(&str, Test); 3] = [
        ("tracin adds products of gradients up", tracin_adds),
        ("influence is what the inverse says", influence_inverts),
        ("influence foretells what leaving a record out does", leave_one_out),
    ];
    let mut trials = Vec::new();
    for device in devices {
        for (name, test) in tests {
            trials.push(device.trial(&format!("scores: {name}"), move |d| Small::with(d, test)));
        }
    }
    // One adapter is enough for a statement about mathematics.
    let first = devices.first();
    trials.extend(first.map(|d| d.trial("scores: flipped labels on digits", |d| d.with(|e, _| flipped_labels(e)))));
    trials
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// The gradient of the mean loss.
fn mean_gradient(session: &mut Session, records: Records) -> Result<Vec<f32>> {
    statistics::gradient(session, records, 1.0 / records.indices.len() as f32, false)?;
    session.engine.read(session.grad)
}

fn validation(session: &Session) -> Vec<u32> {
    session.ids(Part::Validation)
}

fn tracin_adds(small: &mut Small) -> Result<()> {
    let (early, late, records) = (small.model.init(3), small.theta.clone(), small.forget.clone());
    small.session(|session, _| {
        let before = session.read_theta()?;
        let moments = [Moment { theta: early, lr: 0.5 }, Moment { theta: late, lr: 0.125 }];
        let held_out = validation(session);
        let target = Records { part: Part::Validation, indices: &held_out };
        let (mut want, mut own, mut targets) = (vec![0.0; records.len()], vec![0.0; records.len()], Vec::new());
        for moment in &moments {
            session.write_theta(&moment.theta)?;
            let gradient = mean_gradient(session, target)?;
            for (n, record) in records.iter().enumerate() {
                let one = mean_gradient(session, Records::train(&[*record]))?;
                want[n] += moment.lr * dot(&one, &gradient);
                own[n] += moment.lr * dot(&one, &one);
            }
            targets.push(gradient);
        }
        session.write_theta(&before)?;
        let got = tracin(session, Records::train(&records), &moments, &targets)?;
        let again = tracin(session, Records::train(&records), &moments, &targets)?;
        hold(got == again, || "other scores from the same moments".into())?;
        hold(bits(&session.read_theta()?) == bits(&before), || "scoring moved the parameters".into())?;
        let selves = tracin_self(session, Records::train(&records), &moments)?;
        for (what, got, want) in [("on a loss", &got, &want), ("of itself", &selves, &own)] {
            let largest = want.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
            let off = got.iter().zip(want).fold(0.0, |m: f64, (g, w)| m.max((g - w).abs()));
            hold(got.len() == want.len() && off < 1e-4 * largest, || {
                format!("tracin {what} is off by {off} of {largest}")
            })?;
        }
        hold(tracin(session, Records::train(&records), &moments, &targets[..1]).is_err(), || {
            "a gradient is missing".into()
        })
    })
}

const SHIFT: f64 = 0.05;
const UNTIL: Until = Until { iterations: 300, tolerance: 1e-5 };

fn influence_inverts(small: &mut Small) -> Result<()> {
    let records = small.forget.clone();
    small.session(|session, view| {
        let held_out = validation(session);
        let target = mean_gradient(session, Records { part: Part::Validation, indices: &held_out })?;
        let h = statistics::gauss_newton(session, Records::train(view.retain))?;
        let (got, said) = influence(session, &h, SHIFT, UNTIL, Records::train(&records), &target)?;
        let (again, _) = influence(session, &h, SHIFT, UNTIL, Records::train(&records), &target)?;
        hold(got == again, || "other scores from the same session".into())?;
        let (selves, worst) = influence_self(session, &h, SHIFT, UNTIL, Records::train(&records))?;
        for solved in [said, worst] {
            hold(solved.stopped_by == StoppedBy::Tolerance && solved.residual <= 1e-5, || format!("{solved:?}"))?;
        }
        let dense = Dense::of(session, &h)?.shifted(SHIFT);
        let places = places(session);
        let real = |flat: &[f32]| places.iter().map(|p| f64::from(flat[*p])).collect::<Vec<f64>>();
        let against = dense.solve(&real(&target));
        for (n, record) in records.iter().enumerate() {
            let g = real(&mean_gradient(session, Records::train(&[*record]))?);
            let along = |x: &[f64]| g.iter().zip(x).map(|(a, b)| a * b).sum::<f64>();
            for (what, got, want) in
                [("influence", got[n], -along(&against)), ("self-influence", selves[n], along(&dense.solve(&g)))]
            {
                let size = g.iter().map(|v| v * v).sum::<f64>().sqrt() / SHIFT;
                hold((got - want).abs() < 1e-3 * want.abs() + 1e-4 * size, || {
                    format!("{what} of {record}: {got}, not {want}")
                })?;
            }
        }
        Ok(())
    })
}

/// At the optimum of a convex objective the loss on other records changes by −score / N when a record is left out.
fn leave_one_out(small: &mut Small) -> Result<()> {
    let net = ModelConfig { zoo: Some("logistic".into()), ..Default::default() };
    small.model = Model::build(&net, &small.data.shape, small.data.classes)?;
    small.theta = small.model.init(4);
    let all: Vec<u32> = (0..small.data.train.len() as u32).collect();
    small.session(|session, _| {
        let optimum =
            |session: &mut Session, records: &[u32]| minimise(session, Records::train(records), SHIFT, 300, 1e-6);
        optimum(session, &all)?;
        let theta = session.read_theta()?;
        let held_out = validation(session);
        let held_out = Records { part: Part::Validation, indices: &held_out };
        let target = mean_gradient(session, held_out)?;
        let h = statistics::gauss_newton(session, Records::train(&all))?;
        let (scores, _) = influence(session, &h, SHIFT, UNTIL, Records::train(&all), &target)?;
        let table = ranked(&all, &scores);
        let (mut foretold, mut found) = (Vec::new(), Vec::new());
        for row in table.iter().step_by(12) {
            session.write_theta(&theta)?;
            let rest: Vec<u32> = all.iter().copied().filter(|i| *i != row.id).collect();
            optimum(session, &rest)?;
            let after = session.read_theta()?;
            // Losses in f32 differ by too little: their slope between the two optima, which is exact to second order.
            let slope = |session: &mut Session, theta: &[f32]| {
                session.write_theta(theta)?;
                mean_gradient(session, held_out)
            };
            let (from, to) = (slope(session, &theta)?, slope(session, &after)?);
            let moved: Vec<f32> = after.iter().zip(&theta).map(|(a, b)| a - b).collect();
            found.push(0.5 * (dot(&from, &moved) + dot(&to, &moved)));
            foretold.push(-row.score / all.len() as f64);
        }
        // A record of 128 changes the curvature too, which the score leaves out: direction and size, not digits.
        let sum = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (both, sizes) = (sum(&foretold, &found), sum(&foretold, &foretold));
        let alike = both / (sizes * sum(&found, &found)).sqrt();
        hold(alike > 0.97, || format!("foretold and found are alike to {alike}: {foretold:?} {found:?}"))?;
        let scale = both / sizes;
        hold((0.8..1.6).contains(&scale), || format!("found is {scale} times what was foretold"))
    })
}

/// 5 % of the digits get another label; of these, four in five are in the top tenth by TracIn self-influence.
fn flipped_labels(engine: &mut Engine) -> Result<()> {
    let mut data = data::load(&DataConfig::new("digits"), Path::new("."))?;
    let all: Vec<u32> = (0..data.train.len() as u32).collect();
    let mut flipped = shuffled(&all, 5, 0, 1234);
    flipped.truncate(all.len() / 20);
    for (i, at) in flipped.iter().enumerate() {
        let y = &mut data.train.y[*at as usize];
        *y = (*y + 1 + i as u32 % 9) % 10;
    }
    let net = ModelConfig { zoo: Some("mlp".into()), hidden: Some(vec![32]), ..Default::default() };
    let model = Model::build(&net, &data.shape, data.classes)?;
    let recipe = TrainConfig { lr: 0.05, batch_size: 32, epochs: 12, ..Default::default() };
    let mut session = Session::new(engine, &model, &data.train, &data.validation, &model.init(2))?;
    let mut fit = Fit::new(&mut session, &recipe, 2)?;
    let terms = [Term { records: Records::train(&all), weight: 1.0 }];
    let mut moments = Vec::new();
    while let Progress::Epoch(report) = fit.advance(&mut session, &terms, |_| true)? {
        if report.epoch % 3 == 0 {
            moments.push(Moment { theta: session.read_theta()?, lr: report.lr });
        }
    }
    let scores = tracin_self(&mut session, Records::train(&all), &moments)?;
    let top = ranked(&all, &scores);
    let found = top[..all.len() / 10].iter().filter(|row| flipped.contains(&row.id)).count();
    let share = found as f64 / flipped.len() as f64;
    eprintln!("{found} of {} flipped labels in the top tenth", flipped.len());
    hold(share >= 0.8, || format!("{share} of the flipped labels are in the top tenth"))?;
    // The planted fault: a ranking from the other end.
    let wrong = top[all.len() - all.len() / 10..].iter().filter(|row| flipped.contains(&row.id)).count();
    hold(wrong * 10 < flipped.len(), || format!("{wrong} flipped labels are at the other end"))
}
